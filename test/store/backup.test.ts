import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { Worker } from 'node:worker_threads';
import Sqlite from 'better-sqlite3';
import { backUp } from '../../src/store/sqlite/backup.ts';
import { openConnection } from '../../src/store/sqlite/connection.ts';

const folder = mkdtempSync(join(tmpdir(), 'scimd-backup-test-'));
after(() => rmSync(folder, { recursive: true }));

/** Commits as fast as it can, through a connection of its own. */
function writeWithoutPause(file: string): Worker {
  const program = `
    const { parentPort, workerData } = require('node:worker_threads');
    const db = require(workerData.sqlite)(workerData.file);
    db.pragma('synchronous = OFF');
    const write = db.prepare('UPDATE ballast SET number = number + 1 WHERE rowid = 1');
    write.run();
    parentPort.postMessage('writing');
    for (;;) write.run();`;
  const sqlite = createRequire(import.meta.url).resolve('better-sqlite3');
  return new Worker(program, { eval: true, workerData: { sqlite, file } });
}

test('a backup is of one moment, and ends however much is written meanwhile', async () => {
  const file = join(folder, 'scimd.db');
  const db = openConnection(file);
  // Copied in many steps.
  db.exec(`CREATE TABLE ballast (number INTEGER NOT NULL, filling BLOB NOT NULL) STRICT;
    WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 8000)
    INSERT INTO ballast SELECT i, zeroblob(4000) FROM n`);
  const writer = writeWithoutPause(file);
  try {
    await once(writer, 'message');
    const number = db.prepare<[], number>('SELECT number FROM ballast WHERE rowid = 1').pluck();
    const before = number.get()!;
    const steps: number[] = [];
    const copy = join(folder, 'copy');
    await backUp(file, copy, (done) => {
      if (done < (steps.at(-1) ?? 0)) throw new Error(`begun anew after ${done} of ${steps.at(-1)} pages`);
      steps.push(done);
    });
    assert(steps.length > 10, `${steps.length} steps`);
    const copied = new Sqlite(copy, { readonly: true });
    const then = copied.prepare('SELECT number FROM ballast WHERE rowid = 1').pluck().get() as number;
    copied.close();
    assert(then >= before && then < number.get()!, 'others wrote meanwhile');
  } finally {
    await writer.terminate();
    db.close();
  }
});
