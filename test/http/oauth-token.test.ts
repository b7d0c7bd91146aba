/** The client credentials grant (RFC 6749 §4.4) and HTTP Basic (RFC 7617). */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { hashSecret } from '../../src/directory/secret.ts';
import type { Token } from '../../src/store/store.ts';
import { type Answer, newUser, startScimd, type TestServer } from '../server.ts';
import { assertError } from './raw.ts';

let server: TestServer;
let client: Token;
let secret: string;
let now = new Date();
before(async () => {
  server = await startScimd({
    clock: () => now,
    tokenEndpoint: { seconds: 3600 },
    basicAuth: true,
    limits: { failedAttempts: 0 },
  });
  ({ secret, client } = await newClient({}));
});
after(() => server.close());

async function newClient(options: Parameters<TestServer['newToken']>[0]) {
  const known = new Set((await server.store?.listTokens())?.map(({ id }) => id));
  const secret = await server.newToken(options);
  const client = (await server.store?.listTokens())?.find(({ id }) => !known.has(id));
  assert.ok(client !== undefined);
  return { secret, client };
}

interface Asking {
  readonly authorization?: string;
  readonly contentType?: string;
}

function ask(
  form: Readonly<Record<string, string>> | string,
  { authorization, contentType = 'application/x-www-form-urlencoded' }: Asking = {},
): Promise<Answer> {
  return server.request('POST', '/oauth/token', {
    token: null,
    headers: { 'content-type': contentType, ...(authorization === undefined ? {} : { authorization }) },
    body: typeof form === 'string' ? form : new URLSearchParams(form).toString(),
  });
}

const basic = (user: string, password: string) =>
  `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`;

const grant = { grant_type: 'client_credentials' };
const credentials = () => ({ ...grant, client_id: client.id, client_secret: secret });

function assertOAuthError(answer: Answer, status: number, error: string): void {
  assert.equal(answer.status, status, answer.text);
  assert.equal(answer.json.error, error);
  assert.equal(typeof answer.json.error_description, 'string');
  assert.equal(answer.headers.get('cache-control'), 'no-store');
  assert.equal(answer.headers.get('content-type'), 'application/json');
}

test('client_id and client_secret give an access token, never to be cached, which opens what the token opens', async () => {
  for (const client_id of [client.id, client.name]) {
    const answer = await ask({ ...credentials(), client_id });
    assert.equal(answer.status, 200, answer.text);
    assert.equal(answer.headers.get('cache-control'), 'no-store');
    assert.equal(answer.headers.get('pragma'), 'no-cache');
    const { access_token, token_type, expires_in, scope } = answer.json;
    assert.deepEqual(
      { token_type, expires_in, scope },
      { token_type: 'Bearer', expires_in: 3600, scope: 'scim' },
    );
    assert.notEqual(access_token, secret);
    const created = await server.request('POST', '/Users', { token: access_token, body: newUser() });
    assert.equal(created.status, 201);
    const [change] = (await server.store?.changes({ tenant: 1, id: created.json.id, limit: 1 })) ?? [];
    assert.equal(change?.actor.id, client.id, 'the record names the token that it was given for');
  }
});

test('credentials go in the Authorization header as well, form-encoded (RFC 6749 §2.3.1)', async () => {
  for (const user of [client.id, encodeURIComponent(client.name)])
    assert.equal((await ask(grant, { authorization: basic(user, secret) })).status, 200);
  const chosen = 'a+token/of~the.operator==';
  await server.store?.createToken({
    hash: hashSecret(chosen),
    name: 'chosen by hand',
    tenant: client.tenant,
    idp: 'generic',
    scope: 'read',
  });
  for (const password of [chosen, encodeURIComponent(chosen)])
    for (const user of ['chosen by hand', 'chosen+by+hand', 'chosen%20by%20hand'])
      assert.equal((await ask(grant, { authorization: basic(user, password) })).json.scope, 'read');
  const both = { ...grant, client_secret: secret };
  assertOAuthError(await ask(both, { authorization: basic(client.id, secret) }), 400, 'invalid_request');
  const other = { ...grant, client_id: 'other' };
  assertOAuthError(await ask(other, { authorization: basic(client.id, secret) }), 400, 'invalid_request');
});

test('wrong clients are 401 invalid_client with a challenge, and do not learn what was wrong (RFC 6749 §5.2)', async () => {
  const { secret: expired, client: expiredClient } = await newClient({
    expires: new Date(now.getTime() - 1),
  });
  const bodies = new Set<string>();
  for (const wrong of [
    { client_id: 'nobody', client_secret: secret },
    { client_id: client.id, client_secret: 'wrong' },
    { client_id: client.id, client_secret: server.token },
    { client_id: expiredClient.id, client_secret: expired },
  ]) {
    const answer = await ask({ ...grant, ...wrong });
    assertOAuthError(answer, 401, 'invalid_client');
    assert.equal(answer.headers.get('www-authenticate'), 'Basic realm="scimd", charset="UTF-8"');
    bodies.add(answer.text);
  }
  assert.equal(bodies.size, 1);
  assertOAuthError(await ask(grant), 401, 'invalid_client');
  assertOAuthError(await ask(grant, { authorization: `Bearer ${secret}` }), 401, 'invalid_client');
});

test('other grants, malformed requests and too much scope have their errors (RFC 6749 §5.2)', async () => {
  const { client_id, client_secret } = credentials();
  assertOAuthError(await ask({ client_id, client_secret }), 400, 'invalid_request');
  assertOAuthError(await ask({ ...credentials(), grant_type: 'password' }), 400, 'unsupported_grant_type');
  assertOAuthError(
    await ask(`${new URLSearchParams(credentials())}&grant_type=client_credentials`),
    400,
    'invalid_request',
  );
  const json = { contentType: 'application/json' };
  assertOAuthError(await ask(JSON.stringify(credentials()), json), 400, 'invalid_request');
  assertOAuthError(await ask({ ...credentials(), scope: 'admin' }), 400, 'invalid_scope');
  const get = await server.request('GET', '/oauth/token');
  assertError(get, 405);
  assert.equal(get.headers.get('allow'), 'POST');
  assertError(await ask('x'.repeat(20_000)), 413);
});

test('scope narrows; words that mean nothing here are ignored (RFC 6749 §3.3)', async () => {
  const narrow = (await ask({ ...credentials(), scope: 'read' })).json;
  assert.equal(narrow.scope, 'read');
  const { access_token: token } = narrow;
  assert.equal((await server.request('GET', '/Users', { token })).status, 200);
  assertError(await server.request('POST', '/Users', { token, body: newUser() }), 403);
  assert.equal((await ask({ ...credentials(), scope: 'https://example.com/.default' })).json.scope, 'scim');
});

test('an access token ends with its time, with the token’s own, and with the token’s revocation', async () => {
  const status = async (token: string) => (await server.request('GET', '/Users', { token })).status;
  const start = now;
  const { json } = await ask(credentials());
  now = new Date(start.getTime() + 3_599_000);
  assert.equal(await status(json.access_token), 200);
  now = new Date(start.getTime() + 3_600_000);
  assert.equal(await status(json.access_token), 401);

  const { secret: brief, client: briefClient } = await newClient({
    expires: new Date(now.getTime() + 60_000),
  });
  const short = (await ask({ ...grant, client_id: briefClient.id, client_secret: brief })).json;
  assert.equal(short.expires_in, 60);
  assert.equal(await status(short.access_token), 200);
  await server.store?.revokeToken(briefClient.id, now.toISOString());
  assert.equal(await status(short.access_token), 401);
});

test('an access token that is altered, cut or another server’s is 401, and is no client secret', async () => {
  const { access_token: token } = (await ask(credentials())).json;
  const other = await startScimd({ tokenEndpoint: { seconds: 60 } });
  try {
    assertError(await other.request('GET', '/Users', { token }), 401);
  } finally {
    await other.close();
  }
  for (const wrong of [
    token.slice(0, -1),
    `${token}A`,
    token.slice(0, 30) + (token[30] === 'A' ? 'B' : 'A') + token.slice(31),
    'scimd_at_',
  ])
    assertError(await server.request('GET', '/Users', { token: wrong }), 401);
  assertOAuthError(await ask({ ...credentials(), client_secret: token }), 401, 'invalid_client');
});

test('without the setting there is no token endpoint', async () => {
  const plain = await startScimd({ clock: () => now });
  try {
    assertError(await plain.request('POST', '/oauth/token', { token: null, body: '' }), 401);
    assertError(await plain.request('GET', '/oauth/token'), 404);
  } finally {
    await plain.close();
  }
});

test('HTTP Basic: a token is the password of any user name', async () => {
  for (const user of ['okta', '', 'å', client.name]) {
    const authorization = basic(user, secret);
    assert.equal((await server.request('GET', '/Users', { headers: { authorization } })).status, 200);
    const lower = authorization.replace('Basic', 'basic');
    assert.equal((await server.request('GET', '/Users', { headers: { authorization: lower } })).status, 200);
  }
  for (const authorization of [
    basic('okta', 'wrong'),
    `Basic ${Buffer.from(secret).toString('base64')}`,
    `Basic ${Buffer.from([0xff, 0x3a, 0x41]).toString('base64')}`,
    'Basic',
    'Basic ???',
  ]) {
    const answer = await server.request('GET', '/Users', { headers: { authorization } });
    assertError(answer, 401);
    assert.match(
      answer.headers.get('www-authenticate') ?? '',
      /^Bearer .*, Basic realm="scimd", charset="UTF-8"$/,
    );
  }
});
