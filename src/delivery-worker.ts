/** The thread that delivers webhooks: with a connection of its own to the database. */
import { setPriority } from 'node:os';
import { parentPort, workerData } from 'node:worker_threads';
import { Feed } from './events/feed.ts';
import { Hub } from './events/hub.ts';
import { EventReader, recordsOf } from './events/reader.ts';
import { shownAs } from './events/shown.ts';
import {
  type Answered,
  answered,
  type DeliveryThreadData,
  delivererOver,
  messageOfNotice,
  type PageQuestion,
  type ProgressAsked,
  Questions,
} from './events/webhook/delivery.ts';
import { configuredRegistry } from './scim/custom-schemas.ts';
import { isPostgresUrl, openStore } from './store/open.ts';
import type { Outbox } from './store/outbox.ts';

/** Where processors are short, a request goes before a delivery. On Linux that is set for this thread alone. */
const yielding = 5;
if (process.platform === 'linux') setPriority(yielding);

const { database, definitions, baseUrl, basePath } = workerData as DeliveryThreadData;

const progress = new Questions<readonly boolean[]>();

/** Is written by the server's thread. */
function progressThere(...asked: Parameters<Outbox['progress']>): Promise<readonly boolean[]> {
  return progress.ask((number) => {
    const question: ProgressAsked = { kind: 'progress', number, asked };
    parentPort?.postMessage(question);
  });
}

async function start(): Promise<void> {
  const registry = configuredRegistry(definitions);
  const store = await openStore(database, { registry, rebuild: false });
  const outbox = isPostgresUrl(database) ? store.outbox : { ...store.outbox, progress: progressThere };
  const shown = shownAs(registry, basePath, baseUrl);
  const deliverer = delivererOver(
    store,
    shown,
    (notice) => parentPort?.postMessage(messageOfNotice(notice)),
    () => new Date(),
    outbox,
  );
  const feed = new Feed(
    new EventReader(recordsOf(store), store.feed, shown),
    ...([store.feed, store.outbox, new Hub(store)] as const),
  );
  parentPort?.on(
    'message',
    async (message: 'wake' | 'stop' | PageQuestion | Answered<readonly boolean[]>) => {
      if (message === 'wake') deliverer.wake();
      else if (message === 'stop') {
        await deliverer.stop();
        await store.close();
        parentPort?.close();
      } else if (message.kind === 'answer') progress.hear(message);
      else parentPort?.postMessage(await answered(message.number, feed.pageText(message.asked)));
    },
  );
  void deliverer.start();
}

// Rejected, it ends the thread with its reason, and the server begins it again.
void start();
