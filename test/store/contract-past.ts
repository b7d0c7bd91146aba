/** The past: the state at each number of the change record, and the chain that proves the record. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { StoredResource } from '../../src/store/store.ts';
import { actor, add, type Setting } from './setting.ts';
import { remove } from './writes.ts';

export function pastContract(setting: () => Setting): void {
  test('the state at every number is what was there, and the present without one', async () => {
    const s = setting();
    const [a, b] = (await s.createUsers('a', 'b')) as [StoredResource, StoredResource];
    const group = await s.createGroup('staff', [a.id]);
    await s.change(a, { title: 'new' });
    await s.edit(group, add(b.id), { kind: 'remove', values: [a.id] });
    await remove(s.store, s.target(b));
    const { newest } = await s.store.changeRange(1);
    const at = async (sequence?: number) => {
      const state = await s.store.past.state({ tenant: 1, ...(sequence === undefined ? {} : { sequence }) });
      assert.ok(state !== undefined);
      const nameOf = (id: string): string => ({ [a.id]: 'a', [b.id]: 'b', [group.id]: 'staff' })[id] ?? id;
      return {
        resources: [...state.resources.values()]
          .map(
            ({ id, document, version }) =>
              `${nameOf(id)} ${version}${document.title ? ` ${document.title}` : ''}`,
          )
          .sort(),
        members: [...(state.members.get(group.id) ?? [])].map(nameOf).sort(),
      };
    };
    assert.deepEqual(await at(0), { resources: [], members: [] });
    assert.deepEqual(await at(2), { resources: ['a 1', 'b 1'], members: [] });
    assert.deepEqual(await at(3), { resources: ['a 1', 'b 1', 'staff 1'], members: ['a'] });
    assert.deepEqual(await at(4), { resources: ['a 2 new', 'b 1', 'staff 1'], members: ['a'] });
    assert.deepEqual(await at(5), { resources: ['a 2 new', 'b 1', 'staff 2'], members: ['b'] });
    const now = await at();
    assert.deepEqual(now, { resources: ['a 2 new', 'staff 3'], members: [] });
    assert.deepEqual(await at(newest), now);
    assert.equal(await s.store.past.state({ tenant: 1, sequence: newest + 1 }), undefined);
  });

  test('a time is found by number, also before the first change; what is kept no longer is not', async () => {
    const s = setting();
    await s.createUsers('a');
    s.now += 60_000;
    await s.createUsers('b', 'c');
    s.now += 60_000;
    await s.createUsers('d');
    const at = async (milliseconds: number) => s.store.past.sequenceAt(1, new Date(s.now + milliseconds));
    assert.equal(await at(-600_000), 0);
    assert.equal(await at(-90_000), 1);
    assert.equal(await at(-30_000), 3);
    assert.equal(await at(0), 4);
    await s.store.pruneChanges(new Date(s.now - 30_000), 2);
    assert.equal(await at(-90_000), undefined);
    assert.equal(await at(0), 4);
    assert.equal(await s.store.past.state({ tenant: 1, sequence: 1 }), undefined);
    assert.equal((await s.store.past.state({ tenant: 1, sequence: 2 }))?.resources.size, 2);
    assert.deepEqual((await s.store.past.verify({ tenant: 1 })).problems, []);
  });

  test('changes about somebody are their own, and those of groups that they joined and left', async () => {
    const s = setting();
    const [a, b] = (await s.createUsers('a', 'b')) as [StoredResource, StoredResource];
    const group = await s.createGroup('staff', [a.id, b.id]);
    await s.edit(group, { kind: 'remove', values: [a.id] });
    await s.edit(group, { kind: 'remove', values: [b.id] });
    const about = await s.store.past.changesAbout(1, a.id);
    assert.deepEqual(
      about.map(({ sequence }) => sequence),
      [1, 3, 4],
    );
  });

  test('the chain is verified, with erasures in it, and against a head that was noted', async () => {
    const s = setting();
    const [a] = (await s.createUsers('a', 'b')) as [StoredResource];
    const { head } = await s.store.past.verify({ tenant: 1 });
    assert.ok(head !== undefined);
    await s.store.commit([
      { tenant: 1, context: { actor }, commands: [{ kind: 'erase', type: s.user, id: a.id }] },
    ]);
    const report = await s.store.past.verify({ tenant: 1, expected: head });
    assert.deepEqual([report.changes, report.problems], [4, []]);
    assert.ok(report.erased > 0);
    const wrong = { ...head, link: '0'.repeat(64) };
    const { problems } = await s.store.past.verify({ tenant: 1, expected: wrong });
    assert.deepEqual(
      problems.map(({ sequence }) => sequence),
      [head.sequence],
    );
  });
}
