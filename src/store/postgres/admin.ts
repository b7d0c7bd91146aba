/** Sessions, links and actions of administrators, for every server of the database. */
import type { AdminAction, AdminStore, Grant } from '../admin.ts';
import { adminSql } from '../sql/admin.ts';
import type { Transactions } from './transactions.ts';

const postgresAdminSql = {
  ...adminSql,
  endGrant: `${adminSql.endGrant} RETURNING 1`,
} as const;

type GrantRow = [
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

type ActionRow = [
  number: number,
  at: string,
  tenant: number | null,
  actor: string,
  action: string,
  subject: string | null,
  detail: string | null,
];

export function adminOver(transactions: Transactions, clock: () => Date, newId: () => string): AdminStore {
  const now = (): string => clock().toISOString();
  const read = transactions.pool.read.bind(transactions.pool);
  const write = (sql: string, values: readonly (string | number | null)[]): Promise<number> =>
    transactions.run(async (connection) => (await connection.run(sql, [...values])).rows.length);
  return {
    async createGrant({ hash, ...grant }) {
      const made: Grant = { ...grant, id: newId(), created: now() };
      const { id, kind, role, tenant = null, name, source = null, created, expires } = made;
      await write(postgresAdminSql.insertGrant, [
        hash,
        id,
        kind,
        role,
        tenant,
        name,
        source,
        created,
        expires,
      ]);
      return made;
    },
    async findGrant(hash) {
      const [row] = (await read(postgresAdminSql.findGrant, [hash])) as GrantRow[];
      return row === undefined ? undefined : grantOf(row);
    },
    async grants(kind, tenant) {
      const rows =
        tenant === undefined
          ? await read(postgresAdminSql.grants, [kind, now()])
          : await read(postgresAdminSql.grantsOfTenant, [kind, now(), tenant]);
      return (rows as GrantRow[]).map(grantOf);
    },
    endGrant: async (id) => (await write(postgresAdminSql.endGrant, [now(), id])) > 0,
    async setSource(id, source) {
      await write(postgresAdminSql.setSource, [source, id]);
    },
    async actions({ tenant, before = Number.MAX_SAFE_INTEGER, limit }) {
      const rows =
        tenant === undefined
          ? await read(postgresAdminSql.actions, [before, limit])
          : await read(postgresAdminSql.actionsOfTenant, [before, tenant, limit]);
      return (rows as ActionRow[]).map(actionOf);
    },
    async addAction({ tenant = null, actor, action, subject = null, detail = null }) {
      await write(postgresAdminSql.insertAction, [now(), tenant, actor, action, subject, detail]);
    },
    async pruneAdmin(before) {
      await write(postgresAdminSql.pruneGrants, [before.toISOString()]);
      await write(postgresAdminSql.pruneActions, [before.toISOString()]);
    },
  };
}

function grantOf([id, kind, role, tenant, name, source, created, expires, ended]: GrantRow): Grant {
  return {
    ...{ id, kind, role, name, created, expires },
    ...(tenant === null ? {} : { tenant: Number(tenant) }),
    ...(source === null ? {} : { source }),
    ...(ended === null ? {} : { ended }),
  };
}

function actionOf([number, at, tenant, actor, action, subject, detail]: ActionRow): AdminAction {
  return {
    ...{ number: Number(number), at, actor, action },
    ...(tenant === null ? {} : { tenant: Number(tenant) }),
    ...(subject === null ? {} : { subject }),
    ...(detail === null ? {} : { detail }),
  };
}
