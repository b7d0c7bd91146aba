/** A database that cannot be reached, is locked, or gave a transaction up: StoreErrors, and another try. */
import { toStoreError } from '../sql/postgres-errors.ts';
import { StoreError } from '../store-error.ts';
import { type Awaitable, isPromise } from '../stored-resource.ts';
import type { RunSql, SqlDatabase } from './database.ts';
import { causes, isRetryable, refusedAtCommit } from './violations.ts';

/** Tries of what PostgreSQL gives up in favour of others. */
const attempts = 10;

/** Does it again when PostgreSQL asks for it, or where it is worth it. */
export async function withRetries<T>(work: () => Promise<T>, isWorthIt = isRetryable): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await work();
    } catch (error) {
      if (!isWorthIt(error) || attempt === attempts) throw error;
      await new Promise((resolve) => setTimeout(resolve, attempt * 5 * Math.random()));
    }
  }
}

/** The same database, whose failures are StoreErrors. What hooks throw is none of them, and stays what it is. */
export function withFailures(database: SqlDatabase): SqlDatabase {
  const { dialect } = database;
  const told =
    (run: RunSql): RunSql =>
    (text, parameters) =>
      rethrowing(
        () => run(text, parameters),
        (error) => failureOf(dialect, error),
      );
  return {
    dialect,
    waits: database.waits,
    run: told(database.run),
    transaction<T>(work: (run: RunSql, transaction: unknown) => Awaitable<T>): Awaitable<T> {
      let isWorking = true;
      let ofWork: unknown;
      const carriedOut = (run: RunSql, transaction: unknown): Awaitable<T> => {
        const result = rethrowing(
          () => work(told(run), transaction),
          (error) => {
            ofWork = error;
            return error;
          },
        );
        const done = (value: T): T => {
          isWorking = false;
          return value;
        };
        return isPromise(result) ? result.then(done) : done(result);
      };
      return rethrowing(
        () => database.transaction(carriedOut),
        // What fails behind the work is the commit.
        (error) => {
          if (isWorking && error === ofWork) return error;
          return (isWorking ? undefined : refusedAtCommit(error)) ?? failureOf(dialect, error, !isWorking);
        },
      );
    },
  };
}

function rethrowing<T>(work: () => Awaitable<T>, as: (error: unknown) => unknown): Awaitable<T> {
  const rethrow = (error: unknown): never => {
    throw as(error);
  };
  try {
    const result = work();
    return isPromise(result) ? result.catch(rethrow) : result;
  } catch (error) {
    return rethrow(error);
  }
}

/** What the driver wraps is looked at too. */
function failureOf(dialect: SqlDatabase['dialect'], error: unknown, isOutcomeUnknown = false): unknown {
  for (const each of causes(error)) {
    const failure =
      dialect === 'sqlite' ? sqliteFailure(each) : toStoreError(each, isOutcomeUnknown && isLost(each));
    if (failure instanceof StoreError) return failure;
  }
  return error;
}

/** Has the connection ended, so that nobody knows what became of the commit? */
function isLost({ code }: { readonly code?: unknown }): boolean {
  return typeof code !== 'string' || !/^(?:40|23)/.test(code);
}

/** SQLite keeps whatever text an application writes into a column of JSON. */
export function notJson(message: string, cause: unknown): StoreError {
  return new StoreError(
    'corrupt',
    message,
    'Write a JSON object or NULL there, and have the table check it: CHECK (json_valid(…)).',
    { cause },
  );
}

function sqliteFailure(error: {
  readonly code?: unknown;
  readonly message?: unknown;
}): StoreError | undefined {
  const text = `${String(error.code)} ${String(error.message)}`;
  if (/SQLITE_BUSY|SQLITE_LOCKED|database (?:table )?is locked/.test(text))
    return new StoreError(
      'busy',
      'another connection keeps the database locked',
      'Let other connections write in short transactions, in WAL mode, and set busy_timeout for this one.',
      { cause: error },
    );
  if (/cannot start a transaction within a transaction/.test(text))
    return new StoreError(
      'busy',
      'the application has a transaction open over the same connection',
      'Give scimd a connection of its own, or wait for nothing within transactions over this one.',
      { cause: error },
    );
  if (/malformed JSON/.test(text))
    return notJson('a row has a text in a column of JSON that is not JSON', error);
  if (/SQLITE_FULL|disk is full/.test(text))
    return new StoreError('full', 'the disk is full', 'Free space on the volume of the database.', {
      cause: error,
    });
  return undefined;
}
