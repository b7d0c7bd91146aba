/** The statements of consumers, endpoints, failed messages and attempts, over tables whose names begin with a prefix. */
import type { AttemptBatch } from '../attempts.ts';
import { type Step, step } from './steps.ts';

/** So many attempts of an endpoint are kept. */
export const keptAttempts = 5000;

/**
 * `batch` names the column that orders batches of attempts: `number`, which counts by itself, or `id`, which is given.
 * `held` ends a statement after which nobody else changes the row until the transaction ends.
 */
export function outboxSqlOf(prefix: string, batch: 'number' | 'id', held: '' | ' FOR UPDATE') {
  const select = `SELECT e.id, e.tenant, coalesce(t.was, t.name) AS tenant_name, e.url, e.types, e.batch, e.private AS is_private, e.secrets,
  e.signing_keys, e.state, e.reason, e.created, e.position, e.failing_since, e.kind, e.stream
FROM ${prefix}endpoint e JOIN ${prefix}tenant t ON t.number = e.tenant`;
  const order = 'ORDER BY e.created, e.id';
  const consumer = `SELECT name, position, acknowledged, created FROM ${prefix}consumer WHERE tenant = ?`;
  const set = (column: string): string => `UPDATE ${prefix}endpoint SET ${column} = ? WHERE id = ?`;
  const own = batch === 'id' ? 'id, ' : '';
  const ofEndpoint = `FROM ${prefix}attempt_batch WHERE endpoint = ? ORDER BY ${batch}`;
  return {
    consumers: `${consumer} ORDER BY name`,
    consumer: `${consumer} AND name = ?${held}`,
    insertConsumer: `INSERT INTO ${prefix}consumer (tenant, name, position, acknowledged, created) VALUES (?, ?, ?, ?, ?)
ON CONFLICT DO NOTHING RETURNING name`,
    setConsumer: `UPDATE ${prefix}consumer SET position = ?, acknowledged = ? WHERE tenant = ? AND name = ?`,
    deleteConsumer: `DELETE FROM ${prefix}consumer WHERE tenant = ? AND name = ? RETURNING name`,
    all: `${select} ${order}`,
    ofTenant: `${select} WHERE e.tenant = ? ${order}`,
    byId: `${select} WHERE e.id = ?`,
    held: `${select} WHERE e.id = ?${held === '' ? '' : `${held} OF e`}`,
    leased: `${select} WHERE e.lease_owner = ? AND e.state = 'active' AND e.kind <> 'poll' ${order}`,
    insert: `INSERT INTO ${prefix}endpoint (id, tenant, url, types, batch, private, secrets, signing_keys, state, created, position,
  kind, stream)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, 'active', ?, ?, ?, ?)`,
    update: `UPDATE ${prefix}endpoint SET url = ?, types = ?, batch = ?, secrets = ?, signing_keys = ?, state = ?, reason = ?,
  position = ?, failing_since = ?, kind = ?, stream = ? WHERE id = ?`,
    delete: `DELETE FROM ${prefix}endpoint WHERE id = ? RETURNING id`,
    leasable: `SELECT id, secrets FROM ${prefix}endpoint
WHERE state = 'active' AND kind <> 'poll' AND (lease_owner = ? OR lease_owner IS NULL) ORDER BY id`,
    take: `UPDATE ${prefix}endpoint SET lease_owner = ?, lease_until = ?
WHERE state = 'active' AND kind <> 'poll' AND (lease_owner = ? OR lease_owner IS NULL OR lease_until < ? OR lease_until > ?)`,
    give: `UPDATE ${prefix}endpoint SET lease_owner = NULL, lease_until = 0 WHERE lease_owner = ?`,
    owners: `SELECT DISTINCT lease_owner FROM ${prefix}endpoint WHERE lease_owner IS NOT NULL`,
    owned: `SELECT state FROM ${prefix}endpoint WHERE id = ? AND lease_owner = ?${held}`,
    setPosition: set('position'),
    setFailing: set('failing_since'),
    setState: `UPDATE ${prefix}endpoint SET state = ?, reason = ? WHERE id = ?`,
    untold: `${select} WHERE e.state = 'disabled' AND e.told = 0 ORDER BY e.id`,
    /** Of several servers one changes it. */
    tell: `UPDATE ${prefix}endpoint SET told = 1 WHERE id = ? AND told = 0 RETURNING id`,
    untell: `UPDATE ${prefix}endpoint SET told = 0 WHERE id = ?`,
    deliveries: `SELECT message, sequence, place, subjects, leaver, tries, next FROM ${prefix}delivery WHERE endpoint = ?
ORDER BY sequence, place`,
    body: `SELECT body FROM ${prefix}delivery WHERE endpoint = ? AND message = ?`,
    put: `INSERT INTO ${prefix}delivery (endpoint, message, sequence, place, subjects, leaver, tries, next, body)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (endpoint, message) DO UPDATE SET sequence = excluded.sequence, place = excluded.place,
  subjects = excluded.subjects, leaver = excluded.leaver, tries = excluded.tries, next = excluded.next, body = excluded.body`,
    retry: `UPDATE ${prefix}delivery SET tries = ?, next = ? WHERE endpoint = ? AND message = ?`,
    remove: `DELETE FROM ${prefix}delivery WHERE endpoint = ? AND message = ?`,
    dueNow: `UPDATE ${prefix}delivery SET next = 0 WHERE endpoint = ?`,
    insertBatch: `INSERT INTO ${prefix}attempt_batch (${own}endpoint, count, attempts) VALUES (${own === '' ? '' : '?, '}?, ?, ?)`,
    countAttempts: `SELECT coalesce(sum(count), 0) FROM ${prefix}attempt_batch WHERE endpoint = ?`,
    /** The oldest batches that have no more attempts together than the last parameter says, and how many those have. */
    pruneBatches: `DELETE FROM ${prefix}attempt_batch WHERE endpoint = ? AND ${batch} <= (SELECT max(${batch}) FROM (
  SELECT ${batch}, sum(count) OVER (ORDER BY ${batch}) AS together FROM (
    SELECT ${batch}, count ${ofEndpoint} LIMIT 200) oldest) summed
  WHERE together <= ?) RETURNING count`,
    batches: `SELECT attempts ${ofEndpoint} DESC LIMIT ?`,
  } as const;
}

export type OutboxSql = ReturnType<typeof outboxSqlOf>;

/** `newId`: of a batch that does not number itself. */
export function batchStep(
  { insertBatch }: OutboxSql,
  newId: (() => string) | undefined,
  endpoint: string,
  { count, text }: AttemptBatch,
): Step {
  return step(insertBatch, ...(newId === undefined ? [] : [newId()]), endpoint, count, text);
}
