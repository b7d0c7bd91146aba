/**
 * `scimd/drizzle`: SCIM on tables of Drizzle, in PostgreSQL or SQLite. Hooks get Drizzle's own transaction.
 *
 * ```ts
 * const scimd = await createScimd({ store: drizzle(db, { User, Group }) });
 * ```
 */
import { Column, is, type SQL, sql } from 'drizzle-orm';
import { type Awaitable, isPromise } from './store/stored-resource.ts';
import { chainedCommit, checkCommitted } from './store/tables/chained-commit.ts';
import type { RunSql, SqlDatabase, SqlRow } from './store/tables/database.ts';
import type { ColumnOptions, ColumnSource, TableMap, TableSource } from './store/tables/define.ts';
import type { TablesSource } from './store/tables/drivers.ts';

/** A database of Drizzle over SQLite. */
export interface DrizzleSqlite {
  all(...given: never[]): unknown;
  run(...given: never[]): unknown;
  transaction(...given: never[]): unknown;
}

/** A database of Drizzle over PostgreSQL. */
export interface DrizzlePostgres {
  execute(...given: never[]): unknown;
  transaction(...given: never[]): unknown;
}

/** The transaction that hooks get. */
export type DrizzleTransaction<Database extends { transaction(...given: never[]): unknown }> = Parameters<
  Database['transaction']
>[0] extends (transaction: infer Transaction, ...more: never[]) => unknown
  ? Transaction
  : never;

/** Those of better-sqlite3 do not wait. */
export type DrizzleWaits<Database> = Database extends { run(...given: never[]): infer Result }
  ? Result extends PromiseLike<unknown>
    ? true
    : false
  : true;

/** Your tables in a database of Drizzle. */
export function drizzle<Database extends DrizzleSqlite | DrizzlePostgres>(
  database: Database,
  tables: Readonly<Record<string, TableMap>>,
): TablesSource<DrizzleTransaction<Database>, DrizzleWaits<Database>> {
  const over = 'all' in database ? overSqlite(database) : overPostgres(database);
  const named = Object.entries(tables ?? {}).map(([type, map]) => [type, inDatabase(database, map)]);
  return { database: over, tables: Object.fromEntries(named) } as TablesSource<never, never>;
}

type Given = ColumnSource | ColumnOptions | TableSource | undefined;

/** The map with the names that columns have in the database, which `casing` makes where the schema gives none. */
function inDatabase(database: object, map: TableMap): TableMap {
  const named = <T extends Given>(given: T): T => {
    if (typeof given !== 'object' || given === null) return given;
    if (is(given, Column)) return renamed(database, given) as T;
    // A table, or the options of a column: their prototype keeps what is theirs beside columns.
    const columns = Object.entries(given).filter(([, value]) => is(value, Column));
    if (columns.length === 0) return given;
    const own = columns.map(([key, column]) => [key, { value: renamed(database, column), enumerable: true }]);
    return Object.create(given, Object.fromEntries(own)) as T;
  };
  const all = <T extends object>(given: T | undefined): T | undefined =>
    typeof given !== 'object' || given === null
      ? given
      : (Object.fromEntries(Object.entries(given).map(([key, value]) => [key, named(value)])) as T);
  // What is no map is told at the start.
  if (typeof map !== 'object' || map === null) return map;
  return {
    ...(all(map) as TableMap),
    ...{ key: all(map.key), attributes: all(map.attributes), members: all(map.members) },
  } as TableMap;
}

function renamed(database: object, column: Column): Column {
  const { keyAsName } = column as { readonly keyAsName?: unknown };
  if (keyAsName !== true || !('select' in database)) return column;
  const { select } = database as {
    select(columns: object): { from(table: object): { toSQL(): { sql: string } } };
  };
  const text = select.call(database, { column }).from(column.table).toSQL().sql;
  const name = /"((?:[^"]|"")+)"/.exec(text)?.[1]?.replaceAll('""', '"');
  return name === undefined ? column : Object.create(column, { name: { value: name } });
}

/** The statement as Drizzle has it, with its parameters in their places. */
function queryOf(text: string, parameters: Parameters<RunSql>[1]): SQL {
  const pieces: string[] = [''];
  for (const part of text.split(/('[^']*'|"[^"]*"|\$\d+|\?)/)) {
    if (part === '?' || /^\$\d+$/.test(part)) pieces.push('');
    else pieces[pieces.length - 1] += part;
  }
  const strings = Object.assign(pieces, { raw: pieces });
  return sql(strings, ...parameters.map((value) => sql.param(value)));
}

const answers = /^\s*(?:SELECT|WITH)\b|\bRETURNING\b/i;

function overSqlite(database: DrizzleSqlite): SqlDatabase {
  const on =
    (queries: Pick<DrizzleSqlite, 'all' | 'run'>): RunSql =>
    (text, parameters) => {
      const query = queryOf(text, parameters) as never;
      if (answers.test(text)) return queries.all(query) as Awaitable<readonly SqlRow[]>;
      const done = queries.run(query);
      return isPromise(done) ? done.then(() => []) : [];
    };
  const waits = (database as { readonly resultKind?: unknown }).resultKind === 'async';
  const work = { behavior: 'immediate' } as never;
  return {
    dialect: 'sqlite',
    waits,
    run: on(database),
    transaction<T>(run: (run: RunSql, transaction: unknown) => Awaitable<T>): Awaitable<T> {
      // better-sqlite3 would make it a part of that one, and what is answered as done would go when it is rolled back.
      const { $client } = database as { readonly $client?: { readonly inTransaction?: unknown } };
      if ($client?.inTransaction === true) throw new Error('cannot start a transaction within a transaction');
      return database.transaction(
        ((transaction: DrizzleSqlite) => run(on(transaction), transaction)) as never,
        work,
      ) as Awaitable<T>;
    },
  };
}

function overPostgres(database: DrizzlePostgres): SqlDatabase {
  const on =
    (queries: Pick<DrizzlePostgres, 'execute'>): RunSql =>
    async (text, parameters) => {
      const result = await queries.execute(queryOf(text, parameters) as never);
      // postgres.js answers the rows themselves, pg and PGlite what they are in.
      const rows = Array.isArray(result) ? result : ((result as { readonly rows?: unknown }).rows ?? []);
      return rows as readonly SqlRow[];
    };
  const { $client } = database as { readonly $client?: unknown };
  const isPostgresJs = typeof $client === 'function' && 'unsafe' in $client;
  return {
    dialect: 'postgres',
    waits: true,
    run: on(database),
    transaction: <T>(work: (run: RunSql, transaction: unknown) => Awaitable<T>): Promise<T> =>
      database.transaction((async (transaction: DrizzlePostgres) => {
        const result = await work(on(transaction), transaction);
        if (isPostgresJs)
          checkCommitted((await transaction.execute(sql.raw(chainedCommit) as never)) as object);
        return result;
      }) as never) as Promise<T>,
  };
}
