/** How many resources there are, for lists without a filter. */
import { isAtOnce, one, type SqlDatabase, type Steps } from './database.ts';
import type { ServedType } from './reading.ts';

/** The number of all resources of a type, counted anew only where something was written. */
export class TotalCounts {
  readonly #database: SqlDatabase;
  #state = '';
  readonly #totals = new Map<string, number>();

  constructor(database: SqlDatabase) {
    this.#database = database;
  }

  *of(tenant: number, { type }: ServedType, count: () => Steps<number>): Steps<number> {
    // Only one connection to SQLite tells of all that was written: by itself, and by others.
    if (!isAtOnce(this.#database)) return yield* count();
    const row = yield* one('SELECT total_changes() AS own, data_version AS others FROM pragma_data_version');
    const state = `${String(row?.own)}/${String(row?.others)}`;
    if (state !== this.#state) this.#totals.clear();
    this.#state = state;
    const key = `${tenant}/${type.name}`;
    let total = this.#totals.get(key);
    if (total === undefined) {
      total = yield* count();
      this.#totals.set(key, total);
    }
    return total;
  }
}
