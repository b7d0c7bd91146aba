/** Tells the metric and the log how long leavers wait for applications. */
import { watchLags } from '../events/lag.ts';
import type { Log } from '../http/options.ts';
import type { Metrics } from '../ops/metrics.ts';
import type { Store } from '../store/store.ts';

/** Answers what ends it. */
export function watchLag(store: Store, metrics: Metrics | undefined, log: Log): () => void {
  let told = new Set<string>();
  const clock = (): Date => new Date();
  return watchLags(store, clock, (lags, late, now) => {
    const seconds = lags.map(({ since }) => Math.max(0, now - since.getTime()) / 1000);
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
