/** Prepared statements by their SQL text; the least recently used go when there are too many. */
import type { Database, Statement } from 'better-sqlite3';

const capacity = 256;

export class Statements {
  readonly #db: Database;
  readonly #statements = new Map<string, Statement<unknown[], unknown>>();
  #last: { readonly sql: string; readonly statement: Statement<unknown[], unknown> } | undefined;

  constructor(db: Database) {
    this.#db = db;
  }

  /** For SQL that is compiled from a query or a change; what is always the same is prepared once and held. */
  get(sql: string): Statement<unknown[], unknown> {
    // To compare two texts takes less time than to look one up and put it behind the others.
    if (this.#last?.sql !== sql) this.#last = { sql, statement: this.#find(sql) };
    return this.#last.statement;
  }

  #find(sql: string): Statement<unknown[], unknown> {
    const known = this.#statements.get(sql);
    if (known !== undefined) {
      this.#statements.delete(sql);
      this.#statements.set(sql, known);
      return known;
    }
    const statement = this.#db.prepare<unknown[], unknown>(sql);
    if (statement.reader) statement.raw();
    this.#statements.set(sql, statement);
    if (this.#statements.size > capacity) {
      const [oldest] = this.#statements.keys();
      this.#statements.delete(oldest as string);
    }
    return statement;
  }
}
