/**
 * PostgreSQL. Order is that of COLLATE "C", code points in UTF-8: an index that is to serve `sw`, `gt`, … must have
 * that collation. Numbers are cast, since a driver sends text and an integer column would refuse 4.5.
 */
import { type Dialect, quoteIdentifier, quoteText } from './dialect.ts';

/** Filters (RFC 7644 §3.4.2.2) for PostgreSQL: `$1`, `jsonb`, and order by code point whatever the collation. */
export const postgres: Dialect = {
  name: 'postgres',
  placeholder: (index) => `$${index}`,
  identifier: quoteIdentifier,
  cast(placeholder, key, kind, typed) {
    if (typed === 'timestamp') return `${placeholder}::timestamptz`;
    if (typed === 'boolean') return `${placeholder}::boolean`;
    if (kind === 'text' || kind === 'instant') return placeholder;
    return Number.isSafeInteger(key) ? `${placeholder}::bigint` : `${placeholder}::numeric`;
  },
  parameter(key, _kind, typed) {
    return typed === 'timestamp' ? `${key}Z` : typed === 'boolean' ? key === 1 : key;
  },
  byCodePoint: (expression) => `${expression} COLLATE "C"`,
  contains: (expression, needle) => `strpos(${expression}, ${needle}) > 0`,
  suffix: (expression, length) => `right(${expression}, ${length}::int)`,
  json(document, path, kind, typed) {
    const value = jsonValue(document, path);
    if (typed === 'boolean') return `CASE jsonb_typeof(${value}) WHEN 'boolean' THEN (${value})::boolean END`;
    if (kind === 'number' || kind === 'boolean') {
      return `CASE jsonb_typeof(${value}) WHEN 'number' THEN (${value})::numeric END`;
    }
    const text =
      path.length === 0
        ? `${document} #>> '{}'`
        : `${jsonValue(document, path.slice(0, -1))} ->> ${quoteText(path.at(-1)!)}`;
    return typed === 'timestamp' ? `(${text})::timestamptz` : `(${text})`;
  },
  // What rounds to infinity or to nothing must not be cast: PostgreSQL makes that an error of the whole statement.
  double: (expression) =>
    `CASE WHEN abs(${expression}) > 1.7976931348623157e308 THEN sign(${expression})::float8 * 'Infinity' WHEN abs(${expression}) < 2.5e-324 THEN 0 ELSE (${expression})::float8 END`,
  jsonElements(document, path, alias) {
    const value = jsonValue(document, path);
    return `jsonb_array_elements(CASE jsonb_typeof(${value}) WHEN 'array' THEN ${value} END) WITH ORDINALITY AS ${alias}(value, key)`;
  },
};

function jsonValue(document: string, path: readonly string[]): string {
  return [document, ...path.map(quoteText)].join(' -> ');
}
