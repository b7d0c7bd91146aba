/** The thread that delivers webhooks: with a connection of its own to the database. */
import { setPriority } from 'node:os';
import { parentPort, workerData } from 'node:worker_threads';
import { shownAs } from './events/shown.ts';
import {
  type DeliveryThreadData,
  delivererOver,
  messageOfNotice,
  type ProgressAnswered,
  type ProgressAsked,
} from './events/webhook/delivery.ts';
import { configuredRegistry } from './scim/custom-schemas.ts';
import { isPostgresUrl, openStore } from './store/open.ts';
import type { Outbox } from './store/outbox.ts';

/** Where processors are short, a request goes before a delivery. On Linux that is set for this thread alone. */
const yielding = 5;
if (process.platform === 'linux') setPriority(yielding);

const { database, definitions, baseUrl, basePath } = workerData as DeliveryThreadData;

/** By number: who waits to hear whether their progress is stored. */
const asked = new Map<number, PromiseWithResolvers<readonly boolean[]>>();
let questions = 0;

/** Is written by the server's thread. */
function progressThere(...stored: Parameters<Outbox['progress']>): Promise<readonly boolean[]> {
  const number = ++questions;
  const answer = Promise.withResolvers<readonly boolean[]>();
  asked.set(number, answer);
  const question: ProgressAsked = { kind: 'progress', number, stored };
  parentPort?.postMessage(question);
  return answer.promise;
}

function hear(answered: ProgressAnswered): void {
  const question = asked.get(answered.number);
  asked.delete(answered.number);
  if ('failure' in answered) question?.reject(new Error(answered.failure));
  else question?.resolve(answered.outcomes);
}

async function start(): Promise<void> {
  const registry = configuredRegistry(definitions);
  const store = await openStore(database, { registry, rebuild: false });
  const outbox = isPostgresUrl(database) ? store.outbox : { ...store.outbox, progress: progressThere };
  const deliverer = delivererOver(
    store,
    shownAs(registry, basePath, baseUrl),
    (notice) => parentPort?.postMessage(messageOfNotice(notice)),
    () => new Date(),
    outbox,
  );
  parentPort?.on('message', async (message: 'wake' | 'stop' | ProgressAnswered) => {
    if (typeof message === 'object') {
      hear(message);
      return;
    }
    if (message === 'wake') {
      deliverer.wake();
      return;
    }
    await deliverer.stop();
    await store.close();
    parentPort?.close();
  });
  void deliverer.start();
}

// Rejected, it ends the thread with its reason, and the server begins it again.
void start();
