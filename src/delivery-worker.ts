/** The thread that delivers webhooks: with a connection of its own to the database. */
import { parentPort, workerData } from 'node:worker_threads';
import { Feed } from './events/feed.ts';
import { Hub } from './events/hub.ts';
import type { PageAsked, PageText } from './events/page-text.ts';
import { EventReader, recordsOf } from './events/reader.ts';
import { shownAs } from './events/shown.ts';
import {
  answered,
  type DeliveryThreadData,
  type DurableAnswer,
  type DurableAsked,
  delivererOver,
  messageOfNotice,
  type PageQuestion,
  type ProgressAnswer,
  type ProgressAsked,
  Questions,
} from './events/webhook/delivery.ts';
import { configuredRegistry } from './scim/custom-schemas.ts';
import { isPostgresUrl, openStore } from './store/open.ts';
import type { Outbox } from './store/outbox.ts';
import { pacer, yieldToRequests } from './store/sqlite/give-way.ts';

/** Milliseconds of work at a time, where requests want the processor. */
const shortTurn = 0.3;
/** Milliseconds: little at a time, which goes with the commits of requests and holds up none of them. */
const shortStoreEvery = 25;

yieldToRequests();
const { giveWay } = pacer(shortTurn);

const { database, definitions, baseUrl, basePath } = workerData as DeliveryThreadData;

const progress = new Questions<readonly boolean[]>();
const durable = new Questions<void>();

/** Is written by the server's thread. */
function progressThere(...asked: Parameters<Outbox['progress']>): Promise<readonly boolean[]> {
  return progress.ask((number) => {
    const question: ProgressAsked = { kind: 'progress', number, asked };
    parentPort?.postMessage(question);
  });
}

/** The server's thread brings it to the disk: two who do so wait for each other. */
function durableThere(): Promise<void> {
  return durable.ask((number) => {
    const question: DurableAsked = { kind: 'durable', number };
    parentPort?.postMessage(question);
  });
}

async function start(): Promise<void> {
  const registry = configuredRegistry(definitions);
  const store = await openStore(database, { registry, rebuild: false, othersDurable: durableThere });
  const isShared = !isPostgresUrl(database);
  const shown = shownAs(registry, basePath, baseUrl);
  const deliverer = delivererOver(
    store,
    shown,
    (notice) => parentPort?.postMessage(messageOfNotice(notice)),
    {
      giveWay,
      ...(isShared
        ? { outbox: { ...store.outbox, progress: progressThere }, storeEvery: shortStoreEvery }
        : {}),
    },
  );
  const feed = new Feed(
    new EventReader(recordsOf(store), store.feed, shown, giveWay),
    ...([store.feed, store.outbox, new Hub(store)] as const),
  );
  const pageText = async (asked: PageAsked): Promise<PageText> => {
    // In this turn of the event loop all is read as it was at its beginning: whoever asks may have been told of more by now.
    await new Promise((resolve) => setImmediate(resolve));
    const page = await feed.pageText(asked);
    await store.durable();
    return page;
  };
  parentPort?.on(
    'message',
    async (message: 'wake' | 'stop' | PageQuestion | ProgressAnswer | DurableAnswer) => {
      if (message === 'wake') deliverer.wake();
      else if (message === 'stop') {
        await deliverer.stop();
        await store.close();
        parentPort?.close();
      } else if (message.kind === 'progress') progress.hear(message.answer);
      else if (message.kind === 'durable') durable.hear(message.answer);
      else parentPort?.postMessage(await answered(message.number, pageText(message.asked)));
    },
  );
  void deliverer.start();
}

// Rejected, it ends the thread with its reason, and the server begins it again.
void start();
