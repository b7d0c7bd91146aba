/** Those who wait for events: woken when their tenant has a new one, and costing nothing until then. */
import type { FeedReads } from '../store/feed.ts';
import type { RequestEnd } from '../store/work.ts';

/** Waiting at once, in one tenant. */
const mostWaiting = 100;
/** Milliseconds between looks for what another process wrote, while anybody waits. */
const lookEvery = 250;
/** Milliseconds between two wakes of one tenant: what comes faster is told together, to all who wait. */
const restAfterWake = 50;
/** Milliseconds between two looks. */
const restAfterLook = 10;

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
  /** When the next look is; what is asked for during one comes behind it. */
  #next = Number.POSITIVE_INFINITY;
  #isLooking = false;
  #lastLook = Number.NEGATIVE_INFINITY;
  /** By tenant. */
  readonly #lastWakes = new Map<number, number>();
  readonly #turns: (() => void)[] = [];
  #stopped = false;
  readonly #forget: () => void;

  constructor(store: HubStore) {
    this.#store = store;
    this.#forget = store.onCommit(() => this.#lookBy(0));
  }

  /** How many wait, in all tenants. */
  get waiting(): number {
    let sum = 0;
    for (const waiters of this.#waiting.values()) sum += waiters.size;
    return sum;
  }

  /**
   * Resolves when the tenant has a change with a higher number than `after`, when the milliseconds are over, or when
   * `end` or {@link stop} says so. Where those of the tenant were woken a moment ago it is a moment later, with the others.
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
      this.#lookBy(0);
    });
  }

  /**
   * Resolves in a turn of the event loop of its own: answers to those who were woken together hold up no request for
   * longer than one of them takes.
   */
  turn(): Promise<void> {
    return new Promise((resolve) => {
      if (this.#turns.push(resolve) === 1) setImmediate(this.#nextTurn);
    });
  }

  readonly #nextTurn = (): void => {
    this.#turns.shift()?.();
    if (this.#turns.length > 0) setImmediate(this.#nextTurn);
  };

  /** Nobody waits any more: the server stops. */
  stop(): void {
    this.#stopped = true;
    this.#forget();
    clearTimeout(this.#timer);
    for (const waiters of [...this.#waiting.values()]) for (const { wake } of [...waiters]) wake('ended');
  }

  /** Looks at that time of the clock that never jumps, or as soon as one may. */
  #lookBy(time: number): void {
    if (this.#waiting.size === 0 || this.#stopped) return;
    const at = Math.max(time, this.#lastLook + restAfterLook);
    if (at >= this.#next) return;
    this.#next = at;
    if (this.#isLooking) return;
    clearTimeout(this.#timer);
    const pause = at - performance.now();
    if (pause <= 0) void this.#look();
    else this.#timer = setTimeout(() => void this.#look(), pause);
  }

  async #look(): Promise<void> {
    this.#isLooking = true;
    this.#next = Number.POSITIVE_INFINITY;
    this.#lastLook = performance.now();
    let next = this.#lastLook + lookEvery;
    for (const [tenant, waiters] of [...this.#waiting]) {
      const rested = (this.#lastWakes.get(tenant) ?? Number.NEGATIVE_INFINITY) + restAfterWake;
      if (rested > performance.now()) {
        next = Math.min(next, rested);
        continue;
      }
      this.#lastWakes.delete(tenant);
      // A database that cannot be read says so to whoever reads next.
      const newest = await this.#newest(tenant).catch(() => Infinity);
      for (const { after, wake } of [...waiters]) {
        if (newest === after) continue;
        this.#lastWakes.set(tenant, performance.now());
        // The tenant is gone, and what is left of it has another number.
        wake(newest < after ? 'ended' : 'changed');
      }
    }
    this.#isLooking = false;
    next = Math.min(next, this.#next);
    this.#next = Number.POSITIVE_INFINITY;
    this.#lookBy(next);
  }

  /** Rejects where the database cannot be read, also where it says so at once. */
  async #newest(tenant: number): Promise<number> {
    const { newest } = await this.#store.feed.extent(tenant);
    return newest;
  }
}
