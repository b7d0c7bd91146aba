/** The statements that number types and attributes, and those that build rows anew for another layout. */
import { allOf, type StoreDialect, sameTenant } from './dialect.ts';

export const storedTypeSql = {
  insert: 'INSERT INTO resource_type (name, layout) VALUES (?, ?) ON CONFLICT DO NOTHING',
  number: 'SELECT number FROM resource_type WHERE name = ?',
  names: 'SELECT number, name FROM resource_type',
  layout: 'SELECT layout FROM resource_type WHERE name = ?',
  layoutOf: 'SELECT layout FROM resource_type WHERE number = ?',
  /** Of the types that are not being built anew. */
  layouts:
    'SELECT name, layout FROM resource_type t WHERE NOT EXISTS (SELECT 1 FROM rebuild b WHERE b.type = t.number)',
  settled:
    'SELECT layout FROM resource_type t WHERE number = ? AND NOT EXISTS (SELECT 1 FROM rebuild b WHERE b.type = t.number)',
  setLayout: 'UPDATE resource_type SET layout = ? WHERE number = ?',
  insertAttribute: 'INSERT INTO attribute (type, path) VALUES (?, ?) ON CONFLICT DO NOTHING',
  attributes: 'SELECT path, number FROM attribute WHERE type = ?',
  resources: 'SELECT sum(total) FROM counter WHERE type = ?',
  counted: `SELECT t.number, t.name AS type, sum(c.total) AS resources
FROM counter c JOIN resource_type t ON t.number = c.type GROUP BY t.number, t.name HAVING sum(c.total) > 0`,
} as const;

export const rebuildSql = {
  state: 'SELECT layout, cleared, position, findings FROM rebuild WHERE type = ?',
  begin: `INSERT INTO rebuild (type, layout, cleared, position, findings) VALUES (?, ?, ?, 0, '{}')
ON CONFLICT (type) DO UPDATE SET layout = excluded.layout, cleared = excluded.cleared, position = 0, findings = '{}'`,
  end: 'DELETE FROM rebuild WHERE type = ?',
  cleared: 'UPDATE rebuild SET cleared = 1 WHERE type = ?',
  advance: 'UPDATE rebuild SET position = ?, findings = ? WHERE type = ? AND layout = ?',
  clearUnique: 'DELETE FROM unique_value WHERE attribute IN (SELECT number FROM attribute WHERE type = ?)',
  clearColumn: 'UPDATE resource SET unique_key = NULL WHERE type = ?',
  done: 'SELECT count(*) FROM resource WHERE type = ? AND rid <= ?',
  quarantine: `INSERT INTO set_aside (rid, entries) VALUES (?, ?)
ON CONFLICT (rid) DO UPDATE SET entries = excluded.entries`,
  release: 'DELETE FROM set_aside WHERE rid = ?',
} as const;

/** Resources of a type behind a row, in the order of rows: by row, type and how many. */
export function batchSql(dialect: StoreDialect): string {
  const { join, unindexed } = dialect;
  const setAside = allOf('s.rid = r.rid', sameTenant(dialect, 's', 'r'));
  return `SELECT r.rid, r.tenant, r.id, r.version, r.modified, d.body, s.entries
FROM resource r ${join} document d ON ${allOf('d.rid = r.rid', sameTenant(dialect, 'd', 'r'))} LEFT JOIN set_aside s ON ${setAside}
WHERE r.rid > ? AND ${unindexed('r.type')} = ? ORDER BY r.rid LIMIT ?`;
}
