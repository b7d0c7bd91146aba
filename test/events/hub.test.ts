/** Those who wait for events: woken when there is one, and at no cost until then. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { Hub, TooManyWaiting } from '../../src/events/hub.ts';
import type { Store } from '../../src/store/store.ts';
import { newUser, startScimd } from '../server.ts';

test('1,000 wait at no cost; a change wakes those of its tenant, in all ways, and no others', async () => {
  const server = await startScimd();
  const store = server.store as Store;
  const tokens: string[] = [];
  for (let number = 0; number < 10; number++)
    tokens.push(await server.newToken({ tenant: `tenant-${number}` }));
  const numbers = (await store.tenants())
    .filter(({ name }) => name !== 'default')
    .map(({ number }) => number);
  const hub = new Hub(store);
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
  await wait(500);
  const before = process.cpuUsage();
  await wait(3000);
  const { user, system } = process.cpuUsage(before);
  const share = (user + system) / 3_000_000;
  assert.ok(share < 0.05, `${(share * 100).toFixed(1)} % of a processor`);
  const { status } = await server.request('POST', '/Users', { body: newUser(), token: tokens[0] ?? '' });
  assert.equal(status, 201);
  await wait(200);
  assert.deepEqual([...woken], [[first, 100]]);
  assert.equal(await hub.wait(first, 0, 10, undefined), 'changed', 'what is there already is not waited for');
  assert.equal(await hub.wait(first, 1, 10, undefined), 'timeout');
  hub.stop();
  const ends = await Promise.all(waiting);
  assert.equal(ends.filter((why) => why === 'ended').length, 900);
  await server.close();
});
