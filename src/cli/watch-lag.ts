/** Watches how long leavers wait for applications, for the metric and the log. */
import { LagWatch } from '../events/lag.ts';
import type { Log } from '../http/options.ts';
import type { Metrics } from '../ops/metrics.ts';
import type { Store } from '../store/store.ts';

const lookEvery = 15_000;
/** OpenID IPSIE AL1: an application should have revoked access within five minutes. */
const longest = 5 * 60_000;

/** Answers what ends it. */
export function watchLag(store: Store, metrics: Metrics | undefined, log: Log): () => void {
  const watch = new LagWatch(store);
  let told = new Set<string>();
  const look = async (): Promise<void> => {
    const now = Date.now();
    const lags = await watch.look();
    const seconds = lags.map(({ since }) => Math.max(0, now - since.getTime()) / 1000);
    metrics?.deprovisionLag(Math.max(0, ...seconds));
    const late = lags.filter(({ since }) => now - since.getTime() > longest);
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
  };
  // A database that cannot be read is told of by whoever needs it.
  const timer = setInterval(() => void look().catch(() => {}), lookEvery).unref();
  return () => clearInterval(timer);
}
