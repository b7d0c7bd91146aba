/** What a person may do in the application, from who they are and which groups they are in. */
import { type Granted, grantsThrough } from '../scim/roles.ts';
import type { Access, EventGroup } from './event.ts';

/** A group, with what it gives by the rules in force. */
export interface GivingGroup extends EventGroup {
  readonly gives?: readonly Granted[] | undefined;
}

/** Without what a change did. `active` is the provider's word; who is locked is not active here. */
export function accessState(
  active: boolean,
  locked: boolean,
  groups: readonly GivingGroup[],
): Omit<Access, 'gained' | 'lost'> {
  const has = active && !locked ? groups : [];
  const grants = grantsThrough(has).map(({ kind, name, by }) => ({ kind, name, by: by.map(plainGroup) }));
  return {
    active: active && !locked,
    locked,
    roles: grants.flatMap(({ kind, name, by }) => (kind === 'role' ? [{ role: name, by }] : [])),
    entitlements: grants.flatMap(({ kind, name, by }) =>
      kind === 'entitlement' ? [{ entitlement: name, by }] : [],
    ),
    groups: has.map(plainGroup),
  };
}

/** As events show it. */
export function plainGroup({ gives: _, ...group }: GivingGroup): EventGroup {
  return group;
}
