/** What must hold of a resource for a request to be carried out (RFC 7644 §3.14, RFC 9110 §13.1). */
import { alreadyThere, versionMismatch } from './directory-error.ts';

/** The versions that a list of entity tags names; `*`: any. */
export type Versions = '*' | readonly number[];

export interface Precondition {
  /** If-Match: the version is one of these. */
  readonly match?: Versions | undefined;
  /** If-None-Match: it is none of these. */
  readonly noneMatch?: Versions | undefined;
}

/** @throws DirectoryError `version-mismatch` unless a resource of this version may be changed. */
export function check(precondition: Precondition | undefined, version: number): void {
  if (precondition === undefined) return;
  const { match, noneMatch } = precondition;
  if (match !== undefined && !names(match, version)) throw versionMismatch();
  if (noneMatch !== undefined && names(noneMatch, version)) throw alreadyThere();
}

/** Is it a version that is named? */
export function names(versions: Versions, version: number): boolean {
  return versions === '*' || versions.includes(version);
}
