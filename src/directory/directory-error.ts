import type { ResourceType } from '../scim/registry.ts';

/** Why the directory does not do what it is asked; what that is in HTTP, or as an exit status, the edges say. */
export type DirectoryErrorCode =
  /** There is no such resource. */
  | 'not-found'
  /** The resource has another version than the caller demands. */
  | 'version-mismatch'
  /** What is to be restored is there. */
  | 'present'
  /** Another resource has the value of a unique attribute, or the id. */
  | 'taken'
  /** An id that no resource may have. */
  | 'invalid-id'
  /** It was to be done together with something that could not be done. */
  | 'undone'
  /** Too many others change the resource at the same time. */
  | 'busy'
  /** The guard holds it back until an operator releases it. */
  | 'held'
  /** The guard protects who would lose their access. */
  | 'protected'
  /** As many people as may have a role or an entitlement have it. */
  | 'no-seats'
  /** The principal may not write. */
  | 'read-only'
  /** Writes of the token or of its tenant are paused. */
  | 'paused';

/** `message` is for the caller. */
export class DirectoryError extends Error {
  override readonly name = 'DirectoryError';
  readonly code: DirectoryErrorCode;

  constructor(code: DirectoryErrorCode, message: string) {
    super(message);
    this.code = code;
  }
}

export function notFound(type: ResourceType, id: string): DirectoryError {
  return new DirectoryError('not-found', `There is no ${type.name} with id ${id}`);
}

export function versionMismatch(): DirectoryError {
  return new DirectoryError(
    'version-mismatch',
    'The resource has changed since: its version is not the one in If-Match',
  );
}

export function alreadyThere(): DirectoryError {
  return new DirectoryError(
    'version-mismatch',
    'The resource is there, in a version that If-None-Match leaves out',
  );
}

export function busy(type: ResourceType, id: string): DirectoryError {
  return new DirectoryError(
    'busy',
    `${type.name} ${id} is being changed by too many requests at once; try again`,
  );
}

export function notDeleted(type: ResourceType, id: string): DirectoryError {
  return new DirectoryError(
    'not-found',
    `There is no deleted ${type.name} with id ${id}: none was, its deletion is kept no longer, or it was erased`,
  );
}
