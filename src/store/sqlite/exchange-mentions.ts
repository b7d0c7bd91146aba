/** Whom exchanges mention: how they are found by ids and names. */
import type { Database, Statement } from 'better-sqlite3';
import { mentionKey } from '../exchanges.ts';
import { RowBatches } from './row-batches.ts';

const mentionsEach = 32;
/**
 * Mentions that are a part, with those of the transaction in which it gets full: they stand on few pages, which are written
 * once. Whoever looks for somebody looks into each part, which takes two microseconds.
 */
const mentionsOfPart = 512;

/** Measured: with rows of their own beside an index, mentions took twice the time. */
export const mentionTable = `CREATE TABLE mention (
  part INTEGER NOT NULL,
  key INTEGER NOT NULL,
  id INTEGER NOT NULL,
  PRIMARY KEY (part, key, id)
) STRICT, WITHOUT ROWID;`;

export class Mentions {
  readonly #rows: RowBatches;
  readonly #lastPart: Statement<[], number | null>;
  readonly #oldest: Statement<[], [part: number | null, last: number | null]>;
  readonly #removePart: Statement<[part: number]>;
  readonly #removeOthers: Statement<[key: number, ids: string]>;
  #part = 0;
  /** Of the transaction: keys, and the exchange of each. */
  #keys: number[] = [];
  #ids: number[] = [];
  /** Mentions that still fit into the part. */
  #room = 0;

  constructor(db: Database) {
    this.#rows = new RowBatches(db, 'INSERT OR IGNORE INTO mention', '(?, ?, ?)', 64);
    this.#lastPart = db.prepare<[], number | null>('SELECT max(part) FROM mention').pluck();
    this.#oldest = db
      .prepare<[], [number | null, number | null]>(
        'SELECT part, max(id) FROM mention WHERE part = (SELECT min(part) FROM mention)',
      )
      .raw();
    this.#removePart = db.prepare('DELETE FROM mention WHERE part = ?');
    this.#removeOthers = db.prepare(
      'DELETE FROM mention WHERE key <> ? AND id IN (SELECT value FROM json_each(?))',
    );
  }

  /** At the beginning of a transaction: another server of the same file may have written. */
  begin(): void {
    this.#keys = [];
    this.#ids = [];
    this.#rows.begin();
    if (this.#room > 0) return;
    this.#part = (this.#lastPart.get() ?? 0) + 1;
    this.#room = mentionsOfPart;
  }

  add(id: number, texts: readonly string[]): void {
    const count = Math.min(texts.length, mentionsEach);
    for (let index = 0; index < count; index++) {
      this.#keys.push(keyOf(texts[index] as string));
      this.#ids.push(id);
    }
  }

  /** Before the transaction ends. Almost in the order of the table: each page is looked for once. */
  end(): void {
    const [keys, ids] = [this.#keys, this.#ids];
    // The end of a key gives its place to where it is found: numbers are sorted without a comparison of ours.
    const places = 2 ** Math.ceil(Math.log2(keys.length + 1));
    const order = Float64Array.from(keys, (key, place) => key - (key % places) + place).sort();
    for (const each of order) {
      const place = each % places;
      this.#rows.add(this.#part, keys[place], ids[place]);
    }
    this.#rows.end();
    this.#room -= keys.length;
  }

  /** Removes the parts of which all are of exchanges before this one. */
  removeBefore(id: number): void {
    for (;;) {
      const [part = null, last = null] = this.#oldest.get() ?? [];
      if (part === null || last === null || last >= id) return;
      this.#removePart.run(part);
    }
  }

  /** Removes all mentions of these exchanges but those of `text`. */
  removeOthers(ids: readonly number[], text: string): void {
    this.#removeOthers.run(keyOf(mentionKey(text)), JSON.stringify(ids));
  }
}

/** Where an exchange mentions one of the keys: numbers of exchanges in `id`. */
export function mentioning(keys: readonly number[]): string {
  return `FROM mention WHERE part IN (WITH RECURSIVE parts (part) AS (
SELECT max(part) FROM mention UNION ALL SELECT part - 1 FROM parts WHERE part > (SELECT min(part) FROM mention)
) SELECT part FROM parts) AND key IN (${keys.map(() => '?').join(', ')})`;
}

/** A number of 52 bits that stands for what an exchange is found by (cyrb53, public domain). */
export function keyOf(text: string): number {
  let [high, low] = [0xdeadbeef, 0x41c6ce57];
  for (let index = 0; index < text.length; index++) {
    const code = text.charCodeAt(index);
    high = Math.imul(high ^ code, 2654435761);
    low = Math.imul(low ^ code, 1597334677);
  }
  high = Math.imul(high ^ (high >>> 16), 2246822507) ^ Math.imul(low ^ (low >>> 13), 3266489909);
  low = Math.imul(low ^ (low >>> 16), 2246822507) ^ Math.imul(high ^ (high >>> 13), 3266489909);
  return 4294967296 * (0xfffff & low) + (high >>> 0);
}
