import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import type { Log } from '../../src/http/options.ts';
import { UnknownAttributeError } from '../../src/http/sensitive.ts';
import { createScimd } from '../../src/index.ts';
import { scimd as scimdCommand, serving, temporaryFolder } from '../cli/scimd.ts';
import { newUser, searchSchema, startScimd } from '../server.ts';
import { newClient } from './client.ts';
import { refused } from './refused.ts';

test('P-7.4-01: tokens have 256 bits of randomness', async () => {
  const scimd = await createScimd({ database: ':memory:' });
  const tokens = new Set<string>();
  for (let i = 0; i < 100; i++) tokens.add((await scimd.createToken({ name: `t${i}` })).token);
  await scimd.close();
  assert.equal(tokens.size, 100);
  for (const token of tokens) {
    assert.match(token, /^scimd_[A-Za-z0-9_-]{43}$/);
    assert.ok(new Set(token.slice(6)).size > 15, token);
  }
});

test('P-7.4-03: a token made without a word of its end lives for a year', async () => {
  let now = new Date('2030-01-01T00:00:00Z');
  const scimd = await createScimd({ database: ':memory:', clock: () => now });
  const { token } = await scimd.createToken({ name: 't' });
  const status = async () => {
    const headers = { authorization: `Bearer ${token}` };
    return (await scimd.fetch(new Request('http://localhost/scim/v2/Users', { headers }))).status;
  };
  assert.equal(await status(), 200);
  now = new Date('2030-12-31T23:00:00Z');
  assert.equal(await status(), 200);
  now = new Date('2031-01-01T00:00:01Z');
  assert.equal(await status(), 401);
  await scimd.close();
});

test('P-7.4-03: every way of making a token gives it an end; there is no word for none', async () => {
  const folder = temporaryFolder();
  const database = ['--database', 'scimd.db'];
  const first = await serving(['serve', '--port', '0', ...database], { folder });
  await first.stop();
  const create = (...more: string[]) =>
    scimdCommand(['token', 'create', ...database, '--json', ...more], { folder });
  assert.equal((await create('--name', 'plain')).status, 0);
  assert.equal((await create('--name', 'short', '--expires', '12h')).status, 0);
  const { id } = JSON.parse((await create('--name', 'old')).stdout) as { id: string };
  assert.equal((await scimdCommand(['token', 'rotate', id, ...database], { folder })).status, 0);
  for (const never of ['never', 'none', '0', '', '-1d']) {
    const { status, stderr } = await create('--name', 'endless', '--expires', never);
    assert.equal(status, 2, never);
    assert.match(stderr, /--expires/);
  }
  const { stdout } = await scimdCommand(['token', 'list', ...database, '--json'], { folder });
  const tokens = JSON.parse(stdout) as { name: string; expires?: string }[];
  assert.deepEqual(tokens.map(({ name }) => name).sort(), ['first', 'old', 'old', 'plain', 'short']);
  const year = Date.now() + 366 * 86_400_000;
  for (const { name, expires } of tokens) assert.ok(Date.parse(expires ?? '') < year, `${name} ${expires}`);
});

test('P-7.5-02, P-3.12-24: a GET whose filter names a sensitive attribute is 403 sensitive; POST .search takes it', async () => {
  const server = await startScimd({ sensitiveAttributes: ['emails', 'name.familyName', 'userName'] });
  try {
    const client = await newClient(server);
    const { id } = await client.create(
      '/Users',
      newUser({ emails: [{ value: 'a@example.com', type: 'work' }], name: { familyName: 'J' } }),
    );
    for (const filter of [
      'emails.value eq "a@example.com"',
      'emails eq "a@example.com"',
      'EMAILS[type eq "work" and value pr]',
      'urn:ietf:params:scim:schemas:core:2.0:User:emails.value co "a"',
      'active eq true and not (name.givenName pr or name.familyName eq "x")',
      'userName pr',
    ]) {
      for (const path of ['/Users', '/', '/Groups']) {
        const answer = await client.request('GET', `${path}?${new URLSearchParams({ filter })}`);
        if (path === '/Groups') refused(answer, 400, 'invalidFilter');
        else refused(answer, 403, 'sensitive', /POST.*\/\.search/);
      }
      const body = { schemas: [searchSchema], filter };
      assert.equal((await client.request('POST', '/Users/.search', { body })).status, 200, filter);
    }
    const body = { schemas: [searchSchema], filter: 'emails.value eq "a@example.com"' };
    assert.equal((await client.request('POST', '/Users/.search', { body })).json.Resources[0].id, id);
    for (const filter of ['active eq true', `id eq "${id}"`, 'meta.created pr']) {
      assert.deepEqual(await client.find('/Users', filter), [id]);
    }
    refused(await client.request('GET', '/Users?filter=emails.value%20eq'), 400, 'invalidFilter');
  } finally {
    await server.close();
  }
});

test('P-7.5-02: nothing is sensitive unless the operator says so, and what he names must be there', async () => {
  const server = await startScimd();
  assert.equal((await server.request('GET', '/Users?filter=userName%20eq%20%22a%22')).status, 200);
  await server.close();
  const scimd = await createScimd({ database: ':memory:', sensitiveAttributes: ['nope'] }).catch(
    (error) => error,
  );
  assert.ok(scimd instanceof UnknownAttributeError);
  assert.match(scimd.message, /nope/);
});

test('P-7.5-03: neither the query nor the body of a request is logged', async () => {
  const lines: string[] = [];
  const write = (fields: object, message?: string) => void lines.push(JSON.stringify([fields, message]));
  const log: Log = { info: write, warn: write, error: write };
  const server = await startScimd({ log });
  const secret = 'Sekretariat';
  await server.request('GET', `/Users?filter=displayName%20eq%20%22${secret}%22`);
  await server.request('GET', `/Users?filter=displayName%20eq%20${secret}`);
  await server.request('GET', `/Users?${secret}=${secret}&count=${secret}`);
  await server.request('POST', '/Users', { body: newUser({ displayName: secret, password: secret }) });
  await server.request('POST', '/Users', { body: `{"${secret}":` });
  await server.request('GET', '/Users', { token: secret });
  await server.close();
  assert.equal(lines.length, 6);
  for (const line of lines) {
    assert.ok(!line.includes(secret), line);
    assert.ok(!line.includes(server.token), line);
  }
  assert.match(lines[0] ?? '', /\/scim\/v2\/Users/);
});

test('P-7.7-01: neither tokens nor passwords are in the database as they are', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'scimd-secrets-'));
  try {
    const scimd = await createScimd({ database: join(directory, 'scimd.db') });
    const { token } = await scimd.createToken({ name: 't' });
    const password = 'Kennwort-das-niemand-sehen-darf';
    const displayName = 'Wer-das-sieht-hat-die-Datei-gelesen';
    const response = await scimd.fetch(
      new Request('http://localhost/scim/v2/Users', {
        method: 'POST',
        headers: { authorization: `Bearer ${token}`, 'content-type': 'application/scim+json' },
        body: JSON.stringify(newUser({ password, displayName })),
      }),
    );
    assert.equal(response.status, 201);
    const stored = () =>
      readdirSync(directory)
        .map((file) => readFileSync(join(directory, file), 'latin1'))
        .join('');
    for (const when of ['open', 'closed']) {
      const bytes = stored();
      assert.ok(bytes.includes(displayName), when);
      for (const secret of [password, token, token.slice(6)]) assert.ok(!bytes.includes(secret), when);
      if (when === 'open') await scimd.close();
    }
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
});

test('P-7.7-02: guessing tokens becomes slow and is refused with 429; who has a right one notices nothing', async () => {
  const server = await startScimd({ limits: { failedAttempts: 2 } });
  try {
    const guess = () => server.request('GET', '/Users', { token: 'guessed' });
    for (let i = 0; i < 2; i++) refused(await guess(), 401);
    const guesses = Promise.all(Array.from({ length: 14 }, guess));
    assert.equal((await server.request('GET', '/Users')).status, 200);
    const answers = await guesses;
    const tooMany = answers.filter(({ status }) => status === 429);
    assert.ok(tooMany.length > 0);
    for (const answer of tooMany) {
      refused(answer, 429);
      assert.match(answer.headers.get('retry-after') ?? '', /^[1-9]\d*$/);
    }
    for (const { status } of answers) assert.ok(status === 401 || status === 429);
    assert.equal((await server.request('GET', '/Users')).status, 200);
  } finally {
    await server.close();
  }
});
