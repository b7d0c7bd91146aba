/** Subjects, acknowledgements and signing keys of streams in scimd's own tables beside those of the embedder. */
import type { Awaitable } from '../stored-resource.ts';
import type { StreamStore } from '../streams.ts';
import { one, type Steps, statement } from './database.ts';

export interface StreamTools {
  readonly newId: () => string;
  readonly read: <T>(steps: () => Steps<T>) => Awaitable<T>;
  readonly write: <T>(steps: () => Steps<T>) => Promise<T>;
}

export function streamsOver({ newId, read, write }: StreamTools): StreamStore {
  return {
    removals: (endpoint, ids) =>
      read(function* () {
        if (ids.length === 0) return [];
        const rows = yield statement(
          `SELECT resource, since, until FROM scimd_stream_removed
           WHERE endpoint = ? AND resource IN (${ids.map(() => '?').join(', ')})`,
          ...[endpoint, ...ids],
        );
        return rows.map(({ resource, since, until }) => ({
          resource: String(resource),
          since: Number(since),
          until: until === null ? null : Number(until),
        }));
      }),
    setRemoved: (endpoint, resource, isRemoved, sequence) =>
      write(function* () {
        if (!isRemoved) {
          const back = yield statement(
            `UPDATE scimd_stream_removed SET until = ? WHERE endpoint = ? AND resource = ? AND until IS NULL
             RETURNING 1 AS done`,
            ...[sequence, endpoint, resource],
          );
          return back.length > 0;
        }
        const known = yield* one(
          'SELECT 1 AS found FROM scimd_stream_removed WHERE endpoint = ? AND resource = ? AND until IS NULL',
          ...[endpoint, resource],
        );
        if (known !== undefined) return false;
        // Removed, brought back and removed again between two changes: it was never back.
        yield statement(
          `INSERT INTO scimd_stream_removed (endpoint, resource, since) VALUES (?, ?, ?)
           ON CONFLICT (endpoint, resource, since) DO UPDATE SET until = NULL`,
          ...[endpoint, resource, sequence],
        );
        return true;
      }),
    acknowledged: (endpoint) =>
      read(function* () {
        const rows = yield statement(
          'SELECT message FROM scimd_stream_acknowledged WHERE endpoint = ? ORDER BY message',
          endpoint,
        );
        return rows.map(({ message }) => String(message));
      }),
    acknowledge: (endpoint, waiting, others, attempts) =>
      write(function* () {
        for (const message of waiting)
          yield statement('DELETE FROM scimd_delivery WHERE endpoint = ? AND message = ?', endpoint, message);
        for (const message of others)
          yield statement(
            'INSERT INTO scimd_stream_acknowledged (endpoint, message) VALUES (?, ?) ON CONFLICT DO NOTHING',
            ...[endpoint, message],
          );
        for (const each of attempts)
          yield statement(
            `INSERT INTO scimd_attempt (id, endpoint, message, sequence, try, at, milliseconds, status, error, answer)
             VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
            ...[newId(), endpoint, each.message, each.sequence, each.try, each.at, each.milliseconds],
            ...[each.status ?? null, each.error ?? null, each.answer],
          );
      }),
    advance: (endpoint, from, to, passed) =>
      write(function* () {
        const moved = yield statement(
          'UPDATE scimd_endpoint SET position = ? WHERE id = ? AND position = ? RETURNING 1 AS done',
          ...[to, endpoint, from],
        );
        if (moved.length === 0) return;
        for (const message of passed)
          yield statement(
            'DELETE FROM scimd_stream_acknowledged WHERE endpoint = ? AND message = ?',
            ...[endpoint, message],
          );
      }),
    signingKeys: () =>
      read(function* () {
        const rows = yield statement(
          'SELECT id, key, created, signs_from FROM scimd_signing_key ORDER BY signs_from, id',
        );
        return rows.map(({ id, key, created, signs_from }) => ({
          id: String(id),
          key: String(key),
          created: String(created),
          signsFrom: String(signs_from),
        }));
      }),
    addSigningKey: ({ id, key, created, signsFrom }) =>
      write(function* () {
        yield statement(
          'INSERT INTO scimd_signing_key (id, key, created, signs_from) VALUES (?, ?, ?, ?)',
          ...[id, key, created, signsFrom],
        );
      }),
    removeSigningKeys: (ids) =>
      write(function* () {
        for (const id of ids) yield statement('DELETE FROM scimd_signing_key WHERE id = ?', id);
      }),
  };
}
