/** The thread that delivers webhooks: with a connection of its own to the database. */
import { parentPort, workerData } from 'node:worker_threads';
import { EventReader, recordsOf } from './events/reader.ts';
import { shownAs } from './events/shown.ts';
import { SigningKeys } from './events/streams/signing-keys.ts';
import { TokenReader } from './events/streams/token-reader.ts';
import { Deliverer } from './events/webhook/deliverer.ts';
import { type DeliveryThreadData, messageOfNotice } from './events/webhook/delivery.ts';
import { configuredRegistry } from './scim/custom-schemas.ts';
import { openSqliteStore } from './store/sqlite/index.ts';

const { file, definitions, baseUrl, basePath } = workerData as DeliveryThreadData;
const registry = configuredRegistry(definitions);
const store = openSqliteStore({ file, registry, rebuild: false });
const shown = shownAs(registry, basePath, baseUrl);
const signingKeys = new SigningKeys(store.streams, () => new Date());
const deliverer = new Deliverer({
  tokens: new TokenReader(recordsOf(store), store.feed, store.streams, shown),
  sign: (claims) => signingKeys.sign(claims),
  reader: new EventReader(recordsOf(store), store.feed, shown),
  records: recordsOf(store),
  outbox: store.outbox,
  extent: (tenant) => store.feed.extent(tenant),
  urlOf: shown.urlOf,
  // What another thread or process has committed may be read before it is on the disk: nobody is told of that.
  durable: async () => store.durable(),
  onNotice: (notice) => parentPort?.postMessage(messageOfNotice(notice)),
});

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
