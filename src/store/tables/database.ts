/**
 * The embedder's database as the store over its tables sees it: statements that are answered at once or later, and
 * transactions of either kind. All work is written as steps, so that one text serves drivers that wait and drivers
 * that do not.
 */
import { numbered } from '../sql/dialect.ts';
import { type Awaitable, isPromise } from '../stored-resource.ts';

/** What is bound to a statement. */
export type SqlValue = string | number | bigint | boolean | null | Uint8Array | Date;

/** A row by the names that the statement gave its columns. */
export type SqlRow = Readonly<Record<string, unknown>>;

/** Carries a statement out; its parameters are `?` in SQLite and `$1`, `$2`, … in PostgreSQL. */
export type RunSql = (text: string, parameters: readonly SqlValue[]) => Awaitable<readonly SqlRow[]>;

/** A connection, or a pool of them, to the database that the tables are in. */
export interface SqlDatabase<Transaction = unknown> {
  readonly dialect: 'sqlite' | 'postgres';
  /** Can a transaction wait for a promise? Those of better-sqlite3, node:sqlite and bun:sqlite cannot. */
  readonly waits: boolean;
  readonly run: RunSql;
  /** Runs `work` in a transaction, which is taken back if it throws or rejects. SQLite: one that may write from its start. */
  transaction<T>(work: (run: RunSql, transaction: Transaction) => Awaitable<T>): Awaitable<T>;
}

/** A statement with `?` for each parameter, whatever the database calls them. */
export interface Statement {
  readonly text: string;
  readonly parameters: readonly SqlValue[];
}

/** Something of the embedder's own that is done within the transaction. */
export interface Call {
  readonly call: (transaction: unknown) => unknown;
}

/** Work in several statements: each is yielded and answered with its rows. */
export type Steps<Result> = Generator<Statement | Call, Result, readonly SqlRow[]>;

export function statement(text: string, ...parameters: readonly SqlValue[]): Statement {
  return { text, parameters };
}

/**
 * What the store's statements need of the database, as `StoreDialect` and `DeliveryTools` have it. Some drivers would
 * write a text for a parameter of type JSON as JSON.
 */
export const databaseSql = {
  sqlite: { held: '', jsonStrings: (array: string, alias: string) => `json_each(${array}) AS ${alias}` },
  postgres: {
    held: ' FOR UPDATE',
    jsonStrings: (array: string, alias: string) =>
      `jsonb_array_elements_text(CAST(CAST(${array} AS text) AS jsonb)) AS ${alias}(value)`,
  },
} as const;

/** Does one connection answer before anybody else can use it? */
export function isAtOnce({ dialect, waits }: Pick<SqlDatabase, 'dialect' | 'waits'>): boolean {
  return dialect === 'sqlite' && !waits;
}

/** The first row that a statement answers. */
export function* one(text: string, ...parameters: readonly SqlValue[]): Steps<SqlRow | undefined> {
  return (yield statement(text, ...parameters))[0];
}

/**
 * Texts by what they are made of. They are few: they depend on the map and on the form of a filter, whose values are
 * parameters. What has prepared one finds it without reading it again, which took it as long as to carry it out: shown
 * by the workload `username` of npm run bench.
 */
export class Texts {
  readonly #known = new Map<string, string>();

  of(key: string, make: () => string): string {
    let known = this.#known.get(key);
    if (known === undefined) {
      if (this.#known.size > 1000) this.#known.clear();
      known = make();
      this.#known.set(key, known);
    }
    return known;
  }
}

const numberedTexts = new Texts();

function numberedOnce(text: string): string {
  return numberedTexts.of(text, () => numbered(text));
}

/** Carries steps out: at once where the driver answers at once. */
export function carryOut<T>(
  steps: Steps<T>,
  { dialect, waits }: Pick<SqlDatabase, 'dialect' | 'waits'>,
  run: RunSql,
  transaction?: unknown,
): Awaitable<T> {
  const answer = (step: Statement | Call): Awaitable<readonly SqlRow[]> => {
    if (!('call' in step))
      return run(dialect === 'postgres' ? numberedOnce(step.text) : step.text, step.parameters);
    const answered = step.call(transaction);
    if (!isPromise(answered)) return [];
    if (!waits) {
      answered.then(undefined, () => {});
      throw new TypeError(
        'within must answer at once: a transaction of this driver does not wait for a promise',
      );
    }
    return answered.then(() => []);
  };
  const later = async (first: Promise<readonly SqlRow[]>): Promise<T> => {
    let answered: Awaitable<readonly SqlRow[]> = first;
    for (;;) {
      let step: IteratorResult<Statement | Call, T>;
      try {
        step = steps.next(await answered);
      } catch (error) {
        step = steps.throw(error);
      }
      if (step.done) return step.value;
      const { value } = step;
      answered = Promise.resolve().then(() => answer(value));
    }
  };
  let step = steps.next();
  for (;;) {
    if (step.done) return step.value;
    let answered: Awaitable<readonly SqlRow[]>;
    try {
      answered = answer(step.value);
    } catch (error) {
      step = steps.throw(error);
      continue;
    }
    if (isPromise(answered)) return later(answered);
    step = steps.next(answered);
  }
}
