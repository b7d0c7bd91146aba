/** How many exchanges there were, counted by ten minutes: whoever wants to know need not look through them. */
import type { Database, Statement } from 'better-sqlite3';
import type { NewExchange, TrafficCounts } from '../exchanges.ts';

/** Milliseconds that a tally counts together. */
const slot = 600_000;

type Tally = [slot: number, tenant: number, refused: number, count: number];

export class Tallies {
  readonly #db: Database;
  readonly #write: Statement<Tally>;
  /** Of the transaction. */
  readonly #all = new Map<string, Tally>();
  /** Where the exchange before was counted: mostly the next one is too. */
  #last: Tally | undefined;

  constructor(db: Database) {
    this.#db = db;
    this.#write = db.prepare(`INSERT INTO tally (slot, tenant, refused, count) VALUES (?, ?, ?, ?)
ON CONFLICT DO UPDATE SET count = count + excluded.count`);
  }

  /** At the beginning of a transaction: the one before may have failed. */
  begin(): void {
    this.#all.clear();
    this.#last = undefined;
  }

  add({ at, tenant = 0, status, asked }: NewExchange): void {
    const refused = status >= 400 ? 1 : 0;
    const start = Math.floor(at / slot) * slot;
    let tally = this.#last;
    if (tally === undefined || tally[0] !== start || tally[1] !== tenant || tally[2] !== refused) {
      const key = `${start} ${tenant} ${refused}`;
      tally = this.#all.get(key) ?? [start, tenant, refused, 0];
      this.#all.set(key, tally);
      this.#last = tally;
    }
    tally[3] += asked.kind === 'reads' ? asked.count : 1;
  }

  /** Before the transaction ends. */
  end(): void {
    for (const tally of this.#all.values()) this.#write.run(...tally);
  }

  /** How many there were in the last `parts` of `step` milliseconds; of these tenants, where 0 is of none. */
  counts(now: number, step: number, parts: number, tenants?: readonly number[]): TrafficCounts {
    const from = (Math.floor(now / step) + 1 - parts) * step;
    const rows = this.#db
      .prepare<unknown[], { part: number; refused: number; count: number }>(
        `SELECT CAST((slot - ?) / ? AS INTEGER) AS part, refused, sum(count) AS count FROM tally WHERE slot >= ?${tenants === undefined ? '' : ` AND tenant IN (${tenants.map(() => '?')})`} GROUP BY 1, 2`,
      )
      .all(from, step, from, ...(tenants ?? []));
    const answered = new Array<number>(parts).fill(0);
    const refused = new Array<number>(parts).fill(0);
    for (const { part, refused: isRefused, count } of rows)
      if (part < parts) (isRefused ? refused : answered)[part] = count;
    return { from, step, answered, refused };
  }

  /** Removes those that count nothing but what was before this time. */
  removeBefore(time: number): void {
    this.#db.prepare('DELETE FROM tally WHERE slot < ?').run(Math.floor(time) - slot);
  }
}
