/**
 * Where attributes are, rendered by a dialect: the only way from an attribute to SQL text. It also keeps the
 * parameters, which is why conditions must be compiled in the order in which they stand in the statement.
 */
import { type Range, ScimFilterError } from '../../grammar/index.ts';
import type { Key } from '../scim/comparison.ts';
import type { Attribute } from '../scim/registry.ts';
import type { Dialect, KeyKind, Parameter } from './dialect.ts';
import type {
  ColumnStorage,
  JsonArrayStorage,
  JsonStorage,
  SqlFragment,
  StorageMap,
  TableStorage,
} from './storage.ts';

export interface PlaceOptions {
  /** Parameters that stand before these in the statement: placeholders count on from it. Default 0. */
  readonly offset?: number;
  /** The text that was parsed, for the caret frame of errors. */
  readonly source?: string;
}

/** The element that sub-attributes belong to: a row of a table, or an element of a JSON array. */
export type Scope =
  | { readonly kind: 'row'; readonly table: TableStorage }
  | {
      readonly kind: 'json';
      readonly alias: string;
      readonly attribute: Attribute;
      readonly array: JsonArrayStorage;
    };

export function keyKind(attribute: Attribute): KeyKind {
  switch (attribute.type) {
    case 'boolean':
      return 'boolean';
    case 'integer':
    case 'decimal':
      return 'number';
    case 'dateTime':
      return 'instant';
    default:
      return 'text';
  }
}

export class Places {
  readonly parameters: Parameter[] = [];
  readonly map: StorageMap;
  readonly dialect: Dialect;
  readonly #options: PlaceOptions;
  #aliases = 0;

  constructor(map: StorageMap, dialect: Dialect, options: PlaceOptions) {
    this.map = map;
    this.dialect = dialect;
    this.#options = options;
  }

  alias(): string {
    return `e${++this.#aliases}`;
  }

  elements(attribute: Attribute, scope: Scope | undefined): TableStorage | JsonArrayStorage | undefined {
    const storage = scope === undefined ? this.map.resolve(attribute) : this.place(attribute, scope);
    if (storage === undefined || storage.kind === 'table' || storage.kind === 'jsonArray') return storage;
    if (storage.kind === 'json') {
      const { document, path, ...value } = storage;
      return { kind: 'jsonArray', document, path, value };
    }
    throw new Error(`the storage of ${attribute.path} is one column, but it is multi-valued`);
  }

  place(attribute: Attribute, scope: Scope | undefined): ColumnStorage | JsonStorage | undefined {
    if (scope === undefined) {
      const storage = this.map.resolve(attribute);
      if (storage?.kind === 'table' || storage?.kind === 'jsonArray') {
        throw new Error(`the storage of ${attribute.path} holds several values, but it is singular`);
      }
      return storage;
    }
    if (scope.kind === 'row') return scope.table.column(attribute);
    const { array, alias } = scope;
    const document = `${alias}.value`;
    if (attribute === scope.attribute) return { kind: 'json', document, path: [], ...array.value };
    const member =
      array.member === undefined ? { name: attribute.name.toLowerCase() } : array.member(attribute);
    if (member === undefined) return undefined;
    const { name, ...reading } = member;
    return { kind: 'json', document, path: [name], ...reading };
  }

  /** With `wide`, numbers are distinguished beyond 2^53 too, where an index on a JSON member is of no use. */
  read(attribute: Attribute, scope: Scope | undefined, range: Range, wide = false): ColumnStorage {
    const storage = this.place(attribute, scope);
    if (storage === undefined) throw this.unmapped(attribute.path, range);
    if (storage.kind === 'column') return storage;
    const { document, path, typed, wrap, containing } = storage;
    const kind = keyKind(attribute);
    const stored = this.dialect.json(document, path, kind, typed);
    const sql = wide && kind === 'number' ? this.dialect.double(stored) : stored;
    return {
      kind: 'column',
      sql: wrap === undefined ? sql : wrap(sql),
      indexed: storage.indexed ?? false,
      ...(typed === undefined ? {} : { typed }),
      ...(containing === undefined ? {} : { containing }),
    };
  }

  key(key: Key, attribute: Attribute, { typed }: ColumnStorage): string {
    const kind = keyKind(attribute);
    return this.dialect.cast(this.parameter(this.dialect.parameter(key, kind, typed)), key, kind, typed);
  }

  parameter(value: Parameter): string {
    this.parameters.push(value);
    return this.dialect.placeholder((this.#options.offset ?? 0) + this.parameters.length);
  }

  fragment({ sql, parameters }: SqlFragment): string {
    const pieces = sql.split('?');
    if (pieces.length !== parameters.length + 1)
      throw new Error(`${parameters.length} parameters for: ${sql}`);
    return pieces.reduce((text, piece, index) => text + this.parameter(parameters[index - 1]!) + piece);
  }

  unmapped(path: string, range: Range): ScimFilterError {
    const { known } = this.map;
    const hint = known === undefined || known.length === 0 ? undefined : `What can be: ${known.join(', ')}`;
    return this.#error('unmappedAttribute', `${path} cannot be filtered by here`, range, hint);
  }

  #error(code: string, detail: string, range: Range, hint?: string): ScimFilterError {
    const { source } = this.#options;
    return new ScimFilterError({
      ...{ code, detail, range },
      ...(source === undefined ? {} : { source }),
      ...(hint === undefined ? {} : { hint }),
    });
  }

  /** The attribute's expression as its order is defined. */
  ordered(attribute: Attribute, column: ColumnStorage): string {
    const kind = keyKind(attribute);
    const isText = (kind === 'text' || kind === 'instant') && column.typed === undefined;
    return isText ? this.dialect.byCodePoint(column.sql) : column.sql;
  }

  scanRefused(path: string, range: Range): ScimFilterError {
    return this.#error('unindexed', `No index serves ${path} in this filter`, range);
  }
}
