/** No answer tells of what is not on the disk yet; and none waits for the disk that does not tell of it. */
import assert from 'node:assert/strict';
import fs, { mkdtempSync, rmSync } from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { until } from '../until.ts';

/** The system's disk, which takes so long for each sync that no thread waits for it, and then until it is let go on. */
const held: (() => void)[] = [];
let isHolding = false;
const { fdatasync, fdatasyncSync } = fs;
fs.fdatasyncSync = (descriptor) => {
  fdatasyncSync(descriptor);
  const end = performance.now() + 25;
  while (performance.now() < end);
};
fs.fdatasync = ((descriptor: number, done: (error: Error | null) => void): void => {
  const go = (): void => fdatasync(descriptor, done);
  if (isHolding) held.push(go);
  else go();
}) as typeof fs.fdatasync;
// Before the store is loaded, which takes them as they are then.
syncBuiltinESMExports();
const { openSqliteStore } = await import('../../src/store/sqlite/index.ts');
const { startServer } = await import('../../src/http/server.ts');
const { standardRegistry } = await import('../../src/scim/standard.ts');
const { newUser } = await import('../server.ts');
const { hashSecret, newSecret } = await import('../../src/directory/secret.ts');

async function started(t: TestContext) {
  const folder = mkdtempSync(join(tmpdir(), 'scimd-durable-'));
  const store = openSqliteStore({ file: join(folder, 'scimd.db'), registry: standardRegistry() });
  const token = newSecret();
  await store.createToken({
    ...{ hash: hashSecret(token), name: 'test', tenant: 1, idp: 'generic', scope: 'scim' },
  });
  const http = await startServer({ basePath: '/scim/v2', store, host: '127.0.0.1', port: 0 });
  const release = (): void => {
    isHolding = false;
    for (const go of held.splice(0)) go();
  };
  t.after(async () => {
    release();
    await http.close();
    await store.close();
    rmSync(folder, { recursive: true });
  });
  const request = async (method: string, path: string, body?: object) => {
    const response = await fetch(http.url + path, {
      method,
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/scim+json' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    // biome-ignore lint/suspicious/noExplicitAny: an answer of any shape
    const json: any = await response.json().catch(() => undefined);
    return { status: response.status, json };
  };
  const patch = (path: string, ...operations: object[]) =>
    request('PATCH', path, {
      schemas: ['urn:ietf:params:scim:api:messages:2.0:PatchOp'],
      Operations: operations,
    });
  /** Sends the request, and answers when it is committed and waits for the disk. */
  const committed = async <T>(send: () => Promise<T>): Promise<Promise<T>[]> => {
    isHolding = true;
    const answer = send();
    await until('a sync', () => held.length > 0);
    return [answer];
  };
  const group = await request('POST', '/Groups', {
    schemas: ['urn:ietf:params:scim:schemas:core:2.0:Group'],
    displayName: 'g',
  });
  const [ada, bob] = [await request('POST', '/Users', newUser()), await request('POST', '/Users', newUser())];
  const paths = {
    ada: `/Users/${ada.json.id}`,
    bob: `/Users/${bob.json.id}`,
    group: `/Groups/${group.json.id}`,
  };
  return { request, patch, committed, release, paths };
}

async function areAnswered(answers: readonly Promise<unknown>[]): Promise<boolean[]> {
  const answered = answers.map(() => false);
  answers.forEach((answer, index) => {
    void answer.then(() => {
      answered[index] = true;
    });
  });
  await wait(100);
  return answered;
}

test('while a change of one person is brought to the disk others are answered, and not who reads it in any way', async (t) => {
  const { request, patch, committed, release, paths } = await started(t);
  const [change] = await committed(() => patch(paths.ada, { op: 'add', path: 'title', value: 'Countess' }));
  assert.ok(change !== undefined);
  assert.equal((await request('GET', paths.bob)).status, 200);
  const waiting = [
    request('GET', paths.ada),
    request('GET', '/Users'),
    request('GET', paths.group),
    request('GET', '/Users/nobody'),
    request('GET', `/Users?filter=${encodeURIComponent('title eq "Countess"')}`),
    change,
  ];
  assert.deepEqual(await areAnswered(waiting), [false, false, false, false, false, false]);
  assert.equal((await request('GET', paths.bob)).status, 200, 'still');
  release();
  const [read, list, , , found, changed] = await Promise.all(waiting);
  assert.equal(read?.json.title, 'Countess');
  assert.equal(list?.json.totalResults, 2);
  assert.equal(found?.json.totalResults, 1);
  assert.equal(changed?.status, 200);
});

test('a new person is read by nobody before the disk has them, and holds up nobody', async (t) => {
  const { request, committed, release, paths } = await started(t);
  const [created] = await committed(() =>
    request('POST', '/Users', newUser({ userName: 'new@example.com' })),
  );
  assert.ok(created !== undefined);
  assert.equal((await request('GET', paths.ada)).status, 200);
  // What comes while the disk works waits for the next sync, and is not told by the end of this one.
  const found = request('GET', `/Users?filter=${encodeURIComponent('userName eq "new@example.com"')}`);
  assert.deepEqual(await areAnswered([created, found]), [false, false]);
  release();
  assert.equal((await created).status, 201);
  assert.equal((await found).json.totalResults, 1);
});

test('what a person shows of others waits: a group that they join, and a deletion', async (t) => {
  const { request, patch, committed, release, paths } = await started(t);
  const id = paths.bob.slice('/Users/'.length);
  const [joined] = await committed(() =>
    patch(paths.group, { op: 'add', path: 'members', value: [{ value: id }] }),
  );
  assert.ok(joined !== undefined);
  const read = request('GET', paths.bob);
  assert.deepEqual(await areAnswered([joined, read]), [false, false]);
  release();
  assert.equal((await read).json.groups.length, 1);
  await joined;
  const [deleted] = await committed(() => request('DELETE', paths.ada));
  assert.ok(deleted !== undefined);
  const [gone, other] = [request('GET', paths.ada), request('GET', paths.bob)];
  assert.deepEqual(await areAnswered([deleted, gone, other]), [false, false, false]);
  release();
  assert.equal((await gone).status, 404);
  assert.equal((await other).status, 200);
});

test('two changes one after the other: each is answered at the end of its own sync', async (t) => {
  const { request, patch, committed, release, paths } = await started(t);
  const [first] = await committed(() => patch(paths.ada, { op: 'add', path: 'title', value: 'a' }));
  assert.ok(first !== undefined);
  const second = patch(paths.bob, { op: 'add', path: 'title', value: 'b' });
  await until('the second change', async () => !(await areAnswered([request('GET', paths.bob)]))[0]);
  // The first sync ends; the next one is held.
  for (const go of held.splice(0)) go();
  assert.equal((await first).status, 200);
  await until('the next sync', () => held.length > 0);
  assert.equal((await request('GET', paths.ada)).json.title, 'a');
  const read = request('GET', paths.bob);
  assert.deepEqual(await areAnswered([second, read]), [false, false]);
  release();
  assert.equal((await read).json.title, 'b');
  assert.equal((await second).status, 200);
});
