/** The resources of a file: one JSON object a line (NDJSON), or one CSV record each. */
import { createReadStream, statSync } from 'node:fs';
import { basename } from 'node:path';
import { ScimError } from '../error.ts';
import { CommandError } from '../ops/command-error.ts';
import { fileAdvice, fileReason } from '../ops/file-error.ts';
import { groupsAttribute } from '../scim/document.ts';
import { parseJson } from '../scim/json.ts';
import { isObject } from '../scim/object.ts';
import type { Registry, ResourceType } from '../scim/registry.ts';
import { type CsvRecord, csvRecords, separatorOf } from './csv.ts';
import { type Column, ColumnError, columnsOf, resourceOf } from './csv-columns.ts';
import { type FileOffset, type Line, linesOf, start } from './lines.ts';
import type { Item } from './load.ts';

export const formats = ['ndjson', 'csv'] as const;
export type Format = (typeof formats)[number];

export interface FileInput {
  /** `-` is standard input. */
  readonly file: string;
  readonly format: Format;
  /** Of the records of a CSV file. */
  readonly type: ResourceType;
  readonly registry: Registry;
  readonly from: FileOffset;
  /** Lines up to this one are left out. */
  readonly after: number;
  /** Told what the operator should know. */
  note(text: string): void;
}

const maxDepth = 32;

interface Found {
  readonly number: number;
  readonly found: Item<FileOffset>['found'];
  readonly bytes: number;
  readonly end: FileOffset;
}

export async function* fileItems(input: FileInput): AsyncGenerator<Item<FileOffset>> {
  const { file, from, after } = input;
  const size = file === '-' ? undefined : statSync(file).size;
  const name = file === '-' ? 'standard input' : basename(file);
  const lines = linesOf(bytesOf(file, from.bytes), from);
  for await (const { number, found, bytes, end } of input.format === 'csv'
    ? csvItems(input, lines)
    : jsonItems(input, lines)) {
    if (number <= after) continue;
    yield {
      place: `${name}:${number}`,
      found,
      bytes,
      position: end,
      ...(size === undefined ? {} : { part: end.bytes / size }),
    };
  }
}

async function* bytesOf(file: string, from: number): AsyncGenerator<Buffer> {
  const stream = file === '-' ? process.stdin : createReadStream(file, { start: from });
  try {
    for await (const chunk of stream) yield chunk as Buffer;
  } catch (error) {
    throw new CommandError(
      `${file === '-' ? 'standard input' : file} cannot be read: ${fileReason(error)}`,
      fileAdvice(error),
      { cause: error },
    );
  }
}

async function* jsonItems({ registry }: FileInput, lines: AsyncIterable<Line>): AsyncGenerator<Found> {
  for await (const { number, text, end } of lines) {
    if (text?.trim() === '') continue;
    yield { number, found: jsonItem(registry, text), bytes: text?.length ?? 0, end };
  }
}

function jsonItem(registry: Registry, text: string | undefined): Found['found'] {
  if (text === undefined) return { problem: 'is not UTF-8' };
  try {
    const body = parseJson(text, maxDepth);
    const type = isObject(body) ? typeOf(registry, body) : undefined;
    if (type !== undefined) return { type, body };
    const names = registry.resourceTypes.map(({ schema }) => schema.id).join(', ');
    return { problem: `schemas must name a resource type: ${names}` };
  } catch (error) {
    if (error instanceof ScimError) return { problem: error.message.replace(/\bline 1, /g, '') };
    throw error;
  }
}

/** The type whose base schema the resource names. */
function typeOf(registry: Registry, body: Record<string, unknown>): ResourceType | undefined {
  const { schemas } = body;
  const named = new Set(Array.isArray(schemas) ? schemas.map((schema) => String(schema).toLowerCase()) : []);
  return registry.resourceTypes.find(({ schema }) => named.has(schema.id.toLowerCase()));
}

async function* csvItems(input: FileInput, lines: AsyncIterable<Line>): AsyncGenerator<Found> {
  const { file, from, type } = input;
  let header = from.bytes === 0 ? undefined : await headerOf(file, type);
  let separator = header?.separator;
  const watched = (async function* (): AsyncGenerator<Line> {
    for await (const line of lines) {
      separator ??= separatorOf(line.text ?? '');
      yield line;
    }
  })();
  for await (const record of csvRecords(watched, () => separator ?? ',')) {
    if (header === undefined) {
      header = readHeader(record, type, separator ?? ',');
      noteReadOnly(input, header);
    } else {
      const bytes = record.cells.reduce((sum, cell) => sum + (cell?.length ?? 0), 0);
      yield { number: record.number, found: csvItem(type, header.columns, record), bytes, end: record.end };
    }
  }
}

interface Header {
  readonly columns: readonly Column[];
  readonly separator: string;
}

function readHeader({ cells, problem }: CsvRecord, type: ResourceType, separator: string): Header {
  try {
    if (problem !== undefined) throw new ColumnError(problem);
    return { columns: columnsOf(type, cells), separator };
  } catch (error) {
    if (!(error instanceof ColumnError)) throw error;
    throw new CommandError(
      `the header: ${error.message}`,
      'The first line names the attribute of each column: userName,name.givenName,"emails[type eq ""work""].value"',
    );
  }
}

/** An export may have these columns; no import reads them back. */
function noteReadOnly({ type, note }: FileInput, { columns }: Header): void {
  const left = columns.filter(({ readOnly }) => readOnly);
  if (left.length === 0) return;
  const groups = left.some(({ attribute }) => attribute === groupsAttribute(type));
  note(
    `${left.map(({ path }) => path).join(', ')}: left out, since only the server writes ${left.length === 1 ? 'it' : 'them'}${groups ? '; memberships come with the members of groups' : ''}`,
  );
}

async function headerOf(file: string, type: ResourceType): Promise<Header | undefined> {
  let separator = '';
  const lines = (async function* (): AsyncGenerator<Line> {
    for await (const line of linesOf(bytesOf(file, 0), start)) {
      separator ||= separatorOf(line.text ?? '');
      yield line;
    }
  })();
  for await (const record of csvRecords(lines, () => separator)) return readHeader(record, type, separator);
  return undefined;
}

function csvItem(
  type: ResourceType,
  columns: Header['columns'],
  { cells, problem }: CsvRecord,
): Found['found'] {
  if (problem !== undefined) return { problem };
  if (cells.length !== columns.length)
    return { problem: `has ${cells.length} cells where the header has ${columns.length}` };
  const body = resourceOf(type, columns, cells);
  // A row with an id comes from a server, and so do those of its members.
  return { type, body, ...(body.id === undefined ? { membersByName: true } : {}) };
}
