/** When a message that failed is tried again. */

const second = 1000;
const minute = 60 * second;
const hour = 60 * minute;

/** Milliseconds before each try after the last one; after these it is given up. */
export const retryDelays: readonly number[] = [
  0,
  5 * second,
  5 * minute,
  30 * minute,
  2 * hour,
  5 * hour,
  10 * hour,
  14 * hour,
  20 * hour,
  24 * hour,
];

/** No try is put off by more. */
export const longestDelay = 1.2 * 24 * hour;

/** An endpoint where nothing but failures came for so long is disabled. */
export const disableAfter = 5 * 24 * hour;

/** A receiver cannot put us off for longer. */
const longestRetryAfter = 24 * hour;

/**
 * When the next try is, after `tries` of them; undefined if there is none. ±20 % so that endpoints which failed together
 * do not come back together. `retryAfter` is what the receiver asked for: never sooner.
 */
export function nextTry(
  tries: number,
  now: number,
  retryAfter: number | undefined,
  random: () => number = Math.random,
): number | undefined {
  const delay = retryDelays[tries];
  if (delay === undefined) return undefined;
  const jittered = delay * (0.8 + 0.4 * random());
  return Math.round(now + Math.max(jittered, Math.min(retryAfter ?? 0, longestRetryAfter)));
}

/** Milliseconds of a Retry-After field (RFC 9110 §10.2.3): seconds, or a date. Undefined if it is neither. */
export function parseRetryAfter(field: string | undefined, now: number): number | undefined {
  if (field === undefined) return undefined;
  if (/^\d{1,9}$/.test(field)) return Number(field) * second;
  const date = Date.parse(field);
  return Number.isNaN(date) ? undefined : Math.max(0, date - now);
}
