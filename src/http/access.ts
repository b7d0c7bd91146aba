/** Builds authentication from the options: the ways to authenticate, and the endpoint that gives access tokens. */
import { setTimeout as wait } from 'node:timers/promises';
import { AccessTokens, accessTokenVerifier } from './access-token.ts';
import { type Authenticate, authenticator, type Verify } from './authenticate.ts';
import type { BaseUrl } from './base-url.ts';
import { ClientAssertions } from './client-assertion.ts';
import { embedderFirst } from './embedder-authentication.ts';
import { FailedAttempts } from './failed-attempts.ts';
import { jwtVerifier } from './jwt.ts';
import type { Mount } from './mounts.ts';
import { tokenEndpointMetadata } from './oauth-metadata.ts';
import { tokenEndpoint } from './oauth-token.ts';
import type { HttpOptions, Limits } from './options.ts';
import type { TrustedProxies } from './trusted-proxies.ts';

interface Tools {
  readonly limits: Limits;
  readonly clock: () => Date;
  readonly proxies: TrustedProxies;
  /** The store's own secret. */
  readonly secretKey: Uint8Array;
  readonly baseOf: BaseUrl;
}

export interface Access {
  readonly authenticate: Authenticate;
  /** The token endpoint with its metadata, if there is one. */
  readonly tokenMounts: readonly Mount[];
}

export async function accessWith(
  {
    store,
    basePath,
    basicAuth = false,
    jwt,
    tokenEndpoint: asked,
    log,
    onWrongToken,
    onDeadToken,
    authenticate: embedder,
  }: HttpOptions,
  { limits, clock, proxies, secretKey, baseOf }: Tools,
): Promise<Access> {
  const failures = new FailedAttempts({
    ...{ free: limits.failedAttempts, clock, wait },
    failed: onWrongToken,
    // Who guesses is what the operator has to know: the address is in the log whatever else of people is not.
    delayed: (client) =>
      log?.warn({ client }, 'many wrong tokens from this address: its answers are delayed'),
  });
  const others: Verify[] = [];
  const tokenMounts: Mount[] = [];
  const isProfiled = store.registry.profile !== undefined;
  const endpoint = asked ?? (isProfiled ? { seconds: 3600 } : undefined);
  if (endpoint !== undefined) {
    const tokens = new AccessTokens(secretKey);
    others.push(accessTokenVerifier(store, tokens));
    const { seconds } = endpoint;
    const path = `${basePath}/oauth/token`;
    const assertions = new ClientAssertions(store.clients, log);
    tokenMounts.push(
      tokenEndpoint(path, {
        ...{ store, tokens, seconds, failures, proxies, onDeadToken, assertions, baseOf },
        onlyAssertions: isProfiled,
      }),
      tokenEndpointMetadata(path, baseOf, isProfiled),
    );
  }
  if (jwt !== undefined) others.push(await jwtVerifier(jwt, store, clock, log));
  const byToken = authenticator({ store, basic: basicAuth, others, failures, proxies, onDeadToken });
  const authenticate = embedder === undefined ? byToken : embedderFirst(embedder, store, byToken);
  return { authenticate, tokenMounts };
}
