import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { after, before, test } from 'node:test';
import { hashSecret } from '../../src/directory/secret.ts';
import { audience, newKey, sign, startIssuer } from '../http/issuer.ts';
import { newGroup, newUser, patchOp, searchSchema, startScimd, type TestServer } from '../server.ts';
import { newClient } from './client.ts';
import { refused } from './refused.ts';

let server: TestServer;
before(async () => {
  // In this process, whatever SCIMD_COMMAND says: a test looks into the store.
  server = await startScimd({ basePath: '/scim/v2' });
});
after(() => server.close());

const protectedRequests: readonly (readonly [string, string])[] = [
  ['GET', '/Users'],
  ['POST', '/Users'],
  ['GET', '/Users/1'],
  ['HEAD', '/Users'],
  ['PUT', '/Users/1'],
  ['PATCH', '/Users/1'],
  ['DELETE', '/Users/1'],
  ['GET', '/Groups'],
  ['GET', '/'],
  ['GET', '/Me'],
  ['POST', '/Bulk'],
  ['POST', '/.search'],
  ['POST', '/Users/.search'],
  ['GET', '/Schemas'],
  ['GET', '/ResourceTypes'],
  ['GET', '/Nothing'],
];

test('P-2-01, P-2-02, P-3.12-07: without a token every endpoint but ServiceProviderConfig is 401 with a Bearer challenge', async () => {
  for (const [method, path] of protectedRequests) {
    const answer = await server.request(method, path, { token: null });
    assert.equal(answer.status, 401, `${method} ${path}`);
    assert.match(answer.headers.get('www-authenticate') ?? '', /^Bearer realm="/, `${method} ${path}`);
    if (method === 'HEAD') assert.equal(answer.text, '');
    else refused(answer, 401);
  }
  assert.equal((await server.request('GET', '/ServiceProviderConfig', { token: null })).status, 200);
});

test('P-2-03, P-2-06: bearer tokens are announced and are all that is taken; Basic is not', async () => {
  const { json } = await server.request('GET', '/ServiceProviderConfig');
  assert.deepEqual(
    json.authenticationSchemes.map((scheme: { type: string }) => scheme.type),
    ['oauthbearertoken'],
  );
  for (const authorization of [
    `Basic ${Buffer.from(`user:${server.token}`).toString('base64')}`,
    `Basic ${server.token}`,
    `Digest username="x", realm="scimd"`,
    `DPoP ${server.token}`,
    server.token,
  ]) {
    refused(await server.request('GET', '/Users', { headers: { authorization } }), 401);
  }
  const cookie = { authorization: null, cookie: `token=${server.token}` };
  refused(await server.request('GET', '/Users', { headers: cookie }), 401);
  assert.equal((await server.request('GET', '/Users')).status, 200);
});

test('P-2-05, P-2.1-02, P-3.12-07, P-7.3-01: a token that is tampered with, expired, revoked or an assertion is 401 invalid_token', async () => {
  const store = server.store;
  assert.ok(store !== undefined);
  const revokedToken = await server.newToken({});
  assert.equal((await server.request('GET', '/Users', { token: revokedToken })).status, 200);
  const { id } = (await store.findToken(hashSecret(revokedToken))) as { id: string };
  await store.revokeToken(id, new Date(Date.now() - 1000).toISOString());
  const last = server.token.at(-1) === 'A' ? 'B' : 'A';
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const invalid = {
    tampered: server.token.slice(0, -1) + last,
    shortened: server.token.slice(0, -1),
    prolonged: `${server.token}A`,
    upperCase: server.token.toUpperCase(),
    expired: await server.newToken({ expires: new Date(Date.now() - 1000) }),
    revoked: revokedToken,
    assertion: `${part({ alg: 'none' })}.${part({ sub: 'admin', aud: server.base })}.${randomBytes(32).toString('base64url')}`,
  };
  const bodies = new Set<string>();
  for (const [what, token] of Object.entries(invalid)) {
    const answer = await server.request('GET', '/Users', { token });
    refused(answer, 401);
    assert.match(answer.headers.get('www-authenticate') ?? '', /error="invalid_token"/, what);
    bodies.add(answer.text);
  }
  assert.equal(bodies.size, 1, 'which of them it was is not told');
});

test('P-2-05, P-2.1-02, P-7.3-01, P-7.4-03: a JWT of another audience or issuer, without end, over, unsigned or altered is 401 invalid_token', async () => {
  const [key, stranger] = [await newKey('1'), await newKey('1')];
  const issuer = await startIssuer(key);
  const own = await startScimd({
    jwt: { issuer: issuer.url, audience: [audience], jwksUri: issuer.jwksUri },
    limits: { failedAttempts: 0 },
  });
  try {
    const right = await sign(issuer, key);
    assert.equal((await own.request('GET', '/Users', { token: right })).status, 200);
    const [head = '', , signature = ''] = right.split('.');
    const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
    const [, claims = ''] = (await sign(issuer, key, { scope: 'admin' })).split('.');
    for (const [what, token] of Object.entries({
      'another audience': await sign(issuer, key, { aud: 'api://other' }),
      'no audience': await sign(issuer, key, { aud: undefined }),
      'another issuer': await sign(issuer, key, { iss: 'https://other.example' }),
      'no end': await sign(issuer, key, { exp: undefined }),
      over: await sign(issuer, key, { exp: Math.floor(Date.now() / 1000) - 60 }),
      'another key': await sign(issuer, stranger),
      unsigned: `${part({ alg: 'none' })}.${claims}.`,
      altered: `${head}.${claims}.${signature}`,
    })) {
      const answer = await own.request('GET', '/Users', { token });
      refused(answer, 401);
      assert.match(answer.headers.get('www-authenticate') ?? '', /error="invalid_token"/, what);
    }
  } finally {
    await own.close();
    issuer.close();
  }
});

test('P-2-05, P-7.4-03: an access token of the token endpoint is taken until it ends, altered never, and ends with what it was given for', async () => {
  let now = new Date('2030-01-01T00:00:00Z');
  const own = await startScimd({
    clock: () => now,
    tokenEndpoint: { seconds: 600 },
    limits: { failedAttempts: 0 },
  });
  try {
    const store = own.store;
    assert.ok(store !== undefined);
    const ask = async (secret: string) => {
      const { id } = (await store.findToken(hashSecret(secret))) as { id: string };
      const form = { grant_type: 'client_credentials', client_id: id, client_secret: secret };
      const answer = await own.request('POST', '/oauth/token', {
        token: null,
        headers: { 'content-type': 'application/x-www-form-urlencoded' },
        body: new URLSearchParams(form).toString(),
      });
      assert.equal(answer.status, 200, answer.text);
      return { id, ...answer.json } as { id: string; access_token: string; expires_in: number };
    };
    const status = async (token: string) => (await own.request('GET', '/Users', { token })).status;
    const granted = await ask(own.token);
    assert.equal(granted.expires_in, 600);
    assert.equal(await status(granted.access_token), 200);
    const middle = Math.floor(granted.access_token.length / 2);
    const flipped = granted.access_token[middle] === 'A' ? 'B' : 'A';
    const altered = granted.access_token.slice(0, middle) + flipped + granted.access_token.slice(middle + 1);
    assert.equal(await status(altered), 401);
    const short = await ask(await own.newToken({ expires: new Date('2030-01-01T00:05:00Z') }));
    assert.equal(short.expires_in, 300);
    const revoked = await ask(await own.newToken({}));
    assert.equal(await status(revoked.access_token), 200);
    await store.revokeToken(revoked.id, now.toISOString());
    assert.equal(await status(revoked.access_token), 401);
    now = new Date('2030-01-01T00:09:59Z');
    assert.equal(await status(granted.access_token), 200);
    assert.equal(await status(short.access_token), 401);
    now = new Date('2030-01-01T00:10:00Z');
    assert.equal(await status(granted.access_token), 401);
  } finally {
    await own.close();
  }
});

test('P-2-05: a token lives until it expires', async () => {
  let now = new Date('2030-01-01T00:00:00Z');
  const own = await startScimd({ clock: () => now });
  try {
    const token = await own.newToken({ expires: new Date('2030-01-02T00:00:00Z') });
    assert.equal((await own.request('GET', '/Users', { token })).status, 200);
    now = new Date('2030-01-01T23:59:59Z');
    assert.equal((await own.request('GET', '/Users', { token })).status, 200);
    now = new Date('2030-01-02T00:00:00Z');
    refused(await own.request('GET', '/Users', { token }), 401);
  } finally {
    await own.close();
  }
});

test('P-2-07, P-2.1-01, P-7.7-03, P-3.12-08: a read-only token reads and searches, and is 403 for every write', async () => {
  const client = await newClient(server);
  const user = await client.create('/Users', newUser());
  const group = await client.create('/Groups', newGroup({ members: [{ value: user.id }] }));
  const token = await server.newToken({ scope: 'read', tenant: client.tenant });
  const search = { schemas: [searchSchema], filter: `id eq "${user.id}"` };
  for (const path of ['/Users', `/Users/${user.id}`, '/Groups', '/', '/Schemas', '/ResourceTypes']) {
    assert.equal((await server.request('GET', path, { token })).status, 200, path);
  }
  const found = await server.request('POST', '/Users/.search', { token, body: search });
  assert.equal(found.json.totalResults, 1);
  const bulk = {
    schemas: ['urn:ietf:params:scim:api:messages:2.0:BulkRequest'],
    Operations: [{ method: 'POST', bulkId: 'a', path: '/Users', data: newUser() }],
  };
  for (const [method, path, body] of [
    ['POST', '/Users', newUser()],
    ['PUT', `/Users/${user.id}`, user],
    ['PATCH', `/Users/${user.id}`, patchOp({ op: 'replace', path: 'title', value: 'x' })],
    ['PATCH', `/Groups/${group.id}`, patchOp({ op: 'remove', path: 'members' })],
    ['DELETE', `/Users/${user.id}`, undefined],
    ['POST', '/Groups', newGroup()],
    ['PUT', `/Groups/${group.id}`, newGroup()],
    ['DELETE', `/Groups/${group.id}`, undefined],
    ['POST', '/Bulk', bulk],
  ] as const) {
    const answer = await server.request(method, path, { token, body });
    refused(answer, 403);
    assert.match(answer.headers.get('www-authenticate') ?? '', /error="insufficient_scope"/);
  }
  assert.equal((await client.read(`/Users/${user.id}`)).meta.version, user.meta.version);
  assert.equal((await client.read(`/Groups/${group.id}`)).meta.version, group.meta.version);
  assert.equal((await client.read('/Users')).totalResults, 1);
});

test('P-2.2-01, P-7.6-01: nobody creates anything without a token', async () => {
  const total = async () => (await server.request('GET', '/Users?count=0')).json.totalResults;
  const before = await total();
  refused(await server.request('POST', '/Users', { token: null, body: newUser() }), 401);
  refused(await server.request('POST', '/Me', { token: null, body: newUser() }), 401);
  assert.equal(await total(), before);
});
