/**
 * Bodies whose members are named by paths (`"name.givenName"`, `"urn:…:User:department"`) or stand under the base
 * schema's URN, as PATCH values have them: each value is put into the place that its path names. Two spellings of one
 * attribute with different values are refused.
 */
import type { Filter } from '../../grammar/ast.ts';
import { safeParsePath } from '../../grammar/index.ts';
import { invalidPath, invalidSyntax, ScimError } from '../error.ts';
import { keyOf } from './comparison.ts';
import { isObject, lowerCaseName, membersByName } from './object.ts';
import { type Attribute, type ResourceType, resolveAttrPath } from './registry.ts';
import { type Tolerated, tolerances, tolerate } from './tolerances.ts';

type Body = Readonly<Record<string, unknown>>;
type Members = Map<string, unknown>;

/**
 * The members of a body by lower-cased name, each attribute in its own place. Throws 400 invalidSyntax or invalidPath
 * for a path that names an attribute and cannot be read.
 */
export function membersInPlace(
  type: ResourceType,
  body: Body,
  tolerated: Tolerated,
): ReadonlyMap<string, unknown> {
  const given = membersByName(body, '');
  return hasPathKey(type, given) ? new Placement(type, tolerated).of(body) : given;
}

/** What one body may cost, in values looked at, and the part of it that the parsing of a path is: ten thousand paths. */
const mostWork = 1_000_000;
const costOfPath = 100;

/** No name of an attribute has any of these. */
const pathMark = /[.:[]/;

function hasPathKey(type: ResourceType, given: Members): boolean {
  for (const [name, value] of given) {
    if (!pathMark.test(name)) continue;
    if (!type.extensions.has(name)) return true;
    if (isObject(value) && Object.keys(value).some((inner) => pathMark.test(inner))) return true;
  }
  return false;
}

interface Found {
  readonly attribute: Attribute;
  readonly sub: Attribute | undefined;
  readonly filter: Filter | undefined;
  /** Has the client leave to name it so? */
  readonly isTolerated: () => boolean;
}

class Placement {
  readonly #members: Members = new Map();
  readonly #type: ResourceType;
  readonly #tolerated: Tolerated;
  #work = 0;

  constructor(type: ResourceType, tolerated: Tolerated) {
    this.#type = type;
    this.#tolerated = tolerated;
  }

  of(body: Body): ReadonlyMap<string, unknown> {
    this.#take(body);
    return this.#members;
  }

  /** What stands in its own place comes first: what is named by paths is added to it. */
  #take(body: Body): void {
    const paths: [name: string, value: unknown, found: Found | undefined][] = [];
    for (const [name, value] of Object.entries(body)) {
      const key = lowerCaseName(name);
      const attribute = this.#type.attributes.get(key);
      const extension = this.#type.extensions.get(key);
      if (attribute !== undefined) assign(this.#members, attribute, value, name);
      else if (extension !== undefined && isObject(value)) {
        const own = membersByName(value, name);
        for (const [inner, member] of Object.entries(value)) {
          const path = `${extension.schema.id}:${inner}`;
          const found = pathMark.test(inner) ? this.#find(path, inner) : undefined;
          if (found === undefined) continue;
          own.delete(lowerCaseName(inner));
          paths.push([path, member, found]);
        }
        if (this.#members.has(key)) throw different(extension.schema.id, name);
        this.#members.set(key, Object.fromEntries(own));
      } else if (extension === undefined && pathMark.test(name)) paths.push([name, value, this.#find(name)]);
      else this.#members.set(key, value);
    }
    for (const [name, value, found] of paths) {
      if (found !== undefined) this.#put(found, value, name);
      else if (lowerCaseName(name) === lowerCaseName(this.#type.schema.id)) this.#takeCore(value, name);
      else this.#members.set(lowerCaseName(name), value);
    }
  }

  #takeCore(value: unknown, name: string): void {
    const members = tolerate(this.#tolerated, 'coreSchemaObject', value);
    if (members === undefined)
      throw invalidSyntax(`${name} must not be a member: its attributes are members of the body itself`);
    membersByName(members, name);
    this.#take(members);
  }

  /**
   * What a path names; undefined for what names no attribute of this type, which is ignored as any such name is. `key`
   * is the member's own name.
   */
  #find(path: string, key = path): Found | undefined {
    this.#spend(costOfPath, path);
    const parsed = safeParsePath(path);
    const type = this.#type;
    const tolerated = this.#tolerated;
    if (!parsed.ok) {
      if (namesOwnAttribute(type, path)) throw parsed.error;
      return undefined;
    }
    const { attrPath, filter, subAttr } = parsed.path;
    const resolved = resolveAttrPath(type, attrPath);
    const dotted = resolved === undefined ? tolerances.urnDotPath.read(attrPath, type) : undefined;
    const meant = dotted === undefined ? resolved : resolveAttrPath(type, dotted);
    if (meant?.kind !== 'attribute') return undefined;
    const isTolerated = (): boolean => {
      if (dotted !== undefined) return tolerate(tolerated, 'urnDotPath', attrPath, type) !== undefined;
      const isQualified = key === path && attrPath.schema !== undefined;
      return (
        (isQualified
          ? tolerate(tolerated, 'qualifiedKey', attrPath)
          : tolerate(tolerated, 'dottedKey', key)) !== undefined
      );
    };
    const { attribute } = meant;
    if (subAttr === undefined)
      return {
        attribute: attribute.parent ?? attribute,
        sub: attribute.parent && attribute,
        filter,
        isTolerated,
      };
    const sub = attribute.subAttributes.get(subAttr.toLowerCase());
    return sub === undefined ? undefined : { attribute, sub, filter, isTolerated };
  }

  #put({ attribute, sub, filter, isTolerated }: Found, value: unknown, name: string): void {
    // What a client cannot give is ignored (RFC 7644 §3.3), however it is spelled.
    if (attribute.mutability === 'readOnly' || sub?.mutability === 'readOnly') return;
    if (!isTolerated())
      throw invalidSyntax(`${name} is a path, not an attribute name: give ${attribute.path} instead`);
    const container = this.#containerOf(attribute, name);
    const before = container.get(lowerCaseName(attribute.name));
    this.#spend(container.size + (Array.isArray(before) ? before.length : 0), name);
    if (filter !== undefined && !attribute.multiValued)
      throw invalidPath(`${name}: ${attribute.path} has one value and cannot be filtered`);
    if (sub === undefined && filter === undefined) assign(container, attribute, value, name);
    else if (attribute.multiValued) assignToElement(container, attribute, sub, filter, value, name);
    else if (sub !== undefined) assign(container, attribute, { [sub.name]: value }, name);
    if (attribute.extension !== undefined)
      this.#members.set(lowerCaseName(attribute.extension), Object.fromEntries(container));
  }

  #spend(work: number, name: string): void {
    this.#work += work;
    if (this.#work > mostWork)
      throw new ScimError(
        413,
        undefined,
        `${name}: too many paths for one body; give the attributes themselves`,
      );
  }

  /** Where the attribute belongs: the members of the body, or of its extension's object. */
  #containerOf({ extension }: Attribute, name: string): Members {
    if (extension === undefined) return this.#members;
    const object = this.#members.get(lowerCaseName(extension)) ?? {};
    if (!isObject(object)) throw different(extension, name);
    return membersByName(object, extension);
  }
}

/** Does a path, be it one that cannot be read, begin with an attribute of the type, or with one of its schemas? */
export function namesOwnAttribute(type: ResourceType, path: string): boolean {
  const lower = path.trimStart().toLowerCase();
  if (type.attributes.has(lower.slice(0, lower.search(/[.:[\s]|$/)))) return true;
  const uris = [type.schema.id.toLowerCase(), ...type.extensions.keys()];
  return uris.some((uri) => lower.startsWith(uri) && /^[:.]/.test(lower.slice(uri.length)));
}

/** Gives the attribute its value, or the sub-attributes of one that is there already theirs. */
function assign(members: Members, attribute: Attribute, value: unknown, name: string): void {
  const key = lowerCaseName(attribute.name);
  const before = members.get(key);
  if (!members.has(key) || isSame(before, value)) members.set(key, value);
  else if (attribute.type === 'complex' && !attribute.multiValued && isObject(before) && isObject(value))
    members.set(key, merged(attribute, before, value, name));
  else throw different(attribute.path, name);
}

function merged(attribute: Attribute, before: Body, value: Body, name: string): Body {
  const object = membersByName(before, attribute.path);
  for (const [key, member] of membersByName(value, name)) {
    if (object.has(key) && !isSame(object.get(key), member))
      throw different(attribute.subAttributes.get(key)?.path ?? `${attribute.path}.${key}`, name);
    object.set(key, member);
  }
  return Object.fromEntries(object);
}

/** Gives the one value that the filter describes, made if there is none, its sub-attribute or members. */
function assignToElement(
  members: Members,
  attribute: Attribute,
  sub: Attribute | undefined,
  filter: Filter | undefined,
  value: unknown,
  name: string,
): void {
  const described = filter === undefined ? {} : describedBy(filter, attribute);
  const given = sub === undefined ? value : { [sub.name]: value };
  if (described === undefined || !isObject(given))
    throw invalidPath(`${name}: give ${attribute.path} itself, as an array`);
  const key = lowerCaseName(attribute.name);
  const before = members.get(key) ?? [];
  const elements = Array.isArray(before) ? [...before] : [before];
  const chosen = elements.flatMap((element, index) =>
    isObject(element) && hasKeys(attribute, element, described) ? [index] : [],
  );
  if (chosen.length > 1 || (filter === undefined && chosen.length !== elements.length))
    throw invalidPath(
      `${name} does not select one value of ${attribute.path}: give the attribute itself, as an array`,
    );
  const [index = elements.length] = chosen;
  elements[index] = merged(attribute, (elements[index] ?? described) as Body, given, name);
  members.set(key, elements);
}

/** `type eq "work" and primary eq true` as a value; undefined for anything but a conjunction of equalities. */
function describedBy(filter: Filter, attribute: Attribute): Body | undefined {
  const described: Record<string, unknown> = {};
  for (const part of filter.type === 'and' ? filter.filters : [filter]) {
    if (part.type !== 'compare' || part.operator !== 'eq' || part.value === null) return undefined;
    const sub = attribute.subAttributes.get(part.attrPath.name.toLowerCase());
    if (sub === undefined || part.attrPath.subAttr !== undefined) return undefined;
    described[sub.name] = part.value;
  }
  return described;
}

function hasKeys(attribute: Attribute, element: Body, described: Body): boolean {
  const members = membersByName(element, attribute.path);
  return Object.entries(described).every(([name, value]) => {
    const sub = attribute.subAttributes.get(lowerCaseName(name));
    return sub !== undefined && keyOf(sub, members.get(lowerCaseName(name))) === keyOf(sub, value);
  });
}

/** The same JSON. */
function isSame(a: unknown, b: unknown): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}

function different(path: string, name: string): ScimError {
  return invalidSyntax(`${name}: ${path} is given twice, with different values`);
}
