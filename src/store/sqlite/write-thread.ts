/** A thread with a store of its own that carries out one unit after the other, and ends when it has had none for a while. */
import { Worker } from 'node:worker_threads';
import type { Registry } from '../../scim/registry.ts';
import type { Command, DeleteCommand, EraseCommand, Outcome, SensitivePaths, Unit } from '../store.ts';
import { StoreError, type StoreErrorCode } from '../store-error.ts';
import { type Work, WorkError, type WorkErrorCode, type WorkLimits } from '../work.ts';
import { loadedAddon } from './addon-file.ts';
import { endWorker } from './end-worker.ts';
import { writeProgram } from './write-program.ts';

/** What the thread is given at its start. */
export interface WriteThreadData {
  readonly file: string;
  readonly busyTimeout: number | undefined;
  readonly registry: Registry;
  /** The file that SQLite's addon was loaded from, where the program brings its own. */
  readonly addon: string | undefined;
  /** Where the thread's program finds its packages. */
  readonly packages: string;
}

/** A command as it is sent: a function cannot be. */
type SentCommand = Exclude<Command, SensitiveCommand> | SentSensitiveCommand;
type SensitiveCommand = DeleteCommand | EraseCommand;
type SentSensitiveCommand = (Omit<DeleteCommand, 'sensitiveOf'> | Omit<EraseCommand, 'sensitiveOf'>) & {
  /** By the name of the type. */
  readonly sensitiveBy: ReadonlyMap<string, SensitivePaths | undefined>;
};

export interface WriteRequest {
  readonly unit: Omit<Unit, 'commands' | 'work' | 'within'>;
  readonly commands: readonly SentCommand[];
  /** Milliseconds since 1970. */
  readonly now: number;
  /** Of the request, and how many values its writes have compared so far. */
  readonly limits: WorkLimits | undefined;
  readonly spent: number;
}

/** An error as it is sent: its class would be lost. */
type SentError =
  | {
      readonly of: 'store';
      readonly code: StoreErrorCode;
      readonly message: string;
      readonly advice: string;
      readonly isOutcomeUnknown: boolean;
    }
  | { readonly of: 'work'; readonly code: WorkErrorCode; readonly message: string }
  | { readonly of: 'other'; readonly error: unknown };

export interface WriteAnswer {
  readonly outcome: Exclude<Outcome, { readonly outcome: 'failed' }> | SentError;
  /** How many values were compared. */
  readonly spent: number;
}

function sentCommand(command: Command, registry: Registry): SentCommand {
  if (command.kind !== 'delete' && command.kind !== 'erase') return command;
  const { sensitiveOf, ...rest } = command;
  const types = sensitiveOf === undefined ? [] : registry.resourceTypes;
  return { ...rest, sensitiveBy: new Map(types.map((type) => [type.name, sensitiveOf?.(type)])) };
}

function commandFrom(sent: SentCommand): Command {
  if (!('sensitiveBy' in sent)) return sent;
  const { sensitiveBy, ...rest } = sent;
  return { ...rest, sensitiveOf: ({ name }) => sensitiveBy.get(name) };
}

/** The unit that a request is of. */
export function unitFrom({ unit, commands }: WriteRequest, work: Work | undefined): Unit {
  return { ...unit, commands: commands.map(commandFrom), ...(work === undefined ? {} : { work }) };
}

/** What became of the unit, as it can be sent. */
export function sentOutcome(outcome: Outcome): WriteAnswer['outcome'] {
  if (outcome.outcome !== 'failed') return outcome;
  const { error } = outcome;
  if (error instanceof StoreError) {
    const { code, message, advice, isOutcomeUnknown } = error;
    return { of: 'store', code, message, advice, isOutcomeUnknown };
  }
  if (error instanceof WorkError) return { of: 'work', code: error.code, message: error.message };
  return { of: 'other', error };
}

function outcomeFrom(sent: WriteAnswer['outcome']): Outcome {
  if (!('of' in sent)) return sent;
  const error =
    sent.of === 'store'
      ? new StoreError(sent.code, sent.message, sent.advice, { isOutcomeUnknown: sent.isOutcomeUnknown })
      : sent.of === 'work'
        ? new WorkError(sent.code, sent.message)
        : sent.error;
  return { outcome: 'failed', error };
}

/** The thread could not begin: nothing of the unit was done. */
export class WriteThreadFailure extends Error {
  override readonly name = 'WriteThreadFailure';
}

export interface WriteThreadOptions {
  readonly file: string;
  readonly busyTimeout: number | undefined;
  readonly registry: Registry;
  readonly clock: () => Date;
}

/** Milliseconds without a unit after which the thread ends. */
const idle = 10_000;

interface Running {
  readonly work: Work | undefined;
  readonly resolve: (outcome: Outcome) => void;
  readonly reject: (error: unknown) => void;
}

interface Thread {
  readonly worker: Worker;
  /** Has it opened the store? */
  isOpen: boolean;
  running: Running | undefined;
}

export class WriteThread {
  readonly #options: WriteThreadOptions;
  #thread: Thread | undefined;
  #end: NodeJS.Timeout | undefined;
  #hasFailed = false;

  constructor(options: WriteThreadOptions) {
    this.#options = options;
  }

  /** One at a time. Rejects with a WriteThreadFailure where there are no threads. */
  async run(unit: Unit): Promise<Outcome> {
    clearTimeout(this.#end);
    const { registry, clock } = this.#options;
    const { commands, work, within: _, ...rest } = unit;
    const request: WriteRequest = {
      unit: rest,
      commands: commands.map((command) => sentCommand(command, registry)),
      ...{ now: clock().getTime(), limits: work?.limits, spent: work?.spentInWrites ?? 0 },
    };
    const thread = this.#begun();
    try {
      return await new Promise<Outcome>((resolve, reject) => {
        thread.running = { work, resolve, reject };
        thread.worker.ref();
        thread.worker.postMessage(request);
      });
    } finally {
      this.#end = setTimeout(() => void this.close(), idle).unref();
    }
  }

  /** Resolves when the thread has ended; undefined if there is none. */
  close(): Promise<void> | undefined {
    clearTimeout(this.#end);
    const thread = this.#thread;
    this.#thread = undefined;
    return thread === undefined ? undefined : endWorker(thread.worker);
  }

  #begun(): Thread {
    if (this.#thread !== undefined) return this.#thread;
    const { file, busyTimeout, registry } = this.#options;
    try {
      const { program, packages } = writeProgram();
      const workerData: WriteThreadData = { file, busyTimeout, registry, addon: loadedAddon(), packages };
      const isText = typeof program === 'string';
      const resourceLimits = { maxYoungGenerationSizeMb: 24 };
      const options = { eval: isText, workerData, resourceLimits };
      const worker = new Worker(program, isText ? { ...options, execArgv: [] } : options);
      const thread: Thread = { worker, isOpen: false, running: undefined };
      worker.on('message', (message: WriteAnswer | 'open') => {
        if (message === 'open') thread.isOpen = true;
        else this.#settle(thread, message);
      });
      worker.on('error', (cause) => this.#ended(thread, cause));
      worker.on('exit', () => this.#ended(thread, undefined));
      worker.unref();
      this.#thread = thread;
      return thread;
    } catch (cause) {
      throw this.#failure('the write thread cannot begin', cause);
    }
  }

  #settle(thread: Thread, { outcome, spent }: WriteAnswer): void {
    const { running, worker } = thread;
    thread.running = undefined;
    worker.unref();
    running?.work?.noteInWrites(spent);
    running?.resolve(outcomeFrom(outcome));
  }

  #ended(thread: Thread, cause: unknown): void {
    if (this.#thread === thread) this.#thread = undefined;
    const { running, isOpen } = thread;
    thread.running = undefined;
    running?.reject(
      isOpen
        ? new StoreError(
            'io',
            'the thread that wrote to the database has ended',
            'See the log; give the server more memory if it had too little.',
            { cause, isOutcomeUnknown: true },
          )
        : this.#failure('the write thread has ended', cause),
    );
  }

  #failure(what: string, cause: unknown): WriteThreadFailure {
    const failure = new WriteThreadFailure(`${what}: large changes hold up other requests`, { cause });
    if (!this.#hasFailed) process.emitWarning(failure);
    this.#hasFailed = true;
    return failure;
  }
}
