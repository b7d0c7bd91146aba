/** What an audit command answers: rows of one kind, with what they were made from. */
import type { TenantName } from '../events/reader.ts';
import type { Change } from '../store/change.ts';
import type { PastState } from '../store/past.ts';
import { gapAt } from '../store/restored.ts';
import type { Store } from '../store/store.ts';

/** A value of a row; several are shown with semicolons between them. */
export type Cell = string | number | boolean | readonly string[] | undefined;

/** Up to which change of the record a report goes. */
export interface AsOf {
  readonly sequence: number;
  /** When that change was made; undefined where there was none. */
  readonly at: string | undefined;
  /** Its link in the chain of the change record, which nobody can make afterwards. */
  readonly link: string | undefined;
}

export interface Report<Row extends object = Readonly<Record<string, Cell>>> {
  /** The tenant's name. */
  readonly tenant: string;
  readonly asOf: AsOf;
  /** Names of the columns, in order. */
  readonly columns: readonly (keyof Row & string)[];
  readonly rows: readonly Row[];
  /** What a reader should know of the rows, such as how many people they are of. */
  readonly summary: readonly string[];
}

/** A moment that is asked for: a time, or the number of a change. */
export type Moment = Date | number;

/** A question that cannot be answered, and why. */
export class HistoryError extends Error {
  override readonly name = 'HistoryError';
}

/** The attributes of users that reports show. */
const shownAttributes = ['userName', 'externalId', 'displayName', 'active'] as const;

/**
 * The state of a tenant at a moment, now without one.
 * @throws HistoryError where changes since then are kept no longer, or the moment is of the future.
 */
export async function stateAt(
  store: Pick<Store, 'past' | 'changeRange' | 'changes'>,
  tenant: TenantName,
  moment: Moment | undefined,
  more: readonly string[] = [],
): Promise<PastState> {
  const sequence = moment === undefined ? undefined : await sequenceOf(store, tenant, moment);
  const { oldest, newest } = await store.changeRange(tenant.number);
  const gap =
    sequence === undefined
      ? undefined
      : await gapAt((asked) => store.changes(asked), tenant.number, sequence, newest);
  if (gap !== undefined)
    throw new HistoryError(
      `there is no change ${sequence}: the database was restored, and what came after change ${gap.kept} is gone`,
    );
  const state = await store.past.state({
    tenant: tenant.number,
    userAttributes: [...shownAttributes, ...more],
    ...(sequence === undefined ? {} : { sequence }),
  });
  if (state !== undefined) return state;
  throw new HistoryError(
    Number(sequence) > newest
      ? `there is no change ${sequence}: the last one is ${newest}`
      : await tooOld(store, tenant, oldest),
  );
}

/** The number of the last change up to a moment. */
export async function sequenceOf(
  store: Pick<Store, 'past' | 'changeRange' | 'changes'>,
  tenant: TenantName,
  moment: Moment,
): Promise<number> {
  if (typeof moment === 'number') return moment;
  if (moment.getTime() > Date.now() + 60_000)
    throw new HistoryError(`${moment.toISOString()} is in the future`);
  const sequence = await store.past.sequenceAt(tenant.number, moment);
  if (sequence !== undefined) return sequence;
  const { oldest } = await store.changeRange(tenant.number);
  throw new HistoryError(await tooOld(store, tenant, oldest));
}

async function tooOld(
  store: Pick<Store, 'changes'>,
  { number, name }: TenantName,
  oldest: number,
): Promise<string> {
  const [first] = await store.changes({ tenant: number, after: oldest - 1, limit: 1 });
  const since = first === undefined ? '' : `, of ${first.at}`;
  return `the history of tenant ${name} begins with change ${oldest}${since}: older ones are kept no longer (changes.retentionDays)`;
}

export function asOf({ sequence, at, link }: PastState): AsOf {
  return { sequence, at, link };
}

/** Of one more or fewer: `1 person`, `2 people`. */
export function counted(count: number, one: string, several: string): string {
  return `${count} ${count === 1 ? one : several}`;
}

export function byName(one: string, other: string): number {
  return one.localeCompare(other, 'en', { sensitivity: 'base' }) || (one < other ? -1 : one > other ? 1 : 0);
}

/** `okta`, `cli jane`, `system`. */
export function actorText({ actor: { kind, name, id } }: Pick<Change, 'actor'>): string {
  if (kind === 'token') return name ?? id ?? kind;
  return [kind, name ?? id].filter((part) => part !== undefined).join(' ');
}
