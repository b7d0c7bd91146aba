/**
 * What a restored database owes to those who have read it before. The numbers of the record that came after the backup were
 * given out, and stand for something else now. So the record of each tenant leaps over all that can have been given out,
 * and its first change behind the gap says so: a notice, which is chained as every change is.
 */
import type { Actor, Change } from './change.ts';
import type { Awaitable } from './stored-resource.ts';

export const restoredEvent = 'database.restored';

const subject = { type: 'Database', id: 'database' } as const;

/** No record leaps to a smaller number: one that has not come so far has no gap. */
export const leastLeap = 1_000_000_000;

/**
 * The number to go on with at that time, in milliseconds since 1970. It is of the time alone, so that a later restore goes
 * on behind all that came after an earlier one, whatever backups they are of, while there are fewer than 100 changes a
 * millisecond.
 */
export function leapAt(milliseconds: number): number {
  return milliseconds * 100;
}

/** Where to leap behind the last number. Only where the clock was set back it is not the number of the time. */
export function numberBehind(kept: number, leap: number): number {
  return leap > kept && leap >= leastLeap ? leap : kept + leastLeap;
}

/** The notice that leaps; the store adds `kept`, the last number before the gap. */
export function restoredNotice(tenant: number, now: Date, actor: Actor) {
  return { ...{ tenant, event: restoredEvent, subject, actor }, data: {}, leap: leapAt(now.getTime()) };
}

/** The numbers between two changes, both of which there are. */
export interface Gap {
  readonly kept: number;
  readonly next: number;
}

/** The gap that a stored notice stands behind; undefined of all others. */
export function keptBefore(notice: string | null): number | undefined {
  if (notice === null || !notice.includes(restoredEvent)) return undefined;
  const { event, data } = JSON.parse(notice) as NonNullable<Change['notice']>;
  return event === restoredEvent ? Number(data.kept) : undefined;
}

type Changes = (options: {
  readonly tenant: number;
  readonly after: number;
  readonly limit: number;
  readonly id: string;
}) => Awaitable<readonly Pick<Change, 'sequence' | 'notice'>[]>;

/** Restored more often, nobody counts how far somebody is behind. */
const mostGaps = 1000;

async function gapsBehind(changes: Changes, tenant: number, after: number, limit: number): Promise<Gap[]> {
  const found = await changes({ tenant, after, limit, id: subject.id });
  return found.flatMap(({ sequence: next, notice }) =>
    notice?.event === restoredEvent ? [{ kept: Number(notice.data.kept), next }] : [],
  );
}

/** The gap that a number lies in: it was given out, and a restore has taken back what it stood for. */
export async function gapAt(
  changes: Changes,
  tenant: number,
  sequence: number,
  newest: number,
): Promise<Gap | undefined> {
  if (sequence >= newest || newest < leastLeap) return undefined;
  const [gap] = await gapsBehind(changes, tenant, sequence, 1);
  return gap !== undefined && gap.kept < sequence ? gap : undefined;
}

/** How many changes there are behind a number. */
export async function changesBehind(
  changes: Changes,
  tenant: number,
  sequence: number,
  newest: number,
): Promise<number> {
  let behind = Math.max(0, newest - sequence);
  if (behind === 0 || newest < leastLeap) return behind;
  for (const { kept, next } of await gapsBehind(changes, tenant, sequence, mostGaps))
    behind -= next - Math.max(kept, sequence) - 1;
  return behind;
}
