/** The messages that a server of one's own answers (RFC 7644 §3.4.2, §3.12). */
import { ScimFilterError } from '../../grammar/index.ts';
import { type ErrorBody, errorBody, ScimError } from '../error.ts';
import type { ListResponse } from '../scim/resource-types.ts';

/** What is said of a page (RFC 7644 §3.4.2.4, RFC 9865 §2). */
export interface ListResponseInit {
  /** Of the whole result; the page unless given. */
  readonly totalResults?: number;
  /** From 1, the default without cursors. */
  readonly startIndex?: number;
  readonly nextCursor?: string | undefined;
  readonly previousCursor?: string | undefined;
}

/** Builds the answer to a query (RFC 7644 §3.4.2) from one page of its resources. */
export function listResponse<R>(resources: readonly R[], page: ListResponseInit = {}): ListResponse<R> {
  const { totalResults = resources.length, nextCursor, previousCursor } = page;
  const isByCursor = 'nextCursor' in page || 'previousCursor' in page;
  const startIndex = page.startIndex ?? (isByCursor ? undefined : 1);
  return {
    schemas: ['urn:ietf:params:scim:api:messages:2.0:ListResponse'],
    totalResults,
    itemsPerPage: resources.length,
    ...(startIndex === undefined ? {} : { startIndex }),
    ...(nextCursor === undefined ? {} : { nextCursor }),
    ...(previousCursor === undefined ? {} : { previousCursor }),
    Resources: resources,
  };
}

/**
 * The SCIM error message (RFC 7644 §3.12) of whatever was thrown: what the client did wrong as it is, anything else as a
 * 500 that says nothing of it.
 */
export function errorResponse(error: unknown): ErrorBody {
  if (error instanceof ScimError) return error.toJSON();
  if (error instanceof ScimFilterError) return { ...error.toJSON() } as ErrorBody;
  return errorBody(500, undefined, 'Internal server error');
}
