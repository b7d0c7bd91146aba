import { randomUUID } from 'node:crypto';
import type { HttpRequest } from './message.ts';

/** No blanks, quotes or line ends: it goes into logs and header fields. */
const wellFormed = /^[A-Za-z0-9._~:+/=-]{1,128}$/;

/** The X-Request-Id that the client or a proxy gave the request, if it is well-formed; else a new one. */
export function requestIdOf(request: HttpRequest): string {
  const given = request.header('x-request-id');
  return given !== undefined && wellFormed.test(given) ? given : randomUUID();
}
