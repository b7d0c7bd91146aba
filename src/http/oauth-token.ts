/**
 * The token endpoint of OAuth's client credentials grant (RFC 6749 §4.4), as Entra ID can use it: the client's secret
 * is a token of the store, its id that token's id or name; the answer is an access token that lives for an hour or so.
 */

import { hashSecret } from '../directory/secret.ts';
import type { Scope, Store, Token } from '../store/store.ts';
import type { AccessTokens } from './access-token.ts';
import { type DeadTokenListener, isLive, whyDead } from './authenticate.ts';
import type { BaseUrl } from './base-url.ts';
import { basicChallenge, basicCredentials } from './basic.ts';
import { AssertionError, assertionType, type ClientAssertions } from './client-assertion.ts';
import type { FailedAttempts } from './failed-attempts.ts';
import type { HttpRequest, HttpResponse } from './message.ts';
import { type Mount, mount } from './mounts.ts';
import { networkOf, type TrustedProxies } from './trusted-proxies.ts';

const largestBody = 16 * 1024;

export interface TokenEndpointOptions {
  readonly store: Pick<Store, 'findToken'>;
  readonly tokens: AccessTokens;
  /** How long access tokens live. */
  readonly seconds: number;
  readonly failures: FailedAttempts;
  readonly proxies: TrustedProxies;
  readonly onDeadToken: DeadTokenListener | undefined;
  readonly assertions: ClientAssertions;
  /** Are client secrets refused? */
  readonly onlyAssertions: boolean;
  readonly baseOf: BaseUrl;
}

type ErrorCode = 'invalid_request' | 'invalid_client' | 'invalid_scope' | 'unsupported_grant_type';

/** An error answer of RFC 6749 §5.2. */
class OAuthError extends Error {
  override readonly name = 'OAuthError';
  readonly code: ErrorCode;

  constructor(code: ErrorCode, description: string) {
    super(description);
    this.code = code;
  }
}

/** The token endpoint, which authenticates the client by what is in the form. */
export function tokenEndpoint(path: string, options: TokenEndpointOptions): Mount {
  return mount({
    path,
    route: '/oauth/token',
    methods: ['POST'],
    // RFC 6749 §5.1
    headers: ['Cache-Control', 'no-store', 'Pragma', 'no-cache', 'X-Content-Type-Options', 'nosniff'],
    recorded: true,
    // Its bodies are secrets.
    exchanges: 'without bodies',
    authenticate: ({ request, clock }) => grant(options, request, clock()),
    answer: (_, granted) => json(200, granted),
    refuse(error) {
      if (!(error instanceof OAuthError)) return undefined;
      const body = { error: error.code, error_description: error.message };
      return error.code === 'invalid_client'
        ? json(401, body, ['WWW-Authenticate', basicChallenge])
        : json(400, body);
    },
  });
}

interface Client {
  readonly token: Token;
  /** Of the token's text. */
  readonly hash: string;
}

async function grant(options: TokenEndpointOptions, request: HttpRequest, now: Date): Promise<object> {
  const { tokens, seconds, onlyAssertions } = options;
  const form = await readForm(request);
  const asserted = form.has('client_assertion') || form.has('client_assertion_type');
  const given = asserted ? assertionIn(request, form) : clientOf(request, form);
  if (form.get('grant_type') !== 'client_credentials') {
    throw form.has('grant_type')
      ? new OAuthError('unsupported_grant_type', 'The grant type must be client_credentials')
      : new OAuthError('invalid_request', 'grant_type is missing');
  }
  const { token, hash } =
    typeof given === 'string'
      ? await byAssertion(options, request, given, form.get('client_id'), now)
      : await bySecret(options, request, given, now);
  const scope = grantedScope(token, form.get('scope'), onlyAssertions);
  const expires = endOf(token, now, seconds);
  return {
    access_token: tokens.issue({ hash, expires, scope }),
    token_type: 'Bearer',
    expires_in: Math.floor((expires.getTime() - now.getTime()) / 1000),
    scope,
  };
}

async function bySecret(
  { store, failures, proxies, onDeadToken, onlyAssertions }: TokenEndpointOptions,
  request: HttpRequest,
  { id, secret }: { readonly id: string; readonly secret: string },
  now: Date,
): Promise<Client> {
  if (onlyAssertions)
    throw new OAuthError(
      'invalid_client',
      'The profile ipsie takes no client secrets: authenticate by a client_assertion (RFC 7523)',
    );
  const hash = hashSecret(secret);
  const token = await store.findToken(hash);
  if (token !== undefined && !isLive(token, now)) onDeadToken?.(token, whyDead(token, now));
  if (token === undefined || !isLive(token, now) || (id !== token.id && id !== token.name)) {
    await failures.note(networkOf(proxies.clientOf(request)));
    throw new OAuthError('invalid_client', 'The client is unknown, or its secret is not valid');
  }
  return { token, hash };
}

async function byAssertion(
  { failures, proxies, assertions, baseOf, onDeadToken }: TokenEndpointOptions,
  request: HttpRequest,
  assertion: string,
  clientId: string | undefined,
  now: Date,
): Promise<Client> {
  const { origin } = new URL(baseOf(request));
  const refuse = async (why: string): Promise<never> => {
    await failures.note(networkOf(proxies.clientOf(request)));
    throw new OAuthError('invalid_client', why);
  };
  let client: Client;
  try {
    client = await assertions.verify(assertion, [`${origin}${request.path}`, origin], () => now);
  } catch (error) {
    if (error instanceof AssertionError) return refuse(error.message);
    throw error;
  }
  const { token } = client;
  if (!isLive(token, now)) {
    onDeadToken?.(token, whyDead(token, now));
    return refuse('The client is not active any more');
  }
  if (clientId !== undefined && clientId !== token.id && clientId !== token.name)
    throw new OAuthError('invalid_client', 'client_id is not the client of the assertion');
  return client;
}

/** RFC 7521 §4.2; not together with another way to authenticate (RFC 6749 §2.3). */
function assertionIn(request: HttpRequest, form: ReadonlyMap<string, string>): string {
  if (form.get('client_assertion_type') !== assertionType)
    throw new OAuthError('invalid_request', `client_assertion_type must be ${assertionType}`);
  if (form.has('client_secret') || request.header('authorization') !== undefined)
    throw new OAuthError('invalid_request', 'The client authenticates in two ways at once');
  const assertion = form.get('client_assertion');
  if (assertion === undefined) throw new OAuthError('invalid_request', 'client_assertion is missing');
  return assertion;
}

/** An access token does not outlive what it was given for. */
function endOf(token: Token, now: Date, seconds: number): Date {
  const end = now.getTime() + seconds * 1000;
  return new Date(token.expires === undefined ? end : Math.min(end, Date.parse(token.expires)));
}

/** What a token of each scope may ask for, the most first. */
const within: Readonly<Record<Scope, readonly Scope[]>> = {
  admin: ['admin', 'scim', 'read', 'metrics', 'events'],
  scim: ['scim', 'read'],
  read: ['read'],
  metrics: ['metrics'],
  events: ['events'],
};

/** `read` narrows; words that mean nothing here are ignored (RFC 6749 §3.3), more than the token has is refused. */
function grantedScope({ scope }: Token, asked: string | undefined, atMostScim: boolean): Scope {
  const words: readonly string[] = asked?.split(' ') ?? [];
  const most = within.admin.find((known) => words.includes(known)) ?? scope;
  if (!within[scope].includes(most))
    throw new OAuthError('invalid_scope', `The client has the scope ${scope}`);
  // IPSIE: the scope scim, and nothing broader.
  return most === 'admin' && atMostScim ? 'scim' : most;
}

/** Each parameter at most once (RFC 6749 §3.2). */
async function readForm(request: HttpRequest): Promise<ReadonlyMap<string, string>> {
  const type = request.header('content-type')?.split(';')[0]?.trim().toLowerCase();
  if (type !== 'application/x-www-form-urlencoded')
    throw new OAuthError('invalid_request', 'The body must be application/x-www-form-urlencoded');
  const text = Buffer.from(await request.body(largestBody)).toString('utf8');
  const form = new Map<string, string>();
  for (const [name, value] of new URLSearchParams(text)) {
    if (form.has(name)) throw new OAuthError('invalid_request', 'A parameter is duplicated');
    // One without a value is as good as absent.
    if (value !== '') form.set(name, value);
  }
  return form;
}

/** Client credentials in the header or in the body, not in both (RFC 6749 §2.3). */
function clientOf(
  request: HttpRequest,
  form: ReadonlyMap<string, string>,
): { readonly id: string; readonly secret: string } {
  const [bodyId, bodySecret] = [form.get('client_id'), form.get('client_secret')];
  const authorization = request.header('authorization');
  if (authorization === undefined) {
    if (bodyId === undefined || bodySecret === undefined)
      throw new OAuthError('invalid_client', 'client_id and client_secret are needed');
    return { id: bodyId, secret: bodySecret };
  }
  if (bodySecret !== undefined)
    throw new OAuthError('invalid_request', 'The client authenticates in two ways at once');
  const basic = basicCredentials(authorization);
  if (basic === undefined)
    throw new OAuthError('invalid_client', 'The Authorization header must be HTTP Basic');
  // No token has a blank: a plus sign is one, from a client that encodes nothing.
  const [id, secret] = [formDecoded(basic.userId.replaceAll('+', ' ')), formDecoded(basic.password)];
  if (bodyId !== undefined && bodyId !== id)
    throw new OAuthError('invalid_request', 'client_id is not that of the Authorization header');
  return { id, secret };
}

/** Both are form-encoded before they go into the header (RFC 6749 §2.3.1), though not by every client. */
function formDecoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function json(status: number, body: object, headers: readonly string[] = []): HttpResponse {
  return { status, headers: ['Content-Type', 'application/json', ...headers], body: JSON.stringify(body) };
}
