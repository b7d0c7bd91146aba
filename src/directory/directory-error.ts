/** Why the directory does not do what it is asked; what that is in HTTP, or as an exit status, the edges say. */
export type DirectoryErrorCode =
  /** There is no such resource. */
  | 'not-found'
  /** The resource has another version than the caller demands. */
  | 'version-mismatch'
  /** Another resource has the value of a unique attribute, or the id. */
  | 'taken'
  /** An id that no resource may have. */
  | 'invalid-id'
  /** It was to be done together with something that could not be done. */
  | 'undone'
  /** Too many others change the resource at the same time. */
  | 'busy'
  /** The principal may not write. */
  | 'read-only';

/** `message` is for the caller. */
export class DirectoryError extends Error {
  override readonly name = 'DirectoryError';
  readonly code: DirectoryErrorCode;

  constructor(code: DirectoryErrorCode, message: string) {
    super(message);
    this.code = code;
  }
}
