import { ScimError } from '../error.ts';
import { entityTag } from '../scim/representation.ts';
import type { HttpRequest } from './message.ts';

/** RFC 9110 §8.8.3: `W/` is upper-case; what is no entity tag is skipped. */
const entityTags = /(?<=^|[,\s])(?:W\/)?"[^"]*"/g;

/** Does a list of entity tags hold this version? Weak comparison, also for If-Match (reading A-01). */
function matches(field: string, version: number): boolean {
  if (field.trim() === '*') return true;
  const opaque = entityTag(version).slice(2);
  return (field.match(entityTags) ?? []).some((tag) => tag === opaque || tag === `W/${opaque}`);
}

/** If-None-Match on a read: is the client's copy the current one? (RFC 7644 §3.14, RFC 9110 §13.1.2) */
export function isNotModified(request: HttpRequest, version: number): boolean {
  const field = request.header('if-none-match');
  return field !== undefined && matches(field, version);
}

/** Is the write conditional on a version? */
export function hasPrecondition(request: HttpRequest): boolean {
  return request.header('if-match') !== undefined;
}

/** If-Match on a write: 412 unless the stored version is one of those named (RFC 7644 §3.14). */
export function checkPrecondition(request: HttpRequest, version: number): void {
  const field = request.header('if-match');
  if (field !== undefined && !matches(field, version)) throw preconditionFailed();
}

export function preconditionFailed(): ScimError {
  return new ScimError(
    412,
    undefined,
    'The resource has changed since: its version is not the one in If-Match',
  );
}
