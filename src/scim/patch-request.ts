/**
 * A PatchOp message (RFC 7644 §3.5.2) read into edits: each names one attribute of the resource type, what to do
 * and with which value. A path-less operation becomes one edit for each member of its value.
 */
import type { AttrPath, Filter, PatchPath } from '../../grammar/ast.ts';
import { safeParsePath } from '../../grammar/index.ts';
import { invalidPath, invalidSyntax, invalidValue, ScimError } from '../error.ts';
import { membersAttribute } from './document.ts';
import { hasOnly, isObject, membersByName } from './object.ts';
import { namesOwnAttribute } from './path-keys.ts';
import { type Attribute, type Extension, type ResourceType, resolveAttrPath } from './registry.ts';
import { type Tolerated, tolerate } from './tolerances.ts';
import { usualPath } from './usual-path.ts';

export type PatchOperator = 'add' | 'remove' | 'replace';

/** One edit of one attribute. `at` is where it stands in the request, for errors. */
export interface Edit {
  readonly op: PatchOperator;
  readonly attribute: Attribute;
  /** Selects among the attribute's values. */
  readonly filter: Filter | undefined;
  readonly sub: Attribute | undefined;
  /** Selects among the values of a multi-valued `sub`: `desk.tags[value eq "a"]`. */
  readonly subFilter: Filter | undefined;
  readonly value: unknown;
  readonly at: string;
}

/** Of an operation, as the message has them. */
interface OperationParts {
  readonly op?: unknown;
  readonly path?: unknown;
  readonly value?: unknown;
}

const operationNames: ReadonlySet<string> = new Set(['op', 'path', 'value']);

type Target = Pick<Edit, 'attribute'> & Partial<Pick<Edit, 'filter' | 'sub' | 'subFilter'>>;

export interface PathLimits {
  readonly characters: number;
  readonly depth: number;
  readonly terms: number;
  /** Is told of each path before it is read, and may throw: all of a message together take time too. */
  readonly beforePath?: (path: string) => void;
}

function requireValue(op: PatchOperator, value: unknown, at: string): void {
  if (op !== 'remove' && value === undefined)
    throw new ScimError(400, 'invalidValue', `${at.replace(/\.path$/, '')}: ${op} needs a value`);
}

/**
 * Reads the operations of a PatchOp message. `id` is the resource's own, so that sending it back unchanged is no attempt
 * to change it.
 */
export function readPatch(
  type: ResourceType,
  operations: readonly unknown[],
  id: string,
  tolerated: Tolerated,
  limits?: PathLimits,
): readonly Edit[] {
  const reader = new PatchReader(type, id, tolerated, limits);
  operations.forEach((operation, index) => {
    reader.read(operation, `Operations[${index}]`);
  });
  return reader.edits;
}

/** The refusal to change an immutable attribute that has a value. */
export function immutable(edit: Edit, attribute: Attribute): ScimError {
  return new ScimError(
    400,
    'mutability',
    `${edit.at}: ${attribute.path} is immutable and already has a value`,
  );
}

/** What a `remove` names by a value; undefined if it has none, and is about all that its path selects (reading A-08). */
export function namedValue(
  { attribute, value, at }: Pick<Edit, 'value' | 'at'> & { readonly attribute?: Attribute },
  tolerated: Tolerated,
): { readonly value: unknown } | undefined {
  if (value === undefined || value === null) return undefined;
  const isEmpty = value === '' && tolerate(tolerated, 'emptyText', value) !== undefined;
  const named = isEmpty ? { value } : tolerate(tolerated, 'removeWithValue', value);
  if (named !== undefined) return value === '' ? undefined : named;
  const path = attribute?.multiValued ? `: ${attribute.path}[value eq "…"]` : '';
  throw invalidValue(`${at}: remove takes no value; select what to remove in the path${path}`);
}

/** `type eq "work" and primary eq true` as a value; undefined for anything but equalities of different attributes. */
export function describedBy(filter: Filter, attribute: Attribute): Record<string, unknown> | undefined {
  const element: Record<string, unknown> = {};
  for (const part of filter.type === 'and' ? filter.filters : [filter]) {
    if (part.type !== 'compare' || part.operator !== 'eq' || part.value === null) return undefined;
    const sub = attribute.subAttributes.get(part.attrPath.name.toLowerCase());
    if (sub === undefined || part.attrPath.subAttr !== undefined || element[sub.name] !== undefined)
      return undefined;
    element[sub.name] = part.value;
  }
  return element;
}

class PatchReader {
  readonly edits: Edit[] = [];
  /** Has the operation named anything that is known here? */
  #understood = false;
  readonly #type: ResourceType;
  readonly #id: string;
  readonly #tolerated: Tolerated;
  readonly #limits: PathLimits | undefined;

  constructor(type: ResourceType, id: string, tolerated: Tolerated, limits: PathLimits | undefined) {
    this.#type = type;
    this.#id = id;
    this.#tolerated = tolerated;
    this.#limits = limits;
  }

  read(operation: unknown, at: string): void {
    if (!isObject(operation)) throw invalidSyntax(`${at} must be an object`);
    const { op: operator, path, value } = this.#parts(operation, at);
    const op = this.#operator(operator, at);
    this.#understood = false;
    if (path === undefined || path === null) {
      if (op === 'remove') throw new ScimError(400, 'noTarget', `${at}: remove needs a path`);
      requireValue(op, value, at);
      this.#readMembers(op, this.#objectWithoutPath(value, at), `${at}.value`);
    } else {
      if (typeof path !== 'string') throw invalidPath(`${at}.path must be a string`);
      this.#readPath(op, path, value, `${at}.path`);
    }
    if (!this.#understood)
      throw invalidValue(`${at}.value contains no attribute of ${this.#type.name}: nothing would be changed`);
  }

  #parts(operation: Readonly<Record<string, unknown>>, at: string): OperationParts {
    if (hasOnly(operation, operationNames)) return operation;
    const members = membersByName(operation, at);
    return { op: members.get('op'), path: members.get('path'), value: members.get('value') };
  }

  #objectWithoutPath(given: unknown, at: string): Record<string, unknown> {
    const value = tolerate(this.#tolerated, 'pathlessArray', given)?.value ?? given;
    const object = tolerate(this.#tolerated, 'jsonText', value) ?? value;
    if (isObject(object)) return object;
    throw invalidValue(`${at}.value must be an object of attributes when there is no path`);
  }

  #operator(op: unknown, at: string): PatchOperator {
    if (op === 'add' || op === 'remove' || op === 'replace') return op;
    if (typeof op === 'string') {
      const read = tolerate(this.#tolerated, 'operationCase', op);
      if (read !== undefined) return read;
    }
    throw invalidSyntax(`${at}.op must be add, remove or replace, not ${JSON.stringify(op) ?? 'missing'}`);
  }

  #readPath(op: PatchOperator, text: string, given: unknown, at: string): void {
    let value = given;
    const usual = usualPath(text);
    if (usual === undefined && this.#readWhole(op, text, value, at)) return;
    this.#limits?.beforePath?.(text);
    const path = usual ?? this.#parse(text, at);
    const attribute = this.#resolve(path.attrPath, text, at);
    if (op === 'add' && path.filter !== undefined && attribute === membersAttribute(this.#type)) {
      value =
        tolerate(this.#tolerated, 'memberByFilter', value, describedBy(path.filter, attribute)) ?? value;
    }
    requireValue(op, value, at);
    if (attribute.parent !== undefined) {
      if (path.filter !== undefined && (!attribute.multiValued || path.subAttr !== undefined))
        throw invalidPath(`${at}: ${attribute.path} is a sub-attribute and cannot be filtered`);
      this.#push(op, { attribute: attribute.parent, sub: attribute, subFilter: path.filter }, value, at);
      return;
    }
    if (path.filter !== undefined && !attribute.multiValued && attribute.type !== 'complex') {
      throw invalidPath(`${at}: ${attribute.path} has one simple value and cannot be filtered`);
    }
    let sub: Attribute | undefined;
    if (path.subAttr !== undefined) {
      sub = attribute.subAttributes.get(path.subAttr.toLowerCase());
      if (sub === undefined)
        throw invalidPath(`${at}: ${attribute.path} has no sub-attribute ${path.subAttr}`);
    }
    this.#push(op, { attribute, filter: path.filter, sub }, value, at);
  }

  /**
   * All of an extension, or of the base schema, under its URN; false for any other path. A bare one has dots and digits of its own:
   * it is sought before the grammar splits it.
   */
  #readWhole(op: PatchOperator, text: string, value: unknown, at: string): boolean {
    const urn = text.trim().toLowerCase();
    const whole = this.#type.extensions.get(urn);
    if (whole !== undefined) {
      requireValue(op, value, at);
      this.#readExtension(op, whole, value, at);
      return true;
    }
    if (op === 'remove' || urn !== this.#type.schema.id.toLowerCase()) return false;
    this.#readCore(op, value, at);
    return true;
  }

  #parse(text: string, at: string): PatchPath {
    const parsed = safeParsePath(text, this.#limits === undefined ? {} : { limits: this.#limits });
    if (parsed.ok) return parsed.path;
    // The message shows as much of the path as is needed.
    const place = at.replace(/(?<=^Operations\[\d+\]\.value)\..*/s, '');
    throw new ScimError(400, 'invalidPath', `${place}: ${parsed.error.message}`, { cause: parsed.error });
  }

  #resolve(path: AttrPath, text: string, at: string): Attribute {
    let resolved = resolveAttrPath(this.#type, path);
    if (resolved === undefined) {
      const read = tolerate(this.#tolerated, 'urnDotPath', path, this.#type);
      if (read !== undefined) resolved = resolveAttrPath(this.#type, read);
    }
    if (resolved?.kind !== 'attribute')
      throw invalidPath(`${at}: ${this.#type.name} has no attribute ${text}`);
    return resolved.attribute;
  }

  /** Attributes of the base schema within an object under its URN. */
  #readCore(op: PatchOperator, value: unknown, at: string): void {
    const members = tolerate(this.#tolerated, 'coreSchemaObject', value);
    if (members === undefined)
      throw invalidPath(
        `${at}: ${this.#type.schema.id} is a schema, not an attribute; name one of its attributes`,
      );
    this.#readMembers(op, members, at);
  }

  #readExtension(op: PatchOperator, extension: Extension, given: unknown, at: string): void {
    const { id } = extension.schema;
    const only = Array.isArray(given) ? tolerate(this.#tolerated, 'arrayForSingle', given) : undefined;
    const value = this.#unwrapped(only === undefined ? given : only.value, id, true);
    const named = op === 'remove' ? namedValue({ value, at }, this.#tolerated) : { value };
    if (named === undefined || value === null || tolerate(this.#tolerated, 'emptyText', value)) {
      for (const attribute of extension.attributes.values()) {
        if (attribute.mutability !== 'readOnly') this.#push('remove', { attribute }, undefined, at);
      }
      this.#understood = true;
      return;
    }
    if (!isObject(value)) throw invalidValue(`${at}: the value must be an object of attributes of ${id}`);
    for (const [key, member] of membersByName(value, at)) {
      const attribute = extension.attributes.get(key);
      if (attribute === undefined) continue;
      if (attribute.mutability === 'readOnly') this.#readOnlyMember(attribute, member, at);
      // Null names nothing that could be removed.
      else if (op !== 'remove' || member !== null)
        this.#push(op, { attribute }, member, `${at}: ${attribute.path}`);
    }
  }

  /** What stands in the text of an object, or within one under the very name that it is given for. */
  #unwrapped(value: unknown, name: string, isComplex: boolean, has?: Attribute['subAttributes']): unknown {
    if (value === undefined) return value;
    const object = isComplex ? (tolerate(this.#tolerated, 'jsonText', value) ?? value) : value;
    const names = [name.toLowerCase(), name.slice(name.lastIndexOf(':') + 1).toLowerCase()];
    if (has?.has(names[1] as string)) return object;
    const read = tolerate(this.#tolerated, 'wrappedValue', object, names);
    return read === undefined ? object : read.value;
  }

  /** Members of a path-less value: attributes, extension objects, URN-qualified attributes (reading A-11). */
  #readMembers(op: PatchOperator, value: Record<string, unknown>, at: string): void {
    membersByName(value, at);
    for (const [spelled, member] of Object.entries(value)) {
      const name = spelled.toLowerCase();
      const where = `${at}.${spelled}`;
      const attribute = this.#type.attributes.get(name);
      const extension = this.#type.extensions.get(name);
      if (name === 'schemas') this.#checkSchemas(member, where);
      else if (attribute !== undefined) {
        if (attribute.mutability === 'readOnly') this.#readOnlyMember(attribute, member, where);
        else this.#push(op, { attribute }, member, where);
      } else if (extension !== undefined) this.#readExtension(op, extension, member, where);
      else if (name === this.#type.schema.id.toLowerCase()) this.#readCore(op, member, where);
      else if (name.includes(':')) this.#readQualified(op, spelled, member, where);
      else {
        // What names nothing here is ignored, as any other name that is unknown.
        const isPath = /[.[]/.test(spelled) && !this.#isForeign(spelled);
        const path = isPath ? tolerate(this.#tolerated, 'dottedKey', spelled) : undefined;
        if (path !== undefined) this.#readPath(op, path, member, where);
      }
    }
  }

  #readQualified(op: PatchOperator, key: string, value: unknown, at: string): void {
    if (this.#isForeign(key) && tolerate(this.#tolerated, 'unknownSchema', key) !== undefined) {
      this.#understood = true;
      return;
    }
    this.#readPath(op, key, value, at);
  }

  /** Does a key that is no plain name say nothing of this type, be it no path at all (`foo:bar`)? */
  #isForeign(key: string): boolean {
    const limits = this.#limits;
    if (limits !== undefined && key.length > limits.characters) return false;
    const parsed = safeParsePath(key, limits === undefined ? {} : { limits });
    if (!parsed.ok) {
      limits?.beforePath?.(key);
      return !namesOwnAttribute(this.#type, key);
    }
    const { attrPath } = parsed.path;
    if (resolveAttrPath(this.#type, attrPath) !== undefined) return false;
    if (attrPath.schema === undefined) return !namesOwnAttribute(this.#type, key);
    return tolerate(this.#tolerated, 'urnDotPath', attrPath, this.#type) === undefined;
  }

  /** Sending back what is there changes nothing; anything else would (RFC 7644 §3.5.2: mutability). */
  #readOnlyMember(attribute: Attribute, value: unknown, at: string): void {
    this.#understood = true;
    if (attribute.name === 'id' && value === this.#id) return;
    if (attribute.name !== 'id' && tolerate(this.#tolerated, 'readOnlyInValue', attribute.name) !== undefined)
      return;
    throw new ScimError(400, 'mutability', `${at}: ${attribute.path} is read-only`);
  }

  /** `schemas` follows from the values; naming a known schema is allowed and changes nothing by itself. */
  #checkSchemas(value: unknown, at: string): void {
    this.#understood = true;
    for (const uri of Array.isArray(value) ? value : [value]) {
      if (typeof uri !== 'string') throw invalidSyntax(`${at} must contain URIs as strings`);
      const key = uri.toLowerCase();
      if (key === this.#type.schema.id.toLowerCase() || this.#type.extensions.has(key)) continue;
      if (tolerate(this.#tolerated, 'unknownSchema', uri) === undefined) {
        throw invalidSyntax(`${at}: ${uri} is not a schema of ${this.#type.name}`);
      }
    }
  }

  #push(op: PatchOperator, target: Target, value: unknown, at: string): void {
    const { attribute, filter, sub, subFilter } = target;
    this.#understood = true;
    if (attribute.name === 'schemas' && attribute.extension === undefined) {
      if (op === 'remove') throw new ScimError(400, 'mutability', `${at}: schemas is required`);
      this.#checkSchemas(value, at);
      return;
    }
    if (attribute.mutability === 'readOnly' || sub?.mutability === 'readOnly') {
      throw new ScimError(400, 'mutability', `${at}: ${(sub ?? attribute).path} is read-only`);
    }
    const last = sub ?? attribute;
    const name = last.parent === undefined ? last.path : last.name;
    const given = this.#unwrapped(value, name, last.type === 'complex', last.subAttributes);
    // What can still be wrong of these is the value, not the path that led here.
    const isOfValue = (op !== 'remove' || given !== undefined) && at.endsWith('.path');
    const place = isOfValue ? `${at.slice(0, -'path'.length)}value` : at;
    this.edits.push({ op, attribute, filter, sub, subFilter, value: given, at: place });
  }
}
