/** Each event from the real request that causes it, held to its schema. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import * as v from 'valibot';
import { eventJsonSchemas, eventSchema, eventTypes } from '../../src/events/catalogue.ts';
import type { Event, EventType } from '../../src/events/event.ts';
import {
  bulkSchema,
  newGroup,
  newUser,
  patchOp,
  startScimd,
  type TestServer,
  userSchema,
} from '../server.ts';

let server: TestServer;
let token: string;
let origin: string;
before(async () => {
  // Members by the thousand come and go: of the guard other tests tell.
  server = await startScimd({ baseUrl: 'https://id.example.com/scim/v2', guard: { mode: 'off' } });
  token = await server.newToken({ scope: 'events' });
  origin = new URL(server.base).origin;
});
after(() => server.close());

async function scim(method: string, path: string, body?: object): Promise<{ id: string }> {
  const { status, json, text } = await server.request(method, path, body === undefined ? {} : { body });
  assert.ok(status < 300, `${status} ${text}`);
  return json;
}

/** The events that `action` makes, each as its schema says. */
async function eventsOf(action: () => Promise<unknown>): Promise<Event[]> {
  const get = async (query: string) =>
    (await server.request('GET', `${origin}/events?${query}`, { token })).json;
  let { position } = await get('after=now');
  await action();
  const events: Event[] = [];
  for (let more = true; more; ) {
    const page = await get(`after=${position}&limit=1000`);
    for (const event of page.events) events.push(v.parse(eventSchema, event));
    ({ position, more } = page);
  }
  return events;
}
const typesOf = (events: readonly Event[]): EventType[] => events.map(({ type }) => type);
function only<Type extends EventType>(events: readonly Event[], type: Type): Extract<Event, { type: Type }> {
  const found = events.filter((event): event is Extract<Event, { type: Type }> => event.type === type);
  assert.equal(found.length, 1, `${type} among ${typesOf(events)}`);
  return found[0] as Extract<Event, { type: Type }>;
}

describe('people', () => {
  test('user.created by POST: with who did it, and the access that it brings', async () => {
    const events = await eventsOf(() =>
      scim('POST', '/Users', newUser({ userName: 'jane@people.example', externalId: '00u7' })),
    );
    assert.deepEqual(typesOf(events), ['user.created', 'user.access_changed']);
    const created = only(events, 'user.created');
    assert.equal(created.actor.kind, 'token');
    assert.equal(created.actor.idp, 'generic');
    assert.equal(created.data?.userName, 'jane@people.example');
    assert.equal(created.subject.externalId, '00u7');
    assert.match(
      JSON.stringify(created.data?.meta),
      /"location":"https:\/\/id\.example\.com\/scim\/v2\/Users\//,
    );
    const { access, subject } = only(events, 'user.access_changed');
    assert.equal(subject.userName, 'jane@people.example');
    assert.deepEqual(access, {
      ...{ active: true, locked: false, roles: [], entitlements: [], groups: [], gained: [], lost: [] },
    });
    assert.equal(new Set(events.map(({ transaction }) => transaction)).size, 1);
  });

  test('a password is never told, only that it changed', async () => {
    const { id } = await scim('POST', '/Users', newUser({ password: 'first secret 1' }));
    const events = await eventsOf(() =>
      scim('PATCH', `/Users/${id}`, patchOp({ op: 'replace', path: 'password', value: 'second secret 2' })),
    );
    assert.deepEqual(typesOf(events), ['user.updated']);
    assert.deepEqual(only(events, 'user.updated').changes, [{ path: 'password' }]);
    assert.doesNotMatch(JSON.stringify(events), /secret/);
  });

  test('user.updated says from what to what, by PATCH in every form and by PUT', async () => {
    const { id } = await scim(
      'POST',
      '/Users',
      newUser({ userName: 'forms@example.com', title: 'Engineer' }),
    );
    const changes: [string, object, string][] = [
      ['PATCH', patchOp({ op: 'replace', path: 'title', value: 'a' }), 'a'],
      ['PATCH', patchOp({ op: 'Replace', path: 'Title', value: 'b' }), 'b'],
      ['PATCH', patchOp({ op: 'add', value: { title: 'c' } }), 'c'],
      ['PATCH', patchOp({ op: 'replace', path: `${userSchema}:title`, value: 'd' }), 'd'],
      ['PUT', newUser({ userName: 'forms@example.com', title: 'e' }), 'e'],
    ];
    let from = 'Engineer';
    for (const [method, body, to] of changes) {
      const events = await eventsOf(() => scim(method, `/Users/${id}`, body));
      assert.deepEqual(typesOf(events), ['user.updated'], method);
      assert.deepEqual(only(events, 'user.updated').changes, [{ path: 'title', from, to }]);
      from = to;
    }
    assert.deepEqual(
      await eventsOf(() =>
        scim('PATCH', `/Users/${id}`, patchOp({ op: 'replace', path: 'title', value: 'e' })),
      ),
      [],
    );
  });

  for (const [provider, off, on] of [
    ['Okta', { op: 'replace', value: { active: false } }, { op: 'replace', value: { active: true } }],
    [
      'Entra ID',
      { op: 'replace', path: 'active', value: false },
      { op: 'replace', path: 'active', value: true },
    ],
  ] as const)
    test(`user.deactivated and user.reactivated by ${provider}'s PATCH, with all that is lost and gained`, async () => {
      const { id } = await scim('POST', '/Users', newUser({ active: true }));
      const group = await scim(
        'POST',
        '/Groups',
        newGroup({ displayName: `${provider} staff`, members: [{ value: id }] }),
      );
      const left = await eventsOf(() => scim('PATCH', `/Users/${id}`, patchOp(off)));
      assert.deepEqual(typesOf(left), ['user.deactivated', 'user.access_changed']);
      const { access, priority, changes } = only(left, 'user.deactivated');
      assert.equal(priority, 'leaver');
      assert.deepEqual(changes, [{ path: 'active', from: true, to: false }]);
      const of = { group: group.id, display: `${provider} staff` };
      assert.deepEqual(access, {
        ...{ active: false, locked: false, roles: [], entitlements: [], groups: [], gained: [], lost: [of] },
      });
      assert.equal(only(left, 'user.access_changed').priority, 'leaver');
      const back = await eventsOf(() => scim('PATCH', `/Users/${id}`, patchOp(on)));
      assert.deepEqual(typesOf(back), ['user.reactivated', 'user.access_changed']);
      assert.deepEqual(only(back, 'user.access_changed').access.gained, [of]);
      assert.deepEqual(only(back, 'user.access_changed').access.groups, [of]);
    });

  test('a PUT that deactivates and changes more makes an event of each', async () => {
    const { id } = await scim('POST', '/Users', newUser({ userName: 'both@example.com', active: true }));
    const events = await eventsOf(() =>
      scim('PUT', `/Users/${id}`, newUser({ userName: 'both@example.com', active: false, title: 'Former' })),
    );
    assert.deepEqual(typesOf(events), ['user.deactivated', 'user.updated', 'user.access_changed']);
    assert.deepEqual(only(events, 'user.updated').changes, [{ path: 'title', to: 'Former' }]);
  });

  test('user.deleted of a person in ten groups: with what it was, and ten groups that changed in one transaction', async () => {
    const { id } = await scim('POST', '/Users', newUser({ userName: 'ten@example.com', externalId: 'x10' }));
    const groups: string[] = [];
    for (let count = 0; count < 10; count++)
      groups.push(
        (await scim('POST', '/Groups', newGroup({ externalId: `g${count}`, members: [{ value: id }] }))).id,
      );
    const events = await eventsOf(() => scim('DELETE', `/Users/${id}`));
    assert.deepEqual(typesOf(events).sort(), [
      ...Array(10).fill('group.members_changed'),
      'user.access_changed',
      'user.deleted',
    ]);
    const deleted = only(events, 'user.deleted');
    assert.equal(deleted.data, null);
    assert.equal(deleted.priority, 'leaver');
    assert.equal(deleted.previous?.userName, 'ten@example.com');
    assert.deepEqual(
      ((deleted.previous?.groups ?? []) as { value: string }[]).map(({ value }) => value).sort(),
      groups.sort(),
    );
    assert.deepEqual(deleted.subject.externalId, 'x10');
    const { access } = only(events, 'user.access_changed');
    assert.equal(access.active, false);
    assert.deepEqual(
      access.lost.map(({ externalId }) => externalId),
      Array.from({ length: 10 }, (_, count) => `g${count}`),
    );
    assert.deepEqual(only(events, 'user.access_changed').cause, { operation: 'delete', type: 'User', id });
    // Who left a group has a name there too, though nobody finds them any more.
    for (const event of events)
      if (event.type === 'group.members_changed')
        assert.deepEqual(event.removed, [
          { id, type: 'User', externalId: 'x10', userName: 'ten@example.com' },
        ]);
    assert.equal(new Set(events.map(({ transaction }) => transaction)).size, 1);
  });

  test('a lock is told with its cause, and with no version, since it makes none', async () => {
    const { id } = await scim('POST', '/Users', newUser({ userName: 'locked@example.com' }));
    for (const operation of ['lock', 'unlock'] as const) {
      const events = await eventsOf(async () => server.store?.grants[operation](1, id, { kind: 'cli' }));
      const { subject, cause, access } = only(events, 'user.access_changed');
      assert.deepEqual(subject, { type: 'User', id, userName: 'locked@example.com' });
      assert.deepEqual(cause, { operation, type: 'User', id });
      assert.equal(access.active, operation === 'unlock');
    }
  });

  test('user.access_changed of a group names the change of the group as its cause', async () => {
    const { id } = await scim('POST', '/Users', newUser());
    const group = await scim('POST', '/Groups', newGroup());
    const joined = await eventsOf(() =>
      scim('PATCH', `/Groups/${group.id}`, patchOp({ op: 'add', path: 'members', value: [{ value: id }] })),
    );
    const { cause } = only(joined, 'user.access_changed');
    assert.deepEqual(cause, { operation: 'patch', type: 'Group', id: group.id });
  });

  test('bulk: one transaction, an event for each change', async () => {
    const operations = [1, 2, 3].map((number) => ({
      ...{ method: 'POST', path: '/Users', bulkId: `b${number}`, data: newUser() },
    }));
    const events = await eventsOf(() =>
      scim('POST', '/Bulk', { schemas: [bulkSchema], Operations: operations }),
    );
    assert.equal(events.filter(({ type }) => type === 'user.created').length, 3);
    assert.equal(new Set(events.map(({ transaction }) => transaction)).size, 1);
  });

  test('bulk PATCH and bulk DELETE: what each operation did, in the order of the operations', async () => {
    const [leaver, deleted, renamed] = await Promise.all(
      [1, 2, 3].map(() => scim('POST', '/Users', newUser())),
    );
    const members = [leaver, deleted].map((each) => ({ value: each?.id }));
    const group = await scim('POST', '/Groups', newGroup({ displayName: 'Bulk', members }));
    const replace = (path: string, value: unknown) => patchOp({ op: 'replace', path, value });
    const events = await eventsOf(() =>
      scim('POST', '/Bulk', {
        schemas: [bulkSchema],
        Operations: [
          { method: 'PATCH', path: `/Users/${renamed?.id}`, data: replace('title', 'Judge') },
          { method: 'PATCH', path: `/Users/${leaver?.id}`, data: replace('active', false) },
          { method: 'DELETE', path: `/Users/${deleted?.id}` },
          {
            ...{ method: 'PATCH', path: `/Groups/${group.id}` },
            data: patchOp({ op: 'remove', path: `members[value eq "${leaver?.id}"]` }),
          },
          { method: 'DELETE', path: `/Groups/${group.id}` },
        ],
      }),
    );
    assert.deepEqual(
      events.filter(({ type }) => type !== 'user.access_changed').map(({ type }) => type),
      [
        ...['user.updated', 'user.deactivated', 'group.members_changed', 'user.deleted'],
        ...['group.members_changed', 'group.deleted'],
      ],
    );
    assert.deepEqual(only(events, 'user.updated').changes, [{ path: 'title', to: 'Judge' }]);
    const { subject, access } = only(events, 'user.deactivated');
    assert.equal(subject.id, leaver?.id);
    assert.deepEqual(access.active, false);
    const { data, previous } = only(events, 'user.deleted');
    assert.equal(data, null);
    assert.deepEqual(previous?.groups, [{ value: group.id, display: 'Bulk' }]);
    const changed = events.filter((event) => event.type === 'group.members_changed');
    assert.deepEqual(
      changed.map(({ removed }) => removed.map(({ id }) => id)),
      [[deleted?.id], [leaver?.id]],
    );
    assert.equal(new Set(events.map(({ transaction }) => transaction)).size, 1);
  });

  test('what was refused is not told of', async () => {
    await scim('POST', '/Users', newUser({ userName: 'taken@example.com' }));
    const events = await eventsOf(async () => {
      const { status } = await server.request('POST', '/Users', {
        body: newUser({ userName: 'taken@example.com' }),
      });
      assert.equal(status, 409);
    });
    assert.deepEqual(events, []);
  });
});

describe('groups', () => {
  test('group.created, group.updated, group.members_changed, group.deleted, with who came and went', async () => {
    const jane = await scim('POST', '/Users', newUser({ userName: 'jane@groups.example', externalId: 'j1' }));
    const joe = await scim('POST', '/Users', newUser({ userName: 'joe@groups.example' }));
    let id = '';
    const made = await eventsOf(async () => {
      ({ id } = await scim(
        'POST',
        '/Groups',
        newGroup({ displayName: 'Finance', members: [{ value: jane.id }] }),
      ));
    });
    assert.deepEqual(typesOf(made), ['group.created', 'group.members_changed', 'user.access_changed']);
    const created = only(made, 'group.created');
    assert.equal(created.data?.memberCount, 1);
    assert.equal('members' in (created.data ?? {}), false);
    assert.deepEqual(only(made, 'group.members_changed').added, [
      { id: jane.id, type: 'User', externalId: 'j1', userName: 'jane@groups.example' },
    ]);
    const { access, subject } = only(made, 'user.access_changed');
    assert.equal(subject.id, jane.id);
    assert.deepEqual(access.gained, [{ group: id, display: 'Finance' }]);

    const renamed = await eventsOf(() =>
      scim('PATCH', `/Groups/${id}`, patchOp({ op: 'replace', path: 'displayName', value: 'Money' })),
    );
    assert.deepEqual(typesOf(renamed), ['group.updated']);
    assert.deepEqual(only(renamed, 'group.updated').changes, [
      { path: 'displayName', from: 'Finance', to: 'Money' },
    ]);

    const changed = await eventsOf(() =>
      scim(
        'PATCH',
        `/Groups/${id}`,
        patchOp(
          { op: 'add', path: 'members', value: [{ value: joe.id }] },
          { op: 'remove', path: `members[value eq "${jane.id}"]` },
        ),
      ),
    );
    assert.deepEqual(typesOf(changed), [
      'group.members_changed',
      'user.access_changed',
      'user.access_changed',
    ]);
    const members = only(changed, 'group.members_changed');
    assert.deepEqual(members.part, { index: 0, of: 1 });
    assert.deepEqual(
      [members.added, members.removed].map(([one]) => one?.userName),
      ['joe@groups.example', 'jane@groups.example'],
    );
    assert.deepEqual(
      await eventsOf(() =>
        scim('PATCH', `/Groups/${id}`, patchOp({ op: 'add', path: 'members', value: [{ value: joe.id }] })),
      ),
      [],
      'a member who is there is no change',
    );

    const gone = await eventsOf(() => scim('DELETE', `/Groups/${id}`));
    assert.deepEqual(typesOf(gone), ['group.deleted', 'user.access_changed']);
    assert.equal(only(gone, 'group.deleted').previous?.displayName, 'Money');
    assert.deepEqual(only(gone, 'user.access_changed').access.lost, [{ group: id, display: 'Money' }]);
  });

  test('a group in a group: access of the people in it', async () => {
    const person = await scim('POST', '/Users', newUser());
    const inner = await scim(
      'POST',
      '/Groups',
      newGroup({ displayName: 'Inner', members: [{ value: person.id }] }),
    );
    const outer = await scim('POST', '/Groups', newGroup({ displayName: 'Outer' }));
    const events = await eventsOf(() =>
      scim(
        'PATCH',
        `/Groups/${outer.id}`,
        patchOp({ op: 'add', path: 'members', value: [{ value: inner.id }] }),
      ),
    );
    const { access, subject } = only(events, 'user.access_changed');
    assert.equal(subject.id, person.id);
    assert.deepEqual(access.gained, [{ group: outer.id, display: 'Outer' }]);
    assert.deepEqual(access.groups.map(({ display }) => display).sort(), ['Inner', 'Outer']);
  });

  test('a group of 10,000 members: parts of 500 when it fills, and everybody loses it when it is deleted', async () => {
    const people: string[] = [];
    for (let lot = 0; lot < 10; lot++) {
      const { json } = await server.request('POST', '/Bulk', {
        body: {
          schemas: [bulkSchema],
          Operations: Array.from({ length: 1000 }, (_, index) => ({
            ...{ method: 'POST', path: '/Users', bulkId: `p${index}`, data: newUser() },
          })),
        },
      });
      for (const { location } of json.Operations) people.push(location.split('/').pop());
    }
    const { id } = await scim('POST', '/Groups', newGroup({ displayName: 'Everybody' }));
    const members = people.map((value) => ({ value }));
    const filled = await eventsOf(() =>
      scim('PATCH', `/Groups/${id}`, patchOp({ op: 'add', path: 'members', value: members })),
    );
    const parts = filled.filter((event) => event.type === 'group.members_changed');
    assert.equal(parts.length, 20);
    assert.deepEqual(
      parts.map(({ part }) => part),
      parts.map((_, index) => ({ index, of: 20 })),
    );
    assert.ok(parts.every(({ added, removed }) => added.length + removed.length <= 500));
    assert.equal(new Set(parts.flatMap(({ added }) => added.map((each) => each.id))).size, 10_000);
    assert.equal(filled.filter(({ type }) => type === 'user.access_changed').length, 10_000);
    const gone = await eventsOf(() => scim('DELETE', `/Groups/${id}`));
    const access = gone.filter((event) => event.type === 'user.access_changed');
    assert.equal(access.length, 10_000);
    assert.deepEqual(access[0]?.access.lost, [{ group: id, display: 'Everybody' }]);
    assert.equal(new Set(gone.map(({ id: each }) => each)).size, 10_001);
  });
});

test('each type of event has a JSON Schema, and they are served', async () => {
  const schemas = eventJsonSchemas();
  assert.deepEqual(Object.keys(schemas), eventTypes);
  for (const [type, schema] of Object.entries(schemas))
    assert.equal((schema as { properties: { type: { const: string } } }).properties.type.const, type);
  // Releases add fields: a receiver that holds events to these refuses none of a later one.
  assert.doesNotMatch(JSON.stringify(schemas), /"additionalProperties":false/);
  const { json } = await server.request('GET', `${origin}/events/types`, { token });
  assert.deepEqual(json, JSON.parse(JSON.stringify(schemas)));
});
