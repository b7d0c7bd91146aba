/**
 * The abstract syntax of SCIM filters and PATCH paths (RFC 7644 §3.4.2.2 figure 1, §3.5.2 figure 7).
 * Plain, readonly data: `type` discriminates, every node carries the `range` it was read from.
 */

/**
 * Where a node of RFC 7644 §3.4.2.2 stands in the source text, in UTF-16 code units: `[start, end)`. Nodes made by
 * builders have `[0, 0]`.
 */
export type Range = readonly [start: number, end: number];

/**
 * `eq ne co sw ew gt ge lt le` (RFC 7644 §3.4.2.2 table 3); in source text any letter case is accepted. `pr` is the
 * node {@link Present}.
 */
export type CompareOperator = 'eq' | 'ne' | 'co' | 'sw' | 'ew' | 'gt' | 'ge' | 'lt' | 'le';

/** The decoded literal of a comparison (RFC 7644 §3.4.2.2 figure 1): JSON `false / null / true / number / string`. */
export type CompareValue = string | number | boolean | null;

/**
 * `attrPath = [URI ":"] ATTRNAME *1subAttr`. Every facet keeps the spelling it was written in; matching is
 * case-insensitive (RFC 7644 §3.10). The last colon ends the URI; whether `schema:name` is in truth the URN of
 * an extension is decided against the registered schemas, not here.
 */
export interface AttrPath {
  readonly type: 'attrPath';
  readonly schema?: string;
  readonly name: string;
  readonly subAttr?: string;
  readonly range: Range;
}

/**
 * `attrPath SP compareOp SP compValue` (RFC 7644 §3.4.2.2 figure 1). `raw` is the literal's source text (numbers
 * past 2^53 keep theirs), except that true, false and null are written as JSON writes them.
 */
export interface Compare {
  readonly type: 'compare';
  readonly attrPath: AttrPath;
  readonly operator: CompareOperator;
  readonly value: CompareValue;
  readonly raw: string;
  readonly range: Range;
}

/** `attrPath SP "pr"` (RFC 7644 §3.4.2.2 figure 1). */
export interface Present {
  readonly type: 'present';
  readonly attrPath: AttrPath;
  readonly range: Range;
}

/** `and` of RFC 7644 §3.4.2.2 table 4, n-ary and flattened: no child is itself an `and`; at least two children. */
export interface And {
  readonly type: 'and';
  readonly filters: readonly Filter[];
  readonly range: Range;
}

/** `or` of RFC 7644 §3.4.2.2 table 4, n-ary and flattened: no child is itself an `or`; at least two children. */
export interface Or {
  readonly type: 'or';
  readonly filters: readonly Filter[];
  readonly range: Range;
}

/** `"not" *SP "(" FILTER ")"` (RFC 7644 §3.4.2.2 figure 1; erratum 7319: blanks are optional). */
export interface Not {
  readonly type: 'not';
  readonly filter: Filter;
  readonly range: Range;
}

/**
 * `attrPath "[" valFilter "]"` (RFC 7644 §3.4.2.2 figure 1); paths inside `filter` are relative to the selected
 * value and never a valuePath. With `subAttr`, `operator` and (unless `pr`) `value`, `raw` it is the form `a[…].sub
 * op value` that identity providers send: ONE value must satisfy both the bracket and the comparison.
 */
export interface ValuePath {
  readonly type: 'valuePath';
  readonly attrPath: AttrPath;
  readonly filter: Filter;
  readonly subAttr?: string;
  readonly operator?: CompareOperator | 'pr';
  readonly value?: CompareValue;
  readonly raw?: string;
  readonly range: Range;
}

/** `FILTER` of RFC 7644 §3.4.2.2 figure 1. */
export type Filter = Compare | Present | And | Or | Not | ValuePath;

/**
 * `PATH = attrPath / valuePath [subAttr]` (RFC 7644 §3.5.2 figure 7). Without a filter, `attrPath` may hold the
 * sub-attribute.
 */
export interface PatchPath {
  readonly type: 'path';
  readonly attrPath: AttrPath;
  readonly filter?: Filter;
  readonly subAttr?: string;
  readonly range: Range;
}

/** Whatever has a text: a filter (RFC 7644 §3.4.2.2), a PATCH path (§3.5.2), an attribute path (§3.10). */
export type Node = Filter | AttrPath | PatchPath;
