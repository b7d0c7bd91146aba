/** The statements that read the past: what there is, and what has changed since. */
import { changeColumns } from './change.ts';

const digested = `SELECT sequence, type, id, version, operation, at, txn, request, actor, edits, added, removed, last, tolerances,
  cause, notice, salt, digest, link
FROM change`;

export const pastSql = {
  /** The number of the last change, its link, and the number of the last one that is kept no longer; by tenant. */
  head: 'SELECT sequence, link, pruned FROM change_counter WHERE tenant = ?',
  /** Number and link of the last change, and of the last one that is kept no longer; by tenant. */
  ends: 'SELECT sequence, link, pruned, pruned_link FROM change_counter WHERE tenant = ?',
  /** All that is digested of each change of a tenant, in order; and of those behind a number, so many. */
  digested: `${digested} WHERE tenant = ? ORDER BY sequence`,
  digestedPart: `${digested} WHERE tenant = ? AND sequence > ? ORDER BY sequence LIMIT ?`,
  /** Time and link of one change, by tenant and number. */
  moment: 'SELECT at, link FROM change WHERE tenant = ? AND sequence = ?',
  /** Time of the first change from a number on: a restored database has numbers without one. */
  timeFrom: 'SELECT at FROM change WHERE tenant = ? AND sequence >= ? ORDER BY sequence LIMIT 1',
  /** Id, number of the type, version and document of all resources of a tenant. */
  resources: `SELECT r.id, r.type, r.version, d.body
FROM resource r JOIN document d ON d.rid = r.rid WHERE r.tenant = ?`,
  /** All memberships of a tenant: ids of group and member. */
  members: 'SELECT g.id, m.value FROM member m JOIN resource g ON g.rid = m.owner WHERE m.tenant = ?',
  /** All changes after a number, by tenant and number. */
  changesAfter: `SELECT id, type, version, operation, edits, added, removed, last, notice
FROM change WHERE tenant = ? AND sequence > ? ORDER BY sequence`,
  /** Changes of a resource, and of groups that it joined or left; by tenant and id, twice. */
  changesAbout: `SELECT ${changeColumns} FROM change c
WHERE c.tenant = ? AND c.sequence IN (
SELECT sequence FROM change WHERE tenant = ? AND id = ?
UNION
SELECT sequence FROM change_member WHERE tenant = ? AND member = ?)
ORDER BY c.sequence`,
} as const;
