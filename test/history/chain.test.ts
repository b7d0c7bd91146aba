/** The chain of the change record: whoever rewrites, removes or adds something in the file is found out. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import Sqlite, { type Database } from 'better-sqlite3';
import type { ChainHead, ChainReport } from '../../src/store/chain.ts';
import { openSqliteStore } from '../../src/store/sqlite/index.ts';
import type { Store } from '../../src/store/store.ts';
import { groupDocument, registryWith, typeNamed, userDocument } from '../store/registry.ts';
import { add } from '../store/setting.ts';
import { create, remove, update } from '../store/writes.ts';

const folder = mkdtempSync(join(tmpdir(), 'scimd-chain-'));
after(() => rmSync(folder, { recursive: true }));
const registry = registryWith();
const type = typeNamed(registry, 'User');
const actor = { kind: 'token', id: 't1', name: 'okta' } as const;
let files = 0;

/** Ten people, of whom the first is erased and the second deleted. */
async function filled(): Promise<{ file: string; head: ChainHead }> {
  const file = join(folder, `${++files}.db`);
  const store = openSqliteStore({ file, registry });
  const ids: string[] = [];
  for (let user = 0; user < 10; user++)
    ids.push((await create(store, { tenant: 1, type, actor, document: userDocument(`u${user}`) })).id);
  const [first = '', second = ''] = ids;
  await update(store, { tenant: 1, type, actor, id: first, operation: 'patch', credential: '$scrypt$1' });
  await remove(store, { tenant: 1, type, actor, id: second });
  await store.commit([{ tenant: 1, context: { actor }, commands: [{ kind: 'erase', type, id: first }] }]);
  const { head } = await store.past.verify({ tenant: 1 });
  await store.close();
  assert.ok(head !== undefined);
  return { file, head };
}

async function verified(file: string, expected?: ChainHead): Promise<ChainReport> {
  const store: Store = openSqliteStore({ file, registry });
  const report = await store.past.verify({ tenant: 1, ...(expected === undefined ? {} : { expected }) });
  await store.close();
  return report;
}

async function tampered(file: string, tamper: (db: Database) => void): Promise<string[]> {
  const db = new Sqlite(file);
  tamper(db);
  db.close();
  return (await verified(file)).problems.map(({ sequence, problem }) => `${sequence} ${problem}`);
}

test('a record that nobody has touched is verified, with what was erased in it', async () => {
  const { file, head } = await filled();
  const report = await verified(file, head);
  assert.deepEqual(report.problems, []);
  assert.deepEqual([report.changes, report.erased, report.head?.sequence], [14, 3, 14]);
});

const digestIs = 'is not what was recorded: its digest is another one';

for (const [what, sql, said] of [
  [
    'a value that was rewritten',
    "UPDATE change SET actor = replace(actor, 'okta', 'other') WHERE sequence = 4",
    `4 ${digestIs}`,
  ],
  [
    'a time that was moved',
    "UPDATE change SET at = '2020-01-01T00:00:00' WHERE sequence = 5",
    `5 ${digestIs}`,
  ],
  ['another person', "UPDATE change SET id = 'somebody' WHERE sequence = 6", `6 ${digestIs}`],
  [
    'a last document that was rewritten',
    "UPDATE change SET last = replace(last, 'u1', 'ux') WHERE operation = 'delete'",
    `12 ${digestIs}`,
  ],
  ['a change that was removed', 'DELETE FROM change WHERE sequence = 7', '8 changes 7 to 7 are missing'],
  [
    'the end that was cut off',
    'DELETE FROM change WHERE sequence > 12',
    '12 is the last change, though 14 were made',
  ],
  [
    'the content taken out without an erasure',
    'UPDATE change SET salt = NULL WHERE sequence = 8',
    '8 has lost its content, and no later erasure says so',
  ],
  [
    'digests taken out',
    'UPDATE change SET digest = NULL, link = NULL WHERE sequence = 9',
    '9 has no digest, though changes before it have one',
  ],
  [
    'an erasure that was taken back',
    "UPDATE change SET operation = 'patch' WHERE operation = 'erase'",
    `14 ${digestIs}`,
  ],
] as const)
  test(`${what} is told`, async () => {
    const { file } = await filled();
    assert.ok((await tampered(file, (db) => db.exec(sql))).includes(said), said);
  });

test('a record that was rewritten to its end, digests and all, is told by a head that was noted before', async () => {
  const [{ file }, { head: noted }] = [await filled(), await filled()];
  assert.deepEqual((await verified(file)).problems, []);
  assert.deepEqual((await verified(file, noted)).problems, [
    { sequence: noted.sequence, problem: 'has another link than was noted: what came before was rewritten' },
  ]);
});

test('what was noted beyond the end, or before what is kept, is told', async () => {
  const { file, head } = await filled();
  assert.deepEqual((await verified(file, { ...head, sequence: 99 })).problems, [
    { sequence: 99, problem: 'is not there' },
  ]);
  const store = openSqliteStore({ file, registry });
  const [, , third] = await store.changes({ tenant: 1, limit: 3 });
  await store.pruneChanges(new Date(Date.now() + 60_000), 5);
  await store.close();
  const report = await verified(file, { sequence: 3, link: third?.link ?? '' });
  assert.deepEqual(report.problems, [
    { sequence: 3, problem: 'is kept no longer, so that it cannot be compared' },
  ]);
  assert.equal(report.changes, 9);
  assert.deepEqual((await verified(file)).problems, []);
});

test('a change of a group that is taken out of the history of a member is told', async () => {
  const file = join(folder, `${++files}.db`);
  const store = openSqliteStore({ file, registry });
  const ids: string[] = [];
  for (const name of ['a', 'b'])
    ids.push((await create(store, { tenant: 1, type, actor, document: userDocument(name) })).id);
  const [kind, document] = [typeNamed(registry, 'Group'), groupDocument('staff')];
  await create(store, { tenant: 1, type: kind, actor, document, members: [add(...ids)] });
  await store.close();
  assert.deepEqual((await verified(file)).problems, []);
  const problems = await tampered(file, (db) => {
    db.prepare('DELETE FROM change_member WHERE member = ?').run(ids[0]);
  });
  assert.deepEqual(problems, [
    '3 is not among the changes of 1 of its members: what leads to it from them was removed',
  ]);
});
