import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { enterpriseSchema, newGroup, newUser, startScimd, type TestServer, userSchema } from '../server.ts';
import { type Client, newClient } from './client.ts';
import { lab, labRegistry } from './lab-registry.ts';
import { refused } from './refused.ts';

let server: TestServer;
let client: Client;
before(async () => {
  server = await startScimd({ registry: labRegistry() });
  client = await newClient(server, { idp: 'strict' });
});
after(() => server.close());

const put = (path: string, body: unknown, headers = {}) => client.request('PUT', path, { body, headers });

test('P-3.5-01: PUT is supported, for users and for groups', async () => {
  const user = await client.create('/Users', newUser());
  const group = await client.create('/Groups', newGroup());
  assert.equal((await put(`/Users/${user.id}`, { ...user, title: 'x' })).status, 200);
  assert.equal((await put(`/Groups/${group.id}`, { ...group, displayName: 'x' })).status, 200);
  assert.equal((await client.read(`/Users/${user.id}`)).title, 'x');
  assert.equal((await client.read(`/Groups/${group.id}`)).displayName, 'x');
});

test('P-3.5.1-02: the values given replace the existing ones', async () => {
  const first = newUser({
    title: 'before',
    name: { givenName: 'A', familyName: 'B' },
    emails: [{ value: 'a@example.com' }, { value: 'b@example.com' }],
  });
  const { id } = await client.create('/Users', first);
  const body = { ...first, title: 'after', name: { givenName: 'C' }, emails: [{ value: 'c@example.com' }] };
  const answer = await put(`/Users/${id}`, body);
  assert.equal(answer.json.title, 'after');
  assert.deepEqual(answer.json.name, { givenName: 'C' });
  assert.deepEqual(answer.json.emails, [{ value: 'c@example.com' }]);
  const group = await client.create('/Groups', newGroup({ members: [{ value: 'a' }, { value: 'b' }] }));
  const members = [{ value: 'b' }, { value: 'c' }];
  assert.deepEqual((await put(`/Groups/${group.id}`, { ...group, members })).json.members, members);
});

test('P-3.5.1-02, P-3.5.1-04: a PUT sets the password that it holds, and keeps the one that it cannot know', async () => {
  const store = server.store;
  assert.ok(store !== undefined);
  const tenant = (await store.tenants()).find(({ name }) => name === client.tenant)?.number as number;
  const body = newUser({ password: 'first password' });
  const { id } = await client.create('/Users', body);
  const hash = await store.credential(tenant, id);
  assert.match(hash ?? '', /^\$scrypt\$/);
  const { password: _, ...without } = body;
  assert.equal((await put(`/Users/${id}`, { ...without, title: 'x' })).status, 200);
  assert.equal(await store.credential(tenant, id), hash);
  assert.equal((await put(`/Users/${id}`, { ...body, password: 'second password' })).status, 200);
  assert.notEqual(await store.credential(tenant, id), hash);
});

test('P-3.5.1-03, P-3.5.1-05: what is omitted, null or [] is cleared; active alone keeps its value', async () => {
  const base = newUser();
  const more = {
    title: 'x',
    nickName: 'y',
    active: false,
    roles: [{ value: 'r' }],
    schemas: [userSchema, enterpriseSchema],
    [enterpriseSchema]: { employeeNumber: '1' },
  };
  const { id } = await client.create('/Users', { ...base, ...more });
  const answer = await put(`/Users/${id}`, { ...base, nickName: null, roles: [] });
  assert.deepEqual(Object.keys(answer.json).sort(), ['active', 'id', 'meta', 'schemas', 'userName']);
  assert.equal(answer.json.active, false, 'a PUT that does not speak of it reactivates nobody');
  assert.deepEqual(answer.json.schemas, [userSchema]);
});

test('P-3.5.1-06, P-3.5.1-07: an immutable attribute takes its first value, then only the same', async () => {
  const base = newUser({ schemas: [userSchema, lab] });
  const { id } = await client.create('/Users', base);
  const set = (birthplace: string | undefined) =>
    put(`/Users/${id}`, { ...base, [lab]: { birthplace, bare: 'x' } });
  assert.equal((await set('Berlin')).json[lab].birthplace, 'Berlin');
  assert.equal((await set('Berlin')).status, 200);
  refused(await set('Paris'), 400, 'mutability', /birthplace/);
  assert.equal((await set(undefined)).json[lab].birthplace, 'Berlin');
  assert.equal((await client.read(`/Users/${id}`))[lab].birthplace, 'Berlin');
});

test('P-3.5.1-07, P-3.1-05: what is left of an object with an immutable sub-attribute keeps its required ones, and can be put back', async () => {
  const base = newUser({ schemas: [userSchema, lab] });
  const locker = { serial: '7', hall: 'B', note: 'x' };
  const { id } = await client.create('/Users', { ...base, [lab]: { locker } });
  const left = (await put(`/Users/${id}`, base)).json;
  assert.deepEqual(left[lab], { locker: { serial: '7', hall: 'B' } });
  assert.deepEqual((await put(`/Users/${id}`, left)).json, left);
});

test('P-3.5.1-08: read-only values are ignored', async () => {
  const user = await client.create('/Users', newUser());
  const answer = await put(`/Users/${user.id}`, {
    ...user,
    id: 'other',
    meta: { ...user.meta, created: '1999-01-01T00:00:00Z', version: 'W/"99"', resourceType: 'Group' },
    groups: [{ value: 'admins' }],
  });
  assert.equal(answer.status, 200);
  assert.deepEqual(answer.json, user);
});

test('P-3.5.1-09: a PUT without a required attribute is 400 invalidValue', async () => {
  const user = await client.create('/Users', newUser());
  const group = await client.create('/Groups', newGroup());
  refused(
    await put(`/Users/${user.id}`, { schemas: user.schemas, title: 'x' }),
    400,
    'invalidValue',
    /userName/,
  );
  refused(await put(`/Users/${user.id}`, { ...user, userName: null }), 400, 'invalidValue', /userName/);
  refused(await put(`/Groups/${group.id}`, { schemas: group.schemas }), 400, 'invalidValue', /displayName/);
  refused(await put(`/Users/${user.id}`, { userName: 'x' }), 400, 'invalidSyntax', /schemas/);
  assert.deepEqual(await client.read(`/Users/${user.id}`), user);
});

test('P-3.5.1-10: success is 200 with the whole resource', async () => {
  const user = await client.create('/Users', newUser());
  const answer = await put(`/Users/${user.id}`, { ...user, displayName: 'Babs' });
  assert.equal(answer.status, 200);
  assert.deepEqual(answer.json, await client.read(`/Users/${user.id}`));
  assert.equal(answer.headers.get('location'), user.meta.location);
  assert.equal(answer.headers.get('etag'), 'W/"2"');
  const minimal = await put(`/Users/${user.id}`, { ...user, displayName: 'B' }, { prefer: 'return=minimal' });
  assert.equal(minimal.status, 204);
  assert.equal(minimal.text, '');
  assert.equal(minimal.headers.get('etag'), 'W/"3"');
});

test('P-3.5.1-11, P-3.12-17: an unknown id is 404; a userName of somebody else 409 uniqueness, by PUT and by PATCH', async () => {
  refused(await put('/Users/unknown', newUser()), 404);
  const [one, two] = [await client.create('/Users', newUser()), await client.create('/Users', newUser())];
  for (const userName of [one.userName, one.userName.toUpperCase()]) {
    refused(await put(`/Users/${two.id}`, { ...two, userName }), 409, 'uniqueness', /userName/);
    const patch = { op: 'replace', path: 'userName', value: userName };
    refused(await client.patch(`/Users/${two.id}`, patch), 409, 'uniqueness', /userName/);
  }
  assert.deepEqual(await client.read(`/Users/${two.id}`), two);
  assert.equal((await put(`/Users/${one.id}`, { ...one, userName: one.userName.toUpperCase() })).status, 200);
});
