/** Decides, once for each resource type, where the comparison keys of its attributes are kept. */
import { groupsAttribute, membersAttribute } from '../../scim/document.ts';
import { type Attribute, isResourceId, type ResourceType } from '../../scim/registry.ts';

/** The columns of `resource` that hold attributes. */
export type KeyColumn = 'external_id' | 'unique_key' | 'display_key' | 'active';

/** Columns of `element` that hold sub-attributes; other sub-attributes are in its JSON column `rest`. */
export type ElementColumn = 'value' | 'number' | 'type' | 'display' | 'primary';

export type AttributeLocation =
  | { readonly kind: 'column'; readonly column: KeyColumn }
  /** Rows of `element`; a singular attribute has at most one. */
  | { readonly kind: 'element' }
  /** In the document's `keys`, under these member names. */
  | { readonly kind: 'keys'; readonly path: readonly string[] }
  /** Its text is its key: read from the body, under this member name. */
  | { readonly kind: 'body'; readonly path: readonly string[] }
  /** Known from the row itself: `id` and the sub-attributes of `meta`. */
  | {
      readonly kind: 'row';
      readonly of: 'id' | 'resourceType' | 'created' | 'lastModified' | 'location' | 'version';
    }
  /** The member table, seen from the group and from the member. */
  | { readonly kind: 'members' }
  | { readonly kind: 'groups' };

/** An attribute of the type that has a key, or that has element rows, and its location. */
export interface Entry {
  readonly attribute: Attribute;
  readonly location: AttributeLocation;
}

/** Where each attribute of one resource type is kept. */
export interface Layout {
  readonly type: ResourceType;
  /** By path: singular leaves, multi-valued attributes and multi-valued sub-attributes. */
  readonly entries: ReadonlyMap<string, Entry>;
  /** Attributes whose values must be unique, but for the one of the column `unique_key`. */
  readonly unique: readonly Attribute[];
  /** The attribute in the column `unique_key`. */
  readonly uniqueColumn: Attribute | undefined;
  /** The attribute `members`, if the type has edges. */
  readonly members: Attribute | undefined;
  /** The attribute `groups`, if resources of the type show which groups they are in. */
  readonly groups: Attribute | undefined;
  /** Attributes whose texts the trigram index has. */
  readonly containsIndex: readonly Attribute[];
  /** Changes whenever rows written under another layout would be read wrongly. */
  readonly signature: string;
}

/** Multi-valued attributes of RFC 7643 §4.1.2 that identity providers and auditors search by value. */
const elementByDefault = new Set(['emails', 'phoneNumbers', 'ims', 'photos', 'entitlements', 'roles']);

const usualParts: ReadonlySet<string> = new Set(['value', 'type', 'display', 'primary']);

/** Counted up when the computation of keys changes, so that databases rebuild theirs. */
const keysVersion = 2;

/**
 * The column of `element` for a part of the values of `element`: a sub-attribute, or the attribute itself for a simple
 * value; undefined if it goes to `rest`. Texts and numbers
 * have columns apart, since not every database has a column of both.
 */
export function elementColumn(attribute: Attribute, element: Attribute): ElementColumn | undefined {
  const isNumber = isNumeric(attribute);
  if (attribute === element) return isNumber ? 'number' : 'value';
  if (attribute.multiValued || attribute.type === 'complex') return undefined;
  switch (attribute.name) {
    case 'value':
      return isNumber ? 'number' : 'value';
    case 'type':
    case 'display':
      return isNumber ? undefined : attribute.name;
    case 'primary':
      return attribute.type === 'boolean' ? 'primary' : undefined;
    default:
      return undefined;
  }
}

/** Is its key a number? */
function isNumeric({ type }: Attribute): boolean {
  return type === 'boolean' || type === 'integer' || type === 'decimal';
}

function isPlainText(attribute: Attribute | undefined): boolean {
  return attribute !== undefined && attribute.type === 'string' && !attribute.multiValued;
}

function columnOf(attribute: Attribute): KeyColumn | undefined {
  if (attribute.extension !== undefined || attribute.parent !== undefined) return undefined;
  if (attribute.name === 'active' && attribute.type === 'boolean' && !attribute.multiValued) return 'active';
  if (!isPlainText(attribute)) return undefined;
  if (attribute.name === 'externalId') return 'external_id';
  if (attribute.name === 'displayName' && attribute.uniqueness === 'none') return 'display_key';
  if (attribute.name === 'userName') return 'unique_key';
  return undefined;
}

function locationOfMeta(sub: Attribute): AttributeLocation | undefined {
  switch (sub.name) {
    case 'resourceType':
    case 'created':
    case 'lastModified':
    case 'location':
    case 'version':
      return { kind: 'row', of: sub.name };
    default:
      return undefined;
  }
}

function hasIndexedPart(attribute: Attribute, contains: ReadonlySet<Attribute>): boolean {
  const isIndexed = (each: Attribute): boolean => each.indexed || contains.has(each);
  return isIndexed(attribute) || attribute.subAttributes.values().some(isIndexed);
}

function locationOfMultiValued(
  type: ResourceType,
  attribute: Attribute,
  path: readonly string[],
  contains: ReadonlySet<Attribute>,
): AttributeLocation {
  if (attribute === membersAttribute(type)) return { kind: 'members' };
  if (attribute === groupsAttribute(type)) return { kind: 'groups' };
  const byDefault = attribute.extension === undefined && elementByDefault.has(attribute.name);
  if (byDefault || hasIndexedPart(attribute, contains)) return { kind: 'element' };
  if (attribute.path === 'schemas') return { kind: 'body', path: ['schemas'] };
  return { kind: 'keys', path };
}

function locationOfSingular(attribute: Attribute, path: readonly string[]): AttributeLocation {
  const column = columnOf(attribute);
  if (column !== undefined) return { kind: 'column', column };
  if (attribute.path === 'id') return { kind: 'row', of: 'id' };
  // What refers to a resource is looked up when that is deleted.
  return attribute.indexed || isResourceId(attribute) ? { kind: 'element' } : { kind: 'keys', path };
}

/** Lays out one resource type. `contains` may have attributes of others too. */
export function layOut(type: ResourceType, contains: ReadonlySet<Attribute>): Layout {
  const entries = new Map<string, Entry>();
  const unique: Attribute[] = [];
  let uniqueColumn: Attribute | undefined;

  const add = (attribute: Attribute, location: AttributeLocation): void => {
    entries.set(attribute.path, { attribute, location });
    if (location.kind === 'column' && location.column === 'unique_key') uniqueColumn = attribute;
    else if (location.kind !== 'row') noteUnique(attribute);
  };
  const noteUnique = (attribute: Attribute): void => {
    if (attribute.uniqueness !== 'none' && attribute.type !== 'complex') unique.push(attribute);
  };
  const addAttribute = (attribute: Attribute, path: readonly string[]): void => {
    if (attribute.multiValued) {
      const location = locationOfMultiValued(type, attribute, path, contains);
      add(attribute, location);
      if (location.kind !== 'members' && location.kind !== 'groups')
        attribute.subAttributes.forEach(noteUnique);
    } else if (attribute.type !== 'complex') {
      add(attribute, locationOfSingular(attribute, path));
    } else {
      for (const [name, sub] of attribute.subAttributes) {
        const row = attribute.path === 'meta' ? locationOfMeta(sub) : undefined;
        if (row !== undefined) add(sub, row);
        else addAttribute(sub, [...path, name]);
      }
    }
  };

  for (const [name, attribute] of type.attributes) addAttribute(attribute, [name]);
  for (const [uri, extension] of type.extensions) {
    for (const [name, attribute] of extension.attributes) addAttribute(attribute, [uri, name]);
  }
  const containsIndex = [...entries.values()]
    .flatMap(({ attribute }) => [attribute, ...attribute.subAttributes.values()])
    .filter((attribute) => contains.has(attribute));
  return {
    type,
    entries,
    unique,
    uniqueColumn,
    members: membersAttribute(type),
    groups: groupsAttribute(type),
    containsIndex,
    signature: signatureOf(
      type,
      entries,
      uniqueColumn === undefined ? unique : [uniqueColumn, ...unique],
      containsIndex,
    ),
  };
}

/** `[uniqueness, forms, locations, …]`, so that a change of the first can be told from the others. */
function signatureOf(
  type: ResourceType,
  entries: ReadonlyMap<string, Entry>,
  unique: readonly Attribute[],
  containsIndex: readonly Attribute[],
): string {
  const uniqueness = unique.map((attribute) => [
    attribute.path,
    attribute.type,
    (attribute.caseExact ? 1 : 0) + (isNumeric(attribute) ? 2 : 0),
  ]);
  const forms = [
    type.schema.id,
    [...type.attributes.values()].map(formOf),
    [...type.extensions.values()].map(({ schema, required, attributes }) => [
      schema.id,
      required ? 1 : 0,
      [...attributes.values()].map(formOf),
    ]),
  ];
  const locations = [...entries.values()].map(({ attribute, location }) => [
    attribute.path,
    location.kind,
    ...(location.kind === 'element' ? unusualParts(attribute) : []),
  ]);
  const trigrams = containsIndex.length === 0 ? [] : [containsIndex.map(({ path }) => path)];
  return JSON.stringify([[keysVersion, uniqueness], forms, locations, ...trigrams]);
}

/** Sub-attributes that have no column though most of their name have one. */
function unusualParts(element: Attribute): string[] {
  return [...element.subAttributes.values()]
    .filter((sub) => usualParts.has(sub.name) && elementColumn(sub, element) === undefined)
    .map(({ name }) => name);
}

/** What documents and their keys depend on. */
function formOf(attribute: Attribute): unknown[] {
  return [
    attribute.name,
    attribute.type,
    (attribute.multiValued ? 1 : 0) + (attribute.required ? 2 : 0) + (attribute.caseExact ? 4 : 0),
    [...attribute.subAttributes.values()].map(formOf),
  ];
}

/** Paths of the attributes that the trigram index of a layout has. */
export function containsIndexOf(signature: string): readonly string[] {
  const [, , , paths = []] = JSON.parse(signature) as [unknown, unknown, unknown, string[]?];
  return paths;
}

/** The same layout without the index: rows that are as it says want the index's texts alone. */
export function withoutContainsIndex(signature: string): string {
  return JSON.stringify((JSON.parse(signature) as unknown[]).slice(0, 3));
}

/** Do two layouts have the same unique keys? */
export function sameUniqueness(one: string, other: string): boolean {
  const uniquenessOf = (signature: string): string => JSON.stringify((JSON.parse(signature) as unknown[])[0]);
  return uniquenessOf(one) === uniquenessOf(other);
}
