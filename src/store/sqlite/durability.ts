/**
 * Durability without standing still: COMMIT writes a transaction to the WAL, and the WAL is brought to the disk apart.
 * A disk that is quick is waited for on the spot, which takes less time than telling another thread; a slow one is left
 * to the thread pool, once for all that was committed while it was busy. (With synchronous = FULL SQLite does it within
 * COMMIT, and nothing else is answered until the disk has done its work.)
 */
import { closeSync, fdatasync, fdatasyncSync, openSync } from 'node:fs';
import { StoreError } from '../store-error.ts';

export interface WalSync {
  /**
   * Brings all that has been committed to the disk. Undefined when that is done, else a promise of it. Throws, or
   * rejects with, StoreError `io` if it cannot be done.
   */
  sync(): Promise<void> | undefined;
  /** Throws if it failed once: what the disk has is not known then, and another attempt could succeed in vain. */
  check(): void;
  /** What is under way, or what failed; undefined when all that was committed is on disk. */
  pending(): Promise<void> | undefined;
  /** Lets what is under way end. */
  close(): void;
}

export interface Disk {
  sync(descriptor: number): void;
  syncInThread(descriptor: number, done: (error: Error | null) => void): void;
}

const systemDisk: Disk = { sync: fdatasyncSync, syncInThread: fdatasync };

/** In milliseconds: what a disk may take to be waited for on the spot. */
const quick = 0.5;

/** `file` is the path of the database; one in memory is as durable as it gets. */
export function walSync(file: string | undefined, disk = systemDisk): WalSync {
  if (file === undefined) return { sync: () => undefined, check() {}, pending: () => undefined, close() {} };
  let opened: number | undefined;
  let lasted = 0;
  let running: Promise<void> | undefined;
  let next: Promise<void> | undefined;
  let failure: StoreError | undefined;

  // The first commit has made it, and it stays for as long as the database is open here.
  const descriptor = (): number => (opened ??= openSync(`${file}-wal`, 'r+'));

  const fail = (cause: unknown): StoreError => {
    failure ??= notDurable(cause as NodeJS.ErrnoException);
    return failure;
  };

  const start = (): Promise<void> => {
    const started = performance.now();
    const mine = new Promise<void>((resolve, reject) => {
      disk.syncInThread(descriptor(), (error) => {
        lasted = performance.now() - started;
        if (error !== null) return reject(fail(error));
        if (running === mine) running = undefined;
        resolve();
      });
    });
    // Whoever waits is told; that nobody does is no error.
    mine.catch(() => {});
    running = mine;
    return mine;
  };

  const syncOnTheSpot = (): void => {
    const started = performance.now();
    try {
      disk.sync(descriptor());
    } catch (error) {
      throw fail(error);
    }
    lasted = performance.now() - started;
  };

  return {
    sync() {
      if (running === undefined) {
        if (lasted > quick) return start();
        syncOnTheSpot();
        return undefined;
      }
      // What is under way may have begun before the last commit.
      next ??= running.then(() => {
        next = undefined;
        return start();
      });
      next.catch(() => {});
      return next;
    },
    check() {
      if (failure !== undefined) throw failure;
    },
    pending: () => (failure === undefined ? (next ?? running) : Promise.reject(failure)),
    close() {
      const end = (): void => {
        if (opened !== undefined) closeSync(opened);
        opened = undefined;
      };
      const last = next ?? running;
      if (last === undefined) end();
      else last.then(end, end);
    },
  };
}

function notDurable(cause: NodeJS.ErrnoException): StoreError {
  return new StoreError(
    'io',
    `the disk did not take what was written (${cause.code ?? cause.message})`,
    'Check the disk and the system log, then start the server again: until then it answers nothing.',
    { cause },
  );
}
