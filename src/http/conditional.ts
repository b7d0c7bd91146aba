import type { IfMatch } from '../directory/directory.ts';
import type { HttpRequest } from './message.ts';

/** RFC 9110 §8.8.3: `W/` is upper-case; what is no entity tag is skipped. */
const entityTags = /(?<=^|[,\s])(?:W\/)?"([^"]*)"/g;

/** The versions that a list of entity tags names. Weak comparison, also for If-Match (reading A-01). */
export function versionsIn(field: string): IfMatch {
  if (field.trim() === '*') return '*';
  return Array.from(field.matchAll(entityTags), ([, opaque = '']) => opaque)
    .filter((opaque) => /^[1-9]\d{0,14}$/.test(opaque))
    .map(Number);
}

/** If-None-Match on a read: is the client's copy the current one? (RFC 7644 §3.14, RFC 9110 §13.1.2) */
export function isNotModified(request: HttpRequest, version: number): boolean {
  const field = request.header('if-none-match');
  if (field === undefined) return false;
  const versions = versionsIn(field);
  return versions === '*' || versions.includes(version);
}

/** If-Match on a write (RFC 7644 §3.14): the versions that the resource may have; undefined without it. */
export function ifMatchOf(request: HttpRequest): IfMatch | undefined {
  const field = request.header('if-match');
  return field === undefined ? undefined : versionsIn(field);
}
