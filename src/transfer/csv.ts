/** Comma-separated values (RFC 4180): records that may go over several lines, streamed. */
import type { FileOffset, Line } from './lines.ts';

export interface CsvRecord {
  /** The line on which it begins. */
  readonly number: number;
  /** An empty cell is undefined, a quoted empty one ''. */
  readonly cells: readonly (string | undefined)[];
  /** What is wrong with it; then there are no cells. */
  readonly problem?: string;
  readonly end: FileOffset;
}

/** A record of more lines has a quote that is never closed: the rest of the file would be one cell. */
const mostLines = 100_000;

/** The records of `lines`; empty lines are none. */
export async function* csvRecords(
  lines: AsyncIterable<Line>,
  separator: () => string,
): AsyncGenerator<CsvRecord> {
  let open: { number: number; texts: string[]; quoted: boolean; end: FileOffset } | undefined;
  for await (const { number, text, end } of lines) {
    if (text === undefined) {
      yield { number, cells: [], problem: 'is not UTF-8', end };
      open = undefined;
      continue;
    }
    if (open === undefined && text.trim() === '') continue;
    open ??= { number, texts: [], quoted: false, end };
    open.texts.push(text);
    open.end = end;
    // Within a whole record quotes come in pairs, doubled ones too.
    if (text.split('"').length % 2 === 0) open.quoted = !open.quoted;
    if (open.quoted && open.texts.length < mostLines) continue;
    if (open.quoted) break;
    yield { number: open.number, ...parseRecord(open.texts.join('\n'), separator()), end };
    open = undefined;
  }
  if (open !== undefined)
    yield { number: open.number, cells: [], problem: 'a quote that opens here is not closed', end: open.end };
}

/** The cells of one record. */
export function parseRecord(
  text: string,
  separator: string,
): { readonly cells: (string | undefined)[]; readonly problem?: string } {
  const cells: (string | undefined)[] = [];
  let at = 0;
  for (;;) {
    if (text[at] === '"') {
      let cell = '';
      for (at += 1; ; at += 2) {
        const quote = text.indexOf('"', at);
        if (quote < 0) return { cells: [], problem: 'a quote that opens here is not closed' };
        cell += text.slice(at, quote);
        at = quote;
        if (text[at + 1] !== '"') break;
        cell += '"';
      }
      at += 1;
      cells.push(cell);
      if (at < text.length && text[at] !== separator)
        return { cells: [], problem: `cell ${cells.length} goes on behind its closing quote` };
    } else {
      const next = text.indexOf(separator, at);
      const cell = text.slice(at, next < 0 ? text.length : next);
      if (cell.includes('"')) return { cells: [], problem: `cell ${cells.length + 1} has a quote within` };
      cells.push(cell.trim() === '' ? undefined : cell);
      at = next < 0 ? text.length : next;
    }
    if (at >= text.length) return { cells };
    at += 1;
    if (at === text.length) {
      cells.push(undefined);
      return { cells };
    }
  }
}

/** What separates the cells of this header: spreadsheets of some countries write semicolons, others tabs. */
export function separatorOf(header: string): string {
  const bare = header.replace(/"[^"]*"/g, '');
  return [',', ';', '\t'].find((separator) => bare.includes(separator)) ?? ',';
}

/** A cell as it is written. */
export function csvCell(value: string | undefined): string {
  if (value === undefined) return '';
  return value === '' || /[",;\t\r\n]|^\s|\s$/.test(value) ? `"${value.replaceAll('"', '""')}"` : value;
}
