/** Instants in the row are comparison keys (`instantKey`); answers show them with milliseconds and zone. */
import { instantKey } from '../../scim/comparison.ts';

/** `2011-05-13T04:42:34.5` → `2011-05-13T04:42:34.500Z`. */
export function instantText(key: string): string {
  return key.length === 19 ? `${key}.000Z` : `${key.padEnd(23, '0')}Z`;
}

/** The key of a time; a change is always later than the one before it, whatever the clock says. */
export function instantAfter(now: Date, previous: string): string {
  const key = keyOfTime(now.getTime());
  return key > previous ? key : keyOfTime(Date.parse(instantText(previous)) + 1);
}

/** Changes that share a commit mostly share their millisecond too. */
let latest = { milliseconds: Number.NaN, key: '' };

/** The key of a time in milliseconds. */
export function keyOfTime(milliseconds: number): string {
  if (milliseconds !== latest.milliseconds)
    latest = { milliseconds, key: instantKey(new Date(milliseconds).toISOString()) as string };
  return latest.key;
}
