/** The statements that read and write a resource and its index rows. */
import { instantText } from '../layout/instant.ts';
import type { KeyColumn } from '../layout/layout.ts';
import type { StoredTypes } from '../layout/stored-type.ts';
import type { StoredResource } from '../store.ts';
import { allOf, type StoreDialect, sameTenant } from './dialect.ts';

/** In the order of {@link ResourceRow}, for `resource r` and `document d`. */
export const resourceColumns = columnsWith('d.body');

/** `body` is an expression of the document's text; `isMember` tells whether `member` has a tenant and a value. */
export function columnsWith(body: string, isMember = memberExists): string {
  return `r.type, r.id, r.version, r.created, r.modified, ${body}, ${isMember('r.tenant', 'r.id')}`;
}

export function memberExists(tenant: string, value: string): string {
  return `EXISTS (SELECT 1 FROM member WHERE tenant = ${tenant} AND value = ${value})`;
}

export type ResourceRow = [
  type: number,
  id: string,
  version: number,
  created: string,
  modified: string,
  body: string,
  /** SQLite has no booleans of its own. */
  grouped: 0 | 1 | boolean,
];

export function toResource(
  types: StoredTypes,
  [type, id, version, created, modified, body, grouped]: ResourceRow,
): StoredResource {
  return {
    id,
    type: types.nameOf(type),
    version,
    created: instantText(created),
    modified: instantText(modified),
    body,
    grouped: Boolean(grouped),
  };
}

/** Rows of `element` that one statement takes: what people mostly have, in fewer calls. */
export const mostElements = 8;

export const resourceSql = {
  exists: 'SELECT 1 FROM resource WHERE tenant = ? AND id = ?',
  setCredential: `INSERT INTO credential (rid, hash) VALUES (?, ?)
ON CONFLICT (rid) DO UPDATE SET hash = excluded.hash`,
  deleteCredential: 'DELETE FROM credential WHERE rid = ?',
  /** Has another one of the type the name? By tenant, type and the key of displayName. */
  namesake: 'SELECT 1 FROM resource WHERE tenant = ? AND type = ? AND display_key = ? LIMIT 1',
  /** Is it in a group? By tenant and id, as those that follow. */
  isMember: 'SELECT 1 FROM member WHERE tenant = ? AND value = ? LIMIT 1',
  /** The groups that it is directly in, up to how many. */
  groupCount: 'SELECT count(*) FROM (SELECT 1 FROM member WHERE tenant = ? AND value = ? LIMIT ?) p',
  /** Rows of an attribute that have the value, up to how many. */
  referringCount:
    'SELECT count(*) FROM (SELECT 1 FROM element WHERE tenant = ? AND attribute = ? AND value = ? LIMIT ?) p',
  /** Row, type, version and last change, by tenant and id. */
  place: 'SELECT rid, type, version, modified FROM resource WHERE tenant = ? AND id = ?',
  leaveGroups: 'DELETE FROM member WHERE tenant = ? AND value = ?',
  /** The ids of a group's members, by its row. */
  memberIds: 'SELECT value FROM member WHERE owner = ?',
  total: 'SELECT total FROM counter WHERE tenant = ? AND type = ?',
  insert: `INSERT INTO resource (tenant, type, id, external_id, unique_key, display_key, active, created, modified, version)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, 1)`,
  insertDocument: 'INSERT INTO document (rid, body) VALUES (?, ?)',
  insertKeys: 'INSERT INTO document_keys (rid, keys) VALUES (?, ?)',
  deleteElement: 'DELETE FROM element WHERE rid = ? AND attribute = ? AND ordinal = ?',
  deleteElements: 'DELETE FROM element WHERE rid = ?',
  insertUnique: 'INSERT INTO unique_value (tenant, attribute, key, rid) VALUES (?, ?, ?, ?)',
  deleteUnique: 'DELETE FROM unique_value WHERE tenant = ? AND attribute = ? AND key = ?',
  deleteUniques: 'DELETE FROM unique_value WHERE rid = ?',
  updateDocument: 'UPDATE document SET body = ? WHERE rid = ?',
  updateKeys: 'UPDATE document_keys SET keys = ? WHERE rid = ?',
  updateColumns:
    'UPDATE resource SET external_id = ?, unique_key = ?, display_key = ?, active = ? WHERE rid = ?',
  touch: 'UPDATE resource SET version = ?, modified = ? WHERE rid = ?',
  delete: 'DELETE FROM resource WHERE rid = ?',
  /** By type, difference and tenant: a tenant that was removed since has none any more. */
  count: `INSERT INTO counter (tenant, type, total) SELECT number, CAST(? AS BIGINT), CAST(? AS BIGINT) FROM tenant WHERE number = ?
ON CONFLICT (tenant, type) DO UPDATE SET total = counter.total + excluded.total`,
} as const;

/** A row of `groupsWith`. */
export type OwnerRow = [
  rid: number,
  kind: number,
  id: string,
  version: number,
  modified: string,
  display: string | null,
];

/** Those that join tables. */
export function joinedResourceSql(dialect: StoreDialect) {
  const of = (row: string, key: string): string =>
    allOf(`${row}.rid = ${key}`, sameTenant(dialect, row, key.replace(/\..*/, '')));
  const document = `JOIN document d ON ${of('d', 'r.rid')}`;
  const from = `FROM resource r ${document}`;
  return {
    /** A row number and a {@link ResourceRow}, by tenant, id and type. */
    get: `SELECT r.rid, ${resourceColumns} ${from} WHERE r.tenant = ? AND r.id = ? AND r.type = ?`,
    /** A {@link ResourceRow} by row number. */
    getRow: `SELECT ${resourceColumns} ${from} WHERE r.rid = ?`,
    /** As `get`, by tenant, type and the key of the type's unique attribute. */
    findByUnique: `SELECT r.rid, ${resourceColumns} ${from} WHERE r.tenant = ? AND r.type = ? AND r.unique_key = ?`,
    /** The first two, by tenant, type and the key of externalId. */
    findByExternal: `SELECT r.rid, ${resourceColumns} ${from}
WHERE r.tenant = ? AND r.type = ? AND r.external_id = ? ORDER BY r.rid LIMIT 2`,
    credential: `SELECT c.hash FROM resource r JOIN credential c ON ${of('c', 'r.rid')} WHERE r.tenant = ? AND r.id = ?`,
    /** Row, type, id, version, last change and name of the groups that it is directly in; by tenant and id. */
    groupsWith: `SELECT r.rid, r.type, r.id, r.version, r.modified, d.body ->> 'displayName'
FROM member m JOIN resource r ON ${of('r', 'm.owner')} ${document} WHERE m.tenant = ? AND m.value = ?`,
    /** Row, id, version, last change and document of those that have a value in an attribute, by tenant, attribute and value. */
    referring: `SELECT r.rid, r.id, r.version, r.modified, d.body
FROM element e JOIN resource r ON ${of('r', 'e.rid')} ${document}
WHERE e.tenant = ? AND e.attribute = ? AND e.value = ? ORDER BY r.rid`,
  } as const;
}

/** Takes for each row its owner, attribute, ordinal, tenant, value, number, type, display, primary and rest. */
export function insertElementsSql(rows: number): string {
  return `INSERT INTO element (rid, attribute, ordinal, tenant, value, number, type, display, "primary", rest)
VALUES ${Array(rows).fill('(?, ?, ?, ?, ?, ?, ?, ?, ?, ?)').join(', ')}`;
}

/** Takes a value for each of these columns, the version, `modified` and the row number. */
export function updateSql(columns: readonly KeyColumn[]): string {
  const assignments = columns.map((column) => `${column} = ?, `).join('');
  return `UPDATE resource SET ${assignments}version = ?, modified = ? WHERE rid = ?`;
}
