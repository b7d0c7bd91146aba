/** What was tried at an endpoint is kept, and not for ever. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import Sqlite from 'better-sqlite3';
import { standardRegistry } from '../../src/scim/standard.ts';
import { type Attempt, attemptBatches } from '../../src/store/attempts.ts';
import { openStore } from '../../src/store/open.ts';
import type { Progress } from '../../src/store/outbox.ts';
import { migrations } from '../../src/store/sqlite/migrations.ts';
import type { Store } from '../../src/store/store.ts';
import { Setting } from '../store/setting.ts';
import { databaseFor, isPostgres } from '../store-under-test.ts';

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
  return { endpoint, position, put: [], retried: [], removed: [], attempts: attemptBatches(attempts) };
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

  const areLast = async (): Promise<void> => {
    const sequences = await kept(one);
    assert.ok(sequences.length >= 5000 && sequences.length < 5100, `${sequences.length}`);
    assert.deepEqual(sequences, down(last, sequences.length));
  };

  await add(0, other, 10);
  await add(0, one, 4990);
  await add(0, one, 20);
  assert.deepEqual(await kept(one), down(last, 5010));
  await add(0, one, 90);
  await areLast();
  for (let round = 0; round < 30; round++) await add(0, one, 13);
  await areLast();
  // What another process adds is counted once in a while.
  for (let round = 0; round < 12; round++) {
    await add(1, one, 400);
    await add(0, one, 400);
  }
  await add(0, one, 1000);
  await areLast();
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

test('attempts that an earlier release stored one by one are there after the upgrade', {
  skip: isPostgres && 'test/store/postgres-schema.test.ts has that of PostgreSQL',
}, async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'scimd-attempts-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const file = join(folder, 'attempts.db');
  const registry = standardRegistry();
  const before = await openStore(file, { registry });
  const endpoint = await endpointAt(before, 'https://one.example.com/');
  await before.close();
  const db = new Sqlite(file);
  const table = migrations.map((sql) => /CREATE TABLE attempt \([^;]*;/.exec(sql)?.[0]).find(Boolean);
  db.exec(`DROP TABLE attempt_batch; ${table}
    INSERT INTO attempt VALUES (3, '${endpoint}', 'evt_1', 7, 1, '2026-01-01T00:00:00.000Z', 12, NULL, 'refused', '', NULL);
    INSERT INTO attempt VALUES (8, '${endpoint}', 'evt_1', 7, 2, '2026-01-01T00:00:05.000Z', 9, 500, NULL, 'a "bad" day', -2);
    PRAGMA user_version = 16`);
  db.close();
  const store = await openStore(file, { registry });
  t.after(() => store.close());
  const first = { message: 'evt_1', sequence: 7, try: 1, at: '2026-01-01T00:00:00.000Z', milliseconds: 12 };
  const second = { message: 'evt_1', sequence: 7, try: 2, at: '2026-01-01T00:00:05.000Z', milliseconds: 9 };
  assert.deepEqual(await store.outbox.attempts(endpoint, 10), [
    { ...second, status: 500, answer: 'a "bad" day', clockDifference: -2 },
    { ...first, error: 'refused', answer: '' },
  ]);
});

test('what a receiver answered about a person goes with the erasure of that person, and the rest stays', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'scimd-attempts-'));
  const database = databaseFor(join(folder, 'attempts.db'));
  const s = await Setting.open((options) => openStore(database, options));
  t.after(async () => {
    await s.store.close();
    rmSync(folder, { recursive: true });
  });
  const jane = await s.createUser('jane');
  const { newest } = await s.store.feed.extent(1);
  const one = await endpointAt(s.store, 'https://one.example.com/');
  await s.store.outbox.lease('me', 1, 1_000_000);
  const attempt = { message: 'evt', try: 1, at: '2026-01-02T03:04:05.678Z', milliseconds: 1, status: 500 };
  const attempts = attemptBatches([
    { ...attempt, sequence: newest, answer: 'no room for that one' },
    { ...attempt, sequence: newest + 1, answer: 'jane is known already' },
    { ...attempt, sequence: newest + 2, answer: 'no such table' },
  ]);
  const progress = { endpoint: one, put: [], retried: [], removed: [], attempts };
  assert.deepEqual(await s.store.outbox.progress('me', [progress]), [true]);
  await s.store.commit([s.unit({ kind: 'delete', type: s.user, id: jane.id })]);
  await s.store.commit([s.unit({ kind: 'erase', type: s.user, id: jane.id })]);
  assert.deepEqual(
    (await s.store.outbox.attempts(one, 10)).map(({ sequence, status, answer }) => [
      sequence,
      status,
      answer,
    ]),
    [
      [newest + 2, 500, 'no such table'],
      [newest + 1, 500, ''],
      [newest, 500, ''],
    ],
  );
});
