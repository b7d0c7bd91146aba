/** SQLite's result codes as errors that say what happened and what to do. */
import { accessSync, constants, existsSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import Sqlite from 'better-sqlite3';
import { StoreError, type StoreErrorCode } from '../store-error.ts';

/** What a file is to the command that uses it; the path of a `copy` is that of the backup that is being made. */
export interface FileInRole {
  readonly role: 'database' | 'backup' | 'copy';
  readonly file: string;
}

const account = 'the account that runs the server';
const mayWrite = `Let ${account} read and write the file and its folder`;
// SQLite reads a database in WAL mode only where it can make files beside it.
const look =
  'To inspect a read-only database, copy it, with its -wal file if there is one, and pass --database COPY.';

interface Kind {
  readonly code: StoreErrorCode;
  /** Behind the name of the file. */
  readonly message: string;
  /** The same where it is a copy. */
  readonly ofCopy?: string;
  /** For a database, for a backup that is read, for one that is made. */
  readonly advice: readonly [database: string, backup: string, copy: string];
}

const kinds: Readonly<Record<string, Kind>> = {
  SQLITE_FULL: {
    code: 'full',
    message: 'has no space left on its disk',
    advice: [
      'Free space on the volume of the database file; no restart is needed.',
      'Free space on its volume.',
      'Free space on its volume, or give a place on another one.',
    ],
  },
  SQLITE_READONLY: {
    code: 'readonly',
    message: 'cannot be written to',
    advice: [
      `${mayWrite}, and check that the volume is not mounted read-only. ${look}`,
      `${mayWrite}.`,
      `${mayWrite}, or give a place that can be written.`,
    ],
  },
  SQLITE_BUSY: {
    code: 'busy',
    message: 'is locked by another process',
    advice: [
      'Retry. If it lasts, look for a process that keeps the file locked: a backup, a second server, an open sqlite3 shell.',
      'Retry.',
      'Retry.',
    ],
  },
  SQLITE_CORRUPT: {
    code: 'corrupt',
    message: 'is damaged',
    advice: [
      'Stop the server, keep a copy of the file, and restore a backup; `sqlite3 FILE ".recover"` may save what is in it.',
      'Restore another backup.',
      'Take another backup.',
    ],
  },
  SQLITE_NOTADB: {
    code: 'not-a-database',
    message: 'is not an SQLite database',
    advice: [
      'Give the path of a database of this server, or of a file that does not exist yet.',
      'Give a file that scimd backup wrote.',
      'Take another backup.',
    ],
  },
  SQLITE_CANTOPEN: {
    code: 'cannot-open',
    message: 'cannot be opened',
    ofCopy: 'cannot be written',
    advice: [
      `Check that the folder exists and that ${account} may read and write in it. ${look}`,
      'Give a file that scimd backup wrote.',
      `Check that the folder exists and that ${account} may write in it.`,
    ],
  },
  SQLITE_PERM: {
    code: 'cannot-open',
    message: 'may not be opened by this account',
    ofCopy: 'may not be written by this account',
    advice: [`${mayWrite}.`, `Let ${account} read it.`, `${mayWrite}, or give a place that can be written.`],
  },
  SQLITE_IOERR: {
    code: 'io',
    message: 'cannot be read or written',
    advice: ['Check the disk and the system log.', 'Check its disk.', 'Check the disks and the system log.'],
  },
};

/** What the file system says, as SQLite would say it, and what SQLite could say more plainly. */
const fileSystemCodes: Readonly<Record<string, string>> = {
  ENOSPC: 'SQLITE_FULL',
  EDQUOT: 'SQLITE_FULL',
  EROFS: 'SQLITE_READONLY',
  EACCES: 'SQLITE_PERM',
  EPERM: 'SQLITE_PERM',
  ENOENT: 'SQLITE_CANTOPEN',
  ENOTDIR: 'SQLITE_CANTOPEN',
  EISDIR: 'SQLITE_CANTOPEN',
  EBUSY: 'SQLITE_BUSY',
  EIO: 'SQLITE_IOERR',
  // A file for the memory that processes share cannot grow: SQLite does not ask why, but nearly always the disk is full.
  SQLITE_IOERR_SHMSIZE: 'SQLITE_FULL',
};

function kindOf(code: string): Kind | undefined {
  const [, prefix = ''] = /^(SQLITE_[A-Z]+)/.exec(fileSystemCodes[code] ?? code) ?? [];
  return prefix === 'SQLITE_LOCKED' ? kinds.SQLITE_BUSY : kinds[prefix];
}

/** `the database scimd.db` */
export function nameOf({ role, file }: FileInRole): string {
  return `the ${role === 'copy' ? 'backup' : role} ${file}`;
}

/** Where nobody says which file it is, it is the database that is open. */
function storeError(kind: Kind, at: FileInRole | undefined, detail: string, cause?: unknown): StoreError {
  const { message, ofCopy = message } = kind;
  const why = at !== undefined && kind.code === 'cannot-open' ? obstacle(at) : '';
  return new StoreError(
    kind.code,
    `${at === undefined ? 'the database' : nameOf(at)} ${at?.role === 'copy' ? ofCopy : message}${why}${detail}`,
    kind.advice[['database', 'backup', 'copy'].indexOf(at?.role ?? 'database')] as string,
    { cause },
  );
}

/** SQLite does not tell what it is that keeps a file from being opened. */
function obstacle({ role, file }: FileInRole): string {
  try {
    const found = statSync(file, { throwIfNoEntry: false });
    if (found?.isDirectory()) return ': it is a folder';
    if (!existsSync(dirname(file))) return ': its folder does not exist';
    if (role !== 'backup') accessSync(dirname(file), constants.W_OK);
    return '';
  } catch {
    return ': its folder cannot be written to';
  }
}

/** What was found within a file that can be opened. */
export function damaged(at: FileInRole, found: readonly string[]): StoreError {
  return storeError(kinds.SQLITE_CORRUPT as Kind, at, `: ${found.join('; ')}`);
}

/**
 * Turns an error of SQLite about its file into a StoreError, and one of the file system where it is said which file
 * that is; anything else stays what it is. Where one file is read and another `written`, what is wrong with the
 * contents is a matter of the one, everything else of the other.
 */
export function toStoreError(error: unknown, at?: FileInRole, written = at): unknown {
  const { code } = error as NodeJS.ErrnoException;
  const isOurs = error instanceof Sqlite.SqliteError || (at !== undefined && error instanceof Error);
  const kind = isOurs && code !== undefined ? kindOf(code) : undefined;
  if (kind === undefined) return error;
  const isContent = kind.code === 'corrupt' || kind.code === 'not-a-database';
  return storeError(kind, isContent ? at : written, ` (${code})`, error);
}

/** Runs `action` with its errors turned into StoreErrors, as `toStoreError` does. */
export function withStoreErrors<T>(action: () => T, at?: FileInRole, written = at): T {
  try {
    return action();
  } catch (error) {
    throw toStoreError(error, at, written);
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

/** Does another process keep the lock? */
export function isBusy(error: unknown): boolean {
  return error instanceof Sqlite.SqliteError && error.code.startsWith('SQLITE_BUSY');
}

/** What a store answers that was closed before. */
export function closed(): StoreError {
  return new StoreError('closed', 'the store is closed', 'Start the server again.');
}
