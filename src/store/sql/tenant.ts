/** The statements of tenants. */
export const tenantSql = {
  any: 'SELECT 1 FROM tenant LIMIT 1',
  list: 'SELECT number, name, created FROM tenant ORDER BY number',
  number: 'SELECT number FROM tenant WHERE name = ?',
  insert: 'INSERT INTO tenant (name, created) VALUES (?, ?)',
  /** What hangs on a resource goes with it; tokens and counters go with the tenant. */
  deleteMembers: 'DELETE FROM member WHERE tenant = ?',
  deleteResources: 'DELETE FROM resource WHERE tenant = ?',
  deleteChanges: 'DELETE FROM change WHERE tenant = ?',
  deleteChangeMembers: 'DELETE FROM change_member WHERE tenant = ?',
  delete: 'DELETE FROM tenant WHERE number = ?',
} as const;
