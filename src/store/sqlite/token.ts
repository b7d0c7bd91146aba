/** Tokens: kept as SHA-256, found by it. */
import type { Database } from 'better-sqlite3';
import { tokenSql } from '../sql/token.ts';
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
  ordered: string | null;
  ended: 0 | 1;
  last_used: string | null;
  subject: string | null;
  paused: string | null;
}

type NewToken = Parameters<Store['createToken']>[0];

export interface Tokens {
  find(hash: string): Token | undefined;
  list(tenant: number | undefined): Token[];
  create(token: NewToken): Token;
  revoke(id: string, at: string): Token | undefined;
  /** Since when its writes are paused; null: they are not. */
  pause(id: string, since: string | null): Token | undefined;
  /** Those whose revocation has yet to come. */
  ending(): readonly { readonly id: string; readonly revoked: string }[];
  /** Notes that the time has come. */
  end(id: string): void;
  /** Notes that the token was used now. */
  use(id: string): void;
  /** Those whose first use nobody was told of. */
  untold(): readonly Token[];
  /** Notes that it was told. */
  tell(id: string): void;
}

/** Milliseconds by which the clocks of two processes may seem to differ. */
const leeway = 30_000;

function toToken(row: Row, now: Date): Token {
  // A clock that was right when the revocation was asked for has been set back: nobody knows how late it is.
  const isBack = row.ordered !== null && now.getTime() < Date.parse(row.ordered) - leeway;
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
    ...(row.ended === 1 || isBack ? { ended: true } : {}),
    lastUsed: row.last_used ?? undefined,
    subject: row.subject ?? undefined,
    ...(row.paused === null ? {} : { paused: row.paused }),
  };
}

export function tokenTable(db: Database, clock: () => Date, newId: () => string): Tokens {
  const byHash = db.prepare<[Buffer], Row>(tokenSql.find);
  const byId = db.prepare<[string], Row>(tokenSql.get);
  const all = db.prepare<[], Row>(tokenSql.list);
  const ofTenant = db.prepare<[number], Row>(tokenSql.listOfTenant);
  const insert = db.prepare(tokenSql.insert);
  const revoke = db.prepare(tokenSql.revoke);
  const pause = db.prepare(tokenSql.pause);
  const ending = db.prepare<[], { id: string; revoked: string }>(tokenSql.ending);
  const end = db.prepare(tokenSql.end);
  const use = db.prepare(tokenSql.use);
  const untold = db.prepare<[], Row>(tokenSql.untold);
  const tell = db.prepare(tokenSql.tell);
  const withId = (id: string): Token | undefined => {
    const row = byId.get(id);
    return row === undefined ? undefined : toToken(row, clock());
  };
  return {
    find(hash) {
      const row = byHash.get(Buffer.from(hash, 'hex'));
      return row === undefined ? undefined : toToken(row, clock());
    },
    list: (tenant) =>
      (tenant === undefined ? all.all() : ofTenant.all(tenant)).map((row) => toToken(row, clock())),
    create({ hash, name, tenant, idp, scope, expires, subject }) {
      const id = newId();
      const created = clock().toISOString();
      insert.run(
        id,
        Buffer.from(hash, 'hex'),
        name,
        tenant,
        idp,
        scope,
        created,
        expires ?? null,
        subject ?? null,
      );
      return withId(id) as Token;
    },
    revoke(id, at) {
      const now = clock().toISOString();
      revoke.run(at, now, at <= now ? 1 : 0, id);
      return withId(id);
    },
    pause(id, since) {
      pause.run(since, id);
      return withId(id);
    },
    ending: () => ending.all(),
    end(id) {
      end.run(id);
    },
    use(id) {
      use.run(clock().toISOString(), id);
    },
    untold: () => untold.all().map((row) => toToken(row, clock())),
    tell(id) {
      tell.run(id);
    },
  };
}
