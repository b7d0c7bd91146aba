/** Connections of providers and deliveries: each event from what causes it, held to its schema. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, beforeEach, test } from 'node:test';
import * as v from 'valibot';
import { Connections } from '../../src/directory/connections.ts';
import { hashSecret, newSecret } from '../../src/directory/secret.ts';
import { eventSchema } from '../../src/events/catalogue.ts';
import type { Event } from '../../src/events/event.ts';
import { LagWatch, noticeOf } from '../../src/events/lag.ts';
import type { RunningServer } from '../../src/http/options.ts';
import { startServer } from '../../src/http/server.ts';
import { standardRegistry } from '../../src/scim/standard.ts';
import type { Scope, Store } from '../../src/store/store.ts';
import { newUser, patchOp } from '../server.ts';
import { openTestStore } from '../store-under-test.ts';
import { until } from '../until.ts';

const folder = mkdtempSync(join(tmpdir(), 'scimd-connections-'));
const hour = 3_600_000;
const day = 24 * hour;
let now = Date.parse('2026-03-01T08:00:00.000Z');
let store: Store;
let server: RunningServer;
let connections: Connections;
let reader: string;
const errors: unknown[] = [];

async function newToken(
  name: string,
  scope: Scope,
  life = 365 * day,
): Promise<{ id: string; secret: string }> {
  const secret = newSecret();
  const { id } = await store.createToken({
    ...{ hash: hashSecret(secret), name, tenant: 1, idp: 'okta', scope },
    expires: new Date(now + life).toISOString(),
  });
  return { id, secret };
}

before(async () => {
  const clock = (): Date => new Date(now);
  store = await openTestStore(join(folder, 'scimd.db'), { registry: standardRegistry(), clock });
  connections = new Connections(store, { silentHours: 72, clock, onError: (error) => errors.push(error) });
  server = await startServer({
    ...{ store, basePath: '/scim/v2', host: '127.0.0.1', port: 0, clock },
    tokenEndpoint: { seconds: 3600 },
    onDeadToken: (token, reason) => connections.failing(token, reason),
  });
  reader = (await newToken('reader', 'events', 3650 * day)).secret;
});
beforeEach(() => errors.splice(0));
after(async () => {
  await server.close();
  await store.close();
  rmSync(folder, { recursive: true, force: true });
});

async function send(secret: string, method: string, path: string, body?: object): Promise<Response> {
  return fetch(server.url + path, {
    method,
    headers: { authorization: `Bearer ${secret}`, 'content-type': 'application/scim+json' },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
}

async function eventsOf(action: () => Promise<unknown>): Promise<Event[]> {
  const get = async (query: string) =>
    (await fetch(`${new URL(server.url).origin}/events?${query}`, {
      headers: { authorization: `Bearer ${reader}` },
    }).then((response) => response.json())) as { events: unknown[]; position: string };
  const { position } = await get('after=now');
  await action();
  return (await get(`after=${position}&limit=1000`)).events.map((event) => v.parse(eventSchema, event));
}

/** Without what is the same of all. */
function told(event: Event | undefined): object {
  const kept = Object.entries(event ?? {}).filter(
    ([name]) => !['id', 'sequence', 'position', 'timestamp', 'tenant', 'transaction'].includes(name),
  );
  return Object.fromEntries(kept);
}

const byNobody = { actor: { kind: 'system' } };

test('connection.first_request: once a provider has used its token, and not when an application reads', async () => {
  const { id, secret } = await newToken('okta', 'scim');
  const app = await newToken('app', 'read');
  assert.deepEqual(await eventsOf(() => store.noteFirstUses()), []);
  const lastRequest = new Date(now).toISOString();
  const events = await eventsOf(async () => {
    for (const each of [secret, app.secret, secret])
      assert.equal((await send(each, 'GET', '/Users')).status, 200);
    await until(
      'both uses',
      async () => (await store.listTokens()).filter((each) => each.lastUsed).length >= 3,
    );
    await store.noteFirstUses();
    await store.noteFirstUses();
  });
  assert.deepEqual(events.map(told), [
    {
      ...{ type: 'connection.first_request', subject: { type: 'Token', id }, ...byNobody },
      ...{ token: { id, name: 'okta', idp: 'okta', scope: 'scim' }, lastRequest },
    },
  ]);
});

test('connection.silent: three days after the last request of a provider, once for each silence', async () => {
  const { id, secret } = await newToken('quiet', 'scim');
  const use = async (): Promise<string> => {
    await send(secret, 'GET', '/Users');
    const at = new Date(now).toISOString();
    await until('its use', async () =>
      (await store.listTokens()).some((each) => each.id === id && each.lastUsed === at),
    );
    return at;
  };
  let lastRequest = await use();
  const silent = async (): Promise<object[]> => {
    const events = await eventsOf(async () => {
      await connections.look();
      await connections.look();
    });
    return events.filter((event) => 'token' in event && event.token.id === id).map(told);
  };
  const event = () => ({
    ...{ type: 'connection.silent', subject: { type: 'Token', id }, ...byNobody },
    ...{ token: { id, name: 'quiet', idp: 'okta', scope: 'scim' }, lastRequest },
  });
  now += 71 * hour;
  assert.deepEqual(await silent(), []);
  now += 2 * hour;
  assert.deepEqual(await silent(), [event()]);
  now += 24 * hour;
  assert.deepEqual(await silent(), [], 'the same silence');
  lastRequest = await use();
  now += 73 * hour;
  assert.deepEqual(await silent(), [event()], 'another one');
});

test('token.expiring: 30 days, 7 and 1 before a token ends, and not for how long it was never given', async () => {
  const { id } = await newToken('yearly', 'events', 60 * day);
  const { id: short } = await newToken('weekly', 'scim', 8 * day);
  const end = now + 60 * day;
  const expires = new Date(end).toISOString();
  const found: unknown[] = [];
  const events = await eventsOf(async () => {
    while (now < end + day) {
      await connections.look();
      now += 12 * hour;
    }
  });
  for (const event of events)
    if (event.type === 'token.expiring')
      found.push([event.token.id === id ? 'yearly' : event.token.id === short ? 'weekly' : '', event.days]);
  assert.deepEqual(
    found.filter((each) => (each as [string])[0] !== ''),
    [
      ['weekly', 7],
      ['weekly', 1],
      ['yearly', 30],
      ['yearly', 7],
      ['yearly', 1],
    ],
  );
  const [first] = events.filter((event) => event.type === 'token.expiring' && event.token.id === id);
  assert.deepEqual(told(first), {
    ...{ type: 'token.expiring', subject: { type: 'Token', id }, ...byNobody },
    ...{ token: { id, name: 'yearly', idp: 'okta', scope: 'events' }, expires, days: 30 },
  });
});

test('connection.failing: a provider asks with an expired or a revoked token, told by its name, once a day', async () => {
  const expired = await newToken('old okta', 'scim', hour);
  const revoked = await newToken('gone', 'scim');
  await send(expired.secret, 'GET', '/Users');
  const lastRequest = new Date(now).toISOString();
  await until('its use', async () =>
    (await store.listTokens()).some(({ id, lastUsed }) => id === expired.id && lastUsed === lastRequest),
  );
  now += 2 * hour;
  await store.revokeToken(revoked.id, new Date(now).toISOString());
  const events = await eventsOf(async () => {
    for (let time = 0; time < 3; time++)
      for (const { secret } of [expired, revoked])
        assert.equal((await send(secret, 'POST', '/Users', newUser())).status, 401);
    // Another server of the same database has told of it already.
    const other = new Connections(store, {
      ...{ silentHours: 0, clock: () => new Date(now) },
      onError: (error) => errors.push(error),
    });
    for (const token of await store.listTokens())
      if (token.id === revoked.id) other.failing(token, 'revoked');
    await until(
      'both',
      async () => (await store.changes({ tenant: 1, id: revoked.id, limit: 10 })).length > 0,
    );
  });
  assert.deepEqual(errors, []);
  const failing = events.map(told);
  assert.deepEqual(failing, [
    {
      ...{ type: 'connection.failing', subject: { type: 'Token', id: expired.id }, ...byNobody },
      ...{
        token: { id: expired.id, name: 'old okta', idp: 'okta', scope: 'scim' },
        reason: 'expired',
        lastRequest,
      },
    },
    {
      ...{ type: 'connection.failing', subject: { type: 'Token', id: revoked.id }, ...byNobody },
      ...{ token: { id: revoked.id, name: 'gone', idp: 'okta', scope: 'scim' }, reason: 'revoked' },
    },
  ]);
});

test('connection.failing: the secret of a client of the token endpoint has expired', async () => {
  const { id, secret } = await newToken('entra', 'scim', hour);
  now += 2 * hour;
  const events = await eventsOf(async () => {
    const form = { grant_type: 'client_credentials', client_id: id, client_secret: secret };
    const answer = await fetch(`${server.url}/oauth/token`, {
      method: 'POST',
      body: new URLSearchParams(form),
    });
    assert.equal(answer.status, 401);
    await until('it', async () => (await store.changes({ tenant: 1, id, limit: 10 })).length > 0);
  });
  assert.deepEqual(
    events.map(({ type, ...rest }) => [
      type,
      'token' in rest && rest.token.name,
      'reason' in rest && rest.reason,
    ]),
    [['connection.failing', 'entra', 'expired']],
  );
});

test('a use of a token that is taken no more is no use: the last request stays', async () => {
  const { id, secret } = await newToken('late', 'scim', hour);
  await send(secret, 'GET', '/Users');
  const used = new Date(now).toISOString();
  const lastUsed = async () => (await store.listTokens()).find((each) => each.id === id)?.lastUsed;
  await until('its use', async () => (await lastUsed()) === used);
  now += 2 * hour;
  assert.equal((await send(secret, 'GET', '/Users')).status, 401);
  await new Promise((resolve) => setTimeout(resolve, 50));
  assert.equal(await lastUsed(), used);
});

test('endpoint.disabled: once, with why, and again after it was resumed; endpoint.lagging: five minutes after somebody left', async () => {
  const { secret } = await newToken('writer', 'scim');
  const { id: person } = (await send(secret, 'POST', '/Users', newUser()).then((answer) =>
    answer.json(),
  )) as {
    id: string;
  };
  const { newest } = await store.feed.extent(1);
  const { outbox } = store;
  const url = 'https://app.example.com/hooks';
  const { id } = await outbox.createEndpoint({
    ...{ tenant: 1, url, batch: 1, allowPrivate: false, secrets: [], signingKeys: [] },
    position: String(newest),
  });
  const endpoint = { id, url };
  const disable = async (): Promise<void> => {
    await outbox.lease('me', now, now + 1000);
    const empty = { put: [], retried: [], removed: [], attempts: [] };
    await outbox.progress('me', [
      { endpoint: id, ...empty, state: 'disabled', reason: 'it answered 410 Gone' },
    ]);
    await outbox.noteDisabled();
    await outbox.noteDisabled();
  };
  const disabled = {
    ...{ type: 'endpoint.disabled', subject: { type: 'Endpoint', id }, ...byNobody },
    ...{ endpoint, reason: 'it answered 410 Gone' },
  };
  assert.deepEqual((await eventsOf(disable)).map(told), [disabled]);
  await outbox.changeEndpoint(id, { state: 'active' });
  assert.deepEqual((await eventsOf(disable)).map(told), [disabled]);

  await outbox.acknowledge(1, 'app', String(newest), () => true);
  now += 1000;
  const since = new Date(now).toISOString();
  await send(secret, 'PATCH', `/Users/${person}`, patchOp({ op: 'replace', path: 'active', value: false }));
  now += 6 * 60_000;
  const lagging = await eventsOf(async () => {
    const lags = await new LagWatch(store).look();
    for (let time = 0; time < 2; time++) await store.note(lags.map((lag) => noticeOf(lag, now)));
  });
  assert.deepEqual(lagging.map(told), [
    {
      ...{ type: 'endpoint.lagging', subject: { type: 'Consumer', id: 'app' }, ...byNobody },
      ...{ consumer: 'app', since },
    },
    { ...{ type: 'endpoint.lagging', subject: { type: 'Endpoint', id }, ...byNobody }, endpoint, since },
  ]);
});
