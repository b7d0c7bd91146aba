/** The statements of memberships: a group's members as JSON text, and the groups that resources are in. */
import type { StoredTypes } from '../layout/stored-type.ts';
import type { GroupReference } from '../store.ts';
import { documentJoin, endpointOf, memberTypeName, ownerTypes } from './attribute-map.ts';
import { allOf, type StoreDialect, sameTenant, tenantColumn, tenantOf, tenantOfRequest } from './dialect.ts';
import { pathSegment } from './path-segment.ts';

/** Members in one part of a large group. Measured: ten times as many hold the event loop longer, and are no faster. */
export const membersInPart = 250;

/** So many members are read at once, with the resource or the page that they are of: about a millisecond's work. */
export const mostMembersAtOnce = 1000;

/** A row of the statement `members`: the members' text, the last of them, and how many they are. */
export type MembersRow = [text: string | null, last: string | null, count: number];

/**
 * The groups of the resources in `start`; UNION drops what was met before, so cycles end. A membership that is both
 * direct and indirect counts as direct.
 */
export function groupsSql(dialect: StoreDialect, types: StoredTypes, start: string): string {
  const { joinEach, counting } = dialect;
  const owners = ownerTypes(types);
  const ofTenant = (row?: string): string => tenantColumn(dialect, row);
  return `WITH RECURSIVE up (value, owner, depth${ofTenant()}) AS (
  SELECT m.value, m.owner, 0${ofTenant('m')} FROM ${start}
  UNION
  SELECT up.value, m.owner, 1${ofTenant('m')}
  FROM up ${joinEach('resource', 'o', { rid: 'up.owner', ...tenantOf(dialect, 'up') })} AND o.type IN ${owners}
  ${allOf(joinEach('member', 'm', { tenant: 'o.tenant', value: 'o.id' }), counting?.membership('indirect'))}
), nearest (value, owner, depth${ofTenant()}) AS (
  SELECT up.value, up.owner, min(up.depth)${ofTenant('up')} FROM up GROUP BY up.value, up.owner${ofTenant('up')}
)
SELECT n.value, o.id, o.type, d.body ->> 'displayName', n.depth
FROM nearest n ${joinEach('resource', 'o', { rid: 'n.owner', ...tenantOf(dialect, 'n') })} AND o.type IN ${owners}
  ${joinEach('document', 'd', { rid: 'o.rid', ...tenantOf(dialect, 'o') })}
ORDER BY n.value, n.depth, n.owner`;
}

/**
 * The groups that resources are directly in, and whether each is in a group itself: where none is, they are all. Then nothing
 * is walked through, sorted out and sorted: shown by the workload `get` of npm run bench with --memberships.
 */
function directGroupsSql(dialect: StoreDialect, types: StoredTypes, from: string, where = ''): string {
  const { joinEach, isMember } = dialect;
  return `SELECT m.value, o.id, o.type, d.body ->> 'displayName', 0, ${isMember('o.tenant', 'o.id')}
FROM ${from} ${joinEach('resource', 'o', { rid: 'm.owner', ...tenantOf(dialect, 'm') })} AND o.type IN ${ownerTypes(types)}
  ${joinEach('document', 'd', { rid: 'o.rid', ...tenantOf(dialect, 'o') })}
${where}ORDER BY m.value, m.owner`;
}

/** The columns of members of which {@link membersText} makes JSON, in their order; `base` is that of `$ref`. */
export function memberParts(
  { query }: StoreDialect,
  types: StoredTypes,
  base: string,
  condition: string,
): string {
  return `SELECT m.value, ${base} || ${endpointOf(types, 'm.kind')} || ${pathSegment(query.name, 'm.value')} AS ref, ${memberTypeName(types)} AS type, m.display
  FROM member m WHERE ${condition} ORDER BY m.value`;
}

/** JSON objects with commas between them. */
// Names and endpoints of types are the registry's own; what came from outside is written as a JSON string.
export function membersText({ jsonString }: StoreDialect): string {
  return `string_agg('{"value":' || ${jsonString('value')}
    || CASE WHEN ref IS NULL THEN '' ELSE ',"$ref":' || ${jsonString('ref')} END
    || CASE WHEN type IS NULL THEN '' ELSE ',"type":' || ${jsonString('type')} END
    || CASE WHEN display IS NULL THEN '' ELSE ',"display":' || ${jsonString('display')} END || '}', ',')`;
}

/** The statements that read and write who is a member of what. */
export function membershipSql(dialect: StoreDialect, types: StoredTypes) {
  const { join } = dialect;
  const { tenant } = tenantOfRequest(dialect);
  const ofRequest = tenant === undefined ? undefined : `m.tenant = ${tenant}`;
  const membersOfSome = `${dialect.jsonStrings('?', 'j')} ${join} member m ON m.tenant = ? AND m.value = j.value`;
  return {
    /** By the base of `$ref`, the group's row, the member after which it goes on, and how many. */
    members: `SELECT ${membersText(dialect)},
  max(value), count(*)
FROM (
  ${memberParts(dialect, types, '?', allOf('m.owner = ?', 'm.value > ?', ofRequest))} LIMIT ?) p`,
    /** Is there one behind so many? By the group's row and how many. */
    beyond: 'SELECT 1 FROM member WHERE owner = ? LIMIT 1 OFFSET ?',
    /** By tenant, the group's id, and up to how many. */
    count: `SELECT count(*) FROM (
  SELECT 1 FROM resource o ${join} member m ON ${allOf('m.owner = o.rid', sameTenant(dialect, 'm', 'o'))}
  WHERE o.tenant = ? AND o.id = ? LIMIT ?) p`,
    /** The same by the group's row. */
    countOf: 'SELECT count(*) FROM (SELECT 1 FROM member WHERE owner = ? LIMIT ?) p',
    /** Rows are {@link GroupRow}s; by tenant and the resource's id. */
    groupsOfOne: groupsSql(dialect, types, 'member m WHERE m.tenant = ? AND m.value = ?'),
    /** The same by a JSON array of ids and the tenant. */
    groupsOfSome: groupsSql(dialect, types, membersOfSome),
    /** The same of those that it is directly in, with all of a {@link GroupRow}. */
    directGroupsOfOne: directGroupsSql(dialect, types, 'member m', 'WHERE m.tenant = ? AND m.value = ?\n'),
    /** The same as `groupsOfSome` takes them. */
    directGroupsOfSome: directGroupsSql(dialect, types, membersOfSome),
    /** The type and the displayName of what is to be a member, by tenant and id. */
    find: `SELECT r.type, d.body ->> 'displayName'
FROM resource r ${documentJoin(dialect)} WHERE r.tenant = ? AND r.id = ?`,
    insert: `INSERT INTO member (owner, value, tenant, kind, display, type, display_key, type_key)
VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`,
    delete: 'DELETE FROM member WHERE owner = ? AND value = ?',
    unknown: 'SELECT value, type, display FROM member WHERE owner = ? AND kind IS NULL',
    redescribe:
      'UPDATE member SET display = ?, type = ?, display_key = ?, type_key = ? WHERE owner = ? AND value = ?',
    rename: 'UPDATE member SET display = ?, display_key = ? WHERE tenant = ? AND value = ?',
    adopt:
      'UPDATE member SET kind = ?, display = ?, display_key = ?, type = NULL, type_key = NULL WHERE tenant = ? AND value = ?',
  } as const;
}

/**
 * The members of a group (its row is the first parameter) that a condition of so many terms over `member m` selects.
 * `isScanned`: no index finds them.
 */
export function selectMembersSql(
  dialect: StoreDialect,
  condition: string,
  terms: number,
  isScanned = true,
): string {
  const { tenant } = tenantOfRequest(dialect);
  const { counting } = dialect;
  const inner = `(${condition})`;
  const before = isScanned ? counting?.before : counting?.beforeIndexed;
  const counted = counting === undefined ? inner : before?.(counting.value(terms), inner);
  return `SELECT m.value FROM member m WHERE ${allOf('m.owner = ?', counted, tenant && `m.tenant = ${tenant}`)}`;
}

/** `isMember`: the group is in a group itself; only where that was asked. */
export type GroupRow = [
  member: string,
  group: string,
  kind: number,
  display: string | null,
  depth: number,
  isMember?: number | boolean,
];

/** Of the groups that members are directly in: are these all that they are in? */
export function areAll(direct: readonly GroupRow[]): boolean {
  return direct.every(([, , , , , isMember]) => !isMember);
}

/** By the id of the resource that is in them, direct ones first; those without groups are left out. */
export function toGroups(types: StoredTypes, rows: readonly GroupRow[]): Map<string, GroupReference[]> {
  const groups = new Map<string, GroupReference[]>();
  for (const [member, value, kind, display, depth] of rows) {
    const reference: GroupReference = {
      value,
      display: display ?? undefined,
      type: depth === 0 ? 'direct' : 'indirect',
      resourceType: types.nameOf(kind),
    };
    const known = groups.get(member);
    if (known === undefined) groups.set(member, [reference]);
    else known.push(reference);
  }
  return groups;
}
