/** Notices that another connection has written, so that what is kept in memory is not older than the database. */
import type { Database } from 'better-sqlite3';

export interface OtherWriters {
  /** At the start of a transaction: tells the listeners if others have committed since the last one. */
  check(): void;
  onWrite(listener: () => void): void;
}

export function otherWriters(db: Database): OtherWriters {
  // Changes only when another connection commits.
  const dataVersion = db.prepare<[], number>('PRAGMA data_version').pluck();
  const listeners: (() => void)[] = [];
  let seen: number | undefined;
  return {
    check() {
      const now = dataVersion.get();
      if (now === seen) return;
      seen = now;
      for (const listener of listeners) listener();
    },
    onWrite(listener) {
      listeners.push(listener);
    },
  };
}
