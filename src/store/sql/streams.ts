/** Subjects, acknowledgements and signing keys of streams, over any database that carries steps out. */
import type { Removal, SigningKey, StreamStore } from '../streams.ts';
import type { StoreDialect } from './dialect.ts';
import { batchStep, type OutboxSql } from './outbox.ts';
import { type StepsPort, step } from './steps.ts';

export function streamSqlOf(
  prefix: string,
  held: '' | ' FOR UPDATE',
  jsonStrings: StoreDialect['jsonStrings'],
) {
  const removed = `${prefix}stream_removed`;
  const acknowledged = `${prefix}stream_acknowledged`;
  return {
    /** By the endpoint and a JSON array of ids. */
    removals: `SELECT resource, since, until FROM ${removed}
WHERE endpoint = ? AND resource IN (SELECT j.value FROM ${jsonStrings('?', 'j')})`,
    /** What changes of one resource's removals wait for each other with. */
    lock: `SELECT id FROM ${prefix}endpoint WHERE id = ?${held}`,
    isRemovedNow: `SELECT since FROM ${removed} WHERE endpoint = ? AND resource = ? AND until IS NULL`,
    /** Removed, brought back and removed again between two changes: it was never back. */
    remove: `INSERT INTO ${removed} (endpoint, resource, since) VALUES (?, ?, ?)
ON CONFLICT (endpoint, resource, since) DO UPDATE SET until = NULL`,
    bringBack: `UPDATE ${removed} SET until = ? WHERE endpoint = ? AND resource = ? AND until IS NULL RETURNING resource`,
    acknowledged: `SELECT message FROM ${acknowledged} WHERE endpoint = ? ORDER BY message`,
    acknowledge: `INSERT INTO ${acknowledged} (endpoint, message) VALUES (?, ?) ON CONFLICT DO NOTHING`,
    forget: `DELETE FROM ${acknowledged} WHERE endpoint = ? AND message = ?`,
    move: `UPDATE ${prefix}endpoint SET position = ? WHERE id = ? AND position = ? RETURNING id`,
    /** By the time. */
    receivers: `SELECT 1 WHERE EXISTS
  (SELECT 1 FROM ${prefix}token WHERE scope = 'events' AND ended = 0 AND (expires IS NULL OR expires > ?))
OR EXISTS (SELECT 1 FROM ${prefix}endpoint WHERE stream IS NOT NULL)`,
    keys: `SELECT id, key, created, signs_from FROM ${prefix}signing_key ORDER BY signs_from, id`,
    addKey: `INSERT INTO ${prefix}signing_key (id, key, created, signs_from) VALUES (?, ?, ?, ?)`,
    removeKey: `DELETE FROM ${prefix}signing_key WHERE id = ?`,
  } as const;
}

export interface StreamTools {
  readonly sql: ReturnType<typeof streamSqlOf>;
  readonly outbox: OutboxSql;
  /** The id of a batch of attempts, where it does not number itself. */
  readonly newBatch: (() => string) | undefined;
}

export function streamsOver({ sql, outbox, newBatch }: StreamTools, { read, write }: StepsPort): StreamStore {
  return {
    removals: (endpoint, ids) =>
      read(function* () {
        const rows = yield step(sql.removals, endpoint, JSON.stringify(ids));
        return (rows as readonly [string, number, number | null][]).map(
          ([resource, since, until]): Removal => ({
            resource,
            since: Number(since),
            until: until === null ? null : Number(until),
          }),
        );
      }),
    setRemoved: (endpoint, resource, isRemoved, sequence) =>
      write(function* () {
        yield step(sql.lock, endpoint);
        if (!isRemoved) return (yield step(sql.bringBack, sequence, endpoint, resource)).length > 0;
        if ((yield step(sql.isRemovedNow, endpoint, resource)).length > 0) return false;
        yield step(sql.remove, endpoint, resource, sequence);
        return true;
      }),
    acknowledged: (endpoint) =>
      read(function* () {
        return ((yield step(sql.acknowledged, endpoint)) as readonly [string][]).map(([message]) => message);
      }),
    acknowledge: (endpoint, waiting, others, attempts) =>
      write(function* () {
        for (const message of waiting) yield step(outbox.remove, endpoint, message);
        for (const message of others) yield step(sql.acknowledge, endpoint, message);
        for (const batch of attempts) yield batchStep(outbox, newBatch, endpoint, batch);
      }),
    advance: (endpoint, from, to, passed) =>
      write(function* () {
        if ((yield step(sql.move, to, endpoint, from)).length === 0) return;
        for (const message of passed) yield step(sql.forget, endpoint, message);
      }),
    hasReceivers: (now) =>
      read(function* () {
        return (yield step(sql.receivers, now.toISOString())).length > 0;
      }),
    signingKeys: () =>
      read(function* () {
        const rows = (yield step(sql.keys)) as readonly [string, string, string, string][];
        return rows.map(([id, key, created, signsFrom]): SigningKey => ({ id, key, created, signsFrom }));
      }),
    addSigningKey: ({ id, key, created, signsFrom }) =>
      write(function* () {
        yield step(sql.addKey, id, key, created, signsFrom);
      }),
    removeSigningKeys: (ids) =>
      write(function* () {
        for (const id of ids) yield step(sql.removeKey, id);
      }),
  };
}
