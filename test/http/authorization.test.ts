/** Who may do what: bearer tokens (RFC 6750), their ends and their scopes. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { after, before, test } from 'node:test';
import { bulkSchema, newUser, patchOp, searchSchema, startScimd, type TestServer } from '../server.ts';
import { assertError } from './raw.ts';

let server: TestServer;
let user: string;
let now = new Date();
before(async () => {
  server = await startScimd({ clock: () => now });
  user = (await server.request('POST', '/Users', { body: newUser() })).json.id;
});
after(() => server.close());

const challenge = (answer: { headers: Headers }) => answer.headers.get('www-authenticate') ?? '';

test('without a token the challenge is bare (RFC 6750 §3.1)', async () => {
  const answer = await server.request('GET', '/Users', { token: null });
  assertError(answer, 401, /Authorization: Bearer/);
  assert.equal(challenge(answer), 'Bearer realm="scimd"');
});

for (const authorization of [
  'Basic dXNlcjpwYXNz',
  'Bearer',
  'Bearer ',
  'Bearer a b',
  'Bearer ä',
  'Token x',
  'x',
  '""',
]) {
  test(`Authorization ${JSON.stringify(authorization)} is 401`, async () => {
    const answer = await server.request('GET', '/Users', {
      headers: { authorization: Buffer.from(authorization).toString('latin1') },
    });
    assertError(answer, 401, /Bearer <token>/);
    assert.equal(challenge(answer), 'Bearer realm="scimd"');
  });
}

for (const token of [
  'unknown',
  'scimd_',
  `scimd_${'A'.repeat(43)}`,
  "' OR 1=1 --",
  'x'.repeat(8000),
  '0',
  '../..',
]) {
  test(`the token ${token.slice(0, 20)} is 401 and does not come back`, async () => {
    const answer = await server.request('GET', '/Users', { token });
    assertError(answer, 401);
    if (/^[\w.~+/-]+$/.test(token)) assert.match(challenge(answer), /error="invalid_token"/);
    if (token.length > 10) assert.equal(answer.text.includes(token), false);
  });
}

test('Bearer in any letter case and more blanks than one are read', async () => {
  for (const authorization of [`bearer ${server.token}`, `BEARER  ${server.token} `]) {
    assert.equal((await server.request('GET', '/Users', { headers: { authorization } })).status, 200);
  }
});

test('a token in the query is not looked at, and beside the field it is 400 (RFC 6750 §2)', async () => {
  assertError(await server.request('GET', `/Users?access_token=${server.token}`, { token: null }), 401);
  const both = await server.request('GET', `/Users?access_token=${server.token}`);
  assertError(both, 400, /header only/);
  assert.match(challenge(both), /error="invalid_request"/);
});

test('an expired token is 401 from that instant on', async () => {
  const expires = new Date(now.getTime() + 1000);
  const token = await server.newToken({ expires });
  assert.equal((await server.request('GET', '/Users', { token })).status, 200);
  now = expires;
  const answer = await server.request('GET', '/Users', { token });
  assertError(answer, 401);
  assert.match(challenge(answer), /error="invalid_token", error_description="[^"]+"/);
  assert.equal((await server.request('GET', '/Users')).status, 200, 'others go on');
});

test('a revoked token is 401', async () => {
  const store = server.store;
  assert.ok(store !== undefined);
  const token = await server.newToken({});
  const found = await store.findToken(createHash('sha256').update(token).digest('hex'));
  assert.ok(found !== undefined);
  await store.revokeToken(found.id, now.toISOString());
  const answer = await server.request('GET', '/Users', { token });
  assertError(answer, 401);
  assert.match(challenge(answer), /error="invalid_token"/);
});

test('unknown, expired and revoked cannot be told apart', async () => {
  const token = await server.newToken({ expires: new Date(now.getTime() - 1) });
  const expired = await server.request('GET', '/Users', { token });
  const unknown = await server.request('GET', '/Users', { token: 'unknown' });
  assert.deepEqual([expired.text, challenge(expired)], [unknown.text, challenge(unknown)]);
});

for (const [method, path, body] of [
  ['POST', '/Users', newUser()],
  ['PUT', '/Users/ID', newUser()],
  ['PATCH', '/Users/ID', patchOp({ op: 'add', path: 'title', value: 'x' })],
  ['DELETE', '/Users/ID', undefined],
  ['PATCH', '/Users/none', patchOp({ op: 'add', path: 'title', value: 'x' })],
  ['POST', '/Bulk', { schemas: [bulkSchema], Operations: [] }],
  ['POST', '/Users', '{"'],
] as const) {
  test(`a token that may only read gets 403 insufficient_scope for ${method} ${path} ${typeof body}`, async () => {
    const token = await server.newToken({ scope: 'read' });
    const before = (await server.request('GET', '/Users')).text;
    const answer = await server.request(method, path.replace('ID', user), {
      token,
      ...(body === undefined ? {} : { body }),
    });
    assertError(answer, 403, /only read/);
    assert.match(challenge(answer), /error="insufficient_scope"/);
    assert.equal((await server.request('GET', '/Users')).text, before);
  });
}

test('a token that may only read reads, lists and searches', async () => {
  const token = await server.newToken({ scope: 'read' });
  assert.equal((await server.request('GET', `/Users/${user}`, { token })).status, 200);
  assert.equal((await server.request('GET', '/Users', { token })).status, 200);
  const search = { schemas: [searchSchema], filter: 'userName pr' };
  assert.equal(
    (await server.request('POST', '/Users/.search', { token, body: search })).json.totalResults,
    1,
  );
});

test('a path that is not there, a wrong method and a bad body are 401 first', async () => {
  for (const [method, path] of [
    ['GET', '/Nothing'],
    ['DELETE', '/Users'],
    ['POST', '/Users'],
    ['GET', `/Users/${user}`],
    ['OPTIONS', '/Users'],
  ] as const) {
    assertError(await server.request(method, path, { token: null }), 401);
  }
});

test('the service provider configuration is read without a token (RFC 7643 §5), the schemas by choice', async () => {
  assert.equal((await server.request('GET', '/ServiceProviderConfig', { token: null })).status, 200);
  assertError(await server.request('GET', '/Schemas', { token: null }), 401);
  const open = await startScimd({ publicDiscovery: true });
  try {
    for (const path of ['/Schemas', '/ResourceTypes', '/ResourceTypes/User']) {
      assert.equal((await open.request('GET', path, { token: null })).status, 200, path);
    }
    assertError(await open.request('GET', '/Users', { token: null }), 401);
  } finally {
    await open.close();
  }
});
