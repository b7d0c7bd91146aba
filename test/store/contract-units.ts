/** Units: several commands all or none, and several units in their order. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Document, StoredResource, Unit } from '../../src/store/store.ts';
import { badgeUri } from './registry.ts';
import type { Setting } from './setting.ts';
import { changeOf, createdBy } from './writes.ts';

export function unitContract(setting: () => Setting): void {
  test('no unit, no outcome; a unit without commands is done', async () => {
    const s = setting();
    assert.deepEqual(await s.store.commit([]), []);
    assert.deepEqual(await s.store.commit([s.unit()]), [{ outcome: 'done', results: [] }]);
  });

  test('the commands of a unit are carried out in their order, and each sees what those before it did', async () => {
    const s = setting();
    const [outcome] = await s.store.commit([
      s.unit(
        { ...s.newUser('a'), id: 'one' },
        { kind: 'delete', type: s.user, id: 'one' },
        { ...s.newUser('a'), id: 'two' },
      ),
    ]);
    assert.ok(outcome?.outcome === 'done');
    assert.deepEqual(
      outcome.results.map((result) => result.outcome),
      ['created', 'deleted', 'created'],
    );
    assert.deepEqual(await s.find('userName eq "a"'), ['two']);
    const changes = await s.store.changes({ tenant: 1, limit: 10 });
    assert.deepEqual(
      changes.map(({ id, operation }) => [id, operation]),
      [
        ['one', 'create'],
        ['one', 'delete'],
        ['two', 'create'],
      ],
    );
  });

  test('resources that refer to each other come to be in one unit', async () => {
    const s = setting();
    const [outcome] = await s.store.commit([
      s.unit({ ...s.newGroup('one', 'g2'), id: 'g1' }, { ...s.newGroup('two', 'g1'), id: 'g2' }),
    ]);
    assert.equal(outcome?.outcome, 'done');
    assert.deepEqual(await s.find('members[value eq "g2" and display eq "two"]', s.group), ['g1']);
    assert.deepEqual(await s.find('members[value eq "g1" and display eq "one"]', s.group), ['g2']);
  });

  test('a unit of which one command cannot be done leaves nothing of itself, and says which it was', async () => {
    const s = setting();
    const user = await s.createUser('a', { title: 'old' });
    const before = JSON.parse(user.body);
    const retitled = {
      kind: 'update',
      type: s.user,
      id: user.id,
      operation: 'patch',
      expected: 1,
      document: changeOf(s.user, before, { ...before, title: 'new' }),
    } as const;
    const first = [
      retitled,
      s.newGroup('g', user.id),
      s.newUser('b', { [badgeUri]: { number: 'N1' } }),
    ] as const;
    const broken = [
      [s.newUser('A'), { outcome: 'taken', path: 'userName', value: 'A' }],
      [
        s.newUser('c', { [badgeUri]: { number: 'N1' } }),
        { outcome: 'taken', path: `${badgeUri}:number`, value: 'N1' },
      ],
      [
        { ...s.newUser('c'), id: user.id },
        { outcome: 'taken', path: 'id', value: user.id },
      ],
      [{ ...s.newUser('c'), id: 'x-bulkId' }, { outcome: 'invalid-id' }],
      [retitled, { outcome: 'conflict' }],
      [{ kind: 'delete', type: s.user, id: user.id, expected: 1 }, { outcome: 'conflict' }],
      [{ kind: 'delete', type: s.group, id: user.id }, { outcome: 'missing' }],
    ] as const;
    for (const [command, refusal] of broken) {
      const [outcome] = await s.store.commit([s.unit(...first, command)]);
      assert.deepEqual(outcome, { command: 3, ...refusal });
      assert.deepEqual(await s.get(user), user);
      assert.deepEqual((await s.list({ targets: [{ type: s.user }, { type: s.group }] })).total, 1);
      assert.equal((await s.store.changes({ tenant: 1, limit: 10 })).length, 1);
    }
    const [outcome] = await s.store.commit([s.unit(...first)]);
    assert.equal(outcome?.outcome, 'done');
  });

  test('changes that are computed in their transaction come one after the other, each from what the one before left', async () => {
    const s = setting();
    const { change } = s.store;
    if (change === undefined) return;
    const user = await s.createUser('counter', { title: '0' });
    const other = await s.createUser('other');
    const group = await s.createGroup('group');
    const of = { tenant: 1, type: s.user, id: user.id, once: false } as const;
    const changed = ({ id, body }: StoredResource, more: (title: number) => Document): Unit => {
      const before = JSON.parse(body) as Document;
      const document = changeOf(s.user, before, { ...before, ...more(Number(before.title)) });
      return s.unit({ kind: 'update', type: s.user, id, operation: 'patch', document });
    };
    const thrown = new Error('computed nothing');
    const outcomes = await Promise.all([
      ...Array.from({ length: 10 }, () =>
        change(of, (stored) => changed(stored, (title) => ({ title: String(title + 1) }))),
      ),
      change(of, (stored) => changed(stored, () => ({ userName: 'Other' }))),
      change(of, () => {
        throw thrown;
      }),
      change(of, () => 'apart'),
      change({ ...of, id: other.id }, () => 'unchanged'),
      change({ ...of, id: 'nobody' }, () => 'unchanged'),
      change({ ...of, id: group.id }, () => 'unchanged'),
      change({ ...of, once: true }, (stored) => changed(stored, (title) => ({ title: String(title + 1) }))),
    ]);
    const results = outcomes.map((outcome) =>
      outcome.outcome === 'done' ? outcome.results.map((result) => result.outcome).join() : outcome,
    );
    assert.deepEqual(results, [
      ...Array.from({ length: 10 }, () => 'updated'),
      { outcome: 'taken', command: 0, path: 'userName', value: 'Other' },
      { outcome: 'failed', error: thrown },
      { outcome: 'conflict', command: 0 },
      'unchanged',
      { outcome: 'missing', command: 0 },
      { outcome: 'missing', command: 0 },
      'updated',
    ]);
    const stored = await s.get(user);
    assert.equal(stored?.version, 12);
    assert.equal(JSON.parse(stored?.body ?? '').title, '11');
    const changes = await s.store.changes({ tenant: 1, id: user.id, limit: 20 });
    assert.deepEqual(
      changes.slice(1).map(({ version, edits }) => [version, edits]),
      Array.from({ length: 11 }, (_, index) => [
        index + 2,
        [{ path: 'title', from: String(index), to: String(index + 1) }],
      ]),
    );
  });

  test('a change that is computed behind a refused unit takes no other one with it', async () => {
    const s = setting();
    const { change } = s.store;
    if (change === undefined) return;
    const user = await s.createUser('member', { title: 'old' });
    const group = await s.createGroup('group', [user.id]);
    const outcomes = await Promise.all([
      s.store.commit([s.unit(s.newUser('Member'))]).then(([outcome]) => outcome),
      s.store
        .commit([
          s.unit({
            ...({ kind: 'update', type: s.group, id: group.id, operation: 'patch' } as const),
            members: [{ kind: 'remove', values: [user.id] }],
          }),
        ])
        .then(([outcome]) => outcome),
      change({ tenant: 1, type: s.user, id: user.id, once: false }, ({ id, body }) => {
        const before = JSON.parse(body) as Document;
        const document = changeOf(s.user, before, { ...before, title: 'new' });
        return s.unit({ kind: 'update', type: s.user, id, operation: 'patch', document });
      }),
    ]);
    assert.deepEqual(
      outcomes.map((outcome) => outcome?.outcome),
      ['taken', 'done', 'done'],
    );
    assert.equal(JSON.parse((await s.get(user))?.body ?? '').title, 'new');
  });

  test('units are carried out in their order: of two that want one userName the first has it', async () => {
    const s = setting();
    for (let round = 0; round < 5; round++) {
      const outcomes = await s.store.commit(
        ['x', 'y', 'z'].map((title) => s.unit(s.newUser(`u${round}`, { title }))),
      );
      assert.deepEqual(
        outcomes.map(({ outcome }) => outcome),
        ['done', 'taken', 'taken'],
      );
      const { id } = createdBy(outcomes[0]);
      assert.deepEqual(await s.find(`userName eq "u${round}" and title eq "x"`), [id]);
    }
  });

  test('a unit that is refused between two others takes neither with it', async () => {
    const s = setting();
    const outcomes = await s.store.commit([
      s.unit(s.newUser('a'), s.newUser('b')),
      s.unit(s.newUser('c'), s.newUser('a')),
      s.unit({ kind: 'delete', type: s.user, id: 'nobody' }),
      s.unit(s.newUser('d')),
    ]);
    assert.deepEqual(
      outcomes.map(({ outcome }) => outcome),
      ['done', 'taken', 'missing', 'done'],
    );
    const page = await s.list({ targets: [{ type: s.user }] });
    assert.deepEqual(
      page.resources.map(({ body }) => JSON.parse(body).userName),
      ['a', 'b', 'd'],
    );
  });
}
