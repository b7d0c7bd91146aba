/** The thread that copies the WAL into the database. */
import { getPriority, setPriority } from 'node:os';
import { parentPort, workerData } from 'node:worker_threads';
import Sqlite from 'better-sqlite3';
import type { CheckpointAnswer, CheckpointThreadData } from './checkpoint-thread.ts';

/** Requests go before it where processors are short. On Linux that is set for this thread alone, and only downwards. */
const yielding = 10;
if (process.platform === 'linux') setPriority(Math.min(19, getPriority() + yielding));

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
tell('open');
