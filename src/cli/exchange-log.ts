/** The exchange log beside the server that a command started. */
import { ExchangeLog } from '../http/exchange-log.ts';
import type { Log } from '../http/options.ts';
import type { Settings } from '../ops/options.ts';
import { isPostgresUrl } from '../store/open.ts';
import { loadedAddon } from '../store/sqlite/addon-file.ts';
import type { Store } from '../store/store.ts';

/** Where the log is: as set, or beside the database. */
export function exchangeFile({ database, exchangeLog }: Settings): string {
  if (exchangeLog.file !== undefined) return exchangeLog.file;
  if (database === ':memory:') return ':memory:';
  // Each server has its own.
  if (isPostgresUrl(database)) return 'scimd-exchanges.db';
  return `${database.replace(/\.(?:db|sqlite3?)$/i, '')}-exchanges.db`;
}

/** Undefined where none is kept. */
export function exchangeLogOf(settings: Settings, store: Store, log: Log): ExchangeLog | undefined {
  const { enabled, retentionDays, maxMegabytes, bodies } = settings.exchangeLog;
  if (!enabled) return undefined;
  return new ExchangeLog({
    file: exchangeFile(settings),
    days: retentionDays,
    megabytes: maxMegabytes,
    bodies,
    registry: store.registry,
    sensitive: settings.sensitiveAttributes,
    addon: loadedAddon(),
    onTrouble: (reason, dropped) =>
      log.warn({ reason, dropped }, 'exchanges are missing from the exchange log'),
  });
}
