/** What can go wrong between the store and its disk; each has its advice for the operator. */
export type StoreErrorCode =
  | 'full'
  | 'readonly'
  | 'busy'
  | 'corrupt'
  | 'not-a-database'
  | 'foreign-database'
  | 'newer-database'
  | 'cannot-open'
  | 'io'
  | 'no-addon'
  | 'closed'
  | 'overloaded'
  | 'snapshot-expired'
  | 'conflicting-data'
  | 'other-configuration'
  | 'unavailable'
  | 'no-tenant'
  | 'tenant-exists';

/**
 * The store cannot do what it was asked: not the client's fault, so the client is told no more than that. `code` is
 * stable, `message` says what happened and `advice` what the operator can do.
 */
export class StoreError extends Error {
  override readonly name = 'StoreError';
  readonly code: StoreErrorCode;
  readonly advice: string;
  /** It came after a commit: whether what was written is stored is not known. */
  readonly isOutcomeUnknown: boolean;

  constructor(
    code: StoreErrorCode,
    message: string,
    advice: string,
    { isOutcomeUnknown = false, ...options }: { cause?: unknown; isOutcomeUnknown?: boolean } = {},
  ) {
    super(message, options);
    this.isOutcomeUnknown = isOutcomeUnknown;
    this.code = code;
    this.advice = advice;
  }
}

/** Of a server whose rows another process has made anew under another configuration. */
export function otherConfiguration(): StoreError {
  return new StoreError(
    'other-configuration',
    'another process has opened the database with other schemas or resource types, and made its rows so',
    'Stop all but one of the servers using this database, or give them the same configuration; then start this one again.',
  );
}
