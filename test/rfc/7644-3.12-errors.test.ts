import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { Log } from '../../src/http/options.ts';
import {
  bulkSchema,
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
  server = await startScimd({ limits: { bodyBytes: 100_000 } });
  client = await newClient(server, { idp: 'strict' });
});
after(() => server.close());

/** A request for each way of failing, on a user that is there. */
function failures(user: { id: string; userName: string }, other: { userName: string }) {
  const path = `/Users/${user.id}`;
  const patch = (operation: Record<string, unknown>) =>
    ['PATCH', path, { body: patchOp(operation) }] as const;
  const get = (parameters: Record<string, string>) =>
    ['GET', `/Users?${new URLSearchParams(parameters)}`, {}] as const;
  return [
    [400, 'invalidSyntax', ['POST', '/Users', { body: '{"schemas":' }]],
    [400, 'invalidSyntax', ['PUT', path, { body: [] }]],
    [400, 'invalidSyntax', ['PUT', path, { body: { userName: 'x' } }]],
    [400, 'invalidSyntax', ['PATCH', path, { body: {} }]],
    [400, 'invalidSyntax', ['POST', '/Bulk', { body: { schemas: [bulkSchema] } }]],
    [400, 'invalidSyntax', ['POST', '/.search', { body: {} }]],
    [400, 'invalidValue', ['POST', '/Users', { body: newUser({ active: 'maybe' }) }]],
    [400, 'invalidValue', ['PUT', path, { body: newUser({ userName: null }) }]],
    [400, 'invalidValue', patch({ op: 'replace', path: 'active', value: 'maybe' })],
    [400, 'invalidFilter', get({ filter: 'userName eq' })],
    [400, 'invalidFilter', get({ filter: 'active gt true' })],
    [400, 'invalidFilter', ['POST', '/.search', { body: { schemas: [searchSchema], filter: '(' } }]],
    [400, 'invalidValue', get({ count: 'x' })],
    [400, 'invalidCount', get({ cursor: '', count: 'x' })],
    [400, 'invalidCursor', get({ cursor: 'x' })],
    [400, 'invalidPath', patch({ op: 'add', path: 'emails[', value: 'x' })],
    [400, 'noTarget', patch({ op: 'remove' })],
    [400, 'mutability', patch({ op: 'replace', path: 'id', value: 'x' })],
    [409, 'uniqueness', ['POST', '/Users', { body: newUser({ userName: user.userName }) }]],
    [409, 'uniqueness', ['PUT', path, { body: newUser({ userName: other.userName }) }]],
    [401, undefined, ['GET', '/Users', { token: 'wrong' }]],
    [403, undefined, ['GET', '/Schemas?filter=id%20pr', {}]],
    [404, undefined, ['GET', '/Users/unknown', {}]],
    [404, undefined, ['GET', '/Nope', {}]],
    [405, undefined, ['DELETE', '/Users', {}]],
    [406, undefined, ['GET', '/Users', { headers: { accept: 'text/html' } }]],
    [412, undefined, ['DELETE', path, { headers: { 'if-match': 'W/"99"' } }]],
    [413, undefined, ['POST', '/Users', { body: ' '.repeat(100_001) }]],
    [415, undefined, ['POST', '/Users', { body: 'x', headers: { 'content-type': 'text/plain' } }]],
    [501, undefined, ['POST', '/Me', { body: newUser() }]],
  ] as const;
}

test('P-3.12-01, P-3.12-02, P-3.12-03, P-3.12-26: each failure has its status, its scimType and an Error body, and changes nothing', async () => {
  const user = await client.create('/Users', newUser({ title: 'x' }));
  const other = await client.create('/Users', newUser());
  for (const [status, scimType, [method, path, options]] of failures(user, other)) {
    const answer = await client.request(method, path, options);
    refused(answer, status, scimType);
    const members = ['detail', 'schemas', 'status', ...(scimType === undefined ? [] : ['scimType'])];
    assert.deepEqual(Object.keys(answer.json).sort(), members.sort());
    const read = await client.request('GET', `/Users/${user.id}`);
    assert.deepEqual(read.json, user);
    assert.equal(read.headers.get('etag'), user.meta.version);
  }
  assert.equal((await client.read('/Users')).totalResults, 2);
});

test('P-3.12-11: a precondition on a version that is no more is 412', async () => {
  const { id } = await client.create('/Users', newUser());
  const headers = { 'if-match': 'W/"0"' };
  refused(await client.request('PUT', `/Users/${id}`, { body: newUser(), headers }), 412);
});

test('P-3.12-13: an internal error says nothing of itself, and the log all', async () => {
  const logged: object[] = [];
  const log: Log = { info() {}, warn() {}, error: (fields) => logged.push(fields) };
  let works = true;
  const clock = (): Date => {
    if (works) return new Date();
    throw new Error('a secret of the house');
  };
  const own = await startScimd({ log, clock });
  works = false;
  const answer = await own.request('GET', '/Users?filter=userName%20eq%20%22secret%22');
  works = true;
  await own.close();
  refused(answer, 500, undefined, /^Internal error(; request id [\w-]+)?$/);
  assert.equal(logged.length, 1);
  const [{ err, path }] = logged as [{ err: Error; path: string }];
  assert.ok(err instanceof Error);
  assert.equal(path, '/scim/v2/Users');
});

test('P-3.12-15: a filter is invalidFilter wherever it stands: GET, .search, and a group’s members', async () => {
  const filter = 'userName sounds "like"';
  refused(await client.request('GET', `/Users?${new URLSearchParams({ filter })}`), 400, 'invalidFilter');
  for (const path of ['/.search', '/Users/.search', '/Groups/.search']) {
    refused(
      await client.request('POST', path, { body: { schemas: [searchSchema], filter } }),
      400,
      'invalidFilter',
    );
  }
});

test('P-3.12-18: a group cannot be turned into another by writing its id, nor a user by writing its groups', async () => {
  const group = await client.create('/Groups', newGroup());
  refused(
    await client.patch(`/Groups/${group.id}`, { op: 'add', path: 'id', value: 'x' }),
    400,
    'mutability',
  );
  refused(await client.patch(`/Groups/${group.id}`, { op: 'remove', path: 'meta' }), 400, 'mutability');
  assert.deepEqual(await client.read(`/Groups/${group.id}`), group);
});
