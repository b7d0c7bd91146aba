import { ScimError } from '../error.ts';
import { type Tolerated, toleratedFor } from '../scim/tolerances.ts';
import type { Store, Token } from '../store/store.ts';
import type { HttpRequest, Principal, QueryParameters } from './message.ts';
import { hashSecret } from './secret.ts';

const realm = 'Bearer realm="scimd"';

function unauthorized(detail: string, error?: string): ScimError {
  const challenge = error === undefined ? realm : `${realm}, error="${error}", error_description="${detail}"`;
  return new ScimError(401, undefined, detail, { headers: [['WWW-Authenticate', challenge]] });
}

/** The token in the Authorization header (RFC 6750 §2.1); one in the query is not looked at. */
function bearerToken(request: HttpRequest, query: QueryParameters): string {
  const authorization = request.header('authorization');
  if (authorization === undefined)
    throw unauthorized('A bearer token is needed: Authorization: Bearer <token>');
  const match = /^Bearer +([A-Za-z0-9\-._~+/]+=*) *$/i.exec(authorization);
  if (match === null) throw unauthorized('The Authorization header must be: Bearer <token>');
  if (query.has('access_token')) {
    throw new ScimError(400, undefined, 'Send the token in the Authorization header only', {
      headers: [['WWW-Authenticate', `${realm}, error="invalid_request"`]],
    });
  }
  return match[1] as string;
}

export interface Authenticated {
  readonly principal: Principal;
  readonly tolerated: Tolerated;
}

/**
 * Who sends the request. Tokens are found by their SHA-256, so no text is compared with a secret. Throws 401 with
 * a challenge (RFC 6750 §3); which of unknown, expired and revoked it was is not told.
 */
export async function authenticate(
  store: Store,
  request: HttpRequest,
  query: QueryParameters,
  now: Date,
): Promise<Authenticated> {
  const text = bearerToken(request, query);
  const token = await store.findToken(hashSecret(text));
  if (token === undefined || !isLive(token, now)) {
    throw unauthorized('The token is not valid: it is unknown, expired or revoked', 'invalid_token');
  }
  return {
    principal: {
      tenant: token.tenant,
      scope: token.scope,
      actor: { token: token.id, origin: 'http' },
      subject: token.subject,
    },
    tolerated: toleratedFor(token.idp),
  };
}

function isLive(token: Token, now: Date): boolean {
  const at = now.toISOString();
  return (
    (token.expires === undefined || token.expires > at) && (token.revoked === undefined || token.revoked > at)
  );
}

/** 403 unless the token may write (RFC 6750 §3.1). */
export function requireWrite(principal: Principal): void {
  if (principal.scope === 'read') {
    throw new ScimError(403, undefined, 'This token may only read', {
      headers: [['WWW-Authenticate', `${realm}, error="insufficient_scope", scope="scim"`]],
    });
  }
}
