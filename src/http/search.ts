/** Queries by POST (RFC 7644 §3.4.3): a SearchRequest read into the same query as GET's. */
import { ScimError } from '../error.ts';
import { readSelection } from '../scim/projection.ts';
import { isObject, membersByName } from '../scim/value.ts';
import type { ListRequest } from './listing.ts';

const searchRequestSchema = 'urn:ietf:params:scim:api:messages:2.0:SearchRequest';

/** Reads a SearchRequest message. Throws 400 invalidSyntax, invalidValue or invalidCount. */
export function readSearchRequest(body: unknown): ListRequest {
  if (!isObject(body)) throw invalidSyntax('The body must be a JSON object: a SearchRequest message');
  const members = membersByName(body, '');
  const schemas = members.get('schemas');
  if (
    !Array.isArray(schemas) ||
    !schemas.some((uri) => String(uri).toLowerCase() === searchRequestSchema.toLowerCase())
  ) {
    throw invalidSyntax(`schemas must hold ${searchRequestSchema}`);
  }
  const text = (name: string): string | undefined => {
    const value = members.get(name.toLowerCase());
    if (value === undefined || value === null) return undefined;
    if (typeof value !== 'string') throw invalidSyntax(`${name} must be a text`);
    return value;
  };
  const cursor = text('cursor');
  const integer = (name: string, scimType: 'invalidValue' | 'invalidCount'): number | undefined => {
    const value = members.get(name.toLowerCase());
    if (value === undefined || value === null) return undefined;
    if (typeof value !== 'number' || !Number.isSafeInteger(value))
      throw new ScimError(400, scimType, `${name} must be an integer`);
    return value;
  };
  const names = (name: string): readonly string[] | undefined => {
    const value = members.get(name.toLowerCase());
    if (value === undefined || value === null) return undefined;
    if (!Array.isArray(value) || !value.every((each) => typeof each === 'string')) {
      throw invalidSyntax(`${name} must be an array of attribute names`);
    }
    return value.length === 0 ? undefined : value.map((each: string) => each.trim());
  };
  return {
    filter: text('filter'),
    sortBy: text('sortBy'),
    sortOrder: text('sortOrder'),
    startIndex: integer('startIndex', 'invalidValue'),
    count: integer('count', cursor === undefined ? 'invalidValue' : 'invalidCount'),
    cursor,
    selection: readSelection(names('attributes'), names('excludedAttributes')),
  };
}

function invalidSyntax(detail: string): ScimError {
  return new ScimError(400, 'invalidSyntax', detail);
}
