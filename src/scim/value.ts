/**
 * Validators compiled once from the schema: each takes what a client sent for one attribute and answers the value
 * to store under the registered names, or undefined when that leaves it unassigned (RFC 7643 §2.5). Errors are
 * 400 invalidValue with the path of the culprit.
 */

import { invalidValue } from '../error.ts';
import { instantKey } from './comparison.ts';
import { formatOf, isBase64, isUriReference } from './formats.ts';
import { FractionalNumber } from './json.ts';
import { hasOnly, isObject, kind, membersByName } from './object.ts';
import { checkUserName } from './precis.ts';
import type { Attribute } from './registry.ts';
import { isJsonText, type Tolerated, tolerate } from './tolerances.ts';

/** `path` is where the value stands, for errors: `emails[0].value`. */
export type Validator = (value: unknown, path: string, tolerated: Tolerated) => unknown;

const validators = new WeakMap<Attribute, { one: Validator; whole: Validator }>();

function compiled(attribute: Attribute): { one: Validator; whole: Validator } {
  let entry = validators.get(attribute);
  if (entry === undefined) {
    const one = singular(attribute);
    entry = { one, whole: attribute.multiValued ? multiValued(attribute, one) : one };
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
  if (attribute.type === 'complex') return complex(attribute);
  const simple = simpleValidator(attribute);
  // What stands beside `$ref` is the id of a resource.
  const isId = attribute.name === 'value' && attribute.parent?.subAttributes.has('$ref') === true;
  return (value, path, tolerated) => {
    if (value === null || value === undefined) return undefined;
    let single: unknown = value;
    if (Array.isArray(value)) single = onlyValueOf(value, path, tolerated);
    // An empty one unassigns a single reference; a list says by an empty id nothing at all.
    if (isId && !attribute.parent?.multiValued && tolerate(tolerated, 'emptyText', single)) return undefined;
    if (isId && isJsonText(single)) {
      single = tolerate(tolerated, 'jsonText', single);
      if (single === undefined) throw invalidValue(`${path} must be an id, not JSON text`);
    }
    if (isObject(single)) {
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
  const format = formatOf(attribute);
  // The format of a reference asks for a URI too, where it asks for anything.
  const check = attribute.type === 'reference' && format !== undefined ? undefined : textCheck(attribute);
  const nonEmpty = attribute.required;
  const isUserName = attribute.path === 'userName';
  return (value, path, tolerated) => {
    if (typeof value !== 'string') throw invalidValue(`${path} must be a string, not ${kind(value)}`);
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

/** The one value of an array where a single value belongs; null for an empty one. */
function onlyValueOf(values: readonly unknown[], path: string, tolerated: Tolerated): unknown {
  const read = tolerate(tolerated, 'arrayForSingle', values);
  if (read !== undefined) return read.value;
  throw invalidValue(
    values.length === 1
      ? `${path}[0] has no value`
      : `${path} must be a single value, not an array of ${values.length}`,
  );
}

/**
 * The members of what a client sent for one value of a complex attribute, by lower-cased name; undefined where it
 * means no value. An object without one attribute that is known there says nothing, and is refused: read as no value
 * it would clear what it was meant to set.
 */
export function complexMembers(
  attribute: Attribute,
  value: unknown,
  path: string,
  tolerated: Tolerated,
): ReadonlyMap<string, unknown> | undefined {
  let object = value;
  if (Array.isArray(object)) object = onlyValueOf(object, path, tolerated);
  if (object === null || object === undefined) return undefined;
  if (!isObject(object)) {
    if (object === '' && Array.isArray(value)) throw invalidValue(`${path}[0] has no value`);
    if (tolerate(tolerated, 'emptyText', object)) return undefined;
    object =
      tolerate(tolerated, 'jsonText', object) ??
      (attribute.subAttributes.has('value') ? tolerate(tolerated, 'scalarForComplex', object) : undefined);
    if (!isObject(object)) throw invalidValue(`${path} must be an object, not ${kind(value)}`);
  }
  const members = membersByName(object, path);
  for (const name of members.keys()) if (attribute.subAttributes.has(name)) return members;
  const names = [...attribute.subAttributes.values()].map(({ name }) => name).join(', ');
  throw invalidValue(`${path} contains no attribute of ${attribute.path}, which are ${names}`);
}

function complex(attribute: Attribute): Validator {
  const { subAttributes } = attribute;
  const names = new Set([...subAttributes.values()].map(({ name }) => name));
  const subs = [...subAttributes]
    .filter(([, sub]) => sub.mutability !== 'readOnly' || isMemberDisplay(sub))
    .map(([key, sub]) => ({ key, name: sub.name, required: sub.required, validate: validatorOf(sub) }));
  return (value, path, tolerated) => {
    const plain = hasOnly(value, names) ? value : undefined;
    const members = plain === undefined ? complexMembers(attribute, value, path, tolerated) : undefined;
    if (plain === undefined && members === undefined) return undefined;
    const result: Record<string, unknown> = {};
    let assigned = false;
    for (const { key, name, required, validate } of subs) {
      const member = plain === undefined ? members?.get(key) : plain[name];
      const clean = member === undefined ? undefined : validate(member, `${path}.${name}`, tolerated);
      if (clean === undefined) {
        if (required) throw invalidValue(`${path}.${name} is required`);
        continue;
      }
      result[name] = clean;
      assigned = true;
    }
    return assigned ? result : undefined;
  };
}

/** Read-only in that the store knows better; of a member that it does not hold, what is given is all there is. */
function isMemberDisplay({ path }: Attribute): boolean {
  return path === 'members.display';
}

function multiValued(attribute: Attribute, one: Validator): Validator {
  return (value, path, tolerated) => {
    if (value === null || value === undefined) return undefined;
    if (tolerate(tolerated, 'emptyText', value)) return undefined;
    const given = attribute.type === 'complex' ? (tolerate(tolerated, 'jsonText', value) ?? value) : value;
    const values = Array.isArray(given) ? given : tolerate(tolerated, 'singleForArray', given);
    if (values === undefined)
      throw invalidValue(`${path} is multi-valued and must be an array, not ${kind(value)}`);
    const elements: unknown[] = [];
    values.forEach((element, index) => {
      const clean = one(element, `${path}[${index}]`, tolerated);
      if (clean !== undefined) elements.push(clean);
    });
    // An empty array clears; one of nothing does not say what it means.
    if (elements.length === 0 && values.length > 0) throw invalidValue(`${path}[0] has no value`);
    const distinct = withoutRepetitions(attribute, elements, path);
    assertOnePrimary(distinct, path);
    return distinct.length === 0 ? undefined : distinct;
  };
}

/**
 * The same value given more than once is kept once (RFC 7643 §2.4), with all that was said of it: it is primary if it
 * is so once. What contradicts itself is refused.
 */
function withoutRepetitions(attribute: Attribute, elements: readonly unknown[], path: string): unknown[] {
  if (elements.length < 2 || haveDistinctValues(elements)) return [...elements];
  const places = new Map<string, number>();
  const distinct: unknown[] = [];
  elements.forEach((element, index) => {
    const key = identity(attribute, element);
    const place = places.get(key);
    if (place === undefined) {
      places.set(key, distinct.length);
      distinct.push(element);
    } else distinct[place] = together(attribute, distinct[place], element, `${path}[${index}]`);
  });
  return distinct;
}

/** As most lists are: then no two of them are the same, whatever else they say. */
function haveDistinctValues(elements: readonly unknown[]): boolean {
  const values = new Set<string>();
  for (const element of elements) {
    if (!isObject(element) || typeof element.value !== 'string') return false;
    values.add(element.value);
  }
  return values.size === elements.length;
}

function together(attribute: Attribute, first: unknown, second: unknown, path: string): unknown {
  if (!isObject(first) || !isObject(second)) return first;
  const result = { ...first };
  for (const { name, multiValued: many } of attribute.subAttributes.values()) {
    const [one, other] = [first[name], second[name]];
    if (other === undefined || name === 'type') continue;
    if (one === undefined) result[name] = other;
    else if (name === 'primary') result[name] = one === true || other === true;
    else if (many) result[name] = [...new Set([...(one as unknown[]), ...(other as unknown[])])];
    else if (one !== other && !isIdentifiedByValue(attribute))
      throw invalidValue(`${path} repeats a value of ${attribute.path} with another ${name}`);
  }
  return result;
}

/** A member of a group is who `value` names, whatever else is said of it (reading A-29). */
export function isIdentifiedByValue(attribute: Attribute): boolean {
  return attribute.multiValued && attribute.subAttributes.get('value')?.mutability === 'immutable';
}

/** Two values of a multi-valued attribute with one identity are the same: (type, value), if they have a `value`. */
export function identity(attribute: Attribute, element: unknown): string {
  if (!isObject(element) || element.value === undefined) return JSON.stringify(element);
  const type = typeof element.type === 'string' ? element.type.toLowerCase() : null;
  return JSON.stringify(isIdentifiedByValue(attribute) ? [element.value] : [element.value, type]);
}

function assertOnePrimary(elements: readonly unknown[], path: string): void {
  const primaries = elements.filter((element) => isObject(element) && element.primary === true);
  if (primaries.length > 1)
    throw invalidValue(`${path} has ${primaries.length} values with primary true; at most one is allowed`);
}
