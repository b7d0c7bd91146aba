/** Who had access to what at a time. */
import type { TenantName } from '../events/reader.ts';
import type { Store } from '../store/store.ts';
import { type GroupAtTime, isOut, namesOf, People, type Person } from './people.ts';
import { asOf, byName, counted, HistoryError, type Moment, type Report, stateAt } from './report.ts';
import { rulesAfter } from './roles.ts';

/** One person in one group; of somebody in none the group is empty. */
export interface AccessRow {
  readonly userName: string;
  readonly displayName: string | undefined;
  readonly state: Person['state'];
  readonly group: string | undefined;
  readonly membership: 'direct' | 'indirect' | undefined;
  /** Roles and entitlements that the group gave, by the rules that were in force. */
  readonly roles: readonly string[];
  readonly id: string;
  readonly externalId: string | undefined;
  readonly groupId: string | undefined;
}

export interface AccessQuery {
  /** Now without it. */
  readonly at?: Moment | undefined;
  /** Only this group: id, externalId or displayName. */
  readonly group?: string | undefined;
  /** Only what gives this role. */
  readonly role?: string | undefined;
  /** People who may not sign in too. */
  readonly inactive?: boolean;
}

export async function accessReport(
  store: Store,
  tenant: TenantName,
  { at, group, role, inactive = false }: AccessQuery,
): Promise<Report<AccessRow>> {
  const state = await stateAt(store, tenant, at);
  const { rolesOf } = await rulesAfter(store, tenant, state.sequence);
  const people = new People(state, rolesOf);
  const only = group === undefined ? undefined : groupNamed(people, group);
  if (role !== undefined && !people.groups.values().some(({ gives }) => namesOf(gives).includes(role)))
    throw new HistoryError(`no group gave the role ${role} at that time`);
  const isWanted = ({ id, gives }: GroupAtTime): boolean =>
    (only === undefined || id === only.id) && (role === undefined || namesOf(gives).includes(role));
  const isAll = only === undefined && role === undefined;
  const rows: AccessRow[] = [];
  let shown = 0;
  for (const person of people) {
    if (!inactive && isOut(person)) continue;
    const { userName, displayName, state: of, id, externalId } = person;
    const groups = person.groups.filter((each) => isWanted(each.group));
    if (groups.length > 0 || isAll) shown++;
    for (const { group: each, type } of groups)
      rows.push({
        ...{
          userName,
          displayName,
          state: of,
          group: each.name,
          membership: type,
          roles: namesOf(each.gives),
        },
        ...{ id, externalId, groupId: each.id },
      });
    if (isAll && groups.length === 0)
      rows.push({
        ...{ userName, displayName, state: of, group: undefined, membership: undefined, roles: [] },
        ...{ id, externalId, groupId: undefined },
      });
  }
  rows.sort((a, b) => byName(a.userName, b.userName) || byName(a.group ?? '', b.group ?? ''));
  return {
    tenant: tenant.name,
    asOf: asOf(state),
    columns: [
      'userName',
      'displayName',
      'state',
      'group',
      'membership',
      'roles',
      'id',
      'externalId',
      'groupId',
    ],
    rows,
    summary: [
      `${counted(shown, 'person', 'people')}${inactive ? '' : ' who may sign in'}${only === undefined ? '' : ` in ${only.name}`}${role === undefined ? '' : ` with the role ${role}`}`,
    ],
  };
}

/** By id, externalId or displayName. @throws HistoryError where there is none, or several. */
function groupNamed({ groups }: People, wanted: string): GroupAtTime {
  const byId = groups.get(wanted);
  if (byId !== undefined) return byId;
  const named = [...groups.values()].filter(
    ({ name, externalId }) => externalId === wanted || name.toLowerCase() === wanted.toLowerCase(),
  );
  const [only, ...others] = named;
  if (only === undefined) throw new HistoryError(`there was no group ${wanted} at that time`);
  if (others.length > 0)
    throw new HistoryError(
      `${named.length} groups were called ${wanted}; give the id of one: ${named.map(({ id }) => id).join(', ')}`,
    );
  return only;
}
