/** Access tokens of another server, as JWTs (RFC 7519, RFC 8725, RFC 9068), with its keys at a real URL. */
import assert from 'node:assert/strict';
import { createPublicKey, type JsonWebKey } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { SignJWT, UnsecuredJWT } from 'jose';
import type { Log } from '../../src/http/options.ts';
import { type Answer, newUser, startScimd, type TestServer } from '../server.ts';
import { until } from '../until.ts';
import { audience, type Issuer, newKey, type SigningKey, sign, startIssuer } from './issuer.ts';
import { assertError } from './raw.ts';

let issuer: Issuer;
let key: SigningKey;
let server: TestServer;
before(async () => {
  key = await newKey('key-1');
  issuer = await startIssuer(key);
  server = await startScimd({
    jwt: { issuer: issuer.url, audience: [audience, 'other'], jwksUri: issuer.jwksUri, subjectClaim: 'user' },
    limits: { failedAttempts: 0 },
  });
});
after(async () => {
  await server.close();
  issuer.close();
});

const get = (token: string, path = '/Users') => server.request('GET', path, { token });

function assertInvalid(answer: Answer, detail: RegExp): void {
  assertError(answer, 401, detail);
  assert.match(answer.headers.get('www-authenticate') ?? '', /^Bearer realm="scimd", error="invalid_token"/);
}

test('a token of the issuer for this audience is taken, beside the server’s own', async () => {
  assert.equal((await get(await sign(issuer, key))).status, 200);
  assert.equal((await get(await sign(issuer, key, { aud: ['else', 'other'] }))).status, 200);
  assert.equal((await get(server.token)).status, 200);
});

test('writes of JWTs are 503 while their tenant is paused, and reads go on', async () => {
  const token = await sign(issuer, key);
  const post = () => server.request('POST', '/Users', { token, body: newUser() });
  assert.equal((await post()).status, 201);
  await server.store?.pauseTenant(1, '2026-11-28T09:00:00.000Z');
  assertError(await post(), 503, /has paused provisioning since 2026-11-28T09:00:00\.000Z/);
  assert.equal((await get(token)).status, 200);
  await server.store?.pauseTenant(1, undefined);
  assert.equal((await post()).status, 201);
});

for (const [what, claims, detail] of [
  ['another audience', { aud: 'api://other' }, /claim aud/],
  ['no audience', { aud: undefined }, /claim aud/],
  ['another issuer', { iss: 'https://other.example' }, /claim iss/],
  ['no issuer', { iss: undefined }, /claim iss/],
  ['no end', { exp: undefined }, /claim exp/],
  ['an end that is no number', { exp: 'tomorrow' }, /./],
  ['an end a minute ago', { exp: Math.floor(Date.now() / 1000) - 60 }, /expired/],
  ['a beginning in a minute', { nbf: Math.floor(Date.now() / 1000) + 60 }, /claim nbf/],
  ['a key or certificate that it is bound to', { cnf: { 'x5t#S256': 'x' } }, /key-bound/],
] as const) {
  test(`a token with ${what} is 401 invalid_token`, async () => {
    assertInvalid(await get(await sign(issuer, key, claims)), detail);
  });
}

test('clocks may differ by half a minute', async () => {
  const now = Math.floor(Date.now() / 1000);
  assert.equal((await get(await sign(issuer, key, { exp: now - 10, nbf: now + 10 }))).status, 200);
});

test('a token without signature (alg none) is 401 invalid_token', async () => {
  const now = Math.floor(Date.now() / 1000);
  const none = new UnsecuredJWT({ scope: 'scim', sub: 'x' })
    .setIssuer(issuer.url)
    .setAudience(audience)
    .setExpirationTime(now + 300)
    .encode();
  assertInvalid(await get(none), /algorithm|signature/);
});

test('the issuer’s public key is not taken as the secret of an HMAC (RFC 8725 §2.1)', async () => {
  const spki = createPublicKey({ key: key.jwk as JsonWebKey, format: 'jwk' });
  for (const secret of [
    spki.export({ type: 'spki', format: 'pem' }) as string,
    JSON.stringify(key.jwk),
    key.jwk.n as string,
  ]) {
    const now = Math.floor(Date.now() / 1000);
    const forged = await new SignJWT({ iss: issuer.url, aud: audience, scope: 'admin', exp: now + 300 })
      .setProtectedHeader({ alg: 'HS256', kid: key.kid })
      .sign(new TextEncoder().encode(secret));
    assertInvalid(await get(forged), /algorithm/);
  }
});

test('an algorithm that is not on the list, another key, and altered claims are 401', async () => {
  const sha512: SigningKey = { ...(await newKey('key-1', 'RS512')), kid: 'key-1' };
  assertInvalid(await get(await sign(issuer, sha512)), /algorithm/);
  assertInvalid(await get(await sign(issuer, await newKey('key-1'))), /signature/);
  const [head, , signature] = (await sign(issuer, key)).split('.');
  const [, other] = (await sign(issuer, key, { scope: 'admin' })).split('.');
  assertInvalid(await get(`${head}.${other}.${signature}`), /signature/);
});

test('scopes decide: read reads, scim writes, none is 403 insufficient_scope', async () => {
  const post = async (claims: object) =>
    server.request('POST', '/Users', { token: await sign(issuer, key, { ...claims }), body: newUser() });
  assert.equal((await post({ scope: 'openid scim' })).status, 201);
  assert.equal((await post({ scope: ['read', 'scim'] })).status, 201);
  for (const scope of ['read', 'openid', undefined, 42]) {
    const answer = await post({ scope });
    assertError(answer, 403);
    assert.match(answer.headers.get('www-authenticate') ?? '', /error="insufficient_scope"/);
  }
  assert.equal((await get(await sign(issuer, key, { scope: 'read' }))).status, 200);
});

test('a claim says whom /Me stands for', async () => {
  const { id } = (await server.request('POST', '/Users', { body: newUser() })).json;
  assert.equal((await get(await sign(issuer, key, { user: id }), '/Me')).json.id, id);
  assertError(await get(await sign(issuer, key), '/Me'), 404);
});

test('claims say the tenant and the provider whose deviations are tolerated', async () => {
  const own = await startScimd({
    jwt: {
      issuer: issuer.url,
      audience: [audience],
      jwksUri: issuer.jwksUri,
      tenantClaim: 'org',
      idpClaim: 'idp',
      scopeClaim: 'roles',
    },
  });
  try {
    const acme = await own.newToken({ tenant: 'acme' });
    const token = await sign(issuer, key, { org: 'acme', roles: ['scim'], idp: 'strict' });
    const { id } = (await own.request('POST', '/Users', { token, body: newUser() })).json;
    assert.equal((await own.request('GET', `/Users/${id}`, { token: acme })).status, 200);
    assertError(await own.request('GET', `/Users/${id}`), 404);
    assertError(await own.request('GET', '/users', { token }), 404);
    const generic = await sign(issuer, key, { org: 'acme', roles: ['scim'] });
    assert.equal((await own.request('GET', '/users', { token: generic })).status, 200);
    for (const org of ['nobody', undefined, '', 7]) {
      assertError(
        await own.request('GET', '/Users', { token: await sign(issuer, key, { org, roles: ['scim'] }) }),
        403,
        /tenant/,
      );
    }
  } finally {
    await own.close();
  }
});

test('keys are kept, renewed when they are old, asked for again for an unknown one, and outlive the issuer’s absence', async () => {
  const [first, second, third] = await Promise.all([newKey('1'), newKey('2', 'ES256'), newKey('3', 'EdDSA')]);
  const rotating = await startIssuer(first);
  let now = new Date();
  const pass = (seconds: number) => {
    now = new Date(now.getTime() + seconds * 1000);
  };
  const own = await startScimd({
    clock: () => now,
    limits: { failedAttempts: 0 },
    jwt: { issuer: rotating.url, audience: [audience], jwksUri: rotating.jwksUri },
  });
  const status = async (by: SigningKey) =>
    (await own.request('GET', '/Users', { token: await sign(rotating, by, {}, now) })).status;
  try {
    rotating.well = false;
    const unavailable = await own.request('GET', '/Users', { token: await sign(rotating, first, {}, now) });
    assertError(unavailable, 503);
    assert.equal(unavailable.headers.get('retry-after'), '5');
    rotating.well = true;
    assert.equal(await status(first), 503, 'it was asked a moment ago');
    pass(1.1);
    const before = rotating.asked;
    assert.deepEqual(await Promise.all([status(first), status(first), status(first)]), [200, 200, 200]);
    assert.equal(rotating.asked, before + 1);

    rotating.keys = [first, second];
    assert.equal(await status(second), 401, 'asked a moment ago');
    pass(31);
    assert.equal(await status(second), 200);
    assert.equal(rotating.asked, before + 2);
    for (let i = 0; i < 20; i++) assert.equal(await status(third), 401);
    assert.equal(rotating.asked, before + 2, 'unknown keys do not make us ask all the time');

    rotating.well = false;
    pass(3600);
    assert.equal(await status(second), 200, 'the issuer is away');
    rotating.well = true;
    rotating.keys = [third];
    pass(31);
    // Renewed in the background: the old key is good until the new ones are there.
    await until('the new keys', () => {
      pass(31);
      return status(second).then((found) => found === 401);
    });
    assert.equal(await status(third), 200);
  } finally {
    await own.close();
    rotating.close();
  }
});

test('an issuer that is away is asked less and less often, and is one line of the log', async () => {
  const key = await newKey('1');
  const away = await startIssuer(key);
  away.well = false;
  let now = new Date();
  const errors: string[] = [];
  const own = await startScimd({
    clock: () => now,
    log: { info() {}, warn() {}, error: (_, message = '') => void errors.push(message) },
    jwt: { issuer: away.url, audience: [audience], jwksUri: away.jwksUri },
  });
  const get = async () => own.request('GET', '/Users', { token: await sign(away, key, {}, now) });
  try {
    for (let i = 0; i < 10; i++) assertError(await get(), 503);
    assert.equal(away.asked, 1);
    for (let second = 0; second < 120; second++) {
      now = new Date(now.getTime() + 1000);
      assertError(await get(), 503);
    }
    assert.ok(away.asked <= 8, `asked ${away.asked} times in two minutes`);
    assert.deepEqual(errors, ['the signing keys of the token issuer are unavailable']);
    away.well = true;
    now = new Date(now.getTime() + 61_000);
    assert.equal((await get()).status, 200);
  } finally {
    await own.close();
    away.close();
  }
});

test('the log knows a token by its subject, its client or its authorized party, and one of nobody as a JWT', async () => {
  const logged: unknown[] = [];
  const log: Log = {
    ...{ warn() {}, error() {} },
    info: (fields) => void logged.push((fields as { tokenId?: string }).tokenId),
  };
  const jwt = { issuer: issuer.url, audience: [audience], jwksUri: issuer.jwksUri };
  const own = await startScimd({ log, jwt });
  try {
    for (const claims of [
      { sub: 'a', client_id: 'b' },
      { sub: '', client_id: 'b' },
      { sub: undefined, azp: 'c' },
      { sub: undefined },
    ])
      await own.request('GET', '/Users', { token: await sign(issuer, key, claims) });
    assert.deepEqual(logged, ['jwt:a', 'jwt:b', 'jwt:c', 'jwt']);
  } finally {
    await own.close();
  }
});

test('keys can be in a file, which is read again for an unknown key', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'scimd-jwks-'));
  const file = join(folder, 'keys.json');
  const [first, second] = await Promise.all([newKey('1'), newKey('2')]);
  writeFileSync(file, JSON.stringify({ keys: [first.jwk] }));
  let now = new Date();
  const own = await startScimd({
    clock: () => now,
    jwt: { issuer: issuer.url, audience: [audience], jwksFile: file },
  });
  const get = async (by: SigningKey) =>
    own.request('GET', '/Users', { token: await sign(issuer, by, {}, now) });
  const status = async (by: SigningKey) => (await get(by)).status;
  try {
    assert.equal(await status(first), 200);
    assertInvalid(await get(second), /the issuer has no such key/);
    writeFileSync(file, JSON.stringify({ keys: [first.jwk, second.jwk] }));
    now = new Date(now.getTime() + 31_000);
    assert.equal(await status(second), 200);
    assert.equal(await status(first), 200);
    const seconds = Math.floor(now.getTime() / 1000);
    const nameless = await new SignJWT({ iss: issuer.url, aud: audience, scope: 'scim', exp: seconds + 300 })
      .setProtectedHeader({ alg: 'RS256' })
      .sign(first.privateKey);
    assertInvalid(await own.request('GET', '/Users', { token: nameless }), /several keys of the issuer fit/);
  } finally {
    await own.close();
    rmSync(folder, { recursive: true });
  }
});

test('without settings for them JWTs are unknown tokens, and all that is on is announced', async () => {
  const types = async (of: TestServer) =>
    (await of.request('GET', '/ServiceProviderConfig')).json.authenticationSchemes.map(
      ({ type, primary }: { type: string; primary: boolean }) => (primary ? `${type}*` : type),
    );
  assert.deepEqual(await types(server), ['oauthbearertoken*', 'oauthbearertoken']);
  const plain = await startScimd({ basicAuth: true, tokenEndpoint: { seconds: 60 } });
  try {
    assertInvalid(
      await plain.request('GET', '/Users', { token: await sign(issuer, key) }),
      /unknown, expired or revoked/,
    );
    assert.deepEqual(await types(plain), ['oauthbearertoken*', 'oauth2', 'httpbasic']);
  } finally {
    await plain.close();
  }
});
