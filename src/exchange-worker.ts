/** The thread of the exchange log: reads what requests handed over, writes it, and answers who looks for something. */
import { availableParallelism } from 'node:os';
import { parentPort, workerData } from 'node:worker_threads';
import { type ExchangeBatch, unpacked } from './http/exchange-batch.ts';
import { readExchange } from './http/exchange-entry.ts';
import type {
  ExchangeReads,
  ExchangeThreadData,
  FromExchangeThread,
  ToExchangeThread,
} from './http/exchange-log.ts';
import type { NewExchange } from './store/exchanges.ts';
import { collectStart } from './store/sqlite/collect-start.ts';
import { SqliteExchanges } from './store/sqlite/exchanges.ts';
import { pacer } from './store/sqlite/give-way.ts';

/** Milliseconds between two looks for what is too old, or too much. */
const pruneEvery = 20_000;

/**
 * Where processors are few, requests wait behind what is written: at 500 a second for up to a millisecond. So the thread gives way
 * again and again, but not where much is to be written: that is a loaded server, which has no time for moments. It has the priority
 * of the server, or exchanges of a loaded one would be dropped. Shown by the workload `delivery` of npm run bench.
 */
const pace = availableParallelism() > 2 ? undefined : pacer(0.2, true);
/** Exchanges of a batch, 1,600 a second. */
const much = 100;

const { file, options, days, megabytes } = workerData as ExchangeThreadData;
const exchanges = new SqliteExchanges(file);

const reads: ExchangeReads = {
  find: (query) => exchanges.find(query),
  get: (id, tenant) => exchanges.get(id, tenant),
  latest: (tenant) => exchanges.latest(tenant),
  counts: (now, step, parts, tenants) => exchanges.counts(now, step, parts, tenants),
  forget: (person) => exchanges.forget(person),
};

const tell = (message: FromExchangeThread): void => parentPort?.postMessage(message);
const reasonOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/** One by one: what is not written yet is in memory but once. */
function* read(batch: ExchangeBatch): Generator<NewExchange> {
  const paced = batch.count < much ? pace : undefined;
  paced?.begin();
  for (const each of unpacked(batch)) {
    yield readExchange(each, options);
    paced?.giveWay();
  }
}

let pruned = 0;
function prune(): void {
  pruned = performance.now();
  try {
    // In parts, so that whoever looks for something in between need not wait for all.
    if (exchanges.prune({ days, megabytes }, Date.now())) setImmediate(prune);
  } catch {
    // The next write says what is the matter.
  }
}
const timer = setInterval(prune, pruneEvery);
timer.unref();
prune();

parentPort?.on('message', (message: ToExchangeThread) => {
  switch (message.kind) {
    case 'write': {
      const { count } = message.batch;
      try {
        exchanges.write(read(message.batch));
        tell({ kind: 'written', count });
      } catch (error) {
        tell({ kind: 'failed', count, message: reasonOf(error) });
      }
      if (performance.now() - pruned > pruneEvery) prune();
      break;
    }
    case 'ask': {
      const { id, name, parameters } = message;
      try {
        const ask = reads[name] as (...all: readonly unknown[]) => unknown;
        tell({ kind: 'answer', id, value: ask(...parameters) });
      } catch (error) {
        tell({ kind: 'answer', id, error: reasonOf(error) });
      }
      break;
    }
    case 'stop':
      exchanges.close();
      parentPort?.close();
      clearInterval(timer);
      break;
  }
});

collectStart();
