/** What was tried at an endpoint is kept, and not for ever. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { standardRegistry } from '../../src/scim/standard.ts';
import { openStore } from '../../src/store/open.ts';
import type { Attempt, Progress } from '../../src/store/outbox.ts';
import type { Store } from '../../src/store/store.ts';
import { Setting } from '../store/setting.ts';
import { databaseFor } from '../store-under-test.ts';

const down = (from: number, count: number): number[] => Array.from({ length: count }, (_, n) => from - n);

function progressOf(endpoint: string, after: number, count: number): Progress {
  const attempts = Array.from({ length: count }, (_, n) => ({
    ...{
      message: `evt_${after + n + 1}`,
      sequence: after + n + 1,
      try: 1,
      at: new Date(after).toISOString(),
    },
    ...{ milliseconds: 1, status: 204, answer: '' },
  }));
  const position = String(after + count);
  return { endpoint, position, put: [], retried: [], removed: [], attempts };
}

async function endpointAt(store: Store, url: string): Promise<string> {
  const { id } = await store.outbox.createEndpoint({
    ...{ tenant: 1, url, batch: 1, allowPrivate: false, secrets: [], signingKeys: [], position: '0' },
  });
  return id;
}

function sequencesIn(attempts: readonly Attempt[]): number[] {
  return attempts.map(({ sequence }) => sequence);
}

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
  const one = await endpointAt(store, 'https://one.example.com/');
  const other = await endpointAt(store, 'https://other.example.com/');
  await store.outbox.lease('me', 1, 1_000_000);
  let last = 0;
  const add = async (which: 0 | 1, endpoint: string, count: number): Promise<void> => {
    const progress = progressOf(endpoint, last, count);
    last += count;
    assert.deepEqual(await stores[which].outbox.progress('me', [progress]), [true]);
  };
  const kept = async (endpoint: string): Promise<number[]> =>
    sequencesIn(await store.outbox.attempts(endpoint, 20_000));

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

test('none of them is removed for attempts whose transaction was done again', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'scimd-attempts-'));
  const database = databaseFor(join(folder, 'attempts.db'));
  const s = await Setting.open((options) => openStore(database, options));
  t.after(async () => {
    await s.store.close();
    rmSync(folder, { recursive: true });
  });
  await s.createUser('taken');
  const one = await endpointAt(s.store, 'https://one.example.com/');
  await s.store.outbox.lease('me', 1, 1_000_000);
  assert.deepEqual(await s.store.outbox.progress('me', [progressOf(one, 0, 5000)]), [true]);
  // The second command is refused when the first has written, and what shares its transaction is done once more.
  const [[outcome], stored] = await Promise.all([
    s.store.commit([s.unit(s.newUser('free'), s.newUser('taken'))]),
    s.store.outbox.progress('me', [progressOf(one, 5000, 20)]),
  ]);
  assert.equal(outcome?.outcome, 'taken');
  assert.deepEqual(stored, [true]);
  assert.deepEqual(sequencesIn(await s.store.outbox.attempts(one, 20_000)), down(5020, 5020));
});
