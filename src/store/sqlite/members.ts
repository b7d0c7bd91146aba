/** The SQL that reads memberships: a group's members as JSON text, and the groups that resources are in. */
import type { GroupReference } from '../store.ts';
import type { Kinds } from './kinds.ts';
import { endpointOf, memberTypeName, ownerKinds } from './storage-map.ts';

/** Members in one part of a large group. Measured: ten times as many hold the event loop longer, and are no faster. */
export const membersInPart = 250;

/** So many members are read at once, with the resource or the page that they are of: about a millisecond's work. */
export const mostMembersAtOnce = 1000;

/** Parameters: the base of `$ref`, the group's row, the member after which it goes on, how many. */
export function membersSql(kinds: Kinds): string {
  // Names and endpoints of types are the registry's own; what came from outside goes through json_quote.
  return `SELECT group_concat('{"value":' || json_quote(value)
    || iif(ref IS NULL, '', ',"$ref":' || json_quote(ref))
    || iif(type IS NULL, '', ',"type":' || json_quote(type))
    || iif(display IS NULL, '', ',"display":' || json_quote(display)) || '}', ','),
  max(value), count(*)
FROM (
  SELECT m.value, ? || ${endpointOf(kinds, 'm.kind')} || m.value AS ref, ${memberTypeName(kinds)} AS type, m.display
  FROM member m WHERE m.owner = ? AND m.value > ? ORDER BY m.value LIMIT ?)`;
}

/** A row of {@link membersSql}: the members' text, the last of them, and how many they are. */
export type MembersRow = [text: string | null, last: string | null, count: number];

/**
 * The groups of the resources in `start`; UNION drops what was met before, so cycles end. A membership that is both
 * direct and indirect counts as direct. CROSS JOIN keeps SQLite from starting at the other end.
 */
function groupsSql(kinds: Kinds, start: string): string {
  const owners = ownerKinds(kinds);
  return `WITH RECURSIVE up (value, owner, depth) AS (
  SELECT m.value, m.owner, 0 FROM ${start}
  UNION
  SELECT up.value, m.owner, 1
  FROM up CROSS JOIN resource o ON o.rid = up.owner AND o.type IN ${owners}
  CROSS JOIN member m ON m.tenant = o.tenant AND m.value = o.id
)
SELECT up.value, o.id, o.type, d.body ->> '$.displayName', min(up.depth) AS nearest
FROM up CROSS JOIN resource o ON o.rid = up.owner AND o.type IN ${owners} CROSS JOIN document d ON d.rid = o.rid
GROUP BY up.value, up.owner
ORDER BY up.value, nearest, up.owner`;
}

/** Parameters: the tenant and the resource's id. */
export function groupsOfOneSql(kinds: Kinds): string {
  return groupsSql(kinds, 'member m WHERE m.tenant = ? AND m.value = ?');
}

/** Parameters: a JSON array of ids and the tenant. */
export function groupsOfSomeSql(kinds: Kinds): string {
  return groupsSql(kinds, 'json_each(?) j CROSS JOIN member m ON m.tenant = ? AND m.value = j.value');
}

export type GroupRow = [member: string, group: string, kind: number, display: string | null, depth: number];

/** By the id of the resource that is in them, direct ones first; those without groups are left out. */
export function toGroups(kinds: Kinds, rows: readonly GroupRow[]): Map<string, GroupReference[]> {
  const groups = new Map<string, GroupReference[]>();
  for (const [member, value, kind, display, depth] of rows) {
    const reference: GroupReference = {
      value,
      display: display ?? undefined,
      type: depth === 0 ? 'direct' : 'indirect',
      resourceType: kinds.nameOf(kind),
    };
    const known = groups.get(member);
    if (known === undefined) groups.set(member, [reference]);
    else known.push(reference);
  }
  return groups;
}
