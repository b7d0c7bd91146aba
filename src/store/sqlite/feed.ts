/** Reads of the feed: several resources at once, of whatever type. */
import type { Database } from 'better-sqlite3';
import type { FeedReads, GroupOf } from '../feed.ts';
import type { StoredResource } from '../store.ts';
import type { Kinds } from './kinds.ts';
import { type ResourceRow, resourceColumns, toResource } from './row.ts';
import { ownerKinds } from './storage-map.ts';

type Row = [...ResourceRow, memberCount: number];

export function feedReads(db: Database, kinds: Kinds, read: <T>(action: () => T) => T): FeedReads {
  const extent = db
    .prepare<[number, number], [oldest: number | null, newest: number | null]>(
      `SELECT (SELECT min(sequence) FROM change WHERE tenant = ?), (SELECT max(sequence) FROM change WHERE tenant = ?)`,
    )
    .raw();
  const resources = db
    .prepare<[string, number], Row>(
      `SELECT ${resourceColumns}, (SELECT count(*) FROM member WHERE owner = r.rid)
       FROM json_each(?) j CROSS JOIN resource r ON r.tenant = ? AND r.id = j.value
       CROSS JOIN document d ON d.rid = r.rid`,
    )
    .raw();
  const owners = ownerKinds(kinds);
  const groups = db
    .prepare<
      [string, number],
      [member: string, group: string, externalId: string | null, display: string | null]
    >(
      `WITH RECURSIVE up (value, owner) AS (
         SELECT m.value, m.owner FROM json_each(?) j CROSS JOIN member m ON m.tenant = ? AND m.value = j.value
         UNION
         SELECT up.value, m.owner
         FROM up CROSS JOIN resource o ON o.rid = up.owner AND o.type IN ${owners}
         CROSS JOIN member m ON m.tenant = o.tenant AND m.value = o.id
       )
       SELECT up.value, o.id, d.body ->> '$.externalId', d.body ->> '$.displayName'
       FROM up CROSS JOIN resource o ON o.rid = up.owner AND o.type IN ${owners} CROSS JOIN document d ON d.rid = o.rid
       ORDER BY up.value, o.id`,
    )
    .raw();
  const people = db
    .prepare<[number, string], string>(
      `WITH RECURSIVE down (rid, type, id) AS (
         SELECT rid, type, id FROM resource WHERE tenant = ? AND id = ?
         UNION
         SELECT r.rid, r.type, r.id
         FROM down CROSS JOIN member m ON m.owner = down.rid CROSS JOIN resource r ON r.tenant = m.tenant AND r.id = m.value
       )
       SELECT id FROM down WHERE type IN (SELECT number FROM resource_type WHERE name = 'User') ORDER BY id`,
    )
    .pluck();
  return {
    extent: (tenant) =>
      read(() => {
        const [oldest, newest] = extent.get(tenant, tenant) ?? [null, null];
        return { oldest: oldest ?? 0, newest: newest ?? 0 };
      }),
    resources: (tenant, ids) =>
      read(() => {
        const found = new Map<string, { resource: StoredResource; memberCount: number }>();
        for (const [...row] of resources.all(JSON.stringify([...ids]), tenant)) {
          const memberCount = row.pop() as number;
          const resource = toResource(kinds, row as unknown as ResourceRow);
          found.set(resource.id, { resource, memberCount });
        }
        return found;
      }),
    groupsOf: (tenant, ids) =>
      read(() => {
        const found = new Map<string, GroupOf[]>();
        for (const [member, group, externalId, display] of groups.all(JSON.stringify([...ids]), tenant)) {
          const known = found.get(member) ?? [];
          known.push({
            group,
            ...(externalId === null ? {} : { externalId }),
            ...(display === null ? {} : { display }),
          });
          found.set(member, known);
        }
        return found;
      }),
    people: (tenant, group) => read(() => people.all(tenant, group)),
  };
}
