/**
 * A whole resource from a request body (RFC 7644 §3.3, §3.5.1): checked attribute by attribute against its type,
 * under registered names, in schema order. Members and the password, which are stored apart from the document,
 * are returned apart.
 */

import { invalidValue, ScimError } from '../error.ts';
import {
  type Document,
  equalValues,
  isSecret,
  type MemberValue,
  membersAttribute,
  schemasOf,
} from './document.ts';
import { type ComplexValue, hasOnly, isObject, lowerCaseName, membersByName } from './object.ts';
import { orderedComplex } from './patch-lists.ts';
import { membersInPlace } from './path-keys.ts';
import type { Attribute, Extension, ResourceType } from './registry.ts';
import { type Tolerated, tolerate } from './tolerances.ts';
import { type Validator, validatorOf } from './value.ts';

export interface CheckedResource {
  readonly document: Document;
  /** Present if the resource type has members: the values given, empty if none. */
  readonly members: readonly MemberValue[] | undefined;
  /** The password in clear text; null removes it; undefined if the body does not mention it. */
  readonly password: string | null | undefined;
  /** The body's members by lower-cased name, each attribute in its own place. */
  readonly given: ReadonlyMap<string, unknown>;
}

/** Checks the body of a POST. `now` is absent: id and meta are the store's to give. */
export function checkNew(type: ResourceType, body: unknown, tolerated: Tolerated): CheckedResource {
  return check(type, body, tolerated, undefined);
}

/**
 * Checks the body of a PUT against the stored document. Omitted readWrite attributes are cleared, except `active`,
 * which keeps its value: a PUT that does not speak of it must not reactivate a leaver. Omitted writeOnly and
 * immutable attributes keep their values too (reading A-13).
 */
export function checkReplacement(
  type: ResourceType,
  body: unknown,
  stored: Document,
  tolerated: Tolerated,
): CheckedResource {
  return check(type, body, tolerated, stored);
}

function check(
  type: ResourceType,
  body: unknown,
  tolerated: Tolerated,
  stored: Document | undefined,
): CheckedResource {
  if (!isObject(body))
    throw new ScimError(400, 'invalidSyntax', 'The body must be a JSON object: one resource');
  const given = membersInPlace(type, body, tolerated);
  checkSchemas(type, given.get('schemas'), tolerated);
  const result: Record<string, unknown> = { schemas: [] };
  if (stored?.id !== undefined) result.id = stored.id;
  const { attributes, extensions, members } = checkedOf(type);
  let memberValues: readonly MemberValue[] | undefined;
  let password: string | null | undefined;
  for (const { key, attribute, isReadOnly, validate } of attributes) {
    if (isReadOnly) {
      keepReadOnly(attribute, stored, result);
      continue;
    }
    const said = given.get(key);
    const value = stored === undefined ? withoutNothing(attribute, said) : said;
    if (attribute === members) {
      memberValues = memberValuesOf(members, value, members.name, tolerated);
      continue;
    }
    const clean = value === undefined ? undefined : validate(value, attribute.name, tolerated);
    if (isSecret(attribute)) {
      password = value === undefined ? undefined : ((clean as string | undefined) ?? null);
      continue;
    }
    const kept = settle(attribute, clean, value, stored?.[attribute.name], stored !== undefined);
    if (kept !== undefined) result[attribute.name] = kept;
    else if (attribute.required) throw invalidValue(`${attribute.name} is required`);
  }
  for (const extension of extensions) {
    const { uri, key } = extension;
    const container = checkExtension(
      extension,
      given.get(key),
      stored?.[uri],
      stored !== undefined,
      tolerated,
    );
    if (container !== undefined) result[uri] = container;
  }
  refuseUnknownSchemas(type, given, tolerated);
  result.schemas = schemasOf(type, result);
  return { document: result, members: memberValues, password, given };
}

/** What is asked of an attribute each time that a resource is checked. */
interface CheckedAttribute {
  readonly key: string;
  readonly attribute: Attribute;
  readonly isReadOnly: boolean;
  readonly validate: Validator;
}

interface CheckedExtension {
  readonly key: string;
  readonly uri: string;
  readonly extension: Extension;
  readonly attributes: readonly CheckedAttribute[];
  readonly names: ReadonlySet<string>;
}

interface CheckedType {
  /** All but `schemas`. */
  readonly attributes: readonly CheckedAttribute[];
  readonly extensions: readonly CheckedExtension[];
  readonly members: Attribute | undefined;
}

const checkedTypes = new WeakMap<ResourceType, CheckedType>();

function checkedOf(type: ResourceType): CheckedType {
  let known = checkedTypes.get(type);
  if (known === undefined) {
    known = {
      attributes: checkedAttributes(type.attributes).filter(({ key }) => key !== 'schemas'),
      extensions: Array.from(type.extensions, ([key, extension]) => ({
        ...{ key, uri: extension.schema.id, extension },
        attributes: checkedAttributes(extension.attributes),
        names: new Set([...extension.attributes.values()].map(({ name }) => name)),
      })),
      members: membersAttribute(type),
    };
    checkedTypes.set(type, known);
  }
  return known;
}

function checkedAttributes(attributes: ReadonlyMap<string, Attribute>): CheckedAttribute[] {
  return Array.from(attributes, ([key, attribute]) => ({
    ...{ key, attribute, isReadOnly: attribute.mutability === 'readOnly' },
    validate: validatorOf(attribute),
  }));
}

function isNothing(value: unknown): boolean {
  if (value === null) return true;
  if (!isObject(value)) return false;
  for (const name of Object.keys(value)) if (value[name] !== null) return false;
  return true;
}

/**
 * What a new resource is given: `{}` and an object of nulls are no value there, alone or in a list; where there is one, they
 * do not say that it is to go.
 */
function withoutNothing(attribute: Attribute, value: unknown): unknown {
  if (attribute.type !== 'complex') return value;
  if (!Array.isArray(value) || !attribute.multiValued) return isNothing(value) ? undefined : value;
  if (!value.some(isNothing)) return value.length === 0 ? undefined : value;
  // Null keeps the places of the others, which errors name.
  const left = value.map((each) => (isNothing(each) ? null : each));
  return left.every((each) => each === null) ? undefined : left;
}

/** What a client cannot give, it cannot take away by leaving it out (RFC 7644 §3.5.1). */
function keepReadOnly(
  attribute: Attribute,
  stored: Document | undefined,
  result: Record<string, unknown>,
): void {
  const value = stored?.[attribute.name];
  if (value !== undefined) result[attribute.name] = value;
}

function isActive({ path, type, required }: Attribute): boolean {
  return path === 'active' && type === 'boolean' && !required;
}

/** Who has been deactivated stays so until somebody says otherwise: clearing `active` would lose the mark of a leaver. */
export function keepsInactive(attribute: Attribute, stored: unknown): boolean {
  return stored === false && isActive(attribute);
}

/** The value to store, given the cleaned new one and the stored one (RFC 7644 §3.5.1). */
function settle(
  attribute: Attribute,
  clean: unknown,
  given: unknown,
  stored: unknown,
  replacing: boolean,
): unknown {
  if (stored !== undefined) return carryOver(attribute, clean, given, stored);
  return isActive(attribute) && clean === undefined && !replacing ? true : clean;
}

/**
 * What a PUT keeps of a stored value: what is immutable, what the client never saw when it read the resource, and
 * `active` (reading A-13). Sub-attributes of a singular complex attribute likewise.
 */
function carryOver(attribute: Attribute, clean: unknown, given: unknown, stored: unknown): unknown {
  if (attribute.mutability === 'readOnly') return stored;
  if (attribute.mutability === 'immutable') {
    if (given !== undefined && !equalValues(clean, stored)) {
      throw new ScimError(400, 'mutability', `${attribute.path} is immutable and already has another value`);
    }
    return stored;
  }
  if (isActive(attribute) && clean === undefined) return stored;
  if (given === undefined && (attribute.returned === 'never' || attribute.returned === 'request'))
    return stored;
  if (attribute.multiValued || !isObject(stored)) return clean;
  const members = isObject(given) ? membersByName(given, attribute.path) : undefined;
  const result: Record<string, unknown> = {};
  for (const [key, sub] of attribute.subAttributes) {
    const before = stored[sub.name];
    const after = isObject(clean) ? clean[sub.name] : undefined;
    const said = given === null ? null : members?.get(key);
    const kept = before === undefined ? after : carryOver(sub, after, said, before);
    if (kept !== undefined) result[sub.name] = kept;
  }
  if (Object.keys(result).length === 0) return undefined;
  // What is left of an object that goes keeps what it must have: without it, it could not be put back.
  for (const { name, required } of attribute.subAttributes.values())
    if (required) result[name] ??= stored[name];
  return orderedComplex(attribute, result);
}

function checkExtension(
  { uri, extension, attributes, names }: CheckedExtension,
  said: unknown,
  stored: unknown,
  replacing: boolean,
  tolerated: Tolerated,
): ComplexValue | undefined {
  const value = extensionValue(uri, said, tolerated);
  const plain = hasOnly(value, names) ? value : undefined;
  const given = plain === undefined && isObject(value) ? membersByName(value, uri) : undefined;
  const before = isObject(stored) ? stored : {};
  const result: Record<string, unknown> = {};
  for (const { key, attribute, isReadOnly, validate } of attributes) {
    if (isReadOnly) {
      keepReadOnly(attribute, before, result);
      continue;
    }
    const sent = plain === undefined ? given?.get(key) : plain[attribute.name];
    const member = replacing ? sent : withoutNothing(attribute, sent);
    const clean = member === undefined ? undefined : validate(member, attribute.path, tolerated);
    const kept = settle(attribute, clean, member, before[attribute.name], replacing);
    if (kept !== undefined) result[attribute.name] = kept;
  }
  requireExtension(extension, result);
  return Object.keys(result).length === 0 ? undefined : result;
}

/** The object of an extension; undefined or null where it means no value. */
function extensionValue(uri: string, said: unknown, tolerated: Tolerated): unknown {
  const value = Array.isArray(said) ? tolerate(tolerated, 'arrayForSingle', said)?.value : said;
  if (value === null || isObject(value) || said === undefined) return value;
  if (tolerate(tolerated, 'emptyText', said)) return null;
  throw invalidValue(`${uri} must be an object of its attributes`);
}

/** A required extension, and one that is present, must have its required attributes (RFC 7643 §3.3, §6). */
export function requireExtension(extension: Extension, container: ComplexValue): void {
  const present = Object.keys(container).length > 0;
  if (!present && !extension.required) return;
  if (!present) throw invalidValue(`${extension.schema.id} is required`);
  for (const attribute of extension.attributes.values()) {
    if (attribute.required && container[attribute.name] === undefined)
      throw invalidValue(`${attribute.path} is required`);
  }
}

/** The values of a complex attribute that changed must have their required sub-attributes (RFC 7643 §2.2). */
export function requireSubAttributes(attribute: Attribute, before: unknown, after: unknown): void {
  if (after === undefined) return;
  const required = [...attribute.subAttributes.values()].filter((sub) => sub.required);
  if (required.length === 0) return;
  const known = Array.isArray(before) ? before : [before];
  for (const element of Array.isArray(after) ? after : [after]) {
    if (known.some((each) => equalValues(each, element))) continue;
    const missing = required.find((sub) => (element as ComplexValue)[sub.name] === undefined);
    if (missing !== undefined) throw invalidValue(`${missing.path} is required`);
  }
}

/** RFC 7643 §3, §3.3: a non-empty array of distinct URIs, the base schema among them, none of another type. */
function checkSchemas(type: ResourceType, given: unknown, tolerated: Tolerated): void {
  const base = lowerCaseName(type.schema.id);
  const schemas = typeof given === 'string' ? (tolerate(tolerated, 'singleForArray', given) ?? given) : given;
  const seen = new Set<string>();
  for (const uri of Array.isArray(schemas) ? schemas : []) {
    if (typeof uri !== 'string')
      throw new ScimError(400, 'invalidSyntax', 'schemas must contain URIs as strings');
    const key = lowerCaseName(uri);
    if (seen.has(key)) throw new ScimError(400, 'invalidSyntax', `schemas contains ${uri} twice`);
    seen.add(key);
    if (key !== base && !type.extensions.has(key)) refuseSchema(type, uri, tolerated);
  }
  if (seen.has(base) || tolerate(tolerated, 'schemasLeftOut', schemas) !== undefined) return;
  throw new ScimError(
    400,
    'invalidSyntax',
    `schemas must be an array that contains ${type.schema.id}, the schema of ${type.endpoint}`,
  );
}

/** A URN of another resource type is wrong here whatever is tolerated; one that nobody knows may be left out. */
function refuseSchema(type: ResourceType, uri: string, tolerated: Tolerated): void {
  const foreign = /^urn:ietf:params:scim:(?:schemas:core:2\.0:(?:User|Group)|api:)/i.test(uri);
  if (foreign || tolerate(tolerated, 'unknownSchema', uri) === undefined) {
    throw new ScimError(400, 'invalidSyntax', `${uri} is not a schema of ${type.name}`);
  }
}

function refuseUnknownSchemas(
  type: ResourceType,
  given: ReadonlyMap<string, unknown>,
  tolerated: Tolerated,
): void {
  for (const key of given.keys()) {
    if (!key.includes(':') || type.extensions.has(key)) continue;
    // An attribute that the base schema does not have is ignored, under its URN too.
    if (key.startsWith(`${lowerCaseName(type.schema.id)}:`)) continue;
    refuseSchema(type, key, tolerated);
  }
}

/** Members as given; `$ref` and `display` of known resources are the store's to compute. */
export function memberValuesOf(
  attribute: Attribute,
  value: unknown,
  path: string,
  tolerated: Tolerated,
): readonly MemberValue[] {
  const elements = validatorOf(attribute)(value, path, tolerated);
  return memberValuesFrom(attribute, Array.isArray(elements) ? elements : [], path);
}

/** Checked values of `members`. Throws 400 invalidValue for one without an id. */
export function memberValuesFrom(
  attribute: Attribute,
  elements: readonly unknown[],
  path: string,
): readonly MemberValue[] {
  return elements.map((element, index) => {
    const { value, type, display } = isObject(element) ? element : {};
    if (typeof value !== 'string' || value === '') {
      throw invalidValue(`${path}[${index}]: ${attribute.path}.value is required: the id of a resource`);
    }
    return {
      value,
      ...(typeof type === 'string' ? { type } : {}),
      ...(typeof display === 'string' ? { display } : {}),
    };
  });
}
