/** Reads of the feed: several resources at once, of whatever type, and all of one moment. */
import type { Granted } from '../../scim/roles.ts';
import {
  type FeedReads,
  type FeedSnapshot,
  type FoundPresent,
  type GroupOf,
  personAccess,
  type SnapshotEntry,
} from '../feed.ts';
import type { StoredTypes } from '../layout/stored-type.ts';
import { memberTypeName, ownerTypes } from '../sql/attribute-map.ts';
import { type ResourceRow, resourceColumns, toResource } from '../sql/resource.ts';
import type { Value } from './driver.ts';
import type { Pool } from './pool.ts';
import type { Snapshot, Snapshots } from './snapshots.ts';
import { arrayOf } from './statements.ts';

type GroupOfRow = [member: string, group: string, externalId: string | null, display: string | null];

type Read = (sql: string, parameters: readonly Value[]) => Promise<unknown[][]>;

export function feedSql(types: StoredTypes) {
  const owners = ownerTypes(types);
  return {
    extent: 'SELECT pruned, sequence FROM change_counter WHERE tenant = ?',
    newest: 'SELECT tenant, sequence FROM change_counter ORDER BY tenant',
    resources: `SELECT ${resourceColumns}, (SELECT count(*) FROM member WHERE owner = r.rid AND tenant = r.tenant),
  EXISTS (SELECT 1 FROM access_lock l WHERE l.tenant = r.tenant AND l.id = r.id)
FROM resource r JOIN document d ON d.rid = r.rid AND d.tenant = r.tenant WHERE r.tenant = ? AND r.id = ANY(${arrayOf('text')}::text[])`,
    groups: `WITH RECURSIVE up (value, owner, tenant) AS (
  SELECT m.value, m.owner, m.tenant FROM member m WHERE m.tenant = ? AND m.value = ANY(${arrayOf('text')}::text[])
  UNION
  SELECT up.value, m.owner, m.tenant
  FROM up JOIN resource o ON o.rid = up.owner AND o.tenant = up.tenant AND o.type IN ${owners}
  JOIN member m ON m.tenant = o.tenant AND m.value = o.id
)
SELECT up.value, o.id, d.body ->> 'externalId', d.body ->> 'displayName'
FROM up JOIN resource o ON o.rid = up.owner AND o.tenant = up.tenant AND o.type IN ${owners}
JOIN document d ON d.rid = o.rid AND d.tenant = o.tenant
ORDER BY up.value, o.id`,
    people: `WITH RECURSIVE down (rid, tenant, type, id) AS (
  SELECT rid, tenant, type, id FROM resource WHERE tenant = ? AND id = ?
  UNION
  SELECT r.rid, r.tenant, r.type, r.id
  FROM down JOIN member m ON m.owner = down.rid AND m.tenant = down.tenant
  JOIN resource r ON r.tenant = m.tenant AND r.id = m.value
)
SELECT id FROM down WHERE type IN (SELECT number FROM resource_type WHERE name = 'User') ORDER BY id`,
    giving: `SELECT o.id, g.kind, g.name FROM resource o JOIN access_grant g ON g.rid = o.rid AND g.tenant = o.tenant
WHERE o.tenant = ? AND o.id = ANY(${arrayOf('text')}::text[]) ORDER BY o.id, g.kind DESC, g.name`,
    access: `SELECT r.id, r.version,
  CASE WHEN EXISTS (SELECT 1 FROM access_lock l WHERE l.tenant = r.tenant AND l.id = r.id) THEN 'false' ELSE d.body ->> 'active' END
FROM resource r JOIN document d ON d.rid = r.rid AND d.tenant = r.tenant
WHERE r.tenant = ? AND r.id > ? AND r.type = (SELECT number FROM resource_type WHERE name = 'User')
ORDER BY r.id LIMIT ?`,
    counts: 'SELECT type, count(*) FROM resource WHERE tenant = ? GROUP BY type ORDER BY type',
    byType: `SELECT r.rid, ${resourceColumns},
  EXISTS (SELECT 1 FROM access_lock l WHERE l.tenant = r.tenant AND l.id = r.id), CASE WHEN ?::boolean THEN (
  SELECT '[' || coalesce(string_agg('{"value":' || to_json(m.value)::text || ',"type":' || coalesce(to_json(m.shown)::text, 'null') || '}', ','), '') || ']'
  FROM (SELECT m.value, ${memberTypeName(types)} AS shown FROM member m WHERE m.owner = r.rid AND m.tenant = r.tenant ORDER BY m.value) m
) END
FROM resource r JOIN document d ON d.rid = r.rid AND d.tenant = r.tenant
WHERE r.tenant = ? AND r.type = ? AND r.rid > ? ORDER BY r.rid LIMIT ?`,
  } as const;
}

function readsOver(
  types: StoredTypes,
  sql: ReturnType<typeof feedSql>,
  read: Read,
): Omit<FeedReads, 'snapshot'> {
  const groupsOf = async (tenant: number, ids: Iterable<string>): Promise<Map<string, GroupOf[]>> => {
    const found = new Map<string, GroupOf[]>();
    const rows = (await read(sql.groups, [tenant, [...ids]])) as GroupOfRow[];
    const given = new Map<string, Granted[]>();
    if (rows.length > 0) {
      const groups = [...new Set(rows.map(([, group]) => group))];
      for (const row of await read(sql.giving, [tenant, groups])) {
        const [group, kind, name] = row as [string, Granted['kind'], string];
        given.set(group, [...(given.get(group) ?? []), { kind, name }]);
      }
    }
    for (const [member, group, externalId, display] of rows) {
      const known = found.get(member) ?? [];
      const gives = given.get(group);
      known.push({
        group,
        ...(externalId === null ? {} : { externalId }),
        ...(display === null ? {} : { display }),
        ...(gives === undefined ? {} : { gives }),
      });
      found.set(member, known);
    }
    return found;
  };
  return {
    async extent(tenant) {
      const [row] = (await read(sql.extent, [tenant])) as [number, number][];
      const [pruned, newest] = row ?? [0, 0];
      return { oldest: pruned + 1, newest };
    },
    newest: async () => new Map((await read(sql.newest, [])) as [number, number][]),
    async resources(tenant, ids) {
      const found = new Map<string, FoundPresent>();
      for (const [...row] of await read(sql.resources, [tenant, [...ids]])) {
        const locked = row.pop() as boolean;
        const memberCount = row.pop() as number;
        const resource = toResource(types, row as unknown as ResourceRow);
        found.set(resource.id, { resource, memberCount, locked });
      }
      return found;
    },
    groupsOf,
    async people(tenant, group) {
      return ((await read(sql.people, [tenant, group])) as [string][]).map(([id]) => id);
    },
    async accessOf(tenant, after, limit) {
      const rows = (await read(sql.access, [tenant, after, limit])) as [string, number, string | null][];
      const isActive = (active: string | null): boolean => active !== 'false';
      const groups = await groupsOf(
        tenant,
        rows.flatMap(([id, , active]) => (isActive(active) ? [id] : [])),
      );
      return rows.map(([id, version, active]) =>
        personAccess({ id, version, active: isActive(active) }, groups.get(id)),
      );
    },
  };
}

/** Resources in one step of a snapshot. */
const stepSize = 100;

export function feedReads(pool: Pool, types: StoredTypes, snapshots: Snapshots): FeedReads {
  const sql = feedSql(types);
  return {
    ...readsOver(types, sql, (text, parameters) => pool.read(text, parameters)),
    async snapshot(tenant) {
      const snapshot = await snapshots.open();
      const release = snapshot.keep();
      try {
        return await snapshotOver(snapshot, types, sql, tenant, release);
      } catch (error) {
        release();
        throw error;
      }
    },
  };
}

async function snapshotOver(
  snapshot: Snapshot,
  types: StoredTypes,
  sql: ReturnType<typeof feedSql>,
  tenant: number,
  close: () => void,
): Promise<FeedSnapshot> {
  const read: Read = async (text, parameters) => (await snapshot.run(text, parameters)).rows;
  const reads = readsOver(types, sql, read);
  const { newest: sequence } = await reads.extent(tenant);
  const counts = (await read(sql.counts, [tenant])) as [number, number][];
  const isUser = (kind: number): number => (types.nameOf(kind) === 'User' ? 0 : 1);
  const left = counts.map(([kind]) => kind).sort((a, b) => isUser(a) - isUser(b) || a - b);
  let after = 0;
  return {
    sequence,
    counts: Object.fromEntries(counts.map(([kind, total]) => [types.nameOf(kind), total])),
    async next() {
      for (let [kind] = left; kind !== undefined; [kind] = left) {
        const type = types.nameOf(kind);
        const rows = await read(sql.byType, [type === 'Group', tenant, kind, after, stepSize]);
        after = Number(rows.at(-1)?.[0] ?? 0);
        if (rows.length === 0) {
          left.shift();
          continue;
        }
        const ids = rows.map(([, , id]) => id as string);
        const groups = type === 'User' ? await reads.groupsOf(tenant, ids) : new Map<string, GroupOf[]>();
        return rows.map(([, ...row]): SnapshotEntry => {
          const members = row.pop() as string | null;
          const locked = row.pop() as boolean;
          const resource = toResource(types, row as unknown as ResourceRow);
          return { resource, members: members ?? undefined, groups: groups.get(resource.id) ?? [], locked };
        });
      }
      return [];
    },
    close,
  };
}
