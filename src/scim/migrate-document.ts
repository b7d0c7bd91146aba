/**
 * Migrates a stored document to the schema configured now. Values that the schema does not define or allow (an extension
 * that was removed, a string where it now has an integer) are quarantined: kept, not shown, and restored with their
 * definition. Nothing is lost.
 */
import { instantKey } from './comparison.ts';
import { type Document, equalValues, membersAttribute, schemasOf } from './document.ts';
import { isObject } from './object.ts';
import type { Attribute, Extension, ResourceType } from './registry.ts';

/** A value that the schema does not define or allow. */
export interface Quarantined {
  /** The member's name, or the extension's and the member's. */
  readonly path: readonly string[];
  /** The part of it that stayed in the document; absent if nothing did. */
  readonly left?: unknown;
  readonly value: unknown;
}

export interface MigratedDocument {
  /** The same object as given if nothing had to change. */
  readonly document: Document;
  readonly quarantined: readonly Quarantined[];
  /** Paths of required attributes without a value. */
  readonly missing: readonly string[];
  /** Paths of attributes whose value does not, or not wholly, match the schema. */
  readonly invalid: readonly string[];
  /** Names of extensions and paths of attributes that the schema does not have. */
  readonly unknown: readonly string[];
}

type Mutable = Record<string, unknown>;

/** `before` was quarantined by the last migration. */
export function migrateDocument(
  type: ResourceType,
  stored: Document,
  before: readonly Quarantined[],
): MigratedDocument {
  const whole = before.length === 0 ? stored : restored(stored, before);
  const quarantined: Quarantined[] = [];
  const invalid: string[] = [];
  const unknown: string[] = [];
  const missing: string[] = [];

  /** The members of `source` that `attributes` have a place for, in their order. */
  const fit = (
    attributes: ReadonlyMap<string, Attribute>,
    source: Readonly<Record<string, unknown>>,
    extension: string | undefined,
  ): Mutable => {
    const result: Mutable = {};
    const path = (name: string) => (extension === undefined ? [name] : [extension, name]);
    const names = new Map(Object.keys(source).map((name) => [name.toLowerCase(), name]));
    for (const [key, attribute] of attributes) {
      const name = names.get(key);
      if (name === undefined) continue;
      names.delete(key);
      const value = source[name];
      const left = fitted(attribute, value);
      if (left !== undefined) result[attribute.name] = left;
      if (equalValues(left, value)) continue;
      quarantined.push({ path: path(name), ...(left === undefined ? {} : { left }), value });
      invalid.push(attribute.path);
    }
    for (const name of names.values()) {
      if (extension === undefined && type.extensions.has(name.toLowerCase())) continue;
      quarantined.push({ path: path(name), value: source[name] });
      unknown.push(extension === undefined ? name : `${extension}:${name}`);
    }
    return result;
  };

  const document = fit(type.attributes, whole, undefined);
  missing.push(...missingIn(type.attributes, document, membersAttribute(type)));
  const names = new Map(Object.keys(whole).map((name) => [name.toLowerCase(), name]));
  for (const [key, extension] of type.extensions) {
    const name = names.get(key);
    const source = name === undefined ? undefined : whole[name];
    const container = isObject(source) ? fit(extension.attributes, source, name) : {};
    if (Object.keys(container).length > 0) document[extension.schema.id] = container;
    missing.push(...missingOf(extension, container));
  }
  document.schemas = schemasOf(type, document);
  const same = quarantined.length === 0 && before.length === 0 && equalValues(document, stored);
  return { document: same ? stored : document, quarantined, missing, invalid, unknown };
}

/** The document with quarantined values restored, unless another value has been written since. */
function restored(stored: Document, before: readonly Quarantined[]): Document {
  const whole = structuredClone(stored) as Mutable;
  for (const { path, left, value } of before) {
    const [name = '', member] = path;
    if (member === undefined) {
      if (equalValues(whole[name], left)) whole[name] = value;
      continue;
    }
    const container = isObject(whole[name]) ? whole[name] : {};
    if (!equalValues(container[member], left)) continue;
    container[member] = value;
    whole[name] = container;
  }
  return whole;
}

/** The valid part of a value; undefined if there is none. */
function fitted(attribute: Attribute, value: unknown): unknown {
  if (!attribute.multiValued) {
    // It was multi-valued: one value is still one.
    if (Array.isArray(value)) return value.length === 1 ? fittedOne(attribute, value[0]) : undefined;
    return fittedOne(attribute, value);
  }
  const values = (Array.isArray(value) ? value : [value]).map((each) => fittedOne(attribute, each));
  const left = values.filter((each) => each !== undefined);
  return left.length === 0 ? undefined : left;
}

function fittedOne(attribute: Attribute, value: unknown): unknown {
  switch (attribute.type) {
    case 'complex': {
      if (!isObject(value)) return undefined;
      const left: Mutable = {};
      for (const sub of attribute.subAttributes.values()) {
        const of = value[sub.name] === undefined ? undefined : fitted(sub, value[sub.name]);
        if (of !== undefined) left[sub.name] = of;
      }
      return Object.keys(left).length === 0 ? undefined : left;
    }
    case 'boolean':
      return typeof value === 'boolean' ? value : undefined;
    case 'integer':
      return Number.isSafeInteger(value) ? value : undefined;
    case 'decimal':
      return typeof value === 'number' ? value : undefined;
    case 'dateTime':
      return typeof value === 'string' && instantKey(value) !== undefined ? value : undefined;
    default:
      return typeof value === 'string' ? value : undefined;
  }
}

/** Members and secrets are stored elsewhere; clients cannot set readOnly attributes. */
function missingIn(
  attributes: ReadonlyMap<string, Attribute>,
  container: Readonly<Record<string, unknown>>,
  members?: Attribute,
): string[] {
  const missing: string[] = [];
  for (const attribute of attributes.values()) {
    if (attribute === members || attribute.mutability === 'readOnly' || attribute.mutability === 'writeOnly')
      continue;
    const value = container[attribute.name];
    if (value === undefined) {
      if (attribute.required && attribute.name !== 'schemas') missing.push(attribute.path);
      continue;
    }
    for (const sub of attribute.subAttributes.values()) {
      if (!sub.required || sub.mutability === 'readOnly') continue;
      const elements = (Array.isArray(value) ? value : [value]) as Mutable[];
      if (elements.some((element) => element[sub.name] === undefined)) missing.push(sub.path);
    }
  }
  return missing;
}

function missingOf(extension: Extension, container: Readonly<Record<string, unknown>>): string[] {
  if (Object.keys(container).length > 0) return missingIn(extension.attributes, container);
  return extension.required ? [extension.schema.id] : [];
}
