import { ScimError } from '../error.ts';
import type { QueryParameters } from './message.ts';

const none: QueryParameters = new Map();

/** The parameters of RFC 7644 §3.4.2 and RFC 9865 §2: a `Filter` that went unread would widen the result. */
const known = [
  'filter',
  'sortBy',
  'sortOrder',
  'startIndex',
  'count',
  'cursor',
  'attributes',
  'excludedAttributes',
];
/** As they are mostly written, which needs no decoding: shown by the workload `username` of npm run bench. */
const names = new Map(known.map((name) => [name, name]));
const namesByLowerCase = new Map(known.map((name) => [name.toLowerCase(), name]));

function withBlanks(text: string): string {
  return text.includes('+') ? text.replaceAll('+', ' ') : text;
}

function nameOf(written: string): string {
  const name = decodePart(withBlanks(written), 'The query');
  return namesByLowerCase.get(name.toLowerCase()) ?? name;
}

/** Decodes percent-encoded UTF-8. Throws 400 that names the part (RFC 3986 §2.1). */
export function decodePart(text: string, what: string): string {
  try {
    return decodeURIComponent(text);
  } catch (cause) {
    throw new ScimError(400, 'invalidSyntax', `${what} has invalid percent-encoding; it must be UTF-8`, {
      cause,
    });
  }
}

/**
 * Query parameters, `+` read as a blank (as HTML forms and most SCIM clients write it). A parameter that is there
 * twice is refused: silently taking one of them could widen a result.
 */
export function parseQuery(search: string): QueryParameters {
  if (search === '') return none;
  const parameters = new Map<string, string>();
  for (const pair of search.split('&')) {
    if (pair === '') continue;
    const equals = pair.indexOf('=');
    const written = equals === -1 ? pair : pair.slice(0, equals);
    const name = names.get(written) ?? nameOf(written);
    const value =
      equals === -1 ? '' : decodePart(withBlanks(pair.slice(equals + 1)), `The parameter ${name}`);
    if (value.includes('\0'))
      throw new ScimError(400, 'invalidValue', `The parameter ${name} contains a NUL character (U+0000)`);
    if (parameters.has(name)) throw new ScimError(400, 'invalidValue', `The parameter ${name} is duplicated`);
    parameters.set(name, value);
  }
  return parameters;
}

/** An integer parameter; undefined if absent. Throws 400 (RFC 7644 §3.4.2.4; RFC 9865 §2.1 for `invalidCount`). */
export function integerParameter(
  query: QueryParameters,
  name: string,
  scimType: 'invalidValue' | 'invalidCount' = 'invalidValue',
): number | undefined {
  const text = query.get(name);
  if (text === undefined) return undefined;
  const number = Number(text);
  if (!/^[+-]?\d+$/.test(text.trim()) || !Number.isSafeInteger(number)) {
    throw new ScimError(400, scimType, `${name} must be an integer, not ${JSON.stringify(text)}`);
  }
  return number;
}

/** A comma-separated parameter without blanks around its parts (RFC 7644 §3.9); undefined if absent or empty. */
export function listParameter(query: QueryParameters, name: string): readonly string[] | undefined {
  const text = query.get(name);
  if (text === undefined) return undefined;
  const parts = text
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '');
  return parts.length === 0 ? undefined : parts;
}
