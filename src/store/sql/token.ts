/** The statements of tokens: kept as SHA-256, found by it. */
const columns = `k.id, k.name, k.tenant, coalesce(t.was, t.name) AS tenant_name, k.idp, k.scope, k.created, k.expires, k.revoked, k.ordered,
  k.ended, k.last_used, k.subject, coalesce(k.paused, t.paused) AS paused`;
const select = `SELECT ${columns} FROM token k JOIN tenant t ON t.number = k.tenant`;

export const tokenSql = {
  /** By the 32 bytes of the hash. */
  find: `${select} WHERE k.hash = ?`,
  get: `${select} WHERE k.id = ?`,
  list: `${select} WHERE t.was IS NULL ORDER BY k.created, k.id`,
  listOfTenant: `${select} WHERE k.tenant = ? ORDER BY k.created, k.id`,
  insert: `INSERT INTO token (id, hash, name, tenant, idp, scope, created, expires, subject)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
  /** By when it ends, when that was asked for, whether it has ended, and its id. */
  revoke:
    'UPDATE token SET revoked = ?, ordered = ?, ended = CASE WHEN ? = 1 THEN 1 ELSE ended END WHERE id = ?',
  ending: 'SELECT id, revoked FROM token WHERE revoked IS NOT NULL AND ended = 0',
  end: 'UPDATE token SET ended = 1 WHERE id = ?',
  /** By since when, or null, and its id. */
  pause: 'UPDATE token SET paused = ? WHERE id = ?',
  use: 'UPDATE token SET last_used = ? WHERE id = ?',
  /** Those whose first use nobody was told of. */
  untold: `${select} WHERE k.first_told = 0 AND k.last_used IS NOT NULL ORDER BY k.last_used, k.id`,
  tell: 'UPDATE token SET first_told = 1 WHERE id = ?',
} as const;
