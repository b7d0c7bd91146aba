/** The thread that lists run in which look at many rows: answers one job after the other, each in a transaction. */
import { parentPort, workerData } from 'node:worker_threads';
import { listSteps } from '../sql/list-job.ts';
import { runSteps } from '../sql/steps.ts';
import { ended, WorkError } from '../work.ts';
import { collectStart } from './collect-start.ts';
import { openConnection } from './connection.ts';
import { pacer, yieldToRequests } from './give-way.ts';
import { meterOf } from './meter.ts';
import { requestSetter, runner } from './request-context.ts';
import type { ScanAnswer, ScanRequest, ScanThreadData } from './scan-thread.ts';
import { Statements } from './statements.ts';

// Shown by npm run bench -- --only interference.
yieldToRequests();

const pace = pacer();
const { file, busyTimeout, unwanted: buffer } = workerData as ScanThreadData;
const unwanted = new Int32Array(buffer);
const db = openConnection(file, busyTimeout);
// What looks at all rows finds few of them there that it has seen before: a larger one is no faster, and each thread has it.
db.pragma('cache_size = -4096');
const metered = meterOf(db);
const statements = new Statements(db);
const setRequest = requestSetter(db);

function answer({ id, job, values, milliseconds }: ScanRequest): ScanAnswer {
  let spent = 0;
  pace.begin();
  try {
    const allowance = {
      ...{ values, milliseconds },
      isEnded() {
        pace.giveWay();
        return Atomics.load(unwanted, id % unwanted.length) === id;
      },
      tooMuch: () => new WorkError('too-much', ''),
      tooLong: () => new WorkError('too-long', ''),
    };
    if (allowance.isEnded()) throw ended();
    const run = (): ScanAnswer => ({
      id,
      spent,
      found: db.transaction(() => runSteps(listSteps(job), runner(statements, setRequest, job))).deferred(),
    });
    const found = metered.run(allowance, run, (used) => {
      spent = used;
    });
    return { ...found, spent };
  } catch (error) {
    if (error instanceof WorkError) return { id, spent, stopped: error.code };
    const { message, code } = error as NodeJS.ErrnoException;
    return { id, spent, error: { message, code } };
  }
}

let hasAnswered = false;
parentPort?.on('message', (message: 'close' | ScanRequest) => {
  if (message === 'close') {
    db.close();
    pace.close();
    parentPort?.postMessage('closed');
    parentPort?.close();
    return;
  }
  parentPort?.postMessage(answer(message));
  if (!hasAnswered) setImmediate(collectStart);
  hasAnswered = true;
});
