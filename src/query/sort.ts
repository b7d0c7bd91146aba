/** `sortBy` (RFC 7644 §3.4.2.3) as an ORDER BY term over the same keys that filters compare. */
import { ScimError } from '../error.ts';
import { type Attribute, type ResourceType, resolveName } from '../scim/registry.ts';
import { isHidden } from './bind.ts';
import type { Dialect, Parameter } from './dialect.ts';
import { Places, type Scope } from './places.ts';
import type { StorageMap } from './storage.ts';

/**
 * The attribute to sort by (RFC 7644 §3.4.2.3); a multi-valued complex one stands for its `value`. Undefined where one
 * of several types does not have it.
 * @throws ScimError 400 invalidValue.
 */
export function sortAttribute(type: ResourceType, sortBy: string, several: boolean): Attribute | undefined {
  const resolved = resolveName(type, sortBy);
  if (resolved?.kind !== 'attribute') {
    if (several) return undefined;
    throw invalidSort(`${type.name} has no attribute ${JSON.stringify(sortBy)}`);
  }
  const { attribute } = resolved;
  const simple = attribute.type === 'complex' ? attribute.subAttributes.get('value') : attribute;
  if (simple === undefined) throw invalidSort(`${attribute.path} is complex; name one of its sub-attributes`);
  if (simple.multiValued && simple.parent?.multiValued)
    throw invalidSort(`${simple.path} has several values in each of ${simple.parent.path}`);
  if (isHidden(simple)) throw invalidSort(`${attribute.path} cannot be sorted by`);
  return simple;
}

/**
 * `sortOrder` (RFC 7644 §3.4.2.3).
 * @throws ScimError 400 invalidValue for what is neither ascending nor descending.
 */
export function isDescending(sortOrder: string | undefined): boolean {
  const order = sortOrder?.toLowerCase() ?? 'ascending';
  if (order !== 'ascending' && order !== 'descending')
    throw new ScimError(
      400,
      'invalidValue',
      `sortOrder must be ascending or descending, not ${JSON.stringify(sortOrder)}`,
    );
  return order === 'descending';
}

function invalidSort(detail: string): ScimError {
  return new ScimError(400, 'invalidValue', `sortBy: ${detail}`);
}

export interface CompiledSort {
  /** A term for ORDER BY, direction included. */
  readonly sql: string;
  readonly parameters: readonly Parameter[];
  /** An index has this order. */
  readonly indexed: boolean;
}

export interface SortOptions {
  /** Default ascending. */
  readonly descending?: boolean;
  /** Parameters that stand before these in the statement. Default 0. */
  readonly offset?: number;
}

/**
 * Compiles the order by one attribute: unassigned values last ascending and first descending; of several values the
 * primary one counts, else the first (§3.4.2.3).
 * @throws ScimFilterError `unmappedAttribute` where the map does not have the attribute.
 */
export function compileSort(
  attribute: Attribute,
  map: StorageMap,
  dialect: Dialect,
  options: SortOptions = {},
): CompiledSort {
  const places = new Places(map, dialect, options);
  const many = attribute.multiValued
    ? attribute
    : attribute.parent?.multiValued
      ? attribute.parent
      : undefined;
  const range = [0, 0] as const;
  let term: string;
  let indexed = false;
  if (many === undefined) {
    const column = places.read(attribute, undefined, range, true);
    term = places.ordered(attribute, column);
    indexed = column.indexed;
  } else {
    term = ofElements(many, attribute, places);
  }
  const direction = options.descending ? 'DESC' : 'ASC';
  // Where there is always a value SQLite's plain index order needs no second pass for the NULLs.
  const nulls =
    attribute.required && attribute.parent === undefined
      ? ''
      : options.descending
        ? ' NULLS FIRST'
        : ' NULLS LAST';
  return { sql: `${term} ${direction}${nulls}`, parameters: places.parameters, indexed };
}

/** The key of the one value that counts, as a scalar subquery. */
function ofElements(many: Attribute, attribute: Attribute, places: Places): string {
  const storage = places.elements(many, undefined);
  if (storage === undefined) throw places.unmapped(many.path, [0, 0]);
  const primary = many.subAttributes.get('primary');
  if (storage.kind === 'table') {
    const scope: Scope = { kind: 'row', table: storage };
    const key = places.ordered(attribute, places.read(attribute, scope, [0, 0], true));
    const where = places.fragment(storage.where);
    const first = storage.order ?? primaryFirst(primary, scope, places);
    const owned = `${storage.key} = ${places.map.key}`;
    return `(SELECT ${key} FROM ${storage.from} WHERE ${where === '' ? owned : `${where} AND ${owned}`}${first === undefined ? '' : ` ORDER BY ${first}`} LIMIT 1)`;
  }
  const alias = places.alias();
  const scope: Scope = { kind: 'json', alias, attribute: many, array: storage };
  const key = places.ordered(attribute, places.read(attribute, scope, [0, 0], true));
  const from = places.dialect.jsonElements(storage.document, storage.path, alias);
  const order = [primaryFirst(primary, scope, places), `${alias}.key`].filter((part) => part !== undefined);
  return `(SELECT ${key} FROM ${from} ORDER BY ${order.join(', ')} LIMIT 1)`;
}

function primaryFirst(primary: Attribute | undefined, scope: Scope, places: Places): string | undefined {
  if (primary === undefined || places.place(primary, scope) === undefined) return undefined;
  return `${places.read(primary, scope, [0, 0]).sql} DESC NULLS LAST`;
}
