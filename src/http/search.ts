/** Queries by POST (RFC 7644 §3.4.3): a SearchRequest read into the same query as GET's. */
import { readSearchRequest } from '../scim/messages.ts';
import { readSelection } from '../scim/projection.ts';
import type { Tolerated } from '../scim/tolerances.ts';
import type { ListRequest } from './listing.ts';

/** Reads a SearchRequest message. Throws 400 invalidSyntax, invalidValue or invalidCount. */
export function searchOf(body: unknown, tolerated: Tolerated): ListRequest {
  const { attributes, excludedAttributes, ...request } = readSearchRequest(body, tolerated);
  return {
    filter: request.filter ?? undefined,
    sortBy: request.sortBy ?? undefined,
    sortOrder: request.sortOrder ?? undefined,
    startIndex: request.startIndex ?? undefined,
    count: request.count ?? undefined,
    cursor: request.cursor ?? undefined,
    selection: readSelection(named(attributes), named(excludedAttributes)),
  };
}

/** An empty list is none. */
function named(attributes: readonly string[] | null | undefined): readonly string[] | undefined {
  const names = attributes?.map((name) => name.trim()).filter((name) => name !== '');
  return names?.length ? names : undefined;
}
