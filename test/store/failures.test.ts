import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import Sqlite from 'better-sqlite3';
import { openConnection } from '../../src/store/sqlite/connection.ts';
import { walSync } from '../../src/store/sqlite/durability.ts';
import { groupCommit } from '../../src/store/sqlite/group-commit.ts';
import { openSqliteStore } from '../../src/store/sqlite/index.ts';
import { registryWith, typeNamed, userDocument } from './registry.ts';
import { create, remove } from './writes.ts';

const folder = mkdtempSync(join(tmpdir(), 'scimd-failures-'));
after(() => rmSync(folder, { recursive: true }));
const registry = registryWith();
const user = typeNamed(registry, 'User');

function tokenCommand(db: Sqlite.Database) {
  const insert = db.prepare('INSERT INTO tenant (name, created) VALUES (?, ?)');
  return (name: string) => () => insert.run(name, 'now');
}

function tenantNames(db: Sqlite.Database): unknown[] {
  return db
    .prepare("SELECT substr(name, 1, 10) FROM tenant WHERE name <> 'default' ORDER BY number")
    .pluck()
    .all();
}

/** No snapshot to leave, and nothing to check. */
const unguarded = { beforeWrite() {}, check() {} };

test('when the disk is full no command is acknowledged that is not kept', async () => {
  const db = openConnection(join(folder, 'full.db'));
  const commit = groupCommit(db, walSync(undefined), unguarded);
  const insert = tokenCommand(db);
  await commit.run(insert('before'));
  db.pragma(`max_page_count = ${Number(db.pragma('page_count', { simple: true })) + 4}`);
  const names = ['small-1', `big-${'x'.repeat(100_000)}`, 'small-2'];
  const results = await Promise.allSettled(names.map((name) => commit.run(insert(name))));
  const kept = tenantNames(db);
  results.forEach((result, index) => {
    const name = String(names[index]).slice(0, 10);
    assert.equal(kept.includes(name), result.status === 'fulfilled', name);
    if (result.status === 'rejected') assert.equal(result.reason.code, 'full');
  });
  assert.equal(results[1]?.status, 'rejected');
  db.pragma('max_page_count = 1000000');
  await commit.run(insert('after'));
  assert.ok(tenantNames(db).includes('after'));
  db.close();
});

test('a commit that fails rejects every command of it and keeps none', async () => {
  const db = openConnection(join(folder, 'deferred.db'));
  const commit = groupCommit(db, walSync(undefined), unguarded);
  const insert = tokenCommand(db);
  const orphan = db.prepare("INSERT INTO credential (rid, hash) VALUES (4711, 'x')");
  const results = await Promise.allSettled([
    commit.run(insert('a')),
    // A violation that shows at the commit only.
    commit.run(() => {
      db.pragma('defer_foreign_keys = ON');
      orphan.run();
    }),
    commit.run(insert('b')),
  ]);
  assert.deepEqual(
    results.map(({ status }) => status),
    ['rejected', 'rejected', 'rejected'],
  );
  assert.deepEqual(tenantNames(db), []);
  await commit.run(insert('after'));
  assert.deepEqual(tenantNames(db), ['after']);
  db.close();
});

test('while another process holds the write lock, writes are refused as busy and reads go on', async () => {
  const file = join(folder, 'busy.db');
  const store = openSqliteStore({ file, registry, busyTimeout: 20 });
  const createUser = async (userName: string) =>
    create(store, { tenant: 1, type: user, actor: { kind: 'system' }, document: userDocument(userName) });
  const first = await createUser('a');
  const other = new Sqlite(file);
  other.exec('BEGIN IMMEDIATE');
  await assert.rejects(createUser('b'), { name: 'StoreError', code: 'busy' });
  assert.deepEqual(await store.get({ tenant: 1, type: user, id: first.id }), first);
  other.exec('ROLLBACK');
  other.close();
  await createUser('b');
  await store.close();
});

test('while another process writes, reads go on, and writes are done when it has ended', async () => {
  const file = join(folder, 'waiting.db');
  const store = openSqliteStore({ file, registry });
  const createUser = async (userName: string) =>
    create(store, { tenant: 1, type: user, actor: { kind: 'system' }, document: userDocument(userName) });
  const first = await createUser('a');
  const other = new Sqlite(file);
  other.exec('BEGIN IMMEDIATE');
  let isDone = false;
  const second = createUser('b').finally(() => {
    isDone = true;
  });
  for (let n = 0; n < 20; n++) {
    await new Promise((resolve) => setTimeout(resolve, 5));
    assert.deepEqual(await store.get({ tenant: 1, type: user, id: first.id }), first);
    assert.ok(!isDone);
  }
  const closing = [createUser('c'), store.close()];
  other.exec('ROLLBACK');
  other.close();
  await Promise.all([second, ...closing]);
  const again = openSqliteStore({ file, registry });
  assert.equal((await again.list({ tenant: 1, limit: 0, targets: [{ type: user }] })).total, 3);
  await again.close();
});

test('what another process commits is read from the next turn on', async () => {
  const file = join(folder, 'shared.db');
  const [one, two] = [openSqliteStore({ file, registry }), openSqliteStore({ file, registry })];
  assert.equal((await one.tenants()).length, 1);
  await two.createTenant('acme');
  await new Promise((resolve) => setImmediate(resolve));
  assert.equal((await one.tenants()).length, 2);
  await one.close();
  await two.close();
});

test('an index counts what is there, also after another process has written', async () => {
  const file = join(folder, 'index.db');
  const [one, two] = [openSqliteStore({ file, registry }), openSqliteStore({ file, registry })];
  const actor = { kind: 'system' } as const;
  const ids: string[] = [];
  for (const userName of ['a', 'b', 'c', 'd', 'e']) {
    ids.push((await create(one, { tenant: 1, type: user, actor, document: userDocument(userName) })).id);
  }
  const page = async (offset: number) =>
    (await one.list({ tenant: 1, targets: [{ type: user }], limit: 2, offset })).resources.map(
      ({ id }) => id,
    );
  assert.deepEqual([await page(0), await page(2)], [ids.slice(0, 2), ids.slice(2, 4)]);
  await remove(two, { tenant: 1, type: user, id: ids[0] as string, actor });
  await new Promise((resolve) => setImmediate(resolve));
  assert.deepEqual(await page(2), ids.slice(3));
  await one.close();
  await two.close();
});

test('a file that became read-only refuses writes by name', async () => {
  const store = openSqliteStore({ file: join(folder, 'readonly.db'), registry });
  const connection = new Sqlite(join(folder, 'readonly.db'), { readonly: true });
  const commit = groupCommit(connection, walSync(undefined), unguarded);
  await assert.rejects(
    commit.run(() => connection.prepare("INSERT INTO tenant (name, created) VALUES ('x', 'now')").run()),
    { name: 'StoreError', code: 'readonly' },
  );
  connection.close();
  await store.close();
});

test('no change of a crashed process is lost once it was acknowledged', async () => {
  const file = join(folder, 'crash.db');
  const entry = new URL('../../src/store/sqlite/index.ts', import.meta.url).href;
  const standard = new URL('../../src/scim/standard.ts', import.meta.url).href;
  const program = `
    import { openSqliteStore } from ${JSON.stringify(entry)};
    import { standardRegistry } from ${JSON.stringify(standard)};
    const registry = standardRegistry();
    const store = openSqliteStore({ file: ${JSON.stringify(file)}, registry });
    const create = async (i) => {
      const document = { schemas: [], userName: 'u' + i };
      const commands = [{ kind: 'create', type: registry.resourceTypes[0], document }];
      const [{ results }] = await store.commit([{ tenant: 1, context: { actor: { kind: 'system' } }, commands }]);
      console.log(results[0].resource.id);
    };
    for (let i = 0; ; i += 3) {
      await Promise.all([create(i), create(i + 1), create(i + 2)]);
      if (i > 30) process.kill(process.pid, 'SIGKILL');
    }`;
  const child = spawnSync(process.execPath, ['--import', 'tsx', '--input-type=module', '--eval', program], {
    encoding: 'utf8',
  });
  assert.equal(child.signal, 'SIGKILL', child.stderr);
  const acknowledged = child.stdout.trim().split('\n');
  assert.ok(acknowledged.length >= 30);
  const store = openSqliteStore({ file, registry });
  for (const id of acknowledged) assert.equal((await store.get({ tenant: 1, type: user, id }))?.id, id);
  await store.close();
});
