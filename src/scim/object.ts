/** JSON objects as clients send them: the names of their members are case-insensitive (RFC 7643 §2.1). */
import { ScimError } from '../error.ts';
import { FractionalNumber } from './json.ts';

export type ComplexValue = Readonly<Record<string, unknown>>;

/** The JSON type of a value, as a person names it. */
export function kind(value: unknown): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'an array';
  if (value instanceof FractionalNumber) return 'a number';
  return typeof value === 'object' ? 'an object' : `a ${typeof value}`;
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return (
    typeof value === 'object' &&
    value !== null &&
    !Array.isArray(value) &&
    !(value instanceof FractionalNumber)
  );
}

/** How many names, and of how many characters, are remembered: clients name what they like. */
const most = { names: 1000, characters: 100 };
const lowered = new Map<string, string>();

/** A name of an attribute or schema in lower case. The same few come with every resource. */
export function lowerCaseName(name: string): string {
  const known = lowered.get(name);
  if (known !== undefined) return known;
  const lower = name.toLowerCase();
  if (lowered.size < most.names && name.length <= most.characters) lowered.set(name, lower);
  return lower;
}

/**
 * Is it an object with members, whose names are all among these, in their letters? Then it needs no map of its members:
 * shown by the figure `import-cpu` of npm run bench.
 */
export function hasOnly(value: unknown, names: ReadonlySet<string>): value is ComplexValue {
  if (!isObject(value)) return false;
  let isEmpty = true;
  for (const name in value) {
    if (!names.has(name)) return false;
    isEmpty = false;
  }
  return !isEmpty;
}

/**
 * The members of an object by lower-cased name (RFC 7643 §2.1: names are case-insensitive). Two spellings of one
 * name are a malformed body, not a silent choice.
 */
export function membersByName(object: ComplexValue, path: string): Map<string, unknown> {
  const members = new Map<string, unknown>();
  for (const name of Object.keys(object)) {
    const key = lowerCaseName(name);
    if (members.has(key)) {
      throw new ScimError(
        400,
        'invalidSyntax',
        `${path === '' ? '' : `${path}: `}the attribute ${name} is duplicated in different letter case`,
      );
    }
    members.set(key, object[name]);
  }
  return members;
}
