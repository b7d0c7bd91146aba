/**
 * Lists that look at many rows run in a thread with a connection of its own, so that requests which take microseconds do
 * not wait for those that take milliseconds. The thread begins with the first of them.
 */
import { Worker } from 'node:worker_threads';
import Sqlite from 'better-sqlite3';
import type { ListJob, ListRows } from '../sql/list-job.ts';
import { loadedAddon } from './addon-file.ts';
import { closed, toStoreError } from './errors.ts';
import { scanProgram } from './scan-program.ts';

/** What the thread is given at its start. */
export interface ScanThreadData {
  readonly file: string;
  readonly busyTimeout: number | undefined;
  /** The file that SQLite's addon was loaded from, where the program brings its own. */
  readonly addon: string | undefined;
  /** Where the thread's program finds its packages. */
  readonly packages: string;
}

/** What the thread answers: an error of SQLite keeps its code. */
export type ScanAnswer = { readonly id: number } & (
  | { readonly found: ListRows }
  | { readonly error: { readonly message: string; readonly code: string | undefined } }
);

/** The thread could not begin, or came to an end by itself. */
export class ScanThreadFailure extends Error {
  override readonly name = 'ScanThreadFailure';
}

export interface ScanThread {
  /** So many resources are looked through in less time than it takes to have the thread do it. */
  readonly few: number;
  /** Rejects as a read of the main thread does, or with a ScanThreadFailure, after which no further job is taken. */
  list(job: ListJob): Promise<ListRows>;
  /** Takes no more jobs; resolves when the thread has ended, undefined if there is none. */
  close(): Promise<void> | undefined;
}

export interface ScanThreadOptions {
  readonly file: string;
  readonly busyTimeout: number | undefined;
  readonly few: number | undefined;
}

interface Waiting {
  readonly resolve: (found: ListRows) => void;
  readonly reject: (error: unknown) => void;
}

export function scanThread({ file, busyTimeout, few = 1000 }: ScanThreadOptions): ScanThread {
  const waiting = new Map<number, Waiting>();
  let worker: Worker | undefined;
  let ended = false;
  let failure: ScanThreadFailure | undefined;
  let last = 0;

  const rejectAll = (error: unknown): void => {
    for (const { reject } of waiting.values()) reject(error);
    waiting.clear();
  };

  const settle = (answer: ScanAnswer): void => {
    const job = waiting.get(answer.id);
    waiting.delete(answer.id);
    if (waiting.size === 0) worker?.unref();
    if ('found' in answer) job?.resolve(answer.found);
    else job?.reject(errorOf(answer.error));
  };

  /** Once and for all: what made it fail would make it fail again. */
  const fail = (what: string, cause: unknown): ScanThreadFailure => {
    if (failure === undefined) {
      failure = new ScanThreadFailure(`${what}: scans hold up other requests from now on`, { cause });
      process.emitWarning(failure);
    }
    return failure;
  };

  const start = (): Worker => {
    const { program, packages, execArgv } = scanProgram();
    const workerData: ScanThreadData = { file, busyTimeout, addon: loadedAddon(), packages };
    // Rows are handed over as soon as they are read: more room for them is no faster, and 50 MB of memory.
    const resourceLimits = { maxYoungGenerationSizeMb: 8 };
    const thread = new Worker(program, {
      eval: typeof program === 'string',
      workerData,
      resourceLimits,
      execArgv,
    });
    thread.on('message', settle);
    const end = (cause?: Error): void => {
      worker = undefined;
      rejectAll(ended ? closed() : fail('the scan thread has ended', cause));
    };
    thread.on('error', end);
    thread.on('exit', () => end());
    return thread;
  };

  return {
    few,
    list(job) {
      if (ended || failure !== undefined) return Promise.reject(failure ?? closed());
      try {
        worker ??= start();
      } catch (cause) {
        return Promise.reject(fail('the scan thread cannot begin', cause));
      }
      const id = ++last;
      return new Promise((resolve, reject) => {
        waiting.set(id, { resolve, reject });
        worker?.ref();
        worker?.postMessage({ id, job });
      });
    },
    close() {
      ended = true;
      const thread = worker;
      if (thread === undefined) return undefined;
      thread.ref();
      thread.postMessage('close');
      return new Promise((resolve) => thread.once('exit', () => resolve()));
    },
  };
}

function errorOf({ message, code }: { message: string; code: string | undefined }): unknown {
  return code?.startsWith('SQLITE_')
    ? toStoreError(new Sqlite.SqliteError(message, code))
    : new Error(message);
}
