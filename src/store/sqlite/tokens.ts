/** Tokens: kept as SHA-256, found by it. */
import type { Database } from 'better-sqlite3';
import type { Store, Token } from '../store.ts';

interface Row {
  id: string;
  name: string;
  tenant: number;
  tenant_name: string;
  idp: string;
  scope: Token['scope'];
  created: string;
  expires: string | null;
  revoked: string | null;
  last_used: string | null;
  subject: string | null;
}

type NewToken = Parameters<Store['createToken']>[0];

export interface Tokens {
  find(hash: string): Token | undefined;
  list(tenant: number | undefined): Token[];
  create(token: NewToken): Token;
  revoke(id: string, at: string): Token | undefined;
  /** Notes that the token was used now. */
  use(id: string): void;
}

function toToken(row: Row): Token {
  return {
    id: row.id,
    name: row.name,
    tenant: row.tenant,
    tenantName: row.tenant_name,
    idp: row.idp,
    scope: row.scope,
    created: row.created,
    expires: row.expires ?? undefined,
    revoked: row.revoked ?? undefined,
    lastUsed: row.last_used ?? undefined,
    subject: row.subject ?? undefined,
  };
}

export function tokenTable(db: Database, clock: () => Date, newId: () => string): Tokens {
  const select = `SELECT k.id, k.name, k.tenant, t.name AS tenant_name, k.idp, k.scope, k.created, k.expires, k.revoked,
      k.last_used, k.subject
    FROM token k JOIN tenant t ON t.number = k.tenant`;
  const byHash = db.prepare<[string], Row>(`${select} WHERE k.hash = unhex(?)`);
  const byId = db.prepare<[string], Row>(`${select} WHERE k.id = ?`);
  const all = db.prepare<[], Row>(`${select} ORDER BY k.created, k.id`);
  const ofTenant = db.prepare<[number], Row>(`${select} WHERE k.tenant = ? ORDER BY k.created, k.id`);
  const insert = db.prepare(
    `INSERT INTO token (id, hash, name, tenant, idp, scope, created, expires, subject)
     VALUES (?, unhex(?), ?, ?, ?, ?, ?, ?, ?)`,
  );
  const revoke = db.prepare('UPDATE token SET revoked = ? WHERE id = ?');
  const use = db.prepare('UPDATE token SET last_used = ? WHERE id = ?');
  const withId = (id: string): Token | undefined => {
    const row = byId.get(id);
    return row === undefined ? undefined : toToken(row);
  };
  return {
    find(hash) {
      const row = byHash.get(hash);
      return row === undefined ? undefined : toToken(row);
    },
    list: (tenant) => (tenant === undefined ? all.all() : ofTenant.all(tenant)).map(toToken),
    create({ hash, name, tenant, idp, scope, expires, subject }) {
      const id = newId();
      const created = clock().toISOString();
      insert.run(id, hash, name, tenant, idp, scope, created, expires ?? null, subject ?? null);
      return withId(id) as Token;
    },
    revoke(id, at) {
      revoke.run(at, id);
      return withId(id);
    },
    use(id) {
      use.run(clock().toISOString(), id);
    },
  };
}
