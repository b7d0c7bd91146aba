/**
 * Group commit: commands that arrive together share one transaction and one durable commit; no promise settles before
 * it is on disk. A lone command does not wait for company: it runs as soon as its turn of the event loop has read its
 * input. Several wait for those that are on their way, as long as each further turn brings more (measured: a sixth more
 * of them in a second, since they share the pages that are written too).
 *
 * Commands nearly always succeed, so they run without savepoints first, which would copy every page that two of
 * them write to. When one fails all is rolled back and done again, each in a savepoint, so that a failing command
 * takes back only itself: commands must depend on nothing but the database.
 */
import type { Database } from 'better-sqlite3';
import { StoreError, type StoreErrorCode } from '../store-error.ts';
import { type Checkpoints, checkpoints } from './checkpoints.ts';
import type { Counters } from './counters.ts';
import type { WalSync } from './durability.ts';
import { isBusy, closed as storeClosed, toStoreError } from './errors.ts';

interface Job {
  readonly run: () => unknown;
  /** Must it not be run twice? */
  readonly once: boolean;
  /** As of {@link GroupCommit.run}. */
  readonly shownBy?: ((value: unknown) => readonly string[] | undefined) | undefined;
  /** Does it write elsewhere, and answer when that is durable? */
  readonly away?: true | undefined;
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: unknown) => void;
}

/** What another attempt, a moment later, would not do away with. */
const lasting: ReadonlySet<string> = new Set<StoreErrorCode>([
  'full',
  'readonly',
  'io',
  'corrupt',
  'cannot-open',
]);

/** Milliseconds between two tries to get the right to write from another process. */
const pause = 5;

/** Turns of the event loop that the first of several waits for more. */
const mostTurns = 3;

/** What became of a job. */
type Outcome =
  | { readonly job: Job; readonly value: unknown }
  | { readonly job: Job; readonly error: unknown };

interface RunOptions<T> {
  readonly once?: boolean;
  readonly shownBy?: (value: T) => readonly string[] | undefined;
  readonly failed?: (error: unknown) => T;
}

export interface GroupCommit {
  /**
   * Runs the command with others that come now; settles when it is durable, or when it failed. `once`: it is not run
   * again where another one fails. `shownBy`: the ids of the only resources that show what it did; any may without it.
   * `failed`: what it resolves with where it would reject.
   */
  run<T>(command: () => T, more?: RunOptions<T>): Promise<T>;
  /**
   * The same for what nobody is kept waiting by: it is committed with the commands that come in this turn, or else while
   * nobody waits, and is durable with those that come next, or by itself after so many milliseconds.
   */
  ride<T>(command: () => T, milliseconds: number): Promise<T>;
  /**
   * In its place between the others, runs a command that writes over another connection, and answers when what it wrote is
   * durable. Those that come later wait for it; readers do not.
   */
  away<T>(command: () => Promise<T>): Promise<T>;
  /** Has nothing been written since the disk, or the right to write, failed? */
  isFailing(): boolean;
  /** Runs what waits, and refuses what comes later. A promise where a command is away. */
  close(): Promise<void> | undefined;
}

export interface CommitOptions {
  /**
   * Have others read in this turn than the so many who write? They will soon ask again: then the disk is not waited for on the
   * spot. Shown by the workload `interference` of npm run bench.
   */
  othersRead?(writes: number): boolean;
  /** Ends the turn's read transaction, which could not become a writing one. */
  beforeWrite(): void;
  /** Throws, within the transaction, if nothing may be written. */
  check(): void;
  /** What commands count is written once for all of them. */
  readonly counts?: Pick<Counters, 'write' | 'forget'>;
  /** Is told that something was written and is durable, before who wrote it is. */
  written?(): void;
  /** Milliseconds for which commands wait while another process writes. */
  readonly busyTimeout?: number;
  /** Copy the WAL into the database. Without it this connection does, on the spot. */
  readonly copies?: Checkpoints;
}

/** `wal` brings commits to the disk. */
export function groupCommit(
  db: Database,
  wal: WalSync,
  {
    beforeWrite,
    othersRead,
    check,
    counts,
    written,
    busyTimeout = 0,
    copies = checkpoints(db),
  }: CommitOptions,
): GroupCommit {
  const begin = db.prepare('BEGIN IMMEDIATE');
  const commit = db.prepare('COMMIT');
  const rollback = db.prepare('ROLLBACK');
  const savepoint = db.prepare('SAVEPOINT command');
  const release = db.prepare('RELEASE command');
  const undo = db.prepare('ROLLBACK TO command');
  let waiting: Job[] = [];
  let riding: Job[] = [];
  let departure: NodeJS.Timeout | undefined;
  /** Committed, and on the disk with what is committed next. */
  let ridden: Outcome[] = [];
  let closed = false;
  let failing = false;
  /** Settles when the command that is away has come back, or the right to write is to be asked for again. */
  let absence: Promise<void> | undefined;
  /** Since when another process writes. */
  let busySince: number | undefined;

  const runInSavepoint = (job: Job): Outcome => {
    savepoint.run();
    try {
      const value = job.run();
      counts?.write();
      release.run();
      return { job, value };
    } catch (error) {
      counts?.forget();
      // A full disk and its like make SQLite take back the whole transaction: then no command of it holds.
      if (!db.inTransaction) throw error;
      undo.run();
      release.run();
      return { job, error: toStoreError(error) };
    }
  };

  const inTransaction = (action: () => Outcome[]): Outcome[] => {
    begin.run();
    try {
      check();
      const outcomes = action();
      counts?.write();
      commit.run();
      copies.committed();
      return outcomes;
    } catch (error) {
      counts?.forget();
      if (db.inTransaction) rollback.run();
      throw error;
    }
  };

  const runTogether = (jobs: readonly Job[]): Outcome[] => {
    let failed = false;
    const run = (job: Job): Outcome => {
      try {
        return { job, value: job.run() };
      } catch (error) {
        failed = true;
        throw error;
      }
    };
    if (jobs.some(({ once }) => once)) return inTransaction(() => jobs.map(runInSavepoint));
    try {
      return inTransaction(() => jobs.map(run));
    } catch (error) {
      if (!failed || jobs.length === 1) throw error;
      return inTransaction(() => jobs.map(runInSavepoint));
    }
  };

  const note = (error: unknown): unknown => {
    const reason = toStoreError(error);
    if (reason instanceof StoreError && lasting.has(reason.code)) failing = true;
    return reason;
  };

  const sendAway = async (job: Job): Promise<void> => {
    try {
      wal.check();
      beforeWrite();
      const value = await job.run();
      failing = false;
      written?.();
      job.resolve(value);
    } catch (error) {
      job.reject(note(error));
    }
  };

  /** Those that are done next, in the order in which they came; the others go on waiting. */
  const next = (): readonly Job[] => {
    const jobs = riding.length === 0 ? waiting : [...riding, ...waiting];
    const first = jobs.findIndex(({ away }) => away);
    waiting = first < 0 ? [] : jobs.slice(Math.max(1, first));
    riding = [];
    return first < 0 ? jobs : jobs.slice(0, Math.max(1, first));
  };

  const goOnAfter = (what: Promise<void>): void => {
    absence = what.then(() => {
      absence = undefined;
      flush();
    });
  };

  const isWorthAnotherTry = (error: unknown): boolean => {
    busySince = isBusy(error) ? (busySince ?? performance.now()) : undefined;
    return busySince !== undefined && performance.now() - busySince < busyTimeout;
  };

  const flush = (): void => {
    if (absence !== undefined || waiting.length + riding.length + ridden.length === 0) return;
    const copied = copies.before();
    if (copied !== undefined) {
      goOnAfter(copied);
      return;
    }
    const jobs = next();
    const [job] = jobs;
    if (job?.away) {
      goOnAfter(sendAway(job));
      return;
    }
    commitAll(jobs);
    if (waiting.length > 0) flush();
  };

  const refuse = (error: unknown, jobs: readonly Job[]): void => {
    const reason = note(error);
    for (const job of jobs) job.reject(reason);
  };

  /** In one transaction; undefined where it was not committed, and who waits is told, or waits on. */
  const committed = (jobs: readonly Job[]): readonly Outcome[] | undefined => {
    try {
      wal.check();
      beforeWrite();
      copies.committing();
      const outcomes = runTogether(jobs);
      busySince = undefined;
      return outcomes;
    } catch (error) {
      if (isWorthAnotherTry(error)) {
        waiting = [...jobs, ...waiting];
        goOnAfter(new Promise((resolve) => setTimeout(resolve, pause)));
      } else {
        busySince = undefined;
        refuse(error, jobs);
      }
      return undefined;
    }
  };

  const commitAll = (jobs: readonly Job[]): void => {
    const isShared = othersRead?.(jobs.length) === true;
    const fresh = jobs.length === 0 ? [] : committed(jobs);
    if (fresh === undefined) return;
    const all = ridden.length === 0 ? fresh : [...ridden, ...fresh];
    ridden = [];
    clearTimeout(departure);
    departure = undefined;
    const settle = (): void => {
      failing = false;
      if (fresh.length > 0) written?.();
      for (const outcome of all) {
        if ('error' in outcome) outcome.job.reject(outcome.error);
        else outcome.job.resolve(outcome.value);
      }
    };
    const fail = (error: unknown): void => {
      refuse(
        error,
        all.map(({ job }) => job),
      );
    };
    try {
      wal.check();
      const synced = wal.sync(allShown(fresh), isShared || copies.isUnderWay());
      if (synced === undefined) settle();
      else synced.then(settle, fail);
    } catch (error) {
      fail(error);
    }
  };

  const departWithin = (milliseconds: number): void => {
    departure ??= setTimeout(() => {
      departure = undefined;
      flush();
      if (ridden.length > 0) departWithin(milliseconds);
    }, milliseconds);
  };

  /** Commits what rides while nobody waits, who would wait for it too. */
  const rideAlone = (): void => {
    if (absence !== undefined || waiting.length > 0 || riding.length === 0) return;
    if (copies.before() !== undefined) return;
    const jobs = riding;
    riding = [];
    ridden.push(...(committed(jobs) ?? []));
  };

  const gather = (before: number, turns: number): void => {
    const { length } = waiting;
    if (length > 1 && length > before && turns < mostTurns) setImmediate(gather, length, turns + 1);
    else flush();
  };

  const enqueue = (job: Job): void => {
    if (closed) {
      job.reject(storeClosed());
      return;
    }
    if (waiting.length === 0) setImmediate(gather, 0, 0);
    waiting.push(job);
  };

  return {
    run: <T>(command: () => T, { once = false, shownBy, failed }: RunOptions<T> = {}) =>
      new Promise<T>((resolve, reject) => {
        enqueue({
          run: command,
          once,
          shownBy: shownBy as Job['shownBy'],
          away: undefined,
          resolve: resolve as Job['resolve'],
          reject: failed === undefined ? reject : (error) => resolve(failed(error)),
        });
      }),
    ride<T>(command: () => T, milliseconds: number): Promise<T> {
      if (closed) return Promise.reject(storeClosed());
      return new Promise<T>((resolve, reject) => {
        departWithin(milliseconds);
        if (riding.length === 0) setImmediate(rideAlone);
        riding.push({ run: command, once: false, resolve: resolve as (value: unknown) => void, reject });
      });
    },
    away: <T>(command: () => Promise<T>) =>
      new Promise<T>((resolve, reject) => {
        enqueue({ run: command, once: false, away: true, resolve: resolve as Job['resolve'], reject });
      }),
    isFailing: () => failing || copies.hasFailed(),
    close() {
      closed = true;
      flush();
      clearTimeout(departure);
      if (absence === undefined) {
        wal.close();
        return undefined;
      }
      return (async () => {
        while (absence !== undefined) await absence;
        wal.close();
      })();
    },
  };
}

/** The ids of the only resources that show what the jobs did; undefined where any may. */
function allShown(outcomes: readonly Outcome[]): string[] | undefined {
  const all: string[] = [];
  for (const outcome of outcomes) {
    // What failed was taken back.
    if ('error' in outcome) continue;
    const ids = outcome.job.shownBy?.(outcome.value);
    if (ids === undefined) return undefined;
    for (const id of ids) all.push(id);
  }
  return all;
}
