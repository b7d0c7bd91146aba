/**
 * When the WAL is copied into the database. SQLite does it with each commit that finds 1,000 frames in the WAL, which begins anew
 * then, unless somebody reads on in a snapshot. Where such readers follow one another it never begins anew, and each of them lets
 * SQLite copy a little, for which every request waits: here it is done after 1,000 more frames, however many there are.
 *
 * Under load a thread does it, and whoever reads does not wait for it. What is committed meanwhile would keep the WAL from
 * beginning anew for ever, so commits wait for the thread when they become many, and while it copies those few frames too.
 * Shown by the workload `interference` of npm run bench.
 */
import type { Database } from 'better-sqlite3';
import { CheckpointThread, type CheckpointThreadOptions } from './checkpoint-thread.ts';

/** Frames, of a page each. */
const every = 1000;
/** Commits wait for the copy that is under way once so many frames have been written since it began. */
const most = 100;
/** Milliseconds between two tries to empty it while others read, each of which copies and waits for the disk. */
const emptyEvery = 1000;
/** Milliseconds within which so many frames are written where a thread is worth its memory. */
const soon = 10_000;

export interface Checkpoints {
  /** To be called before each commit of the connection: makes up for a copy that failed. Throws where it fails again. */
  committing(): void;
  /** To be called after each commit of the connection. It never throws, since what was committed stays so. */
  committed(): void;
  /** What the next commit is to wait for, so that the WAL can begin anew. It never rejects. */
  before(): Promise<void> | undefined;
  /** Is the thread at it, which keeps the disk busy? */
  isUnderWay(): boolean;
  /** Did the last copy fail? Whoever commits next tries it over this connection first, and is told why. */
  hasFailed(): boolean;
  /** Resolves when the thread has closed its connection; undefined if there is none. */
  close(): Promise<void> | undefined;
}

const inMemory: Checkpoints = {
  committing() {},
  committed() {},
  before: () => undefined,
  isUnderWay: () => false,
  hasFailed: () => false,
  close: () => undefined,
};

/** Connections that have erased somebody whom the WAL still has. */
const toBeEmptied = new WeakSet<Database>();

/** Whom the transaction erases is not to stand in the WAL either: it is emptied as soon as nobody reads on in it. */
export function emptyWalOf(db: Database): void {
  toBeEmptied.add(db);
}

/** `inThread`: where a thread may do it. */
export function checkpoints(db: Database, inThread?: CheckpointThreadOptions): Checkpoints {
  if (db.memory) return inMemory;
  db.pragma('wal_autocheckpoint = 0');
  const look = db.prepare('PRAGMA main.wal_checkpoint(NOOP)').raw();
  const copy = db.prepare('PRAGMA main.wal_checkpoint(PASSIVE)').raw();
  const empty = db.prepare('PRAGMA main.wal_checkpoint(TRUNCATE)').raw();
  const thread = inThread === undefined ? undefined : new CheckpointThread(inThread);
  /** Frames that there are, and that there were when a copy began last; when that was. */
  let [frames, last, lastAt] = [0, 0, Number.NEGATIVE_INFINITY];
  let underWay: Promise<void> | undefined;
  /** Were some committed meanwhile, or did a transaction of this connection keep some back? */
  let isRestDue = false;
  let failed = false;

  const copyIn = (of: CheckpointThread, whileNobodyWrites: boolean): Promise<void> => {
    last = frames;
    underWay = of.copy().then(
      (copied) => {
        underWay = undefined;
        isRestDue = !whileNobodyWrites && copied < frames;
      },
      () => {
        underWay = undefined;
        failed = true;
      },
    );
    return underWay;
  };

  /** When others still read. */
  let triedAt = Number.NEGATIVE_INFINITY;
  /** Waits for no reader: then a later commit tries it again. */
  const emptyNow = (): void => {
    triedAt = performance.now();
    const timeout = Number(db.pragma('busy_timeout', { simple: true }));
    db.pragma('busy_timeout = 0');
    try {
      const [busy] = empty.get() as [busy: number, frames: number, copied: number];
      if (busy !== 0) return;
      toBeEmptied.delete(db);
      triedAt = Number.NEGATIVE_INFINITY;
    } finally {
      db.pragma(`busy_timeout = ${timeout}`);
    }
  };

  const copyHere = (): void => {
    copy.get();
    failed = false;
    last = frames;
  };

  const copyWhatIsDue = (): void => {
    const isDue = toBeEmptied.has(db) && underWay === undefined && performance.now() - triedAt >= emptyEvery;
    if (isDue) emptyNow();
    [, frames] = look.get() as [busy: number, frames: number, copied: number];
    // It has begun anew.
    if (frames < last) {
      last = 0;
      isRestDue = false;
    }
    if (underWay !== undefined || frames - last < every) return;
    const now = performance.now();
    const isWorthIt = now - lastAt < soon;
    lastAt = now;
    if (isWorthIt && thread?.isOpen()) void copyIn(thread, false);
    else copyHere();
  };

  return {
    committing() {
      if (failed && underWay === undefined) copyHere();
    },
    committed() {
      try {
        copyWhatIsDue();
      } catch {
        failed = true;
      }
    },
    before() {
      if (underWay !== undefined) return frames - last > most ? underWay : undefined;
      if (!isRestDue || thread === undefined) return undefined;
      isRestDue = false;
      return thread.isOpen() ? copyIn(thread, true) : undefined;
    },
    isUnderWay: () => underWay !== undefined,
    hasFailed: () => failed,
    close: () => thread?.close(),
  };
}
