/** Events of what is done beside a running server: by import, by hand, and of a whole tenant. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import * as v from 'valibot';
import { consume } from '../../src/consumer.ts';
import { eventSchema } from '../../src/events/catalogue.ts';
import type { Event } from '../../src/events/event.ts';
import { startReceiver } from '../events/receiver.ts';
import { userSchema } from '../server.ts';
import { until } from '../until.ts';
import { scimd, secretPattern, serving, temporaryFolder } from './scimd.ts';

const folder = temporaryFolder();
const place = { folder, environment: { SCIMD_DATABASE: 'scimd.db', SCIMD_LOG_LEVEL: 'warn' } };
const server = await serving(['serve', '--port', '0'], place);
after(() => server.stop());
const origin = new URL(server.url).origin;

async function run(...args: string[]): Promise<string> {
  const { status, stdout, stderr } = await scimd(args, place);
  assert.equal(status, 0, stderr);
  return stdout;
}
async function newToken(tenant: string, scope: string): Promise<string> {
  const printed = await run(
    'token',
    'create',
    '--name',
    `${scope} of ${tenant}`,
    '--scope',
    scope,
    '--tenant',
    tenant,
  );
  return secretPattern.exec(printed)?.[0] ?? '';
}
const reader = await newToken('default', 'events');

interface FeedPage {
  readonly events: readonly unknown[];
  readonly position: string;
  readonly more: boolean;
}
async function page(token: string, query: string): Promise<FeedPage> {
  const response = await fetch(`${origin}/events?${query}`, {
    headers: { authorization: `Bearer ${token}` },
  });
  assert.equal(response.status, 200);
  return (await response.json()) as FeedPage;
}
async function eventsOf(action: () => Promise<unknown>): Promise<Event[]> {
  const { position } = await page(reader, 'after=now');
  await action();
  const { events } = await page(reader, `after=${position}&limit=1000`);
  return events.map((event) => v.parse(eventSchema, event));
}
const typesOf = (events: readonly Event[]) => events.map(({ type }) => type);
const me = { kind: 'cli', name: userInfo().username };

test('an import: user.created, user.updated and user.deactivated, by the import', async () => {
  const file = join(folder, 'people.ndjson');
  const write = (...people: object[]): void =>
    writeFileSync(file, people.map((each) => JSON.stringify({ schemas: [userSchema], ...each })).join('\n'));
  write({ userName: 'a@example.com', active: true }, { userName: 'b@example.com', active: true });
  const first = await eventsOf(() => run('import', file));
  assert.deepEqual(typesOf(first), [
    'user.created',
    'user.access_changed',
    'user.created',
    'user.access_changed',
  ]);
  assert.deepEqual(new Set(first.map(({ actor }) => actor.kind)), new Set(['import']));
  write(
    { userName: 'a@example.com', active: false },
    { userName: 'b@example.com', active: true, title: 'Engineer' },
    { userName: 'c@example.com' },
  );
  const second = await eventsOf(() => run('import', file, '--on-conflict', 'replace'));
  assert.deepEqual(typesOf(second).sort(), [
    ...['user.access_changed', 'user.access_changed'],
    ...['user.created', 'user.deactivated', 'user.updated'],
  ]);
  const deactivated = second.find((event) => event.type === 'user.deactivated');
  assert.equal(deactivated?.subject.userName, 'a@example.com');
  assert.equal(deactivated?.priority, 'leaver');
  assert.deepEqual(
    await eventsOf(() => run('import', file, '--on-conflict', 'replace')),
    [],
    'what is so already is no change',
  );
});

test('by hand: what a provider would have caused, by the system’s user', async () => {
  const made = await eventsOf(() => run('user', 'create', 'jane@example.com', 'externalId=7', 'active=true'));
  assert.deepEqual(typesOf(made), ['user.created', 'user.access_changed']);
  const set = await eventsOf(() => run('user', 'set', 'jane@example.com', 'title=Engineer'));
  assert.deepEqual(typesOf(set), ['user.updated']);
  const off = await eventsOf(() => run('user', 'set', 'jane@example.com', 'active=false'));
  assert.deepEqual(typesOf(off), ['user.deactivated', 'user.access_changed']);
  const on = await eventsOf(() => run('user', 'set', 'jane@example.com', 'active=true'));
  assert.deepEqual(typesOf(on), ['user.reactivated', 'user.access_changed']);
  const group = await eventsOf(() => run('group', 'create', 'Finance'));
  assert.deepEqual(typesOf(group), ['group.created']);
  const joined = await eventsOf(() => run('group', 'add', 'Finance', 'jane@example.com'));
  assert.deepEqual(typesOf(joined), ['group.members_changed', 'user.access_changed']);
  const renamed = await eventsOf(() => run('group', 'rename', 'Finance', 'Money'));
  assert.deepEqual(typesOf(renamed), ['group.updated']);
  const gone = await eventsOf(() => run('user', 'delete', 'jane@example.com'));
  assert.deepEqual(typesOf(gone).sort(), ['group.members_changed', 'user.access_changed', 'user.deleted']);
  const back = await eventsOf(() => run('user', 'restore', 'jane@example.com'));
  assert.deepEqual(typesOf(back).sort(), [
    ...['group.members_changed', 'user.access_changed', 'user.access_changed', 'user.restored'],
  ]);
  const restored = back.find((event) => event.type === 'user.restored');
  assert.equal(restored?.data?.externalId, '7');
  const closed = await eventsOf(() => run('group', 'delete', 'Money'));
  assert.deepEqual(typesOf(closed), ['group.deleted', 'user.access_changed']);
  const reopened = await eventsOf(() => run('group', 'restore', 'Money'));
  assert.deepEqual(typesOf(reopened), ['group.restored', 'group.members_changed', 'user.access_changed']);
  const erased = await eventsOf(() => run('user', 'forget', 'jane@example.com', '--yes'));
  const last = erased.at(-1);
  assert.equal(last?.type, 'user.erased');
  assert.deepEqual(Object.keys((last as { subject: object }).subject), ['type', 'id']);
  const all = [made, set, off, on, group, joined, renamed, gone, back, closed, reopened, erased].flat();
  for (const { actor } of all) assert.deepEqual(actor, me);
  const { events } = await page(reader, 'after=oldest&limit=1000');
  assert.doesNotMatch(JSON.stringify(events), /jane@example\.com/, 'earlier events are blanked');
});

test('tenant.deleted: one event, to its webhooks and its consumers, whose name can be given again', async (t) => {
  await run('tenant', 'create', 'acme');
  const secret = await newToken('acme', 'scim');
  const app = await newToken('acme', 'events');
  const receiver = await startReceiver();
  t.after(() => receiver.close());
  const made = await run('webhook', 'create', receiver.url, '--allow-private', '--tenant', 'acme', '--json');
  receiver.secret = JSON.parse(made).secret;
  for (let person = 0; person < 20; person++) {
    const response = await fetch(`${server.url}/Users`, {
      method: 'POST',
      headers: { authorization: `Bearer ${secret}`, 'content-type': 'application/scim+json' },
      body: JSON.stringify({ schemas: [userSchema], userName: `${person}@acme.example` }),
    });
    assert.equal(response.status, 201);
  }
  await until(
    'all people',
    () => receiver.events().filter(({ type }) => type === 'user.created').length === 20,
  );
  const { position } = await page(app, 'after=now');
  const heard: Event[] = [];
  const stop = new AbortController();
  const following = (async () => {
    for await (const event of consume({ url: origin, token: app, position, signal: stop.signal }))
      heard.push(event);
  })();
  await run('tenant', 'delete', 'acme', '--yes');
  const told = (event: Event | undefined) => {
    assert.equal(event?.type, 'tenant.deleted');
    const { tenant, subject, counts, data, priority, actor } = v.parse(eventSchema, event) as Extract<
      Event,
      { type: 'tenant.deleted' }
    >;
    assert.deepEqual(
      { tenant, subject, counts, data, priority, actor },
      {
        ...{ tenant: 'acme', subject: { type: 'Tenant', id: 'acme' }, counts: { User: 20 }, data: null },
        ...{ priority: 'leaver', actor: me },
      },
    );
  };
  await until('the webhook', () => receiver.events().some(({ type }) => type === 'tenant.deleted'));
  await until('the consumer', () => heard.some(({ type }) => type === 'tenant.deleted'));
  told(receiver.events().at(-1));
  told(heard.at(-1));
  stop.abort();
  await following;
  // A position of long ago is told the same: there is nothing else any more.
  const { events } = await page(app, 'after=0&limit=1000');
  assert.deepEqual(typesOf(events as Event[]), ['tenant.deleted']);
  const refused = await fetch(`${server.url}/Users`, { headers: { authorization: `Bearer ${secret}` } });
  assert.equal(refused.status, 401);
  assert.doesNotMatch(await run('tenant', 'list'), /acme/);
  assert.doesNotMatch(await run('token', 'list'), /acme/);
  await run('tenant', 'create', 'acme');
  const again = await newToken('acme', 'events');
  assert.deepEqual((await page(again, 'after=oldest')).events, []);
  await receiver.close();
});

test('the feed is the same with a thread that delivers webhooks, which makes its pages then', async () => {
  const before = join(folder, 'with-thread');
  const own = { folder, environment: { ...place.environment, SCIMD_DATABASE: `${before}.db` } };
  const other = await serving(['serve', '--port', '0'], own);
  after(() => other.stop());
  const provider = secretPattern.exec(other.output.stdout)?.[0] ?? '';
  const made = await scimd(['token', 'create', '--name', 'app', '--scope', 'events'], own);
  const app = secretPattern.exec(made.stdout)?.[0] ?? '';
  const ask = async (query: string): Promise<{ status: number; text: string }> => {
    const response = await fetch(`${new URL(other.url).origin}/events?${query}`, {
      headers: { authorization: `Bearer ${app}` },
    });
    return { status: response.status, text: await response.text() };
  };
  const create = async (userName: string): Promise<string> => {
    const response = await fetch(`${other.url}/Users`, {
      method: 'POST',
      headers: { authorization: `Bearer ${provider}`, 'content-type': 'application/scim+json' },
      body: JSON.stringify({ schemas: [userSchema], userName, active: true }),
    });
    assert.equal(response.status, 201);
    return ((await response.json()) as { id: string }).id;
  };
  const id = await create('first@example.com');
  for (let each = 0; each < 30; each++) await create(`person${each}@example.com`);
  const queries = [
    'after=oldest&limit=1000',
    'after=oldest&limit=7',
    'after=oldest&type=user.created',
    `after=oldest&resource=User/${id}`,
    'after=oldest&resource=Group',
    'after=oldest&type=group.*&wait=0s',
    'after=now',
  ];
  const without = [];
  for (const query of queries) without.push(await ask(query));
  const receiver = await startReceiver();
  after(() => receiver.close());
  const endpoint = await scimd(['webhook', 'create', receiver.url, '--allow-private', '--json'], own);
  assert.equal(endpoint.status, 0, endpoint.stderr);
  receiver.secret = JSON.parse(endpoint.stdout).secret;
  const waiting = ask('after=now&wait=30s&type=user.created');
  await create('later@example.com');
  const { events } = JSON.parse((await waiting).text);
  assert.deepEqual(
    events.map((event: Event) => 'subject' in event && 'userName' in event.subject && event.subject.userName),
    ['later@example.com'],
  );
  await until('the thread', () => receiver.received.length >= 2);
  const end = Number(JSON.parse(without[0]?.text ?? '').position);
  const eventsIn = (text: string): Event[] => JSON.parse(text).events;
  for (const [index, query] of queries.entries()) {
    const now = await ask(query.replace('after=now', `after=${end}`));
    assert.equal(now.status, 200);
    const events = eventsIn(now.text);
    const types = typesOf(events).filter((type) => type.startsWith('user.'));
    if (query === 'after=now') assert.deepEqual(types, ['user.created', 'user.access_changed']);
    else
      assert.deepEqual(
        events.filter(({ sequence }) => sequence <= end),
        eventsIn(without[index]?.text ?? ''),
        query,
      );
  }
  assert.equal((await ask('after=99999')).status, 400);
  assert.equal((await ask('type=user.nothing')).status, 400);
});
