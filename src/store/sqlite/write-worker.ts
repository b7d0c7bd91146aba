/** The thread that carries out units which change very many rows, one after the other, over a store of its own. */
import { parentPort, workerData } from 'node:worker_threads';
import type { Outcome } from '../store.ts';
import { Work } from '../work.ts';
import { openSqliteStore } from './index.ts';
import {
  sentOutcome,
  unitFrom,
  type WriteAnswer,
  type WriteRequest,
  type WriteThreadData,
} from './write-thread.ts';

const { file, busyTimeout, registry } = workerData as WriteThreadData;
let now = Date.now();
const store = openSqliteStore({
  ...{ file, registry, rebuild: false, unitsInThreadFrom: Number.POSITIVE_INFINITY },
  ...(busyTimeout === undefined ? {} : { busyTimeout }),
  clock: () => new Date(now),
});
parentPort?.postMessage('open');

async function answer(request: WriteRequest): Promise<WriteAnswer> {
  now = request.now;
  const { limits, spent } = request;
  const work = limits === undefined ? undefined : new Work(limits);
  work?.noteInWrites(spent);
  const [outcome] = await store.commit([unitFrom(request, work)]);
  return { outcome: sentOutcome(outcome as Outcome), spent: (work?.spentInWrites ?? spent) - spent };
}

parentPort?.on('message', async (message: 'close' | WriteRequest) => {
  if (message === 'close') {
    await store.close();
    parentPort?.close();
  } else parentPort?.postMessage(await answer(message));
});
