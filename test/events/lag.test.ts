/** How long leavers wait until applications have heard of them. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { LagWatch } from '../../src/events/lag.ts';
import type { Store } from '../../src/store/store.ts';
import { newUser, patchOp, startScimd, type TestServer } from '../server.ts';

let server: TestServer;
before(async () => {
  server = await startScimd();
});
after(() => server.close());

test('the lag of a consumer begins with a leaver, and ends with its acknowledgement', async () => {
  const store = server.store as Store;
  const watch = new LagWatch(store);
  const token = await server.newToken({ scope: 'events' });
  const origin = new URL(server.base).origin;
  const acknowledge = async (): Promise<void> => {
    const { json } = await server.request('GET', `${origin}/events?after=now`, { token });
    const body = { consumer: 'app', sequence: json.position };
    assert.equal((await server.request('POST', `${origin}/events/ack`, { token, body })).status, 200);
  };
  const { json } = await server.request('POST', '/Users', { body: newUser({ active: true }) });
  await acknowledge();
  const create = () => server.request('POST', '/Users', { body: newUser() });
  await create();
  assert.deepEqual(await watch.look(), [], 'who comes is nobody who waits');
  const { status } = await server.request('PATCH', `/Users/${json.id}`, {
    body: patchOp({ op: 'replace', path: 'active', value: false }),
  });
  assert.equal(status, 200);
  const [lag] = await watch.look();
  assert.deepEqual([lag?.kind, lag?.name, lag?.tenant], ['consumer', 'app', 1]);
  assert.ok(Math.abs(Date.now() - Number(lag?.since)) < 60_000);
  await create();
  assert.deepEqual(await watch.look(), [lag]);
  await acknowledge();
  assert.deepEqual(await watch.look(), []);

  await store.outbox.createEndpoint({
    ...{ tenant: 1, url: 'https://app.example.com/', batch: 1, allowPrivate: false, position: '0' },
    ...{ secrets: [], signingKeys: [] },
  });
  await server.request('DELETE', `/Users/${json.id}`);
  const kinds = (await watch.look()).map(({ kind, since }) => [
    kind,
    since.getTime() === lag?.since.getTime(),
  ]);
  assert.deepEqual(kinds.sort(), [
    ['consumer', false],
    ['endpoint', true],
  ]);
});
