/** A clock that is set back, as after a wrong time was put right. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { hashSecret, newSecret } from '../../src/directory/secret.ts';
import { startServer } from '../../src/http/server.ts';
import { standardRegistry } from '../../src/scim/standard.ts';
import { newUser, patchOp } from '../server.ts';
import { openTestStore } from '../store-under-test.ts';

const hour = 3_600_000;

test('with a clock set back, changes are still later than those before, ids are new and pages are whole', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'scimd-clock-'));
  let now = Date.now();
  const clock = () => new Date(now);
  const store = await openTestStore(join(folder, 'scimd.db'), { registry: standardRegistry(), clock });
  const secret = newSecret();
  await store.createToken({ hash: hashSecret(secret), name: 't', tenant: 1, idp: 'generic', scope: 'scim' });
  const server = await startServer({ store, clock, basePath: '/scim/v2', host: '127.0.0.1', port: 0 });
  const send = async (method: string, path: string, body?: unknown) => {
    const response = await fetch(server.url + path, {
      method,
      headers: { authorization: `Bearer ${secret}`, 'content-type': 'application/scim+json' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    // biome-ignore lint/suspicious/noExplicitAny: answers of any shape
    return { status: response.status, json: (await response.json()) as any };
  };
  try {
    const before = [];
    for (let count = 0; count < 3; count++) before.push((await send('POST', '/Users', newUser())).json);
    const [user] = before;
    const { json: first } = await send('GET', '/Users?cursor&count=2');
    now -= hour;
    const patched = await send(
      'PATCH',
      `/Users/${user.id}`,
      patchOp({ op: 'replace', path: 'title', value: 'x' }),
    );
    assert.equal(patched.status, 200);
    assert.equal(patched.json.meta.created, user.meta.created);
    assert.ok(patched.json.meta.lastModified > user.meta.lastModified);
    assert.equal(patched.json.meta.version, 'W/"2"');
    const later = (await send('POST', '/Users', newUser())).json;
    assert.ok(!before.some(({ id }) => id === later.id));
    // A cursor from the future is one that this server has made, and goes on.
    const { status, json: second } = await send(
      'GET',
      `/Users?cursor=${encodeURIComponent(first.nextCursor)}`,
    );
    assert.equal(status, 200);
    const ids = [...first.Resources, ...second.Resources].map(({ id }) => id);
    assert.deepEqual(
      ids,
      [...before, later].map(({ id }) => id),
    );
    const changes = await store.changes({ tenant: 1, limit: 10 });
    assert.deepEqual(
      changes.map(({ sequence }) => sequence),
      [1, 2, 3, 4, 5],
    );
  } finally {
    await server.close();
    await store.close();
    rmSync(folder, { recursive: true });
  }
});
