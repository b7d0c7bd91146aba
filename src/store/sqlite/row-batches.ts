/** Inserts of one table, several rows to a statement: to call SQLite for each of them takes as long as the row itself. */
import type { Database, Statement } from 'better-sqlite3';

export class RowBatches {
  readonly #one: Statement<unknown[]>;
  readonly #many: Statement<unknown[]>;
  readonly #atOnce: number;
  #values: unknown[] = [];
  #count = 0;

  /** `into` is the statement up to VALUES, `row` what stands behind it for each row. */
  constructor(db: Database, into: string, row: string, atOnce: number) {
    this.#atOnce = atOnce;
    this.#one = db.prepare(`${into} VALUES ${row}`);
    this.#many = db.prepare(`${into} VALUES ${Array(atOnce).fill(row).join(', ')}`);
  }

  /** At the beginning of a transaction: the one before may have failed. */
  begin(): void {
    this.#values = [];
    this.#count = 0;
  }

  add(...values: readonly unknown[]): void {
    this.#values.push(...values);
    if (++this.#count < this.#atOnce) return;
    this.#many.run(this.#values);
    this.begin();
  }

  /** Before the transaction ends: writes the rest. */
  end(): void {
    const width = this.#values.length / this.#count;
    for (let at = 0; at < this.#values.length; at += width) this.#one.run(this.#values.slice(at, at + width));
    this.begin();
  }
}
