/** Looks into the database itself: is it whole, does its change log tell how everything came to be as it is? */
import assert from 'node:assert/strict';
import Sqlite, { type Database } from 'better-sqlite3';
import type { Actual } from './worker.ts';

/** What the database has, by the workers whose it is. */
export function examine(
  file: string,
  workers: readonly { name: string; groupName: string }[],
): Map<string, Actual> {
  const db = new Sqlite(file, { readonly: true, fileMustExist: true });
  try {
    return db.transaction(() => {
      assert.equal(db.pragma('integrity_check', { simple: true }), 'ok');
      assert.deepEqual(db.pragma('foreign_key_check'), []);
      nothingHalf(db);
      changesAgree(db);
      return new Map(workers.map(({ name, groupName }) => [name, actualOf(db, name, groupName)]));
    })();
  } finally {
    db.close();
  }
}

/** Every row that belongs to a resource is there, and none that belongs to nothing. */
function nothingHalf(db: Database): void {
  const none = (sql: string, what: string) => assert.deepEqual(db.prepare(sql).all(), [], what);
  none('SELECT rid FROM resource WHERE rid NOT IN (SELECT rid FROM document)', 'resources without text');
  none('SELECT rid FROM resource WHERE rid NOT IN (SELECT rid FROM document_keys)', 'resources without keys');
  none("SELECT r.rid FROM resource r JOIN document d USING (rid) WHERE d.body ->> '$.id' <> r.id", 'ids');
  none(
    `SELECT r.id FROM resource r JOIN document d USING (rid)
     WHERE json_array_length(d.body, '$.emails') <>
       (SELECT count(*) FROM element e JOIN attribute a ON a.number = e.attribute
        WHERE e.rid = r.rid AND a.path = 'emails')`,
    'addresses in the text and in the index',
  );
  none(
    `SELECT tenant, type FROM counter c
     WHERE total <> (SELECT count(*) FROM resource r WHERE r.tenant = c.tenant AND r.type = c.type)`,
    'counters',
  );
}

interface ChangeRow {
  readonly id: string;
  readonly operation: string;
  readonly version: number;
  readonly at: string;
  readonly added: string | null;
  readonly removed: string | null;
}

/** Played from the start, the log gives the resources, their versions and times, and all members. */
function changesAgree(db: Database): void {
  const played = new Map<string, { version: number; at: string; members: Set<string> }>();
  const changes = db
    // Notices tell of connections and deliveries, and change nothing.
    .prepare<[], ChangeRow>(
      "SELECT id, operation, version, at, added, removed FROM change WHERE operation <> 'notice' ORDER BY sequence",
    )
    .iterate();
  for (const { id, operation, version, at, added, removed } of changes) {
    const known = played.get(id);
    assert.equal(version, (known?.version ?? 0) + 1, `${id}: ${operation} follows the version before it`);
    assert.equal(operation === 'create', known === undefined, `${id}: ${operation}`);
    if (operation === 'delete') {
      played.delete(id);
      continue;
    }
    const members = known?.members ?? new Set();
    for (const member of JSON.parse(added ?? '[]')) members.add(member);
    for (const member of JSON.parse(removed ?? '[]')) members.delete(member);
    played.set(id, { version, at, members });
  }
  const resources = db
    .prepare<[], { id: string; version: number; at: string; members: string }>(
      `SELECT r.id, r.version, r.modified AS at,
         (SELECT json_group_array(m.value) FROM member m WHERE m.owner = r.rid) AS members
       FROM resource r`,
    )
    .all();
  assert.deepEqual(
    new Map(
      resources.map(({ id, members, ...rest }) => [id, { ...rest, members: new Set(JSON.parse(members)) }]),
    ),
    played,
  );
}

function actualOf(db: Database, name: string, groupName: string): Actual {
  const users = db
    .prepare<[string], { id: string; userName: string; nickName: string }>(
      `SELECT r.id, d.body ->> '$.userName' AS userName, d.body ->> '$.nickName' AS nickName
       FROM resource r JOIN document d USING (rid) WHERE userName GLOB ? ORDER BY r.rid`,
    )
    .all(`${name}-*`);
  const group = db
    .prepare<[string], { rid: number; id: string }>(
      "SELECT r.rid, r.id FROM resource r JOIN document d USING (rid) WHERE d.body ->> '$.displayName' = ?",
    )
    .get(groupName);
  const nameOf = new Map(users.map(({ id, userName }) => [id, userName]));
  const members = db.prepare<[number], string>('SELECT value FROM member WHERE owner = ?').pluck();
  return {
    users: new Map(users.map(({ userName, nickName }) => [userName, nickName])),
    members: new Set((group === undefined ? [] : members.all(group.rid)).map((id) => nameOf.get(id) ?? id)),
    hasGroup: group !== undefined,
    idOf: new Map(users.map(({ id, userName }) => [userName, id])),
    groupId: group?.id,
  };
}
