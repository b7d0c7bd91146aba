/**
 * Rows as the JSON text of their documents, put together from columns and from the text of `rest` without the objects in
 * between: shown by the workload `list` of npm run bench. It is the very text that the document of `rowReader` has.
 */
import type { Attribute } from '../../scim/registry.ts';
import type { SqlRow } from './database.ts';
import { jsonText, readMembers } from './json-text.ts';
import type { Element, Field, MappedTable } from './mapping.ts';
import { besideMember, keysMember } from './row-reader.ts';

/** The JSON text of a value, of which `kept` is in `rest`; undefined where there is none. */
type WritePart = (row: SqlRow, kept: string | undefined) => string | undefined;

/** An attribute, or an extension, on its way into the text. */
interface Part {
  readonly name: string;
  /** `"name":` */
  readonly label: string;
  readonly write: WritePart;
}

/** What is in `rest` alone. */
const asKept: WritePart = (_, kept) => kept;

/** Undefined where `rest` is not as scimd writes it, or says something of what columns hold: then the document is read. */
export function rowWriter(table: MappedTable): (row: SqlRow, id: string) => string | undefined {
  const { type, rest: restColumn } = table;
  const core = [...type.attributes.values()].map((attribute) => partOf(table, attribute));
  const extensions = [...type.extensions.values()].map(({ schema, attributes }): Part => {
    const parts = [...attributes.values()].map((attribute) => partOf(table, attribute));
    return { ...named(schema.id), write: objectWriter(parts) };
  });
  const all = [...core, ...extensions];
  const places = new Map([...placesOf(all), [keysMember, ofKeys], [besideMember, ofBeside]]);
  const schema = jsonText(type.schema.id);
  return (row, id) => {
    const stored = restColumn === undefined ? undefined : row.rest;
    if (typeof stored === 'object' && stored !== null) return undefined;
    const kept = typeof stored === 'string' ? keptOf(stored, places, all.length) : none;
    if (kept === undefined || kept.hasBeside) return undefined;
    const { values, others } = kept;
    let [schemas, behind] = [`[${schema}`, ''];
    for (const [index, { name, label, write }] of extensions.entries()) {
      const value = write(row, values[core.length + index]);
      if (value === undefined) continue;
      schemas += `,${jsonText(name)}`;
      behind += `,${label}${value}`;
    }
    let text = '';
    for (let index = 0; index < core.length; index++) {
      const { name, label, write } = core[index] as Part;
      const value =
        name === 'id' ? jsonText(id) : name === 'schemas' ? `${schemas}]` : write(row, values[index]);
      if (value !== undefined) text += `${text === '' ? '{' : ','}${label}${value}`;
    }
    return `${text}${behind}${others}}`;
  };
}

/** What an object of `rest` has, by the places of parts. */
interface Kept {
  readonly values: readonly (string | undefined)[];
  /** What no schema defines, each with a comma before it. */
  readonly others: string;
  readonly hasBeside: boolean;
}

/** Places of what is in `rest` for scimd itself. */
const [ofKeys, ofBeside] = [-1, -2];

const none: Kept = { values: [], others: '', hasBeside: false };

function placesOf(parts: readonly Part[]): ReadonlyMap<string, number> {
  return new Map(parts.map(({ name }, index) => [name, index] as const));
}

/** Undefined where the text is not as scimd writes it. */
function keptOf(text: string, places: ReadonlyMap<string, number>, count: number): Kept | undefined {
  const values: (string | undefined)[] = new Array(count);
  let [others, hasBeside] = ['', false];
  const isRead = readMembers(text, (name, value) => {
    const place = places.get(name);
    if (place === undefined) others += `,"${name}":${value}`;
    else if (place >= 0) values[place] = value;
    else if (place === ofBeside) hasBeside = true;
  });
  return isRead ? { values, others, hasBeside } : undefined;
}

function named(name: string): Pick<Part, 'name' | 'label'> {
  return { name, label: `${jsonText(name)}:` };
}

function partOf(table: MappedTable, attribute: Attribute): Part {
  return { ...named(attribute.name), write: writerOf(table, attribute) };
}

function writerOf(table: MappedTable, attribute: Attribute): WritePart {
  const { byLeaf, elements } = table;
  const whole = byLeaf.get(attribute);
  if (whole !== undefined) return columnWriter(table, whole);
  const all = elements.get(attribute);
  if (all !== undefined) {
    const writers = all.map((element) => elementWriter(table, element));
    return (row, kept) => {
      let values = '';
      for (const write of writers) {
        const value = write(row, undefined);
        if (value !== undefined) values += `${values === '' ? '' : ','}${value}`;
      }
      if (values === '') return kept;
      const isMore = kept?.startsWith('[') === true && kept.length > 2;
      return `[${values}${isMore ? `,${kept.slice(1, -1)}` : ''}]`;
    };
  }
  const subs = [...attribute.subAttributes.values()];
  if (attribute.multiValued || !subs.some((sub) => byLeaf.has(sub))) return asKept;
  return objectWriter(
    subs.map((sub) => {
      const field = byLeaf.get(sub);
      return { ...named(sub.name), write: field === undefined ? asKept : columnWriter(table, field) };
    }),
  );
}

function columnWriter(table: MappedTable, field: Field): WritePart {
  const read = columnReader(table, field);
  return (row, kept) => {
    const value = read(row);
    return value === undefined ? kept : jsonText(value);
  };
}

function columnReader({ columns }: MappedTable, { column, read }: Field): (row: SqlRow) => unknown {
  const place = `c${columns.indexOf(column)}`;
  return (row) => read(row[place]);
}

/** An object of parts, and of what else there is in `rest` of it. */
function objectWriter(parts: readonly Part[]): WritePart {
  const places = placesOf(parts);
  return (row, kept) => {
    const own = kept?.startsWith('{') === true ? keptOf(kept, places, parts.length) : undefined;
    let text = '';
    for (let index = 0; index < parts.length; index++) {
      const { label, write } = parts[index] as Part;
      const value = write(row, own?.values[index]);
      if (value !== undefined) text += `${text === '' ? '' : ','}${label}${value}`;
    }
    if (own === undefined) return text === '' ? kept : `{${text}}`;
    return `{${text === '' ? own.others.slice(1) : text + own.others}}`;
  };
}

/** One value of several, if a column has something of it. */
function elementWriter(table: MappedTable, { attribute, constants, fields }: Element): WritePart {
  const subs = [...attribute.subAttributes.values()].map((sub) => {
    const field = fields.get(sub);
    return {
      ...named(sub.name),
      constant: jsonText(constants.get(sub)?.value),
      read: field === undefined ? undefined : columnReader(table, field),
    };
  });
  return (row) => {
    let [text, isThere] = ['', false];
    for (const { label, constant, read } of subs) {
      const own = read?.(row);
      if (own !== undefined) isThere = true;
      const value = read === undefined ? constant : jsonText(own);
      if (value !== undefined) text += `${text === '' ? '' : ','}${label}${value}`;
    }
    return isThere ? `{${text}}` : undefined;
  };
}
