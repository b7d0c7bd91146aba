import { randomUUID } from 'node:crypto';
import type { HttpRequest } from './message.ts';

/** No blanks, quotes or line ends: it goes into logs and header fields. */
const wellFormed = /^[A-Za-z0-9._~:+/=-]{1,128}$/;

/** The X-Request-Id that the client or a proxy gave the request, if it is well-formed; else a new one. */
export function requestIdOf(request: HttpRequest): string {
  const given = request.header('x-request-id');
  return given !== undefined && wellFormed.test(given) ? given : newId();
}

/** Ids that differ in their last three digits: shown by the workload `get` of npm run bench. */
const endings = Array.from({ length: 4096 }, (_, number) => number.toString(16).padStart(3, '0'));
let beginning = '';
let next = endings.length;

/** A UUID as others are, of which so many come from one random number. */
function newId(): string {
  if (next === endings.length) {
    beginning = randomUUID().slice(0, -3);
    next = 0;
  }
  return beginning + endings[next++];
}
