import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { newGroup, newUser, patchOp, startScimd, type TestServer } from '../server.ts';
import { type Client, newClient } from './client.ts';
import { refused } from './refused.ts';

let server: TestServer;
let client: Client;
before(async () => {
  server = await startScimd();
  client = await newClient(server);
});
after(() => server.close());

test('P-3.14-01, P-3.14-02, P-3.14-03: every answer with a resource has a weak ETag, the same as meta.version', async () => {
  assert.deepEqual((await client.read('/ServiceProviderConfig')).etag, { supported: true });
  const { id, ...user } = await client.create('/Users', newUser());
  const path = `/Users/${id}`;
  for (const answer of [
    await client.request('POST', '/Users', { body: newUser() }),
    await client.request('GET', path),
    await client.request('PUT', path, { body: { ...user, title: 'x' } }),
    await client.patch(path, { op: 'add', path: 'title', value: 'y' }),
    await client.request('POST', '/Groups', { body: newGroup() }),
  ]) {
    assert.match(answer.headers.get('etag') ?? '', /^W\/"[^"]+"$/);
    assert.equal(answer.headers.get('etag'), answer.json.meta.version);
  }
  const member = { op: 'add', path: 'members', value: [{ value: id }] };
  const group = await client.create('/Groups', newGroup());
  const groupPath = `/Groups/${group.id}`;
  for (const answer of [
    await client.request('GET', groupPath),
    await client.patch(groupPath, member),
    await client.patch(groupPath, member),
    await client.request('GET', groupPath),
    await client.request('PUT', groupPath, { body: { ...group, externalId: 'x' } }),
    await client.patch(groupPath, { op: 'replace', path: 'displayName', value: 'y' }),
    await client.request('GET', `${groupPath}?excludedAttributes=members`),
  ]) {
    assert.match(answer.headers.get('etag') ?? '', /^W\/"[^"]+"$/);
    assert.equal(answer.headers.get('etag'), answer.json.meta.version);
  }
  const [inList] = (await client.read('/Groups', { filter: `id eq "${group.id}"` })).Resources;
  assert.equal(inList.meta.version, (await client.request('HEAD', groupPath)).headers.get('etag'));
  const minimal = await client.request('PATCH', path, {
    body: patchOp({ op: 'add', path: 'title', value: 'z' }),
    headers: { prefer: 'return=minimal' },
  });
  assert.equal(minimal.status, 204);
  assert.equal(minimal.headers.get('etag'), (await client.request('GET', path)).headers.get('etag'));
  const [listed] = (await client.read('/Users', { filter: `id eq "${id}"` })).Resources;
  assert.equal(listed.meta.version, minimal.headers.get('etag'));
});

test('P-3.14-04: the version changes with each change of the resource, and only then', async () => {
  const user = await client.create('/Users', newUser());
  const group = await client.create('/Groups', newGroup());
  const versions = new Set([user.meta.version]);
  const version = async (path: string) => (await client.request('HEAD', path)).headers.get('etag');
  const path = `/Users/${user.id}`;
  const change = async (act: () => Promise<unknown>) => {
    await act();
    const now = await version(path);
    assert.ok(!versions.has(now), 'a new version');
    versions.add(now);
  };
  const no = async (act: () => Promise<unknown>) => {
    const before = await client.read(path);
    await act();
    assert.deepEqual(await client.read(path), before);
  };
  const title = (value: string) => client.patch(path, { op: 'replace', path: 'title', value });
  await change(() => title('a'));
  await no(() => title('a'));
  await change(() => title('b'));
  await change(() => title('a'));
  await no(async () => client.request('PUT', path, { body: await client.read(path) }));
  await change(() => client.request('PUT', path, { body: user }));
  await no(() => client.patch(path, { op: 'remove', path: 'title' }));
  await no(() => client.patch(path, { op: 'replace', path: 'active', value: 'nonsense' }));
  await no(() => client.request('GET', path));
  await change(() => client.patch(path, { op: 'add', path: 'password', value: 'correct horse' }));
  const add = { op: 'add', path: 'members', value: [{ value: user.id }] };
  await client.patch(`/Groups/${group.id}`, add);
  const withMember = await version(`/Groups/${group.id}`);
  assert.notEqual(withMember, group.meta.version);
  await client.patch(`/Groups/${group.id}`, add);
  assert.equal(await version(`/Groups/${group.id}`), withMember);
});

test('P-3.14-05: If-None-Match that names the current version is 304 without a body', async () => {
  const { id, meta } = await client.create('/Users', newUser());
  const get = (field: string, method = 'GET') =>
    client.request(method, `/Users/${id}`, { headers: { 'if-none-match': field } });
  const tag = meta.version.slice(2);
  for (const field of [meta.version, '*', tag, `"x", ${meta.version}`, `W/"a,b", ${tag} , W/"c"`]) {
    for (const method of ['GET', 'HEAD']) {
      const answer = await get(field, method);
      assert.equal(answer.status, 304, field);
      assert.equal(answer.text, '');
      assert.equal(answer.headers.get('etag'), meta.version);
      assert.equal(answer.headers.get('content-type'), null);
    }
  }
  for (const field of ['W/"2"', '"x"', 'W/', '', meta.version.replaceAll('"', '')]) {
    assert.equal((await get(field)).status, 200, field);
  }
  await client.patch(`/Users/${id}`, { op: 'add', path: 'title', value: 'x' });
  assert.equal((await get(meta.version)).status, 200);
});

test('P-3.14-05: so is that of a group, and of one part of it, until its members change', async () => {
  const group = await client.create('/Groups', newGroup({ members: [{ value: 'a' }] }));
  const paths = ['', '?attributes=displayName', '?excludedAttributes=members'].map(
    (search) => `/Groups/${group.id}${search}`,
  );
  const headers = { 'if-none-match': group.meta.version };
  for (const path of paths) {
    const answer = await client.request('GET', path, { headers });
    assert.equal(answer.status, 304, path);
    assert.equal(answer.text, '');
    assert.equal(answer.headers.get('etag'), group.meta.version);
  }
  await client.patch(`/Groups/${group.id}`, { op: 'add', path: 'members', value: [{ value: 'b' }] });
  for (const path of paths) assert.equal((await client.request('GET', path, { headers })).status, 200, path);
});

test('P-3.14-06: If-Match is honoured by PUT, PATCH and DELETE: 412 and no change unless it names the current version', async () => {
  const user = await client.create('/Users', newUser());
  const path = `/Users/${user.id}`;
  const send = (method: string, field: string, title = 'x') =>
    client.request(method, path, {
      headers: { 'if-match': field },
      body: {
        PUT: { ...user, title },
        PATCH: patchOp({ op: 'replace', path: 'title', value: title }),
      }[method],
    });
  for (const method of ['PUT', 'PATCH', 'DELETE']) {
    for (const field of ['W/"99"', '"x", W/"2"', '""', 'nonsense']) {
      refused(await send(method, field), 412);
      assert.deepEqual(await client.read(path), user);
    }
  }
  assert.equal((await send('PUT', user.meta.version)).headers.get('etag'), 'W/"2"');
  assert.equal((await send('PATCH', '"1", "2"', 'y')).headers.get('etag'), 'W/"3"');
  refused(await send('PATCH', 'W/"2"', 'z'), 412);
  assert.equal((await send('PUT', '*', 'z')).headers.get('etag'), 'W/"4"');
  refused(await send('DELETE', 'W/"3"'), 412);
  assert.equal((await send('DELETE', 'W/"4"')).status, 204);
});

test('P-3.14-05: If-None-Match that names the current version is 412 for PUT, PATCH and DELETE (RFC 9110 §13.1.2)', async () => {
  const user = await client.create('/Users', newUser());
  const group = await client.create('/Groups', newGroup({ members: [{ value: 'a' }] }));
  const add = { op: 'add', path: 'members', value: [{ value: 'b' }] };
  for (const [path, resource, operation] of [
    [`/Users/${user.id}`, user, { op: 'replace', path: 'title', value: 'x' }],
    [`/Groups/${group.id}`, group, add],
  ]) {
    const send = (method: string, headers: Record<string, string>) =>
      client.request(method, path, {
        headers,
        body: { PUT: { ...resource, externalId: 'x' }, PATCH: patchOp(operation) }[method],
      });
    for (const method of ['PUT', 'PATCH', 'DELETE']) {
      for (const field of ['*', 'W/"1"', '"1"', 'W/"7", W/"1"']) {
        refused(await send(method, { 'if-none-match': field }), 412);
        refused(await send(method, { 'if-none-match': field, 'if-match': 'W/"1"' }), 412);
        assert.deepEqual(await client.read(path), resource);
      }
    }
    assert.equal((await send('PATCH', { 'if-none-match': 'W/"2"' })).headers.get('etag'), 'W/"2"');
    refused(await send('PATCH', { 'if-none-match': 'W/"2"' }), 412);
    assert.equal((await send('PUT', { 'if-none-match': 'W/"1"', 'if-match': '*' })).status, 200);
    assert.equal((await send('DELETE', { 'if-none-match': 'W/"1"' })).status, 204);
    refused(await send('PATCH', { 'if-none-match': '*' }), 404);
  }
});

test('P-3.14-06: If-Match on a GET is 412 unless it names the current version, before If-None-Match is read (RFC 9110 §13.2.2)', async () => {
  const { id, meta } = await client.create('/Users', newUser());
  const get = (headers: Record<string, string>) => client.request('GET', `/Users/${id}`, { headers });
  refused(await get({ 'if-match': 'W/"2"' }), 412);
  refused(await get({ 'if-match': 'W/"2"', 'if-none-match': meta.version }), 412);
  assert.equal((await get({ 'if-match': meta.version })).status, 200);
  assert.equal((await get({ 'if-match': '*', 'if-none-match': '*' })).status, 304);
});

test('P-3.14-06: a group’s members are changed under If-Match too', async () => {
  const group = await client.create('/Groups', newGroup());
  const add = (value: string, field: string) =>
    client.request('PATCH', `/Groups/${group.id}`, {
      headers: { 'if-match': field },
      body: patchOp({ op: 'add', path: 'members', value: [{ value }] }),
    });
  refused(await add('a', 'W/"2"'), 412);
  assert.equal((await add('a', 'W/"1"')).json.members.length, 1);
  refused(await add('b', 'W/"1"'), 412);
  assert.equal((await client.read(`/Groups/${group.id}`)).members.length, 1);
});

test('P-3.14-06: of writes that name the same version at the same time one succeeds', async () => {
  const user = await client.create('/Users', newUser());
  const answers = await Promise.all(
    Array.from({ length: 10 }, (_, index) =>
      client.request('PATCH', `/Users/${user.id}`, {
        headers: { 'if-match': user.meta.version },
        body: patchOp({ op: 'replace', path: 'title', value: `t${index}` }),
      }),
    ),
  );
  assert.equal(answers.filter(({ status }) => status === 200).length, 1);
  assert.equal(answers.filter(({ status }) => status === 412).length, 9);
  assert.equal((await client.read(`/Users/${user.id}`)).meta.version, 'W/"2"');
});

test('P-3.14-04: writes at the same time without precondition all take effect', async () => {
  const user = await client.create('/Users', newUser());
  const names = ['title', 'nickName', 'displayName', 'userType', 'locale', 'timezone'];
  const values: Record<string, string> = { locale: 'en-US', timezone: 'Europe/Berlin' };
  const answers = await Promise.all(
    names.map((path) => client.patch(`/Users/${user.id}`, { op: 'add', path, value: values[path] ?? 'x' })),
  );
  for (const { status, text } of answers) assert.equal(status, 200, text);
  const after = await client.read(`/Users/${user.id}`);
  for (const name of names) assert.equal(after[name], values[name] ?? 'x');
  assert.equal(after.meta.version, 'W/"7"');
});
