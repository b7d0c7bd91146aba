/** Subjects, acknowledgements and signing keys of streams in SQLite. */
import type { Database } from 'better-sqlite3';
import type { Removal, SigningKey, StreamStore } from '../streams.ts';

export interface StreamTools {
  readonly db: Database;
  readonly read: <T>(action: () => T) => T;
  readonly write: <T>(action: () => T) => Promise<T>;
}

export function streamsOver({ db, read, write }: StreamTools): StreamStore {
  const removals = db.prepare<[string, string], Removal>(
    `SELECT resource, since, until FROM stream_removed
     WHERE endpoint = ? AND resource IN (SELECT value FROM json_each(?))`,
  );
  const isRemovedNow = db
    .prepare<[string, string], number>(
      'SELECT 1 FROM stream_removed WHERE endpoint = ? AND resource = ? AND until IS NULL',
    )
    .pluck();
  // Removed, brought back and removed again between two changes: it was never back.
  const remove = db.prepare(
    `INSERT INTO stream_removed (endpoint, resource, since) VALUES (?, ?, ?)
     ON CONFLICT DO UPDATE SET until = NULL`,
  );
  const bringBack = db.prepare(
    'UPDATE stream_removed SET until = ? WHERE endpoint = ? AND resource = ? AND until IS NULL',
  );
  const acknowledged = db
    .prepare<[string], string>('SELECT message FROM stream_acknowledged WHERE endpoint = ? ORDER BY message')
    .pluck();
  const acknowledge = db.prepare(
    'INSERT INTO stream_acknowledged (endpoint, message) VALUES (?, ?) ON CONFLICT DO NOTHING',
  );
  const forget = db.prepare('DELETE FROM stream_acknowledged WHERE endpoint = ? AND message = ?');
  const deliver = db.prepare('DELETE FROM delivery WHERE endpoint = ? AND message = ?');
  const note = db.prepare(
    `INSERT INTO attempt (endpoint, message, sequence, try, at, milliseconds, status, error, answer)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
  );
  const move = db.prepare('UPDATE endpoint SET position = ? WHERE id = ? AND position = ?');
  const keys = db.prepare<[], SigningKey>(
    'SELECT id, key, created, signs_from AS signsFrom FROM signing_key ORDER BY signs_from, id',
  );
  const addKey = db.prepare('INSERT INTO signing_key (id, key, created, signs_from) VALUES (?, ?, ?, ?)');
  const removeKey = db.prepare('DELETE FROM signing_key WHERE id = ?');

  return {
    removals: (endpoint, ids) => read(() => removals.all(endpoint, JSON.stringify(ids))),
    setRemoved: (endpoint, resource, isRemoved, sequence) =>
      write(() => {
        if (!isRemoved) return bringBack.run(sequence, endpoint, resource).changes > 0;
        if (isRemovedNow.get(endpoint, resource) !== undefined) return false;
        remove.run(endpoint, resource, sequence);
        return true;
      }),
    acknowledged: (endpoint) => read(() => acknowledged.all(endpoint)),
    acknowledge: (endpoint, waiting, others, attempts) =>
      write(() => {
        for (const message of waiting) deliver.run(endpoint, message);
        for (const message of others) acknowledge.run(endpoint, message);
        for (const each of attempts)
          note.run(
            ...[endpoint, each.message, each.sequence, each.try, each.at, each.milliseconds],
            ...[each.status ?? null, each.error ?? null, each.answer],
          );
      }),
    advance: (endpoint, from, to, passed) =>
      write(() => {
        if (move.run(to, endpoint, from).changes === 0) return;
        for (const message of passed) forget.run(endpoint, message);
      }),
    signingKeys: () => read(() => keys.all()),
    addSigningKey: ({ id, key, created, signsFrom }) =>
      write(() => void addKey.run(id, key, created, signsFrom)),
    removeSigningKeys: (ids) =>
      write(() => {
        for (const id of ids) removeKey.run(id);
      }),
  };
}
