/** The thread that delivers webhooks: with a connection of its own to the database. */
import { parentPort, workerData } from 'node:worker_threads';
import { shownAs } from './events/shown.ts';
import { type DeliveryThreadData, delivererOver, messageOfNotice } from './events/webhook/delivery.ts';
import { configuredRegistry } from './scim/custom-schemas.ts';
import { openSqliteStore } from './store/sqlite/index.ts';

const { file, definitions, baseUrl, basePath } = workerData as DeliveryThreadData;
const registry = configuredRegistry(definitions);
const store = openSqliteStore({ file, registry, rebuild: false });
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
