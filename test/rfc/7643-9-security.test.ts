import assert from 'node:assert/strict';
import { createHash, scryptSync } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import Database from 'better-sqlite3';
import { startServer } from '../../src/http/server.ts';
import { standardRegistry } from '../../src/scim/standard.ts';
import { openSqliteStore } from '../../src/store/sqlite/index.ts';
import { newUser, patchOp, startScimd, type TestServer } from '../server.ts';
import { refused } from './refused.ts';

let server: TestServer;
before(async () => {
  server = await startScimd();
});
after(() => server.close());

/** Is `hash` what this password makes with the cost and salt that stand in it? */
function isHashOf(hash: string, password: string): boolean {
  const [, log2, r, p, salt = '', key = ''] =
    /^\$scrypt\$ln=(\d+),r=(\d+),p=(\d+)\$([^$]+)\$([^$]+)$/.exec(hash) ?? [];
  const wanted = Buffer.from(key, 'base64');
  const cost = { N: 2 ** Number(log2), r: Number(r), p: Number(p), maxmem: 2 ** 28 };
  return scryptSync(password, Buffer.from(salt, 'base64'), wanted.length, cost).equals(wanted);
}

test('S-9-01, S-4.1.1-15, S-4.1.1-16, S-4.1.1-18, S-4.1.1-20, H-8265-01: a password is prepared and hashed, kept by a PUT without one, and its clear form is nowhere in the database', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'scimd-test-'));
  const file = join(directory, 'scimd.db');
  const store = openSqliteStore({ file, registry: standardRegistry() });
  await store.createToken({
    hash: createHash('sha256').update('scimd_test').digest('hex'),
    name: 'test',
    tenant: 1,
    idp: 'generic',
    scope: 'scim',
  });
  const own = await startServer({ basePath: '/scim/v2', store, host: '127.0.0.1', port: 0 });
  const send = async (method: string, path: string, body: unknown) => {
    const headers = { authorization: 'Bearer scimd_test', 'content-type': 'application/scim+json' };
    const answer = await fetch(own.url + path, { method, headers, body: JSON.stringify(body) });
    return { status: answer.status, json: JSON.parse(await answer.text()) };
  };
  try {
    const decomposed = 'Rene\u0301\u00a0Passphrase';
    const post = await send('POST', '/Users', newUser({ password: decomposed }));
    assert.equal(post.status, 201);
    const read = new Database(file, { readonly: true });
    const hash = () => read.prepare('SELECT hash FROM credential').pluck().all() as string[];
    const [first = ''] = hash();
    assert.equal(hash().length, 1);
    assert.ok(isHashOf(first, 'René Passphrase'));
    assert.ok(!isHashOf(first, decomposed));
    const patch = patchOp({ op: 'replace', path: 'password', value: 'Second Passphrase' });
    assert.equal((await send('PATCH', `/Users/${post.json.id}`, patch)).status, 200);
    const [second = ''] = hash();
    assert.ok(isHashOf(second, 'Second Passphrase'));
    assert.notEqual(first.split('$')[3], second.split('$')[3]);
    for (const name of readdirSync(directory)) {
      assert.ok(!readFileSync(join(directory, name)).includes('Passphrase'), name);
    }
    // What a GET gave has no password: to PUT it back clears none (RFC 7643 §7, writeOnly).
    const put = await send('PUT', `/Users/${post.json.id}`, { ...post.json, title: 'x' });
    assert.equal(put.json.title, 'x');
    assert.deepEqual(hash(), [second]);
    const clear = patchOp({ op: 'remove', path: 'password' });
    assert.equal((await send('PATCH', `/Users/${post.json.id}`, clear)).status, 200);
    assert.deepEqual(hash(), []);
    read.close();
  } finally {
    await own.close();
    await store.close();
    rmSync(directory, { recursive: true, force: true });
  }
});

const injections = [
  `' OR '1'='1`,
  `'; DROP TABLE resource; --`,
  `" or userName pr or userName eq "`,
  '%',
  '_',
  '*',
  '\\',
  '$.x',
  `a' || (SELECT hash FROM credential) || '`,
];

test('S-9-02: what looks like SQL or a wildcard is a text like any other', async () => {
  const total = async () => (await server.request('GET', '/Users?count=0')).json.totalResults as number;
  await server.request('POST', '/Users', { body: newUser({ title: 'bystander' }) });
  for (const text of injections) {
    const before = await total();
    const created = await server.request('POST', '/Users', {
      body: newUser({ title: text, externalId: text, emails: [{ value: text }] }),
    });
    assert.equal(created.status, 201, created.text);
    const { id } = created.json;
    const literal = JSON.stringify(text);
    for (const filter of [
      `title eq ${literal}`,
      `title co ${literal}`,
      `externalId eq ${literal}`,
      `emails[value sw ${literal}]`,
    ]) {
      const {
        json,
        status,
        text: raw,
      } = await server.request('GET', `/Users?${new URLSearchParams({ filter })}`);
      assert.equal(status, 200, raw);
      assert.deepEqual(
        json.Resources.map((user: { id: string }) => user.id),
        [id],
        filter,
      );
    }
    const path = `emails[value eq ${literal}].type`;
    const patched = await server.request('PATCH', `/Users/${id}`, {
      body: patchOp({ op: 'add', path, value: text }),
    });
    assert.equal(patched.json.emails[0].type, text);
    refused(await server.request('GET', `/Users/${encodeURIComponent(text)}`), 404);
    for (const parameter of ['filter', 'sortBy', 'sortOrder', 'startIndex', 'count', 'cursor']) {
      const answer = await server.request('GET', `/Users?${new URLSearchParams({ [parameter]: text })}`);
      refused(answer, 400, answer.json.scimType);
    }
    const shown = await server.request('GET', `/Users/${id}?${new URLSearchParams({ attributes: text })}`);
    assert.deepEqual(Object.keys(shown.json), ['schemas', 'id']);
    const key = patchOp({ op: 'add', path: text, value: 'x' });
    refused(await server.request('PATCH', `/Users/${id}`, { body: key }), 400, 'invalidPath');
    assert.equal(await total(), before + 1);
    assert.equal((await server.request('DELETE', `/Users/${id}`)).status, 204);
  }
});

test('S-9-03: what no schema has is not kept', async () => {
  const post = await server.request('POST', '/Users', {
    body: newUser({ bloodGroup: 'A', name: { petName: 'x', givenName: 'B' } }),
  });
  const { json, text } = await server.request('GET', `/Users/${post.json.id}`);
  assert.ok(!/bloodGroup|petName/.test(text));
  assert.deepEqual(json.name, { givenName: 'B' });
});

test('S-9-04: one person in two tenants has two ids that say nothing of each other', async () => {
  const body = newUser({ externalId: 'person-1' });
  const token = await server.newToken({ tenant: 'second' });
  const here = (await server.request('POST', '/Users', { body })).json;
  const there = (await server.request('POST', '/Users', { body, token })).json;
  assert.notEqual(here.id, there.id);
  refused(await server.request('GET', `/Users/${here.id}`, { token }), 404);
  refused(await server.request('GET', `/Users/${there.id}`), 404);
  const filter = new URLSearchParams({ filter: 'externalId eq "person-1"' });
  const { json } = await server.request('GET', `/Users?${filter}`, { token });
  assert.deepEqual(
    json.Resources.map((user: { id: string }) => user.id),
    [there.id],
  );
});
