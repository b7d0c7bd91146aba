/** Sessions, links and actions of administrators. */
import type { Database } from 'better-sqlite3';
import type { AdminAction, AdminStore, Grant } from '../admin.ts';
import { adminSql } from '../sql/admin.ts';

interface Tools {
  readonly db: Database;
  readonly clock: () => Date;
  readonly newId: () => string;
  readonly read: <T>(action: () => T) => T;
  readonly write: <T>(action: () => T) => Promise<T>;
}

type GrantRow = { readonly [Name in keyof Grant]-?: Exclude<Grant[Name], undefined> | null };
type ActionRow = { readonly [Name in keyof AdminAction]-?: Exclude<AdminAction[Name], undefined> | null };

export function adminOver({ db, clock, newId, read, write }: Tools): AdminStore {
  const insert = db.prepare(adminSql.insertGrant);
  const find = db.prepare<[string], GrantRow>(adminSql.findGrant);
  const all = db.prepare<[string, string], GrantRow>(adminSql.grants);
  const ofTenant = db.prepare<[string, string, number], GrantRow>(adminSql.grantsOfTenant);
  const end = db.prepare(adminSql.endGrant);
  const source = db.prepare(adminSql.setSource);
  const act = db.prepare(adminSql.insertAction);
  const actions = db.prepare<[number, number], ActionRow>(adminSql.actions);
  const actionsOfTenant = db.prepare<[number, number, number], ActionRow>(adminSql.actionsOfTenant);
  const pruneGrants = db.prepare(adminSql.pruneGrants);
  const pruneActions = db.prepare(adminSql.pruneActions);
  const now = (): string => clock().toISOString();

  return {
    createGrant({ hash, ...grant }) {
      const made: Grant = { ...grant, id: newId(), created: now() };
      const { id, kind, role, tenant = null, name, created, expires } = made;
      return write(() => {
        insert.run(hash, id, kind, role, tenant, name, made.source ?? null, created, expires);
        return made;
      });
    },
    findGrant: (hash) => read(() => grantOf(find.get(hash))),
    grants: (kind, tenant) =>
      read(() =>
        (tenant === undefined ? all.all(kind, now()) : ofTenant.all(kind, now(), tenant)).flatMap(
          (row) => grantOf(row) ?? [],
        ),
      ),
    endGrant: (id) => write(() => end.run(now(), id).changes > 0),
    setSource: (id, made) => write(() => void source.run(made, id)),
    actions: ({ tenant, before = Number.MAX_SAFE_INTEGER, limit }) =>
      read(() =>
        (tenant === undefined ? actions.all(before, limit) : actionsOfTenant.all(before, tenant, limit)).map(
          (row) => withoutNulls<AdminAction>(row),
        ),
      ),
    addAction: ({ tenant = null, actor, action, subject = null, detail = null }) =>
      write(() => void act.run(now(), tenant, actor, action, subject, detail)),
    pruneAdmin: (before) =>
      write(() => {
        pruneGrants.run(before.toISOString());
        pruneActions.run(before.toISOString());
      }),
  };
}

function grantOf(row: GrantRow | undefined): Grant | undefined {
  return row === undefined ? undefined : withoutNulls<Grant>(row);
}

/** A column without a value is a member that is absent. */
function withoutNulls<T extends object>(
  row: { readonly [Name in keyof T]-?: Exclude<T[Name], undefined> | null },
): T {
  return Object.fromEntries(Object.entries(row).filter(([, value]) => value !== null)) as T;
}
