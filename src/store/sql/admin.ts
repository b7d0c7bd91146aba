/** The statements of administrators' grants and actions. */
const grant = 'id, kind, role, tenant, name, source, created, expires, ended';

export const adminSql = {
  insertGrant: `INSERT INTO admin_grant (hash, ${grant}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, NULL)`,
  findGrant: `SELECT ${grant} FROM admin_grant WHERE hash = ?`,
  /** By kind, now, and the tenant or null for all. */
  grants: `SELECT ${grant} FROM admin_grant WHERE kind = ? AND ended IS NULL AND expires > ? ORDER BY created DESC LIMIT 500`,
  grantsOfTenant: `SELECT ${grant} FROM admin_grant WHERE kind = ? AND ended IS NULL AND expires > ? AND tenant = ? ORDER BY created DESC LIMIT 500`,
  endGrant: 'UPDATE admin_grant SET ended = ? WHERE id = ? AND ended IS NULL',
  setSource: 'UPDATE admin_grant SET source = ? WHERE id = ?',
  insertAction:
    'INSERT INTO admin_action (at, tenant, actor, action, subject, detail) VALUES (?, ?, ?, ?, ?, ?)',
  actions: `SELECT number, at, tenant, actor, action, subject, detail FROM admin_action WHERE number < ? ORDER BY number DESC LIMIT ?`,
  actionsOfTenant: `SELECT number, at, tenant, actor, action, subject, detail FROM admin_action WHERE number < ? AND tenant = ? ORDER BY number DESC LIMIT ?`,
  pruneGrants: 'DELETE FROM admin_grant WHERE expires < ?',
  pruneActions: 'DELETE FROM admin_action WHERE at < ?',
} as const;
