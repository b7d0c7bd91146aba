/** Endpoints while they are managed: what holds as soon as it was said, over the thread that delivers. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, beforeEach, describe, test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import type { Event } from '../../src/events/event.ts';
import { createScimd, type Scimd } from '../../src/index.ts';
import { newUser } from '../server.ts';
import { until } from '../until.ts';
import { within } from '../within.ts';
import { type Receiver, startReceiver } from './receiver.ts';

const folder = mkdtempSync(join(tmpdir(), 'scimd-managed-'));
let scimd: Scimd;
let app: Receiver;
let provider: string;
let reader: string;

before(async () => {
  scimd = await createScimd({ database: join(folder, 'scimd.db') });
  provider = (await scimd.createToken({ name: 'okta', idp: 'okta' })).token;
  reader = (await scimd.createToken({ name: 'app', scope: 'events' })).token;
  app = await startReceiver();
});
after(async () => {
  await scimd.close();
  await app.close();
  rmSync(folder, { recursive: true });
});
beforeEach(() => {
  app.received.length = 0;
  app.answer = undefined;
});

async function create(): Promise<string> {
  const response = await scimd.fetch(
    new Request('http://scimd.example/scim/v2/Users', {
      method: 'POST',
      headers: { authorization: `Bearer ${provider}`, 'content-type': 'application/scim+json' },
      body: JSON.stringify(newUser()),
    }),
  );
  assert.equal(response.status, 201);
  return ((await response.json()) as { id: string }).id;
}

async function endpoint(): Promise<string> {
  const made = await scimd.webhooks.create({ url: app.url, allowPrivate: true, types: ['user.created'] });
  app.secret = made.secret;
  return made.endpoint.id;
}

describe('an endpoint', () => {
  test('gets nothing once it is paused, and goes on as soon as it is resumed', async () => {
    const id = await endpoint();
    await create();
    await until('the first', () => app.received.length === 1);
    await within(1500, async () => {
      const before = app.received.length;
      await scimd.webhooks.pause(id);
      await create();
      await wait(500);
      assert.equal(app.received.length, before);
      const began = performance.now();
      await scimd.webhooks.resume(id);
      await until('the next', () => app.received.length === before + 1);
      const took = performance.now() - began;
      await wait(300);
      assert.equal(app.received.length, before + 1);
      return took;
    });
    const all = app.received.length;
    await scimd.webhooks.delete(id);
    await create();
    await wait(500);
    assert.equal(app.received.length, all);
  });

  test('tells its secret and its keys when it is made and rotated, and no more', async () => {
    const made = await scimd.webhooks.create({ url: app.url, allowPrivate: true, ed25519: true });
    const { id } = made.endpoint;
    assert.match(made.secret, /^whsec_/);
    const others = [
      ...[made.endpoint, (await scimd.webhooks.rotate(id)).endpoint],
      ...[await scimd.webhooks.list(), await scimd.webhooks.show(id)],
      ...[await scimd.webhooks.pause(id), await scimd.webhooks.resume(id)],
    ];
    for (const each of others) assert.doesNotMatch(JSON.stringify(each), /whsec_|whsk_|secrets|signingKeys/);
    await scimd.webhooks.delete(id);
  });

  const wrong = [
    [{ types: [] }, /types must be a list of events/],
    [{ types: 'user.*' as never }, /types must be a list of events/],
    [{ types: ['user.gone'] }, /"user.gone" is none of the events/],
    [{ url: 'https://localhost/hook', allowPrivate: false }, /localhost is not an address of the public/],
  ] as const;
  for (const [asked, message] of wrong)
    test(`is not made with ${JSON.stringify(asked)}`, async () => {
      await assert.rejects(scimd.webhooks.create({ url: app.url, allowPrivate: true, ...asked }), {
        message,
      });
    });

  test('is not sent what would end before it begins', async () => {
    const id = await endpoint();
    await create();
    await assert.rejects(scimd.webhooks.replay(id, '2', '1'), { message: /1 is before 2/ });
    await scimd.webhooks.delete(id);
  });
});

test('who was told of a change reads it in the feed, whatever the thread that makes its pages does meanwhile', async () => {
  const id = await endpoint();
  app.answer = () => 204;
  await scimd.webhooks.replay(id, 'oldest', 'now');
  let after = 'now';
  for (let round = 0; round < 200; round++) {
    const user = await create();
    const response = await scimd.fetch(
      new Request(`http://scimd.example/events?after=${after}&limit=1000`, {
        headers: { authorization: `Bearer ${reader}` },
      }),
    );
    const page = (await response.json()) as { events: Event[]; position: string };
    const found = page.events.some((event) => 'subject' in event && event.subject.id === user);
    assert.ok(found || round === 0, `round ${round}`);
    after = page.position;
  }
  await scimd.webhooks.delete(id);
});
