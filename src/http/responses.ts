import { ScimFilterError } from '../../grammar/index.ts';
import { errorBody, ScimError } from '../error.ts';
import type { HttpRequest, HttpResponse } from './message.ts';

export const scimJson = 'application/scim+json; charset=utf-8';
const plainJson = 'application/json; charset=utf-8';

/**
 * On every answer: people's data is no matter for shared caches, and JSON is never to be sniffed as a page, nor to do
 * anything as one.
 */
const common = [
  'Cache-Control',
  'private, no-cache',
  'Vary',
  'Accept, Authorization',
  'X-Content-Type-Options',
  'nosniff',
  'Content-Security-Policy',
  "default-src 'none'; frame-ancestors 'none'",
] as const;

/** An answer with a JSON body that is text already. `headers` are alternating names and values. */
export function jsonResponse(
  status: number,
  contentType: string,
  body: string | AsyncIterable<string>,
  headers: readonly string[] = [],
): HttpResponse {
  return { status, headers: ['Content-Type', contentType, ...common, ...headers], body };
}

/** An answer without body: 204, 304. */
export function emptyResponse(status: number, headers: readonly string[] = []): HttpResponse {
  return { status, headers: [...common, ...headers] };
}

/** The media type to answer with: SCIM's, unless the client takes only plain JSON (RFC 7644 §3.8, reading A-46). */
export function negotiate(accept: string | undefined): string {
  if (accept === undefined || accept === '*/*' || accept === 'application/scim+json') return scimJson;
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
 * Turns whatever was thrown into an answer; the one place where errors become HTTP. Unknown ones say nothing but where
 * the log tells more.
 */
export function errorResponse(error: unknown, requestId?: string): HttpResponse {
  if (error instanceof ScimError) {
    return jsonResponse(error.status, scimJson, JSON.stringify(error), error.headers.flat());
  }
  if (error instanceof ScimFilterError) return jsonResponse(400, scimJson, JSON.stringify(error));
  const detail = requestId === undefined ? 'Internal error' : `Internal error; request id ${requestId}`;
  return jsonResponse(500, scimJson, JSON.stringify(errorBody(500, undefined, detail)));
}

/** Is the error an expected answer, or something that the operator must hear of? */
export function isExpected(error: unknown): boolean {
  return error instanceof ScimError ? error.status < 500 : error instanceof ScimFilterError;
}

/** 405 with what is allowed (RFC 9110 §15.5.6). */
export function methodNotAllowed(request: HttpRequest, allowed: readonly string[]): ScimError {
  return new ScimError(405, undefined, `${request.method} is not supported here; ${allowed.join(', ')} are`, {
    headers: [['Allow', allowed.join(', ')]],
  });
}
