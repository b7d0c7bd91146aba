/**
 * The threads in which lists run that look at many rows, so that requests which take microseconds do not wait for those that
 * take milliseconds or more. Tenants take turns, and none has more than its share of the threads. Each begins when it is
 * first needed.
 */
import { availableParallelism } from 'node:os';
import { FairQueue } from '../fair-queue.ts';
import type { ListJob, ListRows } from '../sql/list-job.ts';
import type { Work } from '../work.ts';
import { closed } from './errors.ts';
import { mostAtOnce, ScanThread, ScanThreadFailure, type ScanThreadOptions } from './scan-thread.ts';

/** Two at least, so that one tenant never holds up all others; each takes some 15 MB. */
const places = Math.min(4, Math.max(2, availableParallelism() - 1));
const share = Math.max(1, places >> 1);

/** Milliseconds that what runs is given to end by itself when the store is closed. */
const patience = 1000;

/** So many threads in turn that end before they have answered anything: there can be none here. */
const mostFailedStarts = 5;

export interface ScanThreads {
  /** So many resources are looked through in less time than it takes to have a thread do it. */
  readonly few: number;
  /**
   * Rejects as a read of the main thread does, with a WorkError, or with a ScanThreadFailure where there are no threads.
   */
  list(job: ListJob, work: Work | undefined): Promise<ListRows>;
  /** Takes no more jobs and ends those that run; resolves when all threads have ended, undefined if there is none. */
  close(): Promise<void> | undefined;
}

export interface ScanThreadsOptions extends ScanThreadOptions {
  readonly few: number | undefined;
  /** Milliseconds without a list after which the threads end. */
  readonly idle: number | undefined;
}

export function scanThreads(options: ScanThreadsOptions): ScanThreads {
  const { few = 1000, idle = 30_000 } = options;
  const queue = new FairQueue<number>(places * mostAtOnce, share * mostAtOnce);
  const threads = new Set<ScanThread>();
  const ending = new Set<Promise<void>>();
  let failure: ScanThreadFailure | undefined;
  let failedStarts = 0;
  let isClosed = false;

  const rest = setTimeout(() => {
    for (const thread of threads)
      if (!thread.isBusy) {
        threads.delete(thread);
        const end = thread.close().finally(() => ending.delete(end));
        ending.add(end);
      }
    if (threads.size > 0) rest.refresh();
  }, idle).unref();

  /** Once and for all: what made it fail would make it fail again. */
  const fail = (what: string, cause: unknown): ScanThreadFailure => {
    if (failure === undefined) {
      failure = new ScanThreadFailure(`${what}: scans hold up other requests from now on`, { cause });
      process.emitWarning(failure);
    }
    return failure;
  };

  /** There is one: jobs wait in the queue for their places, of which each thread has as many as it is sent brief jobs at once. */
  const freeThread = ({ brief, tenant }: ListJob): ScanThread => {
    const all = [...threads];
    const own = all.filter((thread) => thread.isOf(tenant));
    const found =
      (brief && own.length >= share ? own.find((thread) => thread.takesMore) : undefined) ??
      all.find((thread) => !thread.isBusy) ??
      (all.length < places ? undefined : all.find((thread) => thread.takesMore));
    if (found !== undefined) return found;
    try {
      const thread: ScanThread = new ScanThread(options, (cause) => {
        threads.delete(thread);
        // One that worked and ended met a job that was too much for it: the next job gets another. One that did not may have
        // lacked what will be there again.
        if (thread.hasWorked) failedStarts = 0;
        else if (++failedStarts >= mostFailedStarts) fail('the scan thread has ended', cause);
      });
      threads.add(thread);
      return thread;
    } catch (cause) {
      throw fail('the scan thread cannot begin', cause);
    }
  };

  return {
    few,
    async list(job, work) {
      if (isClosed) throw closed();
      if (failure !== undefined) throw failure;
      rest.refresh();
      return queue.run(job.tenant, () => freeThread(job).list(job, work), work, job.brief ? 1 : mostAtOnce);
    },
    close() {
      isClosed = true;
      clearTimeout(rest);
      queue.close(closed);
      if (threads.size === 0 && ending.size === 0) return undefined;
      return (async () => {
        const end = performance.now() + patience;
        const isBusy = () => [...threads].some((thread) => thread.isBusy);
        while (isBusy() && performance.now() < end) await new Promise((resolve) => setTimeout(resolve, 5));
        await Promise.all([
          ...ending,
          ...[...threads].map((thread) => {
            thread.cancel();
            return thread.close();
          }),
        ]);
      })();
    },
  };
}
