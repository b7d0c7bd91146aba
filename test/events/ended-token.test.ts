/** A token that ends while who holds it waits for events or listens to them. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { hashSecret } from '../../src/directory/secret.ts';
import type { Store } from '../../src/store/store.ts';
import { newUser, startScimd, type TestServer } from '../server.ts';
import { until } from '../until.ts';
import { receiverOf } from './receiver-client.ts';

let server: TestServer;
let store: Store;
let origin: string;
before(async () => {
  server = await startScimd();
  store = server.store as Store;
  ({ origin } = new URL(server.base));
});
after(() => server.close());

const create = async (): Promise<void> => {
  assert.equal((await server.request('POST', '/Users', { body: newUser() })).status, 201);
};
const revoke = async (token: string): Promise<void> => {
  const found = await store.findToken(hashSecret(token));
  assert.ok(await store.revokeToken(found?.id ?? '', new Date().toISOString()));
};

test('server-sent events end, and tell nothing of what came after the token was revoked', async () => {
  const token = await server.newToken({ scope: 'events' });
  const response = await fetch(`${origin}/events`, {
    headers: { authorization: `Bearer ${token}`, accept: 'text/event-stream' },
  });
  let text = '';
  const end = (async () => {
    for await (const part of response.body!.pipeThrough(new TextDecoderStream())) text += part;
  })();
  const told = (): number => text.match(/event: user\.created/g)?.length ?? 0;
  await create();
  await until('the first', () => told() === 1);
  await revoke(token);
  await create();
  await end;
  assert.equal(told(), 1);
});

test('a long poll is refused', async () => {
  const token = await server.newToken({ scope: 'events' });
  const answer = server.request('GET', `${origin}/events?after=now&wait=20s`, { token });
  await wait(300);
  await revoke(token);
  await create();
  const { status, text } = await answer;
  assert.equal(status, 401);
  assert.doesNotMatch(text, /user\.created/);
});

test('a poll of a stream is refused, and who has a token of the same name gets what it would have had', async () => {
  const receiver = await receiverOf(server);
  const stream = await receiver.create();
  const answer = receiver.send('POST', stream.delivery.endpoint_url, {});
  await wait(300);
  await revoke(receiver.token);
  await create();
  assert.equal((await answer).status, 401);
  const { json } = await server.request('POST', stream.delivery.endpoint_url, {
    token: await server.newToken({ scope: 'admin' }),
    body: { returnImmediately: true },
    headers: { accept: 'application/json', 'content-type': 'application/json' },
  });
  assert.equal(Object.keys(json.sets).length, 1);
});
