/** GET /events: pages, long poll, filters, positions, consumers, snapshot, digest. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { after, before, describe, test } from 'node:test';
import { acknowledge, compare, consume, PositionTooOld, snapshot } from '../../src/consumer.ts';
import { peopleDigest } from '../../src/events/feed.ts';
import type { Store } from '../../src/store/store.ts';
import { newGroup, newUser, patchOp, startScimd, type TestServer } from '../server.ts';

let server: TestServer;
let token: string;
let origin: string;
before(async () => {
  server = await startScimd();
  token = await server.newToken({ scope: 'events' });
  origin = new URL(server.base).origin;
});
after(() => server.close());

const events = (query: string, options = {}) =>
  server.request('GET', `${origin}/events${query}`, { token, ...options });
const create = async (path: string, body: object): Promise<string> => {
  const { status, json } = await server.request('POST', path, { body });
  assert.equal(status, 201);
  return json.id;
};
const now = async (): Promise<string> => (await events('?after=now')).json.position;

describe('the feed', () => {
  test('tells of a new user, with its envelope and the resource as it is', async () => {
    const start = await now();
    const id = await create('/Users', newUser({ userName: 'jane@feed.example', externalId: '00u7' }));
    const { json } = await events(`?after=${start}&type=user.created`);
    assert.equal(json.events.length, 1);
    const [event] = json.events;
    assert.match(event.id, /^evt_[0-9A-Z]{26}$/);
    assert.equal(event.type, 'user.created');
    assert.equal(event.tenant, 'default');
    assert.deepEqual(event.subject, {
      ...{ type: 'User', id, externalId: '00u7', userName: 'jane@feed.example', version: 1 },
    });
    assert.equal(event.data.meta.version, 'W/"1"');
    assert.equal(event.data.meta.location, `/scim/v2/Users/${id}`);
    assert.equal(event.actor.kind === '', false);
    assert.deepEqual((await events(`?after=${json.position}`)).json, {
      ...{ events: [], position: json.position, more: false },
    });
  });

  test('goes on where a page ended, in order and without a gap', async () => {
    const start = await now();
    for (let count = 0; count < 7; count++) await create('/Users', newUser());
    const all = (await events(`?after=${start}&limit=1000`)).json.events;
    const paged: { id: string }[] = [];
    let position = start;
    for (let more = true; more; ) {
      const { json } = await events(`?after=${position}&limit=3`);
      paged.push(...json.events);
      ({ position, more } = json);
    }
    assert.deepEqual(
      paged.map(({ id }) => id),
      all.map(({ id }: { id: string }) => id),
    );
    assert.equal(new Set(paged.map(({ id }) => id)).size, 14);
  });

  test('begins with the oldest event without a position', async () => {
    assert.deepEqual((await events('?limit=1')).json, (await events('?limit=1&after=oldest')).json);
  });

  test('filters by type, noun and resource', async () => {
    const start = await now();
    const user = await create('/Users', newUser());
    const group = await create('/Groups', newGroup({ members: [{ value: user }] }));
    const typesOf = async (query: string) =>
      (await events(`?after=${start}&${query}`)).json.events.map(({ type }: { type: string }) => type);
    assert.deepEqual(await typesOf('type=group.*'), ['group.created', 'group.members_changed']);
    assert.deepEqual(await typesOf('type=user.created,group.created'), ['user.created', 'group.created']);
    assert.deepEqual(await typesOf(`resource=Group/${group}`), ['group.created', 'group.members_changed']);
    assert.deepEqual(await typesOf('resource=User'), [
      ...['user.created', 'user.access_changed', 'user.access_changed'],
    ]);
  });

  test('has as many events as are asked for, and finds those that are asked for far behind others', async () => {
    const start = await now();
    for (let count = 0; count < 30; count++) await create('/Users', newUser());
    const group = await create('/Groups', newGroup());
    const whole = (await events(`?after=${start}&limit=1000`)).json.events;
    const paged: { id: string }[] = [];
    let position = start;
    for (let more = true; more; ) {
      const { json } = await events(`?after=${position}&limit=1`);
      assert.ok(json.events.length <= 1);
      paged.push(...json.events);
      ({ position, more } = json);
    }
    assert.deepEqual(paged, whole);
    const { json } = await events(`?after=${start}&limit=1&type=group.created`);
    assert.deepEqual(
      json.events.map(({ subject }: { subject: { id: string } }) => subject.id),
      [group],
    );
  });

  test('who stops behind any event goes on at its position and misses none, where a nested group is of many people too', async () => {
    const people: string[] = [];
    for (let count = 0; count < 4; count++) people.push(await create('/Users', newUser()));
    const inner = await create('/Groups', newGroup({ members: people.map((value) => ({ value })) }));
    const start = await now();
    await create('/Groups', newGroup({ members: [{ value: inner }, { value: people[0] }] }));
    const idsOf = (all: { id: string }[]): string[] => all.map(({ id }) => id);
    const whole = (await events(`?after=${start}`)).json.events;
    assert.equal(whole.length, 7);
    for (const [index, { position }] of whole.entries()) {
      const rest = new Set(idsOf((await events(`?after=${position}`)).json.events));
      const missed = idsOf(whole.slice(index + 1)).filter((id) => !rest.has(id));
      assert.deepEqual(missed, [], `behind event ${index} at ${position}`);
    }
    // The pages of who asks for few at once come to an end all the same.
    const paged: { id: string }[] = [];
    let position = start;
    for (let more = true; more && paged.length < 20; ) {
      const { json } = await events(`?after=${position}&limit=1&resource=User/${people[1]}`);
      paged.push(...json.events);
      ({ position, more } = json);
    }
    assert.equal(paged.length, 1);
    assert.equal(position, await now());
  });

  test('waits for an event, and answers as soon as there is one', async () => {
    const start = await now();
    const waiting = events(`?after=${start}&wait=20s&type=user.created`);
    await new Promise((resolve) => setTimeout(resolve, 100));
    const began = performance.now();
    // Not of interest: goes on waiting.
    await create('/Groups', newGroup());
    const id = await create('/Users', newUser());
    const { json } = await waiting;
    assert.equal(json.events[0].subject.id, id);
    assert.ok(performance.now() - began < 5000);
  });

  test('answers without events when the time is over', async () => {
    const start = await now();
    const { status, json } = await events(`?after=${start}&wait=1`);
    assert.equal(status, 200);
    assert.deepEqual(json, { events: [], position: start, more: false });
  });

  for (const [query, why] of [
    ['?after=soon', /after must be a position/],
    ['?after=-1', /after must be a position/],
    ['?after=999999', /the newest position is \d+/],
    ['?after=now&limit=0', /limit must be from 1 to 1000/],
    ['?after=now&limit=many', /limit must be an integer/],
    ['?after=now&wait=61s', /wait must be seconds up to 60/],
    ['?after=now&wait=soon', /wait must be seconds/],
    ['?after=now&type=user.delete', /did you mean|none of the events/i],
    ['?after=now&resource=a/b/c', /resource must be/],
    ['?after=now&resource=Users', /did you mean "User"\?; they are User, Group/],
    ['?after=now&type=', /type must name events/],
    ['?consumer=nobody', /has acknowledged nothing yet/],
  ] as const)
    test(`refuses ${query} with what is known`, async () => {
      const { status, json } = await events(query);
      assert.equal(status, 400);
      assert.match(json.detail, why);
    });

  test('is for tokens of scope events or admin, which read no SCIM with events', async () => {
    for (const scope of ['scim', 'read', 'metrics'] as const) {
      const answer = await events('?after=now', { token: await server.newToken({ scope }) });
      assert.equal(answer.status, 403, scope);
      assert.match(answer.headers.get('www-authenticate') ?? '', /scope="events"/);
    }
    assert.equal((await events('?after=now', { token: null })).status, 401);
    assert.equal(
      (await events('?after=now', { token: await server.newToken({ scope: 'admin' }) })).status,
      200,
    );
    assert.equal((await server.request('GET', '/Users', { token })).status, 403);
  });

  test('of another tenant is another one', async () => {
    const other = await server.newToken({ scope: 'events', tenant: 'other' });
    assert.deepEqual((await events('?after=oldest', { token: other })).json, {
      ...{ events: [], position: '0', more: false },
    });
  });

  test('answers 404 and 405 below it', async () => {
    assert.equal((await events('/nothing')).status, 404);
    assert.equal((await events('/ack')).json.detail, 'GET is not supported here; POST is');
    const { status, headers } = await server.request('POST', `${origin}/events`, { token });
    assert.equal(status, 405);
    assert.equal(headers.get('allow'), 'GET, HEAD');
  });
});

describe('server-sent events', () => {
  const open = async (headers: Record<string, string>, query = '') => {
    const abort = new AbortController();
    const response = await fetch(`${origin}/events${query}`, {
      headers: { authorization: `Bearer ${token}`, accept: 'text/event-stream', ...headers },
      signal: abort.signal,
    });
    const reader = (response.body as ReadableStream<Uint8Array>).getReader();
    let held = '';
    const until = async (pattern: RegExp): Promise<string> => {
      while (!pattern.test(held)) {
        const { value, done } = await reader.read();
        if (done) throw new Error(`ended with ${held}`);
        held += new TextDecoder().decode(value);
      }
      return held;
    };
    return { response, until, close: () => abort.abort() };
  };

  test('come with their position as id, after Last-Event-ID', async () => {
    const start = await now();
    const id = await create('/Users', newUser());
    const stream = await open({ 'last-event-id': start });
    assert.equal(stream.response.headers.get('content-type'), 'text/event-stream; charset=utf-8');
    const first = await stream.until(/access_changed\ndata: .*\n\n/);
    assert.match(first, /^retry: \d{4}\n\n/);
    assert.match(first, new RegExp(`id: \\d+\\.1\\nevent: user\\.created\\ndata: .*"id":"${id}"`));
    const another = await create('/Users', newUser());
    await stream.until(new RegExp(`event: user\\.created\\ndata: .*"id":"${another}"`));
    stream.close();
  });

  test('begin with the position, so that who loses the connection before the first event misses none', async () => {
    const start = await now();
    // An empty Last-Event-ID is none.
    const stream = await open({ 'last-event-id': '' });
    assert.match(await stream.until(/id: .*\n\n/), new RegExp(`^retry: \\d{4}\\n\\nid: ${start}\\n\\n$`));
    stream.close();
    assert.equal(
      (
        await fetch(`${origin}/events?wait=soon`, {
          headers: { authorization: `Bearer ${token}`, accept: 'text/event-stream' },
        })
      ).status,
      400,
    );
  });

  test('a position that there is not yet, or no more, is told as feed.resync', async () => {
    const stream = await open({ 'last-event-id': '999999' });
    assert.match(await stream.until(/\n\n/), /^event: feed\.resync\ndata: .*"snapshot":"\/events\/snapshot"/);
  });
});

describe('named consumers', () => {
  const ack = (body: unknown) => server.request('POST', `${origin}/events/ack`, { token, body });

  test('go on behind what they acknowledged, which does not go back', async () => {
    await create('/Users', newUser());
    const { json } = await events('?after=oldest&limit=1');
    assert.equal((await ack({ consumer: 'app', sequence: json.position })).status, 200);
    const next = await events('?consumer=app&limit=1');
    assert.equal(next.status, 200);
    assert.notEqual(next.json.events[0].id, json.events[0].id);
    const later = await ack({ consumer: 'app', sequence: Number(await now()) });
    assert.equal(later.json.position, await now());
    assert.match(later.json.acknowledged, /^\d{4}-.*Z$/);
    const back = await ack({ consumer: 'app', sequence: json.position });
    assert.equal(back.status, 400);
    assert.match(back.json.detail, /cannot go back/);
    const { json: all } = await server.request('GET', `${origin}/events/consumers`, { token });
    assert.deepEqual(
      all.consumers.map(({ name }: { name: string }) => name),
      ['app'],
    );
    assert.equal((await server.request('DELETE', `${origin}/events/consumers/app`, { token })).status, 204);
    assert.equal((await server.request('DELETE', `${origin}/events/consumers/app`, { token })).status, 404);
    const garbled = await server.request('DELETE', `${origin}/events/consumers/%ZZ`, { token });
    assert.equal(garbled.status, 400);
    assert.match(garbled.json.detail, /percent-encoding/);
  });

  for (const [body, why] of [
    [{ consumer: 'app' }, /sequence is missing/],
    [{ sequence: 1 }, /consumer/],
    [{ consumer: '', sequence: 1 }, /at most 64 letters/],
    [{ consumer: 'a/b', sequence: 1 }, /at most 64 letters/],
    [{ consumer: 'app', sequence: -1 }, /position/],
    [{ consumer: 'app', sequence: 'x' }, /position/],
    [{ consumer: 'app', sequence: 999999 }, /newest position/],
    [{ consumer: 'app', sequence: 1, more: 1 }, /more is not known here/],
    [{ consumer: 5, sequence: 1 }, /consumer must be a string/],
    [{ consumer: 'app', sequence: 1.1 }, /sequence must be a position/],
    [[], /Send/],
  ] as const)
    test(`an acknowledgement ${JSON.stringify(body)} is refused`, async () => {
      const { status, json } = await ack(body);
      assert.equal(status, 400);
      assert.match(json.detail, why);
    });
});

test('the digest and the sum of a snapshot are what the documentation says', async () => {
  const sha256 = (text: string) => createHash('sha256').update(text).digest();
  const ids = await Promise.all([1, 2, 3].map(() => create('/Users', newUser())));
  const group = await create('/Groups', newGroup({ members: ids.map((value) => ({ value })) }));
  await create('/Groups', newGroup({ externalId: 'outer', members: [{ value: group }] }));
  const rule = { name: 'reader', groups: 'externalId eq "outer"' };
  const rules = [{ ...rule, kind: 'role' } as const, { ...rule, kind: 'entitlement' } as const];
  await (server.store as Store).grants.apply(rules, { kind: 'cli' });
  const { text } = await events('/snapshot');
  const lines = text.trimEnd().split('\n');
  const items = lines.slice(1, -1);
  const end = JSON.parse(lines.at(-1) ?? '');
  assert.deepEqual(end, {
    ...{ type: 'snapshot.end', items: items.length },
    sha256: sha256(items.map((line) => `${line}\n`).join('')).toString('hex'),
  });
  const buckets = Array.from({ length: 256 }, () => '');
  const ofRoles = [...buckets];
  const people = items
    .map((line) => JSON.parse(line))
    .filter(({ resourceType }) => resourceType === 'User')
    .sort((a, b) => (a.data.id < b.data.id ? -1 : 1));
  for (const { data, access } of people) {
    const groups = access.groups.map((each: { group: string }) => each.group).sort();
    const head = `${data.id} ${/\d+/.exec(data.meta.version)?.[0]} ${access.active ? 1 : 0}`;
    buckets[sha256(data.id)[0] ?? 0] += `${head} ${groups.join(',')}\n`;
    const roles = access.roles.map(({ role }: { role: string }) => role).sort();
    ofRoles[sha256(data.id)[0] ?? 0] += `${head} ${roles.join(',')}\n`;
  }
  const { json } = await events('/digest');
  assert.deepEqual(
    json.buckets,
    buckets.map((bucket) => sha256(bucket).toString('hex')),
  );
  assert.deepEqual(
    (await events('/digest?of=roles')).json.buckets,
    ofRoles.map((bucket) => sha256(bucket).toString('hex')),
  );
  const wrong = await events('/digest?of=titles');
  assert.deepEqual([wrong.status, /of must be groups or roles/.test(wrong.json.detail)], [400, true]);
  const number = sha256(ids[0] ?? '')[0];
  const { json: one } = await events(`/digest?bucket=${number}`);
  const [person] = one.people.filter(({ id }: { id: string }) => id === ids[0]);
  assert.deepEqual(person.roles, ['reader']);
  const all = people.map(({ data, access }) => ({
    ...{ id: data.id, version: Number(/\d+/.exec(data.meta.version)?.[0]), active: access.active },
    roles: data.id === ids[0] ? [] : access.roles.map(({ role }: { role: string }) => role),
  }));
  const { ids: differ, theirs } = await compare({ url: origin, token }, all, 'roles');
  assert.deepEqual([differ, theirs.get(ids[0] ?? '')?.roles], [[ids[0]], ['reader']]);
});

test('the digest ends while changes come in without a pause: it is of a snapshot then, with the same sums', async () => {
  const { feed } = server.store as Store;
  const lockedOne = await create('/Users', newUser());
  await (server.store as Store).grants.lock(1, lockedOne, { kind: 'cli' });
  await create('/Users', newUser({ active: false }));
  const quiet = await peopleDigest(feed, 1);
  let looks = 0;
  const busy = await peopleDigest({ ...feed, extent: () => ({ oldest: 1, newest: looks++ }) }, 1);
  assert.equal(busy.sequence, quiet.sequence);
  assert.deepEqual(
    busy.buckets.map((bucket) => new Map([...bucket].sort())),
    quiet.buckets.map((bucket) => new Map([...bucket].sort())),
  );
  await (server.store as Store).grants.unlock(1, lockedOne, { kind: 'cli' });
});

describe('the client', () => {
  const connection = () => ({ url: origin, token });

  test('takes a snapshot, follows the feed, and ends equal to the directory', async () => {
    const group = await create('/Groups', newGroup());
    const first = await snapshot(connection());
    const people = new Map<string, { id: string; version: number; active: boolean; groups: string[] }>();
    const put = (data: Record<string, unknown>): void => {
      const {
        id,
        meta,
        active,
        groups = [],
      } = data as never as {
        id: string;
        meta: { version: string };
        active?: boolean;
        groups?: { value: string }[];
      };
      const isActive = active !== false;
      people.set(id, {
        ...{ id, version: Number(/\d+/.exec(meta.version)?.[0]), active: isActive },
        groups: isActive ? groups.map(({ value }) => value) : [],
      });
    };
    let items = 0;
    for await (const { resourceType, data } of first.items) {
      items++;
      if (resourceType === 'User') put(data);
    }
    assert.equal(
      items,
      Object.values(first.counts).reduce((sum, count) => sum + count, 0),
    );
    assert.deepEqual((await compare(connection(), people.values())).ids, []);

    const added = await create('/Users', newUser());
    const gone = await create('/Users', newUser());
    await server.request('PATCH', `/Groups/${group}`, {
      body: patchOp({ op: 'add', path: 'members', value: [{ value: added }, { value: gone }] }),
    });
    await server.request('PATCH', `/Users/${added}`, {
      body: patchOp({ op: 'replace', path: 'active', value: false }),
    });
    await server.request('DELETE', `/Users/${gone}`);
    const end = Number(await now());
    const abort = new AbortController();
    for await (const event of consume({ ...connection(), position: first.position, signal: abort.signal })) {
      if (event.type === 'user.deleted') people.delete(event.subject.id);
      else if (event.type === 'user.access_changed') {
        const known = people.get(event.subject.id);
        if (known !== undefined) {
          known.active = event.access.active;
          known.groups = event.access.groups.map(({ group: id }) => id);
        }
      } else if ('data' in event && event.data !== null && event.subject.type === 'User') put(event.data);
      if (event.position === String(end)) abort.abort();
    }
    const { ids, position } = await compare(connection(), people.values());
    assert.deepEqual(ids, []);
    assert.equal(position, String(end));
    assert.deepEqual(people.get(added)?.active, false);
    people.delete(added);
    assert.deepEqual((await compare(connection(), people.values())).ids, [added]);
    await acknowledge(connection(), { consumer: 'client', position });
  });

  test('says what is wrong, and does not try it again', async () => {
    await assert.rejects(
      consume({ ...connection(), position: 'x' }).next(),
      ({ status, message }: { status: number; message: string }) =>
        status === 400 && /after must be/.test(message),
    );
    await assert.rejects(
      snapshot({ url: origin, token: 'wrong' }),
      ({ status }: { status: number }) => status === 401,
    );
  });
});

describe('a position that is older than what is kept', () => {
  test('is 410 with the oldest one and the snapshot, feed.resync, and PositionTooOld: nothing is skipped in silence', async () => {
    const removed = await (server.store as Store).pruneChanges(new Date(Date.now() + 60_000), 5);
    assert.equal(removed, 5);
    const { status, json } = await events('?after=2');
    assert.equal(status, 410);
    assert.deepEqual([json.oldest, json.snapshot], ['5', '/events/snapshot']);
    assert.match(json.detail, /not kept any more/);
    assert.equal((await events('?after=5&limit=1')).json.events[0].sequence, 6);
    assert.equal((await events('?limit=1')).json.events[0].sequence, 6);
    const stream = await events('', { headers: { accept: 'text/event-stream', 'last-event-id': '2' } });
    assert.match(stream.text, /^event: feed\.resync\ndata: .*"oldest":"5"/);
    await assert.rejects(
      consume({ url: origin, token, position: '2' }).next(),
      (error) => error instanceof PositionTooOld && error.oldest === '5',
    );
  });
});
