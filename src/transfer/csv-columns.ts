/**
 * Columns of a CSV file are attribute paths (RFC 7644 §3.10): `userName`, `name.givenName`,
 * `emails[type eq "work"].value`, `urn:…:User:department`. A column of a whole complex or multi-valued attribute,
 * such as `members`, contains JSON; where a path selects several values, `emails.value`, so does its cell.
 */
import { type Filter, parsePath, ScimFilterError } from '../../grammar/index.ts';
import { nearest } from '../nearest.ts';
import { groupsAttribute, membersAttribute } from '../scim/document.ts';
import { type Attribute, type ResourceType, resolveAttrPath } from '../scim/registry.ts';

export interface Column {
  /** As in the header. */
  readonly path: string;
  readonly attribute: Attribute;
  /** The attribute within a value of `attribute`. */
  readonly sub: Attribute | undefined;
  /** What the value that the brackets select has: `{ type: 'work' }`. */
  readonly selector: Readonly<Record<string, unknown>> | undefined;
  /** Only the server writes it: an import leaves it out. */
  readonly readOnly: boolean;
  /** Its cell lists the ids of members or groups, and nothing else of them. */
  readonly ids: boolean;
}

/** What a header says that it cannot. */
export class ColumnError extends Error {}

export function columnsOf(type: ResourceType, header: readonly (string | undefined)[]): Column[] {
  const seen = new Set<string>();
  return header.map((cell, index) => {
    const path = cell?.trim();
    if (path === undefined || path === '') throw new ColumnError(`column ${index + 1} has no name`);
    if (seen.has(path.toLowerCase())) throw new ColumnError(`the column ${path} is duplicated`);
    seen.add(path.toLowerCase());
    return columnOf(type, path);
  });
}

function columnOf(type: ResourceType, path: string): Column {
  const parsed = parse(path);
  const named = resolveAttrPath(type, parsed.attrPath);
  if (named?.kind !== 'attribute') throw unknown(type, path);
  const { parent } = named.attribute;
  const attribute = parent ?? named.attribute;
  let sub = parent === undefined ? undefined : named.attribute;
  if (parsed.subAttr !== undefined) {
    sub = attribute.subAttributes.get(parsed.subAttr.toLowerCase());
    if (sub === undefined) throw unknown(type, path);
  }
  const selector = parsed.filter === undefined ? undefined : selectorOf(parsed.filter, attribute, path);
  if (selector !== undefined && !attribute.multiValued)
    throw new ColumnError(`${path}: ${attribute.path} has one value, there is nothing to select`);
  return {
    path,
    attribute,
    sub,
    selector,
    // The server lists the schemas that a resource has values of.
    readOnly:
      (attribute.mutability === 'readOnly' && attribute.path !== 'id') ||
      sub?.mutability === 'readOnly' ||
      attribute.path === 'schemas',
    ids:
      sub === undefined &&
      selector === undefined &&
      (attribute === membersAttribute(type) || attribute === groupsAttribute(type)),
  };
}

/** The attribute whose value a cell has: a value that is selected stands for its `value`. */
function cellAttribute({ attribute, sub, selector }: Column): Attribute {
  return sub ?? (selector === undefined ? attribute : (attribute.subAttributes.get('value') ?? attribute));
}

/** Does the path lead to a part of each of several values? */
export function isPartOfMany({ attribute, sub, selector }: Column): boolean {
  return attribute.multiValued && (sub !== undefined || selector !== undefined);
}

function parse(path: string) {
  try {
    return parsePath(path);
  } catch (error) {
    if (error instanceof ScimFilterError)
      throw new ColumnError(`the column ${path} is no attribute path: ${error.message.split('\n')[0]}`);
    throw error;
  }
}

function unknown(type: ResourceType, path: string): ColumnError {
  const hint = nearest(
    path,
    [...type.attributes.values()].map(({ name }) => name),
  );
  return new ColumnError(
    `${type.name} has no attribute ${path}${hint === undefined ? '' : `, did you mean ${hint}?`}`,
  );
}

/** `type eq "work"`, or several of the kind joined by `and`: what a value made for the column begins with. */
function selectorOf(filter: Filter, attribute: Attribute, path: string): Record<string, unknown> {
  const parts = filter.type === 'and' ? filter.filters : [filter];
  return Object.fromEntries(
    parts.map((part) => {
      const sub =
        part.type === 'compare' && part.operator === 'eq' && part.attrPath.subAttr === undefined
          ? attribute.subAttributes.get(part.attrPath.name.toLowerCase())
          : undefined;
      if (sub === undefined || part.type !== 'compare')
        throw new ColumnError(`${path}: within brackets only eq and and can be used, as in [type eq "work"]`);
      return [sub.name, part.value];
    }),
  );
}

/** A record as the body of a POST. Texts that are not of the attribute's form stay as they are, for its check. */
export function resourceOf(
  type: ResourceType,
  columns: readonly Column[],
  cells: readonly (string | undefined)[],
): Record<string, unknown> {
  const resource: Record<string, unknown> = {};
  const elements = new Map<string, Record<string, unknown>[]>();
  const extensions = new Set<string>();
  columns.forEach((column, index) => {
    const cell = cells[index];
    if (column.readOnly || cell === undefined) return;
    const { attribute, sub, selector } = column;
    if (attribute.extension !== undefined) extensions.add(attribute.extension);
    const holder = attribute.extension === undefined ? resource : within(resource, attribute.extension);
    if (!isPartOfMany(column)) {
      if (sub === undefined) holder[attribute.name] = valueFrom(cell, attribute);
      else within(holder, attribute.name)[sub.name] = valueFrom(cell, sub);
      return;
    }
    const key = `${attribute.path} ${JSON.stringify(selector)}`;
    const own = elements.get(key) ?? [];
    elements.set(key, own);
    for (const [at, value] of partsFrom(cell, cellAttribute(column)).entries()) {
      if (own[at] === undefined) {
        own[at] = { ...selector };
        const values = holder[attribute.name];
        holder[attribute.name] = Array.isArray(values) ? [...values, own[at]] : [own[at]];
      }
      if (value !== null) own[at][sub?.name ?? 'value'] = value;
    }
  });
  return { schemas: [type.schema.id, ...extensions], ...resource };
}

function within(object: Record<string, unknown>, name: string): Record<string, unknown> {
  const inner = object[name];
  if (typeof inner === 'object' && inner !== null) return inner as Record<string, unknown>;
  const made: Record<string, unknown> = {};
  object[name] = made;
  return made;
}

function valueFrom(cell: string, attribute: Attribute): unknown {
  const whole = attribute.type === 'complex' || attribute.multiValued;
  if (whole && /^\s*[[{]/.test(cell)) return fromJson(cell);
  if (attribute.type === 'boolean' && /^(true|false)$/i.test(cell)) return cell.toLowerCase() === 'true';
  // Beyond these a number would be another one.
  if (attribute.type === 'integer' && /^-?\d+$/.test(cell) && Number.isSafeInteger(Number(cell)))
    return Number(cell);
  if (attribute.type === 'decimal' && /^-?\d+(\.\d+)?(e[+-]?\d+)?$/i.test(cell)) return Number(cell);
  return cell;
}

/** The parts of several values, one each; null where a value has none. */
function partsFrom(cell: string, attribute: Attribute): readonly unknown[] {
  const json = /^\s*\[/.test(cell) ? fromJson(cell) : cell;
  // The part of one value may be an array itself.
  const isList =
    Array.isArray(json) &&
    (!attribute.multiValued || json.every((each) => each === null || Array.isArray(each)));
  return isList && json.length > 0 ? json : [valueFrom(cell, attribute)];
}

function fromJson(cell: string): unknown {
  try {
    return JSON.parse(cell);
  } catch {
    return cell;
  }
}
