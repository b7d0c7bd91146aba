/** The thread that delivers webhooks: with a connection of its own to the database. */
import { setPriority } from 'node:os';
import { parentPort, workerData } from 'node:worker_threads';
import { shownAs } from './events/shown.ts';
import { type DeliveryThreadData, delivererOver, messageOfNotice } from './events/webhook/delivery.ts';
import { configuredRegistry } from './scim/custom-schemas.ts';
import { openStore } from './store/open.ts';

/** Where processors are short, a request goes before a delivery. On Linux that is set for this thread alone. */
const yielding = 5;
if (process.platform === 'linux') setPriority(yielding);

const { database, definitions, baseUrl, basePath } = workerData as DeliveryThreadData;

async function start(): Promise<void> {
  const registry = configuredRegistry(definitions);
  const store = await openStore(database, { registry, rebuild: false });
  const deliverer = delivererOver(store, shownAs(registry, basePath, baseUrl), (notice) =>
    parentPort?.postMessage(messageOfNotice(notice)),
  );
  parentPort?.on('message', async (message: 'wake' | 'stop') => {
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
