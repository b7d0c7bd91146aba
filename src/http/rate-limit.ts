/** Token buckets: how often whoever has a key may ask. */
import { ScimError } from '../error.ts';

/** What a bucket holds: the requests of so many seconds, so that bursts pass. */
const burstSeconds = 10;
/** Keys remembered; whoever was away longest is forgotten first. */
const mostKeys = 10_000;

interface Bucket {
  left: number;
  at: number;
}

/** 429 (RFC 6585 §4). */
export function tooManyRequests(seconds: number): ScimError {
  const wait = Math.max(1, Math.ceil(seconds));
  return new ScimError(429, undefined, `Too many requests; try again in ${wait} s`, {
    headers: [['Retry-After', String(wait)]],
  });
}

export class RateLimit {
  readonly #buckets = new Map<string, Bucket>();
  readonly #perSecond: number;
  readonly #clock: () => Date;

  /** `perSecond` 0: no limit. */
  constructor(perSecond: number, clock: () => Date) {
    this.#perSecond = perSecond;
    this.#clock = clock;
  }

  /** Counts a request; throws 429 when there are too many. Refused ones do not count. */
  take(key: string): void {
    const perSecond = this.#perSecond;
    const buckets = this.#buckets;
    if (perSecond === 0) return;
    const at = this.#clock().getTime();
    const most = perSecond * burstSeconds;
    const bucket = buckets.get(key) ?? { left: most, at };
    // A clock that was set back takes nothing away.
    bucket.left = Math.min(most, bucket.left + (Math.max(0, at - bucket.at) / 1000) * perSecond);
    bucket.at = at;
    buckets.delete(key);
    buckets.set(key, bucket);
    if (buckets.size > mostKeys) buckets.delete(buckets.keys().next().value as string);
    if (bucket.left < 1) throw tooManyRequests((1 - bucket.left) / perSecond);
    bucket.left--;
  }
}
