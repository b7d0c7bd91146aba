/** The statements of the change record. */
import type { StoreDialect } from './dialect.ts';

/** In the order of {@link ChangeRow}. */
export const changeColumns =
  'sequence, type, id, version, operation, at, txn, request, actor, edits, added, removed, last, tolerances, cause, digest, link, notice';

export type ChangeRow = [
  sequence: number,
  type: number,
  id: string,
  version: number,
  operation: string,
  at: string,
  txn: string | null,
  request: string | null,
  actor: string,
  edits: string | null,
  added: string | null,
  removed: string | null,
  last: string | null,
  tolerances: string | null,
  cause: string | null,
  digest: Uint8Array | null,
  link: Uint8Array | null,
  notice: string | null,
];

export const changeSql = {
  insert: `INSERT INTO change (tenant, sequence, type, id, version, operation, at, txn, request, actor, edits, added,
  removed, last, tolerances, cause, salt, digest, link, notice)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
  /** The notices about one subject, from a time on. */
  noticesSince: 'SELECT notice FROM change WHERE tenant = ? AND id = ? AND notice IS NOT NULL AND at >= ?',
  /** Rows are {@link ChangeRow}s; by tenant, the number after which they begin, and how many. */
  list: `SELECT ${changeColumns} FROM change WHERE tenant = ? AND sequence > ? ORDER BY sequence LIMIT ?`,
  /** The same of one resource, whose id is the third of four. */
  listOfOne: `SELECT ${changeColumns} FROM change WHERE tenant = ? AND sequence > ? AND id = ? ORDER BY sequence LIMIT ?`,
  /** The number of the tenant's last change, and its link. */
  head: 'SELECT sequence, link FROM change_counter WHERE tenant = ?',
  setHead: 'UPDATE change_counter SET sequence = ?, link = ? WHERE tenant = ?',
  range: 'SELECT pruned, sequence FROM change_counter WHERE tenant = ?',
  tenants: 'SELECT tenant FROM change_counter ORDER BY tenant',
  /** Number, time and link of so many changes from the oldest. */
  oldest: 'SELECT sequence, at, link FROM change WHERE tenant = ? ORDER BY sequence LIMIT ?',
  prune: 'DELETE FROM change WHERE tenant = ? AND sequence <= ?',
  /** Version, time, document and former members of the last deletion, by tenant, id and type. */
  deletion: `SELECT version, at, last, removed FROM change
WHERE tenant = ? AND id = ? AND type = ? AND operation = 'delete' ORDER BY sequence DESC LIMIT 1`,
  /**
   * Id, number, time, actor and document of deletions that have not been undone or erased, latest first: by tenant, type,
   * the number before which they are, and how many.
   */
  deletions: `SELECT c.id, c.sequence, c.at, c.actor, c.last FROM change c
WHERE c.tenant = ? AND c.type = ? AND c.sequence < ? AND c.operation = 'delete' AND c.last IS NOT NULL
AND NOT EXISTS (SELECT 1 FROM change n WHERE n.tenant = c.tenant AND n.id = c.id AND n.sequence > c.sequence)
ORDER BY c.sequence DESC LIMIT ?`,
  /** The same of one resource: by tenant, type and id. */
  deletionOf: `SELECT c.id, c.sequence, c.at, c.actor, c.last FROM change c
WHERE c.tenant = ? AND c.type = ? AND c.id = ? AND c.operation = 'delete' AND c.last IS NOT NULL
AND NOT EXISTS (SELECT 1 FROM change n WHERE n.tenant = c.tenant AND n.id = c.id AND n.sequence > c.sequence)`,
  /** All of one resource, oldest first, as an erasure needs them; by tenant, id and type. */
  erasable: `SELECT sequence, version, at, operation, edits, last FROM change
WHERE tenant = ? AND id = ? AND type = ? ORDER BY sequence`,
  /** The same of the notices about somebody, by tenant and id. */
  blankNotices:
    'UPDATE change SET notice = NULL, salt = NULL WHERE tenant = ? AND id = ? AND notice IS NOT NULL',
  /** Takes the content out of a change: without its salt the digest says nothing of it any more. */
  blank: 'UPDATE change SET edits = ?, last = NULL, salt = NULL WHERE tenant = ? AND sequence = ?',
  /** Stored messages of a tenant, and what was answered to its messages. */
  deliveries: `SELECT d.endpoint, d.message, d.subjects, d.body FROM delivery d JOIN endpoint e ON e.id = d.endpoint
WHERE e.tenant = ?`,
  setDeliveryBody: 'UPDATE delivery SET body = ? WHERE endpoint = ? AND message = ?',
  attempts: `SELECT a.number, a.attempts FROM attempt_batch a JOIN endpoint e ON e.id = a.endpoint
WHERE e.tenant = ?`,
  setAttempts: 'UPDATE attempt_batch SET attempts = ? WHERE number = ?',
  setPruned: 'UPDATE change_counter SET pruned = ?, pruned_link = ? WHERE tenant = ?',
} as const;

/** Of a JSON array of ids those that are there, or never were: by the array and twice the tenant. */
export function knownMembersSql({ jsonStrings }: StoreDialect): string {
  return `SELECT j.value FROM ${jsonStrings('?', 'j')}
WHERE EXISTS (SELECT 1 FROM resource r WHERE r.tenant = ? AND r.id = j.value)
OR NOT EXISTS (SELECT 1 FROM change c WHERE c.tenant = ? AND c.id = j.value)`;
}

/** Which changes of groups are about whom: who joined and left. */
export function changeMemberSql({ jsonStrings }: StoreDialect) {
  return {
    /** By tenant, id and number of the change. */
    insertOne: 'INSERT INTO change_member (tenant, member, sequence) VALUES (?, ?, ?) ON CONFLICT DO NOTHING',
    /** By tenant, number of the change and a JSON array of ids. */
    insert: `INSERT INTO change_member (tenant, member, sequence)
SELECT CAST(? AS BIGINT), j.value, CAST(? AS BIGINT) FROM ${jsonStrings('?', 'j')} WHERE true ON CONFLICT DO NOTHING`,
    /** Of changes behind a number up to another, those that some members are not found by, and by how many: by tenant and both. */
    missing: `SELECT x.sequence, count(*) FROM (
SELECT c.tenant, c.sequence, j.value FROM change c, ${jsonStrings('c.added', 'j')}
WHERE c.tenant = ? AND c.sequence > ? AND c.sequence <= ? AND c.added IS NOT NULL
UNION
SELECT c.tenant, c.sequence, j.value FROM change c, ${jsonStrings('c.removed', 'j')}
WHERE c.tenant = ? AND c.sequence > ? AND c.sequence <= ? AND c.removed IS NOT NULL) x
WHERE NOT EXISTS (SELECT 1 FROM change_member m WHERE m.tenant = x.tenant AND m.member = x.value AND m.sequence = x.sequence)
GROUP BY x.sequence ORDER BY x.sequence`,
    /** Those of changes up to a number, before these go; by tenant and number, three times. */
    prune: `DELETE FROM change_member WHERE tenant = ? AND sequence <= ? AND member IN (
SELECT j.value FROM change c, ${jsonStrings('c.added', 'j')} WHERE c.tenant = ? AND c.sequence <= ? AND c.added IS NOT NULL
UNION ALL
SELECT j.value FROM change c, ${jsonStrings('c.removed', 'j')} WHERE c.tenant = ? AND c.sequence <= ? AND c.removed IS NOT NULL)`,
  };
}
