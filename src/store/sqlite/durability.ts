/**
 * Durability without standing still: COMMIT writes a transaction to the WAL, and the WAL is brought to the disk apart.
 * A disk that is quick is waited for on the spot, which takes less time than telling another thread, unless others who read
 * would wait too; a slow one is left to the thread pool, once for all that was committed while it was busy. (With synchronous = FULL SQLite does it within
 * COMMIT, and nothing else is answered until the disk has done its work.)
 */
import { closeSync, fdatasync, fdatasyncSync, fstatSync, openSync, realpathSync, statSync } from 'node:fs';
import type { Database } from 'better-sqlite3';
import { StoreError } from '../store-error.ts';

export interface WalSync {
  /**
   * Brings all that has been committed to the disk. Undefined when that is done, else a promise of it. Throws, or
   * rejects with, StoreError `io` if it cannot be done. `about`: the ids of the only resources that show what was committed
   * last; without it any may. `later`: is it not to be
   * waited for on the spot, however quick the disk is?
   */
  sync(about?: Iterable<string>, later?: boolean): Promise<void> | undefined;
  /** Throws if it failed once: what the disk has is not known then, and another attempt could succeed in vain. */
  check(): void;
  /** Throws a StoreError `cannot-open` if the WAL's file is not the one that was opened. */
  checkFile(): void;
  /**
   * What is under way, or what failed; undefined when all that was committed is on disk, or all that the resource of that
   * id shows.
   */
  pending(id?: string): Promise<void> | undefined;
  /** Lets what is under way end. */
  close(): void;
}

export interface Disk {
  sync(descriptor: number): void;
  syncInThread(descriptor: number, done: (error: Error | null) => void): void;
}

const systemDisk: Disk = { sync: fdatasyncSync, syncInThread: fdatasync };

/** Resources that show what is not on the disk yet: by their ids, or any. */
class Shown {
  readonly #ids = new Set<string>();
  #isAny = false;

  add(about: Iterable<string> | undefined): void {
    if (about === undefined) this.#isAny = true;
    else for (const id of about) this.#ids.add(id);
  }

  has(id: string): boolean {
    return this.#isAny || this.#ids.has(id);
  }
}

/** In milliseconds: what a disk may take to be waited for on the spot. */
const quick = 0.5;
/** Of the last so many syncs on the spot half at least must have been quick, */
const looked = 9;
/** and none may take so many milliseconds. */
const tooLong = 20;
/** Before the disk is tried on the spot again so many syncs in the pool are looked at: */
const lookedInPool = 8;
/** the shortest, which is more than the disk took, must have taken fewer milliseconds than this. */
const worthTrying = 2;
/** Of the first so many of a try half at least must be quick; the very first of all syncs decides alone. */
const tried = 5;
/** Milliseconds before a try: at first, and at most, where one after the other shows a slow disk. */
const [firstRest, longestRest] = [100, 2000];

/**
 * Where to wait for a disk: on the spot, or in the thread pool. One sync tells little of it: where processors are short this
 * thread waits for its turn too, and one in the pool waits for two turns. A try costs a few milliseconds at most.
 */
export class SyncPace {
  #isSlow = false;
  /** Milliseconds of the last ones, on the spot and in the pool. */
  #onTheSpot: number[] = [];
  #inPool: number[] = [];
  /** So many on the spot are judged by at least. */
  #fewest = 1;
  /** Since when the disk has been waited for on the spot. */
  #since = Number.NEGATIVE_INFINITY;
  #rest = firstRest;
  #nextTry = 0;

  /** Is the sync that begins now to be waited for on the spot? */
  isOnTheSpot(now: number): boolean {
    if (this.#isSlow && this.#isWorthTrying(now)) {
      this.#isSlow = false;
      this.#onTheSpot = [];
      this.#fewest = tried;
      this.#since = now;
    }
    return !this.#isSlow;
  }

  #isWorthTrying(now: number): boolean {
    const { length } = this.#inPool;
    return now >= this.#nextTry && length === lookedInPool && Math.min(...this.#inPool) < worthTrying;
  }

  tookOnTheSpot(milliseconds: number, now: number): void {
    keepLast(this.#onTheSpot, milliseconds, looked);
    const slow = this.#onTheSpot.filter((each) => each > quick).length;
    if (milliseconds < tooLong && slow * 2 <= Math.max(this.#onTheSpot.length, this.#fewest)) return;
    this.#isSlow = true;
    this.#inPool = [];
    this.#rest = now - this.#since > this.#rest ? firstRest : Math.min(2 * this.#rest, longestRest);
    this.#nextTry = now + this.#rest;
  }

  tookInPool(milliseconds: number): void {
    keepLast(this.#inPool, milliseconds, lookedInPool);
  }
}

function keepLast(values: number[], value: number, count: number): void {
  values.push(value);
  if (values.length > count) values.shift();
}

/**
 * `file` is the path of the database; one in memory is as durable as it gets. `rescue` is called when the WAL's file was
 * removed: what was acknowledged is nowhere but in the file that nobody finds any more.
 */
export function walSync(file: string | undefined, disk = systemDisk, rescue = () => {}): WalSync {
  if (file === undefined)
    return { sync: () => undefined, check() {}, checkFile() {}, pending: () => undefined, close() {} };
  const path = `${file}-wal`;
  let opened: number | undefined;
  const pace = new SyncPace();
  let running: Promise<void> | undefined;
  let next: Promise<void> | undefined;
  /** Of what is under way, and of what was committed since that began. */
  let underWay = new Shown();
  let since = new Shown();
  let failure: StoreError | undefined;
  /** The same for those whose commit may or may not be on the disk. */
  let unknown: StoreError | undefined;

  // It stays for as long as the database is open here.
  const descriptor = (): number => (opened ??= openSync(path, 'r+'));
  try {
    descriptor();
  } catch (error) {
    // The first transaction makes it.
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }

  /** What is told to those whose commits were not brought to the disk; later ones are refused with `failure`. */
  const fail = (cause: unknown): StoreError => {
    if (cause instanceof StoreError) return cause;
    const { code = '' } = cause as NodeJS.ErrnoException;
    // Where no file can be opened the disk has not failed: another attempt may find what it needs.
    if (lacksDescriptors.has(code)) return notDurable(cause as NodeJS.ErrnoException, true);
    failure ??= notDurable(cause as NodeJS.ErrnoException, false);
    unknown ??= notDurable(cause as NodeJS.ErrnoException, true);
    return unknown;
  };

  const lose = (what: string, isOutcomeUnknown: boolean): never => {
    failure ??= lost(path, what, false);
    unknown ??= lost(path, what, true);
    rescue();
    throw isOutcomeUnknown ? unknown : failure;
  };

  /** A file that was removed, or that another took the place of, has no name. */
  const checkName = (): void => {
    if (fstatSync(descriptor()).nlink === 0)
      lose(
        statSync(path, { throwIfNoEntry: false }) === undefined ? 'removed' : 'replaced by another file',
        true,
      );
  };

  const start = (): Promise<void> => {
    const started = performance.now();
    underWay = since;
    since = new Shown();
    const mine = new Promise<void>((resolve, reject) => {
      checkName();
      disk.syncInThread(descriptor(), (error) => {
        pace.tookInPool(performance.now() - started);
        if (error !== null) return reject(fail(error));
        if (running === mine) {
          running = undefined;
          underWay = new Shown();
        }
        resolve();
      });
    });
    // Whoever waits is told; that nobody does is no error.
    mine.catch(() => {});
    running = mine;
    return mine;
  };

  const syncOnTheSpot = (): undefined => {
    const started = performance.now();
    try {
      checkName();
      disk.sync(descriptor());
    } catch (error) {
      throw fail(error);
    }
    since = new Shown();
    const ended = performance.now();
    pace.tookOnTheSpot(ended - started, ended);
  };

  const begin = (later = false): Promise<void> | undefined =>
    !later && pace.isOnTheSpot(performance.now()) ? syncOnTheSpot() : start();

  return {
    sync(about, later) {
      since.add(about);
      if (running === undefined) return begin(later);
      // What is under way may have begun before the last commit.
      next ??= running.then(() => {
        next = undefined;
        return begin();
      });
      next.catch(() => {});
      return next;
    },
    check() {
      if (failure !== undefined) throw failure;
    },
    checkFile() {
      if (failure !== undefined) throw failure;
      if (opened === undefined) return;
      const [own, found] = [fstatSync(opened), statSync(path, { throwIfNoEntry: false })];
      if (found?.ino === own.ino && found.dev === own.dev) return;
      lose(found === undefined ? 'removed' : 'replaced by another file', false);
    },
    pending(id) {
      // Whoever has read or written something must not tell of it.
      if (unknown !== undefined) return Promise.reject(unknown);
      if (id !== undefined && !underWay.has(id) && !since.has(id)) return undefined;
      return next ?? running;
    },
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

/** Milliseconds for which those who read in older snapshots are waited for where a WAL was removed. */
const rescueTimeout = 2000;

/**
 * From now on commits are durable only after its `sync`, where it has one to make. `leave` ends the transaction that the
 * connection may be reading in.
 */
export function walOf(db: Database, leave: () => void): WalSync {
  // Node's permission model lets nobody call fdatasync: then SQLite does it, within each commit.
  if (db.memory || process.permission !== undefined) return walSync(undefined);
  db.pragma('synchronous = NORMAL');
  // SQLite puts the WAL beside the file itself, not beside a link to it, with the first transaction.
  db.prepare('SELECT 1 FROM tenant LIMIT 1').get();
  return walSync(realpathSync(db.name), undefined, () => {
    try {
      // Within a transaction nothing can be copied, and what came after an older snapshot only when that has ended.
      leave();
      db.pragma(`busy_timeout = ${rescueTimeout}`);
      const end = performance.now() + rescueTimeout;
      // Another thread that copies just now is not waited for by SQLite itself.
      while (db.pragma('wal_checkpoint(FULL)', { simple: true }) === 1 && performance.now() < end);
    } catch {
      // Nothing can be saved; that the file has gone is told anyway.
    }
  });
}

/** What other connections commit, and somebody else brings to the disk. */
export class DurableElsewhere {
  readonly #ask: () => Promise<void>;
  /** How often others have been seen to commit, and up to where all is known to be on the disk. */
  #seen = 0;
  #durable = 0;
  #asked: { readonly upTo: number; readonly answer: Promise<void> } | undefined;

  /** `ask` resolves when all that anybody has committed by now is on the disk. */
  constructor(ask: () => Promise<void>) {
    this.#ask = ask;
  }

  wrote(): void {
    this.#seen++;
  }

  /** As in {@link WalSync}. */
  pending(): Promise<void> | undefined {
    const upTo = this.#seen;
    if (this.#durable === upTo) return undefined;
    if (this.#asked?.upTo !== upTo)
      this.#asked = {
        upTo,
        answer: this.#ask().then(
          () => {
            this.#durable = Math.max(this.#durable, upTo);
          },
          (error: unknown) => {
            this.#asked = undefined;
            throw error;
          },
        ),
      };
    return this.#asked.answer;
  }
}

const lacksDescriptors: ReadonlySet<string> = new Set(['EMFILE', 'ENFILE']);

function lost(path: string, what: string, isOutcomeUnknown: boolean): StoreError {
  return new StoreError(
    'cannot-open',
    `${path} was ${what} while the server runs`,
    'Stop the server and start it again; what it had acknowledged was written to the database where that could still be done. The files beside a database in use are a part of it: copy it with scimd backup, and remove nothing.',
    { isOutcomeUnknown },
  );
}

function notDurable(cause: NodeJS.ErrnoException, isOutcomeUnknown: boolean): StoreError {
  return new StoreError(
    'io',
    `the disk failed to persist a write (${cause.code ?? cause.message})`,
    'Check the disk and the system log, then start the server again: until then it answers nothing.',
    { cause, isOutcomeUnknown },
  );
}
