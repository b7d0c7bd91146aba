/** Tells the metrics and the log how long leavers wait for applications, and what the guard holds back. */
import { watchLags } from '../events/lag.ts';
import type { Log } from '../http/options.ts';
import type { Metrics } from '../ops/metrics.ts';
import type { Store } from '../store/store.ts';

/** In how many tenants the guard holds changes back; a database that cannot be read is told of by whoever needs it. */
async function countHeld(store: Store, metrics: Metrics | undefined): Promise<void> {
  try {
    metrics?.held((await store.guards.states()).filter(({ held }) => held !== undefined).length);
  } catch {
    // The last number stands.
  }
}

/** Answers what ends it. */
export function watchLag(store: Store, metrics: Metrics | undefined, log: Log): () => void {
  let told = new Set<string>();
  const clock = (): Date => new Date();
  return watchLags(store, clock, (lags, late, now) => {
    const seconds = lags.map(({ since }) => Math.max(0, now - since.getTime()) / 1000);
    void countHeld(store, metrics);
    metrics?.deprovisionLag(Math.max(0, ...seconds));
    for (const { kind, name, tenant, since } of late)
      if (!told.has(`${tenant} ${name}`))
        log.warn(
          {
            ...(kind === 'consumer' ? { consumer: name } : { endpoint: name }),
            tenant,
            since: since.toISOString(),
          },
          'an application has not heard for five minutes that somebody left',
        );
    told = new Set(late.map(({ tenant, name }) => `${tenant} ${name}`));
  });
}
