/**
 * `attributes` and `excludedAttributes` (RFC 7644 §3.4.2.5, §3.9): which attributes an answer shows, given what the
 * schema says of each (`returned`, RFC 7643 §7).
 */
import { ScimError } from '../error.ts';
import { isObject } from './object.ts';
import { membersInPlace } from './path-keys.ts';
import { type Attribute, type ResourceType, resolveName } from './registry.ts';
import type { Tolerated } from './tolerances.ts';

/** What the client asked for; both empty means the default set. */
export interface Selection {
  readonly attributes: readonly string[];
  readonly excludedAttributes: readonly string[];
}

export const everything: Selection = { attributes: [], excludedAttributes: [] };

/** Reads the two parameters; given both, the request is refused, since they exclude one another (reading A-16). */
export function readSelection(
  attributes: readonly string[] | undefined,
  excluded: readonly string[] | undefined,
): Selection {
  if (attributes === undefined && excluded === undefined) return everything;
  if (attributes !== undefined && excluded !== undefined) {
    throw new ScimError(
      400,
      'invalidValue',
      'attributes and excludedAttributes exclude one another; give only one',
    );
  }
  return { attributes: attributes ?? [], excludedAttributes: excluded ?? [] };
}

/** A selection bound to a resource type. */
export interface Projection {
  /** Is the attribute, or any of its sub-attributes, in the answer? */
  shows(attribute: Attribute | undefined): boolean;
  /** The resource with what the projection leaves of it, as a new object. */
  apply(resource: Readonly<Record<string, unknown>>): Record<string, unknown>;
}

/** The attributes named: an attribute stands for all of it, a sub-attribute for itself. */
type Named = Set<Attribute>;

function resolveNames(type: ResourceType, names: readonly string[]): Named {
  const named: Named = new Set();
  for (const name of names) {
    const extension = type.extensions.get(name.toLowerCase());
    if (extension !== undefined) {
      for (const attribute of extension.attributes.values()) named.add(attribute);
      continue;
    }
    if (name.toLowerCase() === type.schema.id.toLowerCase()) {
      for (const attribute of type.attributes.values()) named.add(attribute);
      continue;
    }
    // What is no attribute notation names nothing, like any unknown attribute (RFC 7644 §3.9).
    const resolved = resolveName(type, name);
    if (resolved?.kind === 'attribute') named.add(resolved.attribute);
  }
  return named;
}

/**
 * The projection of a selection; undefined when the default set is asked for and the schema shows and hides nothing
 * by itself, so that stored text can be answered as it is. `supplied` are attributes that the request itself wrote,
 * which shows those that are returned on request (RFC 7643 §7).
 */
export function projectionOf(
  type: ResourceType,
  selection: Selection,
  supplied?: ReadonlySet<string>,
): Projection | undefined {
  const isDefault = selection.attributes.length === 0 && selection.excludedAttributes.length === 0;
  return isDefault && !hasConditional(type) ? undefined : projectionBy(type, selection, supplied);
}

/** The projection of a selection, also where it shows everything but what is never returned. */
export function projectionBy(
  type: ResourceType,
  selection: Selection,
  supplied?: ReadonlySet<string>,
): Projection {
  const wanted = selection.attributes.length > 0 ? resolveNames(type, selection.attributes) : undefined;
  const unwanted = resolveNames(type, selection.excludedAttributes);
  const visible = (attribute: Attribute): boolean => {
    switch (attribute.returned) {
      case 'always':
        return true;
      case 'never':
        return false;
      case 'request':
        return wanted === undefined
          ? supplied?.has(attribute.path) === true && !unwanted.has(attribute)
          : wanted.has(attribute);
      default:
        if (wanted === undefined) return !unwanted.has(attribute);
        return wanted.has(attribute) || (attribute.parent !== undefined && wanted.has(attribute.parent));
    }
  };
  const anySub = (attribute: Attribute): boolean => {
    for (const sub of attribute.subAttributes.values()) {
      if (wanted?.has(sub) === true) return true;
    }
    return false;
  };
  const shows = (attribute: Attribute | undefined): boolean =>
    attribute !== undefined && attribute.returned !== 'never' && (visible(attribute) || anySub(attribute));

  const element = (attribute: Attribute, value: unknown): unknown => {
    if (!isObject(value)) return value;
    const whole = visible(attribute);
    const result: Record<string, unknown> = {};
    for (const sub of attribute.subAttributes.values()) {
      if (value[sub.name] === undefined) continue;
      // Naming the parent shows its default sub-attributes; naming a sub-attribute shows that one.
      const shown = whole
        ? visible(sub) || (wanted !== undefined && sub.returned === 'default' && !unwanted.has(sub))
        : visible(sub);
      if (shown) result[sub.name] = value[sub.name];
    }
    return result;
  };
  const project = (attribute: Attribute, value: unknown): unknown => {
    if (attribute.type !== 'complex') return value;
    if (Array.isArray(value)) {
      const elements = value
        .map((each) => element(attribute, each))
        .filter((each) => !isObject(each) || Object.keys(each).length > 0);
      return elements.length === 0 ? undefined : elements;
    }
    const projected = element(attribute, value);
    return isObject(projected) && Object.keys(projected).length === 0 ? undefined : projected;
  };
  const pick = (
    from: Readonly<Record<string, unknown>>,
    attributes: ReadonlyMap<string, Attribute>,
    into: Record<string, unknown>,
  ) => {
    for (const attribute of attributes.values()) {
      const value = from[attribute.name];
      if (value === undefined || !shows(attribute)) continue;
      const projected = project(attribute, value);
      if (projected !== undefined) into[attribute.name] = projected;
    }
  };
  return {
    shows,
    apply(resource) {
      const result: Record<string, unknown> = {};
      pick(resource, type.attributes, result);
      for (const extension of type.extensions.values()) {
        const container = resource[extension.schema.id];
        if (!isObject(container)) continue;
        const picked: Record<string, unknown> = {};
        pick(container, extension.attributes, picked);
        if (Object.keys(picked).length > 0) result[extension.schema.id] = picked;
      }
      return result;
    },
  };
}

const conditional = new WeakMap<ResourceType, boolean>();

/** Has it attributes whose stored values are not always answered? A secret is not stored with them. */
function hasConditional(type: ResourceType): boolean {
  let known = conditional.get(type);
  if (known === undefined) {
    const some = (attributes: ReadonlyMap<string, Attribute>): boolean =>
      [...attributes.values()].some(
        ({ returned, mutability, extension, subAttributes }) =>
          returned === 'request' ||
          (returned === 'never' && (mutability !== 'writeOnly' || extension !== undefined)) ||
          some(subAttributes),
      );
    known =
      some(type.attributes) || [...type.extensions.values()].some((extension) => some(extension.attributes));
    conditional.set(type, known);
  }
  return known;
}

const nothing: ReadonlySet<string> = new Set();

/** Paths of the attributes and sub-attributes that the body of a POST or PUT gives; `body` is one that was read. */
export function suppliedByBody(type: ResourceType, body: unknown, tolerated: Tolerated): ReadonlySet<string> {
  if (!hasConditional(type) || !isObject(body)) return nothing;
  const paths = new Set<string>();
  const given = membersInPlace(type, body, tolerated);
  addSupplied(type.attributes, Object.fromEntries(given), paths);
  for (const [name, value] of given) addSupplied(type.extensions.get(name)?.attributes, value, paths);
  return paths;
}

/** Paths of the attributes and sub-attributes that a PATCH names. */
export function suppliedByEdits(
  type: ResourceType,
  edits: readonly {
    readonly attribute: Attribute;
    readonly sub: Attribute | undefined;
    readonly value: unknown;
  }[],
): ReadonlySet<string> {
  if (!hasConditional(type)) return nothing;
  const paths = new Set<string>();
  for (const { attribute, sub, value } of edits) {
    paths.add(attribute.path);
    if (sub === undefined) addSupplied(attribute.subAttributes, value, paths);
    else paths.add(sub.path);
  }
  return paths;
}

function addSupplied(
  attributes: ReadonlyMap<string, Attribute> | undefined,
  value: unknown,
  paths: Set<string>,
): void {
  for (const each of Array.isArray(value) ? value : [value]) {
    if (!isObject(each) || attributes === undefined) continue;
    for (const [name, member] of Object.entries(each)) {
      const attribute = attributes.get(name.toLowerCase());
      if (attribute === undefined) continue;
      paths.add(attribute.path);
      addSupplied(attribute.subAttributes, member, paths);
    }
  }
}
