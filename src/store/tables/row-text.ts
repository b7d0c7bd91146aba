/**
 * Rows as the JSON text of their documents, put together from columns and from the text of `rest` without the objects in
 * between: shown by the workload `list` of npm run bench. It is the very text that the document of `rowReader` has.
 */
import type { Attribute } from '../../scim/registry.ts';
import type { SqlRow } from './database.ts';
import { jsonText, MembersReader } from './json-text.ts';
import type { Element, Field, MappedTable } from './mapping.ts';
import { besideMember, keysMember } from './row-reader.ts';

/** The JSON text of a value, of which `kept` is in `rest`; undefined where there is none. */
type WritePart = (row: SqlRow, kept: string | undefined) => string | undefined;

/** An attribute, or an extension, on its way into the text. */
interface Part {
  readonly name: string;
  /** `"name":` */
  readonly label: string;
  /** Undefined for what is in `rest` alone. */
  readonly write: WritePart | undefined;
}

/**
 * The text without its last brace, since more is put behind it. Undefined where `rest` is not as scimd writes it, or says
 * something of what columns hold: then the document is read.
 */
export function rowWriter(table: MappedTable): (row: SqlRow, id: string) => string | undefined {
  const { type, rest: restColumn } = table;
  // The first two of every type are written by themselves.
  const [schemas, id, ...attributes] = [...type.attributes.values()];
  const core = attributes.map((attribute) => behind(partOf(table, attribute)));
  const extensions = [...type.extensions.values()].map(({ schema, attributes }) => {
    const parts = [...attributes.values()].map((attribute) => partOf(table, attribute));
    const write = objectWriter(parts);
    return { ...behind({ ...named(schema.id), write }), write, uri: `,${jsonText(schema.id)}` };
  });
  const all = [...core, ...extensions];
  const [ofBeside, ofNothing] = [all.length, all.length + 1];
  const reader = new MembersReader(
    new Map([
      ...placesOf(all),
      [besideMember, ofBeside],
      ...[schemas?.name, id?.name, keysMember].map((name) => [String(name), ofNothing] as const),
    ]),
  );
  const beginning = `{"schemas":[${jsonText(type.schema.id)}`;
  return (row, id) => {
    const stored = restColumn === undefined ? undefined : row.rest;
    if (typeof stored === 'object' && stored !== null) return undefined;
    const values: (string | undefined)[] = new Array(ofNothing + 1);
    const others = typeof stored === 'string' ? reader.read(stored, values) : '';
    if (others === undefined || values[ofBeside] !== undefined) return undefined;
    let text = beginning;
    let last = '';
    for (let index = 0; index < extensions.length; index++) {
      const { uri, label, write } = extensions[index] as (typeof extensions)[number];
      const value = write(row, values[core.length + index]);
      if (value === undefined) continue;
      text += uri;
      last = `${last}${label}${value}`;
    }
    text = `${text}],"id":${jsonText(id)}`;
    for (let index = 0; index < core.length; index++) {
      const { label, write } = core[index] as Part;
      const value = write === undefined ? values[index] : write(row, values[index]);
      if (value !== undefined) text = `${text}${label}${value}`;
    }
    return `${text}${last}${others}`;
  };
}

function placesOf(parts: readonly Part[]): ReadonlyMap<string, number> {
  return new Map(parts.map(({ name }, index) => [name, index] as const));
}

function named(name: string): Pick<Part, 'name' | 'label'> {
  return { name, label: `${jsonText(name)}:` };
}

/** A part that others stand before. */
function behind(part: Part): Part {
  return { ...part, label: `,${part.label}` };
}

function partOf(table: MappedTable, attribute: Attribute): Part {
  return { ...named(attribute.name), write: writerOf(table, attribute) };
}

function writerOf(table: MappedTable, attribute: Attribute): WritePart | undefined {
  const { byLeaf, elements } = table;
  const whole = byLeaf.get(attribute);
  if (whole !== undefined) return columnWriter(table, whole);
  const all = elements.get(attribute);
  if (all !== undefined) {
    const writers = all.map((element) => elementWriter(table, element));
    return (row, kept) => {
      let values = '';
      for (const write of writers) {
        const value = write(row);
        if (value !== undefined) values = values === '' ? value : `${values},${value}`;
      }
      if (values === '') return kept;
      const isMore = kept?.startsWith('[') === true && kept.length > 2;
      return isMore ? `[${values},${kept.slice(1)}` : `[${values}]`;
    };
  }
  const subs = [...attribute.subAttributes.values()];
  if (attribute.multiValued || !subs.some((sub) => byLeaf.has(sub))) return undefined;
  return objectWriter(
    subs.map((sub) => {
      const field = byLeaf.get(sub);
      return { ...named(sub.name), write: field === undefined ? undefined : columnWriter(table, field) };
    }),
  );
}

function columnWriter(table: MappedTable, field: Field): WritePart {
  const write = columnText(table, field);
  return (row, kept) => write(row) ?? kept;
}

/** The JSON text of a column's value. */
function columnText(
  { columns }: MappedTable,
  { column, read, isText }: Field,
): (row: SqlRow) => string | undefined {
  const place = `c${columns.indexOf(column)}`;
  return (row) => {
    const stored = row[place];
    return jsonText(isText && typeof stored === 'string' ? stored : read(stored));
  };
}

/** An object of parts, and of what else there is in `rest` of it. */
function objectWriter(parts: readonly Part[]): WritePart {
  const reader = new MembersReader(placesOf(parts));
  const behindOthers = parts.map(behind);
  return (row, kept) => {
    const values: (string | undefined)[] = new Array(parts.length);
    const others = kept === undefined ? undefined : reader.read(kept, values);
    let text = '';
    for (let index = 0; index < parts.length; index++) {
      const { label, write } = (text === '' ? parts : behindOthers)[index] as Part;
      const value = write === undefined ? values[index] : write(row, values[index]);
      if (value !== undefined) text = `${text}${label}${value}`;
    }
    if (others === undefined) return text === '' ? kept : `{${text}}`;
    return `{${text === '' ? others.slice(1) : text + others}}`;
  };
}

/** One value of several, if a column has something of it. */
function elementWriter(
  table: MappedTable,
  { attribute, constants, fields }: Element,
): (row: SqlRow) => string | undefined {
  const subs = [...attribute.subAttributes.values()].flatMap((sub) => {
    const field = fields.get(sub);
    const constant = jsonText(constants.get(sub)?.value);
    if (field === undefined && constant === undefined) return [];
    return [{ ...named(sub.name), constant, write: field && columnText(table, field) }];
  });
  return (row) => {
    let text = '';
    let isThere = false;
    for (const { label, constant, write } of subs) {
      const value = write === undefined ? constant : write(row);
      if (value === undefined) continue;
      if (write !== undefined) isThere = true;
      text = text === '' ? label + value : `${text},${label}${value}`;
    }
    return isThere ? `{${text}}` : undefined;
  };
}
