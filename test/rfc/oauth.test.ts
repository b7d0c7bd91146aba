import assert from 'node:assert/strict';
import { test } from 'node:test';
import { audience, newKey, sign, startIssuer } from '../http/issuer.ts';
import { startScimd } from '../server.ts';
import { refused } from './refused.ts';

test('H-7617-01: where Basic is on, the challenge has realm and charset, and credentials are UTF-8', async () => {
  const server = await startScimd({ basicAuth: true });
  try {
    const challenge = (await server.request('GET', '/Users', { token: null })).headers.get(
      'www-authenticate',
    );
    assert.equal(challenge, 'Bearer realm="scimd", Basic realm="scimd", charset="UTF-8"');
    for (const [text, status] of [
      [Buffer.from(`Jürgen:${server.token}`), 200],
      [Buffer.from(`J\u00fcrgen:${server.token}`, 'latin1'), 401],
    ] as const) {
      const headers = { authorization: `Basic ${text.toString('base64')}` };
      assert.equal((await server.request('GET', '/Users', { headers })).status, status);
    }
  } finally {
    await server.close();
  }
});

test('P-2-06: the password of Basic is a token of 256 random bits, never the password of a person', async () => {
  const server = await startScimd({ basicAuth: true });
  try {
    const schemas = ['urn:ietf:params:scim:schemas:core:2.0:User'];
    const body = { schemas, userName: 'bjensen', password: 'correct horse battery staple' };
    assert.equal((await server.request('POST', '/Users', { body })).status, 201);
    const person = Buffer.from(`${body.userName}:${body.password}`).toString('base64');
    refused(await server.request('GET', '/Users', { headers: { authorization: `Basic ${person}` } }), 401);
  } finally {
    await server.close();
  }
});

test('P-2-04: the token endpoint gives tokens to nobody without a token', async () => {
  const server = await startScimd({ tokenEndpoint: { seconds: 60 } });
  try {
    const ask = (form: Readonly<Record<string, string>>) =>
      server.request('POST', '/oauth/token', {
        token: null,
        headers: { 'content-type': 'application/x-www-form-urlencoded' },
        body: new URLSearchParams({ grant_type: 'client_credentials', ...form }).toString(),
      });
    for (const form of [{}, { client_id: 'x' }, { client_id: 'x', client_secret: 'y' }])
      assert.equal((await ask(form)).status, 401);
  } finally {
    await server.close();
  }
});

test('H-8705-01: a token with cnf x5t#S256 is 401 invalid_token for want of the certificate', async () => {
  const key = await newKey('1');
  const issuer = await startIssuer(key);
  const server = await startScimd({
    jwt: { issuer: issuer.url, audience: [audience], jwksUri: issuer.jwksUri },
  });
  try {
    assert.equal((await server.request('GET', '/Users', { token: await sign(issuer, key) })).status, 200);
    const thumbprint = 'bwcK0esc3ACC3DB2Y5_lESsXE8o9ltc05O89jdN-dg2';
    const bound = await sign(issuer, key, { cnf: { 'x5t#S256': thumbprint } });
    const answer = await server.request('GET', '/Users', { token: bound });
    refused(answer, 401);
    assert.match(answer.headers.get('www-authenticate') ?? '', /error="invalid_token"/);
  } finally {
    await server.close();
    issuer.close();
  }
});

test('H-6585-01: over its rate a client gets 429 with Retry-After and an error body', async () => {
  const now = new Date();
  const server = await startScimd({ clock: () => now, limits: { requestsPerSecond: 1 } });
  try {
    for (let i = 0; i < 10; i++) assert.equal((await server.request('GET', '/Users')).status, 200);
    const answer = await server.request('GET', '/Users');
    refused(answer, 429);
    assert.equal(answer.headers.get('retry-after'), '1');
  } finally {
    await server.close();
  }
});
