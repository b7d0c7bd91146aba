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
let client: Client;
before(async () => {
  server = await startScimd();
  client = await newClient(server);
});
after(() => server.close());

test('P-3.6-05: success is 204 without a body', async () => {
  for (const [path, body] of [
    ['/Users', newUser()],
    ['/Groups', newGroup()],
  ] as const) {
    const { id } = await client.create(path, body);
    const answer = await client.request('DELETE', `${path}/${id}`);
    assert.equal(answer.status, 204);
    assert.equal(answer.text, '');
    assert.equal(answer.headers.get('content-type'), null);
  }
  refused(await client.request('DELETE', '/Users/unknown'), 404);
});

test('P-3.6-02: afterwards every operation on the resource is 404', async () => {
  const user = await client.create('/Users', newUser());
  assert.equal((await client.request('DELETE', `/Users/${user.id}`)).status, 204);
  const path = `/Users/${user.id}`;
  refused(await client.request('GET', path), 404);
  refused(await client.request('PUT', path, { body: user }), 404);
  refused(await client.patch(path, { op: 'add', path: 'title', value: 'x' }), 404);
  refused(await client.request('DELETE', path), 404);
  assert.equal((await client.request('HEAD', path)).status, 404);
  const headers = { 'if-match': '*' };
  refused(await client.request('DELETE', path, { headers }), 404);
});

test('P-3.6-02: of a group too, also where a request is of its members alone, and in a bulk request', async () => {
  const user = await client.create('/Users', newUser());
  const group = await client.create('/Groups', newGroup({ members: [{ value: user.id }] }));
  const path = `/Groups/${group.id}`;
  assert.equal((await client.request('DELETE', path)).status, 204);
  const add = { op: 'add', path: 'members', value: [{ value: user.id }] };
  refused(await client.request('GET', path), 404);
  refused(await client.request('GET', `${path}?excludedAttributes=members`), 404);
  refused(await client.request('PUT', path, { body: newGroup() }), 404);
  refused(await client.patch(path, add), 404);
  refused(await client.patch(path, { op: 'remove', path: `members[value eq "${user.id}"]` }), 404);
  refused(await client.patch(path, { op: 'remove', path: 'members' }), 404);
  refused(await client.patch(path, { op: 'replace', path: 'displayName', value: 'x' }), 404);
  refused(await client.request('DELETE', path), 404);
  const Operations = [
    { method: 'PUT', path, data: newGroup() },
    { method: 'PATCH', path, data: patchOp(add) },
    { method: 'DELETE', path },
  ];
  const { json } = await client.request('POST', '/Bulk', { body: { schemas: [bulkSchema], Operations } });
  assert.deepEqual(
    json.Operations.map(({ status }: { status: string }) => status),
    ['404', '404', '404'],
  );
  assert.ok(!('groups' in (await client.read(`/Users/${user.id}`))));
});

test('P-3.6-03: what is deleted vanishes from every query and count', async () => {
  const own = await newClient(server);
  const [gone, kept] = [
    await own.create('/Users', newUser({ title: 'Guide' })),
    await own.create('/Users', newUser({ title: 'Guide' })),
  ];
  await own.create('/Groups', newGroup({ members: [{ value: gone.id }, { value: kept.id }] }));
  await own.request('DELETE', `/Users/${gone.id}`);
  for (const path of ['/Users', '/']) {
    for (const filter of [
      'title eq "Guide"',
      `id eq "${gone.id}" or id eq "${kept.id}"`,
      `userName eq "${gone.userName}" or title pr`,
      'meta.resourceType eq "User"',
    ]) {
      assert.deepEqual(await own.find(path, filter), [kept.id], filter);
    }
  }
  assert.equal((await own.read('/Users')).totalResults, 1);
  assert.equal((await own.read('/Users?count=0')).totalResults, 1);
  const body = { schemas: [searchSchema], filter: 'title pr' };
  assert.equal((await own.request('POST', '/.search', { body })).json.totalResults, 1);
  assert.deepEqual(await own.find('/Groups', `members.value eq "${gone.id}"`), []);
  const group = await own.create('/Groups', newGroup({ members: [{ value: kept.id }] }));
  assert.deepEqual(await own.find('/Users', `groups.value eq "${group.id}"`), [kept.id]);
  await own.request('DELETE', `/Groups/${group.id}`);
  assert.deepEqual(await own.find('/Users', `groups.value eq "${group.id}"`), []);
  for (const path of ['/Groups', '/']) {
    for (const filter of [`id eq "${group.id}"`, `displayName eq "${group.displayName}"`])
      assert.deepEqual(await own.find(path, filter), [], `${path} ${filter}`);
  }
  assert.equal((await own.read('/Groups')).totalResults, 1);
});

test('P-3.6-04: a deleted resource causes no conflict', async () => {
  const body = newUser();
  const { id } = await client.create('/Users', body);
  await client.request('DELETE', `/Users/${id}`);
  const again = await client.create('/Users', body);
  assert.notEqual(again.id, id);
  assert.equal(again.meta.version, 'W/"1"');
});

test('P-3.6-06: groups forget a deleted member, and say so by their version', async () => {
  const [user, other] = [await client.create('/Users', newUser()), await client.create('/Users', newUser())];
  const inner = await client.create('/Groups', newGroup({ members: [{ value: user.id }] }));
  const outer = await client.create(
    '/Groups',
    newGroup({ members: [{ value: inner.id }, { value: other.id }, { value: user.id }] }),
  );
  await client.request('DELETE', `/Users/${user.id}`);
  const after = await client.read(`/Groups/${outer.id}`);
  assert.deepEqual(
    after.members.map(({ value }: { value: string }) => value).sort(),
    [inner.id, other.id].sort(),
  );
  assert.notEqual(after.meta.version, outer.meta.version);
  assert.ok(after.meta.lastModified > outer.meta.lastModified);
  assert.ok(!('members' in (await client.read(`/Groups/${inner.id}`))));
  await client.request('DELETE', `/Groups/${inner.id}`);
  assert.equal((await client.read(`/Groups/${outer.id}`)).members.length, 1);
  await client.request('DELETE', `/Groups/${outer.id}`);
  assert.ok(!('groups' in (await client.read(`/Users/${other.id}`))));
});

test('P-3.6-06: whoever has a deleted user as manager has none any more, and another version', async () => {
  const boss = (await server.request('POST', '/Users', { body: newUser() })).json;
  const manager = { value: boss.id, $ref: `${server.base}/Users/${boss.id}` };
  const body = newUser({ [enterpriseSchema]: { manager, department: 'Tours' } });
  const report = (await server.request('POST', '/Users', { body })).json;
  assert.equal((await server.request('DELETE', `/Users/${boss.id}`)).status, 204);
  const { json } = await server.request('GET', `/Users/${report.id}`);
  assert.deepEqual(json[enterpriseSchema], { department: 'Tours' });
  assert.notEqual(json.meta.version, report.meta.version);
});
