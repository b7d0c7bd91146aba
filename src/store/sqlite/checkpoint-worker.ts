/** The thread that copies the WAL into the database. */
import { parentPort, workerData } from 'node:worker_threads';
import Sqlite from 'better-sqlite3';
import type { CheckpointAnswer, CheckpointThreadData } from './checkpoint-thread.ts';
import { collectStart } from './collect-start.ts';
import { yieldToRequests } from './give-way.ts';

yieldToRequests();

const { file } = workerData as CheckpointThreadData;
const db = new Sqlite(file, { fileMustExist: true });
// What was copied is on the disk before the WAL begins anew.
db.pragma('synchronous = FULL');
db.prepare('SELECT count(*) FROM sqlite_schema').get();
const copy = db
  .prepare<[], [busy: number, frames: number, copied: number]>('PRAGMA main.wal_checkpoint(PASSIVE)')
  .raw();
const tell = (answer: CheckpointAnswer): void => parentPort?.postMessage(answer);

parentPort?.on('message', (message: 'close' | 'copy') => {
  if (message === 'close') {
    db.close();
    parentPort?.close();
    return;
  }
  try {
    const [, , copied] = copy.get() as [busy: number, frames: number, copied: number];
    tell(copied);
  } catch {
    // The main thread tries it next, and tells why it cannot be done.
    tell('failed');
  }
});
collectStart();
tell('open');
