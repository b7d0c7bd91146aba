/** Brings the tables of a schema up to date, one process at a time, and refuses those of a newer release. */
import { randomBytes } from 'node:crypto';
import { isConnectionLost, toStoreError } from '../sql/postgres-errors.ts';
import { StoreError } from '../store-error.ts';
import type { PostgresAddress } from './address.ts';
import type { Connection } from './driver.ts';
import { migrations } from './migrations.ts';

/** The version that this release brings a database to: the same number as SQLite's. */
export const currentVersion = migrations.at(-1)?.version ?? 0;

/** The oldest PostgreSQL that the tests run on is 15; before, statements of ours are not known. */
const oldestServer = 150_000;

/** What is known of a server when a connection to it was looked at. */
export interface ServerFacts {
  /** The version that the tables had before; 0 if there were none. */
  readonly from: number;
  readonly serverVersion: string;
  /** Does the server say that a commit is done before it is on its disk? */
  readonly isAsynchronous: boolean;
}

interface Looked extends ServerFacts {
  readonly schema: string | null;
  readonly isStandby: boolean;
  /** Has a copy of another database begun here, and not come to its end? */
  readonly isUnfinished: boolean;
}

async function look(connection: Connection): Promise<Looked> {
  const { rows } = await connection.run(
    `SELECT current_schema(), pg_is_in_recovery(), current_setting('server_version_num')::int,
  current_setting('server_version'), current_setting('synchronous_commit') = 'off', current_setting('server_encoding'),
  to_regclass('scimd_version') IS NOT NULL, to_regclass('scimd_copy') IS NOT NULL`,
  );
  const [schema, isStandby, number, serverVersion, isAsynchronous, encoding, hasVersion, isUnfinished] =
    rows[0] as [string | null, boolean, number, string, boolean, string, boolean, boolean];
  if (number < oldestServer)
    throw new StoreError(
      'cannot-open',
      `the database server is PostgreSQL ${serverVersion}, and scimd needs 15 or newer`,
      'Upgrade PostgreSQL.',
    );
  if (encoding !== 'UTF8')
    throw new StoreError(
      'cannot-open',
      `the database has the encoding ${encoding}, which does not have all characters`,
      'Create one with UTF8: createdb --encoding UTF8 --template template0 DATABASE.',
    );
  const from = hasVersion ? await versionNow(connection) : 0;
  return { schema, isStandby, serverVersion, isAsynchronous, isUnfinished, from };
}

async function versionNow(connection: Connection): Promise<number> {
  const { rows } = await connection.run('SELECT max(version) FROM scimd_version');
  return Number((rows[0] as [number | null])[0] ?? 0);
}

/** The version of the tables, 0 if there are none. Changes nothing. */
export async function versionOf(connection: Connection): Promise<number> {
  return (await look(connection)).from;
}

/**
 * Makes the tables what this release needs.
 * @throws StoreError `newer-database`, `foreign-database`, `readonly`, `cannot-open`.
 */
export async function upgrade(
  connection: Connection,
  address: PostgresAddress,
  { isCopying = false }: { readonly isCopying?: boolean } = {},
): Promise<ServerFacts> {
  const found = await look(connection);
  refuseNewer(found.from, address);
  if (found.isUnfinished && !isCopying)
    throw new StoreError(
      'cannot-open',
      `${address.shown} is a copy of another database that has not come to its end`,
      'Run the same scimd copy again, which goes on where it was; or drop the schema.',
    );
  await checkSchema(found, connection, address);
  if (found.from === currentVersion) return found;
  if (found.isStandby)
    throw new StoreError(
      'readonly',
      `${address.shown} is a standby, and its tables are not those of this release`,
      'Upgrade the primary first: scimd migrate.',
    );
  // While it waits for the lock of a table, others wait behind it: then it is better to give up.
  await connection.script("BEGIN; SET LOCAL lock_timeout = '20s'");
  try {
    await lock(connection);
    await connection.script(
      'CREATE TABLE IF NOT EXISTS scimd_version (version BIGINT PRIMARY KEY, at TIMESTAMPTZ NOT NULL DEFAULT now())',
    );
    // Read again under the lock: another process may have been quicker.
    const version = await versionNow(connection);
    refuseNewer(version, address);
    for (const migration of migrations) {
      if (migration.version <= version) continue;
      await connection.script(migration.sql);
      await connection.run('INSERT INTO scimd_version (version) VALUES (?)', [migration.version]);
    }
    await connection.run("INSERT INTO secret (name, bytes) VALUES ('cursor', ?) ON CONFLICT DO NOTHING", [
      randomBytes(32),
    ]);
    await connection.script('COMMIT');
    return { ...found, from: version };
  } catch (error) {
    if (!isConnectionLost(error)) await connection.script('ROLLBACK').catch(() => {});
    throw upgradeError(error, address);
  }
}

/** One process at a time in a schema, the current one if none is named, until its transaction ends. */
async function lock(connection: Connection, schema: string | null = null): Promise<void> {
  await connection.run(
    "SELECT pg_advisory_xact_lock(hashtextextended('scimd ' || coalesce(?::text, current_schema()), 0))",
    [schema],
  );
}

/** Is the current schema the one that was asked for? It is made where it is not there yet. */
async function checkSchema(
  { schema, from, isStandby }: Looked,
  connection: Connection,
  address: PostgresAddress,
): Promise<void> {
  const asked = address.schema;
  if (asked === undefined && schema === null)
    throw new StoreError(
      'cannot-open',
      'the account has no schema in which tables could be made',
      'Name one: ?schema=scimd; or grant one: CREATE SCHEMA scimd AUTHORIZATION USER.',
    );
  if (asked === undefined || schema === asked) return;
  if (from > 0 || isStandby) throw otherSchema(schema, asked);
  // Of two statements at once, IF NOT EXISTS lets the second one fail.
  await connection.script('BEGIN');
  try {
    await lock(connection, asked);
    // In quotes, since it may be a word of SQL.
    await connection.script(`CREATE SCHEMA IF NOT EXISTS "${asked}"; COMMIT`);
  } catch (error) {
    if (!isConnectionLost(error)) await connection.script('ROLLBACK').catch(() => {});
    throw toStoreError(error);
  }
  const { rows } = await connection.run('SELECT current_schema()');
  if ((rows[0] as [string | null])[0] !== asked) throw otherSchema(schema, asked);
}

function otherSchema(schema: string | null, asked: string): StoreError {
  return new StoreError(
    'cannot-open',
    `?schema=${asked} has no effect: the connection works in the schema ${schema}`,
    `A pooler ignores it, or the account may not use that schema. Set it for the account: ALTER ROLE USER SET search_path = ${asked}; and leave ?schema= away.`,
  );
}

function refuseNewer(version: number, { shown }: PostgresAddress): void {
  if (version <= currentVersion) return;
  throw new StoreError(
    'newer-database',
    `${shown} was upgraded by a newer release: it has database version ${version}, this release knows up to ${currentVersion}`,
    'Start the newer release again, or restore the dump that was made before the upgrade.',
  );
}

function upgradeError(error: unknown, { shown }: PostgresAddress): unknown {
  const { code } = error as { readonly code?: string };
  // A table, or another name, that is there already.
  if (code === '42P07' || code === '42710')
    return new StoreError(
      'foreign-database',
      `${shown} has tables of another application: ${(error as Error).message}`,
      'Give scimd a schema of its own: ?schema=scimd.',
      { cause: error },
    );
  return toStoreError(error);
}
