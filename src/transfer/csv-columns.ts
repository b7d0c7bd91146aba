/**
 * Columns of a CSV file are attribute paths (RFC 7644 §3.10): `userName`, `name.givenName`,
 * `emails[type eq "work"].value`, `urn:…:User:department`. A column of a whole complex or multi-valued attribute,
 * such as `members`, holds JSON.
 */
import { type Filter, parsePath, ScimFilterError } from '../../grammar/index.ts';
import { nearest } from '../nearest.ts';
import { type Attribute, type ResourceType, resolveAttrPath } from '../scim/registry.ts';

export interface Column {
  /** As in the header. */
  readonly path: string;
  readonly attribute: Attribute;
  /** The attribute within a value of `attribute`. */
  readonly sub: Attribute | undefined;
  /** What the value that the brackets select has: `{ type: 'work' }`. */
  readonly selector: Readonly<Record<string, unknown>> | undefined;
}

/** What a header says that it cannot. */
export class ColumnError extends Error {}

/** The columns of a header; undefined for one that only the server writes, such as `meta.created`. */
export function columnsOf(
  type: ResourceType,
  header: readonly (string | undefined)[],
): (Column | undefined)[] {
  const seen = new Set<string>();
  return header.map((cell, index) => {
    const path = cell?.trim();
    if (path === undefined || path === '') throw new ColumnError(`column ${index + 1} has no name`);
    if (seen.has(path.toLowerCase())) throw new ColumnError(`the column ${path} is there twice`);
    seen.add(path.toLowerCase());
    return /^meta(\.|$)/i.test(path) ? undefined : columnOf(type, path);
  });
}

function columnOf(type: ResourceType, path: string): Column | undefined {
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
  if (attribute.mutability === 'readOnly' && attribute.path !== 'id') return undefined;
  const selector = parsed.filter === undefined ? undefined : selectorOf(parsed.filter, attribute, path);
  if (selector !== undefined && !attribute.multiValued)
    throw new ColumnError(`${path}: ${attribute.path} has one value, there is nothing to select`);
  return { path, attribute, sub, selector };
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
  columns: readonly (Column | undefined)[],
  cells: readonly (string | undefined)[],
): Record<string, unknown> {
  const resource: Record<string, unknown> = {};
  const elements = new Map<string, Record<string, unknown>>();
  const extensions = new Set<string>();
  columns.forEach((column, index) => {
    const cell = cells[index];
    if (column === undefined || cell === undefined) return;
    const { attribute, sub, selector } = column;
    if (attribute.name === 'schemas') return;
    if (attribute.extension !== undefined) extensions.add(attribute.extension);
    const holder = attribute.extension === undefined ? resource : within(resource, attribute.extension);
    const value = valueFrom(cell, sub ?? attribute, sub !== undefined);
    if (sub === undefined && selector === undefined) {
      holder[attribute.name] = value;
    } else if (!attribute.multiValued) {
      within(holder, attribute.name)[(sub as Attribute).name] = value;
    } else {
      const key = `${attribute.path} ${JSON.stringify(selector)}`;
      let element = elements.get(key);
      if (element === undefined) {
        element = { ...selector };
        elements.set(key, element);
        const values = holder[attribute.name];
        holder[attribute.name] = Array.isArray(values) ? [...values, element] : [element];
      }
      element[sub?.name ?? 'value'] = value;
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

function valueFrom(cell: string, attribute: Attribute, single: boolean): unknown {
  const whole = attribute.type === 'complex' || (attribute.multiValued && !single);
  if (whole && /^\s*[[{]/.test(cell)) return fromJson(cell);
  if (attribute.type === 'boolean' && /^(true|false)$/i.test(cell)) return cell.toLowerCase() === 'true';
  if (attribute.type === 'integer' && /^-?\d+$/.test(cell)) return Number(cell);
  if (attribute.type === 'decimal' && /^-?\d+(\.\d+)?(e[+-]?\d+)?$/i.test(cell)) return Number(cell);
  return cell;
}

function fromJson(cell: string): unknown {
  try {
    return JSON.parse(cell);
  } catch {
    return cell;
  }
}
