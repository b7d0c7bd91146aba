/** Somebody else writes to the file while lists are read over it. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { Worker } from 'node:worker_threads';
import Database from 'better-sqlite3';
import { createScimd, sql } from '../../src/index.ts';
import { maps, tablesSql } from './fixture.ts';

/** Adds somebody and takes them away again, until it is told to stop. */
const writer = `
const { workerData, parentPort } = require('node:worker_threads');
const db = new (require(workerData.library))(workerData.file);
const add = db.prepare("INSERT INTO users (org, scim_id, login, login_folded, created_at, updated_at) VALUES ('default', 'zed', 'zed', 'zed', '2026-01-01', '2026-01-01')");
const remove = db.prepare("DELETE FROM users WHERE scim_id = 'zed'");
let isDone = false;
parentPort.on('message', () => { isDone = true; });
const turn = () => {
  for (let n = 0; n < 20; n++) { add.run(); remove.run(); }
  if (isDone) { db.close(); parentPort.postMessage('done'); parentPort.close(); } else setImmediate(turn);
};
turn();
`;

test('a page of an SQLite file and its total are of one moment, whoever else writes to it', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'scimd-writers-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const file = join(folder, 'app.db');
  const db = new Database(file);
  db.pragma('journal_mode = WAL');
  db.pragma('synchronous = OFF');
  db.exec(tablesSql('sqlite'));
  const scimd = await createScimd({ store: sql(db, maps()) });
  for (const userName of ['ann', 'bob', 'cy']) await scimd.users.create({ userName });
  const library = import.meta.resolve('better-sqlite3').replace('file://', '');
  const worker = new Worker(writer, { eval: true, workerData: { file, library } });
  t.after(() => worker.terminate());
  const seen = new Set<number>();
  const until = Date.now() + 20_000;
  for (let n = 0; n < 500 || (seen.size < 2 && Date.now() < until); n++) {
    const { totalResults, Resources } = await scimd.users.list({ startIndex: 3, count: 1 });
    const all = await scimd.users.list({ startIndex: 1, count: 100 });
    seen.add(all.totalResults);
    assert.equal(all.totalResults, all.Resources.length);
    assert.equal(Resources.length, 1);
    assert.ok(totalResults === 3 || totalResults === 4);
    const last = await scimd.users.list({ startIndex: 4, count: 1 });
    assert.equal(last.totalResults, 3 + last.Resources.length);
    const few = await scimd.users.list({ startIndex: 4, count: 1, filter: 'active eq true' });
    assert.equal(few.totalResults, 3 + few.Resources.length);
  }
  assert.equal(seen.size, 2, 'the other writer wrote meanwhile');
  const ended = new Promise((resolve) => worker.once('exit', resolve));
  worker.postMessage('stop');
  await ended;
  await scimd.close();
  db.close();
});
