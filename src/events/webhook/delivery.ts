/**
 * Delivery beside the server: in a thread of its own, so that it slows no request; in this one for a database in memory. The thread begins when there is an
 * endpoint to deliver to, and again when it should ever end.
 */
import { randomBytes } from 'node:crypto';
import { Worker } from 'node:worker_threads';
import type { Outbox } from '../../store/outbox.ts';
import type { Store } from '../../store/store.ts';
import type { PageAsked, PagesElsewhere, PageText } from '../page-text.ts';
import { EventReader, recordsOf } from '../reader.ts';
import { type Shown, shownAs } from '../shown.ts';
import { SigningKeys } from '../streams/signing-keys.ts';
import { TokenReader } from '../streams/token-reader.ts';
import { Deliverer, type DelivererOptions, type DeliveryNotice } from './deliverer.ts';
import { deliveryProgram } from './delivery-program.ts';

/** What the thread is given at its start. */
export interface DeliveryThreadData {
  /** The path of the SQLite file, or the address of the PostgreSQL database. */
  readonly database: string;
  /** Schemas and resource types as configured. */
  readonly definitions: {
    readonly schemas?: unknown;
    readonly resourceTypes?: unknown;
    readonly containsIndex?: readonly string[] | undefined;
    readonly profile?: 'ipsie' | undefined;
  };
  readonly baseUrl: string | undefined;
  readonly basePath: string;
  /** The file that SQLite's addon was loaded from, where the program brings its own. */
  readonly addon: string | undefined;
  readonly packages: string;
}

/**
 * SQLite has one writer: what the thread would write while requests are answered is written by the server's thread,
 * together with what they write. Neither waits for the other, and the disk is waited for once.
 */
export interface ProgressAsked {
  readonly kind: 'progress';
  readonly number: number;
  readonly asked: Parameters<Outbox['progress']>;
}

/** Is all that was committed by now on the disk? */
export interface DurableAsked {
  readonly kind: 'durable';
  readonly number: number;
}

export interface ProgressAnswer {
  readonly kind: 'progress';
  readonly answer: Answered<readonly boolean[]>;
}

export interface DurableAnswer {
  readonly kind: 'durable';
  readonly answer: Answered<void>;
}

/** A page of the feed is made by the thread, which makes the same events for webhooks. */
export interface PageQuestion {
  readonly kind: 'page';
  readonly number: number;
  readonly asked: PageAsked;
}

/** The answer to a question of the other thread, by its number. */
export type Answered<T> =
  | { readonly kind: 'answer'; readonly number: number; readonly value: T }
  | { readonly kind: 'answer'; readonly number: number; readonly failure: string };

export async function answered<T>(number: number, work: Promise<T>): Promise<Answered<T>> {
  return work.then(
    (value) => ({ kind: 'answer', number, value }),
    (error) => ({ kind: 'answer', number, failure: messageOfError(error) }),
  );
}

/** Those that wait for an answer of the other thread. */
export class Questions<T> {
  readonly #waiting = new Map<number, PromiseWithResolvers<T>>();
  #last = 0;

  ask(send: (number: number) => void): Promise<T> {
    const number = ++this.#last;
    const answer = Promise.withResolvers<T>();
    this.#waiting.set(number, answer);
    send(number);
    return answer.promise;
  }

  hear(answer: Answered<T>): void {
    const waiting = this.#waiting.get(answer.number);
    this.#waiting.delete(answer.number);
    if ('failure' in answer) waiting?.reject(new Error(answer.failure));
    else waiting?.resolve(answer.value);
  }

  /** Nobody will answer any more. */
  end(): void {
    for (const { reject } of this.#waiting.values()) reject(new Error('the other thread has ended'));
    this.#waiting.clear();
  }
}

/** What the thread tells. */
export type DeliveryMessage =
  | {
      readonly kind: 'disabled' | 'gap';
      readonly endpoint: string;
      readonly url: string;
      readonly reason: string;
    }
  | { readonly kind: 'failing'; readonly message: string };

type FromThread = DeliveryMessage | ProgressAsked | DurableAsked | Answered<PageText>;

/** What this process has committed, and what others have: a read that begins now sees that. */
async function allDurable(store: Store): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve));
  await store.feed.extent(0);
  await store.durable();
}

export interface Delivery {
  readonly pages: PagesElsewhere;
  /** What is being sent gets a moment to end. */
  stop(): Promise<void>;
}

export interface DeliveryOptions {
  readonly store: Store;
  readonly thread: Omit<DeliveryThreadData, 'packages'>;
  readonly onNotice?: ((message: DeliveryMessage) => void) | undefined;
}

/** Milliseconds between two wakes: what comes faster is read together, at a fraction of the cost. */
const restAfterWake = 25;
/** Milliseconds between looks for a first endpoint; until a thread that ended begins again; that the end may take. */
const lookEvery = 1000;
const restartAfter = 5000;
const patience = 3000;

/**
 * The threads of the process's pool have the priority of the thread that needs the first of them. They bring what requests
 * write to the disk: that must not be the one that yields to requests.
 */
function startPool(): void {
  randomBytes(1, () => {});
}

/** Delivers with a store. */
export function delivererOver(
  store: Store,
  shown: Shown,
  onNotice: (notice: DeliveryNotice) => void,
  more: Partial<Pick<DelivererOptions, 'outbox' | 'storeEvery' | 'clock' | 'giveWay'>> = {},
): Deliverer {
  const records = recordsOf(store);
  const keys = new SigningKeys(store.streams, more.clock ?? (() => new Date()));
  return new Deliverer({
    ...{ records, outbox: store.outbox, urlOf: shown.urlOf, onNotice, ...more },
    reader: new EventReader(records, store.feed, shown, more.giveWay),
    tokens: new TokenReader(records, store.feed, store.streams, shown),
    sign: (claims) => keys.sign(claims),
    extent: (tenant) => store.feed.extent(tenant),
    // What another thread or process has committed may be read before it is on the disk: nobody is told of that.
    durable: async () => store.durable(),
  });
}

/** Is there an endpoint that is sent to? Rejects where the database cannot be read, also where it says so at once. */
async function hasEndpoint(outbox: Store['outbox']): Promise<boolean> {
  const endpoints = await outbox.endpoints();
  return endpoints.some(({ state, kind }) => state === 'active' && kind !== 'poll');
}

export function startDelivery({ store, thread, onNotice }: DeliveryOptions): Delivery {
  let worker: Worker | undefined;
  const pages = new Questions<PageText>();
  let here: Deliverer | undefined;
  let stopped = false;
  let isTold = false;
  let lastTold = Number.NEGATIVE_INFINITY;
  let timer: NodeJS.Timeout | undefined;

  const look = async (): Promise<void> => {
    const found = await hasEndpoint(store.outbox).catch(() => false);
    if (stopped) return;
    if (found && isHere) beginHere();
    else if (!found || !begin()) timer = setTimeout(() => void look(), lookEvery).unref();
  };

  // A database in memory is this thread's alone.
  const isHere = thread.database === ':memory:';
  const beginHere = (): void => {
    const shown = shownAs(store.registry, thread.basePath, thread.baseUrl);
    here = delivererOver(store, shown, (notice) => onNotice?.(messageOfNotice(notice)));
    void here.start();
  };

  /** False where no file can be opened at the moment, say. */
  const begin = (): boolean => {
    let started: Worker;
    try {
      const { program, packages, execArgv } = deliveryProgram();
      startPool();
      const workerData: DeliveryThreadData = { ...thread, packages };
      started = new Worker(program, {
        eval: typeof program === 'string',
        workerData,
        execArgv,
        resourceLimits: { maxYoungGenerationSizeMb: 24 },
      });
    } catch (error) {
      onNotice?.({ kind: 'failing', message: messageOfError(error) });
      return false;
    }
    worker = started;
    started.unref();
    started.on('message', async (message: FromThread) => {
      switch (message.kind) {
        case 'answer':
          return pages.hear(message);
        case 'progress': {
          const answer = await answered(message.number, store.outbox.progress(...message.asked));
          return started.postMessage({ kind: 'progress', answer } satisfies ProgressAnswer);
        }
        case 'durable': {
          const answer = await answered(message.number, allDurable(store));
          return started.postMessage({ kind: 'durable', answer } satisfies DurableAnswer);
        }
        default:
          return onNotice?.(message);
      }
    });
    started.on('error', ({ message }) => onNotice?.({ kind: 'failing', message }));
    started.on('exit', () => {
      worker = undefined;
      pages.end();
      if (stopped) return;
      onNotice?.({ kind: 'failing', message: 'the delivery thread has ended; it begins again' });
      timer = setTimeout(() => void look(), restartAfter).unref();
    });
    return true;
  };

  const forget = store.onCommit(() => {
    if ((worker === undefined && here === undefined) || isTold) return;
    isTold = true;
    const tell = (): void => {
      isTold = false;
      lastTold = performance.now();
      worker?.postMessage('wake');
      here?.wake();
    };
    const rest = lastTold + restAfterWake - performance.now();
    if (rest <= 0) setImmediate(tell);
    else setTimeout(tell, rest).unref();
  });
  void look();

  return {
    pages(asked, baseUrl) {
      const asking = worker;
      if (asking === undefined || stopped || baseUrl !== thread.baseUrl) return undefined;
      const page = pages.ask((number) => {
        const question: PageQuestion = { kind: 'page', number, asked };
        asking.postMessage(question);
      });
      // What it cannot read may be read here, or fails here with its reason.
      return page.catch(() => undefined);
    },
    async stop() {
      stopped = true;
      clearTimeout(timer);
      forget();
      await here?.stop();
      const running = worker;
      if (running === undefined) return;
      running.ref();
      const ended = new Promise<void>((resolve) => running.once('exit', () => resolve()));
      running.postMessage('stop');
      const late = new Promise<void>((resolve) => setTimeout(resolve, patience).unref());
      await Promise.race([ended, late]);
      await running.terminate();
    },
  };
}

/** A notice as it goes from thread to thread: an error has no more than its message. */
export function messageOfNotice(notice: DeliveryNotice): DeliveryMessage {
  if (notice.kind === 'failing') return { kind: 'failing', message: messageOfError(notice.error) };
  const { id, url } = notice.endpoint;
  return { kind: notice.kind, endpoint: id, url, reason: notice.reason };
}

function messageOfError(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
