/** Those who wait for events: woken when there is one, and at no cost until then. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { Hub, TooManyWaiting } from '../../src/events/hub.ts';
import { standardRegistry } from '../../src/scim/standard.ts';
import { openSqliteStore } from '../../src/store/sqlite/index.ts';
import type { Store } from '../../src/store/store.ts';
import { newUser, startScimd } from '../server.ts';
import { isPostgres } from '../store-under-test.ts';
import { until } from '../until.ts';

test('1,000 wait at no cost; a change wakes those of its tenant, in all ways, and no others', async (t) => {
  const server = await startScimd();
  t.after(() => server.close());
  const store = server.store as Store;
  const tokens: string[] = [];
  for (let number = 0; number < 10; number++)
    tokens.push(await server.newToken({ tenant: `tenant-${number}` }));
  const numbers = (await store.tenants())
    .filter(({ name }) => name !== 'default')
    .map(({ number }) => number);
  const hub = new Hub(store);
  t.after(() => hub.stop());
  const woken = new Map<number, number>();
  const waiting = numbers.flatMap((tenant) =>
    Array.from({ length: 100 }, () =>
      hub.wait(tenant, 0, 60_000, undefined).then((why) => {
        if (why === 'changed') woken.set(tenant, (woken.get(tenant) ?? 0) + 1);
        return why;
      }),
    ),
  );
  assert.equal(hub.waiting, 1000);
  const [first = 0] = numbers;
  assert.throws(() => hub.wait(first, 0, 1000, undefined), TooManyWaiting);
  // Another server's changes are looked for: one statement a tenant, four times a second.
  const most = isPostgres ? 0.1 : 0.05;
  const shares: number[] = [];
  // What compiles or tidies up beside it is over in a while.
  await until('them to wait at no cost', async () => {
    const [began, before] = [performance.now(), process.cpuUsage()];
    await wait(1000);
    const { user, system } = process.cpuUsage(before);
    shares.push((user + system) / 1000 / (performance.now() - began));
    return Math.min(...shares) < most;
  });
  const { status } = await server.request('POST', '/Users', { body: newUser(), token: tokens[0] ?? '' });
  assert.equal(status, 201);
  await until('all of the tenant', () => woken.get(first) === 100);
  await wait(300);
  assert.deepEqual([...woken], [[first, 100]]);
  assert.equal(
    await hub.wait(first, 0, 60_000, undefined),
    'changed',
    'what is there already is not waited for',
  );
  assert.equal(await hub.wait(first, 1, 10, undefined), 'timeout');
  hub.stop();
  const ends = await Promise.all(waiting);
  assert.equal(ends.filter((why) => why === 'ended').length, 900);
});

test('those who are woken together are answered one after the other, and requests between them', async (t) => {
  const server = await startScimd();
  t.after(() => server.close());
  const hub = new Hub(server.store as Store);
  t.after(() => hub.stop());
  const seen: string[] = [];
  const answers = ['first', 'second', 'third'].map((name) => hub.turn().then(() => seen.push(name)));
  for (let turn = 1; turn < 3; turn++)
    await new Promise<void>((resolve) => setImmediate(() => resolve(void seen.push(`turn ${turn}`))));
  await Promise.all(answers);
  assert.deepEqual(seen, ['first', 'turn 1', 'second', 'turn 2', 'third']);
});

test('who comes back at once waits for what is told to all together; who was away does not', async (t) => {
  const server = await startScimd();
  t.after(() => server.close());
  const store = server.store as Store;
  const hub = new Hub(store);
  t.after(() => hub.stop());
  const [{ number: tenant } = { number: 0 }] = await store.tenants();
  const create = async (): Promise<void> => {
    const { status } = await server.request('POST', '/Users', { body: newUser() });
    assert.equal(status, 201);
  };
  const began = hub.wait(tenant, 0, 5000, undefined);
  await create();
  const early = performance.now();
  assert.equal(await began, 'changed');
  assert.ok(performance.now() - early < 1000);
  const { newest } = await store.feed.extent(tenant);
  // Turns of the event loop, whatever time a busy machine takes for one.
  let turns = 0;
  const count = (): void => {
    turns++;
    counting = setImmediate(count);
  };
  let counting = setImmediate(count);
  t.after(() => clearImmediate(counting));
  const woken: { at: number; turn: number }[] = [];
  const both = [1, 2].map(() =>
    hub.wait(tenant, newest, 5000, undefined).then(() => woken.push({ at: performance.now(), turn: turns })),
  );
  await create();
  const before = performance.now();
  await Promise.all(both);
  const [first, second] = woken;
  assert.ok(first !== undefined && first.turn === second?.turn, 'together');
  assert.ok(first.at - before < 2000);
});

test('where the database cannot be read those who wait are woken, and are told by what they read next', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'scimd-hub-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const store = openSqliteStore({ file: join(folder, 'scimd.db'), registry: standardRegistry() });
  const hub = new Hub(store);
  t.after(() => hub.stop());
  const { newest } = await store.feed.extent(1);
  const woken = hub.wait(1, newest, 60_000, undefined);
  await store.close();
  assert.equal(await woken, 'changed');
});
