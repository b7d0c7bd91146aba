/**
 * SQLite. Its LOWER, LIKE and NOCASE know ASCII only and are not used: keys are folded before they are stored, and
 * compared by the BINARY collation, which for UTF-8 is the order of code points.
 */
import { type Dialect, quoteIdentifier, quoteText } from './dialect.ts';

/** Filters (RFC 7644 §3.4.2.2) for SQLite: `?`, its JSON functions, and order by code point. */
export const sqlite: Dialect = {
  name: 'sqlite',
  placeholder: () => '?',
  identifier: quoteIdentifier,
  cast: (placeholder) => placeholder,
  parameter(key, _kind, typed) {
    return typed === 'timestamp'
      ? `${String(key).slice(0, 19)}.${String(key).slice(20, 23).padEnd(3, '0')}Z`
      : key;
  },
  byCodePoint: (expression) => expression,
  contains: (expression, needle) => `instr(${expression}, ${needle}) > 0`,
  suffix: (expression, length) => `substr(${expression}, -${length})`,
  json: (document, path) => (path.length === 0 ? document : `json_extract(${document}, ${jsonPath(path)})`),
  double: (expression) =>
    `iif(typeof(${expression}) = 'integer', CAST(${expression} AS REAL), ${expression})`,
  jsonElements: (document, path, alias) => `json_each(${document}, ${jsonPath(path)}) AS ${alias}`,
};

/** `$."emails"."type"`: SQLite knows no escape for a quote in a member's name. */
function jsonPath(path: readonly string[]): string {
  for (const name of path)
    if (/["\\]/.test(name)) throw new Error(`SQLite cannot read the JSON member ${name}`);
  return quoteText(`$${path.map((name) => `."${name}"`).join('')}`);
}
