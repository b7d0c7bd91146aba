import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { enterpriseSchema, newGroup, newUser, startScimd, type TestServer, userSchema } from '../server.ts';
import { newClient } from './client.ts';
import { refused } from './refused.ts';

let server: TestServer;
before(async () => {
  server = await startScimd();
});
after(() => server.close());

test('P-3.3-01: read-only attributes in the body of a POST are ignored', async () => {
  for (const idp of ['generic', 'strict']) {
    const client = await newClient(server, { idp });
    const user = await client.create(
      '/Users',
      newUser({
        id: 'mine',
        meta: { created: '1999-01-01T00:00:00Z', location: 'https://evil.example/' },
        groups: [{ value: 'g', display: 'Admins' }],
      }),
    );
    assert.notEqual(user.id, 'mine');
    assert.equal(user.meta.location, `${server.base}/Users/${user.id}`);
    assert.ok(user.meta.created > '2020');
    assert.ok(!('groups' in user));
    refused(await client.request('GET', '/Users/mine'), 404);
  }
});

test('P-3.3-02, P-3.3-03: active is true unless given; null and [] leave the others unassigned', async () => {
  const client = await newClient(server, { idp: 'strict' });
  const plain = await client.create('/Users', newUser());
  assert.equal(plain.active, true);
  assert.equal((await client.create('/Users', newUser({ active: false }))).active, false);
  const cleared = await client.create('/Users', newUser({ title: null, roles: [], emails: [], name: null }));
  for (const name of ['title', 'roles', 'emails', 'name']) assert.ok(!(name in cleared), name);
  assert.equal((await client.create('/Users', newUser({ active: null }))).active, true);
});

test('P-3.3-04, P-3.3-05, P-3.3-06: success is 201 with the whole resource, its URI in Location and in meta.location', async () => {
  const client = await newClient(server);
  for (const [path, body] of [
    ['/Users', newUser({ displayName: 'Babs', emails: [{ value: 'a@example.com' }] })],
    ['/Groups', newGroup({ externalId: 'x' })],
  ] as const) {
    const answer = await client.request('POST', path, { body });
    assert.equal(answer.status, 201);
    const location = answer.headers.get('location') as string;
    assert.equal(location, `${server.base}${path}/${answer.json.id}`);
    assert.equal(answer.json.meta.location, location);
    const read = await client.request('GET', location);
    assert.equal(read.status, 200);
    assert.deepEqual(read.json, answer.json);
    assert.equal(answer.headers.get('etag'), answer.json.meta.version);
  }
});

test('P-3.3-04: Prefer: return=minimal is 201 without a body, with Location and ETag', async () => {
  const client = await newClient(server);
  const headers = { prefer: 'return=minimal' };
  const answer = await client.request('POST', '/Users', { body: newUser(), headers });
  assert.equal(answer.status, 201);
  assert.equal(answer.text, '');
  assert.equal(answer.headers.get('preference-applied'), 'return=minimal');
  assert.equal(answer.headers.get('etag'), 'W/"1"');
  assert.equal((await client.request('GET', answer.headers.get('location') as string)).status, 200);
  for (const prefer of ['return=representation', 'respond-async, wait=10', 'xreturn=minimal']) {
    const whole = await client.request('POST', '/Users', { body: newUser(), headers: { prefer } });
    assert.equal(whole.status, 201);
    assert.ok(whole.json.id, prefer);
    assert.equal(whole.headers.get('preference-applied'), null, prefer);
  }
  const asked = await client.request('POST', '/Users?attributes=userName', { body: newUser(), headers });
  assert.ok(asked.json.userName, 'who asks for attributes gets them');
});

test('P-3.3-07, P-3.12-10: a userName in use is 409 uniqueness, in whatever case and also when its user is inactive', async () => {
  const client = await newClient(server);
  await client.create('/Users', newUser({ userName: 'Babs@Example.com', active: false }));
  for (const userName of ['Babs@Example.com', 'babs@example.com', 'BABS@EXAMPLE.COM']) {
    const answer = await client.request('POST', '/Users', { body: newUser({ userName }) });
    refused(answer, 409, 'uniqueness', /userName/);
  }
  assert.equal((await client.read('/Users')).totalResults, 1);
});

test('P-3.3-08, P-3.12-06: a missing required attribute is 400 invalidValue, what is no resource 400 invalidSyntax', async () => {
  const client = await newClient(server);
  const post = (body: unknown, path = '/Users') => client.request('POST', path, { body });
  refused(await post({ schemas: [userSchema] }), 400, 'invalidValue', /userName/);
  refused(await post({}), 400, 'invalidValue', /userName/);
  refused(await post(newUser({ userName: null })), 400, 'invalidValue', /userName/);
  refused(await post(newGroup({ displayName: null }), '/Groups'), 400, 'invalidValue', /displayName/);
  const strict = await newClient(server, { idp: 'strict' });
  refused(await strict.request('POST', '/Users', { body: {} }), 400, 'invalidSyntax', /schemas/);
  for (const body of [
    [],
    [newUser()],
    '',
    '"x"',
    'null',
    '{"schemas":',
    '{"a":1}}',
    '{a:1}',
    "{'a':1}",
    '\0',
  ]) {
    refused(await post(body), 400, 'invalidSyntax');
  }
  refused(await post(newGroup()), 400, 'invalidSyntax');
  assert.equal((await client.read('/')).totalResults, 0);
});

test('P-3.3-09: attributes and excludedAttributes shape the body of a 201 too', async () => {
  const client = await newClient(server);
  const body = (): unknown => newUser({ displayName: 'Babs', name: { givenName: 'B', familyName: 'J' } });
  const few = (await client.request('POST', '/Users?attributes=userName,name.givenName', { body: body() }))
    .json;
  assert.deepEqual(Object.keys(few).sort(), ['id', 'name', 'schemas', 'userName']);
  assert.deepEqual(few.name, { givenName: 'B' });
  const most = (await client.request('POST', '/Users?excludedAttributes=name,meta', { body: body() })).json;
  assert.deepEqual(Object.keys(most).sort(), ['active', 'displayName', 'id', 'schemas', 'userName']);
});

test('P-3.3-10, P-3.12-26: a create that fails leaves nothing behind', async () => {
  const client = await newClient(server);
  const taken = await client.create('/Users', newUser());
  const emails = [{ value: 'left.behind@example.com' }];
  for (const body of [
    newUser({ emails, active: 'maybe' }),
    newUser({ emails, userName: taken.userName }),
    newUser({ emails, [enterpriseSchema]: 'no object' }),
    newUser({ emails, name: { givenName: 5 } }),
  ]) {
    assert.ok((await client.request('POST', '/Users', { body })).status >= 400);
  }
  assert.equal((await client.read('/Users')).totalResults, 1);
  assert.deepEqual(await client.find('/Users', 'emails.value eq "left.behind@example.com"'), []);
});

test('P-3.3-11: a POST to a resource is no create', async () => {
  const client = await newClient(server);
  const { id } = await client.create('/Users', newUser());
  for (const path of [`/Users/${id}`, '/Users/unknown', `/Groups/${id}`]) {
    refused(await client.request('POST', path, { body: newUser() }), 405);
  }
  assert.equal((await client.read('/Users')).totalResults, 1);
});

test('P-3.3.1-01: the endpoint decides meta.resourceType', async () => {
  const client = await newClient(server);
  const meta = { resourceType: 'Device' };
  assert.equal((await client.create('/Users', newUser({ meta }))).meta.resourceType, 'User');
  assert.equal((await client.create('/Groups', newGroup({ meta }))).meta.resourceType, 'Group');
});

test('P-3.4-01: without parameters an answer has what is returned always or by default, and never a password', async () => {
  const client = await newClient(server);
  const { id } = await client.create('/Users', newUser({ password: 'correct horse', title: 'Guide' }));
  const user = await client.read(`/Users/${id}`);
  assert.deepEqual(Object.keys(user).sort(), ['active', 'id', 'meta', 'schemas', 'title', 'userName']);
});

test('P-3.4.1-01, P-3.12-09: GET is 200 with the resource in the body, or 404', async () => {
  const client = await newClient(server);
  const user = await client.create('/Users', newUser());
  const group = await client.create('/Groups', newGroup());
  assert.deepEqual(await client.read(`/Users/${user.id}`), user);
  assert.deepEqual(await client.read(`/Groups/${group.id}`), group);
  assert.equal((await client.read(`/Schemas/${userSchema}`)).id, userSchema);
  assert.equal((await client.read('/ResourceTypes/User')).name, 'User');
  for (const path of [
    '/Users/unknown',
    '/Groups/unknown',
    '/Schemas/urn:unknown',
    '/ResourceTypes/Unknown',
  ]) {
    refused(await client.request('GET', path), 404);
  }
});

test('P-3.4.1-02: a resource is not reachable below the endpoint of another type', async () => {
  const client = await newClient(server);
  const user = await client.create('/Users', newUser());
  const group = await client.create('/Groups', newGroup());
  for (const [path, body] of [
    [`/Groups/${user.id}`, newGroup()],
    [`/Users/${group.id}`, newUser()],
  ] as const) {
    refused(await client.request('GET', path), 404);
    refused(await client.request('PUT', path, { body }), 404);
    refused(await client.patch(path, { op: 'add', path: 'externalId', value: 'x' }), 404);
    refused(await client.request('DELETE', path), 404);
  }
  assert.equal((await client.read('/')).totalResults, 2);
});

test('P-3.4.1-03: HEAD has the status and the fields of GET, and no body', async () => {
  const client = await newClient(server);
  const { id } = await client.create('/Users', newUser());
  for (const path of [`/Users/${id}`, '/Users', '/Users/unknown', '/Schemas', '/ServiceProviderConfig']) {
    const [get, head] = [await client.request('GET', path), await client.request('HEAD', path)];
    assert.equal(head.status, get.status);
    assert.equal(head.text, '');
    for (const field of ['etag', 'content-type', 'content-location', 'cache-control', 'vary']) {
      assert.equal(head.headers.get(field), get.headers.get(field), `${field} of ${path}`);
    }
  }
});
