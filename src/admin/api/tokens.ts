/** Tokens over the admin API. */
import * as v from 'valibot';
import { Tokens } from '../../directory/tokens.ts';
import { ScimError } from '../../error.ts';
import { idps } from '../../scim/tolerances.ts';
import type { Token } from '../../store/store.ts';
import { type Asked, endpoint, noteAction, tenantFor, tenantQuery, wholeNumber } from './endpoint.ts';
import { exchangeRow, rowOf } from './exchanges.ts';

export const day = 86_400_000;
const nameRule = 'must be at most 64 letters, digits, spaces and . _ @ + -, beginning with a letter or digit';
export const labelName = v.pipe(
  v.string(nameRule),
  v.regex(/^[\p{L}\p{N}][\p{L}\p{N} ._@+-]{0,63}$/u, nameRule),
);

const scopes = ['scim', 'read', 'admin', 'metrics', 'events'] as const;
const tokenState = v.picklist(['active', 'retiring', 'revoked', 'expired']);

const tokenShape = v.object({
  id: v.string(),
  name: v.string(),
  tenant: v.string(),
  idp: v.string(),
  scope: v.picklist(scopes),
  state: tokenState,
  created: v.string(),
  expires: v.optional(v.string()),
  revoked: v.optional(v.string()),
  lastUsed: v.optional(v.string()),
  /** Since when its writes are answered 503. */
  paused: v.optional(v.string()),
});
export type TokenShown = v.InferOutput<typeof tokenShape>;

export function stateOf({ revoked, expires, ended }: Token, now: Date): TokenShown['state'] {
  if (ended || (revoked !== undefined && new Date(revoked) <= now)) return 'revoked';
  if (expires !== undefined && new Date(expires) <= now) return 'expired';
  return revoked === undefined ? 'active' : 'retiring';
}

export function tokenShown(token: Token, now: Date): TokenShown {
  const { id, tenantName, idp, scope, created, expires, revoked, lastUsed, paused } = token;
  return {
    ...{ id, name: token.name, tenant: tenantName, idp, scope, state: stateOf(token, now), created },
    ...(expires === undefined ? {} : { expires }),
    ...(revoked === undefined ? {} : { revoked }),
    ...(lastUsed === undefined ? {} : { lastUsed }),
    ...(paused === undefined ? {} : { paused }),
  };
}

/** A token of theirs. @throws ScimError 404. */
export async function tokenOf({
  parts,
  session,
  path,
}: Pick<Asked<unknown, unknown>, 'parts' | 'session' | 'path'>): Promise<Token> {
  const found = (await parts.store.listTokens(session.tenant)).find(({ id }) => id === path.id);
  if (found === undefined) throw new ScimError(404, undefined, 'There is no such token');
  return found;
}

const issued = v.object({ token: tokenShape, secret: v.string(), base: v.string() });

const tokenBody = v.object({
  name: labelName,
  idp: v.optional(v.picklist(idps, 'must be a provider'), 'generic'),
  scope: v.optional(v.picklist(scopes, 'must be a scope'), 'scim'),
  days: v.optional(wholeNumber(1, 3650), 365),
});

async function createToken(
  asked: Asked<{ readonly tenant?: string | undefined }, v.InferOutput<typeof tokenBody>>,
) {
  const { parts, body } = asked;
  const tenant = await tenantFor(asked, asked.query.tenant);
  const now = parts.clock();
  const same = (await parts.store.listTokens(tenant.number)).find(
    (each) => each.name === body.name && stateOf(each, now) === 'active',
  );
  if (same !== undefined)
    throw new ScimError(
      409,
      'uniqueness',
      `There is a token named ${body.name} already; choose another name, or rotate it`,
    );
  const expires = new Date(now.getTime() + body.days * day);
  const { token, secret } = await new Tokens(parts.store, parts.clock).create({
    ...{ name: body.name, tenant: tenant.number, idp: body.idp, scope: body.scope, expires },
  });
  await noteAction(asked, 'token.create', { tenant: tenant.number, subject: token.id, detail: token.name });
  return { token: tokenShown(token, now), secret, base: asked.base };
}

/** Holds back what a provider writes, or lets it go on; reads are answered all the while. */
function setPaused(isPaused: boolean) {
  return endpoint({
    method: 'POST',
    path: `/tokens/{id}/${isPaused ? 'pause' : 'resume'}`,
    summary: isPaused ? 'Answer what a token writes with 503 for now' : 'Let a paused token write again',
    needs: 'admin',
    body: v.object({}),
    answer: v.object({ token: tokenShape }),
    async handle(asked) {
      const { store, clock } = asked.parts;
      const token = await tokenOf(asked);
      const state = stateOf(token, clock());
      if (isPaused && state !== 'active' && state !== 'retiring')
        throw new ScimError(409, undefined, `The token is ${state} already`);
      await store.pauseToken(token.id, isPaused ? clock().toISOString() : undefined);
      await noteAction(asked, isPaused ? 'token.pause' : 'token.resume', {
        tenant: token.tenant,
        subject: token.id,
        detail: token.name,
      });
      return { token: tokenShown(await tokenOf(asked), clock()) };
    },
  });
}

export const tokenEndpoints = [
  endpoint({
    method: 'GET',
    path: '/tokens',
    summary: 'Tokens, without their secrets',
    needs: 'read',
    query: v.object(tenantQuery),
    answer: v.object({ tokens: v.array(tokenShape) }),
    async handle(asked) {
      const tenant = await tenantFor(asked, asked.query.tenant);
      const now = asked.parts.clock();
      const tokens = await asked.parts.store.listTokens(tenant.number);
      return { tokens: tokens.map((token) => tokenShown(token, now)) };
    },
  }),
  endpoint({
    method: 'POST',
    path: '/tokens',
    summary: 'Create a token; its secret is told only now',
    needs: 'admin',
    query: v.object(tenantQuery),
    body: tokenBody,
    answer: issued,
    handle: createToken,
  }),
  endpoint({
    method: 'GET',
    path: '/tokens/{id}/first',
    summary: 'The first requests that came with a token: what a set-up waits for',
    needs: 'read',
    answer: v.object({ exchanges: v.array(exchangeRow) }),
    async handle(asked) {
      const token = await tokenOf(asked);
      const log = asked.parts.options.exchangeLog;
      const page = await log?.find({ token: token.id, tenant: token.tenant, limit: 20 });
      const explained = await asked.parts.words.explain(page?.exchanges ?? []);
      return { exchanges: explained.map(rowOf) };
    },
  }),
  endpoint({
    method: 'POST',
    path: '/tokens/{id}/rotate',
    summary: 'A new token for the same use; the old one works for a day more',
    needs: 'admin',
    body: v.object({ hours: v.optional(wholeNumber(0, 720), 24) }),
    answer: issued,
    async handle(asked) {
      const { parts, body } = asked;
      const old = await tokenOf(asked);
      const now = parts.clock();
      if (stateOf(old, now) !== 'active')
        throw new ScimError(409, undefined, `The token is ${stateOf(old, now)} already`);
      const until = new Date(now.getTime() + body.hours * 3_600_000);
      const { token, secret } = await new Tokens(parts.store, parts.clock).rotate(old, until);
      await noteAction(asked, 'token.rotate', {
        tenant: token.tenant,
        subject: old.id,
        detail: `${token.name}: ${token.id} follows`,
      });
      return { token: tokenShown(token, now), secret, base: asked.base };
    },
  }),
  endpoint({
    method: 'POST',
    path: '/tokens/{id}/revoke',
    summary: 'Revoke a token now',
    needs: 'admin',
    body: v.object({}),
    answer: v.object({ token: tokenShape }),
    async handle(asked) {
      const { parts } = asked;
      const token = await tokenOf(asked);
      const revoked = (await new Tokens(parts.store, parts.clock).revoke(token.id)) ?? token;
      await noteAction(asked, 'token.revoke', {
        tenant: token.tenant,
        subject: token.id,
        detail: token.name,
      });
      return { token: tokenShown(revoked, parts.clock()) };
    },
  }),
  setPaused(true),
  setPaused(false),
] as const;
