/** OAuth access tokens that another server issued, as JWTs (RFC 7519, RFC 9068, RFC 8725). */
import type { JWTPayload } from 'jose';
import { ScimError } from '../error.ts';
import { toleratedFor } from '../scim/tolerances.ts';
import type { Actor } from '../store/change.ts';
import type { Scope, Store, Tenant } from '../store/store.ts';
import { insufficientScope, type Verify } from './authenticate.ts';
import { KeySet, KeysUnavailable, keysAt, readJwksFile } from './key-set.ts';
import type { JwtAlgorithm, JwtOptions, Log } from './options.ts';

/** Clocks differ by so much, in seconds (RFC 7519 §4.1.4: a small leeway). */
const leeway = 30;

const defaultAlgorithms: readonly JwtAlgorithm[] = ['RS256', 'PS256', 'ES256', 'EdDSA'];

export async function jwtVerifier(
  options: JwtOptions,
  store: Pick<Store, 'tenants'>,
  clock: () => Date,
  log: Log | undefined,
): Promise<Verify> {
  // Not at the top: only servers that take JWTs pay for loading it.
  const { createLocalJWKSet, errors, jwtVerify } = await import('jose');
  const { issuer, audience, jwksUri, jwksFile, algorithms = defaultAlgorithms } = options;
  const source = jwksUri === undefined ? () => readJwksFile(jwksFile ?? '') : keysAt(jwksUri);
  // A file that is wrong now is nobody's outage: said at once, not with each token.
  if (jwksUri === undefined) await source();
  const keys = new KeySet(source, createLocalJWKSet, clock, log);
  const reason = (error: unknown): string | undefined => {
    if (error instanceof errors.JWTExpired) return 'it has expired';
    if (error instanceof errors.JWTClaimValidationFailed)
      return `its claim ${error.claim} is not as expected`;
    if (error instanceof errors.JOSEAlgNotAllowed) return 'its algorithm is not allowed';
    if (error instanceof errors.JWKSNoMatchingKey) return 'the issuer has no such key';
    if (error instanceof errors.JWKSMultipleMatchingKeys)
      return 'several keys of the issuer fit, and it names none (kid)';
    if (error instanceof errors.JOSEError) return 'its signature cannot be verified';
    return undefined;
  };

  return async (text, currentDate) => {
    if (!/^eyJ[\w-]*\.[\w-]+\.[\w-]*$/.test(text)) return undefined;
    let payload: JWTPayload;
    try {
      ({ payload } = await jwtVerify(text, keys.keyFor, {
        issuer,
        audience: [...audience],
        algorithms: [...algorithms],
        clockTolerance: leeway,
        requiredClaims: ['exp'],
        currentDate,
      }));
    } catch (error) {
      if (error instanceof KeysUnavailable)
        throw new ScimError(503, undefined, 'The token issuer’s signing keys are currently unavailable', {
          cause: error,
          headers: [['Retry-After', '5']],
        });
      const refused = reason(error);
      if (refused === undefined) throw error;
      return { refused };
    }
    // Bound to a key or certificate (RFC 7800), which nobody has proved here to have (RFC 8705 §3, RFC 9449 §7).
    if (payload.cnf !== undefined) return { refused: 'it is a key-bound token, not a bearer token' };
    const idp = idpOf(payload, options);
    const { number: tenant, name: tenantName, paused } = await tenantOf(payload, options, store);
    return {
      principal: {
        tenant,
        tenantName,
        scope: scopeOf(payload, options),
        actor: actorOf(payload, idp),
        idp,
        subject: options.subjectClaim === undefined ? undefined : textOf(payload[options.subjectClaim]),
        ...(paused === undefined ? {} : { paused }),
      },
      tolerated: toleratedFor(idp),
    };
  };
}

/** Who holds the token, for the log and for the record of changes; some tokens name nobody. */
function actorOf(payload: JWTPayload, idp: string): Actor {
  const id = textOf(payload.sub) ?? textOf(payload.client_id) ?? textOf(payload.azp);
  return { kind: 'jwt', ...(id === undefined ? {} : { id }), idp };
}

function textOf(claim: unknown): string | undefined {
  return typeof claim === 'string' && claim !== '' ? claim.slice(0, 255) : undefined;
}

async function tenantOf(
  payload: JWTPayload,
  { tenantClaim, tenant = 'default' }: JwtOptions,
  store: Pick<Store, 'tenants'>,
): Promise<Tenant> {
  const name = tenantClaim === undefined ? tenant : textOf(payload[tenantClaim]);
  const found = (await store.tenants()).find((each) => each.name === name);
  if (found === undefined) throw insufficientScope('The token does not name a tenant of this server', 'scim');
  return found;
}

/** The greatest of the scopes that mean something here. */
function scopeOf(payload: JWTPayload, { scopeClaim = 'scope' }: JwtOptions): Scope {
  const claim = payload[scopeClaim];
  const words: readonly unknown[] =
    typeof claim === 'string' ? claim.split(' ') : Array.isArray(claim) ? claim : [];
  const scope = (['admin', 'scim', 'read', 'metrics', 'events'] as const).find((each) =>
    words.includes(each),
  );
  if (scope === undefined)
    throw insufficientScope(
      'The token has none of the scopes read, scim, admin, metrics and events',
      'read scim admin',
    );
  return scope;
}

function idpOf(payload: JWTPayload, { idpClaim, idp = 'generic' }: JwtOptions): string {
  return (idpClaim === undefined ? undefined : textOf(payload[idpClaim])) ?? idp;
}
