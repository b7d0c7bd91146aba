/**
 * When the WAL is copied into the database. SQLite does it with each commit that finds 1,000 frames in the WAL, which begins anew
 * then, unless somebody reads on in a snapshot. Where such readers follow one another it never begins anew, and each of them lets
 * SQLite copy a little, for which every request waits: here it is done after 1,000 more frames, however many there are.
 * Shown by the workload `interference` of npm run bench.
 */
import type { Database } from 'better-sqlite3';

/** Frames, of a page each. */
const every = 1000;

/** To be called after each commit of the connection. Throws what SQLite's own checkpoint makes a commit throw. */
export function checkpoints(db: Database): () => void {
  if (db.memory) return () => {};
  db.pragma('wal_autocheckpoint = 0');
  const look = db.prepare('PRAGMA main.wal_checkpoint(NOOP)').raw();
  const copy = db.prepare('PRAGMA main.wal_checkpoint(PASSIVE)').raw();
  let last = 0;
  return () => {
    const [, frames] = look.get() as [busy: number, frames: number, copied: number];
    // It has begun anew.
    if (frames < last) last = 0;
    if (frames - last < every) return;
    copy.get();
    last = frames;
  };
}
