/**
 * One read transaction for each tick of the event loop: taking SQLite's read lock for every statement costs more
 * than most statements do. It ends with the tick, and before any write, so whoever was told of a write reads it.
 * Shown by the workload `get` of npm run bench.
 */
import type { Database } from 'better-sqlite3';
import { closed, isBusy, toStoreError } from './errors.ts';

export interface Snapshot {
  /** Runs `action` within the transaction. Throws a StoreError when nothing may be read, or after {@link close}. */
  read<T>(action: () => T): T;
  /**
   * Have others read in this tick than the so many who write, who have read who they are? That is told of the last tick in which
   * anybody read.
   */
  othersRead(writes: number): boolean;
  /** At the end of the tick, and before a write. */
  leave(): void;
  close(): void;
}

/** Milliseconds that a statement stands still for another process: everybody would. */
const shortly = 10;

/**
 * `check` throws, at the start of the transaction, if nothing may be read. From here on statements of the connection wait
 * for another process for some milliseconds only, and reads for `busyTimeout` when they are tried again: they meet one only
 * while it puts right what a third has left behind.
 */
export function readSnapshot(db: Database, check: () => void, busyTimeout: number): Snapshot {
  const shorter = Math.min(shortly, busyTimeout);
  db.pragma(`busy_timeout = ${shorter}`);
  const begin = db.prepare('BEGIN');
  const end = db.prepare('COMMIT');
  const undo = db.prepare('ROLLBACK');
  // What only this connection has needs no transaction to stay as it is.
  const lasting = db.memory;
  let open = false;
  let reads = 0;
  /** So many of them were before the last tick with any. */
  let before = 0;
  let isOver = false;
  let isClosed = false;
  const leave = (): void => {
    if (!open) return;
    open = false;
    if (!db.inTransaction) return;
    try {
      end.run();
    } catch {
      // A damaged file: whoever read it was told. A failure here would be nobody's, and end the process.
      if (db.inTransaction) undo.run();
    }
  };
  const endTick = (): void => {
    leave();
    isOver = true;
  };
  const enter = (): void => {
    begin.run();
    open = true;
    if (isOver) before = reads;
    isOver = false;
    setImmediate(endTick);
    try {
      check();
    } catch (error) {
      leave();
      throw error;
    }
  };
  const readNow = <T>(action: () => T): T => {
    if (!open && !lasting) enter();
    reads++;
    return action();
  };
  /** Waiting for the other process for as long as it may take. */
  const readAgain = <T>(action: () => T): T => {
    db.pragma(`busy_timeout = ${busyTimeout}`);
    try {
      return readNow(action);
    } catch (error) {
      throw toStoreError(error);
    } finally {
      db.pragma(`busy_timeout = ${shorter}`);
    }
  };
  return {
    read(action) {
      try {
        if (isClosed) throw closed();
        return readNow(action);
      } catch (error) {
        if (!isBusy(error)) throw toStoreError(error);
        return readAgain(action);
      }
    },
    othersRead: (writes) => reads - before > writes,
    leave,
    close() {
      leave();
      isClosed = true;
    },
  };
}

/** Notices that another connection has written, so that what is kept in memory is not older than the database. */
export interface DataVersion {
  /** At the start of a transaction: calls the listeners if other connections have committed since the last one. */
  check(): void;
  onWrite(listener: () => void): void;
}

export function dataVersion(db: Database): DataVersion {
  // Changes only when another connection commits.
  const version = db.prepare<[], number>('PRAGMA data_version').pluck();
  const listeners: (() => void)[] = [];
  let seen: number | undefined;
  return {
    check() {
      const now = version.get();
      if (now === seen) return;
      seen = now;
      for (const listener of listeners) listener();
    },
    onWrite(listener) {
      listeners.push(listener);
    },
  };
}
