/** Notices that another connection has written, so that what is kept in memory is not older than the database. */
import type { Database } from 'better-sqlite3';

export interface DataVersion {
  /** At the start of a transaction: calls the listeners if other connections have committed since the last one. */
  check(): void;
  onWrite(listener: () => void): void;
}

export function dataVersion(db: Database): DataVersion {
  // Changes only when another connection commits.
  const version = db.prepare<[], number>('PRAGMA data_version').pluck();
  const listeners: (() => void)[] = [];
  let seen: number | undefined;
  return {
    check() {
      const now = version.get();
      if (now === seen) return;
      seen = now;
      for (const listener of listeners) listener();
    },
    onWrite(listener) {
      listeners.push(listener);
    },
  };
}
