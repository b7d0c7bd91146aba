/** The statements of the guard, over tables whose names begin with a prefix. Times are RFC 3339, minutes are those since 1970. */
import type { StoredTypes } from '../layout/stored-type.ts';
import { numberOfType } from './grants.ts';

export const guardSqlOf = (prefix: string) =>
  ({
    state: `SELECT held, tripped, released, reason FROM ${prefix}guard WHERE tenant = ?`,
    states: `SELECT tenant, held, tripped, released, reason FROM ${prefix}guard ORDER BY tenant`,
    trip: `INSERT INTO ${prefix}guard (tenant, tripped, reason) VALUES (?, ?, ?)
ON CONFLICT (tenant) DO UPDATE SET tripped = excluded.tripped, reason = excluded.reason`,
    hold: `INSERT INTO ${prefix}guard (tenant, held, tripped, reason) VALUES (?, ?, ?, ?)
ON CONFLICT (tenant) DO UPDATE SET held = excluded.held, tripped = excluded.tripped, reason = excluded.reason`,
    release: `INSERT INTO ${prefix}guard (tenant, released) VALUES (?, ?)
ON CONFLICT (tenant) DO UPDATE SET held = NULL, released = excluded.released`,
    /** By tenant, kind and the minute behind which it begins. */
    sum: `SELECT coalesce(sum(people), 0) FROM ${prefix}guard_count WHERE tenant = ? AND kind = ? AND minute > ?`,
    count: `INSERT INTO ${prefix}guard_count (tenant, kind, minute, people) VALUES (?, ?, ?, ?)
ON CONFLICT (tenant, kind, minute) DO UPDATE SET people = ${prefix}guard_count.people + excluded.people`,
    forget: `DELETE FROM ${prefix}guard_count WHERE tenant = ? AND kind = ? AND minute <= ?`,
    forgetAll: `DELETE FROM ${prefix}guard_count WHERE tenant = ?`,
  }) as const;

export type GuardSql = ReturnType<typeof guardSqlOf>;

export const guardSql: GuardSql = guardSqlOf('');

/** How many people of a tenant are active: the tenant twice. */
export function activePeopleSql(types: StoredTypes): string {
  const users = numberOfType(types, 'User');
  return `SELECT coalesce((SELECT total FROM counter WHERE tenant = ? AND type = ${users}), 0)
  - (SELECT count(*) FROM resource WHERE tenant = ? AND type = ${users} AND active = 0)`;
}
