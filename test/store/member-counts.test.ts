/** How many members a group has behind each change of it: SQLite counts them within the transaction. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { openSqliteStore } from '../../src/store/sqlite/index.ts';
import type { Command, MemberEdit, Store } from '../../src/store/store.ts';
import { add, Setting } from './setting.ts';

test('each of many changes of one group in one commit counts the members as they are behind it', async (t) => {
  const s = await Setting.open(async (options) => openSqliteStore({ file: ':memory:', ...options }));
  t.after(() => s.store.close());
  const [user, other] = [await s.createUser('u'), await s.createUser('v')];
  const first = [user.id, other.id, 'a', 'b', 'c'];
  const groups = [await s.createGroup('g', first), await s.createGroup('h', first)];
  const held = groups.map(() => new Set(first));
  const change = (at: number, members: readonly MemberEdit[], countMembers: number): Command => ({
    ...({ kind: 'update', type: s.group, operation: 'patch' } as const),
    ...{ id: groups[at]?.id ?? '', members, countMembers },
  });
  const commands: Command[] = [];
  const expected: (number | undefined)[] = [];
  const changed = (at: number, [edit]: readonly [MemberEdit], most: number): void => {
    const set = held[at] as Set<string>;
    if (edit.kind === 'add') for (const { value } of edit.members) set.add(value);
    if (edit.kind === 'remove') for (const value of edit.values) set.delete(value);
    if (edit.kind === 'replace') set.clear();
    commands.push(change(at, [edit], most));
    expected.push(Math.min(set.size, most));
  };
  for (let round = 0; round < 40; round++) {
    const value = `m${(round * 7) % 11}`;
    const edits = [add(value, 'a'), { kind: 'remove', values: [value, 'b'] } as const] as const;
    changed(round % 2, [edits[(round * 5) % 3 === 0 ? 1 : 0]], 2 + (round % 5));
    if (round === 15) {
      commands.push({ kind: 'delete', type: s.user, id: user.id });
      expected.push(undefined);
      for (const set of held) set.delete(user.id);
    }
    if (round === 25) changed(1, [{ kind: 'replace', members: [] }], 3);
  }
  const units = [commands, [change(0, [add('z')], 100)], [change(1, [add('z')], 100)]];
  const outcomes = await s.store.commit(units.map((each) => s.unit(...each)));
  const counts = outcomes.map((outcome) =>
    outcome.outcome === 'done'
      ? outcome.results.map((result) => ('resource' in result ? result.resource.memberCount : undefined))
      : assert.fail(outcome.outcome),
  );
  for (const set of held) set.add('z');
  assert.deepEqual(counts, [expected, [held[0]?.size], [held[1]?.size]]);
});

test('what another server of the file did between two commits is counted', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'scimd-counts-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const file = join(folder, 'scim.db');
  const s = await Setting.open(async (options) => openSqliteStore({ file, ...options }));
  const other = openSqliteStore({ file, registry: s.registry });
  t.after(() => Promise.all([s.store.close(), other.close()]));
  const group = await s.createGroup('g', ['a', 'b', 'c', 'd']);
  const counted = async (store: Store, edit: MemberEdit): Promise<number | undefined> => {
    const update = { kind: 'update', type: s.group, id: group.id, operation: 'patch' } as const;
    const [outcome] = await store.commit([s.unit({ ...update, members: [edit], countMembers: 10 })]);
    assert.equal(outcome?.outcome, 'done');
    const [result] = outcome.results;
    assert.ok(result !== undefined && 'resource' in result);
    return result.resource.memberCount;
  };
  assert.equal(await counted(s.store, add('e')), 5);
  assert.equal(await counted(other, { kind: 'remove', values: ['a', 'b', 'c'] }), 2);
  assert.equal(await counted(s.store, add('f')), 3);
});
