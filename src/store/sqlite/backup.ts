/** Backup of a database in use, by SQLite's backup API, and restore; both verify what they made before it counts. */
import {
  accessSync,
  chmodSync,
  closeSync,
  constants,
  createReadStream,
  createWriteStream,
  existsSync,
  fsyncSync,
  openSync,
  renameSync,
  rmSync,
  statSync,
} from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import Sqlite, { type Database } from 'better-sqlite3';
import type { AccessStore, Store } from '../store.ts';
import { StoreError } from '../store-error.ts';
import { openSqliteAccess } from './access-alone.ts';
import { applicationId, refuseNewer } from './connection.ts';
import { damaged, type FileInRole, nameOf, toStoreError, withStoreErrors } from './errors.ts';

/** Rows of the tables that hold what nobody else has. */
export interface Contents {
  readonly resources: number;
  readonly members: number;
  readonly changes: number;
  readonly tokens: number;
  readonly tenants: number;
}

/** Pages copied between two turns of the event loop: few enough that requests do not notice. */
const pagesPerTurn = 256;

/**
 * Copies the database to `destination` while it is read and written, and verifies the copy: integrity, foreign keys,
 * row counts against its own counters. `destination` is there whole or not at all.
 * @throws StoreError where source or destination fail, or the copy is not whole.
 */
export async function backUp(
  file: string,
  destination: string,
  progress: (done: number, total: number) => void = () => {},
): Promise<Contents> {
  const database: FileInRole = { role: 'database', file };
  const copy: FileInRole = { role: 'copy', file: destination };
  const partial = resolve(`${destination}.partial`);
  withStoreErrors(() => {
    accessSync(dirname(partial), constants.W_OK);
    rmSync(partial, { force: true });
  }, copy);
  const source = withStoreErrors(() => openToRead(file), database);
  try {
    await copyPages(source, partial, progress);
    const contents = verify(partial, database, copy);
    withStoreErrors(() => settle(partial, destination), copy);
    return contents;
  } catch (error) {
    discard(partial);
    throw toStoreError(error, database, copy);
  }
}

/** Closes the source as soon as it is copied: the WAL cannot begin anew for as long as it is read. */
async function copyPages(
  source: Database,
  destination: string,
  progress: (done: number, total: number) => void,
): Promise<void> {
  try {
    await source.backup(destination, {
      progress: ({ totalPages, remainingPages }) => {
        progress(totalPages - remainingPages, totalPages);
        return pagesPerTurn;
      },
    });
  } finally {
    source.close();
  }
}

/**
 * Within a transaction that has read: SQLite begins a backup anew for each commit of another connection that it sees
 * between two steps, and one beside a busy server would never end. It also takes the backup of a file that is locked
 * for an empty one.
 */
function openToRead(file: string): Database {
  const db = new Sqlite(file, { fileMustExist: true });
  try {
    db.exec('BEGIN');
    db.prepare('SELECT 1 FROM sqlite_schema LIMIT 1').get();
    return db;
  } catch (error) {
    db.close();
    throw error;
  }
}

type Prepare = (store: AccessStore & Pick<Store, 'admin'>) => Promise<unknown>;

/**
 * Puts a verified copy of `backup`, the path of a file or standard input, in the place of `file`. What was there before
 * is kept beside it, under the name answered. `prepare` is to call `noteRestored` of the store over the copy.
 * @throws StoreError busy if a process has the database open; whatever is wrong with the backup.
 */
export async function restore(
  backup: string | Readable,
  file: string,
  prepare: Prepare,
): Promise<{ readonly contents: Contents; readonly kept: string | undefined }> {
  const from: FileInRole = {
    role: 'backup',
    file: typeof backup === 'string' ? backup : 'on standard input',
  };
  const database: FileInRole = { role: 'database', file };
  const incoming = `${file}.incoming`;
  if (typeof backup === 'string') refuseWithWal(backup);
  try {
    await bring(backup, incoming, from, database);
    // Who may read it is not for the backup to say, which came from anywhere.
    chmodSync(incoming, existsSync(file) ? statSync(file).mode & 0o777 : 0o600);
    const contents = verify(incoming, from, database);
    await prepared(incoming, prepare);
    return withStoreErrors(() => {
      let kept: string | undefined;
      if (existsSync(file)) {
        closeForGood(file);
        kept = freeName(`${file}.before-restore`);
        renameSync(file, kept);
      }
      for (const suffix of ['-wal', '-shm']) rmSync(file + suffix, { force: true });
      settle(incoming, file);
      return { contents, kept };
    }, database);
  } catch (error) {
    discard(incoming);
    throw error;
  }
}

/** Before the copy is in its place: nobody reads it without that. An older one gets the version of this release. */
async function prepared(incoming: string, prepare: Prepare): Promise<void> {
  const store = openSqliteAccess({ file: incoming });
  try {
    await prepare(store);
  } finally {
    await store.close();
  }
  withStoreErrors(
    () => {
      const db = new Sqlite(incoming);
      db.pragma('journal_mode = DELETE');
      db.close();
    },
    { role: 'database', file: incoming },
  );
}

/** What was committed last is in the write-ahead log only: the file alone would pass every check without it. */
function refuseWithWal(backup: string): void {
  const wal = statSync(`${backup}-wal`, { throwIfNoEntry: false });
  if (wal === undefined || wal.size === 0) return;
  throw new StoreError(
    'foreign-database',
    `${backup} is no backup but a database, or a plain copy of one: its last changes are in ${backup}-wal`,
    `Make a backup, which has all of it: scimd backup FILE --database ${backup}; then restore FILE.`,
  );
}

async function bring(
  backup: string | Readable,
  incoming: string,
  from: FileInRole,
  database: FileInRole,
): Promise<void> {
  try {
    const source = typeof backup === 'string' ? createReadStream(backup) : backup;
    await pipeline(source, createWriteStream(incoming));
  } catch (error) {
    const { syscall, path } = error as NodeJS.ErrnoException;
    throw toStoreError(error, syscall === 'read' || path === backup ? from : database);
  }
}

/** Leaves WAL mode, which needs that nobody else has the file open, and folds the WAL into the file. */
function closeForGood(file: string): void {
  const db = new Sqlite(file, { timeout: 0 });
  try {
    db.pragma('journal_mode = DELETE');
  } catch (error) {
    const known = toStoreError(error, { role: 'database', file });
    if (known instanceof StoreError && known.code !== 'busy')
      throw new StoreError(
        known.code,
        known.message,
        `Stop the server if it runs, and give the file and its -wal and -shm other names; then restore.`,
        { cause: error },
      );
    throw new StoreError('busy', `${file} is in use`, 'Stop the server that has it open, then restore.', {
      cause: error,
    });
  } finally {
    db.close();
  }
}

/** The name, or with a number behind it if there is such a file. */
export function freeName(name: string): string {
  for (let count = 1; ; count++) {
    const candidate = count === 1 ? name : `${name}-${count}`;
    if (!existsSync(candidate)) return candidate;
  }
}

/** To the disk, then to its name, then the name to the disk: a power cut leaves the old or the new, whole. */
function settle(from: string, to: string): void {
  sync(from);
  renameSync(from, to);
  // Windows cannot open folders; its renames are durable by themselves.
  if (process.platform !== 'win32') sync(dirname(join(to)));
}

function sync(path: string): void {
  const descriptor = openSync(path, 'r');
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

function discard(copy: string): void {
  for (const suffix of ['', '-wal', '-shm', '-journal']) rmSync(copy + suffix, { force: true });
}

/**
 * Is the copy, which nobody else has open, a whole database of ours? Throws a StoreError that says why not, of what it
 * was `read` from or of what it becomes. It leaves WAL mode, so that a backup is one file.
 */
function verify(copy: string, read: FileInRole, becomes: FileInRole): Contents {
  return withStoreErrors(
    () => {
      const db = new Sqlite(copy, { fileMustExist: true });
      try {
        if (db.pragma('application_id', { simple: true }) !== applicationId) {
          throw new StoreError(
            'foreign-database',
            `${nameOf(read)} is no database of scimd`,
            read.role === 'backup'
              ? 'Give a file that scimd backup wrote.'
              : 'Give the file that the server uses: --database FILE.',
          );
        }
        refuseNewer(Number(db.pragma('user_version', { simple: true })), read.file);
        db.pragma('journal_mode = DELETE');
        // Pages that are free may still hold what was erased.
        if (hasErasures(db)) db.exec('VACUUM');
        const found = [
          ...(db.pragma('integrity_check(5)') as { integrity_check: string }[])
            .map((row) => row.integrity_check)
            .filter((line) => line !== 'ok'),
          ...(db.pragma('foreign_key_check') as { table: string }[])
            .slice(0, 5)
            .map((row) => `${row.table}: a row without its owner`),
          ...countProblems(db),
        ];
        if (found.length > 0) throw damaged(read, found);
        return contentsOf(db);
      } finally {
        db.close();
      }
    },
    read,
    becomes,
  );
}

function hasErasures(db: Database): boolean {
  return db.prepare("SELECT 1 FROM change WHERE operation = 'erase' LIMIT 1").get() !== undefined;
}

/** The counters are kept by the commands themselves: they tell whether rows are missing. */
function countProblems(db: Database): string[] {
  const rows = db
    .prepare<[], { tenant: number; type: number; counted: number; there: number }>(
      `SELECT c.tenant, c.type, c.total AS counted,
         (SELECT count(*) FROM resource r WHERE r.tenant = c.tenant AND r.type = c.type) AS there
       FROM counter c`,
    )
    .all();
  return rows
    .filter(({ counted, there }) => counted !== there)
    .map(
      ({ tenant, counted, there }) =>
        `tenant ${tenant} has ${there} resources of a type where ${counted} were counted`,
    );
}

function contentsOf(db: Database): Contents {
  const count = (table: string) =>
    db.prepare<[], number>(`SELECT count(*) FROM ${table}`).pluck().get() as number;
  return {
    resources: count('resource'),
    members: count('member'),
    changes: count('change'),
    tokens: count('token'),
    tenants: count('tenant'),
  };
}
