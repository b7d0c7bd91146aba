/** Reads of the feed: several resources at once, of whatever type, and all of one moment. */
import type { Database } from 'better-sqlite3';
import type { Granted } from '../../scim/roles.ts';
import {
  type FeedReads,
  type FeedSnapshot,
  type FoundPresent,
  type GroupOf,
  type PersonAccess,
  personAccess,
  type SnapshotEntry,
} from '../feed.ts';
import type { StoredTypes } from '../layout/stored-type.ts';
import { memberTypeName, ownerTypes } from '../sql/attribute-map.ts';
import { type ResourceRow, resourceColumns, toResource } from '../sql/resource.ts';

type Row = [...ResourceRow, memberCount: number, locked: 0 | 1];

/** Reads over one connection, without a transaction of their own. */
function statementsOver(db: Database, types: StoredTypes) {
  const extent = db
    .prepare<[number], [pruned: number, newest: number]>(
      'SELECT pruned, sequence FROM change_counter WHERE tenant = ?',
    )
    .raw();
  const newest = db
    .prepare<[], [tenant: number, newest: number]>(
      'SELECT tenant, sequence FROM change_counter ORDER BY tenant',
    )
    .raw();
  const resources = db
    .prepare<[string, number], Row>(
      `SELECT ${resourceColumns}, (SELECT count(*) FROM member WHERE owner = r.rid),
         EXISTS (SELECT 1 FROM access_lock l WHERE l.tenant = r.tenant AND l.id = r.id)
       FROM json_each(?) j CROSS JOIN resource r ON r.tenant = ? AND r.id = j.value
       CROSS JOIN document d ON d.rid = r.rid`,
    )
    .raw();
  const owners = ownerTypes(types);
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
  const giving = db
    .prepare<[string, number], [group: string, kind: Granted['kind'], name: string]>(
      `SELECT o.id, g.kind, g.name FROM json_each(?) j CROSS JOIN resource o ON o.tenant = ? AND o.id = j.value
       CROSS JOIN access_grant g ON g.rid = o.rid ORDER BY o.id, g.kind DESC, g.name`,
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
  const access = db
    .prepare<[number, string, number], [id: string, version: number, active: string | number | null]>(
      `SELECT r.id, r.version,
         iif(EXISTS (SELECT 1 FROM access_lock l WHERE l.tenant = r.tenant AND l.id = r.id), 0, d.body ->> '$.active')
       FROM resource r JOIN document d ON d.rid = r.rid
       WHERE r.tenant = ? AND r.id > ? AND r.type = (SELECT number FROM resource_type WHERE name = 'User')
       ORDER BY r.id LIMIT ?`,
    )
    .raw();
  const groupsOf = (tenant: number, ids: Iterable<string>): Map<string, GroupOf[]> => {
    const found = new Map<string, GroupOf[]>();
    const rows = groups.all(JSON.stringify([...ids]), tenant);
    const given = new Map<string, Granted[]>();
    for (const [group, kind, name] of giving.all(
      JSON.stringify([...new Set(rows.map(([, id]) => id))]),
      tenant,
    ))
      given.set(group, [...(given.get(group) ?? []), { kind, name }]);
    for (const [member, group, externalId, display] of rows) {
      const gives = given.get(group);
      const known = found.get(member) ?? [];
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
    extent(tenant: number) {
      const [pruned, newest] = extent.get(tenant) ?? [0, 0];
      return { oldest: pruned + 1, newest };
    },
    newest: () => new Map(newest.all()),
    resources(tenant: number, ids: Iterable<string>) {
      const found = new Map<string, FoundPresent>();
      for (const [...row] of resources.all(JSON.stringify([...ids]), tenant)) {
        const locked = row.pop() === 1;
        const memberCount = row.pop() as number;
        const resource = toResource(types, row as unknown as ResourceRow);
        found.set(resource.id, { resource, memberCount, locked });
      }
      return found;
    },
    groupsOf,
    people: (tenant: number, group: string) => people.all(tenant, group),
    accessOf(tenant: number, after: string, limit: number): PersonAccess[] {
      const rows = access.all(tenant, after, limit);
      const isActive = (active: string | number | null): boolean => active !== 0;
      const active = rows.flatMap(([id, , state]) => (isActive(state) ? [id] : []));
      const groups = groupsOf(tenant, active);
      return rows.map(([id, version, state]) =>
        personAccess({ id, version, active: isActive(state) }, groups.get(id)),
      );
    },
  };
}

/** Resources in one step of a snapshot. */
const stepSize = 100;

/** `connection` opens another one to the same database; undefined where there can be none. */
export function feedReads(
  db: Database,
  types: StoredTypes,
  read: <T>(action: () => T) => T,
  connection: (() => Database) | undefined,
): FeedReads {
  const own = statementsOver(db, types);
  return {
    extent: (tenant) => read(() => own.extent(tenant)),
    newest: () => read(() => own.newest()),
    resources: (tenant, ids) => read(() => own.resources(tenant, ids)),
    groupsOf: (tenant, ids) => read(() => own.groupsOf(tenant, ids)),
    people: (tenant, group) => read(() => own.people(tenant, group)),
    accessOf: (tenant, after, limit) => read(() => own.accessOf(tenant, after, limit)),
    snapshot(tenant) {
      if (connection !== undefined) {
        const other = connection();
        let open = true;
        try {
          other.exec('BEGIN');
          return snapshotOver(other, types, tenant, () => {
            if (open) other.close();
            open = false;
          });
        } catch (error) {
          other.close();
          throw error;
        }
      }
      // Nobody else can read this database, so all of it is read at once.
      return read(() => {
        const live = snapshotOver(db, types, tenant, () => {});
        const entries: SnapshotEntry[] = [];
        for (let step = live.next(); step.length > 0; step = live.next()) entries.push(...step);
        return { ...live, next: () => entries.splice(0, stepSize) };
      });
    },
  };
}

/** It answers at once. */
interface LocalSnapshot extends FeedSnapshot {
  next(): readonly SnapshotEntry[];
}

function snapshotOver(db: Database, types: StoredTypes, tenant: number, close: () => void): LocalSnapshot {
  const own = statementsOver(db, types);
  const counts = db
    .prepare<[number], [kind: number, total: number]>(
      'SELECT type, count(*) FROM resource WHERE tenant = ? GROUP BY type ORDER BY type',
    )
    .raw()
    .all(tenant);
  const byType = db
    .prepare<[number, number, number, number], [rid: number, ...ResourceRow]>(
      `SELECT r.rid, ${resourceColumns} FROM resource r JOIN document d ON d.rid = r.rid
       WHERE r.tenant = ? AND r.type = ? AND r.rid > ? ORDER BY r.rid LIMIT ?`,
    )
    .raw();
  const members = db
    .prepare<[number], string>(
      `SELECT '[' || coalesce(group_concat(json_object('value', m.value, 'type', ${memberTypeName(types)}), ','), '') || ']'
       FROM (SELECT * FROM member WHERE owner = ? ORDER BY value) m`,
    )
    .pluck();
  const locked = new Set(
    db.prepare<[number], string>('SELECT id FROM access_lock WHERE tenant = ?').pluck().all(tenant),
  );
  const isUser = (kind: number): number => (types.nameOf(kind) === 'User' ? 0 : 1);
  const left = counts.map(([kind]) => kind).sort((a, b) => isUser(a) - isUser(b) || a - b);
  let after = 0;
  const { newest: sequence } = own.extent(tenant);
  return {
    sequence,
    counts: Object.fromEntries(counts.map(([kind, total]) => [types.nameOf(kind), total])),
    next() {
      for (let [kind] = left; kind !== undefined; [kind] = left) {
        const rows = byType.all(tenant, kind, after, stepSize);
        after = rows.at(-1)?.[0] ?? 0;
        if (rows.length === 0) {
          left.shift();
          continue;
        }
        const type = types.nameOf(kind);
        const ids = rows.map(([, , id]) => id);
        const groups = type === 'User' ? own.groupsOf(tenant, ids) : new Map<string, GroupOf[]>();
        return rows.map(([rid, ...row]) => {
          const resource = toResource(types, row);
          return {
            resource,
            members: type === 'Group' ? members.get(rid) : undefined,
            groups: groups.get(resource.id) ?? [],
            locked: locked.has(resource.id),
          };
        });
      }
      return [];
    },
    close,
  };
}
