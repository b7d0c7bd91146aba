/**
 * `scimd/kysely`: SCIM on the tables of a Kysely, in PostgreSQL or SQLite. Hooks get Kysely's own transaction.
 *
 * ```ts
 * const scimd = await createScimd({ store: kysely(db, { User, Group }) });
 * ```
 */
import { CompiledQuery, type Kysely, SqliteAdapter, type Transaction } from 'kysely';
import type { RunSql, SqlRow } from './store/tables/database.ts';
import type { TableMap } from './store/tables/define.ts';
import type { TablesSource } from './store/tables/drivers.ts';

/** Your tables in the database of a Kysely. */
export function kysely<Tables>(
  db: Kysely<Tables>,
  tables: Readonly<Record<string, TableMap>>,
): TablesSource<Transaction<Tables>, true> {
  // Plugins may rename columns of results, and hooks alone write what they are for.
  const on = (queries: Kysely<Tables>): RunSql => {
    const plain = queries.withoutPlugins();
    return async (text, parameters) =>
      (await plain.executeQuery<SqlRow>(CompiledQuery.raw(text, [...parameters]))).rows;
  };
  return {
    tables,
    database: {
      dialect: db.getExecutor().adapter instanceof SqliteAdapter ? 'sqlite' : 'postgres',
      waits: true,
      run: on(db),
      transaction: (work) =>
        db.transaction().execute(async (transaction) => work(on(transaction), transaction)),
    },
  };
}
