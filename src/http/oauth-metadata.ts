/** What the token endpoint is like, for clients that find it by themselves (RFC 8414). */
import type { BaseUrl } from './base-url.ts';
import { assertionAlgorithms } from './client-assertion.ts';
import { anybody, type Mount, mount } from './mounts.ts';

const path = '/.well-known/oauth-authorization-server';

/** `path` is that of the token endpoint. */
export function tokenEndpointMetadata(tokenPath: string, baseOf: BaseUrl, onlyAssertions: boolean): Mount {
  return mount({
    path,
    route: path,
    methods: ['GET', 'HEAD'],
    headers: ['Cache-Control', 'public, max-age=300', 'X-Content-Type-Options', 'nosniff'],
    recorded: true,
    exchanges: 'with bodies',
    authenticate: anybody,
    answer({ request }) {
      const { origin } = new URL(baseOf(request));
      const methods = [
        'private_key_jwt',
        ...(onlyAssertions ? [] : ['client_secret_basic', 'client_secret_post']),
      ];
      const body = JSON.stringify({
        issuer: origin,
        token_endpoint: `${origin}${tokenPath}`,
        token_endpoint_auth_methods_supported: methods,
        token_endpoint_auth_signing_alg_values_supported: assertionAlgorithms,
        grant_types_supported: ['client_credentials'],
        // There is no authorization endpoint (RFC 8414 §2).
        response_types_supported: [],
        scopes_supported: ['scim', 'read', 'events', 'metrics', ...(onlyAssertions ? [] : ['admin'])],
      });
      return { status: 200, headers: ['Content-Type', 'application/json'], body };
    },
  });
}
