/** Plain SQL by the drivers that there are: each is told by what it can do, and none is imported. */
import type { Awaitable } from '../stored-resource.ts';
import { chainedCommit, checkCommitted } from './chained-commit.ts';
import type { RunSql, SqlDatabase, SqlRow, SqlValue } from './database.ts';
import type { TableMap } from './define.ts';

/** Tables with the database that they are in: what `createScimd` takes as its store. */
export interface TablesSource<Transaction = unknown, Waits extends boolean = boolean> {
  readonly database: SqlDatabase<Transaction> & { readonly waits: Waits };
  readonly tables: Readonly<Record<string, TableMap>>;
}

/** better-sqlite3, node:sqlite and bun:sqlite: statements that are answered at once. */
export interface SyncSqlite {
  prepare(text: string): {
    all(...parameters: never[]): unknown[];
    run(...parameters: never[]): unknown;
    readonly reader?: boolean;
  };
}

interface Queries {
  query(text: string, parameters?: never[]): Promise<{ readonly rows: unknown[] }>;
}

/** A Pool of pg. */
export interface PgPool extends Queries {
  readonly totalCount: number;
  connect(): Promise<
    Queries & {
      release(error?: Error | boolean): void;
      on?(event: 'error', listener: (error: Error) => void): unknown;
      off?(event: 'error', listener: (error: Error) => void): unknown;
    }
  >;
}

/** PGlite, or what else runs a transaction by itself. */
export interface PgLite extends Queries {
  transaction<T>(work: (transaction: Queries) => Promise<T>): Promise<T>;
}

interface PostgresQueries {
  unsafe(text: string, parameters?: never[]): Promise<readonly unknown[]>;
}

/** postgres.js. */
export interface PostgresJs extends PostgresQueries {
  begin<T>(work: (transaction: PostgresQueries) => Promise<T>): Promise<unknown>;
}

/** A client of Prisma, whose raw SQL is used. */
export interface PrismaSql {
  $queryRawUnsafe(text: string, ...parameters: never[]): Promise<unknown>;
  $executeRawUnsafe(text: string, ...parameters: never[]): Promise<number>;
  /** Takes work, and how long it may wait and take. */
  $transaction(...parameters: never[]): Promise<unknown>;
}

/** Options may stand before the work. */
type TransactionOfLast<Given extends readonly unknown[]> = Given extends readonly [
  ...unknown[],
  (transaction: infer Transaction) => unknown,
]
  ? Transaction
  : never;

type TransactionOfFirst<Given extends readonly unknown[]> = Given extends readonly [
  (transaction: infer Transaction) => unknown,
  ...unknown[],
]
  ? Transaction
  : never;

/** That of pg has a second signature, with a callback. */
type ClientOf<Connect extends (...given: never[]) => unknown> =
  ReturnType<Connect> extends Promise<infer Client>
    ? Client
    : Connect extends { (): Promise<infer Client>; (...given: never[]): unknown }
      ? Client
      : never;

/** The transaction that a driver gives to hooks. */
export type TransactionOf<Connection> = Connection extends SyncSqlite
  ? Connection
  : Connection extends PgPool
    ? ClientOf<Connection['connect']>
    : Connection extends PgLite
      ? Parameters<Parameters<Connection['transaction']>[0]>[0]
      : Connection extends PostgresJs
        ? TransactionOfLast<Parameters<Connection['begin']>>
        : Connection extends PrismaSql
          ? TransactionOfFirst<Parameters<Connection['$transaction']>>
          : Connection extends SqlDatabase<infer Transaction>
            ? Transaction
            : never;

/** May a hook within the transaction answer a promise? */
export type WaitsOf<Connection> = Connection extends SyncSqlite
  ? false
  : Connection extends { readonly waits: infer Waits extends boolean }
    ? Waits
    : true;

/** A connection that `sql` takes: better-sqlite3, node:sqlite, bun:sqlite, a Pool of pg, PGlite, postgres.js, or a client of Prisma. */
export type SqlConnection = SyncSqlite | PgPool | PgLite | PostgresJs | PrismaSql | SqlDatabase<never>;

/**
 * Your tables in the database of a plain connection: a Pool of pg, postgres.js, PGlite, better-sqlite3, node:sqlite,
 * bun:sqlite, a client of Prisma, or an object of your own that is an {@link SqlDatabase}.
 *
 * ```ts
 * const scimd = await createScimd({ store: sql(new Pool(), { User, Group }) });
 * ```
 */
export function sql<Connection extends SqlConnection>(
  connection: Connection,
  tables: Readonly<Record<string, TableMap>>,
): TablesSource<TransactionOf<Connection>, WaitsOf<Connection>> {
  return { database: databaseOver(connection), tables } as unknown as TablesSource<
    TransactionOf<Connection>,
    WaitsOf<Connection>
  >;
}

const connections =
  'give a Pool of pg, postgres.js, PGlite, better-sqlite3, node:sqlite, bun:sqlite, a client of Prisma, or an SqlDatabase';

function databaseOver(connection: SqlConnection): SqlDatabase {
  if ((typeof connection !== 'object' && typeof connection !== 'function') || connection === null)
    throw new TypeError(`sql: ${connections}, not ${String(connection)}`);
  if ('dialect' in connection) return connection as SqlDatabase;
  if ('$queryRawUnsafe' in connection) return overPrisma(connection);
  if ('unsafe' in connection) return overPostgresJs(connection);
  if ('totalCount' in connection) return overPool(connection);
  if ('prepare' in connection) return overSync(connection as SyncSqlite);
  if ('transaction' in connection && 'query' in connection) return overPgLite(connection);
  throw new TypeError(`sql: ${connections}`);
}

/** As drivers take them: each has types of its own for what may be bound. */
function bound(parameters: readonly SqlValue[]): never[] {
  return parameters as never[];
}

function overSync(connection: SyncSqlite): SqlDatabase {
  const prepared = new Map<string, ReturnType<SyncSqlite['prepare']>>();
  const statementOf = (text: string) => {
    let known = prepared.get(text);
    if (known === undefined) {
      if (prepared.size > 500) prepared.clear();
      known = connection.prepare(text);
      prepared.set(text, known);
    }
    return known;
  };
  const run: RunSql = (text, parameters) => {
    const statement = statementOf(text);
    if (statement.reader === false) {
      statement.run(...bound(parameters));
      return [];
    }
    return statement.all(...bound(parameters)) as SqlRow[];
  };
  return {
    dialect: 'sqlite',
    waits: false,
    run,
    transaction<T>(work: (run: RunSql, transaction: unknown) => Awaitable<T>): T {
      statementOf('BEGIN IMMEDIATE').run();
      try {
        // All steps are carried out at once, since every statement is.
        const result = work(run, connection) as T;
        statementOf('COMMIT').run();
        return result;
      } catch (error) {
        // A failed COMMIT may have ended the transaction already.
        try {
          statementOf('ROLLBACK').run();
        } catch {
          throw error;
        }
        throw error;
      }
    },
  };
}

function runOn(queries: Queries): RunSql {
  return (text, parameters) => queries.query(text, bound(parameters)).then(({ rows }) => rows as SqlRow[]);
}

function overPool(pool: PgPool): SqlDatabase {
  return {
    dialect: 'postgres',
    waits: true,
    run: runOn(pool),
    async transaction(work) {
      const client = await pool.connect();
      let failed: Error | undefined;
      // The pool listens to those alone that nobody has: of the others a lost connection would end the process.
      const lost = (reason: Error): void => {
        failed = reason;
      };
      client.on?.('error', lost);
      try {
        await client.query('BEGIN');
        const result = await work(runOn(client), client);
        await client.query('COMMIT');
        return result;
      } catch (error) {
        await client.query('ROLLBACK').catch((reason: unknown) => {
          failed = reason instanceof Error ? reason : new Error(String(reason));
        });
        throw error;
      } finally {
        if (failed === undefined) client.off?.('error', lost);
        client.release(failed);
      }
    },
  };
}

function overPgLite(connection: PgLite): SqlDatabase {
  return {
    dialect: 'postgres',
    waits: true,
    run: runOn(connection),
    transaction: (work) =>
      connection.transaction(async (transaction) => work(runOn(transaction), transaction)),
  };
}

function overPostgresJs(connection: PostgresJs): SqlDatabase {
  const on =
    (queries: PostgresQueries): RunSql =>
    (text, parameters) =>
      queries.unsafe(text, bound(parameters)).then((rows) => [...rows] as SqlRow[]);
  return {
    dialect: 'postgres',
    waits: true,
    run: on(connection),
    async transaction<T>(work: (run: RunSql, transaction: unknown) => Awaitable<T>): Promise<T> {
      let result: { readonly value: T } | undefined;
      await connection.begin(async (transaction) => {
        result = { value: await work(on(transaction), transaction) };
        checkCommitted((await transaction.unsafe(chainedCommit)) as { readonly command?: unknown });
      });
      if (result === undefined) throw new Error('the transaction was not run');
      return result.value;
    },
  };
}

/** Prisma's own are 2 and 5 seconds, which a large import or a busy pool takes longer than. */
const patience = { maxWait: 60_000, timeout: 60_000 } as const;

type PrismaQueries = Pick<PrismaSql, '$queryRawUnsafe' | '$executeRawUnsafe'>;

/** What a transaction of Prisma takes: a client's own type says more of it, by its models. */
type TransactionOfPrisma = <T>(
  work: (transaction: PrismaQueries) => Promise<T>,
  options: typeof patience,
) => Promise<T>;

function overPrisma(client: PrismaSql): SqlDatabase {
  const provider = (client as unknown as { readonly _activeProvider?: unknown })._activeProvider;
  const dialect = provider === 'sqlite' ? 'sqlite' : 'postgres';
  const on =
    (queries: PrismaQueries): RunSql =>
    async (text, parameters) => {
      const answers = /^\s*(?:SELECT|WITH)\b|\bRETURNING\b/i.test(text);
      if (answers) return (await queries.$queryRawUnsafe(text, ...bound(parameters))) as SqlRow[];
      await queries.$executeRawUnsafe(text, ...bound(parameters));
      return [];
    };
  return {
    dialect,
    waits: true,
    run: on(client),
    transaction(work) {
      const begin = client.$transaction.bind(client) as TransactionOfPrisma;
      return begin(async (transaction) => work(on(transaction), transaction), patience);
    },
  };
}
