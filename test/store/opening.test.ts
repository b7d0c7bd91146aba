import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import Sqlite from 'better-sqlite3';
import { openConnection } from '../../src/store/sqlite/connection.ts';
import { openSqliteStore } from '../../src/store/sqlite/index.ts';
import { migrations } from '../../src/store/sqlite/migrations.ts';
import { StoreError } from '../../src/store/store-error.ts';
import { badgeSchema, badgeUri, registryWith, typeNamed, userDocument } from './registry.ts';
import { create } from './writes.ts';

const folder = mkdtempSync(join(tmpdir(), 'scimd-opening-'));
after(() => rmSync(folder, { recursive: true }));
let files = 0;
const newFile = () => join(folder, `${++files}.db`);
const registry = registryWith(badgeSchema());

/** Opening fails with this code; answers the message. */
function refusal(file: string, code: StoreError['code']): string {
  let caught: unknown;
  assert.throws(
    () => openSqliteStore({ file, registry }),
    (error) => {
      caught = error;
      return error instanceof StoreError && error.code === code && error.advice !== '';
    },
  );
  return (caught as StoreError).message;
}

test('a new file is made durable and recognisable', () => {
  const file = newFile();
  const db = openConnection(file);
  const pragma = (name: string) => db.pragma(name, { simple: true });
  assert.deepEqual(
    ['journal_mode', 'synchronous', 'foreign_keys', 'application_id', 'user_version'].map(pragma),
    ['wal', 2, 1, 0x5343494d, migrations.length],
  );
  assert.deepEqual(db.pragma('foreign_key_check'), []);
  assert.equal(pragma('integrity_check'), 'ok');
  db.close();
});

test('every table is STRICT, but for the virtual ones, which have no types', () => {
  const db = openConnection(':memory:');
  const loose = db
    .prepare(
      "SELECT name FROM pragma_table_list WHERE schema = 'main' AND type = 'table' AND name NOT LIKE 'sqlite_%' AND NOT strict",
    )
    .pluck()
    .all();
  assert.deepEqual(loose, []);
  db.close();
});

test('what was written is there when the file is opened again', async () => {
  const file = newFile();
  const type = typeNamed(registry, 'User');
  const first = openSqliteStore({ file, registry });
  const created = await create(first, {
    tenant: 1,
    type,
    actor: { kind: 'system' },
    document: userDocument('a'),
  });
  await first.close();
  const second = openSqliteStore({ file, registry });
  assert.deepEqual(await second.get({ tenant: 1, type, id: created.id }), created);
  assert.equal((await second.list({ tenant: 1, targets: [{ type }], limit: 1 })).total, 1);
  await second.close();
});

test('a database of a newer release is refused, and left as it is', () => {
  const file = newFile();
  openConnection(file).close();
  const db = new Sqlite(file);
  db.pragma(`user_version = ${migrations.length + 6}`);
  db.close();
  const before = readFileSync(file);
  assert.equal(
    refusal(file, 'newer-database'),
    `${file} was written by a newer release: it has database version ${migrations.length + 6}, this release knows up to ${migrations.length}`,
  );
  assert.deepEqual(readFileSync(file), before);
});

test('a database of another application is refused, and left as it is', () => {
  const file = newFile();
  const db = new Sqlite(file);
  db.exec('CREATE TABLE recipe (name TEXT)');
  db.close();
  const before = readFileSync(file);
  assert.equal(refusal(file, 'foreign-database'), `${file} is an SQLite database of another application`);
  assert.deepEqual(readFileSync(file), before);
});

test('a file that is no database is refused, and left as it is', () => {
  const file = newFile();
  writeFileSync(file, 'Dear diary, '.repeat(500));
  refusal(file, 'not-a-database');
  assert.equal(readFileSync(file, 'utf8'), 'Dear diary, '.repeat(500));
});

test('a damaged database says so', async () => {
  const file = newFile();
  openSqliteStore({ file, registry }).close();
  const bytes = readFileSync(file);
  bytes.fill(0xff, 4096, bytes.length);
  writeFileSync(file, bytes);
  refusal(file, 'corrupt');
});

test('a folder that does not exist, or a folder instead of a file, is named', () => {
  assert.match(refusal(join(folder, 'none', 'a.db'), 'cannot-open'), /its folder does not exist$/);
  const file = newFile();
  mkdirSync(file);
  refusal(file, 'cannot-open');
});

test('a file that may not be written to is refused', {
  skip: process.getuid?.() === 0 ? 'root may write anything' : false,
}, () => {
  const file = newFile();
  openConnection(file).close();
  chmodSync(file, 0o444);
  refusal(file, 'readonly');
});

test('two processes may open a new file at the same time', () => {
  const file = newFile();
  const [one, two] = [openConnection(file), openConnection(file)];
  assert.equal(two.pragma('user_version', { simple: true }), migrations.length);
  one.close();
  two.close();
});

test('an attribute that is indexed from now on is found in what was written before', async () => {
  const file = newFile();
  const createUnder = async (floorIndexed: boolean, userName: string, floor: number) => {
    const configured = registryWith(badgeSchema(floorIndexed));
    const store = openSqliteStore({ file, registry: configured });
    const type = typeNamed(configured, 'User');
    const document = userDocument(userName, { [badgeUri]: { number: userName, floor, color: 'Red' } });
    await create(store, { tenant: 1, type, actor: { kind: 'system' }, document });
    const sort = type.extensions.get(badgeUri.toLowerCase())?.attributes.get('floor');
    assert.ok(sort);
    const page = await store.list({ tenant: 1, targets: [{ type, sort }], limit: 10 });
    await store.close();
    return page.resources.map(({ body }) => JSON.parse(body).userName);
  };
  assert.deepEqual(await createUnder(false, 'a', 3), ['a']);
  assert.deepEqual(await createUnder(true, 'b', 2), ['b', 'a']);
  assert.deepEqual(await createUnder(false, 'c', 1), ['c', 'b', 'a']);
});

test('an attribute cannot become unique while two resources share a value', async () => {
  const file = newFile();
  const { attributes, id } = badgeSchema();
  const shared = registryWith({
    id,
    attributes: attributes.map((attribute) => ({ ...attribute, uniqueness: 'none' as const })),
  });
  const store = openSqliteStore({ file, registry: shared });
  for (const userName of ['a', 'b']) {
    const document = userDocument(userName, { [badgeUri]: { number: 'N1' } });
    await create(store, { tenant: 1, type: typeNamed(shared, 'User'), actor: { kind: 'system' }, document });
  }
  await store.close();
  assert.match(
    refusal(file, 'conflicting-data'),
    /^the configuration now wants values of User unique that resources share:\n {2}\S+ and \S+ share a value of urn:\S+:number$/,
  );
  openSqliteStore({ file, registry: shared }).close();
});
