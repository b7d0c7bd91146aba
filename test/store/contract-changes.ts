/** The change record: what is recorded of every change, and that nobody can rewrite it unseen. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import { enterpriseUserSchema } from '../../src/scim/standard.ts';
import type { Change } from '../../src/store/change.ts';
import type { WriteContext } from '../../src/store/store.ts';
import { userDocument } from './registry.ts';
import { actor, add, type Setting, without } from './setting.ts';
import { changeOf, create, createdBy, remove, update } from './writes.ts';

/** Without what is random. */
function plain({ digest, link, transaction, ...change }: Change): object {
  assert.match(digest ?? '', /^[0-9a-f]{64}$/);
  assert.match(link ?? '', /^[0-9a-f]{64}$/);
  assert.ok(transaction);
  return change;
}

export function changeContract(setting: () => Setting, keepsStrangers: boolean): void {
  const testWithStrangers = keepsStrangers ? test : without;
  const all = async (tenant = 1) => setting().store.changes({ tenant, limit: 1000 });

  test('every change is recorded, in order, with who did it and what it was before and after', async () => {
    const s = setting();
    const user = await s.createUser('a', { title: 'old', [enterpriseUserSchema]: { department: 'Sales' } });
    s.now += 1;
    await s.change(user, { title: 'new', nickName: 'y', [enterpriseUserSchema]: { costCenter: '7' } });
    const changed = await s.get(user);
    await remove(s.store, { ...s.target(user), actor: { kind: 'cli' } });
    const changes = await all();
    assert.deepEqual(
      changes.map(plain),
      [
        {
          sequence: 1,
          at: '2026-01-02T03:04:05.678Z',
          operation: 'create',
          version: 1,
          actor,
          edits: [],
        },
        {
          sequence: 2,
          at: '2026-01-02T03:04:05.679Z',
          operation: 'patch',
          version: 2,
          actor,
          edits: [
            { path: 'nickName', to: 'y' },
            { path: 'title', from: 'old', to: 'new' },
            { path: `${enterpriseUserSchema}:costCenter`, to: '7' },
            { path: `${enterpriseUserSchema}:department`, from: 'Sales' },
          ],
        },
        {
          sequence: 3,
          at: '2026-01-02T03:04:05.680Z',
          operation: 'delete',
          version: 3,
          actor: { kind: 'cli' },
          edits: [],
          last: { document: JSON.parse(changed?.body ?? ''), created: user.created, groups: [] },
        },
      ].map((change) => ({ ...change, tenant: 1, type: 'User', id: user.id })),
    );
    assert.equal(new Set(changes.map(({ transaction }) => transaction)).size, 3);
    assert.deepEqual(await s.store.changes({ tenant: 1, after: 1, limit: 1 }), changes.slice(1, 2));
    assert.deepEqual(await s.store.changes({ tenant: 1, id: user.id, limit: 10 }), changes);
    assert.deepEqual(await s.store.changes({ tenant: 1, id: 'nobody', limit: 10 }), []);
    assert.deepEqual(await all(2), []);
  });

  test('a notice is recorded among the changes, in their order and in their chain, once since a time', async () => {
    const s = setting();
    const user = await s.createUser('a');
    const notice = {
      ...{ tenant: 1, event: 'connection.silent', subject: { type: 'Token', id: 't\n1' } },
      data: { token: { id: 't1', name: 'okta' } },
    };
    s.now += 1000;
    assert.equal(await s.store.note([notice, { ...notice, actor, request: 'r1' }]), 2);
    const since = new Date(s.now).toISOString();
    const later = new Date(s.now + 1).toISOString();
    assert.equal(await s.store.note([{ ...notice, unlessSince: since }]), 0);
    const other = { ...notice, event: 'token.expiring' };
    const another = { ...notice, subject: { type: 'Token', id: 't2' } };
    assert.equal(await s.store.note([other, another].map((each) => ({ ...each, unlessSince: since }))), 2);
    assert.equal(await s.store.note([{ ...notice, unlessSince: later }]), 1);
    await s.change(user, { title: 'x' });
    const changes = await all();
    assert.deepEqual(
      changes.map(({ sequence, operation, type, id, notice: told }) => [
        sequence,
        operation,
        type,
        id,
        told?.event,
      ]),
      [
        [1, 'create', 'User', user.id, undefined],
        [2, 'notice', 'Token', 't\n1', 'connection.silent'],
        [3, 'notice', 'Token', 't\n1', 'connection.silent'],
        [4, 'notice', 'Token', 't\n1', 'token.expiring'],
        [5, 'notice', 'Token', 't2', 'connection.silent'],
        [6, 'notice', 'Token', 't\n1', 'connection.silent'],
        [7, 'patch', 'User', user.id, undefined],
      ],
    );
    const [, first, second] = changes;
    assert.deepEqual(plain(first as Change), {
      ...{ sequence: 2, tenant: 1, at: since, operation: 'notice', type: 'Token', id: 't\n1', version: 0 },
      ...{ actor: { kind: 'system' }, edits: [], notice: { event: notice.event, data: notice.data } },
    });
    assert.deepEqual([second?.actor, second?.request], [actor, 'r1']);
    let link = Buffer.alloc(32);
    for (const change of changes) {
      link = createHash('sha256')
        .update(Buffer.concat([link, Buffer.from(change.digest ?? '', 'hex')]))
        .digest();
      assert.equal(change.link, link.toString('hex'));
    }
  });

  test('a change tells of its request, its transaction, its cause and the tolerances it needed', async () => {
    const s = setting();
    const context: WriteContext = {
      actor: { ...actor, address: '192.0.2.7' },
      request: 'r"1',
      transaction: 't-1',
      tolerances: ['operationCase', 'booleanText'],
      cause: { operation: 'delete', type: 'User', id: 'x' },
    };
    await s.store.commit([
      { ...s.unit(s.newUser('a'), s.newUser('b')), context },
      { ...s.unit(s.newUser('c')), context },
    ]);
    const changes = await all();
    assert.equal(changes.length, 3);
    for (const change of changes) {
      const { actor: by, request, transaction, tolerances, cause } = change;
      assert.deepEqual({ actor: by, request, transaction, tolerances, cause }, context);
    }
  });

  testWithStrangers(
    'the deletion of a member is one transaction with the changes of its groups, of which it is the cause',
    async () => {
      const s = setting();
      const user = await s.createUser('a');
      const one = await s.createGroup('one', [user.id]);
      const two = await s.createGroup('two', [user.id, 'stranger']);
      await remove(s.store, s.target(user));
      const [first, second, deletion, ...more] = (await all()).slice(3);
      assert.deepEqual(more, []);
      for (const change of [first, second]) {
        assert.deepEqual(change?.removed, [user.id]);
        assert.deepEqual(change?.cause, { operation: 'delete', type: 'User', id: user.id });
        assert.equal(change?.transaction, deletion?.transaction);
      }
      assert.deepEqual([first?.id, second?.id].sort(), [one.id, two.id].sort());
      assert.equal(deletion?.cause, undefined);
      assert.deepEqual(
        [...(deletion?.last?.groups ?? [])].sort((a, b) => a.value.localeCompare(b.value)),
        [
          { value: one.id, display: 'one' },
          { value: two.id, display: 'two' },
        ],
      );
      await remove(s.store, s.target(two));
      const gone = (await all()).at(-1);
      assert.deepEqual([gone?.operation, gone?.removed], ['delete', ['stranger']]);
    },
  );

  test('of a password, and of what is sensitive, only that it changed is recorded', async () => {
    const s = setting();
    const user = await s.createUser('a', {
      title: 'secret title',
      [enterpriseUserSchema]: { costCenter: 'x' },
    });
    const before = JSON.parse(user.body);
    const sensitive = new Set(['title', `${enterpriseUserSchema}:costCenter`]);
    const after = {
      ...before,
      title: 'secret too',
      displayName: 'A',
      [enterpriseUserSchema]: { costCenter: 'y' },
    };
    await update(s.store, {
      ...s.target(user),
      operation: 'patch',
      expected: 1,
      document: changeOf(s.user, before, after),
      credential: '$scrypt$1',
      sensitive,
    });
    await remove(s.store, { ...s.target(user), sensitive });
    const [, changed, deleted] = await all();
    assert.deepEqual(
      changed?.edits,
      [
        { path: 'displayName', from: before.displayName, to: 'A' },
        { path: 'title', omitted: 'sensitive' },
        { path: `${enterpriseUserSchema}:costCenter`, omitted: 'sensitive' },
        { path: 'password', omitted: 'sensitive' },
      ].filter(({ path }) => path !== 'displayName' || before.displayName !== 'A'),
    );
    const { title: _, [enterpriseUserSchema]: __, ...rest } = after;
    assert.deepEqual(deleted?.last?.document, rest);
    assert.doesNotMatch(JSON.stringify(await all()), /secret t|scrypt/);
  });

  test('numbers are dense in each tenant, also where units are refused', async () => {
    const s = setting();
    const acme = await s.store.createTenant('acme');
    const theirs = (name: string) => ({ ...s.unit(s.newUser(name)), tenant: acme.number });
    for (let round = 0; round < 3; round++)
      await s.store.commit([
        s.unit(s.newUser(`a${round}`)),
        theirs(`a${round}`),
        s.unit(s.newUser(`b${round}`), s.newUser('A0')),
        theirs('A0'),
        s.unit(s.newUser(`c${round}`), s.newUser(`d${round}`)),
      ]);
    for (const [tenant, count] of [
      [1, 9],
      [acme.number, 3],
    ] as const) {
      const numbers = (await all(tenant)).map(({ sequence }) => sequence);
      assert.deepEqual(
        numbers,
        Array.from({ length: count }, (_, index) => index + 1),
      );
      assert.deepEqual(await s.store.changeRange(tenant), { oldest: 1, newest: count });
    }
  });

  test('each link is the SHA-256 of the link before and of the digest', async () => {
    const s = setting();
    const user = await s.createUser('a');
    await s.change(user, { title: 'x' });
    await s.store.commit([s.unit(s.newUser('b'), s.newUser('a')), s.unit(s.newGroup('g', user.id))]);
    await remove(s.store, s.target(user));
    let link = Buffer.alloc(32);
    const changes = await all();
    assert.equal(changes.length, 5);
    for (const change of changes) {
      link = createHash('sha256')
        .update(link)
        .update(Buffer.from(change.digest ?? '', 'hex'))
        .digest();
      assert.equal(change.link, link.toString('hex'), `change ${change.sequence}`);
    }
    assert.equal(new Set(changes.map(({ digest }) => digest)).size, 5);
  });

  test('what is too old is removed from the start, in batches, and the numbers go on', async () => {
    const s = setting();
    assert.deepEqual(await s.store.changeRange(1), { oldest: 1, newest: 0 });
    for (let n = 1; n <= 7; n++) {
      await s.createUser(`u${n}`);
      s.now += 1000;
    }
    const before = new Date(s.now - 3000);
    assert.equal(await s.store.pruneChanges(before, 3), 3);
    assert.deepEqual(await s.store.changeRange(1), { oldest: 4, newest: 7 });
    assert.equal(await s.store.pruneChanges(before, 3), 1);
    assert.equal(await s.store.pruneChanges(before, 3), 0);
    assert.deepEqual(
      (await all()).map(({ sequence }) => sequence),
      [5, 6, 7],
    );
    const link = (await all()).at(-1)?.link;
    assert.equal(await s.store.pruneChanges(new Date(s.now + 1), 10), 3);
    assert.deepEqual(await s.store.changeRange(1), { oldest: 8, newest: 7 });
    await s.createUser('next');
    const [next] = await all();
    assert.deepEqual([next?.sequence, await s.store.changeRange(1)], [8, { oldest: 8, newest: 8 }]);
    const digest = Buffer.from(next?.digest ?? '', 'hex');
    assert.equal(
      next?.link,
      createHash('sha256')
        .update(Buffer.from(link ?? '', 'hex'))
        .update(digest)
        .digest('hex'),
    );
  });

  test('adding who is a member already, and what is the same already, is recorded by nobody', async () => {
    const s = setting();
    const { id } = createdBy((await s.store.commit([s.unit(s.newUser('a'))]))[0]);
    const group = await s.createGroup('g', [id]);
    await s.edit(group, add(id));
    await update(s.store, { ...s.target(group), operation: 'patch', credential: null });
    assert.equal((await all()).length, 2);
    const { tenant, user: type } = s;
    await create(s.store, { tenant, type, actor, document: userDocument('b'), members: [] });
    assert.equal((await all()).length, 3);
  });
}
