/**
 * Guessing tokens is slow (RFC 7644 §7.7): the more wrong ones come from an address, the later their answers. Right
 * ones are never kept waiting, wherever they come from.
 */
import { tooManyRequests } from './rate-limit.ts';

const firstDelay = 100;
const longestDelay = 3000;
/** An address that sent no wrong token for so long starts anew. */
const forgottenAfter = 10 * 60 * 1000;
/** Bounds on memory: addresses remembered, and answers kept waiting, for each address and for all. */
const mostAddresses = 10_000;
const mostWaitingEach = 10;
const mostWaiting = 500;

interface Failures {
  count: number;
  last: number;
  waiting: number;
}

export interface FailedAttemptsOptions {
  /** How many wrong tokens are answered at once; 0: all. */
  readonly free: number;
  readonly clock: () => Date;
  readonly wait: (milliseconds: number) => Promise<unknown>;
  /** Told of each wrong token. */
  readonly failed?: (() => void) | undefined;
  /** Told of an address whose answers begin to wait; again only when it was forgotten in between. */
  readonly delayed?: ((address: string) => void) | undefined;
}

export class FailedAttempts {
  readonly #addresses = new Map<string, Failures>();
  readonly #options: FailedAttemptsOptions;
  #waiting = 0;

  constructor(options: FailedAttemptsOptions) {
    this.#options = options;
  }

  /** Counts a wrong token and settles when it may be answered; rejects with 429 when too many answers wait already. */
  async note(address: string): Promise<void> {
    const { free, clock, wait, failed, delayed } = this.#options;
    failed?.();
    if (free === 0) return;
    const failures = this.#of(address, clock().getTime());
    failures.count++;
    if (failures.count <= free) return;
    if (failures.count === free + 1) delayed?.(address);
    const delay = Math.min(longestDelay, firstDelay * 2 ** (failures.count - free - 1));
    if (failures.waiting >= mostWaitingEach || this.#waiting >= mostWaiting)
      throw tooManyRequests(longestDelay / 1000);
    failures.waiting++;
    this.#waiting++;
    try {
      await wait(delay);
    } finally {
      failures.waiting--;
      this.#waiting--;
    }
  }

  #of(address: string, now: number): Failures {
    const addresses = this.#addresses;
    const known = addresses.get(address);
    const failures = known ?? { count: 0, last: now, waiting: 0 };
    if (now - failures.last > forgottenAfter) failures.count = 0;
    failures.last = now;
    // Behind all others: the first is always the one that was away longest.
    addresses.delete(address);
    addresses.set(address, failures);
    if (addresses.size > mostAddresses) addresses.delete(addresses.keys().next().value as string);
    return failures;
  }
}
