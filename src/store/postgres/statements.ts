/** Statements that write many rows at once, from arrays of their columns; what is read is read by those of `store/sql`. */
import type { KeyColumn } from '../layout/layout.ts';
import type { Value } from './driver.ts';
import { layoutHashes } from './stored-types.ts';

export type Statement = readonly [text: string, parameters: readonly Value[]];

/**
 * All of them as one, which the server plans, carries out and answers once; shown by the workload `create` of npm run bench
 * -- --postgres. None sees what the others write, so that they are about different rows. What refers to rows of another
 * one is checked at the end.
 */
export function asOne(statements: readonly Statement[]): Statement {
  const texts = statements.map(([text]) => text);
  const last = texts.pop() as string;
  const others = texts.map((text, index) => `w${index} AS (${text})`);
  const text = others.length === 0 ? last : `WITH ${others.join(', ')} ${last}`;
  return [text, statements.flatMap(([, parameters]) => parameters)];
}

/**
 * An array that is bound. PostgreSQL looks into one that is bound to a bare parameter, and plans a statement anew for each
 * that is shorter than the ten values it reckons with otherwise: that took longer than what was planned.
 */
export function arrayOf(type: string): string {
  return `(SELECT ?::${type}[])`;
}

const textArray = arrayOf('text');
const numberArray = arrayOf('bigint');

/** `INSERT INTO t (a, b) SELECT * FROM unnest({@link arrayOf}('bigint'), …)` */
function insertMany(
  table: string,
  columns: readonly (readonly [name: string, type: string])[],
  more = '',
): string {
  const names = columns.map(([name]) => name).join(', ');
  const arrays = columns.map(([, type]) => arrayOf(type)).join(', ');
  const values = columns.map(([name, type]) =>
    type === 'text' && jsonColumns.has(`${table}.${name}`)
      ? `u.${name}::${jsonColumns.get(`${table}.${name}`)}`
      : `u.${name}`,
  );
  return `INSERT INTO ${table} (${names}) SELECT ${values.join(', ')} FROM unnest(${arrays}) AS u (${names})${more}`;
}

/** As `touches`, with a value for each of these columns too. */
export function updatesSql(columns: readonly KeyColumn[]): string {
  const more = columns.map((column) => `${column} = u.${column}, `).join('');
  const arrays = columns.map((column) => `, ${arrayOf(column === 'active' ? 'bigint' : 'text')}`).join('');
  const names = columns.map((column) => `, ${column}`).join('');
  return `UPDATE resource r SET ${more}version = u.version, modified = u.modified
FROM unnest(${numberArray}, ${numberArray}, ${textArray}${arrays}) AS u (rid, version, modified${names}) WHERE r.rid = u.rid AND r.tenant = ?`;
}

/** JSON goes as a text within the array. */
const jsonColumns: ReadonlyMap<string, string> = new Map([
  ['document.body', 'json'],
  ['document_keys.keys', 'jsonb'],
  ['element.rest', 'jsonb'],
]);

const texts = (...names: readonly string[]) => names.map((name) => [name, 'text'] as const);
const numbers = (...names: readonly string[]) => names.map((name) => [name, 'bigint'] as const);

export const writeSql = {
  /** Of a tenant, under whose lock all else is done: the number of its last change, and its link. */
  lock: 'SELECT sequence, link FROM change_counter WHERE tenant = ? FOR UPDATE',
  setHead: 'UPDATE change_counter SET sequence = ?, link = ? WHERE tenant = ?',
  /**
   * What is asked once the lock is there, as JSON: the rules in force, the layouts of {@link layoutHashes}, and so many numbers
   * of rows; of a tenant what its guard does, and how many people have lost what behind a minute. Null where there are none.
   */
  beginning: `SELECT (SELECT json_agg(rule ORDER BY kind DESC, name) FROM access_rule),
  (SELECT json_agg(json_build_array(name, hash)) FROM (${layoutHashes}) AS l (name, hash)),
  (SELECT json_agg(nextval('resource_rid')) FROM generate_series(1, ?::int)),
  (SELECT json_build_array(held, tripped, released, reason) FROM guard WHERE tenant = ?),
  (SELECT json_agg(json_build_array(kind, people)) FROM
    (SELECT kind, sum(people) FROM guard_count WHERE tenant = ? AND minute > ? GROUP BY kind) AS l (kind, people))`,
  resources: insertMany('resource', [
    ...numbers('rid', 'tenant', 'type'),
    ...texts('id', 'external_id', 'unique_key', 'display_key'),
    ...numbers('active'),
    ...texts('created', 'modified'),
    ...numbers('version'),
  ]),
  documents: insertMany('document', [...numbers('rid', 'tenant'), ...texts('body')]),
  keys: insertMany('document_keys', [...numbers('rid', 'tenant'), ...texts('keys')]),
  elements: insertMany('element', [
    ...numbers('rid', 'attribute', 'ordinal', 'tenant'),
    ...texts('value'),
    ['number', 'float8'],
    ...texts('type', 'display'),
    ['"primary"', 'bigint'],
    ...texts('rest'),
  ]),
  uniques: insertMany('unique_value', [
    ...numbers('tenant', 'attribute'),
    ...texts('key'),
    ...numbers('rid'),
  ]),
  contained: insertMany('contains_text', [...numbers('rid', 'tenant'), ...texts('keys')]),
  members: insertMany(
    'member',
    [
      ...numbers('owner'),
      ...texts('value'),
      ...numbers('tenant', 'kind'),
      ...texts('display', 'type', 'display_key', 'type_key'),
    ],
    ' ON CONFLICT DO NOTHING',
  ),
  changes: insertMany('change', [
    ...numbers('tenant', 'sequence', 'type'),
    ...texts('id'),
    ...numbers('version'),
    ...texts('operation', 'at', 'txn', 'request', 'actor', 'edits', 'added', 'removed', 'last'),
    ...texts('tolerances', 'cause', 'salt'),
    ['digest', 'bytea'],
    ['link', 'bytea'],
    ...texts('notice'),
  ]),
  /** Whom changes of groups are about: by tenant, ids and numbers of the changes. */
  changedMembers: `INSERT INTO change_member (tenant, member, sequence)
SELECT ?::bigint, u.member, u.sequence FROM unnest(${textArray}, ${numberArray}) AS u (member, sequence) ON CONFLICT DO NOTHING`,
  touches: `UPDATE resource r SET version = u.version, modified = u.modified
FROM unnest(${numberArray}, ${numberArray}, ${textArray}) AS u (rid, version, modified) WHERE r.rid = u.rid AND r.tenant = ?`,
  counts: `INSERT INTO counter (tenant, type, total)
SELECT t.number, u.type, u.total FROM unnest(${numberArray}, ${numberArray}) AS u (type, total) JOIN tenant t ON t.number = ?
ON CONFLICT (tenant, type) DO UPDATE SET total = counter.total + excluded.total`,
  putContained: `INSERT INTO contains_text (rid, tenant, keys) VALUES (?, ?, ?)
ON CONFLICT (rid, tenant) DO UPDATE SET keys = excluded.keys`,
  deleteContained: 'DELETE FROM contains_text WHERE rid = ? AND tenant = ?',
  /** As `touches`, by texts. */
  documentsOf: `UPDATE document d SET body = u.body::json
FROM unnest(${numberArray}, ${textArray}) AS u (rid, body) WHERE d.rid = u.rid AND d.tenant = ?`,
  keysOf: `UPDATE document_keys k SET keys = u.keys::jsonb
FROM unnest(${numberArray}, ${textArray}) AS u (rid, keys) WHERE k.rid = u.rid AND k.tenant = ?`,
  updateDocument: 'UPDATE document SET body = ?::json WHERE rid = ? AND tenant = ?',
  updateKeys: 'UPDATE document_keys SET keys = ?::jsonb WHERE rid = ? AND tenant = ?',
  deleteElements: `DELETE FROM element e USING unnest(${numberArray}, ${numberArray}) AS u (attribute, ordinal)
WHERE e.rid = ? AND e.tenant = ? AND e.attribute = u.attribute AND e.ordinal = u.ordinal`,
  setCredential: `INSERT INTO credential (rid, tenant, hash) VALUES (?, ?, ?)
ON CONFLICT (rid, tenant) DO UPDATE SET hash = excluded.hash`,
  deleteCredential: 'DELETE FROM credential WHERE rid = ? AND tenant = ?',
  quarantine: `INSERT INTO set_aside (rid, tenant, entries) VALUES (?, ?, ?)
ON CONFLICT (rid, tenant) DO UPDATE SET entries = excluded.entries`,
  /**
   * Of the tenant those of these ids, of whatever type: what a command begins with. Before them, up to how many members are
   * counted, bound as an {@link arrayOf} is.
   */
  current: `SELECT r.rid, r.type, r.id, r.version, r.created, r.modified, d.body,
  EXISTS (SELECT 1 FROM member WHERE tenant = r.tenant AND value = r.id), (SELECT count(*) FROM (
    SELECT 1 FROM member m WHERE m.owner = r.rid AND m.tenant = r.tenant ORDER BY m.value LIMIT (SELECT ?::bigint)) p)
FROM resource r JOIN document d ON d.rid = r.rid AND d.tenant = r.tenant WHERE r.tenant = ? AND r.id = ANY(${textArray}::text[])`,
  /** Id, type and displayName of these ids, and are they active? */
  described: `SELECT r.id, r.type, d.body ->> 'displayName', coalesce(r.active, 1) = 1
FROM resource r JOIN document d ON d.rid = r.rid AND d.tenant = r.tenant WHERE r.tenant = ? AND r.id = ANY(${textArray}::text[])`,
  /** Which of these values are members of these groups' rows? */
  edges: `SELECT u.owner, u.value FROM unnest(${numberArray}, ${textArray}) AS u (owner, value)
JOIN member m ON m.owner = u.owner AND m.value = u.value AND m.tenant = ?`,
  /** The same by the ids of the groups. */
  edgesOfIds: `SELECT o.rid, m.value FROM unnest(${textArray}, ${textArray}) AS u (id, value)
JOIN resource o ON o.tenant = ? AND o.id = u.id JOIN member m ON m.owner = o.rid AND m.value = u.value AND m.tenant = o.tenant`,
  removeMembers: `DELETE FROM member m USING unnest(${numberArray}, ${textArray}) AS u (owner, value)
WHERE m.owner = u.owner AND m.value = u.value AND m.tenant = ?`,
  /** By the group's row and the tenant, as those that follow: the ids of all members. */
  memberIds: 'SELECT value FROM member WHERE owner = ? AND tenant = ?',
  /** Members that the store does not hold, with what was said of them. */
  unknownMembers: 'SELECT value, type, display FROM member WHERE owner = ? AND tenant = ? AND kind IS NULL',
  // In an order that only the index of the key has: beside one group of very many, PostgreSQL believes that any row is of
  // whatever group it looks for, and would look through all of them for the few that a small one has.
  hasMembers: 'SELECT 1 FROM member WHERE owner = ? AND tenant = ? ORDER BY value LIMIT 1',
  /** By tenant, the group's id, tenant, and up to how many. */
  memberCount: `SELECT count(*) FROM (
  SELECT 1 FROM member WHERE owner = (SELECT rid FROM resource WHERE tenant = ? AND id = ?) AND tenant = ? ORDER BY value LIMIT ?) p`,
  /** By what is said now, and then the group's row, the tenant and the member. */
  redescribe:
    'UPDATE member SET display = ?, type = ?, display_key = ?, type_key = ? WHERE owner = ? AND tenant = ? AND value = ?',
  release: 'DELETE FROM set_aside WHERE rid = ? AND tenant = ?',
  /** Which of these ids are members of some group? */
  grouped: `SELECT u.id FROM unnest(${textArray}) AS u (id)
WHERE EXISTS (SELECT 1 FROM member m WHERE m.tenant = ? AND m.value = u.id)`,
} as const;
