/** --profile ipsie by the command line: a client with keys, a database that was filled before, changes by hand. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { SignJWT } from 'jose';
import { newKey } from '../http/issuer.ts';
import { newUser } from '../server.ts';
import { scimd, secretPattern, serving, temporaryFolder } from './scimd.ts';

describe('scimd serve --profile ipsie', () => {
  const place = { folder: temporaryFolder(), environment: { SCIMD_DATABASE: 'scimd.db' } };

  test('goes over a database that was filled without it; its client authenticates by an assertion', async () => {
    const before = await serving(['serve', '--port', '0'], place);
    const secret = secretPattern.exec(before.output.stdout)?.[0] ?? '';
    const user = newUser({ password: 'correct horse battery', title: 'A' });
    const headers = { authorization: `Bearer ${secret}`, 'content-type': 'application/scim+json' };
    const made = await fetch(`${before.url}/Users`, { method: 'POST', headers, body: JSON.stringify(user) });
    assert.equal(made.status, 201);
    const { id } = (await made.json()) as { id: string };
    await before.stop();

    const key = await newKey('one');
    writeFileSync(join(place.folder, 'keys.json'), JSON.stringify({ keys: [key.jwk] }));
    const client = await scimd(
      ['token', 'create', '--name', 'okta', '--idp', 'okta', '--client-keys', 'keys.json', '--json'],
      place,
    );
    assert.equal(client.status, 0, client.stderr);
    const { clientId } = JSON.parse(client.stdout);
    const server = await serving(['serve', '--port', '0', '--profile', 'ipsie'], place);
    try {
      assert.equal((await fetch(`${server.url}/Users`, { headers })).status, 401);
      const assertion = await new SignJWT({})
        .setProtectedHeader({ alg: key.alg, kid: key.kid })
        .setIssuer(clientId)
        .setSubject(clientId)
        .setAudience(`${server.url}/oauth/token`)
        .setJti('1')
        .setExpirationTime('5m')
        .sign(key.privateKey);
      const answer = await fetch(`${server.url}/oauth/token`, {
        method: 'POST',
        body: new URLSearchParams({
          grant_type: 'client_credentials',
          client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
          client_assertion: assertion,
        }),
      });
      const granted = (await answer.json()) as { access_token: string };
      assert.equal(answer.status, 200, JSON.stringify(granted));
      const authorization = `Bearer ${granted.access_token}`;
      const found = await fetch(`${server.url}/Users/${id}`, { headers: { authorization } });
      assert.equal(((await found.json()) as { title: string }).title, 'A');
    } finally {
      await server.stop();
    }
  });

  test('changes by hand are refused, in words', async () => {
    const { status, stderr } = await scimd(['user', 'create', 'jane@example.com'], {
      ...place,
      environment: { ...place.environment, SCIMD_PROFILE: 'ipsie' },
    });
    assert.equal(status, 1);
    assert.match(stderr, /The profile ipsie leaves people and groups to the identity provider/);
  });

  for (const [args, why] of [
    [
      ['--profile', 'ipsie', '--limits-requests-per-second', '10'],
      /must be at least 25 with the profile ipsie/,
    ],
    [['--profile', 'ipsie', '--auth-basic'], /auth\.basic and the profile ipsie exclude each other/],
    [['--profile', 'fapi'], /profile must be one of ipsie/],
  ] as const)
    test(`config check ${args.join(' ')} says what is wrong`, async () => {
      const { status, stdout, stderr } = await scimd(['config', 'check', ...args], place);
      assert.equal(status, 2);
      assert.match(stdout + stderr, why);
    });

  for (const [keys, why] of [
    ['nothing.json', /cannot be read/],
    ['http://example.com/keys', /must be an https URL or a file/],
  ] as const)
    test(`token create --client-keys ${keys} is refused`, async () => {
      const { status, stderr } = await scimd(
        ['token', 'create', '--name', 'a', '--client-keys', keys],
        place,
      );
      assert.equal(status, 2);
      assert.match(stderr, why);
    });
});
