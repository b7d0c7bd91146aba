/** A thread with a connection of its own that copies the WAL into the database, and ends when it has not for a while. */
import { Worker } from 'node:worker_threads';
import { loadedAddon } from './addon-file.ts';
import { checkpointProgram } from './checkpoint-program.ts';
import { endWorker } from './end-worker.ts';
import { closed } from './errors.ts';

/** What the thread is given at its start. */
export interface CheckpointThreadData {
  readonly file: string;
  /** The file that SQLite's addon was loaded from, where the program brings its own. */
  readonly addon: string | undefined;
  /** Where the thread's program finds its packages. */
  readonly packages: string;
}

/** How many frames of the WAL are in the database; fewer than none where another connection copies just now. */
export type CheckpointAnswer = 'open' | 'failed' | number;

export interface CheckpointThreadOptions {
  readonly file: string;
  /** Throws where another file is in the place of the database, or of its WAL. */
  readonly check: () => void;
  /** Milliseconds without a copy after which the thread ends; half a minute without it. */
  readonly idle?: number | undefined;
}

/** The thread could not begin, or came to an end by itself. */
class CheckpointThreadFailure extends Error {
  override readonly name = 'CheckpointThreadFailure';
}

interface Running {
  readonly resolve: (copied: number) => void;
  readonly reject: (error: unknown) => void;
}

interface Thread {
  readonly worker: Worker;
  isOpen: boolean;
  running: Running | undefined;
}

/** So often it may end by itself. */
const mostFailures = 5;

export class CheckpointThread {
  readonly #options: CheckpointThreadOptions;
  #thread: Thread | undefined;
  #ending: Promise<void> | undefined;
  #rest: NodeJS.Timeout | undefined;
  #failures = 0;

  constructor(options: CheckpointThreadOptions) {
    this.#options = options;
  }

  /** Can it copy? Begins it where it is not there, which takes a while. */
  isOpen(): boolean {
    if (this.#thread !== undefined) return this.#thread.isOpen;
    if (this.#failures < mostFailures)
      try {
        this.#thread = this.#begin();
      } catch (cause) {
        this.#failures = mostFailures;
        warn('cannot begin', cause);
      }
    return false;
  }

  /** How many frames are in the database then. One at a time, while it is open. Rejects where SQLite cannot do it, or the thread ended. */
  copy(): Promise<number> {
    this.#stay();
    return new Promise((resolve, reject) => {
      const thread = this.#thread;
      if (thread === undefined) return reject(closed());
      thread.running = { resolve, reject };
      thread.worker.ref();
      thread.worker.postMessage('copy');
    });
  }

  /** Resolves when the thread has closed its connection; undefined if there is none. */
  close(): Promise<void> | undefined {
    clearTimeout(this.#rest);
    const thread = this.#thread;
    if (thread === undefined) return this.#ending;
    this.#thread = undefined;
    const ending = endWorker(thread.worker).finally(() => {
      if (this.#ending === ending) this.#ending = undefined;
    });
    this.#ending = ending;
    return ending;
  }

  #stay(): void {
    clearTimeout(this.#rest);
    this.#rest = setTimeout(() => void this.close(), this.#options.idle ?? 30_000).unref();
  }

  #begin(): Thread {
    const { program, packages } = checkpointProgram();
    const workerData: CheckpointThreadData = { file: this.#options.file, addon: loadedAddon(), packages };
    const isText = typeof program === 'string';
    // With less than 2 GB V8 does not map what it has built in once more for the thread, which is 2 MB.
    const resourceLimits = { maxYoungGenerationSizeMb: 1, maxOldGenerationSizeMb: 64 };
    const options = { eval: isText, workerData, resourceLimits };
    const worker = new Worker(program, isText ? { ...options, execArgv: [] } : options);
    const thread: Thread = { worker, isOpen: false, running: undefined };
    worker.on('message', (answer: CheckpointAnswer) => this.#hear(thread, answer));
    worker.on('error', (cause) => this.#ended(thread, cause));
    worker.on('exit', () => this.#ended(thread, undefined));
    worker.unref();
    return thread;
  }

  #hear(thread: Thread, answer: CheckpointAnswer): void {
    if (answer === 'open') {
      try {
        // It would copy what lies there now into the database.
        this.#options.check();
        thread.isOpen = true;
        if (this.#thread === thread) this.#stay();
      } catch {
        // Whoever writes next is told.
      }
      return;
    }
    const { running, worker } = thread;
    thread.running = undefined;
    worker.unref();
    if (answer === 'failed')
      running?.reject(new CheckpointThreadFailure('the thread could not copy the WAL'));
    else running?.resolve(answer);
  }

  #ended(thread: Thread, cause: unknown): void {
    const { running } = thread;
    thread.running = undefined;
    running?.reject(new CheckpointThreadFailure('the checkpoint thread has ended', { cause }));
    if (this.#thread !== thread) return;
    this.#thread = undefined;
    if (++this.#failures === mostFailures) warn('has ended', cause);
  }
}

function warn(what: string, cause: unknown): void {
  process.emitWarning(
    new CheckpointThreadFailure(
      `the checkpoint thread ${what}: checkpoints hold up other requests from now on`,
      { cause },
    ),
  );
}
