/** The migration of the change log of older releases, and the digests of new records. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import Sqlite from 'better-sqlite3';
import { restore } from '../../src/store/sqlite/backup.ts';
import { openSqliteStore } from '../../src/store/sqlite/index.ts';
import { currentVersion, versionOf } from '../../src/store/sqlite/upgrade.ts';
import { registryWith, typeNamed, userDocument } from './registry.ts';
import { create, remove, update } from './writes.ts';

const folder = mkdtempSync(join(tmpdir(), 'scimd-record-'));
after(() => rmSync(folder, { recursive: true }));

const registry = registryWith();
const user = typeNamed(registry, 'User');
const actor = { kind: 'token', id: 't1', name: 'okta "prod"', idp: 'okta' } as const;

/** A database as release 0.1.0 left it. */
function olderDatabase(file: string): void {
  const db = new Sqlite(file);
  db.pragma('journal_mode = WAL');
  for (const name of ['001-initial.sql', '002-trigrams.sql'])
    db.exec(readFileSync(new URL(`../../src/store/sqlite/migrations/${name}`, import.meta.url), 'utf8'));
  db.pragma(`application_id = ${applicationIdOf()}`);
  db.pragma('user_version = 2');
  db.exec(`INSERT INTO tenant (name, created) VALUES ('acme', '2026-01-01T00:00:00.000Z');
    INSERT INTO resource_type (number, name, layout) VALUES (1, 'User', '[]'), (2, 'Group', '[]')`);
  const insert = db.prepare(
    `INSERT INTO change (sequence, tenant, type, id, operation, version, at, token, origin, attributes, added, removed)
     VALUES (?, ?, ?, ?, ?, ?, '2026-01-02T03:04:05.678', ?, ?, ?, ?, ?)`,
  );
  insert.run(3, 1, 1, 'u1', 'create', 1, 'tok', 'http', '[]', null, null);
  insert.run(4, 2, 1, 'u2', 'create', 1, null, 'import', '[]', null, null);
  insert.run(7, 1, 1, 'u1', 'patch', 2, 'jwt:okta-app', 'http', '["title","name"]', null, null);
  insert.run(8, 1, 2, 'g1', 'patch', 5, 'jwt', 'http', '["members"]', '["u1"]', '["u7"]');
  insert.run(9, 1, 1, 'u1', 'delete', 3, null, 'cli', '[]', null, null);
  insert.run(10, 2, 1, 'u2', 'replace', 2, null, 'elsewhere', '["userName","members"]', null, null);
  db.close();
}

/** What a database made now has. */
function applicationIdOf(): unknown {
  const file = join(folder, 'new.db');
  const store = openSqliteStore({ file, registry });
  void store.close();
  const db = new Sqlite(file);
  try {
    return db.pragma('application_id', { simple: true });
  } finally {
    db.close();
  }
}

test('changes of an older release get dense numbers per tenant; what was not recorded then is absent', async () => {
  const file = join(folder, 'older.db');
  olderDatabase(file);
  const store = openSqliteStore({ file, registry });
  const at = '2026-01-02T03:04:05.678Z';
  assert.deepEqual(await store.changes({ tenant: 1, limit: 10 }), [
    {
      ...{ sequence: 1, tenant: 1, at, operation: 'create', type: 'User', id: 'u1', version: 1 },
      actor: { kind: 'token', id: 'tok' },
      edits: [],
    },
    {
      ...{ sequence: 2, tenant: 1, at, operation: 'patch', type: 'User', id: 'u1', version: 2 },
      actor: { kind: 'jwt', id: 'okta-app' },
      edits: [
        { path: 'title', omitted: 'unrecorded' },
        { path: 'name', omitted: 'unrecorded' },
      ],
    },
    {
      ...{ sequence: 3, tenant: 1, at, operation: 'patch', type: 'Group', id: 'g1', version: 5 },
      actor: { kind: 'jwt' },
      edits: [],
      added: ['u1'],
      removed: ['u7'],
    },
    {
      ...{ sequence: 4, tenant: 1, at, operation: 'delete', type: 'User', id: 'u1', version: 3 },
      actor: { kind: 'cli' },
      edits: [],
    },
  ]);
  assert.deepEqual(await store.changes({ tenant: 2, limit: 10 }), [
    {
      ...{ sequence: 1, tenant: 2, at, operation: 'create', type: 'User', id: 'u2', version: 1 },
      actor: { kind: 'import' },
      edits: [],
    },
    {
      ...{ sequence: 2, tenant: 2, at, operation: 'replace', type: 'User', id: 'u2', version: 2 },
      actor: { kind: 'system' },
      edits: [{ path: 'userName', omitted: 'unrecorded' }],
    },
  ]);
  await create(store, { tenant: 1, type: user, actor, document: userDocument('new') });
  const [next] = await store.changes({ tenant: 1, after: 4, limit: 10 });
  assert.equal(next?.sequence, 5);
  const digest = Buffer.from(next?.digest ?? '', 'hex');
  const link = createHash('sha256').update(Buffer.alloc(32)).update(digest).digest('hex');
  assert.equal(next?.link, link, 'the chain begins where digests do');
  await store.close();
});

test('a backup of an older release is restored as of this one, and its records go on behind what came after it', async () => {
  const backup = join(folder, 'older.backup');
  olderDatabase(backup);
  const checked = new Sqlite(backup);
  checked.pragma('journal_mode = DELETE');
  checked.close();
  const file = join(folder, 'restored.db');
  const before = Date.now();
  const { contents } = await restore(backup, file, (store) =>
    store.noteRestored({ kind: 'cli', name: 'jane' }),
  );
  assert.equal(contents.changes, 6);
  assert.equal(versionOf(backup), 2);
  assert.equal(versionOf(file), currentVersion);
  const store = openSqliteStore({ file, registry });
  for (const { number } of await store.tenants()) {
    const changes = await store.changes({ tenant: number, limit: 100 });
    const last = changes.at(-1);
    assert.deepEqual(last?.notice, { event: 'database.restored', data: { kept: changes.length - 1 } });
    assert.ok(last.sequence >= before * 100);
    assert.deepEqual((await store.past.verify({ tenant: number })).problems, []);
  }
  await store.close();
});

test('a digest is the SHA-256 of salt and content, line by line: who changes a record must change it', async () => {
  const file = join(folder, 'digests.db');
  const store = openSqliteStore({ file, registry });
  const { id } = await create(store, { tenant: 1, type: user, actor, document: userDocument('a\n"b"') });
  const target = { tenant: 1, type: user, id, actor };
  await update(store, { ...target, operation: 'patch', credential: '$scrypt$1' });
  await remove(store, target);
  await store.close();
  const db = new Sqlite(file);
  const rows = db.prepare<[], Record<string, string | number | Buffer | null>>('SELECT * FROM change').all();
  assert.equal(rows.length, 3);
  for (const row of rows) {
    const lines = [
      ...[row.salt, row.sequence, 'User', JSON.stringify(row.id), row.version, row.operation, row.at],
      ...[JSON.stringify(row.txn), JSON.stringify(row.request), row.actor, row.edits, row.added, row.removed],
      ...[row.last, row.tolerances, row.cause],
    ];
    const digest = createHash('sha256').update(lines.map(String).join('\n')).digest();
    assert.deepEqual(row.digest, digest);
  }
  assert.equal(new Set(rows.map(({ salt }) => salt)).size, 3);
  db.close();
});
