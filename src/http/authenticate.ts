import type { Principal } from '../directory/caller.ts';
import { hashSecret } from '../directory/secret.ts';
import { ScimError } from '../error.ts';
import { type Tolerated, toleratedFor } from '../scim/tolerances.ts';
import type { Actor } from '../store/change.ts';
import type { Awaitable, Store, Token } from '../store/store.ts';
import { basicChallenge, basicCredentials } from './basic.ts';
import type { FailedAttempts } from './failed-attempts.ts';
import type { HttpRequest, QueryParameters } from './message.ts';
import type { Visit } from './mounts.ts';
import { networkOf, type TrustedProxies } from './trusted-proxies.ts';

const realm = 'Bearer realm="scimd"';

/** Authorization fields that are kept. */
const mostKept = 1000;

/** What was read of an Authorization field whose token is taken. */
interface Kept {
  readonly text: string;
  readonly hash: string;
  readonly token: Token;
  readonly principal: Principal;
}

/** 401 for a token that is not taken. `token`: the one of the store that it was, which has ended; the client is not told. */
export class WrongToken extends ScimError {
  readonly token: Token | undefined;

  constructor(detail: string, headers: readonly (readonly [string, string])[], token: Token | undefined) {
    super(401, undefined, detail, { headers });
    this.token = token;
  }
}

export interface Authenticated {
  readonly principal: Principal;
  readonly tolerated: Tolerated;
  /** The token is one of the store itself, and no access token that was given for it. */
  readonly isStatic?: boolean;
}

/** Why a token is not taken; is told to the client. */
export interface Refused {
  readonly refused: string;
}

/** Verifies tokens of another kind than those of the store; undefined for what is not of its kind. */
export type Verify = (text: string, now: Date) => Promise<Authenticated | Refused | undefined>;

/**
 * Who sends the request. Throws 401 with a challenge (RFC 6750 §3); which of unknown, expired and revoked it was is
 * not told.
 */
export type Authenticate = (
  request: HttpRequest,
  query: QueryParameters,
  now: Date,
) => Awaitable<Authenticated>;

/** Authenticates a visit: from then on the log knows who it is, and requests with the token are counted. */
export type SignIn = (visit: Visit, query: QueryParameters) => Awaitable<Authenticated>;

export interface AuthenticateOptions {
  readonly store: Pick<Store, 'findToken'>;
  /** Are tokens taken as the password of HTTP Basic too? */
  readonly basic: boolean;
  /** Asked in turn when the store does not know the token. */
  readonly others: readonly Verify[];
  readonly failures: FailedAttempts;
  readonly proxies: TrustedProxies;
  /** Told of a token that is not taken any more. */
  readonly onDeadToken: DeadTokenListener | undefined;
}

export type DeadTokenListener = (token: Token, reason: 'expired' | 'revoked') => void;

/** Why the token, which is not live, is not taken. */
export function whyDead({ expires }: Token, now: Date): 'expired' | 'revoked' {
  return expires !== undefined && Date.parse(expires) <= now.getTime() ? 'expired' : 'revoked';
}

export function authenticator(options: AuthenticateOptions): Authenticate {
  const { store, basic, others, failures, proxies, onDeadToken } = options;

  const unauthorized = (detail: string, error?: string, token?: Token): ScimError => {
    const bearer = error === undefined ? realm : `${realm}, error="${error}", error_description="${detail}"`;
    const challenges = basic ? [bearer, basicChallenge] : [bearer];
    return new WrongToken(
      detail,
      challenges.map((challenge) => ['WWW-Authenticate', challenge] as const),
      token,
    );
  };

  /** The token in the Authorization header (RFC 6750 §2.1); one in the query is not looked at. */
  const tokenIn = (authorization: string, kept: string | undefined, query: QueryParameters): string => {
    const text =
      kept ??
      /^Bearer +([A-Za-z0-9\-._~+/]+=*) *$/i.exec(authorization)?.[1] ??
      (basic ? basicCredentials(authorization)?.password : undefined);
    if (text === undefined) throw unauthorized('The Authorization header must be: Bearer <token>');
    if (query.has('access_token')) {
      throw new ScimError(400, undefined, 'Send the token in the Authorization header only', {
        headers: [['WWW-Authenticate', `${realm}, error="invalid_request"`]],
      });
    }
    return text;
  };

  const ask = async (text: string, now: Date): Promise<Authenticated | Refused> => {
    for (const verify of others) {
      const answer = await verify(text, now);
      if (answer !== undefined) return answer;
    }
    return { refused: 'it is unknown, expired or revoked' };
  };

  /** Of a token that the store does not know, or that is over. */
  const unknown = async (
    request: HttpRequest,
    text: string,
    now: Date,
    token: Token | undefined,
  ): Promise<Authenticated> => {
    if (token !== undefined) onDeadToken?.(token, whyDead(token, now));
    const answer = await ask(text, now);
    if (!('refused' in answer)) return answer;
    await failures.note(networkOf(proxies.clientOf(request)));
    throw unauthorized(`The token is not valid: ${answer.refused}`, 'invalid_token', token);
  };

  // Those in use: the workload `get` of npm run bench shows what it saves to read and hash each but once.
  const inUse = new Map<string, Kept>();

  return (request, query, now) => {
    const authorization = request.header('authorization');
    if (authorization === undefined)
      throw unauthorized('A bearer token is needed: Authorization: Bearer <token>');
    const kept = inUse.get(authorization);
    const text = tokenIn(authorization, kept?.text, query);
    // Tokens are found by their SHA-256, so no text is compared with a secret.
    const hash = kept?.hash ?? hashSecret(text);
    const known = (token: Token | undefined) => {
      if (token === undefined || !isLive(token, now)) return unknown(request, text, now, token);
      const isSame = kept?.token === token;
      const principal = isSame ? kept.principal : principalOf(token);
      if (!isSame) {
        if (kept === undefined && inUse.size >= mostKept) inUse.clear();
        inUse.set(authorization, { text, hash, token, principal });
      }
      return { isStatic: true, principal, tolerated: toleratedFor(token.idp) };
    };
    const found = store.findToken(hash);
    return found instanceof Promise ? found.then(known) : known(found);
  };
}

/** Whoever holds a token of the store. */
export function authenticatedBy(token: Token): Authenticated {
  return { principal: principalOf(token), tolerated: toleratedFor(token.idp) };
}

function principalOf(token: Token): Principal {
  return {
    tenant: token.tenant,
    tenantName: token.tenantName,
    scope: token.scope,
    actor: actorOf(token),
    idp: token.idp,
    subject: token.subject,
    ...(token.paused === undefined ? {} : { paused: token.paused }),
  };
}

/** The store gives the same object again for the same token. */
const actors = new WeakMap<Token, Actor>();

function actorOf(token: Token): Actor {
  let actor = actors.get(token);
  if (actor === undefined) {
    const { id, name, idp } = token;
    actor = { kind: 'token', id, name, idp };
    actors.set(token, actor);
  }
  return actor;
}

/** When tokens end, in milliseconds since 1970: the store gives the same object again for the same token. */
const ends = new WeakMap<Token, number>();

function endOf(token: Token): number {
  if (token.ended) return Number.NEGATIVE_INFINITY;
  const timeOf = (at: string | undefined): number =>
    at === undefined ? Number.POSITIVE_INFINITY : Date.parse(at);
  return Math.min(timeOf(token.expires), timeOf(token.revoked));
}

export function isLive(token: Token, now: Date): boolean {
  let end = ends.get(token);
  if (end === undefined) {
    end = endOf(token);
    ends.set(token, end);
  }
  return end > now.getTime();
}

/** 403 unless the token may do it (RFC 6750 §3.1). */
export function insufficientScope(detail: string, scope: string): ScimError {
  return new ScimError(403, undefined, detail, {
    headers: [['WWW-Authenticate', `${realm}, error="insufficient_scope", scope="${scope}"`]],
  });
}

/** 401 for a token of the store where only access tokens are taken (IPSIE: OAuth, with tokens that end soon). */
export function requireAccessToken({ isStatic }: Authenticated): void {
  if (isStatic !== true) return;
  const detail = 'The profile ipsie takes access tokens only: get one at the token endpoint';
  throw new ScimError(401, undefined, detail, {
    headers: [['WWW-Authenticate', `${realm}, error="invalid_token", error_description="${detail}"`]],
  });
}

/** 403 for a token that may read nothing of people. */
export function requireRead({ scope }: Principal): void {
  if (scope === 'metrics') throw insufficientScope('This token may only read metrics', 'read');
  if (scope === 'events')
    throw insufficientScope('This token may only read events, under /events of this server', 'read');
}
