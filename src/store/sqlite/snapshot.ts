/**
 * One read transaction for each turn of the event loop: taking SQLite's read lock for every statement costs more
 * than most statements do. It ends with the turn, and before any write, so whoever was told of a write reads it.
 */
import type { Database } from 'better-sqlite3';

export interface Snapshot {
  /** Before a read. */
  enter(): void;
  /** At the end of the turn, before a write, and at the end. */
  leave(): void;
}

/** `check` throws, at the start of the transaction, if nothing may be read. */
export function readSnapshot(db: Database, check: () => void): Snapshot {
  if (db.memory) return { enter() {}, leave() {} };
  const begin = db.prepare('BEGIN');
  const end = db.prepare('COMMIT');
  const undo = db.prepare('ROLLBACK');
  let open = false;
  const leave = (): void => {
    if (!open) return;
    open = false;
    if (!db.inTransaction) return;
    try {
      end.run();
    } catch {
      // A damaged file: whoever read it was told. A failure here would be nobody's, and end the process.
      if (db.inTransaction) undo.run();
    }
  };
  return {
    enter() {
      if (open) return;
      begin.run();
      open = true;
      setImmediate(leave);
      try {
        check();
      } catch (error) {
        leave();
        throw error;
      }
    },
    leave,
  };
}
