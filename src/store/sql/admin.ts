/** Sessions, links and actions of administrators, over any database that carries steps out. */
import type { AdminAction, AdminStore, Grant } from '../admin.ts';
import { type Step, type StepsPort, step } from './steps.ts';

const grant = 'id, kind, role, tenant, name, source, created, expires, ended';

export const adminSql = {
  insertGrant: `INSERT INTO admin_grant (hash, ${grant}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, NULL)`,
  findGrant: `SELECT ${grant} FROM admin_grant WHERE hash = ?`,
  /** By kind, now, and the tenant or null for all. */
  grants: `SELECT ${grant} FROM admin_grant WHERE kind = ? AND ended IS NULL AND expires > ? ORDER BY created DESC LIMIT 500`,
  grantsOfTenant: `SELECT ${grant} FROM admin_grant WHERE kind = ? AND ended IS NULL AND expires > ? AND tenant = ? ORDER BY created DESC LIMIT 500`,
  endGrant: 'UPDATE admin_grant SET ended = ? WHERE id = ? AND ended IS NULL RETURNING id',
  setSource: 'UPDATE admin_grant SET source = ? WHERE id = ?',
  insertAction:
    'INSERT INTO admin_action (at, tenant, actor, action, subject, detail) VALUES (?, ?, ?, ?, ?, ?)',
  actions: `SELECT number, at, tenant, actor, action, subject, detail FROM admin_action WHERE number < ? ORDER BY number DESC LIMIT ?`,
  actionsOfTenant: `SELECT number, at, tenant, actor, action, subject, detail FROM admin_action WHERE number < ? AND tenant = ? ORDER BY number DESC LIMIT ?`,
  pruneGrants: 'DELETE FROM admin_grant WHERE expires < ?',
  pruneActions: 'DELETE FROM admin_action WHERE at < ?',
} as const;

type GrantRow = readonly [
  id: string,
  kind: Grant['kind'],
  role: Grant['role'],
  tenant: number | null,
  name: string,
  source: string | null,
  created: string,
  expires: string,
  ended: string | null,
];

type ActionRow = readonly [
  number: number,
  at: string,
  tenant: number | null,
  actor: string,
  action: string,
  subject: string | null,
  detail: string | null,
];

function toGrant([id, kind, role, tenant, name, source, created, expires, ended]: GrantRow): Grant {
  return {
    ...{ id, kind, role, name, created, expires },
    ...(tenant === null ? {} : { tenant }),
    ...(source === null ? {} : { source }),
    ...(ended === null ? {} : { ended }),
  };
}

function toAction([number, at, tenant, actor, action, subject, detail]: ActionRow): AdminAction {
  return {
    ...{ number, at, actor, action },
    ...(tenant === null ? {} : { tenant }),
    ...(subject === null ? {} : { subject }),
    ...(detail === null ? {} : { detail }),
  };
}

export function adminOver(clock: () => Date, newId: () => string, { read, write }: StepsPort): AdminStore {
  const now = (): string => clock().toISOString();
  const done = (...statements: readonly Step[]): Promise<boolean> =>
    write(function* () {
      let rows = 0;
      for (const statement of statements) rows += (yield statement).length;
      return rows > 0;
    });
  return {
    async createGrant({ hash, ...grant }) {
      const made: Grant = { ...grant, id: newId(), created: now() };
      const { id, kind, role, tenant = null, name, source = null, created, expires } = made;
      await done(step(adminSql.insertGrant, hash, id, kind, role, tenant, name, source, created, expires));
      return made;
    },
    findGrant: (hash) =>
      read(function* () {
        const [row] = (yield step(adminSql.findGrant, hash)) as readonly GrantRow[];
        return row === undefined ? undefined : toGrant(row);
      }),
    grants: (kind, tenant) =>
      read(function* () {
        const rows = yield tenant === undefined
          ? step(adminSql.grants, kind, now())
          : step(adminSql.grantsOfTenant, kind, now(), tenant);
        return (rows as readonly GrantRow[]).map(toGrant);
      }),
    endGrant: (id) => done(step(adminSql.endGrant, now(), id)),
    async setSource(id, source) {
      await done(step(adminSql.setSource, source, id));
    },
    actions: ({ tenant, before = Number.MAX_SAFE_INTEGER, limit }) =>
      read(function* () {
        const rows = yield tenant === undefined
          ? step(adminSql.actions, before, limit)
          : step(adminSql.actionsOfTenant, before, tenant, limit);
        return (rows as readonly ActionRow[]).map(toAction);
      }),
    async addAction({ tenant = null, actor, action, subject = null, detail = null }) {
      await done(step(adminSql.insertAction, now(), tenant, actor, action, subject, detail));
    },
    async pruneAdmin(before) {
      const time = before.toISOString();
      await done(step(adminSql.pruneGrants, time), step(adminSql.pruneActions, time));
    },
  };
}
