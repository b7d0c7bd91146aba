/** What is deleted comes back, what is erased does not, and nothing refers to what is gone. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { enterpriseUserSchema } from '../../src/scim/standard.ts';
import type { Change } from '../../src/store/change.ts';
import type { Command, Outcome, StoredResource } from '../../src/store/store.ts';
import { actor, add, type Setting, without } from './setting.ts';
import { remove } from './writes.ts';

export function restoreContract(setting: () => Setting, keepsStrangers: boolean): void {
  const testWithStrangers = keepsStrangers ? test : without;
  const one = async (command: Command): Promise<Outcome> => {
    const s = setting();
    const [outcome] = await s.store.commit([s.unit(command)]);
    assert.ok(outcome !== undefined);
    if (outcome.outcome === 'failed') throw outcome.error;
    return outcome;
  };
  const restore = (resource: StoredResource): Promise<Outcome> =>
    one({ kind: 'restore', type: setting().target(resource).type, id: resource.id });
  const erase = (resource: StoredResource): Promise<Outcome> =>
    one({ kind: 'erase', type: setting().target(resource).type, id: resource.id });
  const changesOf = (resource: StoredResource): Promise<readonly Change[]> =>
    Promise.resolve(setting().store.changes({ tenant: 1, id: resource.id, limit: 100 }));
  const last = async (resource: StoredResource): Promise<Change | undefined> =>
    (await changesOf(resource)).at(-1);

  test('a deleted user comes back with id, attributes, creation and groups; the version goes on', async () => {
    const s = setting();
    const user = await s.createUser('a', { externalId: 'x-1', emails: [{ value: 'a@x', type: 'work' }] });
    const group = await s.createGroup('staff', [user.id]);
    s.now += 1000;
    await remove(s.store, s.target(user));
    assert.deepEqual(await s.memberIds(group), []);
    s.now += 1000;
    const outcome = await restore(user);
    assert.equal(outcome.outcome === 'done' && outcome.results[0]?.outcome, 'restored');
    const back = await s.get(user);
    assert.equal(back?.body, user.body);
    assert.equal(back?.created, user.created);
    assert.equal(back?.version, 3);
    assert.equal(back?.modified, '2026-01-02T03:04:07.678Z');
    assert.deepEqual(await s.memberIds(group), [user.id]);
    assert.deepEqual(await s.find('externalId eq "x-1"'), [user.id]);
    assert.deepEqual(await s.find('emails.value eq "a@x"'), [user.id]);
    assert.equal((await s.list({ targets: [{ type: s.user }] })).total, 1);
    const record = await last(user);
    assert.equal(record?.operation, 'restore');
    const joined = await last(group);
    assert.deepEqual(
      [joined?.added, joined?.cause, joined?.transaction],
      [[user.id], { operation: 'restore', type: 'User', id: user.id }, record?.transaction],
    );
  });

  testWithStrangers(
    'a deleted group comes back with the members that are there, and with those that were never here',
    async () => {
      const s = setting();
      const [a, b] = (await s.createUsers('a', 'b')) as [StoredResource, StoredResource];
      const group = await s.createGroup('staff', [a.id, b.id, 'elsewhere']);
      await remove(s.store, s.target(group));
      await remove(s.store, s.target(b));
      await restore(group);
      assert.deepEqual((await s.memberIds(group)).sort(), [a.id, 'elsewhere'].sort());
      assert.deepEqual((await last(group))?.added?.toSorted(), [a.id, 'elsewhere'].sort());
      assert.equal((await s.get(group))?.version, 3);
    },
  );

  test('a name that was taken meanwhile is told, and nothing comes back', async () => {
    const s = setting();
    const user = await s.createUser('a');
    const group = await s.createGroup('staff', [user.id]);
    await remove(s.store, s.target(user));
    await s.createUser('A');
    assert.deepEqual(await restore(user), { outcome: 'taken', command: 0, path: 'userName', value: 'a' });
    assert.equal(await s.get(user), undefined);
    assert.deepEqual(await s.memberIds(group), []);
  });

  test('what is there, was never there, or was deleted too long ago is not restored', async () => {
    const s = setting();
    const user = await s.createUser('a');
    assert.deepEqual(await restore(user), { outcome: 'present', command: 0 });
    assert.deepEqual(await one({ kind: 'restore', type: s.user, id: 'nobody' }), {
      outcome: 'missing',
      command: 0,
    });
    await remove(s.store, s.target(user));
    await s.store.pruneChanges(new Date(s.now + 60_000), 100);
    assert.deepEqual(await restore(user), { outcome: 'missing', command: 0 });
  });

  test('deletions that can be undone are listed, the latest first', async () => {
    const s = setting();
    const [a, b, c] = (await s.createUsers('a', 'b', 'c')) as [
      StoredResource,
      StoredResource,
      StoredResource,
    ];
    for (const user of [a, b, c]) await remove(s.store, s.target(user));
    await restore(b);
    const list = await s.store.deletions({ tenant: 1, type: s.user, limit: 10 });
    assert.deepEqual(
      list.map(({ id, last }) => [id, last.document.userName]),
      [
        [c.id, 'c'],
        [a.id, 'a'],
      ],
    );
    const [first, second] = list;
    assert.deepEqual(
      await s.store.deletions({ tenant: 1, type: s.user, before: first?.sequence ?? 0, limit: 10 }),
      [second],
    );
    assert.deepEqual(await s.store.deletion({ tenant: 1, type: s.user, id: a.id }), second);
    assert.equal(await s.store.deletion({ tenant: 1, type: s.user, id: b.id }), undefined);
    assert.deepEqual(second?.actor, actor);
  });

  test('an erased person is in no change any more, and the numbers and digests stay', async () => {
    const s = setting();
    const user = await s.createUser('secret-name', { title: 'old' });
    const group = await s.createGroup('staff', [user.id]);
    await s.change(user, { title: 'secret-title' });
    const before = await s.store.changes({ tenant: 1, limit: 100 });
    assert.equal((await erase(user)).outcome, 'done');
    assert.equal(await s.get(user), undefined);
    assert.deepEqual(await s.memberIds(group), []);
    const after = await s.store.changes({ tenant: 1, limit: 100 });
    assert.doesNotMatch(JSON.stringify(after), /secret/);
    assert.deepEqual(
      after.map(({ sequence, operation, id }) => [sequence, operation, id === user.id]),
      [
        [1, 'create', true],
        [2, 'create', false],
        [3, 'patch', true],
        [4, 'patch', false],
        [5, 'delete', true],
        [6, 'erase', true],
      ],
    );
    assert.deepEqual(
      after.slice(0, 3).map(({ digest, link }) => [digest, link]),
      before.map(({ digest, link }) => [digest, link]),
    );
    assert.deepEqual(after[2]?.edits, [{ path: 'title', omitted: 'erased' }]);
    assert.equal(after[4]?.last, undefined);
    assert.deepEqual(await restore(user), { outcome: 'missing', command: 0 });
    assert.deepEqual(await erase(user), { outcome: 'missing', command: 0 });
    assert.deepEqual(await one({ kind: 'erase', type: s.user, id: 'nobody' }), {
      outcome: 'missing',
      command: 0,
    });
  });

  test('an erased person is in no message that waits, and in no token of a stream', async () => {
    const s = setting();
    const user = await s.createUser('secret-name', { title: 'secret-title' });
    const { outbox } = s.store;
    const endpoint = await outbox.createEndpoint({
      ...{ tenant: 1, url: 'https://app.example.com/', batch: 1, allowPrivate: false, position: '0' },
      ...{ secrets: [], signingKeys: [] },
    });
    const event = (name: string): string => `urn:ietf:params:scim:event:prov:${name}`;
    const scim = { format: 'scim', uri: `/Users/${user.id}` };
    const named = { ...scim, externalId: 'secret-external' };
    const operations = [{ op: 'replace', path: 'title', value: 'secret-title' }];
    const email = { format: 'email', email: 'secret@example.com' };
    const version = 'W/"1"';
    const messages: [message: object, left: object][] = [
      [
        { type: 'user.updated', subject: { id: user.id, userName: 'secret-name' }, data: { id: user.id } },
        { type: 'user.updated', subject: { id: user.id }, data: null },
      ],
      [
        { sub_id: named, events: { [event('patch:notice')]: { version, attributes: ['title'] } } },
        { sub_id: scim, events: { [event('patch:notice')]: { version, attributes: ['title'] } } },
      ],
      [
        { sub_id: named, events: { [event('patch:full')]: { version, data: { Operations: operations } } } },
        { sub_id: scim, events: { [event('patch:notice')]: { version, attributes: ['title'] } } },
      ],
      [
        { sub_id: named, events: { [event('create:full')]: { data: { id: user.id, title: 'secret' } } } },
        { sub_id: scim, events: { [event('create:notice')]: { attributes: ['id', 'title'] } } },
      ],
      [
        { sub_id: email, events: { [event('deactivate')]: {} } },
        { sub_id: { format: 'opaque', id: user.id }, events: { [event('deactivate')]: {} } },
      ],
    ];
    await outbox.enqueue(
      endpoint.id,
      messages.map(([message], place) => ({
        ...{
          message: `m${place}`,
          sequence: 1,
          place,
          subjects: [user.id],
          leaver: false,
          tries: 1,
          next: 0,
        },
        body: JSON.stringify(message),
      })),
    );
    const others = {
      subjects: ['another'],
      leaver: false,
      tries: 1,
      next: 0,
      body: '{"sub_id":{},"events":{}}',
    };
    await outbox.enqueue(endpoint.id, [{ message: 'other', sequence: 1, place: 9, ...others }]);
    assert.equal((await erase(user)).outcome, 'done');
    for (const [place, [, left]] of messages.entries())
      assert.deepEqual(JSON.parse((await outbox.deliveryBody(endpoint.id, `m${place}`)) ?? ''), left);
    assert.equal(await outbox.deliveryBody(endpoint.id, 'other'), others.body);
  });

  test('somebody who was deleted earlier is erased too', async () => {
    const s = setting();
    const user = await s.createUser('secret-name');
    await remove(s.store, s.target(user));
    await erase(user);
    assert.doesNotMatch(JSON.stringify(await s.store.changes({ tenant: 1, limit: 100 })), /secret/);
    assert.deepEqual(await s.store.deletions({ tenant: 1, type: s.user, limit: 10 }), []);
  });

  test('RFC 7644 §3.6: whoever has a deleted user as manager has none any more, which is recorded', async () => {
    const s = setting();
    const boss = await s.createUser('boss');
    const manager = { value: boss.id, $ref: `../Users/${boss.id}` };
    const report = await s.createUser('a', { [enterpriseUserSchema]: { manager, department: 'Sales' } });
    const other = await s.createUser('b', { [enterpriseUserSchema]: { manager } });
    const apart = await s.createUser('c', { [enterpriseUserSchema]: { manager: { value: report.id } } });
    await remove(s.store, s.target(boss));
    const documentOf = async (user: StoredResource) => JSON.parse((await s.get(user))?.body ?? '{}');
    assert.deepEqual((await documentOf(report))[enterpriseUserSchema], { department: 'Sales' });
    assert.deepEqual(Object.keys(await documentOf(other)).includes(enterpriseUserSchema), false);
    assert.deepEqual((await documentOf(other)).schemas, ['urn:ietf:params:scim:schemas:core:2.0:User']);
    assert.deepEqual((await documentOf(apart))[enterpriseUserSchema], { manager: { value: report.id } });
    assert.equal((await s.get(report))?.version, 2);
    const record = await last(report);
    assert.deepEqual(
      [record?.operation, record?.edits, record?.cause],
      [
        'patch',
        [{ path: `${enterpriseUserSchema}:manager`, from: manager }],
        { operation: 'delete', type: 'User', id: boss.id },
      ],
    );
    assert.equal(record?.transaction, (await last(boss))?.transaction);
    assert.deepEqual(await s.find(`${enterpriseUserSchema}:manager.value eq "${boss.id}"`), []);
    assert.deepEqual(await s.find(`${enterpriseUserSchema}:manager.value eq "${report.id}"`), [apart.id]);
  });

  test('a tenant’s deletions, erasures and references are its own', async () => {
    const s = setting();
    const user = await s.create(s.user, { schemas: [], userName: 'a' });
    const other = await s.store.createTenant('other');
    await remove(s.store, s.target(user));
    s.tenant = other.number;
    assert.deepEqual(await restore(user), { outcome: 'missing', command: 0 });
    assert.deepEqual(await erase(user), { outcome: 'missing', command: 0 });
    assert.deepEqual(await s.store.deletions({ tenant: other.number, type: s.user, limit: 10 }), []);
  });

  testWithStrangers('an id that a group has as unknown is known when it comes back', async () => {
    const s = setting();
    const user = await s.createUser('a', { displayName: 'A' });
    await remove(s.store, s.target(user));
    const group = await s.createGroup('staff');
    await s.edit(group, add(user.id));
    await restore(user);
    assert.deepEqual(await s.members(group), [
      { value: user.id, $ref: `https://scim.example/v2/Users/${user.id}`, type: 'User', display: 'A' },
    ]);
  });
}
