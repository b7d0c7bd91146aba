/** Opens the database file: recognises it as ours, sets what must hold for durability, brings it up to date. */
import { closeSync, openSync } from 'node:fs';
import Sqlite, { type Database } from 'better-sqlite3';
import { StoreError } from '../store-error.ts';
import { withStoreErrors } from './errors.ts';
import { LateStatement } from './late-statement.ts';
import { meterOf } from './meter.ts';
import { migrations } from './migrations.ts';

/** "SCIM" as a number, in the header of every database of ours. */
export const applicationId = 0x5343494d;

/** Measured: smaller pages write less to the WAL, but cost more time, and space where a document half fills a page. */
const pageSize = 4096;

function pragma(db: Database, name: string): unknown {
  return db.pragma(name, { simple: true });
}

/** Before anything is written: a file of somebody else's must stay as it is. */
function recognise(db: Database, file: string): void {
  const id = pragma(db, 'application_id');
  const empty = db.prepare('SELECT count(*) FROM sqlite_schema').pluck().get() === 0;
  if (id === applicationId || (id === 0 && empty)) return;
  throw new StoreError(
    'foreign-database',
    `${file} is an SQLite database of another application`,
    'Give the path of a database of this server, or of a file that does not exist yet.',
  );
}

export function refuseNewer(version: number, file: string): void {
  if (version <= migrations.length) return;
  throw new StoreError(
    'newer-database',
    `${file} was written by a newer release: it has database version ${version}, this release knows up to ${migrations.length}`,
    'Start the newer release again, or restore the copy that it made beside the database before the upgrade: scimd restore FILE.v1.backup.',
  );
}

function migrate(db: Database, file: string): void {
  refuseNewer(Number(pragma(db, 'user_version')), file);
  if (pragma(db, 'user_version') === migrations.length) return;
  db.transaction(() => {
    // Read again under the lock: another process may have migrated meanwhile.
    const version = Number(pragma(db, 'user_version'));
    refuseNewer(version, file);
    for (const migration of migrations.slice(version)) db.exec(migration);
    db.pragma(`application_id = ${applicationId}`);
    db.pragma(`user_version = ${migrations.length}`);
  }).immediate();
}

/** What computed attributes need of a request: one row, which queries that name it set before they run. */
const requestTable = `CREATE TEMP TABLE request (tenant INTEGER NOT NULL, base TEXT NOT NULL) STRICT;
INSERT INTO temp.request VALUES (0, '')`;

/**
 * A connection whose statements are planned once. SQLite built with STAT4, as ours is, looks at a parameter that a join
 * compares with a column, and therefore plans the statement anew each time that the parameter is bound, which costs
 * ten times what the look-up does. It does not look behind a plus, which changes nothing else.
 */
class Connection extends Sqlite {
  override prepare(sql: string): never {
    return new LateStatement(this, sql, () => super.prepare(plannedOnce(sql))) as never;
  }
}

const plannedOnce = (sql: string): string =>
  sql.replaceAll(/'[^']*'|\?/g, (part) => (part === '?' ? '+?' : part));

/** The oldest release of Node.js for which SQLite's addon is made: an older one ends at the first statement, without a word. */
const oldestNode = 22;

/** @throws StoreError `no-addon` where it is older. */
export function requireRuntime(): void {
  const { node, bun, deno } = process.versions;
  if (bun !== undefined || deno !== undefined || Number.parseInt(node, 10) >= oldestNode) return;
  throw new StoreError(
    'no-addon',
    `scimd needs Node.js ${oldestNode} or newer; this is ${node}`,
    `Install Node.js ${oldestNode} or newer, or use the scimd executable, which brings its own.`,
  );
}

/** A new file is its owner's alone to read; SQLite makes those beside it with the same permissions. */
function createPrivately(file: string): void {
  try {
    closeSync(openSync(file, 'ax', 0o600));
  } catch {
    // It is there already; or SQLite will say why it cannot be.
  }
}

/** Milliseconds for which another process may keep the lock. */
export const usualBusyTimeout = 5000;

/** Opens or creates the database; `:memory:` lives as long as the connection. */
export function openConnection(file: string, busyTimeout = usualBusyTimeout): Database {
  requireRuntime();
  if (file !== ':memory:' && file !== '') createPrivately(file);
  return withStoreErrors(
    () => {
      let db: Database;
      try {
        db = new Connection(file, { timeout: busyTimeout });
      } catch (error) {
        if (!(error instanceof TypeError)) throw error;
        // better-sqlite3's own check that the folder exists.
        throw new StoreError(
          'cannot-open',
          `the database ${file} cannot be opened: its folder does not exist`,
          'Create the folder.',
          { cause: error },
        );
      }
      try {
        recognise(db, file);
        db.pragma(`page_size = ${pageSize}`);
        db.pragma('journal_mode = WAL');
        // This build of SQLite lowers it to NORMAL once WAL is on, and then a power cut loses acknowledged writes,
        // unless the WAL is synced before they are acknowledged (see walSync).
        db.pragma('synchronous = FULL');
        db.pragma('foreign_keys = ON');
        db.pragma('trusted_schema = OFF');
        db.pragma('temp_store = MEMORY');
        // In KiB. Measured: with twice as much, or eight times, nothing is faster, the system's own cache serves the rest.
        db.pragma('cache_size = -8192');
        migrate(db, file);
        db.exec(requestTable);
        // Conditions that are compiled here call its function.
        meterOf(db);
        return db;
      } catch (error) {
        db.close();
        throw error;
      }
    },
    { role: 'database', file },
  );
}
