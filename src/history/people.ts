/** Who is in which groups in a state of a tenant, by which group, and what these give. */
import type { Granted } from '../scim/roles.ts';
import type { PastResource, PastState } from '../store/past.ts';

/** What a group gives by the rules of access. */
export type RolesOf = (group: Readonly<Record<string, unknown>>) => readonly Granted[];

export const noRoles: RolesOf = () => [];

export interface GroupAtTime {
  readonly id: string;
  readonly name: string;
  readonly externalId: string | undefined;
  readonly gives: readonly Granted[];
}

/** A group that somebody is in: a member of it, or of a group in it. */
export interface InGroup {
  readonly group: GroupAtTime;
  readonly type: 'direct' | 'indirect';
}

export interface Person {
  readonly id: string;
  /** Empty of somebody who was erased. */
  readonly userName: string;
  readonly externalId: string | undefined;
  readonly displayName: string | undefined;
  /**
   * May they sign in? `locked`: blocked here, whatever the provider says; `unknown`: what it was is not recorded; `erased`:
   * nor is anything else.
   */
  readonly state: 'active' | 'inactive' | 'locked' | 'unknown' | 'erased';
  readonly groups: readonly InGroup[];
}

/** All people of a state, with their groups. */
export class People {
  readonly groups: ReadonlyMap<string, GroupAtTime>;
  readonly #state: PastState;
  /** By member: the groups that have it. */
  readonly #parents = new Map<string, GroupAtTime[]>();
  /** By group: itself and all groups that it is in. */
  readonly #above = new Map<string, ReadonlySet<GroupAtTime>>();

  constructor(state: PastState, rolesOf: RolesOf) {
    this.#state = state;
    const groups = new Map<string, GroupAtTime>();
    for (const resource of state.resources.values())
      if (resource.type === 'Group') groups.set(resource.id, groupOf(resource, rolesOf));
    this.groups = groups;
    for (const [id, members] of state.members) {
      const group = groups.get(id);
      if (group === undefined) continue;
      for (const member of members) {
        const known = this.#parents.get(member);
        if (known === undefined) this.#parents.set(member, [group]);
        else known.push(group);
      }
    }
  }

  *[Symbol.iterator](): Generator<Person> {
    for (const resource of this.#state.resources.values())
      if (resource.type === 'User') yield this.#of(resource);
  }

  get(id: string): Person | undefined {
    const resource = this.#state.resources.get(id);
    return resource?.type === 'User' ? this.#of(resource) : undefined;
  }

  #of(resource: PastResource): Person {
    const { id, document } = resource;
    return {
      id,
      userName: textOf(document.userName) ?? '',
      externalId: textOf(document.externalId),
      displayName: textOf(document.displayName),
      state: this.#stateOf(resource),
      groups: this.#groupsOf(id),
    };
  }

  #stateOf({ id, document, unknown, lost }: PastResource): Person['state'] {
    if (lost === 'erased') return 'erased';
    if (document.active === false && !unknown.includes('active')) return 'inactive';
    if (this.#state.locked.has(id)) return 'locked';
    return lost !== undefined || unknown.includes('active') ? 'unknown' : 'active';
  }

  #groupsOf(id: string): InGroup[] {
    const direct = this.#parents.get(id) ?? [];
    const groups: InGroup[] = direct.map((group) => ({ group, type: 'direct' }));
    const known = new Set(direct);
    for (const parent of direct)
      for (const group of this.#aboveOf(parent)) {
        if (known.has(group)) continue;
        known.add(group);
        groups.push({ group, type: 'indirect' });
      }
    return groups;
  }

  #aboveOf(start: GroupAtTime): ReadonlySet<GroupAtTime> {
    const known = this.#above.get(start.id);
    if (known !== undefined) return known;
    // Groups may contain one another.
    const above = new Set([start]);
    for (const group of above) for (const parent of this.#parents.get(group.id) ?? []) above.add(parent);
    this.#above.set(start.id, above);
    return above;
  }
}

function groupOf({ id, document }: PastResource, rolesOf: RolesOf): GroupAtTime {
  return {
    id,
    name: textOf(document.displayName) ?? '',
    externalId: textOf(document.externalId),
    gives: rolesOf({ ...document, id }),
  };
}

export function textOf(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

/** May they not sign in? Of whom it is not known, they may. */
export function isOut({ state }: Person): boolean {
  return state === 'inactive' || state === 'locked';
}

export function namesOf(gives: readonly Granted[]): string[] {
  return gives.map(({ name }) => name);
}
