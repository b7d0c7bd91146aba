/** How many people have what: the licence report. */
import type { TenantName } from '../events/reader.ts';
import { type GrantKind, grantKinds } from '../scim/roles.ts';
import type { Store } from '../store/store.ts';
import { isOut, People } from './people.ts';
import { asOf, byName, counted, type Moment, type Report, stateAt } from './report.ts';
import { rulesAfter } from './roles.ts';

export interface SeatsRow {
  readonly kind: 'people' | GrantKind | 'group';
  readonly name: string;
  /** People who may sign in and have it. */
  readonly used: number;
  /** How many may, by the rules; undefined where there is no limit. */
  readonly seats: number | undefined;
  readonly free: number | undefined;
  /** People who have it and may not sign in. */
  readonly inactive: number;
  readonly id: string | undefined;
}

export interface SeatsQuery {
  /** Now without it. */
  readonly at?: Moment | undefined;
}

export async function seatsReport(
  store: Store,
  tenant: TenantName,
  { at }: SeatsQuery,
): Promise<Report<SeatsRow>> {
  const state = await stateAt(store, tenant, at);
  const { rules, rolesOf } = await rulesAfter(store, tenant, state.sequence);
  const people = new People(state, rolesOf);
  const count = new Map<
    string,
    { kind: SeatsRow['kind']; name: string; id?: string; used: number; inactive: number }
  >();
  const of = (kind: SeatsRow['kind'], name: string, id?: string) => {
    const key = `${kind} ${id ?? name}`;
    const known = count.get(key) ?? { kind, name, used: 0, inactive: 0, ...(id === undefined ? {} : { id }) };
    count.set(key, known);
    return known;
  };
  of('people', 'all');
  for (const { kind, name } of rules) of(kind, name);
  for (const { id, name } of people.groups.values()) of('group', name, id);
  for (const person of people) {
    const { groups } = person;
    const has = [of('people', 'all'), ...groups.map(({ group }) => of('group', group.name, group.id))];
    for (const { kind, name } of groups.flatMap(({ group }) => group.gives)) has.push(of(kind, name));
    for (const each of new Set(has))
      if (isOut(person)) each.inactive++;
      else each.used++;
  }
  const order = ['people', ...grantKinds, 'group'];
  const rows = [...count.values()]
    .sort((a, b) => order.indexOf(a.kind) - order.indexOf(b.kind) || byName(a.name, b.name))
    .map(({ kind, name, used, inactive, id }): SeatsRow => {
      const seats = rules.find((rule) => rule.kind === kind && rule.name === name)?.seats;
      return { kind, name, used, seats, free: seats === undefined ? undefined : seats - used, inactive, id };
    });
  return {
    tenant: tenant.name,
    asOf: asOf(state),
    columns: ['kind', 'name', 'used', 'seats', 'free', 'inactive', 'id'],
    rows,
    summary: [
      ...rows
        .filter(({ free }) => free !== undefined && free < 0)
        .map(
          ({ kind, name, used, seats }) =>
            `${used} people have the ${kind} ${name}, which has ${counted(seats ?? 0, 'seat', 'seats')}`,
        ),
    ],
  };
}
