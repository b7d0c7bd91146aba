/**
 * The exchange log beside the server: requests hand over a few references, and a thread of its own reads, writes and
 * searches. It can neither slow nor fail a request: what does not fit into its queue is dropped and counted.
 */
import { Worker } from 'node:worker_threads';
import { isHidden } from '../query/bind.ts';
import type { Registry } from '../scim/registry.ts';
import type {
  ExchangeLogLimits,
  ExchangePage,
  ExchangeQuery,
  ForgottenPerson,
  TokenTraffic,
  TrafficCounts,
  WholeExchange,
} from '../store/exchanges.ts';
import { type ExchangeBatch, packed } from './exchange-batch.ts';
import type { EntryOptions, RawExchange } from './exchange-entry.ts';
import { exchangeProgram } from './exchange-program.ts';

export interface ExchangeLogOptions extends ExchangeLogLimits {
  /** An SQLite file of its own; `:memory:` for a database in memory. */
  readonly file: string;
  /** Are bodies kept? */
  readonly bodies: boolean;
  readonly registry: Registry;
  /** Attributes whose values are not kept, beside those that are never shown. */
  readonly sensitive: readonly string[];
  /** The file that SQLite's addon was loaded from, where the program brings its own. */
  readonly addon: string | undefined;
  /** Milliseconds without an exchange after which the thread ends; half a minute unless given. */
  readonly idle?: number;
  /** Milliseconds after which it looks for what is too old, where nothing has come yet; five minutes unless given. */
  readonly firstLook?: number;
  /** Told once in a while how many exchanges were dropped, and why the log cannot be written. */
  readonly onTrouble: (reason: string, dropped: number) => void;
}

export interface ExchangeThreadData extends ExchangeLogLimits {
  readonly file: string;
  readonly options: EntryOptions;
  readonly addon: string | undefined;
  readonly packages: string;
}

/** What can be asked of the thread, and what it answers. */
export interface ExchangeReads {
  find(query: ExchangeQuery): ExchangePage;
  get(id: number, tenant: number | undefined): WholeExchange | undefined;
  latest(tenant: number | undefined): readonly TokenTraffic[];
  counts(now: number, step: number, parts: number, tenants: readonly number[] | undefined): TrafficCounts;
  forget(person: ForgottenPerson): number;
}

export type ToExchangeThread =
  | { readonly kind: 'write'; readonly batch: ExchangeBatch }
  | {
      readonly kind: 'ask';
      readonly id: number;
      readonly name: keyof ExchangeReads;
      readonly parameters: readonly unknown[];
    }
  | { readonly kind: 'stop' };

export type FromExchangeThread =
  | { readonly kind: 'written'; readonly count: number }
  | { readonly kind: 'failed'; readonly count: number; readonly message: string }
  | { readonly kind: 'answer'; readonly id: number; readonly value?: unknown; readonly error?: string };

/** Milliseconds for which exchanges are gathered. */
const gathered = 60;
/**
 * Exchanges that are handed over at once, 17,000 a second, and that may wait for the thread; more are dropped. Each batch is a
 * transaction, whose pages and messages take a tenth of the log's time with 256 of them.
 */
const batchSize = 1024;
const mostWaiting = 20_000;
/**
 * Exchanges of one batch, a thousand a second, behind which answers of what succeeded are not kept, and reads that succeed
 * are one entry for all that are alike, with their number: at such a rate they say nothing one by one. Of each further
 * `sample` exchanges of the batch as many are kept whole.
 */
const many = 64;
const sample = 256;
/** Characters of an answer that has an id: as much as is kept of one among many. */
const headOfAnswer = 400;
/** Milliseconds until a thread that ended is begun again, and that the end may take. */
const restartAfter = 5000;
const patience = 3000;
/** Milliseconds after which a thread is begun where there is none, if only to remove what is too old; the first time sooner. */
const lookEvery = 3_600_000;
const firstLook = 5 * 60_000;
/** Milliseconds between two reports of trouble. */
const reportEvery = 60_000;

export class ExchangeLog {
  readonly #options: ExchangeLogOptions;
  #batch: RawExchange[] = [];
  /** By route and token. */
  readonly #alike = new Map<string, Map<string | undefined, RawExchange & { alike: number }>>();
  #timer: NodeJS.Timeout | undefined;
  #rest: NodeJS.Timeout | undefined;
  #worker: Worker | undefined;
  #waiting = 0;
  #dropped = 0;
  #reason = '';
  #reported = Number.NEGATIVE_INFINITY;
  #restartAt = 0;
  #stopped = false;
  #nextAsk = 0;
  readonly #asks = new Map<
    number,
    { readonly resolve: (value: unknown) => void; readonly reject: (error: Error) => void }
  >();
  readonly #listeners = new Set<() => void>();

  constructor(options: ExchangeLogOptions) {
    this.#options = options;
    // A server that is started again and asked by nobody keeps nothing for longer either.
    this.#restAfter(options.firstLook ?? firstLook);
  }

  /** Shown by the workload `list` of npm run bench: who is only counted costs no entry, and keeps no text. */
  isCounted(method: string, route: string, token: string | undefined, status: number): boolean {
    if (status >= 300 || !isRead(method)) return false;
    const first = this.#alike.get(route)?.get(token);
    if (first === undefined) return false;
    first.alike++;
    return true;
  }

  /** Hands an exchange over; never throws, and waits for nothing. */
  record(exchange: RawExchange): void {
    if (this.#stopped) return;
    if (this.#waiting + this.#batch.length >= mostWaiting) {
      this.#drop(1, 'more requests came than the exchange log could write');
      return;
    }
    const isMany = this.#batch.length % sample >= many;
    const kept = isMany && exchange.status < 300 ? this.#briefly(exchange) : exchange;
    if (kept === undefined) return;
    this.#batch.push(kept);
    if (this.#batch.length >= batchSize) this.#flush();
    else this.#timer ??= setTimeout(() => this.#flush(), gathered).unref();
  }

  find(query: ExchangeQuery): Promise<ExchangePage> {
    return this.#ask('find', query);
  }

  /** With its bodies; undefined if there is none, or it is of another tenant than the one given. */
  get(id: number, tenant?: number): Promise<WholeExchange | undefined> {
    return this.#ask('get', id, tenant);
  }

  /** The last exchange of each token. */
  latest(tenant?: number): Promise<readonly TokenTraffic[]> {
    return this.#ask('latest', tenant);
  }

  /** How many there were in each of the last `parts` of `step` milliseconds; of these tenants, where 0 is of none. */
  counts(now: number, step: number, parts: number, tenants?: readonly number[]): Promise<TrafficCounts> {
    return this.#ask('counts', now, step, parts, tenants);
  }

  /** Blanks a person in the log; answers in how many exchanges. */
  forget(person: ForgottenPerson): Promise<number> {
    return this.#ask('forget', person);
  }

  /** Is told when exchanges were written; answers what forgets the listener. */
  onWritten(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Writes what waits. */
  async stop(): Promise<void> {
    this.#flush();
    this.#stopped = true;
    clearTimeout(this.#timer);
    clearTimeout(this.#rest);
    const worker = this.#worker;
    if (worker === undefined) return;
    worker.ref();
    const ended = new Promise<void>((resolve) => worker.once('exit', () => resolve()));
    this.#post(worker, { kind: 'stop' });
    let late: NodeJS.Timeout | undefined;
    await Promise.race([
      ended,
      new Promise<void>((resolve) => {
        late = setTimeout(resolve, patience);
      }),
    ]);
    clearTimeout(late);
    await worker.terminate();
  }

  async #ask<Name extends keyof ExchangeReads>(
    name: Name,
    ...parameters: Parameters<ExchangeReads[Name]>
  ): Promise<ReturnType<ExchangeReads[Name]>> {
    this.#flush();
    const worker = this.#thread();
    if (worker === undefined) throw new ExchangeLogError(this.#reason);
    const id = this.#nextAsk++;
    const answer = new Promise<unknown>((resolve, reject) => this.#asks.set(id, { resolve, reject }));
    this.#post(worker, { kind: 'ask', id, name, parameters });
    return (await answer) as ReturnType<ExchangeReads[Name]>;
  }

  /** What is kept of one among many; undefined where it was counted with others that are alike. */
  #briefly(exchange: RawExchange): RawExchange | undefined {
    const { method, route, token, status, answered } = exchange;
    if (!isRead(method))
      return answered === undefined
        ? exchange
        : { ...exchange, answered: answered.slice(0, headOfAnswer), isBrief: true };
    if (this.isCounted(method, route, token, status)) return undefined;
    const ofRoute = this.#alike.get(route);
    const first = { ...exchange, search: '', answered: undefined, isBrief: true, alike: 1 };
    if (ofRoute === undefined) this.#alike.set(route, new Map([[token, first]]));
    else ofRoute.set(token, first);
    return first;
  }

  #flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const batch = this.#batch;
    if (batch.length === 0) return;
    this.#batch = [];
    this.#alike.clear();
    const worker = this.#thread();
    if (worker === undefined) {
      this.#drop(batch.length, this.#reason);
      return;
    }
    this.#waiting += batch.length;
    this.#post(worker, { kind: 'write', batch: packed(batch) });
  }

  #post(worker: Worker, message: ToExchangeThread): void {
    worker.postMessage(message);
  }

  /** It begins with the first exchange and ends some time after the last: a server that nobody asks needs none. */
  #thread(): Worker | undefined {
    this.#restAfter(this.#options.idle ?? 30_000);
    if (this.#worker !== undefined) return this.#worker;
    if (this.#stopped || performance.now() < this.#restartAt) return undefined;
    try {
      this.#worker = this.#begin();
    } catch (error) {
      // No file can be opened at the moment, say.
      this.#reason = (error as Error).message;
      this.#restartAt = performance.now() + restartAfter;
    }
    return this.#worker;
  }

  #restAfter(milliseconds: number): void {
    clearTimeout(this.#rest);
    // What is in memory would end with it.
    if (this.#stopped || this.#options.file === ':memory:') return;
    this.#rest = setTimeout(() => {
      const worker = this.#worker;
      if (worker === undefined || this.#waiting > 0 || this.#asks.size > 0) this.#thread();
      else {
        this.#worker = undefined;
        this.#post(worker, { kind: 'stop' });
        this.#restAfter(lookEvery);
      }
    }, milliseconds).unref();
  }

  #begin(): Worker {
    const { program, packages, execArgv } = exchangeProgram();
    const { file, days, megabytes, addon } = this.#options;
    const workerData: ExchangeThreadData = {
      file,
      days,
      megabytes,
      addon,
      packages,
      options: entryOptions(this.#options),
    };
    const worker = new Worker(program, {
      eval: typeof program === 'string',
      workerData,
      execArgv,
      // It writes small rows: a small heap does, and is given back sooner.
      resourceLimits: { maxYoungGenerationSizeMb: 3, maxOldGenerationSizeMb: 96 },
    });
    worker.unref();
    worker.on('message', (message: FromExchangeThread) => this.#told(message));
    worker.on('error', ({ message }) => this.#ended(worker, message));
    worker.on('exit', () => this.#ended(worker, 'the thread of the exchange log has ended'));
    return worker;
  }

  #told(message: FromExchangeThread): void {
    if (message.kind === 'answer') {
      const ask = this.#asks.get(message.id);
      this.#asks.delete(message.id);
      if (message.error === undefined) ask?.resolve(message.value);
      else ask?.reject(new ExchangeLogError(message.error));
      return;
    }
    this.#waiting -= message.count;
    if (message.kind === 'failed') this.#drop(message.count, message.message);
    else for (const listener of this.#listeners) listener();
  }

  #ended(worker: Worker, reason: string): void {
    if (this.#worker !== worker) return;
    this.#worker = undefined;
    this.#restartAt = performance.now() + restartAfter;
    for (const { reject } of this.#asks.values()) reject(new ExchangeLogError(reason));
    this.#asks.clear();
    if (this.#waiting > 0) this.#drop(this.#waiting, reason);
    this.#waiting = 0;
  }

  #drop(count: number, reason: string): void {
    this.#dropped += count;
    this.#reason = reason;
    const now = performance.now();
    if (now - this.#reported < reportEvery) return;
    this.#reported = now;
    this.#options.onTrouble(reason, this.#dropped);
    this.#dropped = 0;
  }
}

function isRead(method: string): boolean {
  return method === 'GET' || method === 'HEAD';
}

/** The log cannot be read at the moment; requests are answered as ever. */
export class ExchangeLogError extends Error {
  override readonly name = 'ExchangeLogError';
}

function entryOptions({ registry, sensitive, bodies }: ExchangeLogOptions): EntryOptions {
  const masked = new Set(['password', 'secret', 'token']);
  for (const type of registry.resourceTypes)
    for (const attributes of [
      type.attributes,
      ...[...type.extensions.values()].map((each) => each.attributes),
    ])
      for (const attribute of attributes.values())
        if (isHidden(attribute)) masked.add(attribute.name.toLowerCase());
  for (const name of sensitive) masked.add((name.split(/[:.]/).at(-1) ?? name).toLowerCase());
  return {
    bodies,
    masked: [...masked],
    maskedPattern: new RegExp([...masked].map((name) => name.replace(/[^a-z0-9]/g, '\\$&')).join('|'), 'i'),
    types: Object.fromEntries(registry.resourceTypes.map(({ endpoint, name }) => [endpoint, name])),
  };
}
