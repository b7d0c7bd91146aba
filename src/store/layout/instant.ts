/** Instants in the row are comparison keys (`instantKey`); answers show them with milliseconds and zone. */
import { instantKey } from '../../scim/comparison.ts';

/** `2011-05-13T04:42:34.5` → `2011-05-13T04:42:34.500Z`. */
export function instantText(key: string): string {
  return key.length === 19 ? `${key}.000Z` : `${key.padEnd(23, '0')}Z`;
}

/** The key of a time; a change is always later than the one before it, whatever the clock says. */
export function instantAfter(now: Date, previous: string): string {
  const key = keyOfTime(now.getTime());
  return key > previous ? key : millisecondAfter(previous);
}

/** Many changes of one group come within a millisecond: shown by the workload `member-10000` of npm run bench. */
function millisecondAfter(key: string): string {
  const milliseconds = Number(key.slice(20).padEnd(3, '0'));
  if (key.length > 23 || milliseconds === 999) return keyOfTime(Date.parse(instantText(key)) + 1);
  const digits = String(milliseconds + 1).padStart(3, '0');
  return `${key.slice(0, 19)}.${digits.endsWith('0') ? digits.replace(/0+$/, '') : digits}`;
}

/** Changes that share a commit mostly share their millisecond too. */
let latest = { milliseconds: Number.NaN, key: '' };

/** The key of a time in milliseconds. */
export function keyOfTime(milliseconds: number): string {
  if (milliseconds !== latest.milliseconds)
    latest = { milliseconds, key: instantKey(new Date(milliseconds).toISOString()) as string };
  return latest.key;
}
