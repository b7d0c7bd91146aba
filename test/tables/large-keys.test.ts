/** Keys of rows that JavaScript's numbers cannot tell apart. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import Database from 'better-sqlite3';
import { createScimd, doctor, sql } from '../../src/index.ts';
import { maps, tablesSql } from './fixture.ts';

function people(): Database.Database {
  const db = new Database(':memory:').exec(tablesSql('sqlite'));
  const make = db.prepare(
    "INSERT INTO users (id, org, scim_id, login, login_folded, created_at, updated_at) VALUES (?, 'default', ?, ?, ?, '2026-01-01', '2026-01-01')",
  );
  for (const [id, name] of [
    [9007199254740992n, 'ann'],
    [9007199254740993n, 'bob'],
  ] as const)
    make.run(id, name, name, name);
  return db;
}

const titled = (db: Database.Database) =>
  db.prepare('SELECT login FROM users WHERE scim IS NOT NULL').pluck().all();

test('a key that the driver rounds is refused, since it is that of another row', async () => {
  const db = people();
  const scimd = await createScimd({
    store: sql(db, maps()),
    link: ({ externalId }) => (externalId === undefined ? undefined : Number(9007199254740993n)),
  });
  const { users, groups } = scimd;
  const rounded = { name: 'RangeError', message: /users.id has keys beyond 2\^53.*defaultSafeIntegers/ };
  await assert.rejects(users.patch('bob', [{ op: 'replace', path: 'title', value: 'x' }]), rounded);
  await assert.rejects(users.delete('bob'), rounded);
  await assert.rejects(groups.create({ displayName: 'g', members: [{ value: 'bob' }] }), rounded);
  await assert.rejects(users.create({ userName: 'cy', externalId: '1' }), rounded);
  assert.deepEqual(titled(db), []);
  assert.equal((await scimd.changes()).length, 0);
  await scimd.close();
});

test('large keys of a driver that answers BigInts are exact', async () => {
  const db = people();
  db.defaultSafeIntegers();
  const scimd = await createScimd({ store: sql(db, maps()) });
  const { users, groups } = scimd;
  await users.patch('bob', [{ op: 'replace', path: 'title', value: 'x' }]);
  assert.deepEqual(titled(db), ['bob']);
  const group = await groups.create({ displayName: 'g', members: [{ value: 'bob' }] });
  assert.equal((await users.get('ann'))?.groups, undefined);
  const found = await users.list({ filter: `groups.value eq "${group.id}"` });
  assert.deepEqual(
    found.Resources.map(({ id }) => id),
    ['bob'],
  );
  const { token } = await scimd.createToken({ name: 'doctor' });
  const { passed, text } = await doctor(scimd.fetch, { token });
  assert.ok(passed, text);
  await scimd.close();
});
