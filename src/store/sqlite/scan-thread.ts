/** A thread with a connection of its own that lists run in which look at many rows, one after the other. */
import { Worker } from 'node:worker_threads';
import Sqlite from 'better-sqlite3';
import type { ListJob, ListRows } from '../sql/list-job.ts';
import { ended, type Work, type WorkError, type WorkErrorCode } from '../work.ts';
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
  /** Ids of jobs that are not wanted any more: each at the place of the id by their number, which no two at once share. */
  readonly unwanted: SharedArrayBuffer;
}

export interface ScanRequest {
  readonly id: number;
  readonly job: ListJob;
  /** What it may spend. */
  readonly values: number;
  readonly milliseconds: number;
}

/** What the thread answers: an error of SQLite keeps its code. */
export type ScanAnswer = { readonly id: number; readonly spent: number } & (
  | { readonly found: ListRows }
  | { readonly stopped: WorkErrorCode }
  | { readonly error: { readonly message: string; readonly code: string | undefined } }
);

/** The thread could not begin, or came to an end by itself. */
export class ScanThreadFailure extends Error {
  override readonly name = 'ScanThreadFailure';
}

export interface ScanThreadOptions {
  readonly file: string;
  readonly busyTimeout: number | undefined;
}

/** So many brief jobs a thread is sent at once: when it has done one it need not wait for the next. */
export const mostAtOnce = 2;

interface Running {
  readonly job: ListJob;
  readonly work: Work | undefined;
  readonly resolve: (found: ListRows) => void;
  readonly reject: (error: unknown) => void;
  forget: () => void;
  /** Why it was ended before it was done. */
  why: WorkError | undefined;
}

/** Milliseconds that a thread is given to end by itself. */
const patience = 1000;

export class ScanThread {
  readonly #worker: Worker;
  readonly #unwanted = new Int32Array(new SharedArrayBuffer(4 * mostAtOnce));
  readonly #onEnd: (cause: unknown) => void;
  readonly #running = new Map<number, Running>();
  #last = 0;
  #isClosing = false;
  #closed = Promise.withResolvers<void>();
  /** Has it ever answered? */
  hasWorked = false;

  /** Throws where there may be no threads. `onEnd` is told when it ended by itself. */
  constructor({ file, busyTimeout }: ScanThreadOptions, onEnd: (cause: unknown) => void) {
    this.#onEnd = onEnd;
    const { program, packages } = scanProgram();
    const unwanted = this.#unwanted.buffer as SharedArrayBuffer;
    const workerData: ScanThreadData = { file, busyTimeout, addon: loadedAddon(), packages, unwanted };
    const isText = typeof program === 'string';
    // Rows are handed over as soon as they are read: more room for them is no faster, and 50 MB of memory. With less than 2 GB in
    // all, V8 does not map what it has built in once more for the thread, which is 2 MB.
    const resourceLimits = { maxYoungGenerationSizeMb: 3, maxOldGenerationSizeMb: 1024 };
    const options = { eval: isText, workerData, resourceLimits };
    this.#worker = new Worker(program, isText ? { ...options, execArgv: [] } : options);
    this.#worker.on('message', (answer: ScanAnswer | 'closed') => {
      if (answer === 'closed') this.#closed.resolve();
      else this.#settle(answer);
    });
    this.#worker.on('error', (cause) => this.#ended(cause));
    this.#worker.on('exit', () => this.#ended(undefined));
    this.#worker.unref();
  }

  get isBusy(): boolean {
    return this.#running.size > 0;
  }

  /** May one more job be sent, which is not for long behind the others? */
  get takesMore(): boolean {
    return this.#running.size < mostAtOnce && this.#jobs.every(({ brief }) => brief);
  }

  /** Has it jobs of the tenant? */
  isOf(tenant: number): boolean {
    return this.#jobs.some((job) => job.tenant === tenant);
  }

  get #jobs(): ListJob[] {
    return [...this.#running.values()].map(({ job }) => job);
  }

  /**
   * Rejects as a read of the main thread does, or with a ScanThreadFailure where the thread ended. For a thread that is not
   * busy, or takes more.
   */
  list(job: ListJob, work: Work | undefined): Promise<ListRows> {
    const id = ++this.#last;
    return new Promise((resolve, reject) => {
      const running: Running = { job, work, resolve, reject, forget: () => {}, why: undefined };
      running.forget =
        work?.onEnd((why) => {
          running.why = why;
          this.#cancel(id);
        }) ?? running.forget;
      this.#running.set(id, running);
      this.#worker.ref();
      const [values, milliseconds] = [work?.left ?? Infinity, work?.milliseconds ?? Infinity];
      this.#worker.postMessage({ id, job, values, milliseconds } satisfies ScanRequest);
    });
  }

  /** Ends the jobs that run, if some do, within some hundred rows. */
  cancel(): void {
    for (const id of this.#running.keys()) this.#cancel(id);
  }

  #cancel(id: number): void {
    Atomics.store(this.#unwanted, id % mostAtOnce, id);
  }

  /** Resolves when the thread has closed its connection. */
  async close(): Promise<void> {
    this.#isClosing = true;
    this.#worker.ref();
    this.#worker.postMessage('close');
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, patience);
    });
    await Promise.race([this.#closed.promise, late]);
    clearTimeout(timer);
    await this.#worker.terminate();
  }

  #settle(answer: ScanAnswer): void {
    const running = this.#running.get(answer.id);
    if (running === undefined) return;
    this.hasWorked = true;
    this.#running.delete(answer.id);
    if (!this.isBusy) this.#worker.unref();
    running.forget();
    running.work?.note(answer.spent);
    if ('found' in answer) running.resolve(answer.found);
    else if ('error' in answer) running.reject(errorOf(answer.error));
    else running.reject(this.#isClosing ? closed() : stopped(answer.stopped, running));
  }

  #ended(cause: unknown): void {
    this.#closed.resolve();
    const all = [...this.#running.values()];
    this.#running.clear();
    if (!this.#isClosing) this.#onEnd(cause);
    for (const { forget, reject } of all) {
      forget();
      reject(this.#isClosing ? closed() : new ScanThreadFailure('the scan thread has ended', { cause }));
    }
  }
}

/** A thread that was told to stop does not know why. */
function stopped(code: WorkErrorCode, { work, why }: Running): WorkError {
  if (why !== undefined) return why;
  if (work === undefined || code === 'ended') return ended();
  return code === 'too-much' ? work.tooMuch() : work.tooLong();
}

function errorOf({ message, code }: { message: string; code: string | undefined }): unknown {
  return code?.startsWith('SQLITE_')
    ? toStoreError(new Sqlite.SqliteError(message, code))
    : new Error(message);
}
