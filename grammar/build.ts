import type {
  And,
  AttrPath,
  Compare,
  CompareOperator,
  CompareValue,
  Filter,
  Not,
  Or,
  PatchPath,
  Present,
  Range,
  ValuePath,
} from './ast.ts';
import { parseAttrPath } from './attr-path.ts';
import { walk } from './visit.ts';

/** Where a builder takes an attribute path: its text (RFC 7644 §3.10), or a node. */
export type AttrPathLike = string | AttrPath;

/** Nodes that were not read from a text. */
const NOWHERE: Range = [0, 0];

function attrPathOf(path: AttrPathLike): AttrPath {
  return typeof path === 'string' ? { ...parseAttrPath(path), range: NOWHERE } : path;
}

function compare(operator: CompareOperator, path: AttrPathLike, value: CompareValue): Compare {
  if (typeof value === 'number' && !Number.isFinite(value))
    throw new TypeError(`${value} is not a number of JSON`);
  if (value !== null && !/^(?:string|number|boolean)$/.test(typeof value))
    throw new TypeError(`A filter compares with a string, a number, a boolean or null, not ${typeof value}`);
  if (typeof value === 'string' && (!value.isWellFormed() || value.includes('\0'))) {
    throw new TypeError('A filter string cannot contain NUL (U+0000) or unpaired surrogates');
  }
  const own = typeof value === 'number' ? value + 0 : value;
  return {
    type: 'compare',
    attrPath: attrPathOf(path),
    operator,
    value: own,
    raw: JSON.stringify(own),
    range: NOWHERE,
  };
}

/** `path eq value` (RFC 7644 §3.4.2.2 table 3). Throws `ScimFilterError` for a wrong path, `TypeError` for a value that is no literal; so do all comparisons. */
export function eq(path: AttrPathLike, value: CompareValue): Compare {
  return compare('eq', path, value);
}

/** `path ne value` (RFC 7644 §3.4.2.2 table 3). */
export function ne(path: AttrPathLike, value: CompareValue): Compare {
  return compare('ne', path, value);
}

/** `path co value`, contains (RFC 7644 §3.4.2.2 table 3). */
export function co(path: AttrPathLike, value: CompareValue): Compare {
  return compare('co', path, value);
}

/** `path sw value`, starts with (RFC 7644 §3.4.2.2 table 3). */
export function sw(path: AttrPathLike, value: CompareValue): Compare {
  return compare('sw', path, value);
}

/** `path ew value`, ends with (RFC 7644 §3.4.2.2 table 3). */
export function ew(path: AttrPathLike, value: CompareValue): Compare {
  return compare('ew', path, value);
}

/** `path gt value` (RFC 7644 §3.4.2.2 table 3). */
export function gt(path: AttrPathLike, value: CompareValue): Compare {
  return compare('gt', path, value);
}

/** `path ge value` (RFC 7644 §3.4.2.2 table 3). */
export function ge(path: AttrPathLike, value: CompareValue): Compare {
  return compare('ge', path, value);
}

/** `path lt value` (RFC 7644 §3.4.2.2 table 3). */
export function lt(path: AttrPathLike, value: CompareValue): Compare {
  return compare('lt', path, value);
}

/** `path le value` (RFC 7644 §3.4.2.2 table 3). */
export function le(path: AttrPathLike, value: CompareValue): Compare {
  return compare('le', path, value);
}

/** `path pr`, has a value (RFC 7644 §3.4.2.2 table 3). Throws `ScimFilterError` for a wrong path. */
export function pr(path: AttrPathLike): Present {
  return { type: 'present', attrPath: attrPathOf(path), range: NOWHERE };
}

/** All of them (RFC 7644 §3.4.2.2 table 4), flattened; one filter is returned as it is, none is a `TypeError`. */
export function and(...filters: readonly Filter[]): Filter {
  return joined('and', filters);
}

/** Any of them (RFC 7644 §3.4.2.2 table 4), flattened; one filter is returned as it is, none is a `TypeError`. */
export function or(...filters: readonly Filter[]): Filter {
  return joined('or', filters);
}

function joined(type: 'and' | 'or', given: readonly Filter[]): Filter {
  const filters = given.flatMap((filter) => (filter.type === type ? filter.filters : [filter]));
  if (filters.length === 0) throw new TypeError(`${type}() needs a filter`);
  if (filters.length === 1) return filters[0]!;
  return { type, filters, range: NOWHERE } satisfies And | Or;
}

/** `not (filter)` (RFC 7644 §3.4.2.2 table 4). */
export function not(filter: Filter): Not {
  return { type: 'not', filter, range: NOWHERE };
}

/**
 * `path[filter]` (RFC 7644 §3.4.2.2 table 5): one value satisfies the whole filter. With `tail`, a comparison or
 * presence test on a sub-attribute of the same value: `path[filter].sub op value`.
 * Throws `ScimFilterError` for a wrong path, `TypeError` for a value path inside `filter` (errata 4690, 7322) and
 * for a tail on more than a plain name.
 */
export function valuePath(path: AttrPathLike, filter: Filter, tail?: Compare | Present): ValuePath {
  refuseNested(filter);
  const selected = { type: 'valuePath', attrPath: attrPathOf(path), filter } as const;
  if (tail === undefined) return { ...selected, range: NOWHERE };
  const { schema, name, subAttr } = tail.attrPath;
  if (schema !== undefined || subAttr !== undefined)
    throw new TypeError('The tail of a value path is a plain name');
  if (tail.type === 'present') return { ...selected, subAttr: name, operator: 'pr', range: NOWHERE };
  const { operator, value, raw } = tail;
  return { ...selected, subAttr: name, operator, value, raw, range: NOWHERE };
}

/**
 * The `path` of a PATCH operation (RFC 7644 §3.5.2): `path`, `path[filter]` or `path[filter].subAttr`.
 * Throws as {@link valuePath} does.
 */
export function patchPath(path: AttrPathLike, filter?: Filter, subAttr?: string): PatchPath {
  const attrPath = attrPathOf(path);
  if (filter === undefined) {
    if (subAttr === undefined) return { type: 'path', attrPath, range: NOWHERE };
    if (attrPath.subAttr !== undefined) throw new TypeError(`${attrPath.subAttr} has no sub-attributes`);
    return { type: 'path', attrPath: { ...attrPath, subAttr: plainName(subAttr) }, range: NOWHERE };
  }
  refuseNested(filter);
  if (subAttr === undefined) return { type: 'path', attrPath, filter, range: NOWHERE };
  return { type: 'path', attrPath, filter, subAttr: plainName(subAttr), range: NOWHERE };
}

function plainName(text: string): string {
  const { schema, name, subAttr } = parseAttrPath(text);
  if (schema !== undefined || subAttr !== undefined) throw new TypeError(`"${text}" is not a plain name`);
  return name;
}

function refuseNested(filter: Filter): void {
  walk(filter, {
    valuePath: () => {
      throw new TypeError('A value path cannot stand inside the brackets of another');
    },
  });
}
