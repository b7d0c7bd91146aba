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
  | 'tenant-exists';

/**
 * The store cannot do what it was asked: not the client's fault, so the client is told no more than that. `code` is
 * stable, `message` says what happened and `advice` what the operator can do.
 */
export class StoreError extends Error {
  override readonly name = 'StoreError';
  readonly code: StoreErrorCode;
  readonly advice: string;

  constructor(code: StoreErrorCode, message: string, advice: string, options?: { cause?: unknown }) {
    super(message, options);
    this.code = code;
    this.advice = advice;
  }
}
