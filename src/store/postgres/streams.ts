/** Subjects, acknowledgements and signing keys of streams. */
import type { Removal, SigningKey, StreamStore } from '../streams.ts';
import type { Transactions } from './transactions.ts';

export const streamSql = {
  removals:
    'SELECT resource, since, until FROM stream_removed WHERE endpoint = ? AND resource = ANY(?::text[])',
  /** What changes of one resource's removals wait for each other with. */
  lock: 'SELECT 1 FROM endpoint WHERE id = ? FOR UPDATE',
  isRemovedNow: 'SELECT 1 FROM stream_removed WHERE endpoint = ? AND resource = ? AND until IS NULL',
  // Removed, brought back and removed again between two changes: it was never back.
  remove: `INSERT INTO stream_removed (endpoint, resource, since) VALUES (?, ?, ?)
ON CONFLICT (endpoint, resource, since) DO UPDATE SET until = NULL`,
  bringBack:
    'UPDATE stream_removed SET until = ? WHERE endpoint = ? AND resource = ? AND until IS NULL RETURNING 1',
  acknowledged: 'SELECT message FROM stream_acknowledged WHERE endpoint = ? ORDER BY message',
  acknowledge: `INSERT INTO stream_acknowledged (endpoint, message) SELECT ?, * FROM unnest(?::text[])
ON CONFLICT DO NOTHING`,
  forget: 'DELETE FROM stream_acknowledged WHERE endpoint = ? AND message = ANY(?::text[])',
  deliver: 'DELETE FROM delivery WHERE endpoint = ? AND message = ANY(?::text[])',
  note: `INSERT INTO attempt (endpoint, message, sequence, try, at, milliseconds, status, error, answer)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
  move: 'UPDATE endpoint SET position = ? WHERE id = ? AND position = ? RETURNING 1',
  keys: 'SELECT id, key, created, signs_from FROM signing_key ORDER BY signs_from, id',
  addKey: 'INSERT INTO signing_key (id, key, created, signs_from) VALUES (?, ?, ?, ?)',
  removeKeys: 'DELETE FROM signing_key WHERE id = ANY(?::text[])',
} as const;

export function streamsOver(transactions: Transactions): StreamStore {
  const { pool } = transactions;
  return {
    async removals(endpoint, ids) {
      const rows = (await pool.read(streamSql.removals, [endpoint, ids])) as [
        string,
        number,
        number | null,
      ][];
      return rows.map(([resource, since, until]): Removal => ({ resource, since, until }));
    },
    setRemoved: (endpoint, resource, isRemoved, sequence) =>
      transactions.run(async (connection) => {
        await connection.run(streamSql.lock, [endpoint]);
        if (!isRemoved) {
          const { rows } = await connection.run(streamSql.bringBack, [sequence, endpoint, resource]);
          return rows.length > 0;
        }
        const { rows } = await connection.run(streamSql.isRemovedNow, [endpoint, resource]);
        if (rows.length > 0) return false;
        await connection.run(streamSql.remove, [endpoint, resource, sequence]);
        return true;
      }),
    async acknowledged(endpoint) {
      return ((await pool.read(streamSql.acknowledged, [endpoint])) as [string][]).map(
        ([message]) => message,
      );
    },
    acknowledge: (endpoint, waiting, others, attempts) =>
      transactions.run(async (connection) => {
        await connection.run(streamSql.deliver, [endpoint, waiting]);
        await connection.run(streamSql.acknowledge, [endpoint, others]);
        for (const each of attempts)
          await connection.run(streamSql.note, [
            ...[endpoint, each.message, each.sequence, each.try, each.at, each.milliseconds],
            ...[each.status ?? null, each.error ?? null, each.answer],
          ]);
      }),
    advance: (endpoint, from, to, passed) =>
      transactions.run(async (connection) => {
        const { rows } = await connection.run(streamSql.move, [to, endpoint, from]);
        if (rows.length > 0) await connection.run(streamSql.forget, [endpoint, passed]);
      }),
    async signingKeys() {
      const rows = (await pool.read(streamSql.keys)) as [string, string, string, string][];
      return rows.map(([id, key, created, signsFrom]): SigningKey => ({ id, key, created, signsFrom }));
    },
    async addSigningKey({ id, key, created, signsFrom }) {
      await transactions.run((connection) => connection.run(streamSql.addKey, [id, key, created, signsFrom]));
    },
    async removeSigningKeys(ids) {
      await transactions.run((connection) => connection.run(streamSql.removeKeys, [ids]));
    },
  };
}
