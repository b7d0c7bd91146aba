/** Reads the edges: a group's members as JSON text, chunk by chunk, and the groups that resources are in. */
import type { Database } from 'better-sqlite3';
import type { GroupReference, MemberChunk } from '../store.ts';
import type { Kinds } from './kinds.ts';
import { endpointOf, memberTypeName, ownerKinds } from './storage-map.ts';

export interface MemberReads {
  members(tenant: number, group: string, base: string, limit: number, after: string | undefined): MemberChunk;
  memberCount(tenant: number, group: string, most: number): number;
  groupsOf(tenant: number, ids: readonly string[]): Map<string, GroupReference[]>;
}

type GroupRow = [member: string, group: string, kind: number, display: string | null, depth: number];

/**
 * The groups of the resources in `start`; UNION drops what was met before, so cycles end. A membership that is both
 * direct and indirect counts as direct. CROSS JOIN keeps SQLite from starting at the other end.
 */
function groupsSql(owners: string, start: string): string {
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

export function memberReads(db: Database, kinds: Kinds): MemberReads {
  // Names and endpoints of types are the registry's own; what came from outside goes through json_quote.
  const chunk = db
    .prepare<
      [string, number, string, string, number],
      [text: string | null, last: string | null, count: number]
    >(
      `SELECT group_concat('{"value":' || json_quote(value)
           || iif(ref IS NULL, '', ',"$ref":' || json_quote(ref))
           || iif(type IS NULL, '', ',"type":' || json_quote(type))
           || iif(display IS NULL, '', ',"display":' || json_quote(display)) || '}', ','),
         max(value), count(*)
       FROM (
         SELECT m.value, ? || ${endpointOf(kinds, 'm.kind')} || m.value AS ref, ${memberTypeName(kinds)} AS type, m.display
         FROM member m
         WHERE m.owner = (SELECT rid FROM resource WHERE tenant = ? AND id = ?) AND m.value > ?
         ORDER BY m.value LIMIT ?)`,
    )
    .raw();
  const count = db
    .prepare<[number, string, number], number>(
      `SELECT count(*) FROM (
         SELECT 1 FROM member WHERE owner = (SELECT rid FROM resource WHERE tenant = ? AND id = ?) LIMIT ?)`,
    )
    .pluck();
  const owners = ownerKinds(kinds);
  const groupsOfOne = db
    .prepare<[number, string], GroupRow>(groupsSql(owners, 'member m WHERE m.tenant = ? AND m.value = ?'))
    .raw();
  const groupsOfSome = db
    .prepare<[string, number], GroupRow>(
      groupsSql(owners, 'json_each(?) j CROSS JOIN member m ON m.tenant = ? AND m.value = j.value'),
    )
    .raw();
  return {
    members(tenant, group, base, limit, after = '') {
      const [text, last, count] = chunk.get(base, tenant, group, after, limit) as [
        string | null,
        string | null,
        number,
      ];
      return { text: text ?? '', ...(count === limit && last !== null ? { next: last } : {}) };
    },
    memberCount: (tenant, group, most) => count.get(tenant, group, most) as number,
    groupsOf(tenant, ids) {
      const [id] = ids;
      if (id === undefined) return new Map();
      const rows =
        ids.length === 1 ? groupsOfOne.all(tenant, id) : groupsOfSome.all(JSON.stringify(ids), tenant);
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
    },
  };
}
