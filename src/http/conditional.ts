import { names, type Precondition, type Versions } from '../directory/precondition.ts';
import type { HttpRequest } from './message.ts';

/** RFC 9110 §8.8.3: `W/` is upper-case; what is no entity tag is skipped. */
const entityTags = /(?<=^|[,\s])(?:W\/)?"([^"]*)"/g;

/** The versions that a list of entity tags names. Weak comparison, also for If-Match (reading A-01). */
export function versionsIn(field: string): Versions {
  if (field.trim() === '*') return '*';
  return Array.from(field.matchAll(entityTags), ([, opaque = '']) => opaque)
    .filter((opaque) => /^[1-9]\d{0,14}$/.test(opaque))
    .map(Number);
}

function versionsOf(request: HttpRequest, name: 'if-match' | 'if-none-match'): Versions | undefined {
  const field = request.header(name);
  return field === undefined ? undefined : versionsIn(field);
}

/** If-Match and If-None-Match on a write (RFC 7644 §3.14, RFC 9110 §13.1); undefined without them. */
export function preconditionOf(request: HttpRequest): Precondition | undefined {
  const match = versionsOf(request, 'if-match');
  const noneMatch = versionsOf(request, 'if-none-match');
  return match === undefined && noneMatch === undefined ? undefined : { match, noneMatch };
}

/** If-None-Match on a read: is the client's copy the current one? (RFC 7644 §3.14, RFC 9110 §13.1.2) */
export function isNotModified({ noneMatch }: Precondition, version: number): boolean {
  return noneMatch !== undefined && names(noneMatch, version);
}
