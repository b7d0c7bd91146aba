/** The `scimType` values of RFC 7644 §3.12 table 9, and those of RFC 9865 §2.1. */
export type ScimType =
  | 'invalidFilter'
  | 'tooMany'
  | 'uniqueness'
  | 'mutability'
  | 'invalidSyntax'
  | 'invalidPath'
  | 'noTarget'
  | 'invalidValue'
  | 'invalidVers'
  | 'sensitive'
  | 'invalidCursor'
  | 'expiredCursor'
  | 'invalidCount';

/** The SCIM error message (RFC 7644 §3.12). `status` is the HTTP code as a string. */
export interface ErrorBody {
  readonly schemas: readonly ['urn:ietf:params:scim:api:messages:2.0:Error'];
  readonly status: string;
  readonly scimType?: ScimType;
  readonly detail: string;
}

/**
 * An answer that is an error (RFC 7644 §3.12): `status` is the HTTP code, `message` becomes `detail` and is safe to
 * show to the client. Whatever must not leave the process belongs into `cause`.
 * @throws RangeError where `status` is none of an error (400 to 599): what is refused must not look done.
 */
export class ScimError extends Error {
  override readonly name = 'ScimError';
  readonly status: number;
  readonly scimType: ScimType | undefined;
  /** Header fields that belong to this answer, as `[name, value]` pairs (`Allow`, `WWW-Authenticate`, …). */
  readonly headers: readonly (readonly [string, string])[];

  constructor(
    status: number,
    scimType: ScimType | undefined,
    detail: string,
    options: { cause?: unknown; headers?: readonly (readonly [string, string])[] } = {},
  ) {
    super(detail, options.cause === undefined ? undefined : { cause: options.cause });
    if (!Number.isInteger(status) || status < 400 || status > 599)
      throw new RangeError(`the status of an error must be a number from 400 to 599, not ${status}`);
    this.status = status;
    this.scimType = scimType;
    this.headers = options.headers ?? [];
  }

  toJSON(): ErrorBody {
    return errorBody(this.status, this.scimType, this.message);
  }
}

/** 400: a value is not what its attribute takes (RFC 7644 §3.12). */
export function invalidValue(detail: string): ScimError {
  return new ScimError(400, 'invalidValue', detail);
}

/** 400: the message is not in the form that the request takes (RFC 7644 §3.12). */
export function invalidSyntax(detail: string): ScimError {
  return new ScimError(400, 'invalidSyntax', detail);
}

/** 400: the path of a PATCH names nothing that there is (RFC 7644 §3.12). */
export function invalidPath(detail: string): ScimError {
  return new ScimError(400, 'invalidPath', detail);
}

/** Builds the SCIM error message of RFC 7644 §3.12. */
export function errorBody(status: number, scimType: ScimType | undefined, detail: string): ErrorBody {
  return {
    schemas: ['urn:ietf:params:scim:api:messages:2.0:Error'],
    status: String(status),
    ...(scimType === undefined ? {} : { scimType }),
    detail,
  };
}
