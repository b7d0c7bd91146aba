/** What differs between databases: {@link sqlite} and {@link postgres} implement it, the compiler never asks which. */
import type { Key } from '../scim/comparison.ts';
import type { Typed } from './storage.ts';

/** A value of a filter (RFC 7644 §3.4.2.2) for the driver to bind. */
export type Parameter = string | number | boolean;

/** How a key is represented: `instant` is text that sorts chronologically, `boolean` is 0 or 1. */
export type KeyKind = 'text' | 'instant' | 'number' | 'boolean';

/** How a filter (RFC 7644 §3.4.2.2) is written for a database; {@link sqlite} and {@link postgres} are there. */
export interface Dialect {
  readonly name: string;
  /** The n-th parameter of the statement, from 1. */
  placeholder(index: number): string;
  /** Quotes the name of a table or column. */
  identifier(name: string): string;
  /** `placeholder` as a value of the type that the comparison needs. */
  cast(placeholder: string, key: Key, kind: KeyKind, typed: Typed | undefined): string;
  /** The key as the driver must be given it. */
  parameter(key: Key, kind: KeyKind, typed: Typed | undefined): Parameter;
  /** A text expression, compared by code point. */
  byCodePoint(expression: string): string;
  /** `needle` is within `expression`. */
  contains(expression: string, needle: string): string;
  /** The last `length` characters of `expression`. */
  suffix(expression: string, length: string): string;
  /** The key at a path of a JSON document; NULL where there is none. */
  json(document: string, path: readonly string[], kind: KeyKind, typed: Typed | undefined): string;
  /**
   * A number of a JSON document as the double that it stands for: beyond 2^53 databases read digits as a wider number,
   * which compares differently.
   */
  double(expression: string): string;
  /**
   * A FROM clause of the elements of a JSON array, none where there is no array; `alias.value` is the element,
   * `alias.key` counts them.
   */
  jsonElements(document: string, path: readonly string[], alias: string): string;
}

/** A program's text as an SQL literal; nothing of a request comes here. */
export function quoteText(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}

/** A program's name as an SQL identifier; nothing of a request comes here. */
export function quoteIdentifier(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}
