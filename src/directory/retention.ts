/** Removes changes that are older than they are to be kept, in small batches between which others write. */
import type { Store } from '../store/store.ts';

/** Days for which those who followed a tenant can still be told that it was deleted. */
const toldForDays = 30;

/** How long changes are kept unless somebody says otherwise. */
export const defaultRetentionDays = 400;

const day = 24 * 60 * 60 * 1000;
/** Milliseconds until the first sweep, which is not to hold up the first answers, and between two. */
const firstAfter = 1000;
const interval = 60 * 60 * 1000;
/** Changes of a tenant that one transaction removes: a few milliseconds' work. */
const batch = 500;

export interface RetentionOptions {
  /** How long changes are kept; 0: for ever. */
  readonly days: number;
  readonly clock?: () => Date;
  /** Is told why a sweep failed; the next one tries again. */
  readonly onError: (error: unknown) => void;
}

export class Retention {
  readonly #store: Pick<Store, 'pruneChanges' | 'forgetTenants'>;
  readonly #options: RetentionOptions;
  #timers: readonly NodeJS.Timeout[] = [];
  #stopped = false;

  constructor(store: Pick<Store, 'pruneChanges' | 'forgetTenants'>, options: RetentionOptions) {
    this.#store = store;
    this.#options = options;
  }

  /** Sweeps soon, and every hour. */
  start(): void {
    const sweep = (): void => void this.sweep().catch(this.#options.onError);
    this.#timers = [setTimeout(sweep, firstAfter).unref(), setInterval(sweep, interval).unref()];
  }

  /** Answers how many changes were removed. */
  async sweep(): Promise<number> {
    const { days, clock = () => new Date() } = this.#options;
    const now = clock().getTime();
    const before = new Date(now - days * day);
    await this.#store.forgetTenants(new Date(now - toldForDays * day));
    let sum = 0;
    while (!this.#stopped && days > 0) {
      const removed = await this.#store.pruneChanges(before, batch);
      if (removed === 0) break;
      sum += removed;
      await new Promise((resolve) => setImmediate(resolve));
    }
    return sum;
  }

  stop(): void {
    this.#stopped = true;
    for (const timer of this.#timers) clearTimeout(timer);
  }
}
