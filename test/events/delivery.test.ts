/** Webhooks from the real request to the real receiver: order, failures, leavers first, take-over. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, beforeEach, describe, test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import Sqlite from 'better-sqlite3';
import { hashSecret, newSecret } from '../../src/directory/secret.ts';
import { LagWatch } from '../../src/events/lag.ts';
import { EventReader, recordsOf } from '../../src/events/reader.ts';
import { shownAs } from '../../src/events/shown.ts';
import { SigningKeys } from '../../src/events/streams/signing-keys.ts';
import { TokenReader } from '../../src/events/streams/token-reader.ts';
import { Deliverer, type DelivererOptions, type DeliveryNotice } from '../../src/events/webhook/deliverer.ts';
import { Endpoints } from '../../src/events/webhook/endpoints.ts';
import { SharedPages } from '../../src/events/webhook/shared-pages.ts';
import { startServer } from '../../src/http/server.ts';
import { standardRegistry } from '../../src/scim/standard.ts';
import type { Endpoint } from '../../src/store/outbox.ts';
import { openSqliteStore } from '../../src/store/sqlite/index.ts';
import type { Store } from '../../src/store/store.ts';
import { newGroup, newUser, patchOp } from '../server.ts';
import { isPostgres, openTestStore } from '../store-under-test.ts';
import { until } from '../until.ts';
import { within } from '../within.ts';
import { type Receiver, startReceiver } from './receiver.ts';

const folder = mkdtempSync(join(tmpdir(), 'scimd-delivery-'));
after(() => rmSync(folder, { recursive: true }));

let store: Store;
let base: string;
let token: string;
let closing: (() => Promise<unknown>)[] = [];
let files = 0;
let notices: DeliveryNotice[];
/** Added to the clock of deliverers. */
let ahead: number;

beforeEach(async () => {
  store = await openTestStore(join(folder, `${++files}.db`), { registry: standardRegistry() });
  const server = await startServer({ basePath: '/scim/v2', store, host: '127.0.0.1', port: 0 });
  base = server.url;
  token = newSecret();
  notices = [];
  ahead = 0;
  const [tenant] = await store.tenants();
  await store.createToken({
    hash: hashSecret(token),
    name: 'okta',
    tenant: tenant?.number ?? 1,
    idp: 'okta',
    scope: 'scim',
  });
  closing = [async () => store.close(), () => server.close()];
});
afterEach(async () => {
  for (const close of closing.reverse()) await close();
});

const send = async (method: string, path: string, body?: object): Promise<{ id: string }> => {
  const response = await fetch(base + path, {
    method,
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/scim+json' },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  assert.ok(response.ok, `${response.status}`);
  return response.status === 204 ? { id: '' } : ((await response.json()) as { id: string });
};
const deactivate = (id: string) =>
  send('PATCH', `/Users/${id}`, patchOp({ op: 'replace', path: 'active', value: false }));

async function receiver(): Promise<Receiver> {
  const made = await startReceiver();
  closing.push(() => made.close());
  return made;
}

/** A new person is told to the receiver, by two events, in fewer milliseconds. */
function twoWithin(milliseconds: number, app: Receiver): Promise<void> {
  return within(milliseconds, async () => {
    const before = app.received.length;
    await send('POST', '/Users', newUser());
    const began = performance.now();
    await until('two more', () => app.received.length === before + 2);
    return performance.now() - began;
  });
}

async function endpointAt({ url, secret }: Receiver, more: Partial<Endpoint> = {}): Promise<Endpoint> {
  return store.outbox.createEndpoint({
    tenant: 1,
    url,
    types: undefined as never,
    batch: 1,
    allowPrivate: true,
    secrets: [{ secret }],
    signingKeys: [],
    position: '0',
    ...more,
  });
}

async function deliverer(more: Partial<DelivererOptions> = {}): Promise<Deliverer> {
  const reader = new EventReader(
    recordsOf(store),
    store.feed,
    shownAs(store.registry, '/scim/v2', undefined),
  );
  const keys = new SigningKeys(store.streams, () => new Date());
  const made = new Deliverer({
    reader,
    tokens: new TokenReader(
      recordsOf(store),
      store.feed,
      store.streams,
      shownAs(store.registry, '/scim/v2', undefined),
    ),
    sign: (claims) => keys.sign(claims),
    records: recordsOf(store),
    outbox: store.outbox,
    urlOf: (type, id) => `https://id.example.com/scim/v2/${type}s/${id}`,
    clock: () => new Date(Date.now() + ahead),
    onNotice: (notice) => notices.push(notice),
    ...more,
  });
  const forget = store.onCommit(() => made.wake());
  closing.push(async () => {
    forget();
    await made.stop();
  });
  await made.start();
  return made;
}

const positionOf = async ({ id }: Endpoint): Promise<string | undefined> =>
  (await store.outbox.endpoints()).find((each) => each.id === id)?.position;

describe('delivery', () => {
  test('a user is told of at once, signed, and the position moves on', async () => {
    const app = await receiver();
    const endpoint = await endpointAt(app);
    await deliverer();
    const { id } = await send('POST', '/Users', newUser());
    await until('two events', () => app.received.length === 2);
    assert.deepEqual(
      app.events().map(({ type }) => type),
      ['user.created', 'user.access_changed'],
    );
    assert.equal(app.received[0]?.id, app.events()[0]?.id);
    assert.equal(JSON.parse(app.received[0]?.body ?? '').subject.id, id);
    await until('the position', async () => (await positionOf(endpoint)) === '1');
    const attempts = await store.outbox.attempts(endpoint.id, 10);
    assert.deepEqual(
      attempts.map(({ status, try: number }) => [status, number]),
      [
        [204, 1],
        [204, 1],
      ],
    );
    await twoWithin(1000, app);
  });

  test('order is kept for each person while others overtake; two sockets an endpoint', async () => {
    const app = await receiver();
    await endpointAt(app, { types: ['user.*'] });
    const people: string[] = [];
    for (let count = 0; count < 10; count++) people.push((await send('POST', '/Users', newUser())).id);
    for (let round = 0; round < 3; round++)
      for (const id of people)
        await send('PATCH', `/Users/${id}`, patchOp({ op: 'replace', path: 'title', value: `t${round}` }));
    app.answer = (_message, response) => {
      setTimeout(() => response.writeHead(204).end(), Math.random() * 10);
      return undefined;
    };
    const taken: { subject: string; sequence: number }[] = [];
    const count = app.answer;
    app.answer = (message, response, request) => {
      for (const event of message.events)
        if ('subject' in event) taken.push({ subject: event.subject.id, sequence: event.sequence });
      return count(message, response, request);
    };
    await deliverer();
    await until('all', () => taken.length === 50);
    for (const id of people) {
      const numbers = taken.filter(({ subject }) => subject === id).map(({ sequence }) => sequence);
      assert.deepEqual(
        numbers,
        [...numbers].sort((a, b) => a - b),
      );
    }
    assert.ok(app.mostAtOnce <= 2, String(app.mostAtOnce));
    assert.ok(app.connections.size <= 4, `${app.connections.size} connections`);
  });

  test('a message that fails holds up its own person only, and comes again the same, byte for byte', async () => {
    const app = await receiver();
    const endpoint = await endpointAt(app, { types: ['user.created', 'user.updated'] });
    const { id } = await send('POST', '/Users', newUser());
    app.anyTime = true;
    const failed: string[] = [];
    app.answer = (message) => {
      if (!message.body.includes(id) || failed.length >= 2) return 204;
      failed.push(message.body);
      return 500;
    };
    await deliverer();
    await until('a failure', () => failed.length === 1);
    await send('PATCH', `/Users/${id}`, patchOp({ op: 'replace', path: 'title', value: 'later' }));
    const { id: other } = await send('POST', '/Users', newUser());
    await until('the other', () =>
      app.events().some((event) => 'subject' in event && event.subject.id === other),
    );
    assert.equal(app.received.length, 1);
    await until('the position', async () => (await positionOf(endpoint)) === '3');
    assert.equal((await store.outbox.deliveries(endpoint.id)).length, 2);
    ahead += 7000;
    await until('the second failure', () => failed.length === 2);
    ahead += 400_000;
    await until('all', () => app.received.length === 3);
    assert.equal(new Set([...failed, app.received[1]?.body]).size, 1);
    assert.deepEqual(
      app
        .events()
        .slice(1)
        .map(({ type }) => type),
      ['user.created', 'user.updated'],
    );
    await until('an empty outbox', async () => (await store.outbox.deliveries(endpoint.id)).length === 0);
  });

  test('somebody left, and the endpoint fails: that is its lag until it has heard of it, though its position goes on', async () => {
    const app = await receiver();
    app.anyTime = true;
    const endpoint = await endpointAt(app);
    const watch = new LagWatch(store);
    const { id } = await send('POST', '/Users', newUser());
    await deliverer();
    await until('the user', () => app.received.length === 2);
    app.answer = () => 500;
    await deactivate(id);
    await until('the position', async () => (await positionOf(endpoint)) === '2');
    const [lag, ...others] = await watch.look();
    const [left] = (await store.changes({ tenant: 1, after: 1, limit: 1 })) ?? [];
    assert.deepEqual([lag?.kind, lag?.name, lag?.since.toISOString()], ['endpoint', endpoint.id, left?.at]);
    assert.deepEqual(others, []);
    app.answer = undefined;
    ahead += 7000;
    await until('an empty outbox', async () => (await store.outbox.deliveries(endpoint.id)).length === 0);
    assert.deepEqual(await watch.look(), []);
  });

  test('a clock that jumps, forwards and back, reorders nothing', async () => {
    const app = await receiver();
    app.anyTime = true;
    await endpointAt(app, { types: ['user.created', 'user.updated'] });
    const running = await deliverer();
    const people = [await send('POST', '/Users', newUser()), await send('POST', '/Users', newUser())];
    await until('both', () => app.received.length === 2);
    const day = 24 * 60 * 60 * 1000;
    let count = 2;
    for (const jump of [day, -day, 2 * day, -30 * day]) {
      // What fails before the jump is tried again behind it.
      let failures = 0;
      app.answer = () => {
        failures++;
        return 503;
      };
      for (const { id } of people)
        await send('PATCH', `/Users/${id}`, patchOp({ op: 'replace', path: 'title', value: `${jump}` }));
      await until('a failure', () => failures > 0);
      ahead += jump;
      for (const { id } of people)
        await send(
          'PATCH',
          `/Users/${id}`,
          patchOp({ op: 'replace', path: 'title', value: `after ${jump}` }),
        );
      app.answer = undefined;
      count += 4;
      ahead += 10 * day;
      running.wake();
      await until(`all after ${jump}`, () => {
        running.wake();
        return app.received.length >= count;
      });
    }
    for (const { id } of people) {
      const numbers = app
        .events()
        .filter((event) => 'subject' in event && event.subject.id === id)
        .map(({ sequence }) => sequence);
      assert.deepEqual(
        numbers,
        [...numbers].sort((a, b) => a - b),
        id,
      );
      assert.equal(numbers.length, 9);
    }
  });

  test('410 disables the endpoint; enabled again it goes on where it was', async () => {
    const app = await receiver();
    const endpoint = await endpointAt(app, { types: ['user.created'] });
    app.answer = () => 410;
    const running = await deliverer();
    await send('POST', '/Users', newUser());
    await until('the notice', () => notices.some(({ kind }) => kind === 'disabled'));
    const state = async () => (await store.outbox.endpoints()).find(({ id }) => id === endpoint.id);
    // It is told before it is stored.
    await until('its state', async () => (await state())?.state === 'disabled');
    assert.deepEqual([(await state())?.state, (await state())?.reason], ['disabled', 'it answered 410 Gone']);
    await send('POST', '/Users', newUser());
    app.answer = undefined;
    await wait(200);
    assert.equal(app.received.length, 0);
    await store.outbox.changeEndpoint(endpoint.id, { state: 'active' });
    running.wake(true);
    await until('both', () => app.received.length === 2);
    assert.deepEqual(
      app.events().map(({ sequence }) => sequence),
      [1, 2],
    );
  });

  test('an endpoint that answered 410 is asked no more, also while that is being stored', async () => {
    const app = await receiver();
    await endpointAt(app, { types: ['user.created'] });
    let asked = 0;
    app.answer = () => {
      asked++;
      return 410;
    };
    const progress: typeof store.outbox.progress = async (...all) => {
      await wait(200);
      return store.outbox.progress(...all);
    };
    const running = await deliverer({ outbox: { ...store.outbox, progress } });
    await send('POST', '/Users', newUser());
    await until('the notice', () => notices.some(({ kind }) => kind === 'disabled'));
    running.wake();
    await wait(500);
    assert.equal(asked, 1);
  });

  test('five days of nothing but failures disable', async () => {
    const app = await receiver();
    const endpoint = await endpointAt(app, { types: ['user.created'] });
    app.answer = () => 500;
    await deliverer();
    await send('POST', '/Users', newUser());
    await until('a failure', async () => (await store.outbox.attempts(endpoint.id, 10)).length === 1);
    for (let tries = 2; ; tries++) {
      ahead += 30 * 3600 * 1000;
      const disabled = await until('a try, or the end', async () => {
        const [last] = await store.outbox.attempts(endpoint.id, 1);
        return (last?.try ?? 0) >= tries && [notices.some(({ kind }) => kind === 'disabled')];
      });
      if (disabled[0]) break;
      assert.ok(tries < 7);
    }
    const [only] = await store.outbox.endpoints();
    assert.equal(only?.reason, 'nothing but failures for five days');
  });

  test('an endpoint that hangs harms no other', async () => {
    const [hanging, app] = [await receiver(), await receiver()];
    for (let count = 0; count < 15; count++) await endpointAt(hanging);
    await endpointAt(app);
    hanging.answer = () => undefined;
    await deliverer({ sending: { timeout: 1000 } });
    for (let count = 0; count < 5; count++) await send('POST', '/Users', newUser());
    await until('all at the one that lives', () => app.received.length === 10);
    await wait(2500);
    await twoWithin(500, app);
  });

  test('batches hold so many events, in order', async () => {
    const app = await receiver();
    await endpointAt(app, { batch: 50, types: ['user.*'] });
    for (let count = 0; count < 100; count++) await send('POST', '/Users', newUser());
    await deliverer();
    await until('all', () => app.events().length === 200);
    assert.ok(app.received.length <= 6, `${app.received.length} messages`);
    assert.match(app.received[0]?.id ?? '', /^msg_/);
  });

  test('a replay of batches has the same bytes each time, and those of the first delivery', async () => {
    const app = await receiver();
    const { newest } = await store.feed.extent(1);
    const endpoint = await endpointAt(app, { types: ['user.created'], batch: 3 });
    for (let count = 0; count < 6; count++) await send('POST', '/Users', newUser());
    await deliverer();
    await until('two batches', () => app.received.length === 2);
    const shown = shownAs(store.registry, '/scim/v2', undefined);
    const reader = new EventReader(recordsOf(store), store.feed, shown);
    const endpoints = new Endpoints(store, reader, () => new Date(), shown.urlOf);
    const first = app.received.map(({ id, body }) => [id, body]);
    for (let time = 1; time <= 2; time++) {
      assert.equal(await endpoints.replay(endpoint.id, String(newest + 1), 'now'), 6);
      await until('two more', () => app.received.length === 2 + 2 * time, 20);
      const again = app.received.slice(-2).map(({ id, body }) => [id, body]);
      assert.deepEqual(again.sort(), [...first].sort());
    }
  });

  test('a replay that is asked for right after the delivery is sent; of what failed it takes the place', async () => {
    const app = await receiver();
    const { newest } = await store.feed.extent(1);
    const endpoint = await endpointAt(app, { types: ['user.created'] });
    const first = String(newest + 1);
    await send('POST', '/Users', newUser());
    await deliverer();
    await until('it', () => app.received.length === 1);
    const shown = shownAs(store.registry, '/scim/v2', undefined);
    const reader = new EventReader(recordsOf(store), store.feed, shown);
    const endpoints = new Endpoints(store, reader, () => new Date(), shown.urlOf);
    for (let time = 1; time <= 8; time++) {
      assert.equal(await endpoints.replay(endpoint.id, first), 1);
      await until(`replay ${time}`, () => app.received.length === 1 + time, 1);
    }
    assert.equal(new Set(app.received.map(({ id }) => id)).size, 1, 'the same id each time');
    assert.equal(new Set(app.received.map(({ body }) => body)).size, 1, 'the same bytes each time');

    let refused = 0;
    app.answer = () => {
      refused++;
      return 500;
    };
    await send('POST', '/Users', newUser());
    await until('two failures: the next try is in minutes', () => refused >= 2, 20);
    await until('that it waits', async () => (await endpoints.show(endpoint.id)).waiting.length === 1, 20);
    app.answer = undefined;
    assert.equal(await endpoints.replay(endpoint.id, String(newest + 2)), 1);
    const { waiting } = await endpoints.show(endpoint.id);
    assert.ok(waiting.every(({ message }) => /^evt_[^~]+$/.test(message)));
    await until('it at once', () => app.received.length === 10, 20);
    await until(
      'nothing that waits',
      async () => (await endpoints.show(endpoint.id)).waiting.length === 0,
      20,
    );
    await wait(300);
    assert.equal(app.received.length, 10, 'and once');
    const attempts = await store.outbox.attempts(endpoint.id, 100);
    assert.deepEqual(
      new Set(attempts.map(({ message }) => message)),
      new Set(app.received.map(({ id }) => id)),
    );
  });

  test('an event over 64 kB goes without data and with its URL', async () => {
    const app = await receiver();
    await endpointAt(app, { types: ['user.created'] });
    await deliverer();
    const { id } = await send('POST', '/Users', newUser({ title: 'x'.repeat(70_000) }));
    await until('it', () => app.received.length === 1);
    const [event] = app.events();
    assert.ok(event?.type === 'user.created');
    assert.equal(event.data, null);
    assert.equal(event.url, `https://id.example.com/scim/v2/Users/${id}`);
  });

  test('of who is gone the last document goes with the event, whatever its size: no URL has it', async () => {
    const app = await receiver();
    const { id } = await send('POST', '/Users', newUser({ title: 'x'.repeat(70_000) }));
    await endpointAt(app, { types: ['user.deleted'], position: '1' });
    await deliverer();
    await send('DELETE', `/Users/${id}`);
    await until('it', () => app.received.length === 1);
    const [event] = app.events();
    assert.ok(event?.type === 'user.deleted');
    assert.equal(event.previous?.id, id);
    assert.equal('url' in event, false);
  });

  test('leavers go first, behind what came before of the same person', async () => {
    const app = await receiver();
    await endpointAt(app);
    const leaver = (await send('POST', '/Users', newUser())).id;
    const group = (await send('POST', '/Groups', newGroup({ members: [{ value: leaver }] }))).id;
    for (let count = 0; count < 400; count++) await send('POST', '/Users', newUser());
    app.answer = (_message, response) => {
      setTimeout(() => response.writeHead(204).end(), 5);
      return undefined;
    };
    const order: string[] = [];
    const slow = app.answer;
    app.answer = (message, response, request) => {
      for (const event of message.events)
        order.push(`${event.type} ${'subject' in event ? event.subject.id : ''}`);
      return slow(message, response, request);
    };
    await send('PATCH', `/Groups/${group}`, patchOp({ op: 'add', path: 'members', value: [] }));
    await deliverer();
    await until('some', () => order.length > 20);
    const late = (await send('POST', '/Users', newUser())).id;
    await send('PATCH', `/Users/${late}`, patchOp({ op: 'replace', path: 'title', value: 'brief' }));
    const before = order.length;
    await deactivate(late);
    await until('the leaver', () => order.some((each) => each === `user.deactivated ${late}`));
    assert.ok(order.length < before + 60, `${order.length - before} events before`);
    assert.deepEqual(
      order.filter((each) => each.endsWith(late)).map((each) => each.split(' ')[0]),
      ['user.created', 'user.access_changed', 'user.updated', 'user.deactivated'],
    );
    await until('all', () => order.length >= 2 + 3 + 800 + 5, 20);
    assert.equal(order.filter((each) => each === `user.deactivated ${late}`).length, 1);
    await wait(100);
    assert.equal(new Set(app.connections).size <= 4, true);
  });

  test('one server delivers to an endpoint, and another takes over from one that died', async () => {
    const app = await receiver();
    await endpointAt(app, { types: ['user.created'] });
    const first = await deliverer();
    await deliverer();
    for (let count = 0; count < 20; count++) await send('POST', '/Users', newUser());
    await until('all once', () => app.received.length === 20);
    await wait(300);
    assert.equal(app.received.length, 20);
    await first.stop();
    await send('POST', '/Users', newUser());
    await until('the next, from the other', () => app.received.length === 21);
    assert.equal(new Set(app.received.map(({ id }) => id)).size, 21);
  });

  test('an endpoint that was away for longer than changes are kept is told of, and goes on with what is there', async () => {
    const app = await receiver();
    await endpointAt(app, { types: ['user.created'] });
    for (let count = 0; count < 4; count++) await send('POST', '/Users', newUser());
    await store.pruneChanges(new Date(Date.now() + 60_000), 2);
    await deliverer({ extent: (tenant) => store.feed.extent(tenant) });
    await until('what is there', () => app.received.length === 2);
    assert.deepEqual(
      notices.map((notice) => [notice.kind, 'reason' in notice && notice.reason]),
      [['gap', 'changes 1 to 2 are not kept any more, and were not delivered']],
    );
  });

  test('when an endpoint heard is evidence of who left, of a retry too, and is kept of no other change', async () => {
    const app = await receiver();
    const endpoint = await endpointAt(app);
    await deliverer();
    const { id } = await send('POST', '/Users', newUser());
    const left = await send('POST', '/Users', newUser());
    await until('those who are new', () => app.received.length === 4);
    let isRefused = false;
    app.answer = ({ events }) => {
      const refuses = !isRefused && events.some(({ type }) => type === 'user.deactivated');
      isRefused ||= refuses;
      return refuses ? 503 : 204;
    };
    const first = (await store.feed.extent(1)).newest + 1;
    await send(
      'PATCH',
      `/Users/${id}`,
      patchOp({ op: 'replace', value: { title: 'Engineer', active: false } }),
    );
    await until('the refusal', () => isRefused);
    ahead = 6000;
    await send('PATCH', `/Users/${id}`, patchOp({ op: 'replace', path: 'title', value: 'Lead' }));
    await send('PATCH', `/Users/${id}`, patchOp({ op: 'replace', path: 'active', value: true }));
    await send('DELETE', `/Users/${left.id}`);
    await until('all', async () => (await positionOf(endpoint)) === String(first + 3));
    const sequences = [first - 1, first, first + 1, first + 2, first + 3];
    const found = await store.outbox.confirmations(1, sequences);
    assert.deepEqual(
      found.map(({ kind, key, sequence }) => [kind, key, sequence]),
      [first, first + 2, first + 3].map((sequence) => ['endpoint', endpoint.id, sequence]),
    );
  });

  test('what is read together is the last page no more when something new has come', async () => {
    const reader = new EventReader(
      recordsOf(store),
      store.feed,
      shownAs(store.registry, '/scim/v2', undefined),
    );
    const pages = new SharedPages(reader, recordsOf(store), () => 4);
    const tenant = { number: 1, name: 'default' };
    const start = { sequence: (await store.feed.extent(1)).newest };
    await send('POST', '/Users', newUser());
    const first = await pages.read(tenant, start);
    assert.ok(first.made.length > 0 && !first.more);
    assert.equal((await pages.read(tenant, start)).more, false);
    await send('POST', '/Users', newUser());
    pages.wake();
    // One that comes later to the same page goes on behind it, and waits for no further change.
    const later = await pages.read(tenant, start);
    assert.deepEqual([later.made, later.more], [first.made, true]);
    const rest = await pages.read(tenant, later.position);
    assert.ok(rest.made.length > 0 && !rest.more);
  });

  test('while nothing can be written delivery waits, SCIM answers, and both go on afterwards', async (t) => {
    if (isPostgres) return t.skip('what locks a file');
    await closing.pop()?.();
    await store.close();
    closing = [];
    const file = join(folder, `${files}.db`);
    store = openSqliteStore({ file, registry: standardRegistry(), busyTimeout: 50 });
    const server = await startServer({ basePath: '/scim/v2', store, host: '127.0.0.1', port: 0 });
    base = server.url;
    closing = [async () => store.close(), () => server.close()];
    const app = await receiver();
    const endpoint = await endpointAt(app, { types: ['user.created'] });
    await deliverer();
    await send('POST', '/Users', newUser());
    await until('the first', async () => (await positionOf(endpoint)) === '1');
    const other = new Sqlite(file);
    other.exec('BEGIN IMMEDIATE');
    try {
      await until('delivery to see it', () => notices.some(({ kind }) => kind === 'failing'));
      const get = await fetch(`${base}/Users`, { headers: { authorization: `Bearer ${token}` } });
      assert.equal(get.status, 200);
    } finally {
      other.exec('ROLLBACK');
      other.close();
    }
    await send('POST', '/Users', newUser());
    await until('the second', async () => (await positionOf(endpoint)) === '2');
    assert.equal(app.received.length, 2);
  });
});
