/** Opens the store for the server, and reports what its configuration changes for stored resources. */
import type { Log } from '../http/options.ts';
import { type Progress, progressOn } from '../ops/progress.ts';
import type { SettingsInForce } from '../ops/settings.ts';
import type { Terminal } from '../ops/terminal.ts';
import { isPostgresUrl, openStore } from '../store/open.ts';
import { backUpBeforeUpgrade } from '../store/sqlite/upgrade.ts';
import type { OpeningNotice, Store } from '../store/store.ts';
import { databaseOf, registryFor, upgradeText } from './database.ts';

/** Milliseconds between two lines of the log about the same rebuild. */
const interval = 5000;

/** Undefined if `stop` came first: the next start resumes the rebuild. */
export async function openForServing(
  inForce: SettingsInForce,
  stop: Promise<string>,
  terminal: Terminal,
  log: Log,
): Promise<Store | undefined> {
  const stopping = new AbortController();
  void stop.then((signal) => stopping.abort(signal));
  const progress = progressOn(terminal, false);
  try {
    const database = databaseOf(inForce.settings);
    // The tables of PostgreSQL are copied by its own backups.
    const upgrade = isPostgresUrl(database) ? undefined : await backUpBeforeUpgrade(database);
    if (upgrade !== undefined) {
      const { from, to, backup } = upgrade;
      log.info({ from, to, backup }, upgradeText(database, upgrade));
    }
    return await openStore(database, {
      registry: registryFor(inForce),
      sensitive: inForce.settings.sensitiveAttributes,
      signal: stopping.signal,
      onNotice: reporter(progress, log),
    });
  } catch (error) {
    progress.clear();
    if (!stopping.signal.aborted || error !== stopping.signal.reason) throw error;
    log.info({ signal: stopping.signal.reason }, 'stopped while rebuilding indexes; the next start resumes');
    return undefined;
  }
}

/** Notices as lines of the log; on a terminal the progress of a rebuild is a line that renews itself. */
function reporter(progress: Progress, log: Log): (notice: OpeningNotice) => void {
  let logged = { type: '', at: 0 };
  return (notice) => {
    if (notice.kind !== 'rebuilding') {
      progress.clear();
      return report(notice, log);
    }
    const { type, done, total } = notice;
    const now = performance.now();
    if (logged.type !== type || now - logged.at > interval) {
      logged = { type, at: now };
      // The log may be on the same terminal.
      progress.clear();
      log.info(
        { type, done, total },
        'rebuilding indexes: schemas or containsIndex have changed since the last start',
      );
    }
    if (done < total) progress.show(done / total, `${type}: ${done} of ${total}`);
  };
}

function report(notice: Exclude<OpeningNotice, { kind: 'rebuilding' }>, log: Log): void {
  switch (notice.kind) {
    case 'rebuilt':
      log.info({ type: notice.type, resources: notice.resources }, 'indexes rebuilt');
      break;
    case 'unserved':
      log.warn(
        { type: notice.type, resources: notice.resources },
        'kept, but not served: the resource type is not configured',
      );
      break;
    case 'no-contains-index':
      log.warn(
        { reason: notice.reason },
        'there is no index for containsIndex, and filters with co are slower: pg_trgm is needed (scimd docs scale)',
      );
      break;
    default: {
      const { kind, type, path, resources, ids } = notice;
      log.warn({ type, attribute: path, resources, ids }, findings[kind]);
    }
  }
}

const findings = {
  missing: 'resources lack a value that the schema requires; they are served as they are',
  invalid: 'values that do not match the schema are kept, but not shown',
  unknown: 'values that no schema defines are kept, but not shown',
} as const;
