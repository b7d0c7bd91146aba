/** Roles by rules, locks and the guard, as every store keeps them. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { AccessRule } from '../../src/scim/roles.ts';
import type { GuardPolicy, GuardReason } from '../../src/store/guard.ts';
import type { Command, Outcome, StoredResource } from '../../src/store/store.ts';
import { groupDocument } from './registry.ts';
import { actor, add, type Setting } from './setting.ts';

const policy: GuardPolicy = {
  ...{ mode: 'hold', people: 2, share: 0.1, minutes: 60 },
  protectedPeople: new Set(),
};

export function accessContract(setting: () => Setting): void {
  const one = async (command: Command, guard?: GuardPolicy): Promise<Outcome> => {
    const s = setting();
    const [outcome] = await s.store.commit([
      { ...s.unit(command), ...(guard === undefined ? {} : { guard }) },
    ]);
    assert.ok(outcome !== undefined);
    if (outcome.outcome === 'failed') throw outcome.error;
    return outcome;
  };
  const refusal = (outcome: Outcome): GuardReason | undefined =>
    outcome.outcome === 'guarded' ? outcome.reason : undefined;
  const apply = (...rules: AccessRule[]) => setting().store.grants.apply(rules, actor);
  const role = (more: Partial<AccessRule> = {}): AccessRule => ({
    ...{ kind: 'role', name: 'admin', groups: 'externalId eq "admins"' },
    ...more,
  });
  const people = async (): Promise<number[]> =>
    (await setting().store.grants.people(1)).map(({ people: count }) => count);
  const admins = (...members: string[]): Promise<StoredResource> =>
    setting().create(setting().group, { ...groupDocument('Administrators'), externalId: 'admins' }, [
      add(...members),
    ]);
  const edit = (group: StoredResource, kind: 'add' | 'remove', id: string, guard?: GuardPolicy) => {
    const members = [kind === 'add' ? add(id) : ({ kind, values: [id] } as const)];
    return one({ kind: 'update', type: setting().group, id: group.id, operation: 'patch', members }, guard);
  };
  const remove = (resource: StoredResource, guard?: GuardPolicy) =>
    one({ kind: 'delete', type: setting().target(resource).type, id: resource.id }, guard);
  const events = async (event: string) =>
    (await setting().store.changes({ tenant: 1, limit: 1000 })).filter(
      ({ notice }) => notice?.event === event,
    );

  test('rules give a role to who is in a group that they find, nested ones too, and record who gains and loses', async () => {
    const s = setting();
    const [a, b] = (await s.createUsers('a', 'b')) as [StoredResource, StoredResource];
    const inner = await s.createGroup('Inner', [b.id]);
    await admins(a.id, inner.id);
    assert.deepEqual(await s.store.grants.rules(), []);
    const [checked] = await s.store.grants.check([role()]);
    assert.deepEqual(checked?.changes, [
      { kind: 'role', name: 'admin', gained: [a.id, b.id].sort(), lost: [] },
    ]);
    assert.deepEqual(await people(), []);
    await apply(role());
    assert.deepEqual(await people(), [2]);
    await apply(role({ groups: `id eq "${inner.id}"` }));
    assert.deepEqual(await people(), [1]);
    assert.deepEqual(
      (await events('user.access_changed')).map(({ type, id, notice }) => [type, id, notice?.data]),
      [
        ['Role', 'admin', { gained: [a.id, b.id].sort(), lost: [] }],
        ['Role', 'admin', { gained: [], lost: [a.id] }],
      ],
    );
    assert.deepEqual(
      (await s.store.feed.groupsOf(1, [b.id])).get(b.id)?.map(({ gives }) => gives),
      [[{ kind: 'role', name: 'admin' }], undefined],
    );
  });

  test('rules that others replace are kept in the record of each tenant that they were for, if it has a past', async () => {
    const s = setting();
    await apply(role());
    assert.deepEqual(await events('rules.replaced'), []);
    await s.createUser('a');
    const second = role({ groups: 'externalId eq "owners"' });
    await apply(second);
    await apply(second, role({ name: 'stranger', tenants: ['another'] }));
    await apply();
    assert.deepEqual(
      (await events('rules.replaced')).map(({ type, id, notice }) => [type, id, notice?.data]),
      [
        ['Rules', 'access-rules', { before: [role()] }],
        ['Rules', 'access-rules', { before: [second] }],
      ],
    );
    assert.deepEqual((await s.store.past.verify({ tenant: 1 })).problems, []);
  });

  test('a group that comes, changes and goes is judged by the rules in force', async () => {
    const s = setting();
    const user = await s.createUser('a');
    await apply(role());
    const group = await admins(user.id);
    assert.deepEqual(await people(), [1]);
    await s.change(group, { externalId: 'others' });
    assert.deepEqual(await people(), [0]);
    const told = await events('user.access_changed');
    assert.deepEqual(
      told.map(({ notice, cause }) => [notice?.data, cause?.id]),
      [[{ gained: [], lost: [user.id] }, group.id]],
    );
    const change = (await s.store.changes({ tenant: 1, id: group.id, limit: 100 })).at(-1);
    assert.equal(told[0]?.transaction, change?.transaction);
    await s.change((await s.get(group)) ?? group, { externalId: 'admins' });
    assert.deepEqual(await people(), [1]);
    await remove((await s.get(group)) ?? group);
    assert.deepEqual(await people(), [0]);
  });

  test('a lock takes roles away until it is taken back, over a deletion too, and goes with who is erased', async () => {
    const s = setting();
    const user = await s.createUser('a');
    await admins(user.id);
    await apply(role());
    assert.equal(await s.store.grants.lock(1, user.id, actor, 'lost laptop'), true);
    assert.equal(await s.store.grants.lock(1, user.id, actor), false);
    assert.deepEqual(await people(), [0]);
    assert.equal((await s.store.feed.resources(1, [user.id])).get(user.id)?.locked, true);
    assert.deepEqual(
      (await s.store.feed.accessOf(1, '', 10)).map(({ active, groups }) => [active, groups]),
      [[false, []]],
    );
    await remove(user);
    await one({ kind: 'restore', type: s.user, id: user.id });
    assert.deepEqual(
      (await s.store.grants.locks(1)).map(({ id, reason }) => [id, reason]),
      [[user.id, 'lost laptop']],
    );
    assert.equal(await s.store.grants.unlock(1, user.id, actor), true);
    assert.equal(await s.store.grants.unlock(1, user.id, actor), false);
    assert.deepEqual(await people(), [1]);
    await s.store.grants.lock(1, user.id, actor, 'again');
    await one({ kind: 'erase', type: s.user, id: user.id });
    assert.deepEqual(await s.store.grants.locks(1), []);
    assert.doesNotMatch(JSON.stringify(await s.store.changes({ tenant: 1, limit: 1000 })), /laptop|again/);
  });

  test('the last who must have a role keep it, and no more have it than may', async () => {
    const s = setting();
    const [a, b, c] = (await s.createUsers('a', 'b', 'c')) as [
      StoredResource,
      StoredResource,
      StoredResource,
    ];
    const group = await admins(a.id);
    await apply(role({ keep: 1, seats: 2 }));
    assert.deepEqual(refusal(await edit(group, 'remove', a.id)), {
      ...{ kind: 'keep', grant: 'role', name: 'admin', keep: 1, left: 0 },
    });
    assert.equal(refusal(await remove(a))?.kind, 'keep');
    assert.equal(refusal(await remove(group))?.kind, 'keep');
    assert.deepEqual(await s.memberIds(group), [a.id]);
    const second = await edit(group, 'add', b.id);
    assert.deepEqual(second.outcome === 'done' && second.alerts, [
      { kind: 'seats', grant: 'role', name: 'admin', seats: 2 },
    ]);
    assert.deepEqual(refusal(await edit(group, 'add', c.id)), {
      ...{ kind: 'seats', grant: 'role', name: 'admin', seats: 2 },
    });
    assert.equal((await remove(a)).outcome, 'done');
    assert.equal((await edit(group, 'add', c.id)).outcome, 'done');
    assert.equal((await events('seats.exhausted')).length, 2);
  });

  test('two who remove the last two of a role at once leave one', async () => {
    const s = setting();
    const [a, b] = (await s.createUsers('a', 'b')) as [StoredResource, StoredResource];
    await admins(a.id, b.id);
    await apply(role({ keep: 1 }));
    const outcomes = await s.store.commit(
      [a, b].map(({ id }) => s.unit({ kind: 'delete', type: s.user, id })),
    );
    assert.deepEqual(outcomes.map(({ outcome }) => outcome).sort(), ['done', 'guarded']);
    assert.deepEqual(await people(), [1]);
  });

  test('the guard refuses the loss that is one too many, holds, and lets everything pass when it is released', async () => {
    const s = setting();
    const users = await s.createUsers(...Array.from({ length: 10 }, (_, index) => `user${index}`));
    const [a, b, c, d] = users as [StoredResource, StoredResource, StoredResource, StoredResource];
    assert.equal((await remove(a, policy)).outcome, 'done');
    const loss = { loss: 'left', people: 2, of: 10, minutes: 60 } as const;
    assert.deepEqual(refusal(await remove(b, policy)), { kind: 'mass', ...loss });
    // Refused, it does not count.
    assert.deepEqual(refusal(await remove(b, policy)), { kind: 'mass', ...loss });
    assert.equal(await s.store.guards.hold(1, loss, actor, 'r-1'), true);
    assert.equal(await s.store.guards.hold(1, loss, actor, 'r-2'), false);
    assert.deepEqual(refusal(await remove(b, policy)), { kind: 'held', since: '2026-01-02T03:04:05.678Z' });
    assert.equal((await remove(b, { ...policy, byHand: true })).outcome, 'done');
    const until = new Date(s.now + 60_000);
    assert.equal((await s.store.guards.release(1, until, actor)).held, undefined);
    assert.equal((await remove(c, policy)).outcome, 'done');
    assert.equal((await remove(d, policy)).outcome, 'done');
    assert.deepEqual(await s.store.guards.states(), [
      { tenant: 1, tripped: '2026-01-02T03:04:05.678Z', released: until.toISOString(), reason: loss },
    ]);
    assert.deepEqual(
      (await s.store.changes({ tenant: 1, limit: 1000 })).flatMap(({ notice }) => notice?.event ?? []),
      ['guard.tripped', 'guard.released'],
    );
    // Those of a day later are counted anew.
    s.now += 24 * 3_600_000;
    const [, , , , e, f] = users as StoredResource[];
    assert.equal(e && (await remove(e, policy)).outcome, 'done');
    assert.equal(f && refusal(await remove(f, policy))?.kind, 'mass');
  });

  test('in the mode alert all is done, and told once', async () => {
    const s = setting();
    const users = await s.createUsers(...Array.from({ length: 6 }, (_, index) => `user${index}`));
    const alerts: unknown[] = [];
    for (const user of users) {
      const outcome = await remove(user, { ...policy, mode: 'alert' });
      assert.equal(outcome.outcome, 'done');
      if (outcome.outcome === 'done') alerts.push(...(outcome.alerts ?? []));
    }
    assert.deepEqual(alerts, [{ kind: 'mass', loss: 'left', people: 2, of: 6, minutes: 60 }]);
    assert.equal((await events('guard.tripped')).length, 1);
  });

  test('people in a group that loses its members, or is deleted, lose something; who is protected loses nothing', async () => {
    const s = setting();
    const users = await s.createUsers(...Array.from({ length: 4 }, (_, index) => `user${index}`));
    const group = await s.createGroup(
      'Staff',
      users.map(({ id }) => id),
    );
    assert.equal(refusal(await remove(group, policy))?.kind, 'mass');
    const nobody = { kind: 'replace', members: [] } as const;
    const emptied = await one(
      { kind: 'update', type: s.group, id: group.id, operation: 'replace', members: [nobody] },
      policy,
    );
    assert.deepEqual(refusal(emptied), { kind: 'mass', loss: 'removed', people: 4, of: 4, minutes: 60 });
    assert.equal((await s.memberIds(group)).length, 4);
    const [first] = users as [StoredResource];
    const guarded = { ...policy, mode: 'off', protectedPeople: new Set(['user0']) } as const;
    assert.deepEqual(refusal(await remove(first, guarded)), {
      ...{ kind: 'protected', id: first.id, userName: 'user0' },
    });
  });

  test('a token and a tenant are paused and resumed', async () => {
    const { store } = setting();
    const token = await store.createToken({
      ...{ hash: 'ab'.repeat(32), name: 'okta', tenant: 1, idp: 'okta', scope: 'scim' },
    });
    const pausedAt = async (): Promise<string | undefined> =>
      (await store.findToken('ab'.repeat(32)))?.paused;
    assert.equal(await pausedAt(), undefined);
    const since = '2026-01-02T03:04:05.678Z';
    assert.equal((await store.pauseToken(token.id, since))?.paused, since);
    assert.equal(await pausedAt(), since);
    await store.pauseToken(token.id, undefined);
    assert.equal(await pausedAt(), undefined);
    await store.pauseTenant(1, since);
    assert.equal(await pausedAt(), since);
    assert.equal((await store.tenants()).find(({ number }) => number === 1)?.paused, since);
    await store.pauseTenant(1, undefined);
    assert.equal(await pausedAt(), undefined);
    assert.equal(await store.pauseToken('nobody', since), undefined);
  });
}
