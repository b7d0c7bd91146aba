/**
 * Validators compiled once from the schema: each takes what a client sent for one attribute and answers the value
 * to store under the registered names, or undefined when that leaves it unassigned (RFC 7643 §2.5). Errors are
 * 400 invalidValue with the path of the culprit.
 */
import { ScimError } from '../error.ts';
import { instantKey } from './comparison.ts';
import { formats, isBase64, isUriReference } from './formats.ts';
import { FractionalNumber } from './json.ts';
import { checkUserName } from './precis.ts';
import type { Attribute } from './registry.ts';
import { type Tolerated, tolerate } from './tolerances.ts';

/** `path` is where the value stands, for errors: `emails[0].value`. */
export type Validator = (value: unknown, path: string, tolerated: Tolerated) => unknown;

export type ComplexValue = Readonly<Record<string, unknown>>;

export function invalidValue(detail: string): ScimError {
  return new ScimError(400, 'invalidValue', detail);
}

/** The JSON type of a value, as a person names it. */
function kind(value: unknown): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'an array';
  if (value instanceof FractionalNumber) return 'a number';
  return typeof value === 'object' ? 'an object' : typeof value === 'string' ? 'a text' : `a ${typeof value}`;
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return (
    typeof value === 'object' &&
    value !== null &&
    !Array.isArray(value) &&
    !(value instanceof FractionalNumber)
  );
}

const validators = new WeakMap<Attribute, { one: Validator; whole: Validator }>();

function compiled(attribute: Attribute): { one: Validator; whole: Validator } {
  let entry = validators.get(attribute);
  if (entry === undefined) {
    const one = singular(attribute);
    entry = { one, whole: attribute.multiValued ? multiValued(one) : one };
    validators.set(attribute, entry);
  }
  return entry;
}

/** The validator of the attribute's whole value: an array for a multi-valued one. */
export function validatorOf(attribute: Attribute): Validator {
  return compiled(attribute).whole;
}

/** The validator of one value of a multi-valued attribute; the same as {@link validatorOf} for a singular one. */
export function elementValidatorOf(attribute: Attribute): Validator {
  return compiled(attribute).one;
}

function singular(attribute: Attribute): Validator {
  const simple = attribute.type === 'complex' ? complex(attribute) : simpleValidator(attribute);
  return (value, path, tolerated) => {
    if (value === null || value === undefined) return undefined;
    let single: unknown = value;
    if (Array.isArray(value)) {
      const read = tolerate(tolerated, 'arrayForSingle', value);
      if (read === undefined) throw invalidValue(`${path} is single-valued but an array was given`);
      single = read.value;
    }
    if (attribute.type !== 'complex' && isObject(single)) {
      const read = tolerate(tolerated, 'objectForScalar', single);
      if (read !== undefined) single = read.value;
    }
    return single === null ? undefined : simple(single, path, tolerated);
  };
}

function simpleValidator(attribute: Attribute): Validator {
  switch (attribute.type) {
    case 'boolean':
      return (value, path, tolerated) => {
        if (typeof value === 'boolean') return value;
        const read = tolerate(tolerated, 'booleanText', value);
        if (read === undefined) throw invalidValue(`${path} must be true or false, not ${kind(value)}`);
        return read;
      };
    case 'integer':
      return (given, path, tolerated) => {
        const value = tolerate(tolerated, 'numberText', given, /^-?\d+$/) ?? given;
        if (typeof value !== 'number' || !Number.isInteger(value)) {
          throw invalidValue(`${path} must be an integer without fraction and exponent, not ${kind(value)}`);
        }
        if (!Number.isSafeInteger(value)) throw invalidValue(`${path} must lie within ±(2^53 - 1)`);
        return value;
      };
    case 'decimal':
      return (value, path, tolerated) => {
        const number =
          value instanceof FractionalNumber
            ? value.value
            : (tolerate(tolerated, 'numberText', value, /^-?\d+(?:\.\d+)?$/) ?? value);
        if (typeof number !== 'number') throw invalidValue(`${path} must be a number, not ${kind(value)}`);
        return number;
      };
    default:
      return textValidator(attribute);
  }
}

function textValidator(attribute: Attribute): Validator {
  const check = textCheck(attribute);
  const format = attribute.extension === undefined ? formats[attribute.path] : undefined;
  const nonEmpty = attribute.required;
  const isUserName = attribute.path === 'userName';
  return (value, path, tolerated) => {
    if (typeof value !== 'string') throw invalidValue(`${path} must be a text, not ${kind(value)}`);
    if (value === '' && attribute.type !== 'dateTime') {
      if (nonEmpty) throw invalidValue(`${path} must not be empty`);
      return value;
    }
    const complaint = check?.(value);
    if (complaint !== undefined) throw invalidValue(`${path} must be ${complaint}`);
    if (isUserName) checkUserName(value);
    if (format !== undefined && !format.strict(value)) {
      if (tolerate(tolerated, 'freeText', value, format.tolerable(value)) === undefined) {
        throw invalidValue(`${path} must be ${format.description}`);
      }
    }
    return attribute.type === 'dateTime' && !/(?:Z|[+-]\d\d:\d\d)$/.test(value) ? `${value}Z` : value;
  };
}

/** What the type alone demands (RFC 7643 §2.3): the complaint, if any. */
function textCheck(attribute: Attribute): ((text: string) => string | undefined) | undefined {
  switch (attribute.type) {
    case 'dateTime':
      return (text) =>
        instantKey(text) === undefined ? 'an xsd:dateTime such as 2011-05-13T04:42:34Z' : undefined;
    case 'binary':
      return (text) => (isBase64(text) ? undefined : 'base64 (RFC 4648 §4)');
    case 'reference':
      return (text) => (isUriReference(text) ? undefined : 'a URI (RFC 3986)');
    default:
      return undefined;
  }
}

function complex(attribute: Attribute): Validator {
  const subs = [...attribute.subAttributes]
    .filter(([, { mutability }]) => mutability !== 'readOnly')
    .map(([key, sub]) => ({ key, name: sub.name, required: sub.required, validate: validatorOf(sub) }));
  const hasValue = attribute.subAttributes.has('value');
  return (value, path, tolerated) => {
    let object = value;
    if (!isObject(object)) {
      if (tolerate(tolerated, 'emptyText', object)) return undefined;
      const read = hasValue ? tolerate(tolerated, 'scalarForComplex', object) : undefined;
      if (read === undefined) throw invalidValue(`${path} must be an object, not ${kind(value)}`);
      object = read;
    }
    const given = membersByName(object as ComplexValue, path);
    const result: Record<string, unknown> = {};
    let assigned = false;
    for (const { key, name, required, validate } of subs) {
      const member = given.get(key);
      const clean = member === undefined ? undefined : validate(member, `${path}.${name}`, tolerated);
      if (clean === undefined) {
        if (required && given.size > 0) throw invalidValue(`${path}.${name} is required`);
        continue;
      }
      result[name] = clean;
      assigned = true;
    }
    return assigned ? result : undefined;
  };
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
        `${path === '' ? '' : `${path}: `}the attribute ${name} is there twice, in different letter case`,
      );
    }
    members.set(key, object[name]);
  }
  return members;
}

function multiValued(one: Validator): Validator {
  return (value, path, tolerated) => {
    if (value === null || value === undefined) return undefined;
    if (tolerate(tolerated, 'emptyText', value)) return undefined;
    const values = Array.isArray(value) ? value : tolerate(tolerated, 'singleForArray', value);
    if (values === undefined)
      throw invalidValue(`${path} is multi-valued and must be an array, not ${kind(value)}`);
    const elements: unknown[] = [];
    values.forEach((element, index) => {
      const clean = one(element, `${path}[${index}]`, tolerated);
      if (clean !== undefined) elements.push(clean);
    });
    const distinct = withoutRepetitions(elements);
    assertOnePrimary(distinct, path);
    return distinct.length === 0 ? undefined : distinct;
  };
}

/** The same (type, value) pair is kept once (RFC 7643 §2.4). Values without `value` are compared whole. */
export function withoutRepetitions(elements: readonly unknown[]): unknown[] {
  if (elements.length < 2) return [...elements];
  const seen = new Set<string>();
  return elements.filter((element) => {
    const key = identity(element);
    if (seen.has(key)) return false;
    seen.add(key);
    return true;
  });
}

function identity(element: unknown): string {
  if (!isObject(element)) return JSON.stringify(element);
  return element.value === undefined
    ? JSON.stringify(element)
    : JSON.stringify([element.value, typeof element.type === 'string' ? element.type.toLowerCase() : null]);
}

function assertOnePrimary(elements: readonly unknown[], path: string): void {
  const primaries = elements.filter((element) => isObject(element) && element.primary === true);
  if (primaries.length > 1)
    throw invalidValue(`${path} has ${primaries.length} values with primary true; at most one is allowed`);
}
