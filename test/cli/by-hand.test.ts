/** Users and groups changed by hand beside a running server: through the directory, with the system's user as actor. */
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import Sqlite from 'better-sqlite3';
import { standardRegistry } from '../../src/scim/standard.ts';
import { openSqliteStore } from '../../src/store/sqlite/index.ts';
import { newUser } from '../server.ts';
import { until } from '../until.ts';
import { type Result, scimd, serving, temporaryFolder } from './scimd.ts';

const token = 'a-token-for-tests-of-commands';
const folder = temporaryFolder();
const place = { folder, environment: { SCIMD_BOOTSTRAP_TOKEN: token, SCIMD_LOG_LEVEL: 'warn' } };
const run = (...args: string[]): Promise<Result> => scimd(args, place);
// biome-ignore lint/suspicious/noExplicitAny: answers of any shape
type Json = any;
const json = async (...args: string[]): Promise<Json> => {
  const { status, stdout, stderr } = await run(...args, '--json');
  assert.equal(status, 0, stderr);
  return JSON.parse(stdout);
};
const server = await serving(['serve', '--port', '0'], place);

async function get(path: string): Promise<{ status: number; json: Json }> {
  const response = await fetch(server.url + path, { headers: { authorization: `Bearer ${token}` } });
  return { status: response.status, json: await response.json() };
}

async function changes(id: string): Promise<Json[]> {
  const store = openSqliteStore({ file: join(folder, 'scimd.db'), registry: standardRegistry() });
  const [tenant] = await store.tenants();
  const list = await store.changes({ tenant: tenant?.number ?? 0, id, limit: 100 });
  await store.close();
  return [...list];
}

const me = { kind: 'cli', name: userInfo().username };

test('user create, set and delete do what a provider would, and are recorded as done by the system’s user', async () => {
  const { id } = await json(
    ...['user', 'create', 'jane@example.com', 'name.familyName=Doe', 'active=true', 'externalId=7'],
    'emails[type eq "work"].value=jane@example.com',
    'urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department=Sales',
  );
  const created = (await get(`/Users/${id}`)).json;
  assert.equal(created.userName, 'jane@example.com');
  assert.deepEqual(created.name, { familyName: 'Doe' });
  assert.deepEqual([created.active, created.externalId], [true, '7']);
  assert.deepEqual(created.emails, [{ type: 'work', value: 'jane@example.com' }]);
  assert.equal(created['urn:ietf:params:scim:schemas:extension:enterprise:2.0:User'].department, 'Sales');
  const set = await json(
    'user',
    'set',
    'JANE@example.com',
    'title=Staff engineer',
    'externalId=',
    'phoneNumbers=[{"value": "tel:+1-201-555-0123"}]',
  );
  assert.deepEqual(set, { id, changed: true });
  const after = (await get(`/Users/${id}`)).json;
  assert.deepEqual([after.title, after.externalId], ['Staff engineer', undefined]);
  assert.deepEqual(after.phoneNumbers, [{ value: 'tel:+1-201-555-0123' }]);
  assert.match((await run('user', 'set', id, 'title=Staff engineer')).stdout, /it was so already/);
  assert.deepEqual(await json('user', 'delete', id), { id, deleted: true });
  assert.equal((await get(`/Users/${id}`)).status, 404);
  const recorded = await changes(id);
  assert.deepEqual(
    recorded.map(({ operation }) => operation),
    ['create', 'patch', 'delete'],
  );
  assert.deepEqual(
    recorded.map(({ actor }) => actor),
    [me, me, me],
  );
});

test('wrong values and paths are refused with what is wrong, and nothing is created', async () => {
  const refused = async (status: number, said: RegExp, ...args: string[]): Promise<void> => {
    const result = await run(...args);
    assert.equal(result.status, status, result.stderr);
    assert.match(result.stderr, said);
  };
  await refused(2, /active must be true or false, not "yes"/, 'user', 'create', 'bob', 'active=yes');
  await refused(1, /User has no attribute colour/, 'user', 'create', 'bob', 'colour=red');
  await refused(2, /"title" is not PATH=VALUE/, 'user', 'create', 'bob', 'title');
  await refused(2, /emails takes JSON/, 'user', 'create', 'bob', 'emails=bob@example.com');
  await refused(2, /password is secret/, 'user', 'create', 'bob', 'password=secret');
  await refused(1, /groups is read-only/, 'user', 'create', 'bob', 'groups=[]');
  await refused(2, /scimd group add/, 'group', 'create', 'staff', 'members=[]');
  await refused(2, /needs PATH=VALUE/, 'user', 'set', 'bob');
  await refused(1, /"profileUrl=not a url"/, 'user', 'create', 'bob', 'title=x', 'profileUrl=not a url');
  assert.deepEqual(await json('user', 'list', '--filter', 'userName eq "bob"'), []);
  assert.deepEqual(await json('group', 'list'), []);
});

test('a taken userName is refused as to a provider', async () => {
  await json('user', 'create', 'twice@example.com');
  const again = await run('user', 'create', 'TWICE@example.com');
  assert.equal(again.status, 1);
  assert.match(again.stderr, /userName "TWICE@example.com" is already in use/);
});

test('group create, add, remove, rename, delete and restore', async () => {
  const { id: ann } = await json('user', 'create', 'ann@example.com');
  const { id: ben } = await json('user', 'create', 'ben@example.com');
  const { id } = await json('group', 'create', 'Tour Guides', 'externalId=g-1');
  const members = async (): Promise<string[]> =>
    ((await get(`/Groups/${id}`)).json.members ?? []).map(({ value }: Json) => value).sort();
  assert.deepEqual((await json('group', 'add', 'tour guides', 'ann@example.com', ben)).added, [ann, ben]);
  assert.deepEqual(await members(), [ann, ben].sort());
  const nobody = await run('group', 'add', 'Tour Guides', 'ann@example.com', 'nobody@example.com');
  assert.equal(nobody.status, 1);
  assert.match(nobody.stderr, /has no user nobody@example.com/);
  assert.deepEqual((await json('group', 'remove', id, 'ann@example.com')).removed, [ann]);
  assert.deepEqual(await members(), [ben]);
  await json('group', 'rename', id, 'Guides');
  assert.equal((await get(`/Groups/${id}`)).json.displayName, 'Guides');
  await json('group', 'delete', 'Guides');
  assert.equal((await get(`/Groups/${id}`)).status, 404);
  assert.deepEqual(await json('group', 'restore', 'guides'), { id, restored: true });
  const back = (await get(`/Groups/${id}`)).json;
  assert.deepEqual([back.displayName, back.externalId, back.members.length], ['Guides', 'g-1', 1]);
  const nothing = await run('group', 'restore', 'Guides');
  assert.equal(nothing.status, 1);
  assert.match(nothing.stderr, /is not deleted/);
});

test('user restore brings a deleted user back with id, groups and externalId; 409 in words where the name is taken', async () => {
  const { id } = await json('user', 'create', 'eve@example.com', 'externalId=e-1', 'active=false');
  await json('group', 'create', 'Eves');
  await json('group', 'add', 'Eves', id);
  await json('user', 'delete', id);
  await json('user', 'create', 'eve@example.com');
  const taken = await run('user', 'restore', id);
  assert.equal(taken.status, 1);
  assert.match(taken.stderr, /userName "eve@example.com" is already in use/);
  await json('user', 'set', 'eve@example.com', 'userName=other@example.com');
  const restored = await run('user', 'restore', 'eve@example.com');
  assert.equal(restored.status, 0, restored.stderr);
  assert.match(
    restored.stdout,
    /^eve@example.com is back as it was on \d{4}-\d\d-\d\d \d\d:\d\d UTC; it is not active\n/,
  );
  const { json: back } = await get(`/Users/${id}`);
  assert.deepEqual([back.externalId, back.active, back.groups[0].display], ['e-1', false, 'Eves']);
  assert.deepEqual(await json('user', 'restore', id), { id, active: true, changed: true });
  const nobody = await run('user', 'restore', 'never@example.com');
  assert.match(nobody.stderr, /no user never@example.com, and no deleted one/);
});

test('two deleted people of one userName are told apart by id', async () => {
  const ids: string[] = [];
  for (let time = 0; time < 2; time++) {
    const { id } = await json('user', 'create', 'same@example.com');
    await json('user', 'delete', id);
    ids.push(id);
  }
  const restored = await run('user', 'restore', 'same@example.com');
  assert.equal(restored.status, 1);
  for (const id of ids) assert.ok(restored.stderr.includes(id), restored.stderr);
});

test('user forget takes a person out of the exchange log too, by every name that they had, and out of later backups', async () => {
  const send = async (method: string, path: string, body: object): Promise<Json> => {
    const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/scim+json' };
    return (await fetch(server.url + path, { method, headers, body: JSON.stringify(body) })).json();
  };
  const schemas = ['urn:ietf:params:scim:schemas:core:2.0:User'];
  const { id } = await send('POST', '/Users', {
    schemas,
    userName: 'forgettable.one@example.com',
    title: 'x',
  });
  await send('PUT', `/Users/${id}`, { schemas, userName: 'forgettable.two@example.com', title: 'y' });
  await fetch(
    `${server.url}/Users?filter=${encodeURIComponent('userName eq "forgettable.one@example.com"')}`,
    {
      headers: { authorization: `Bearer ${token}` },
    },
  );
  const logged = () => readFileSync(join(folder, 'scimd-exchanges.db')).includes('forgettable');
  await until('the exchanges in the log', async () =>
    (await run('log', '--user', id, '--bodies')).stdout.includes('forgettable.two'),
  );
  const journal = () => readFileSync(join(folder, 'scimd.db-wal')).includes('forgettable');
  assert.ok(journal());
  await json('user', 'forget', 'forgettable.two@example.com', '--yes');
  assert.ok(!journal(), 'not in the journal of the database either');
  assert.doesNotMatch((await run('log', '--bodies')).stdout, /forgettable/);
  await json('backup', 'after.backup');
  assert.ok(!readFileSync(join(folder, 'after.backup')).includes('forgettable'), 'not even in free pages');
  const db = new Sqlite(join(folder, 'scimd-exchanges.db'));
  db.pragma('wal_checkpoint(TRUNCATE)');
  db.close();
  assert.ok(!logged());
  const [{ problems }] = await json('verify');
  assert.deepEqual(problems, []);
});

test('user forget needs --yes, and leaves neither the person nor their past', async () => {
  const { id } = await json('user', 'create', 'zoe@example.com', 'title=Zeppelin pilot');
  const asked = await run('user', 'forget', 'zoe@example.com');
  assert.equal(asked.status, 2);
  assert.match(asked.stderr, /confirm it with --yes/);
  assert.equal((await get(`/Users/${id}`)).status, 200);
  assert.deepEqual(await json('user', 'forget', 'zoe@example.com', '--yes'), { id, erased: true });
  assert.equal((await get(`/Users/${id}`)).status, 404);
  const recorded = await changes(id);
  assert.doesNotMatch(JSON.stringify(recorded), /zoe|Zeppelin/);
  assert.deepEqual(
    recorded.map(({ operation }) => operation),
    ['create', 'delete', 'erase'],
  );
  assert.match((await run('user', 'restore', id)).stderr, /no deleted one/);
});

test('token show tells of a token, without its secret', async () => {
  const { id } = await json('token', 'create', '--name', 'okta', '--idp', 'okta');
  const shown = await run('token', 'show', 'okta');
  assert.equal(shown.status, 0, shown.stderr);
  assert.match(shown.stdout, new RegExp(`id +${id}`));
  assert.match(shown.stdout, /state +active/);
  const object = await json('token', 'show', id);
  assert.deepEqual([object.name, object.idp, object.token], ['okta', 'okta', undefined]);
  assert.equal((await run('token', 'show', 'nobody')).status, 1);
});

test('an import is recorded with who imported', async () => {
  const file = join(folder, 'imported.ndjson');
  writeFileSync(file, `${JSON.stringify({ ...newUser(), id: 'imported', userName: 'imported' })}\n`);
  assert.equal((await run('import', file)).status, 0);
  const [created] = await changes('imported');
  assert.deepEqual(created.actor, { kind: 'import', name: userInfo().username });
  assert.match((await run('history', 'imported')).stdout, new RegExp(`import ${userInfo().username}`));
});
