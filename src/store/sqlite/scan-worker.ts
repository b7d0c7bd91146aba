/** The thread that lists run in which look at many rows: answers one job after the other, each in a transaction. */
import { parentPort, workerData } from 'node:worker_threads';
import { type ListJob, listSteps, runSteps } from '../sql/list-job.ts';
import { openConnection } from './connection.ts';
import { requestSetter, runner } from './request-context.ts';
import type { ScanAnswer, ScanThreadData } from './scan-thread.ts';
import { Statements } from './statements.ts';

const { file, busyTimeout } = workerData as ScanThreadData;
const db = openConnection(file, busyTimeout);
const statements = new Statements(db);
const setRequest = requestSetter(db);

function answer(id: number, job: ListJob): ScanAnswer {
  try {
    const found = db
      .transaction(() => runSteps(listSteps(job), runner(statements, setRequest, job)))
      .deferred();
    return { id, found };
  } catch (error) {
    const { message, code } = error as NodeJS.ErrnoException;
    return { id, error: { message, code } };
  }
}

parentPort?.on('message', (message: 'close' | { readonly id: number; readonly job: ListJob }) => {
  if (message === 'close') {
    db.close();
    parentPort?.close();
  } else parentPort?.postMessage(answer(message.id, message.job));
});
