import { ScimFilterError } from '../../grammar/index.ts';
import { DirectoryError, type DirectoryErrorCode } from '../directory/directory-error.ts';
import { errorBody, ScimError, type ScimType } from '../error.ts';
import { StoreError, type StoreErrorCode } from '../store/store-error.ts';
import { WorkError, type WorkErrorCode } from '../store/work.ts';
import type { BodyPieces, HttpRequest, HttpResponse } from './message.ts';

/** Without parameters, as RFC 7644 §8.1 and RFC 8259 §11 register them: JSON is UTF-8. */
export const scimJson = 'application/scim+json';
const plainJson = 'application/json';

/** On every answer of SCIM: shared caches must not keep people's data, and no browser may take JSON for a page. */
export const scimHeaders = [
  'Cache-Control',
  'private, no-cache',
  'Vary',
  'Accept, Authorization',
  'X-Content-Type-Options',
  'nosniff',
  'Content-Security-Policy',
  "default-src 'none'; frame-ancestors 'none'",
] as const;

/** An answer with a JSON body that is text already. `headers` are alternating names and values; `about` as there. */
export function jsonResponse(
  status: number,
  contentType: string,
  body: string | BodyPieces,
  headers: readonly string[] = [],
  about?: string,
): HttpResponse {
  return { status, headers: ['Content-Type', contentType, ...headers], body, about };
}

/** An error of an endpoint beside those of SCIM, in their form, with members of its own. `headers` as above. */
export function problem(
  status: number,
  detail: string,
  more: object = {},
  headers: readonly string[] = [],
): HttpResponse {
  const body = { ...errorBody(status, undefined, detail), ...more };
  return jsonResponse(status, scimJson, JSON.stringify(body), headers);
}

/** An answer without body: 204, 304. */
export function emptyResponse(status: number, headers: readonly string[] = [], about?: string): HttpResponse {
  return { status, headers, about };
}

/** The media type to answer with: SCIM's, unless the client takes only plain JSON (RFC 7644 §3.8, reading A-46). */
export function negotiate(accept: string | undefined): string {
  // A field without a word restricts nothing: some HTTP libraries send it so.
  if (!accept || accept === '*/*' || accept === 'application/scim+json') return scimJson;
  let plain = false;
  for (const range of accept.split(',')) {
    const [type, ...parameters] = range.split(';').map((part) => part.trim().toLowerCase());
    if (parameters.some((parameter) => /^q=0(\.0*)?$/.test(parameter))) continue;
    if (type === 'application/scim+json' || type === '*/*' || type === 'application/*') return scimJson;
    if (type === 'application/json') plain = true;
  }
  if (plain) return plainJson;
  throw new ScimError(
    406,
    undefined,
    `Answers are application/scim+json, which Accept: ${accept} does not take`,
  );
}

/**
 * What the client is told where the store cannot do its work, and after how many seconds to try again; the operator
 * reads the rest in the log. What no waiting mends is a 500.
 */
const storeFailures: Partial<
  Record<StoreErrorCode, readonly [status: number, detail: string, retryAfter: number]>
> = {
  full: [507, 'There is no space left to store anything; nothing was changed', 60],
  readonly: [503, 'Nothing can be written at the moment; nothing was changed', 60],
  io: [503, 'The storage cannot be used at the moment; nothing was changed', 60],
  'cannot-open': [503, 'The storage cannot be used at the moment; nothing was changed', 60],
  busy: [503, 'Another process is writing; nothing was changed', 1],
  overloaded: [
    503,
    'Too many lists or large groups are being read at the moment, or no connection to the storage is left',
    5,
  ],
  closed: [503, 'The server is stopping', 5],
  unavailable: [503, 'The storage cannot be reached at the moment; nothing was changed', 5],
  'no-tenant': [503, 'The tenant was removed', 60],
  'other-configuration': [503, 'The server is being reconfigured; nothing was changed', 30],
};

/** What the directory's refusals are in HTTP. */
const refusals: Record<
  DirectoryErrorCode,
  {
    readonly status: number;
    readonly scimType?: ScimType;
    readonly headers?: readonly (readonly [name: string, value: string])[];
  }
> = {
  'not-found': { status: 404 },
  'version-mismatch': { status: 412 },
  present: { status: 409 },
  taken: { status: 409, scimType: 'uniqueness' },
  'invalid-id': { status: 400, scimType: 'invalidValue' },
  undone: { status: 409 },
  busy: { status: 503, headers: [['Retry-After', '1']] },
  held: { status: 429, headers: [['Retry-After', '300']] },
  // No 403, which providers take for a wrong token: they would stop the whole connection.
  protected: { status: 409 },
  'no-seats': { status: 409 },
  paused: { status: 503, headers: [['Retry-After', '300']] },
  'read-only': {
    status: 403,
    headers: [['WWW-Authenticate', 'Bearer realm="scimd", error="insufficient_scope", scope="scim"']],
  },
};

/** What a request that costs too much is answered. */
const workRefusals: Record<WorkErrorCode, readonly [status: number, scimType: 'tooMany' | undefined]> = {
  'too-much': [400, 'tooMany'],
  'too-long': [503, undefined],
  ended: [503, undefined],
};

/** The directory's error as the answer that it is; any other error as it is. */
export function protocolError(error: unknown): unknown {
  if (error instanceof WorkError) {
    const [status, scimType] = workRefusals[error.code];
    return new ScimError(status, scimType, error.message, { cause: error });
  }
  if (!(error instanceof DirectoryError)) return error;
  const { status, scimType, headers = [] } = refusals[error.code];
  return new ScimError(status, scimType, error.message, { headers, cause: error });
}

/**
 * Turns whatever was thrown into an answer; the one place where errors become HTTP. Unknown ones say nothing but where
 * the log tells more.
 */
export function errorResponse(thrown: unknown, requestId?: string): HttpResponse {
  const error = protocolError(thrown);
  if (error instanceof ScimError) {
    return jsonResponse(error.status, scimJson, JSON.stringify(error), error.headers.flat());
  }
  if (error instanceof ScimFilterError) return jsonResponse(400, scimJson, JSON.stringify(error));
  const failure = error instanceof StoreError ? storeFailures[error.code] : undefined;
  if (failure !== undefined) {
    const [status, known, retryAfter] = failure;
    const unknown = error instanceof StoreError && error.isOutcomeUnknown;
    const detail = unknown ? 'The storage failed; whether this was stored is not known' : known;
    const body = JSON.stringify(errorBody(status, undefined, detail));
    return jsonResponse(status, scimJson, body, ['Retry-After', String(retryAfter)]);
  }
  const detail = requestId === undefined ? 'Internal error' : `Internal error; request id ${requestId}`;
  return jsonResponse(500, scimJson, JSON.stringify(errorBody(500, undefined, detail)));
}

/** The same for what is refused before it comes to a mount, whose headers it lacks. */
export function refusal(error: unknown): HttpResponse {
  const { headers, ...response } = errorResponse(error);
  return { ...response, headers: [...headers, ...scimHeaders] };
}

/** Is the error an answer that was meant, such as 501 or 503, or something that the operator must hear of? */
export function isExpected(thrown: unknown): boolean {
  const error = protocolError(thrown);
  return error instanceof ScimError ? error.status !== 500 : error instanceof ScimFilterError;
}

/** 405 with what is allowed (RFC 9110 §15.5.6). */
export function methodNotAllowed(request: HttpRequest, allowed: readonly string[]): ScimError {
  return new ScimError(
    405,
    undefined,
    `${request.method} is not supported here; ${allowed.join(', ')} ${allowed.length === 1 ? 'is' : 'are'}`,
    {
      headers: [['Allow', allowed.join(', ')]],
    },
  );
}

/** A URI as a header field may have it, whatever is in the configured base (RFC 3986 §2.1). */
export function fieldUri(uri: string): string {
  return /^[!-~]*$/.test(uri) ? uri : encodeURI(uri);
}
