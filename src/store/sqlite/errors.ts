/** SQLite's result codes as errors that say what happened and what to do. */
import Sqlite from 'better-sqlite3';
import { StoreError, type StoreErrorCode } from '../store-error.ts';

const known: readonly (readonly [prefix: string, code: StoreErrorCode, message: string, advice: string])[] = [
  [
    'SQLITE_FULL',
    'full',
    'the disk is full; nothing was written',
    'Free space on the volume of the database file; no restart is needed.',
  ],
  [
    'SQLITE_READONLY',
    'readonly',
    'the database cannot be written to',
    'Let the account that runs the server write to the database file and to its folder, and check that the volume is not mounted read-only.',
  ],
  [
    'SQLITE_BUSY',
    'busy',
    'another process holds the write lock of the database',
    'Retry. If it lasts, look for a process that keeps the file locked: a backup, a second server, an open sqlite3 shell.',
  ],
  ['SQLITE_LOCKED', 'busy', 'the database is locked', 'Retry.'],
  [
    'SQLITE_CORRUPT',
    'corrupt',
    'the database file is damaged',
    'Stop the server, keep a copy of the file, and restore a backup; `sqlite3 FILE ".recover"` may save what is in it.',
  ],
  [
    'SQLITE_NOTADB',
    'not-a-database',
    'the file is not an SQLite database',
    'Give the path of a database of this server, or of a file that does not exist yet.',
  ],
  [
    'SQLITE_CANTOPEN',
    'cannot-open',
    'the database file cannot be opened',
    'Check that the folder exists and that the account that runs the server may read and write in it.',
  ],
  [
    'SQLITE_PERM',
    'cannot-open',
    'the database file may not be opened',
    'Let the account that runs the server read and write the file and its folder.',
  ],
  ['SQLITE_IOERR', 'io', 'reading or writing the database file failed', 'Check the disk and the system log.'],
];

/** Turns an error of SQLite about its file into a StoreError; anything else stays what it is. */
export function toStoreError(error: unknown): unknown {
  if (!(error instanceof Sqlite.SqliteError)) return error;
  const entry = known.find(([prefix]) => error.code.startsWith(prefix));
  if (entry === undefined) return error;
  const [, code, message, advice] = entry;
  return new StoreError(code, `${message} (${error.code})`, advice, { cause: error });
}

/** Runs `action` with SQLite's errors about its file turned into StoreErrors. */
export function withStoreErrors<T>(action: () => T): T {
  try {
    return action();
  } catch (error) {
    throw toStoreError(error);
  }
}

/** Did a UNIQUE or PRIMARY KEY constraint over this column fail? */
export function isConstraint(error: unknown, column: string): boolean {
  return (
    error instanceof Sqlite.SqliteError &&
    (error.code === 'SQLITE_CONSTRAINT_UNIQUE' || error.code === 'SQLITE_CONSTRAINT_PRIMARYKEY') &&
    error.message.includes(column)
  );
}

/** What a store answers that was closed before. */
export function closed(): StoreError {
  return new StoreError('closed', 'the store is closed', 'Start the server again.');
}
