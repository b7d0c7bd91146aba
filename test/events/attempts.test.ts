/** What was tried at an endpoint is kept, and not for ever. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { standardRegistry } from '../../src/scim/standard.ts';
import { openStore } from '../../src/store/open.ts';
import type { Progress } from '../../src/store/outbox.ts';
import { databaseFor } from '../store-under-test.ts';

test('the last 5,000 attempts of an endpoint are kept, and few more, whoever adds them', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'scimd-attempts-'));
  const database = databaseFor(join(folder, 'attempts.db'));
  const registry = standardRegistry();
  const stores = [await openStore(database, { registry }), await openStore(database, { registry })] as const;
  t.after(async () => {
    for (const each of stores) await each.close();
    rmSync(folder, { recursive: true });
  });
  const [store] = stores;
  const endpointAt = async (url: string): Promise<string> => {
    const { id } = await store.outbox.createEndpoint({
      ...{ tenant: 1, url, batch: 1, allowPrivate: false, secrets: [], signingKeys: [], position: '0' },
    });
    return id;
  };
  const one = await endpointAt('https://one.example.com/');
  const other = await endpointAt('https://other.example.com/');
  await store.outbox.lease('me', 1, 1_000_000);
  let last = 0;
  const add = async (which: 0 | 1, endpoint: string, count: number): Promise<void> => {
    const attempts = Array.from({ length: count }, () => ({
      ...{ message: `evt_${++last}`, sequence: last, try: 1, at: new Date(last).toISOString() },
      ...{ milliseconds: 1, status: 204, answer: '' },
    }));
    const progress: Progress = {
      endpoint,
      position: String(last),
      put: [],
      retried: [],
      removed: [],
      attempts,
    };
    assert.deepEqual(await stores[which].outbox.progress('me', [progress]), [true]);
  };
  const kept = async (endpoint: string): Promise<number[]> =>
    (await store.outbox.attempts(endpoint, 20_000)).map(({ sequence }) => sequence);
  const down = (from: number, count: number): number[] => Array.from({ length: count }, (_, n) => from - n);

  await add(0, other, 10);
  await add(0, one, 4990);
  await add(0, one, 20);
  assert.deepEqual(await kept(one), down(last, 5010));
  await add(0, one, 20);
  assert.deepEqual(await kept(one), down(last, 5000));
  for (let round = 0; round < 30; round++) await add(0, one, 13);
  const some = await kept(one);
  assert.ok(some.length >= 5000 && some.length < 5025, `${some.length}`);
  assert.deepEqual(some, down(last, some.length));
  // What another process adds is counted once in a while.
  for (let round = 0; round < 12; round++) {
    await add(1, one, 400);
    await add(0, one, 400);
  }
  await add(0, one, 1000);
  const after = await kept(one);
  assert.ok(after.length >= 5000 && after.length < 5025, `${after.length}`);
  assert.deepEqual(after, down(last, after.length));
  assert.equal((await kept(other)).length, 10);
});
