/** How access at one time differs from access at another. */
import type { TenantName } from '../events/reader.ts';
import type { Change } from '../store/change.ts';
import type { PastState } from '../store/past.ts';
import type { Store } from '../store/store.ts';
import { isOut, namesOf, People, type Person } from './people.ts';
import {
  actorText,
  asOf,
  byName,
  counted,
  HistoryError,
  type Moment,
  type Report,
  stateAt,
} from './report.ts';
import { rulesAfter } from './roles.ts';

/** What somebody can do that they could not before, or the reverse. */
export interface DiffRow {
  /** `joined`, `left`: may sign in now, or no more; `gained`, `lost`: a group or a role. */
  readonly change: 'joined' | 'left' | 'gained' | 'lost';
  readonly userName: string;
  readonly what: 'account' | 'group' | 'role';
  /** Of the group or the role. */
  readonly name: string | undefined;
  /** When and by whom, where one change did it; a group within a group, or a role, may have come by several. */
  readonly at: string | undefined;
  readonly by: string | undefined;
  readonly id: string;
  readonly groupId: string | undefined;
}

export interface DiffQuery {
  readonly from: Moment;
  /** Now without it. */
  readonly to?: Moment | undefined;
}

interface Attribution {
  readonly at: string;
  readonly by: string;
}

/** Groups, by id, and roles of somebody who may sign in; of others nothing. */
interface Access {
  readonly account: boolean;
  readonly groups: ReadonlyMap<string, string>;
  readonly roles: ReadonlySet<string>;
}

const nothing: Access = { account: false, groups: new Map(), roles: new Set() };

function accessOf(person: Person | undefined): Access {
  if (person === undefined || isOut(person)) return nothing;
  return {
    account: true,
    groups: new Map(person.groups.map(({ group }) => [group.id, group.name])),
    roles: new Set(person.groups.flatMap(({ group }) => namesOf(group.gives))),
  };
}

export async function diffReport(
  store: Store,
  tenant: TenantName,
  { from, to }: DiffQuery,
): Promise<Report<DiffRow>> {
  const before = await stateAt(store, tenant, from);
  const after = await stateAt(store, tenant, to);
  if (before.sequence > after.sequence) throw new HistoryError('--from must be before --to');
  const peopleOf = async (state: PastState): Promise<People> =>
    new People(state, (await rulesAfter(store, tenant, state.sequence)).rolesOf);
  const [old, now] = [await peopleOf(before), await peopleOf(after)];
  const who = await attribution(store, tenant.number, before.sequence, after.sequence);
  const rows: DiffRow[] = [];
  const ids = new Set([...idsOf(old), ...idsOf(now)]);
  for (const id of ids) {
    const [was, is] = [old.get(id), now.get(id)];
    const [had, has] = [accessOf(was), accessOf(is)];
    const userName = is?.userName || was?.userName || '';
    const add = (
      change: DiffRow['change'],
      what: DiffRow['what'],
      name?: string,
      groupId?: string,
      { at, by }: Partial<Attribution> = {},
    ): void => {
      rows.push({ change, userName, what, name, at, by, id, groupId });
    };
    if (had.account !== has.account)
      add(has.account ? 'joined' : 'left', 'account', undefined, undefined, who.get(id));
    // Who may sign in again has by that the groups that they were in all the time; who may no more has lost all of them.
    for (const [group, name] of has.groups) {
      if (had.groups.has(group)) continue;
      const wasIn = !had.account && was?.groups.some((each) => each.group.id === group);
      add('gained', 'group', name, group, who.get(`${group} ${id}`) ?? (wasIn ? who.get(id) : undefined));
    }
    for (const [group, name] of had.groups) {
      if (has.groups.has(group)) continue;
      const left = has.account ? undefined : who.get(id);
      add('lost', 'group', name, group, who.get(`${group} ${id}`) ?? left);
    }
    for (const role of has.roles) if (!had.roles.has(role)) add('gained', 'role', role);
    for (const role of had.roles) if (!has.roles.has(role)) add('lost', 'role', role);
  }
  rows.sort(
    (a, b) => byName(a.userName, b.userName) || byName(a.what, b.what) || byName(a.name ?? '', b.name ?? ''),
  );
  const count = (change: DiffRow['change']): number => rows.filter((row) => row.change === change).length;
  return {
    tenant: tenant.name,
    asOf: asOf(after),
    columns: ['change', 'userName', 'what', 'name', 'at', 'by', 'id', 'groupId'],
    rows,
    summary: [
      `from change ${before.sequence} of ${before.at ?? 'the beginning'}`,
      `${counted(count('joined'), 'person', 'people')} joined, ${count('left')} left; ${counted(count('gained'), 'access', 'accesses')} gained, ${count('lost')} lost`,
    ],
  };
}

function* idsOf(people: People): Generator<string> {
  for (const { id } of people) yield id;
}

/** Changes that are read together. */
const pageSize = 1000;

/** By `id` of an account, or `group member`: the last change that came or went by. */
async function attribution(
  store: Store,
  tenant: number,
  after: number,
  upTo: number,
): Promise<ReadonlyMap<string, Attribution>> {
  const found = new Map<string, Attribution>();
  for (let last = after; last < upTo; ) {
    const changes = await store.changes({ tenant, after: last, limit: Math.min(pageSize, upTo - last) });
    for (const change of changes) {
      const what = { at: change.at, by: actorText(change) };
      if (concernsAccount(change)) found.set(change.id, what);
      for (const member of [...(change.added ?? []), ...(change.removed ?? [])])
        found.set(`${change.id} ${member}`, what);
    }
    last = changes.at(-1)?.sequence ?? upTo;
  }
  return found;
}

function concernsAccount({ type, operation, edits, notice }: Change): boolean {
  // A lock takes all access, too.
  if (notice?.event === 'user.access_changed') return notice.data.locked !== undefined;
  if (type !== 'User') return false;
  return (
    operation === 'create' ||
    operation === 'delete' ||
    operation === 'restore' ||
    edits.some(({ path }) => path === 'active')
  );
}
