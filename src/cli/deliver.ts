/** Delivery of webhooks beside the server that a command started. */
import { type Delivery, startDelivery } from '../events/webhook/delivery.ts';
import type { Log } from '../http/options.ts';
import type { SettingsInForce } from '../ops/settings.ts';
import { loadedAddon } from '../store/sqlite/addon-file.ts';
import type { Store } from '../store/store.ts';
import { databaseOf } from './database.ts';

export function deliver({ settings, definitions }: SettingsInForce, store: Store, log: Log): Delivery {
  const { basePath, baseUrl } = settings;
  const database = databaseOf(settings);
  return startDelivery({
    store,
    thread: { database, basePath, baseUrl, definitions, addon: loadedAddon() },
    onNotice(notice) {
      if (notice.kind === 'failing')
        log.error({ reason: notice.message }, 'webhooks cannot be delivered at the moment');
      else
        log.warn(
          { endpoint: notice.endpoint, reason: notice.reason },
          notice.kind === 'gap'
            ? 'a webhook endpoint was away for too long'
            : 'a webhook endpoint is disabled',
        );
    },
  });
}
