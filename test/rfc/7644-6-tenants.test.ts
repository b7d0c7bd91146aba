import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import {
  bulkSchema,
  enterpriseSchema,
  newGroup,
  newUser,
  patchOp,
  searchSchema,
  startScimd,
  type TestServer,
} from '../server.ts';
import { type Client, newClient } from './client.ts';
import { refused } from './refused.ts';

let server: TestServer;
let a: Client;
let b: Client;
before(async () => {
  // In this process, whatever SCIMD_COMMAND says: a test looks into the store.
  server = await startScimd({ basePath: '/scim/v2' });
});
after(() => server.close());

/** Two tenants; the first has a user who is in a group. */
async function tenants() {
  [a, b] = [await newClient(server), await newClient(server)];
  const user = await a.create(
    '/Users',
    newUser({ externalId: 'ext', title: 'Guide', emails: [{ value: 'a@example.com' }] }),
  );
  const group = await a.create('/Groups', newGroup({ externalId: 'ext', members: [{ value: user.id }] }));
  return { user: await a.read(`/Users/${user.id}`), group };
}

test('P-6-01: the token decides the tenant', async () => {
  const { user } = await tenants();
  const second = await server.newToken({ tenant: a.tenant });
  assert.deepEqual((await server.request('GET', `/Users/${user.id}`, { token: second })).json, user);
  refused(await server.request('GET', `/Users/${user.id}`), 404);
});

test('P-6-03, P-6-05: userName and externalId are unique, or not, within the tenant', async () => {
  const { user, group } = await tenants();
  const twin = await b.create('/Users', newUser({ userName: user.userName, externalId: 'ext' }));
  await b.create('/Groups', newGroup({ displayName: group.displayName, externalId: 'ext' }));
  assert.notEqual(twin.id, user.id);
  refused(
    await b.request('POST', '/Users', { body: newUser({ userName: user.userName }) }),
    409,
    'uniqueness',
  );
  assert.deepEqual(await b.find('/Users', 'externalId eq "ext"'), [twin.id]);
  assert.deepEqual(await a.find('/Users', 'externalId eq "ext"'), [user.id]);
  await b.request('DELETE', `/Users/${twin.id}`);
  refused(
    await a.request('POST', '/Users', { body: newUser({ userName: user.userName }) }),
    409,
    'uniqueness',
  );
});

test('P-6-03: an id of another tenant is as unknown as any: same status, same words, no effect', async () => {
  const { user, group } = await tenants();
  for (const [path, whole, change] of [
    [`/Users/${user.id}`, newUser(), { op: 'add', path: 'title', value: 'x' }],
    [`/Groups/${group.id}`, newGroup(), { op: 'add', path: 'members', value: [{ value: 'x' }] }],
  ] as const) {
    const unknown = path.replace(/.{4}$/, 'ffff');
    for (const method of ['GET', 'PUT', 'PATCH', 'DELETE']) {
      for (const headers of [{}, { 'if-match': '*' }, { 'if-match': 'W/"1"' }, { 'if-none-match': '*' }]) {
        const body = { PUT: whole, PATCH: patchOp(change) }[method];
        const foreign = await b.request(method, path, { body, headers });
        const none = await b.request(method, unknown, { body, headers });
        refused(foreign, 404);
        assert.equal(foreign.text.replace(path.slice(-36), ''), none.text.replace(unknown.slice(-36), ''));
        assert.equal(foreign.headers.get('etag'), null);
      }
    }
  }
  assert.deepEqual(await a.read(`/Users/${user.id}`), user);
  assert.deepEqual(await a.read(`/Groups/${group.id}`), group);
});

test('P-6-03: lists, filters, searches and totals are of the own tenant', async () => {
  const { user } = await tenants();
  const own = await b.create('/Users', newUser());
  for (const path of ['/Users', '/']) {
    for (const filter of [
      'userName pr',
      `id eq "${user.id}" or id eq "${own.id}"`,
      `userName eq "${user.userName}" or userName eq "${own.userName}"`,
      'emails.value eq "a@example.com" or active eq true',
      'not (title eq "nothing")',
      'meta.created gt "2001-01-01T00:00:00Z"',
      `meta.location eq "${user.meta.location}" or meta.resourceType eq "User"`,
      'groups pr or active eq true',
    ]) {
      assert.deepEqual(await b.find(path, filter), [own.id], `${path} ${filter}`);
      const body = { schemas: [searchSchema], filter, count: 0 };
      assert.equal(
        (await b.request('POST', `${path === '/' ? '' : path}/.search`, { body })).json.totalResults,
        1,
      );
    }
  }
  for (const parameters of ['', '?count=0', '?startIndex=2', '?sortBy=userName', '?cursor&count=1']) {
    assert.equal((await b.read(`/Users${parameters}`)).totalResults, 1, parameters);
    assert.equal((await b.read(`/Groups${parameters}`.replace('userName', 'displayName'))).totalResults, 0);
  }
});

test('P-6-03: a group takes an id of another tenant for one that it does not know', async () => {
  const { user, group } = await tenants();
  const other = await b.create('/Groups', newGroup({ members: [{ value: user.id }, { value: group.id }] }));
  assert.deepEqual(
    other.members.map((member: object) => Object.keys(member)),
    [['value'], ['value']],
  );
  assert.deepEqual(await b.find('/Groups', 'members.type pr or members.display pr or members.$ref pr'), []);
  assert.deepEqual(await a.read(`/Users/${user.id}`), user, 'nothing of it shows there');
  assert.deepEqual(await a.find('/Users', `groups.value eq "${other.id}"`), []);
  await a.patch(`/Users/${user.id}`, { op: 'add', path: 'displayName', value: 'Secret' });
  assert.deepEqual(await b.read(`/Groups/${other.id}`), other);
  await a.request('DELETE', `/Users/${user.id}`);
  assert.deepEqual(await b.read(`/Groups/${other.id}`), other, 'the foreign member neither goes nor tells');
  const nested = await b.create('/Users', newUser());
  await b.patch(`/Groups/${other.id}`, { op: 'add', path: 'members', value: [{ value: nested.id }] });
  const groups = (await b.read(`/Users/${nested.id}`)).groups.map(({ value }: { value: string }) => value);
  assert.deepEqual(groups, [other.id], 'no indirect membership through the foreign group');
});

test('P-6-03: a manager of another tenant is a text, of which nothing more is told', async () => {
  const { user } = await tenants();
  const manager = { value: user.id };
  const own = await b.create('/Users', newUser({ [enterpriseSchema]: { manager } }));
  assert.deepEqual(own[enterpriseSchema].manager, manager);
});

test('P-6-03: a bulk request reaches nothing of another tenant, and its ids collide with none', async () => {
  const { user, group } = await tenants();
  const body = {
    schemas: [bulkSchema],
    Operations: [
      { method: 'PUT', path: `/Users/${user.id}`, data: newUser() },
      { method: 'PATCH', path: `/Users/${user.id}`, data: patchOp({ op: 'add', path: 'title', value: 'x' }) },
      { method: 'DELETE', path: `/Groups/${group.id}`, version: group.meta.version },
      { method: 'DELETE', path: `/Users/${user.id}` },
      { method: 'POST', path: '/Users', bulkId: 'a', data: newUser({ userName: user.userName }) },
    ],
  };
  const { json } = await b.request('POST', '/Bulk', { body });
  assert.deepEqual(
    json.Operations.map(({ status }: { status: string }) => status),
    ['404', '404', '404', '404', '201'],
  );
  assert.deepEqual(await a.read(`/Users/${user.id}`), user);
  assert.deepEqual(await a.read(`/Groups/${group.id}`), group);
});

test('P-6-03: a cursor of another tenant is no cursor', async () => {
  await tenants();
  for (let i = 0; i < 3; i++) {
    await a.create('/Users', newUser());
    await b.create('/Users', newUser());
  }
  const { nextCursor } = await a.read('/Users', { cursor: '', count: '2' });
  const foreign = await b.request('GET', `/Users?cursor=${nextCursor}&count=2`);
  const nonsense = await b.request('GET', '/Users?cursor=nonsense&count=2');
  refused(foreign, 400, 'invalidCursor');
  assert.equal(foreign.text, nonsense.text);
  assert.equal((await a.request('GET', `/Users?cursor=${nextCursor}&count=2`)).status, 200);
});

test('P-6-03: the version of one tenant’s resource means nothing for another’s', async () => {
  const { user } = await tenants();
  await a.patch(`/Users/${user.id}`, { op: 'add', path: 'title', value: 'x' });
  const own = await b.create('/Users', newUser({ userName: user.userName }));
  const headers = { 'if-match': 'W/"2"' };
  refused(await b.request('PUT', `/Users/${own.id}`, { body: own, headers }), 412);
});

test('P-6-03: a conflict tells only of the own tenant, and of nothing more than what was sent', async () => {
  const { user } = await tenants();
  const answer = await a.request('POST', '/Users', { body: newUser({ userName: user.userName }) });
  refused(answer, 409, 'uniqueness');
  assert.ok(!answer.text.includes(user.id));
});

test('P-6-03: change records are of one tenant each', async () => {
  const { user, group } = await tenants();
  const own = await b.create('/Users', newUser());
  await b.patch(`/Users/${own.id}`, { op: 'add', path: 'title', value: 'x' });
  await b.request('DELETE', `/Users/${own.id}`);
  const store = server.store;
  assert.ok(store !== undefined);
  const numbers = new Map((await store.tenants()).map(({ name, number }) => [name, number]));
  const changes = async ({ tenant }: Client) => {
    const list = await store.changes({ tenant: numbers.get(tenant) as number, limit: 100 });
    return list.map(({ id, operation }) => `${operation} ${id}`);
  };
  assert.deepEqual(await changes(a), [`create ${user.id}`, `create ${group.id}`]);
  assert.deepEqual(await changes(b), [`create ${own.id}`, `patch ${own.id}`, `delete ${own.id}`]);
});

test('P-6-03, P-6-04: ids are unique over all tenants; deleting a tenant takes its own resources and tokens, and no others', async () => {
  const { user } = await tenants();
  const own = await b.create('/Users', newUser());
  assert.notEqual(own.id, user.id);
  assert.equal(await server.store?.deleteTenant(b.tenant), true);
  refused(await b.request('GET', '/Users'), 401);
  assert.deepEqual(await a.read(`/Users/${user.id}`), user);
  const again = await newClient(server, { tenant: b.tenant });
  assert.equal((await again.read('/')).totalResults, 0);
});
