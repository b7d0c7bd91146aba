/** The statements of tenants. */
import { leapAt, leastLeap } from '../restored.ts';

export const tenantSql = {
  any: 'SELECT 1 FROM tenant LIMIT 1',
  list: 'SELECT number, name, created, paused FROM tenant WHERE was IS NULL ORDER BY number',
  /** Of one that is deleted the name that it had. */
  get: 'SELECT number, coalesce(was, name) AS name, created FROM tenant WHERE number = ?',
  number: 'SELECT number FROM tenant WHERE name = ?',
  name: 'SELECT name FROM tenant WHERE number = ?',
  /** By since when, or null, and its number. */
  pause: 'UPDATE tenant SET paused = ? WHERE number = ?',
  insert: 'INSERT INTO tenant (name, created) VALUES (?, ?)',
  /**
   * Where the record of a new tenant begins: by its number and {@link beginningAt}. In a restored database one of that name
   * may have been there before, whose numbers are given out.
   */
  begin: `INSERT INTO change_counter (tenant, sequence, pruned) SELECT CAST(? AS BIGINT), b.number, b.number FROM (
SELECT CASE WHEN EXISTS (SELECT 1 FROM change_counter WHERE sequence >= ?) THEN CAST(? AS BIGINT) ELSE 0 END AS number) b`,
  /** What hangs on a resource goes with it; tokens and counters go with the tenant. */
  deleteMembers: 'DELETE FROM member WHERE tenant = ?',
  deleteResources: 'DELETE FROM resource WHERE tenant = ?',
  deleteChanges: 'DELETE FROM change WHERE tenant = ?',
  deleteChangeMembers: 'DELETE FROM change_member WHERE tenant = ?',
  /** Is there anybody who can be told that the tenant is deleted? */
  hasListeners: `SELECT 1 FROM tenant t WHERE t.number = ? AND (EXISTS (SELECT 1 FROM endpoint WHERE tenant = t.number)
  OR EXISTS (SELECT 1 FROM token WHERE tenant = t.number AND scope = 'events' AND revoked IS NULL))`,
  /** How many resources it has of each type. */
  counts: `SELECT k.name, count(*) AS total FROM resource r JOIN resource_type k ON k.number = r.type
WHERE r.tenant = ? GROUP BY k.name ORDER BY k.name`,
  /** What stays for those who are told: under a name that nobody can give, the time of the deletion, and its number. */
  succeed: `INSERT INTO tenant (name, created, was, deleted)
SELECT CAST(? AS TEXT), created, name, CAST(? AS TEXT) FROM tenant WHERE number = ?`,
  /** To which number from which, in each of these. */
  succeedRecord: `INSERT INTO change_counter (tenant, sequence, link, pruned)
SELECT CAST(? AS BIGINT), sequence, link, 0 FROM change_counter WHERE tenant = ?`,
  succeedEndpoints: 'UPDATE endpoint SET tenant = ? WHERE tenant = ?',
  succeedConsumers: 'UPDATE consumer SET tenant = ? WHERE tenant = ?',
  succeedTokens: "UPDATE token SET tenant = ? WHERE tenant = ? AND scope = 'events'",
  /** What waits to be sent is of people who are gone. */
  deleteDeliveries: 'DELETE FROM delivery WHERE endpoint IN (SELECT id FROM endpoint WHERE tenant = ?)',
  /** Those deleted before a time. */
  forgotten: 'SELECT number FROM tenant WHERE deleted < ?',
  delete: 'DELETE FROM tenant WHERE number = ?',
} as const;

/** From which number on another tenant tells of a restored database, and which one the record begins behind then. */
export function beginningAt(now: Date): readonly [leapt: number, beginning: number] {
  return [leastLeap, leapAt(now.getTime())];
}
