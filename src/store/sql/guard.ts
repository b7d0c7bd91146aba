/** The statements of the guard. Times are RFC 3339, minutes are those since 1970. */
import type { StoredTypes } from '../layout/stored-type.ts';
import { numberOfType } from './grants.ts';

export const guardSql = {
  state: 'SELECT held, tripped, released, reason FROM guard WHERE tenant = ?',
  states: 'SELECT tenant, held, tripped, released, reason FROM guard ORDER BY tenant',
  trip: `INSERT INTO guard (tenant, tripped, reason) VALUES (?, ?, ?)
ON CONFLICT (tenant) DO UPDATE SET tripped = excluded.tripped, reason = excluded.reason`,
  hold: `INSERT INTO guard (tenant, held, tripped, reason) VALUES (?, ?, ?, ?)
ON CONFLICT (tenant) DO UPDATE SET held = excluded.held, tripped = excluded.tripped, reason = excluded.reason`,
  release: `INSERT INTO guard (tenant, released) VALUES (?, ?)
ON CONFLICT (tenant) DO UPDATE SET held = NULL, released = excluded.released`,
  /** By tenant, kind and the minute behind which it begins. */
  sum: 'SELECT coalesce(sum(people), 0) FROM guard_count WHERE tenant = ? AND kind = ? AND minute > ?',
  count: `INSERT INTO guard_count (tenant, kind, minute, people) VALUES (?, ?, ?, ?)
ON CONFLICT (tenant, kind, minute) DO UPDATE SET people = guard_count.people + excluded.people`,
  forget: 'DELETE FROM guard_count WHERE tenant = ? AND kind = ? AND minute <= ?',
  forgetAll: 'DELETE FROM guard_count WHERE tenant = ?',
} as const;

/** How many people of a tenant are active: the tenant twice. */
export function activePeopleSql(types: StoredTypes): string {
  const users = numberOfType(types, 'User');
  return `SELECT coalesce((SELECT total FROM counter WHERE tenant = ? AND type = ${users}), 0)
  - (SELECT count(*) FROM resource WHERE tenant = ? AND type = ${users} AND active = 0)`;
}
