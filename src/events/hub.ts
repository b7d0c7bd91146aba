/** Those who wait for events: woken when their tenant has a new one, and costing nothing until then. */
import type { FeedReads } from '../store/feed.ts';
import type { RequestEnd } from '../store/work.ts';

/** Waiting at once, in one tenant. */
const mostWaiting = 100;
/** Milliseconds between looks for what another process wrote, while anybody waits. */
const lookEvery = 250;
/** Milliseconds between two wakes: what comes faster is told together. */
const restAfterWake = 10;

export type Woken = 'changed' | 'timeout' | 'ended';

export interface HubStore {
  readonly feed: Pick<FeedReads, 'extent'>;
  /** Is told after each commit. */
  onCommit(listener: () => void): () => void;
}

interface Waiter {
  /** The number that it knows of already. */
  readonly after: number;
  readonly wake: (why: Woken) => void;
}

export class TooManyWaiting extends Error {
  override readonly name = 'TooManyWaiting';
}

export class Hub {
  readonly #store: HubStore;
  readonly #waiting = new Map<number, Set<Waiter>>();
  #timer: NodeJS.Timeout | undefined;
  #isSoon = false;
  #lastWake = 0;
  #stopped = false;
  readonly #forget: () => void;

  constructor(store: HubStore) {
    this.#store = store;
    this.#forget = store.onCommit(() => this.#lookSoon());
  }

  /** How many wait, in all tenants. */
  get waiting(): number {
    let sum = 0;
    for (const waiters of this.#waiting.values()) sum += waiters.size;
    return sum;
  }

  /**
   * Resolves when the tenant has a change with a higher number than `after`, when the milliseconds are over, or when
   * `end` or {@link stop} says so.
   * @throws TooManyWaiting
   */
  wait(tenant: number, after: number, milliseconds: number, end: RequestEnd | undefined): Promise<Woken> {
    if (this.#stopped || end?.isEnded) return Promise.resolve('ended');
    const waiters = this.#waiting.get(tenant) ?? new Set();
    if (waiters.size >= mostWaiting) throw new TooManyWaiting();
    this.#waiting.set(tenant, waiters);
    return new Promise((resolve) => {
      const wake = (why: Woken): void => {
        clearTimeout(timer);
        forget?.();
        waiters.delete(waiter);
        if (waiters.size === 0) this.#waiting.delete(tenant);
        resolve(why);
      };
      const waiter: Waiter = { after, wake };
      waiters.add(waiter);
      const timer = setTimeout(wake, milliseconds, 'timeout');
      const forget = end?.onEnd(() => wake('ended'));
      // What came since it was read last.
      void this.#look();
    });
  }

  /** Nobody waits any more: the server stops. */
  stop(): void {
    this.#stopped = true;
    this.#forget();
    clearTimeout(this.#timer);
    for (const waiters of [...this.#waiting.values()]) for (const { wake } of [...waiters]) wake('ended');
  }

  /** At once, or a moment after the last wake. */
  #lookSoon(): void {
    if (this.#waiting.size === 0 || this.#stopped || this.#isSoon) return;
    const pause = this.#lastWake + restAfterWake - performance.now();
    if (pause <= 0) {
      void this.#look();
      return;
    }
    this.#isSoon = true;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.#look(), pause);
  }

  async #look(): Promise<void> {
    this.#isSoon = false;
    clearTimeout(this.#timer);
    for (const [tenant, waiters] of [...this.#waiting]) {
      // A database that cannot be read says so to whoever reads next.
      const newest = await Promise.resolve(this.#store.feed.extent(tenant)).then(
        (extent) => extent.newest,
        () => Infinity,
      );
      for (const { after, wake } of [...waiters]) {
        if (newest === after) continue;
        this.#lastWake = performance.now();
        // The tenant is gone, and what is left of it has another number.
        wake(newest < after ? 'ended' : 'changed');
      }
    }
    if (this.#waiting.size === 0 || this.#stopped || this.#isSoon) return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.#look(), lookEvery);
  }
}
