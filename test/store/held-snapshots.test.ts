/** Snapshots that are held while a client reads a large group: for how long, and how many. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import Sqlite from 'better-sqlite3';
import { openSqliteStore } from '../../src/store/sqlite/index.ts';
import type { MemberReader } from '../../src/store/store.ts';
import { until } from '../until.ts';
import { Setting } from './setting.ts';

const folder = mkdtempSync(join(tmpdir(), 'scimd-held-'));
after(() => rmSync(folder, { recursive: true }));
let files = 0;

async function open(options: { readonly longestSnapshot?: number } = {}) {
  const file = join(folder, `${++files}.db`);
  const s = await Setting.open(async (given) => openSqliteStore({ file, ...options, ...given }));
  const group = await s.createGroup(
    'g',
    Array.from({ length: 2000 }, (_, index) => `m${index}`),
  );
  const reader = async (): Promise<MemberReader> => {
    const found = await s.store.get({ ...s.target(group), members: true });
    assert.ok(typeof found?.members === 'object');
    return found.members;
  };
  return { s, file, reader };
}

function checkpoint(file: string): number {
  const db = new Sqlite(file, { timeout: 0 });
  const [{ busy }] = db.pragma('wal_checkpoint(TRUNCATE)') as [{ busy: number }];
  db.close();
  return busy;
}

test('one that is held for too long is ended, and whoever reads on is told why', async () => {
  const { s, file, reader } = await open({ longestSnapshot: 1000 });
  const members = await reader();
  await members.next();
  await s.createUser('a');
  await wait(1020);
  await assert.rejects(members.next(), { name: 'StoreError', code: 'snapshot-expired' });
  await until('the checkpoint', () => checkpoint(file) === 0);
  assert.equal(await members.next(), undefined);
  await s.store.close();
});

test('who comes when as many are held as there may be is served when one ends', async () => {
  const { s, reader } = await open();
  const readers = await Promise.all(Array.from({ length: 32 }, reader));
  let served = false;
  const next = reader().then((members) => {
    served = true;
    return members;
  });
  await wait(50);
  assert.equal(served, false);
  readers[7]?.close();
  assert.match((await (await next).next()) ?? '', /^\{"value":"m0"/);
  for (const each of readers) each.close();
  assert.equal((await s.find('userName eq "a"')).length, 0);
  await s.store.close();
});

test('a store that is closed ends them, and leaves no WAL behind', async () => {
  const { s, file, reader } = await open();
  const members = await reader();
  await members.next();
  await s.createUser('a');
  await s.store.close();
  await assert.rejects(members.next(), { name: 'StoreError', code: 'closed' });
  const db = new Sqlite(file, { readonly: true });
  assert.equal(db.prepare('SELECT count(*) FROM resource').pluck().get(), 2);
  db.close();
});
