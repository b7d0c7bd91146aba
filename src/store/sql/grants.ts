/** The statements of roles, entitlements and locks. Who has something is active, not locked, and in a group that gives it. */
import type { StoredTypes } from '../layout/stored-type.ts';
import { allOf, type StoreDialect, sameTenant, tenantColumn, tenantOf } from './dialect.ts';
import { tenantSql } from './tenant.ts';

/** Over tables whose names begin with a prefix; groups are named by the column `group`. */
export const grantSqlOf = (prefix: string, group: string) =>
  ({
    rules: `SELECT rule FROM ${prefix}access_rule ORDER BY kind DESC, name`,
    deleteRules: `DELETE FROM ${prefix}access_rule`,
    insertRule: `INSERT INTO ${prefix}access_rule (kind, name, rule) VALUES (?, ?, ?)`,
    /** By the group and its tenant. */
    ofGroup: `SELECT kind, name FROM ${prefix}access_grant WHERE ${group} = ? AND tenant = ? ORDER BY kind DESC, name`,
    insert: `INSERT INTO ${prefix}access_grant (${group}, kind, name, tenant) VALUES (?, ?, ?, ?)`,
    delete: `DELETE FROM ${prefix}access_grant WHERE ${group} = ? AND tenant = ? AND kind = ? AND name = ?`,
    deleteAll: `DELETE FROM ${prefix}access_grant`,
    /** Answers a row if something of the tenant is recorded. */
    hasPast: `SELECT 1 FROM ${prefix}change_counter WHERE tenant = ? AND sequence > 0`,
    /** Both answer a row if they did something. */
    lock: `INSERT INTO ${prefix}access_lock (tenant, id, since, reason) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING RETURNING id`,
    unlock: `DELETE FROM ${prefix}access_lock WHERE tenant = ? AND id = ? RETURNING id`,
    locks: `SELECT id, since, reason FROM ${prefix}access_lock WHERE tenant = ? ORDER BY since, id`,
    isLocked: `SELECT 1 FROM ${prefix}access_lock WHERE tenant = ? AND id = ?`,
  }) as const;

export type GrantSql = ReturnType<typeof grantSqlOf>;

export const grantSql: GrantSql = grantSqlOf('', 'rid');

/** The number of the resource type of this name; one that no resource has where there is none. */
export function numberOfType(types: StoredTypes, name: string): number {
  return types.all.find(({ type }) => type.name === name)?.number ?? 0;
}

export function holderSql(dialect: StoreDialect, types: StoredTypes) {
  const { joinEach, join, jsonStrings } = dialect;
  const ofTenant = (row?: string): string => tenantColumn(dialect, row);
  /** The row that a grant names, or a group's. */
  const of = (row: string, other: string): string =>
    allOf(`${row}.rid = ${other}.rid`, sameTenant(dialect, row, other));
  const users = numberOfType(types, 'User');
  const down = (start: string, except = ''): string => `WITH RECURSIVE down (rid, type${ofTenant()}) AS (
  ${start}
  UNION
  SELECT r.rid, r.type${ofTenant('r')} FROM down ${joinEach('member', 'm', { owner: 'down.rid', ...tenantOf(dialect, 'down') })}${except} ${joinEach('resource', 'r', { tenant: 'm.tenant', id: 'm.value' })}
)`;
  const people = `FROM down ${joinEach('resource', 'p', { rid: 'down.rid', ...tenantOf(dialect, 'down') })}
WHERE down.type = ${users} AND coalesce(p.active, 1) = 1
  AND NOT EXISTS (SELECT 1 FROM access_lock l WHERE l.tenant = p.tenant AND l.id = p.id)`;
  const named = `SELECT r.rid, r.type${ofTenant('r')} FROM access_grant g ${join} resource r ON ${of('r', 'g')}
  WHERE g.tenant = ? AND g.kind = ? AND g.name = ?`;
  const given = `SELECT r.rid, r.type${ofTenant('r')} FROM ${jsonStrings('?', 'j')} ${joinEach('resource', 'r', { tenant: '?', id: 'j.value' })}`;
  return {
    tenantName: tenantSql.name,
    tenants: tenantSql.list,
    /** Which groups of a tenant give what. */
    ofTenant: `SELECT r.id, g.kind, g.name FROM access_grant g JOIN resource r ON ${of('r', 'g')} WHERE g.tenant = ?`,
    /** Ids of those who have it: by tenant, kind and name. */
    holders: `${down(named)} SELECT p.id ${people} ORDER BY p.id`,
    /** How many have it, counted up to a number: by tenant, kind, name and that number. */
    count: `${down(named)} SELECT count(*) FROM (SELECT 1 ${people} LIMIT ?) c`,
    /** The same of direct members alone, which takes no longer for many of them. */
    countDirect: `SELECT count(*) FROM (
  SELECT DISTINCT m.value FROM access_grant g ${join} member m ON ${allOf('m.owner = g.rid', sameTenant(dialect, 'm', 'g'))} ${join} resource p ON p.tenant = m.tenant AND p.id = m.value
  WHERE g.tenant = ? AND g.kind = ? AND g.name = ? AND p.type = ${users} AND coalesce(p.active, 1) = 1
    AND NOT EXISTS (SELECT 1 FROM access_lock l WHERE l.tenant = p.tenant AND l.id = p.id)
  LIMIT ?) c`,
    /** Is it a person, and active? By tenant and id. */
    isPerson: `SELECT type = ${users}, coalesce(active, 1) = 1 FROM resource WHERE tenant = ? AND id = ?`,
    /** The count without the members of one group that a JSON array names: its row and the array before the number. */
    countWithout: `${down(named, ` AND NOT (m.owner = ? AND m.value IN (SELECT j.value FROM ${jsonStrings('?', 'j')}))`)}
SELECT count(*) FROM (SELECT 1 ${people} LIMIT ?) c`,
    /** Ids of the people among these resources, and in those of them that are groups: by a JSON array of ids and the tenant. */
    peopleIn: `${down(given)} SELECT p.id ${people} ORDER BY p.id`,
    /** What membership of a resource gives, and what it gives if it is a group: by a JSON array of ids and the tenant. */
    through: `WITH RECURSIVE up (rid${ofTenant()}) AS (
  SELECT r.rid${ofTenant('r')} FROM ${jsonStrings('?', 'j')} ${join} resource r ON r.tenant = ? AND r.id = j.value
  UNION
  SELECT m.owner${ofTenant('m')} FROM up ${joinEach('resource', 'o', { rid: 'up.rid', ...tenantOf(dialect, 'up') })} ${joinEach('member', 'm', { tenant: 'o.tenant', value: 'o.id' })}
)
SELECT DISTINCT g.kind, g.name FROM up ${join} access_grant g ON ${of('g', 'up')}`,
    /** Groups among these resources: by a JSON array of ids and the tenant. */
    groupsAmong: `SELECT r.id FROM ${jsonStrings('?', 'j')} ${join} resource r ON r.tenant = ? AND r.id = j.value
WHERE r.type <> ${users} LIMIT 1`,
    /** Row, id and document of all groups of a tenant. */
    groups: `SELECT r.rid, r.id, d.body, EXISTS (SELECT 1 FROM member m WHERE ${allOf('m.owner = r.rid', sameTenant(dialect, 'm', 'r'))})
FROM resource r ${join} document d ON ${of('d', 'r')}
WHERE r.tenant = ? AND r.type = ${numberOfType(types, 'Group')} ORDER BY r.rid`,
  } as const;
}

/** The texts of these statements, or what stands for them where a store has others. */
export type HolderSql = Readonly<Record<keyof ReturnType<typeof holderSql>, string>>;
