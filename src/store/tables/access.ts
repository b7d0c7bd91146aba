/** Tokens and tenants in scimd's own tables beside those of the embedder. */
import type { Actor } from '../change.ts';
import { restoredNotice } from '../restored.ts';
import { beginningAt, tenantSql } from '../sql/tenant.ts';
import type { NewNotice, Scope, Tenant, Token } from '../store.ts';
import { StoreError } from '../store-error.ts';
import { isConnection, tokenNotice } from '../token-notice.ts';
import { one, type SqlRow, type Steps, statement } from './database.ts';

const select = `SELECT k.id, k.name, k.tenant, t.name AS tenant_name, k.idp, k.scope, k.created, k.expires, k.revoked,
  k.ordered, k.ended, k.last_used, k.subject, coalesce(k.paused, t.paused) AS paused FROM scimd_token k JOIN scimd_tenant t ON t.number = k.tenant`;

/** Milliseconds by which the clocks of two processes may seem to differ. */
const leeway = 30_000;

function text(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

function toToken(row: SqlRow, now: Date): Token {
  const revoked = text(row.revoked);
  const ordered = text(row.ordered);
  // A clock that was right when the revocation was asked for has been set back: nobody knows how late it is.
  const isBack = ordered !== undefined && now.getTime() < Date.parse(ordered) - leeway;
  const hasEnded =
    Number(row.ended) === 1 || isBack || (revoked !== undefined && Date.parse(revoked) <= now.getTime());
  return {
    id: String(row.id),
    name: String(row.name),
    tenant: Number(row.tenant),
    tenantName: String(row.tenant_name),
    idp: String(row.idp),
    scope: String(row.scope) as Scope,
    created: String(row.created),
    expires: text(row.expires),
    revoked,
    ...(hasEnded ? { ended: true } : {}),
    lastUsed: text(row.last_used),
    subject: text(row.subject),
    ...(text(row.paused) === undefined ? {} : { paused: String(row.paused) }),
  };
}

export function* findToken(hash: string, now: Date): Steps<Token | undefined> {
  const row = yield* one(`${select} WHERE k.hash = ?`, hash);
  if (row === undefined) return undefined;
  const token = toToken(row, now);
  // Once its time has come it stays revoked, whatever a clock says later.
  if (token.ended === true && Number(row.ended) === 0)
    yield statement('UPDATE scimd_token SET ended = 1 WHERE id = ?', token.id);
  return token;
}

export function* noteUse(id: string, now: Date): Steps<void> {
  yield statement('UPDATE scimd_token SET last_used = ? WHERE id = ?', now.toISOString(), id);
}

function* tokenOf(id: string, now: Date): Steps<Token | undefined> {
  const row = yield* one(`${select} WHERE k.id = ?`, id);
  return row === undefined ? undefined : toToken(row, now);
}

export function* createToken(
  {
    hash,
    name,
    tenant,
    idp,
    scope,
    expires,
    subject,
  }: {
    readonly hash: string;
    readonly name: string;
    readonly tenant: number;
    readonly idp: string;
    readonly scope: Scope;
    readonly expires?: string;
    readonly subject?: string;
  },
  id: string,
  now: Date,
): Steps<Token> {
  yield statement(
    'INSERT INTO scimd_token (id, hash, name, tenant, idp, scope, created, expires, subject) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)',
    ...[id, hash, name, tenant, idp, scope, now.toISOString(), expires ?? null, subject ?? null],
  );
  return (yield* tokenOf(id, now)) as Token;
}

export function* listTokens(tenant: number | undefined, now: Date): Steps<readonly Token[]> {
  const rows = yield tenant === undefined
    ? statement(`${select} ORDER BY k.created, k.id`)
    : statement(`${select} WHERE k.tenant = ? ORDER BY k.created, k.id`, tenant);
  return rows.map((row) => toToken(row, now));
}

export function* revokeToken(id: string, at: string, now: Date): Steps<Token | undefined> {
  const ordered = now.toISOString();
  yield statement(
    'UPDATE scimd_token SET revoked = ?, ordered = ?, ended = CASE WHEN ? = 1 THEN 1 ELSE ended END WHERE id = ?',
    ...[at, ordered, at <= ordered ? 1 : 0, id],
  );
  return yield* tokenOf(id, now);
}

/** Pauses what a token writes, or resumes it. */
export function* pauseToken(id: string, since: string | undefined, now: Date): Steps<Token | undefined> {
  yield statement('UPDATE scimd_token SET paused = ? WHERE id = ?', since ?? null, id);
  return yield* tokenOf(id, now);
}

export function* pauseTenant(number: number, since: string | undefined): Steps<void> {
  yield statement('UPDATE scimd_tenant SET paused = ? WHERE number = ?', since ?? null, number);
}

function toTenant(row: SqlRow): Tenant {
  return {
    number: Number(row.number),
    name: String(row.name),
    created: String(row.created),
    ...(text(row.paused) === undefined ? {} : { paused: String(row.paused) }),
  };
}

export function* listTenants(): Steps<readonly Tenant[]> {
  return (yield statement(
    'SELECT number, name, created, paused FROM scimd_tenant WHERE was IS NULL ORDER BY number',
  )).map(toTenant);
}

/** @throws StoreError `tenant-exists`. */
export function* createTenant(name: string, now: Date): Steps<Tenant> {
  const rows = yield statement(
    `INSERT INTO scimd_tenant (name, created) SELECT CAST(? AS TEXT), CAST(? AS TEXT)
     WHERE NOT EXISTS (SELECT 1 FROM scimd_tenant WHERE name = ?) RETURNING number, name, created`,
    ...[name, now.toISOString(), name],
  );
  const [row] = rows;
  if (row === undefined)
    throw new StoreError('tenant-exists', `there is a tenant ${name} already`, 'Give another name.');
  yield statement(
    tenantSql.begin.replaceAll('change_counter', 'scimd_change_counter'),
    ...[Number(row.number), ...beginningAt(now)],
  );
  return toTenant(row);
}

/** Answers of how many tenants. */
export function* noteRestored(
  actor: Actor,
  now: Date,
  note: (notices: readonly NewNotice[]) => Steps<number>,
): Steps<number> {
  return yield* note((yield* listTenants()).map(({ number }) => restoredNotice(number, now, actor)));
}

/** Of one that is deleted the name that it had. */
export function* tenantOf(number: number): Steps<Tenant | undefined> {
  const row = yield* one(
    'SELECT number, coalesce(was, name) AS name, created, paused FROM scimd_tenant WHERE number = ?',
    number,
  );
  return row === undefined ? undefined : toTenant(row);
}

/** What is told of a tenant's deletion. */
export function tenantDeleted(
  tenant: number,
  name: string,
  counts: Readonly<Record<string, number>>,
  actor: Actor | undefined,
): NewNotice {
  return {
    ...{ tenant, event: 'tenant.deleted', subject: { type: 'Tenant', id: name } },
    ...(actor === undefined ? {} : { actor }),
    data: { priority: 'leaver', data: null, counts },
  };
}

/**
 * Endpoints, tokens and the end of the record go over to a tenant that nobody sees, where they are told of the deletion.
 * Nothing where there is nobody to be told.
 */
export function* succeedTenant(
  { number, name }: Tenant,
  counts: Readonly<Record<string, number>>,
  actor: Actor | undefined,
  now: Date,
  note: (notices: readonly NewNotice[]) => Steps<unknown>,
): Steps<void> {
  const listens = yield* one(
    `SELECT 1 AS found FROM scimd_tenant t WHERE t.number = ? AND (EXISTS (SELECT 1 FROM scimd_endpoint WHERE tenant = t.number)
     OR EXISTS (SELECT 1 FROM scimd_token WHERE tenant = t.number AND scope = 'events' AND revoked IS NULL))`,
    number,
  );
  if (listens === undefined) return;
  const made = yield* one(
    `INSERT INTO scimd_tenant (name, created, was, deleted)
     SELECT CAST(? AS TEXT), created, name, CAST(? AS TEXT) FROM scimd_tenant WHERE number = ? RETURNING number`,
    ...[`\n${number}`, now.toISOString(), number],
  );
  const successor = Number(made?.number);
  yield statement(
    'DELETE FROM scimd_delivery WHERE endpoint IN (SELECT id FROM scimd_endpoint WHERE tenant = ?)',
    number,
  );
  yield statement(
    'INSERT INTO scimd_change_counter (tenant, sequence, link) SELECT CAST(? AS BIGINT), sequence, link FROM scimd_change_counter WHERE tenant = ?',
    ...[successor, number],
  );
  yield statement('UPDATE scimd_endpoint SET tenant = ? WHERE tenant = ?', successor, number);
  yield statement('UPDATE scimd_consumer SET tenant = ? WHERE tenant = ?', successor, number);
  yield statement(
    "UPDATE scimd_token SET tenant = ? WHERE tenant = ? AND scope = 'events'",
    successor,
    number,
  );
  yield* note([tenantDeleted(successor, name, counts, actor)]);
}

export function* removeTenant(number: number): Steps<void> {
  for (const of of [
    'scimd_change',
    'scimd_change_counter',
    'scimd_token',
    'scimd_consumer',
    'scimd_endpoint',
    'scimd_access_grant',
    'scimd_access_lock',
    'scimd_guard',
    'scimd_guard_count',
  ])
    yield statement(`DELETE FROM ${of} WHERE tenant = ?`, number);
  yield statement('DELETE FROM scimd_tenant WHERE number = ?', number);
}

/** What was left of tenants that were deleted before; answers how many. */
export function* forgetTenants(before: Date): Steps<number> {
  const rows = yield statement('SELECT number FROM scimd_tenant WHERE deleted < ?', before.toISOString());
  for (const { number } of rows) yield* removeTenant(Number(number));
  return rows.length;
}

const untold = `${select} WHERE k.first_told = 0 AND k.last_used IS NOT NULL ORDER BY k.last_used, k.id`;

export function* hasFirstUses(): Steps<boolean> {
  return (yield* one(untold)) !== undefined;
}

/** Records that tokens were used for the first time; answers how many were looked at. */
export function* noteFirstUses(
  now: Date,
  note: (notices: readonly NewNotice[]) => Steps<number>,
): Steps<number> {
  const tokens = (yield statement(untold)).map((row) => toToken(row, now));
  for (const token of tokens) {
    if (isConnection(token))
      yield* note([tokenNotice('connection.first_request', token, { lastRequest: token.lastUsed })]);
    yield statement('UPDATE scimd_token SET first_told = 1 WHERE id = ?', token.id);
  }
  return tokens.length;
}
