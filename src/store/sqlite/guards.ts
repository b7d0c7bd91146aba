/** What keeps a server from reading and writing what is not its database any more: another file, other rows. */
import { statSync } from 'node:fs';
import type { Database } from 'better-sqlite3';
import type { StoredTypes } from '../layout/stored-type.ts';
import { storedTypeSql } from '../sql/stored-type.ts';
import { otherConfiguration, StoreError } from '../store-error.ts';
import type { DataVersion } from './snapshot.ts';

/** How often a writer looks, in milliseconds. */
const interval = 1000;

/**
 * Notices that the database's file was removed or replaced: SQLite goes on writing to the one that it has open, and
 * what is acknowledged then is gone at the next start.
 */
export interface FileGuard {
  /** Throws a StoreError `cannot-open` if the file is not the one that was opened. */
  check(): void;
  /** Rate-limited {@link check}: once a second. */
  checkThrottled(): void;
}

/** `file` as it is when this is called; undefined for a database in memory. `checkOthers` looks at the files beside it. */
export function fileGuard(file: string | undefined, checkOthers = () => {}): FileGuard {
  if (file === undefined) return { check() {}, checkThrottled() {} };
  const identity = (): string | undefined => {
    const found = statSync(file, { bigint: true, throwIfNoEntry: false });
    return found === undefined ? undefined : `${found.dev} ${found.ino}`;
  };
  const opened = identity();
  let looked = performance.now();
  const check = (): void => {
    const now = identity();
    looked = performance.now();
    if (now === opened) {
      checkOthers();
      return;
    }
    throw new StoreError(
      'cannot-open',
      `${file} was ${now === undefined ? 'removed' : 'replaced by another file'} while the server runs`,
      'Stop the server, put the file back (or restore a backup), and start it again. Copy a database in use with scimd backup, never by moving it.',
    );
  };
  return {
    check,
    checkThrottled() {
      if (performance.now() - looked > interval) check();
    },
  };
}

/**
 * Within a transaction: throws a StoreError if another process has built the rows anew for another configuration: during
 * an update, say, in which the new server starts before the old one has ended.
 */
export type LayoutGuard = () => void;

export function layoutGuard(db: Database, types: StoredTypes, others: DataVersion): LayoutGuard {
  const layouts = db.prepare<[], [name: string, layout: string]>(storedTypeSql.layouts).raw();
  let same = true;
  others.onWrite(() => {
    const stored = new Map(layouts.all());
    same = types.all.every(({ type, layout }) => stored.get(type.name) === layout.signature);
  });
  return () => {
    others.check();
    if (!same) throw otherConfiguration();
  };
}
