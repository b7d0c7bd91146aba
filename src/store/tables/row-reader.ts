/** Rows as documents: the map is compiled once, and each row is put together in the order of the schema. */
import { isObject as isPlain } from '../../query/read.ts';
import { type Document, schemasOf } from '../../scim/document.ts';
import type { Attribute, ResourceType } from '../../scim/registry.ts';
import type { SqlRow } from './database.ts';
import { notJson } from './failures.ts';
import { type Element, type Field, labelOf, type MappedTable } from './mapping.ts';

/** Members of `rest` that are no attributes: comparison keys, and what the value of a column does not say. */
export const keysMember = 'scimd:keys';
export const besideMember = 'scimd:columns';

type Json = Record<string, unknown>;

/** A row with what `rest` says beside its columns; jsonb is in an order of its own. */
interface Source {
  readonly row: SqlRow;
  readonly beside: unknown;
  readonly isOrdered: boolean;
}

/** The value of a column. */
type ReadField = (source: Source) => unknown;

/** The value of an attribute, of which `kept` is in `rest`; undefined where there is none. */
type ReadPart = (source: Source, kept: unknown) => unknown;

interface Part {
  readonly name: string;
  readonly read: ReadPart;
}

/** Reads rows whose columns are under their places in the map's `columns`: `c0`, `c1`, …, and `rest`. */
export function rowReader(table: MappedTable): (row: SqlRow, id: string) => Document {
  const { type, rest: restColumn } = table;
  const core = partsOf(table, type.attributes);
  const extensions = [...type.extensions.values()].map(({ schema, attributes }) => {
    const parts = partsOf(table, attributes);
    const known = new Set(parts.map(({ name }) => name));
    return {
      uri: schema.id,
      read(source: Source, kept: unknown): unknown {
        const own = isPlain(kept) ? kept : undefined;
        const container: Json = {};
        let isEmpty = true;
        for (const { name, read } of parts) {
          const value = read(source, own === undefined ? undefined : ownMember(own, name));
          if (value === undefined) continue;
          container[name] = value;
          isEmpty = false;
        }
        if (own === undefined) return isEmpty ? kept : container;
        addOthers(container, own, known);
        return container;
      },
    };
  });
  // Where what `rest` has of each stands: one pass over the few that there are, instead of a look for all that could be.
  const places = new Map<string, number>([
    ...core.map(({ name }, index) => [name, index] as const),
    ...extensions.map(({ uri }, index) => [uri, core.length + index] as const),
    ...([keysMember, besideMember] as const).map((name) => [name, -1] as const),
  ]);
  const nothing: readonly unknown[] = Array.from({ length: core.length + extensions.length });
  const empty: Json = {};
  return (row, id) => {
    const stored = restColumn === undefined ? undefined : row.rest;
    const parsed: unknown = typeof stored === 'string' ? restOf(table, stored, id) : stored;
    const rest = isPlain(parsed) ? parsed : empty;
    const kept = nothing.slice();
    let hasOthers = false;
    for (const name in rest) {
      const place = places.get(name);
      if (place === undefined) hasOthers = true;
      else if (place >= 0) kept[place] = rest[name];
    }
    const source = { row, beside: rest[besideMember], isOrdered: typeof stored !== 'object' };
    const document: Json = {};
    for (let index = 0; index < core.length; index++) {
      const { name, read } = core[index] as Part;
      if (name === 'schemas') document.schemas = undefined;
      else if (name === 'id') document.id = id;
      else {
        const value = read(source, kept[index]);
        if (value !== undefined) document[name] = value;
      }
    }
    for (const [index, { uri, read }] of extensions.entries()) {
      const value = read(source, kept[core.length + index]);
      if (value !== undefined) document[uri] = value;
    }
    document.schemas = schemasOf(type, document);
    if (hasOthers) addOthers(document, rest, places);
    return document;
  };
}

/** @throws StoreError `corrupt` for a text that is no JSON. */
function restOf({ type, facts, rest }: MappedTable, stored: string, id: string): unknown {
  try {
    return parseRest(stored);
  } catch (error) {
    // Of jsonb it is a text that the driver has read already.
    if (rest?.fact.type === 'jsonb') return stored;
    throw notJson(`${facts.name}.${rest?.name} of ${type.name} ${id} is not JSON`, error);
  }
}

const keysBegin = `,"${keysMember}":{`;

/**
 * `rest` as it was written, without the comparison keys, which nobody reads here: they are half of its text, and stand
 * last. Shown by the workload `list` of npm run bench.
 */
function parseRest(text: string): unknown {
  const at = text.lastIndexOf(keysBegin);
  if (at > 0 && endOfObject(text, at + keysBegin.length) === text.length - 2)
    try {
      return JSON.parse(`${text.slice(0, at)}}`);
    } catch {
      // Not a member of `rest` itself.
    }
  return JSON.parse(text);
}

/** Where the object ends whose content begins there; -1 if it does not. */
function endOfObject(text: string, from: number): number {
  for (let index = from, depth = 1, isText = false; index < text.length; index++) {
    const code = text.charCodeAt(index);
    if (isText) {
      if (code === 92) index++;
      else if (code === 34) isText = false;
    } else if (code === 34) isText = true;
    else if (code === 123) depth++;
    else if (code === 125 && --depth === 0) return index;
  }
  return -1;
}

function ownMember(container: Json, name: string): unknown {
  const value = container[name];
  // What every object inherits is looked up like the rest.
  return typeof value === 'function' ? undefined : value;
}

/** What no schema defines stands last, as it was. */
function addOthers(target: Json, source: Json, known: { has(name: string): boolean }): void {
  for (const name in source) {
    const value = source[name];
    if (known.has(name) || value === undefined) continue;
    // By assignment a member of this name would set the prototype.
    if (name === '__proto__')
      Object.defineProperty(target, name, { value, configurable: true, enumerable: true, writable: true });
    else target[name] = value;
  }
}

/** What is read of the attributes of a schema, in its order. */
function partsOf(table: MappedTable, attributes: ResourceType['attributes']): readonly Part[] {
  return [...attributes.values()].map((attribute) => ({
    name: attribute.name,
    read: readerOf(table, attribute),
  }));
}

function readerOf(table: MappedTable, attribute: Attribute): ReadPart {
  const { byLeaf, elements } = table;
  const whole = byLeaf.get(attribute);
  if (whole !== undefined) {
    const read = wholeReader(table, whole);
    return (source, kept) => read(source) ?? kept;
  }
  const all = elements.get(attribute);
  const order = partsOrderer(attribute);
  if (all !== undefined) {
    const readers = all.map((element) => elementReader(table, element));
    return (source, kept) => {
      const values: unknown[] = [];
      for (const read of readers) {
        const value = read(source);
        if (value !== undefined) values.push(value);
      }
      const others = Array.isArray(kept) && !source.isOrdered ? kept.map(order) : kept;
      if (values.length === 0) return others;
      if (Array.isArray(others)) values.push(...(others as readonly unknown[]));
      return values;
    };
  }
  if (attribute.type !== 'complex') return (_, kept) => kept;
  const subs = [...attribute.subAttributes.values()];
  if (attribute.multiValued || !subs.some((sub) => byLeaf.has(sub)))
    return ({ isOrdered }, kept) => {
      if (isOrdered) return kept;
      return Array.isArray(kept) ? kept.map(order) : order(kept);
    };
  const readers = subs.map((sub) => {
    const field = byLeaf.get(sub);
    return { name: sub.name, read: field === undefined ? undefined : wholeReader(table, field) };
  });
  const known = new Set(subs.map(({ name }) => name));
  return (source, kept) => {
    const own = isPlain(kept) ? kept : undefined;
    const value: Json = {};
    let isEmpty = true;
    for (const { name, read } of readers) {
      const part = read?.(source) ?? (own === undefined ? undefined : ownMember(own, name));
      if (part === undefined) continue;
      value[name] = part;
      isEmpty = false;
    }
    if (own !== undefined) addOthers(value, own, known);
    return isEmpty && own === undefined ? kept : value;
  };
}

function columnReader({ columns }: MappedTable, { column, read }: Field): ReadField {
  const place = `c${columns.indexOf(column)}`;
  return ({ row }) => read(row[place]);
}

function wholeReader(table: MappedTable, field: Field): ReadField {
  const read = columnReader(table, field);
  if (field.alias === undefined) return read;
  const label = labelOf(field.path);
  return (source) => {
    const other = isPlain(source.beside) ? source.beside[label] : undefined;
    return isPlain(other) ? (other.value ?? undefined) : read(source);
  };
}

function elementReader(table: MappedTable, { attribute, constants, fields, label }: Element): ReadField {
  const subs = [...attribute.subAttributes.values()].map((sub) => {
    const field = fields.get(sub);
    return {
      name: sub.name,
      constant: constants.get(sub)?.value,
      isOthers: field?.alias !== undefined,
      read: field === undefined ? undefined : columnReader(table, field),
    };
  });
  const known = new Set(subs.map(({ name }) => name));
  return (source) => {
    const beside = isPlain(source.beside) && isPlain(source.beside[label]) ? source.beside[label] : undefined;
    const value: Json = {};
    let isThere = false;
    for (const { name, constant, isOthers, read } of subs) {
      const more = beside?.[name];
      let own: unknown;
      if (read === undefined) own = more ?? constant;
      else {
        own =
          isOthers && beside !== undefined && Object.hasOwn(beside, name)
            ? (more ?? undefined)
            : read(source);
        if (own !== undefined) isThere = true;
      }
      if (own !== undefined) value[name] = own;
    }
    if (!isThere) return undefined;
    if (beside !== undefined)
      for (const [name, more] of Object.entries(beside))
        if (more !== null && !known.has(name)) value[name] = more;
    return value;
  };
}

/** Members of a complex value in the order of the schema, what it does not define behind them. */
function partsOrderer({ subAttributes }: Attribute): (value: unknown) => unknown {
  const names = [...subAttributes.values()].map(({ name }) => name);
  const known = new Set(names);
  return (value) => {
    if (!isPlain(value)) return value;
    const ordered: Json = {};
    for (const name of names) {
      const part = ownMember(value, name);
      if (part !== undefined) ordered[name] = part;
    }
    addOthers(ordered, value, known);
    return ordered;
  };
}
