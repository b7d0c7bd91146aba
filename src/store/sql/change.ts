/** The statements of the change record. */

/** In the order of {@link ChangeRow}. */
const columns =
  'sequence, type, id, version, operation, at, txn, request, actor, edits, added, removed, last, tolerances, cause, digest, link';

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
];

export const changeSql = {
  insert: `INSERT INTO change (tenant, sequence, type, id, version, operation, at, txn, request, actor, edits, added,
  removed, last, tolerances, cause, salt, digest, link)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
  /** Rows are {@link ChangeRow}s; by tenant, the number after which they begin, and how many. */
  list: `SELECT ${columns} FROM change WHERE tenant = ? AND sequence > ? ORDER BY sequence LIMIT ?`,
  /** The same of one resource, whose id is the third of four. */
  listOfOne: `SELECT ${columns} FROM change WHERE tenant = ? AND sequence > ? AND id = ? ORDER BY sequence LIMIT ?`,
  /** The number of the tenant's last change, and its link. */
  head: 'SELECT sequence, link FROM change_counter WHERE tenant = ?',
  /** Where the record of a new tenant begins. */
  begin: 'INSERT INTO change_counter (tenant, sequence, pruned) VALUES (?, 0, 0)',
  setHead: 'UPDATE change_counter SET sequence = ?, link = ? WHERE tenant = ?',
  range: 'SELECT pruned, sequence FROM change_counter WHERE tenant = ?',
  tenants: 'SELECT tenant FROM change_counter ORDER BY tenant',
  /** Number, time and link of so many changes from the oldest. */
  oldest: 'SELECT sequence, at, link FROM change WHERE tenant = ? ORDER BY sequence LIMIT ?',
  prune: 'DELETE FROM change WHERE tenant = ? AND sequence <= ?',
  setPruned: 'UPDATE change_counter SET pruned = ?, pruned_link = ? WHERE tenant = ?',
} as const;
