import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { newGroup, newUser, patchOp, startScimd, type TestServer } from '../server.ts';
import { type Client, newClient } from './client.ts';
import { refused } from './refused.ts';

let server: TestServer;
let admin: Client;
before(async () => {
  server = await startScimd();
  admin = await newClient(server);
});
after(() => server.close());

/** A user, and requests with a token that stands for them. */
async function someone() {
  const user = await admin.create(
    '/Users',
    newUser({ password: 'correct horse', name: { givenName: 'Me' } }),
  );
  const token = await server.newToken({ tenant: admin.tenant, subject: user.id });
  const request = (method: string, path = '/Me', options: object = {}) =>
    server.request(method, path, { token, ...options });
  return { user, request };
}

test('P-3.11-01, P-3.12-14: creating oneself at /Me is not offered: 501', async () => {
  const { request } = await someone();
  const { totalResults } = await admin.read('/Users');
  refused(await request('POST', '/Me', { body: newUser() }), 501);
  refused(await admin.request('POST', '/Me', { body: newUser() }), 501);
  assert.equal((await admin.read('/Users')).totalResults, totalResults);
});

test('P-3.11-03, P-3.11-04: /Me is the user of the token, at their permanent location', async () => {
  const { user, request } = await someone();
  const group = await admin.create('/Groups', newGroup({ members: [{ value: user.id }] }));
  const me = await request('GET');
  assert.equal(me.status, 200);
  assert.deepEqual(me.json, await admin.read(`/Users/${user.id}`));
  assert.equal(me.json.groups[0].value, group.id);
  assert.equal(me.json.meta.location, user.meta.location);
  assert.equal(me.headers.get('location'), user.meta.location);
  assert.equal(me.headers.get('content-location'), user.meta.location);
  assert.deepEqual(Object.keys((await request('GET', '/Me?attributes=userName')).json).sort(), [
    'id',
    'schemas',
    'userName',
  ]);
  const head = await request('HEAD');
  assert.equal(head.status, 200);
  assert.equal(head.headers.get('etag'), user.meta.version);
});

test('P-3.11-03: PUT, PATCH and DELETE of /Me are those of the user', async () => {
  const { user, request } = await someone();
  const put = await request('PUT', '/Me', { body: { ...user, title: 'x' } });
  assert.equal(put.status, 200);
  assert.equal(put.headers.get('location'), user.meta.location);
  assert.equal(put.json.meta.location, user.meta.location);
  const body = patchOp({ op: 'replace', path: 'displayName', value: 'Me' });
  const stale = await request('PATCH', '/Me', { body, headers: { 'if-match': user.meta.version } });
  refused(stale, 412);
  const patch = await request('PATCH', '/Me', { body });
  assert.equal(patch.headers.get('location'), user.meta.location);
  const read = await admin.read(`/Users/${user.id}`);
  assert.equal(read.title, 'x');
  assert.equal(read.displayName, 'Me');
  assert.equal((await request('DELETE')).status, 204);
  refused(await admin.request('GET', `/Users/${user.id}`), 404);
  refused(await request('GET'), 404);
  refused(await request('PATCH', '/Me', { body }), 404);
});

test('P-3.11-04: every answer of /Me has the permanent location, without a body and with an error too', async () => {
  const { user, request } = await someone();
  const { location } = user.meta;
  const body = patchOp({ op: 'replace', path: 'nickName', value: 'Me' });
  for (const [method, options, status] of [
    ['GET', {}, 200],
    ['GET', { headers: { 'if-none-match': user.meta.version } }, 304],
    ['HEAD', {}, 200],
    ['PUT', { body: {} }, 400],
    ['PATCH', { body, headers: { 'if-match': 'W/"7"' } }, 412],
    ['PATCH', { body: patchOp({ op: 'replace', path: 'no such[', value: 1 }) }, 400],
    ['PATCH', { body }, 200],
    ['PATCH', { body, headers: { prefer: 'return=minimal' } }, 204],
    ['PUT', { body: newUser(), headers: { prefer: 'return=minimal' } }, 204],
    ['PUT', { body: newUser() }, 200],
    ['GET', { headers: { accept: 'text/html' } }, 406],
    ['DELETE', { headers: { 'if-match': 'W/"1"' } }, 412],
    ['DELETE', {}, 204],
  ] as const) {
    const answer = await request(method, '/Me', options);
    assert.equal(answer.status, status, `${method} ${answer.text}`);
    assert.equal(answer.headers.get('location'), location, `${method} ${status}`);
  }
  const gone = await request('GET');
  assert.deepEqual([gone.status, gone.headers.get('location')], [404, null]);
});

test('P-3.11-03: a token that stands for nobody, or for nobody of its tenant, has no /Me', async () => {
  const { user } = await someone();
  const foreign = await newClient(server, { subject: user.id });
  const unknown = await newClient(server, { subject: 'unknown' });
  for (const client of [admin, foreign, unknown]) {
    for (const method of ['GET', 'PUT', 'PATCH', 'DELETE']) {
      const body = { PUT: newUser(), PATCH: patchOp({ op: 'remove', path: 'title' }) }[method];
      refused(await client.request(method, '/Me', { body }), 404);
    }
  }
  assert.equal((await admin.request('GET', `/Users/${user.id}`)).status, 200);
  refused(await server.request('GET', '/Me', { token: null }), 401);
});

test('P-2.1-01: a read-only token of a user reads /Me and changes nothing there', async () => {
  const { user } = await someone();
  const token = await server.newToken({ tenant: admin.tenant, subject: user.id, scope: 'read' });
  assert.equal((await server.request('GET', '/Me', { token })).json.id, user.id);
  const body = patchOp({ op: 'add', path: 'title', value: 'x' });
  refused(await server.request('PATCH', '/Me', { token, body }), 403);
  refused(await server.request('DELETE', '/Me', { token }), 403);
});
