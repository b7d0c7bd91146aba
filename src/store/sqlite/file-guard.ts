/**
 * Notices that the database's file was removed or replaced: SQLite goes on writing to the one that it has open, and
 * what is acknowledged then is gone at the next start.
 */
import { statSync } from 'node:fs';
import { StoreError } from '../store-error.ts';

/** How often a writer looks, in milliseconds. */
const interval = 1000;

export interface FileGuard {
  /** Throws a StoreError `cannot-open` if the file is not the one that was opened. */
  check(): void;
  /** The same, but not more often than once a second. */
  checkNowAndThen(): void;
}

/** `file` as it is when this is called; undefined for a database in memory. `checkOthers` looks at the files beside it. */
export function fileGuard(file: string | undefined, checkOthers = () => {}): FileGuard {
  if (file === undefined) return { check() {}, checkNowAndThen() {} };
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
    checkNowAndThen() {
      if (performance.now() - looked > interval) check();
    },
  };
}
