import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { hashSecret } from '../../src/directory/secret.ts';
import { newUser, startScimd, type TestServer } from '../server.ts';
import { refused } from './refused.ts';

let server: TestServer;
before(async () => {
  // In this process, whatever SCIMD_COMMAND says: a test looks into the store.
  server = await startScimd({ basePath: '/scim/v2' });
});
after(() => server.close());

const get = (headers: Record<string, string>, path = '/Users') =>
  server.request('GET', path, { token: null, headers });

test('H-6750-01: Authorization: Bearer is accepted, the name of the scheme in any letter case', async () => {
  for (const scheme of ['Bearer', 'bearer', 'BEARER', 'bEaReR'])
    assert.equal((await get({ authorization: `${scheme} ${server.token}` })).status, 200, scheme);
  refused(await get({ authorization: `Token ${server.token}` }), 401);
  refused(await get({ authorization: `Bearer ${server.token.toUpperCase()}` }), 401);
  refused(await get({ authorization: server.token }), 401);
});

test('H-6750-02: a token in the query or in a form is not accepted', async () => {
  const answer = await get({}, `/Users?access_token=${server.token}`);
  refused(answer, 401);
  assert.ok(!answer.text.includes(server.token));
  const form = await server.request('POST', '/Users/.search', {
    token: null,
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    body: `access_token=${server.token}`,
  });
  refused(form, 401);
});

test('H-6750-03: without credentials the challenge has no error', async () => {
  const answer = await get({});
  refused(answer, 401);
  const challenge = answer.headers.get('www-authenticate') ?? '';
  assert.match(challenge, /^Bearer realm="/);
  assert.doesNotMatch(challenge, /error/);
});

test('H-6750-03: an unknown, expired or revoked token is invalid_token, each told alike', async () => {
  const expired = await server.newToken({ expires: new Date(Date.now() - 1000) });
  const revoked = await server.newToken({});
  const store = server.store;
  assert.ok(store !== undefined);
  const { id } = (await store.findToken(hashSecret(revoked))) as { id: string };
  await store.revokeToken(id, new Date(Date.now() - 1000).toISOString());
  const answers = [
    await get({ authorization: 'Bearer scimd_unknown' }),
    await get({ authorization: `Bearer ${expired}` }),
    await get({ authorization: `Bearer ${revoked}` }),
  ];
  for (const answer of answers) {
    refused(answer, 401);
    assert.match(answer.headers.get('www-authenticate') ?? '', /^Bearer .*error="invalid_token"/);
  }
  assert.equal(new Set(answers.map(({ text }) => text)).size, 1);
});

test('H-6750-03: a token without the right is 403 insufficient_scope, and nothing is written', async () => {
  const token = await server.newToken({ scope: 'read' });
  const user = (await server.request('POST', '/Users', { body: newUser() })).json;
  assert.equal((await server.request('GET', '/Users', { token })).status, 200);
  for (const [method, path] of [
    ['POST', '/Users'],
    ['PUT', `/Users/${user.id}`],
    ['PATCH', `/Users/${user.id}`],
    ['DELETE', `/Users/${user.id}`],
  ] as const) {
    const answer = await server.request(method, path, { token, body: newUser() });
    refused(answer, 403);
    assert.match(answer.headers.get('www-authenticate') ?? '', /^Bearer .*error="insufficient_scope"/);
  }
  assert.deepEqual((await server.request('GET', `/Users/${user.id}`)).json, user);
  const search = { schemas: ['urn:ietf:params:scim:api:messages:2.0:SearchRequest'] };
  assert.equal((await server.request('POST', '/Users/.search', { token, body: search })).status, 200);
});

test('H-6750-03: a token in two places is 400 invalid_request', async () => {
  const answer = await server.request('GET', `/Users?access_token=${server.token}`);
  refused(answer, 400);
  assert.match(answer.headers.get('www-authenticate') ?? '', /error="invalid_request"/);
});
