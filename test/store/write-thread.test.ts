/** Units that change very many rows are carried out in a thread, and are what they are in the main one (test/store/sqlite.test.ts). */
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, type TestContext, test } from 'node:test';
import { enterpriseUserSchema } from '../../src/scim/standard.ts';
import { openSqliteStore } from '../../src/store/sqlite/index.ts';
import type { MemberEdit, Outcome, StoredResource, Unit } from '../../src/store/store.ts';
import { Work } from '../../src/store/work.ts';
import { add, Setting } from './setting.ts';
import { runWithoutThreads } from './without-threads.ts';
import { changeOf, createdBy } from './writes.ts';

const folder = mkdtempSync(join(tmpdir(), 'scimd-write-'));
after(() => rmSync(folder, { recursive: true }));
let files = 0;

async function open(t: TestContext, unitsInThreadFrom = 5): Promise<{ s: Setting; file: string }> {
  const file = join(folder, `${++files}.db`);
  const s = await Setting.open(async (options) => openSqliteStore({ file, unitsInThreadFrom, ...options }));
  t.after(() => s.store.close());
  return { s, file };
}

async function commit(s: Setting, unit: Unit): Promise<Outcome> {
  const [outcome] = await s.store.commit([unit]);
  return outcome as Outcome;
}

/** Does a thread begin for the unit, which must be done? None has begun in the store before. */
async function needsThread(s: Setting, unit: Unit): Promise<boolean> {
  let begun = 0;
  const count = (): void => void begun++;
  process.on('worker', count);
  const outcome = await commit(s, unit);
  process.off('worker', count);
  assert.equal(outcome.outcome, 'done', JSON.stringify(outcome));
  return begun > 0;
}

async function people(s: Setting, count: number, prefix = 'u'): Promise<string[]> {
  const names = Array.from({ length: count }, (_, n) => `${prefix}${n}`);
  return (await s.createUsers(...names)).map(({ id }) => id);
}

const removal = (s: Setting, { id, type }: StoredResource): Unit =>
  s.unit({ kind: 'delete', type: type === 'User' ? s.user : s.group, id });

test('a group of many members is read as it was until it is deleted', async (t) => {
  const { s } = await open(t);
  const group = await s.createGroup('all', await people(s, 4));
  await s.edit(group, add(...(await people(s, 1, 'one-more'))));
  const done = commit(s, removal(s, group));
  for (let turn = 0; turn < 10; turn++) {
    await new Promise((resolve) => setImmediate(resolve));
    assert.equal((await s.get(group))?.version, 2);
  }
  assert.equal((await done).outcome, 'done');
  assert.equal(await s.get(group), undefined);
});

test('a group of few members is deleted in the main thread', async (t) => {
  const { s } = await open(t);
  const group = await s.createGroup('few', await people(s, 4));
  assert.ok(!(await needsThread(s, removal(s, group))));
});

test('a group of many members is changed in the thread, but where an edit names few of them', async (t) => {
  const { s: first } = await open(t);
  const edits: readonly [edit: MemberEdit, inThread: boolean][] = [
    [{ kind: 'replace', members: [] }, true],
    [{ kind: 'removeWhere', plan: first.memberPlan('type eq "User"') }, true],
    [{ kind: 'removeWhere', plan: first.memberPlan(Array(101).fill('display co "z"').join(' or ')) }, false],
    [add('a', 'b', 'c', 'd', 'e'), true],
    [{ kind: 'remove', values: ['a', 'b', 'c', 'd', 'e'] }, true],
    [add('a'), false],
    [{ kind: 'remove', values: ['a'] }, false],
  ];
  for (const [edit, inThread] of edits) {
    const { s } = await open(t);
    const group = await s.createGroup('all');
    // Few at a time, so that no thread has begun yet.
    for (let n = 0; n < 10; n++) await s.edit(group, add(...(await people(s, 1, `u${n}-`))));
    const unit = s.unit({
      ...{ kind: 'update', type: s.group, id: group.id, operation: 'patch' },
      members: [edit],
    });
    assert.equal(await needsThread(s, unit), inThread, JSON.stringify(edit.kind));
  }
});

test('a change that is computed in its transaction, and would be large, is left to be committed', async (t) => {
  const { s } = await open(t);
  const computed = async (ids: readonly string[]): Promise<Outcome | undefined> => {
    const group = await s.createGroup('all');
    const edited = s.unit({
      ...{ kind: 'update', type: s.group, id: group.id, operation: 'patch' },
      members: [add(...ids)],
    });
    const what = { tenant: edited.tenant, type: s.group, id: group.id, once: false };
    return s.store.change?.(what, () => edited);
  };
  assert.equal((await computed(['a', 'b', 'c', 'd', 'e']))?.outcome, 'conflict');
  assert.equal((await computed(['a']))?.outcome, 'done');
});

test('a group of many members gets another name in the thread', async (t) => {
  const { s } = await open(t);
  const group = await s.createGroup('few', await people(s, 4));
  await s.edit(group, add(...(await people(s, 1, 'one-more'))));
  const { members: _, ...before } = JSON.parse((await s.get(group))?.body ?? '');
  const document = changeOf(s.group, before, { ...before, displayName: 'many' });
  const unit = s.unit({
    ...{ kind: 'update', type: s.group, id: group.id, operation: 'patch', expected: 2 },
    document,
  });
  assert.ok(await needsThread(s, unit));
});

test('whoever is in many groups, or is the manager of many, is deleted in the thread', async (t) => {
  const { s } = await open(t);
  const [member] = (await s.createUsers('member')) as [StoredResource];
  for (let n = 0; n < 5; n++) await s.createGroup(`g${n}`, [member.id]);
  assert.ok(await needsThread(s, removal(s, member)));
  const { s: other } = await open(t);
  const [manager] = (await other.createUsers('manager')) as [StoredResource];
  for (let n = 0; n < 5; n++)
    await other.createUser(`report-${n}`, { [enterpriseUserSchema]: { manager: { value: manager.id } } });
  assert.ok(await needsThread(other, removal(other, manager)));
});

test('what was asked for later is done later', async (t) => {
  const { s } = await open(t);
  const members = await people(s, 5);
  const group = await s.createGroup('all', members);
  const [deleted, again, created] = await s.store.commit([
    removal(s, group),
    removal(s, group),
    s.unit(s.newGroup('all', ...members)),
  ]);
  assert.deepEqual([deleted?.outcome, again?.outcome, created?.outcome], ['done', 'missing', 'done']);
  const changes = await s.store.changes({ tenant: 1, after: 6, limit: 10 });
  assert.deepEqual(
    changes.map(({ operation, sequence }) => [operation, sequence]),
    [
      ['delete', 7],
      ['create', 8],
    ],
  );
  assert.equal((await s.memberIds(createdBy(created as Outcome))).length, 5);
});

test('a request’s budget holds in the thread, and is spent there', async (t) => {
  const { s } = await open(t);
  // So many that some are looked at: one of 256 is.
  const ids = Array.from({ length: 5000 }, (_, n) => `member-${n}`);
  const group = await s.createGroup('all', ids);
  const limits = { values: 1e6, valuesInWrites: 20_000, seconds: 30 };
  const select = (work: Work): Unit => ({
    ...s.unit({
      ...{ kind: 'update', type: s.group, id: group.id, operation: 'patch' },
      members: [{ kind: 'removeWhere', plan: s.memberPlan('display co "z"') }],
    }),
    work,
  });
  const work = new Work(limits);
  assert.equal((await commit(s, select(work))).outcome, 'done');
  assert.ok(work.spentInWrites > 0);
  const spent = new Work(limits);
  spent.noteInWrites(20_000);
  const refused = await commit(s, select(spent));
  assert.ok(refused.outcome === 'failed');
  assert.deepEqual((refused.error as Error).message, spent.tooMuchInWrites().message);
  assert.equal((refused.error as Error).name, 'WorkError');
});

test('a store that is closed meanwhile carries the unit out, and leaves nothing beside the file', async (t) => {
  const { s, file } = await open(t);
  const group = await s.createGroup('all', await people(s, 5));
  const done = commit(s, removal(s, group));
  await s.store.close();
  assert.equal((await done).outcome, 'done');
  assert.deepEqual([existsSync(`${file}-wal`), existsSync(`${file}-shm`)], [false, false]);
});

test('where no thread may be made, the main one does its work', () => {
  const module = (path: string) => JSON.stringify(new URL(`../../src/${path}`, import.meta.url).href);
  const program = `
    import { standardRegistry } from ${module('scim/standard.ts')};
    import { openSqliteStore } from ${module('store/sqlite/index.ts')};
    const registry = standardRegistry();
    const type = registry.resourceTypes[1];
    const file = ${JSON.stringify(join(folder, 'permission.db'))};
    const store = openSqliteStore({ file, registry, unitsInThreadFrom: 1 });
    const context = { actor: { kind: 'system' } };
    const members = [{ kind: 'add', members: [{ value: 'x' }] }];
    for (const displayName of ['a', 'b']) {
      const document = { schemas: [], displayName };
      const [{ outcome }] = await store.commit([
        { tenant: 1, context, commands: [{ kind: 'create', type, document, members }] },
      ]);
      console.log(outcome);
    }
    await store.close();`;
  const { stdout, stderr } = runWithoutThreads(program);
  assert.equal(stdout, 'done\ndone\n', stderr);
  assert.equal(stderr.match(/WriteThreadFailure: the write thread cannot begin/g)?.length, 1, stderr);
});
