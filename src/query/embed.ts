/**
 * Filters over an embedder's own tables (RFC 7644 §3.4.2.2): `resolve` says where each attribute is, and nothing
 * else of a request reaches SQL.
 */
import type { Filter } from '../../grammar/index.ts';
import { textKey } from '../scim/comparison.ts';
import type { Attribute } from '../scim/registry.ts';
import { compileFilter, type FilterOptions, type SchemaSource } from './compile.ts';
import type { Dialect } from './dialect.ts';
import { keyStorage } from './keys.ts';
import { keyKind } from './places.ts';
import { type CompiledSql, compilePlan } from './sql.ts';
import type { ColumnStorage, JsonStorage, Storage, StorageMap, TableStorage, Typed } from './storage.ts';

/**
 * What is said of the values in a place: whether they are folded (RFC 7643 §2.2 caseExact), indexed, and what type
 * they have.
 */
export interface Held {
  /**
   * For text whose letter case does not count (`caseExact` false, most of SCIM's): `true` if the place holds it as
   * `fold` makes it, or SQL that makes it so, `(text) => `lower(${text})``, which in most databases is right for
   * ASCII only. There is no default, since a comparison with raw text would silently miss rows.
   */
  readonly folded?: true | ((expression: string) => string);
  /** An index serves `=`, `<` and `>` on the place. In PostgreSQL an index for `sw`, `gt`, … needs COLLATE "C". */
  readonly indexed?: boolean;
  /**
   * Booleans are taken to be the database's own, dateTimes its timestamps (in SQLite text as `Date.toISOString`
   * writes it). `key` says that the place holds a comparison key instead: 0 and 1, the text of `instantKey`.
   */
  readonly typed?: Typed | 'key';
}

/** A column for an attribute with one value (RFC 7643 §2.4), quoted for you: `user_name`, `users.user_name`. */
export type ColumnPlace = Held & { readonly column: string };
/**
 * Your SQL for an attribute with one value (RFC 7643 §2.4), taken as it is; it must be NULL where the attribute has
 * no value.
 */
export type ExpressionPlace = Held & { readonly expression: string };
/** A column of JSON (PostgreSQL: jsonb) that holds the attribute at `path`, by default where RFC 7643 §3 has it. */
export type JsonPlace = Held & { readonly json: string; readonly path?: readonly string[] };
/**
 * A column of JSON (PostgreSQL: jsonb) that holds what `comparisonKeys(resource, …)` answers: it has every attribute
 * (RFC 7643 §2).
 */
export interface KeysPlace {
  readonly keys: string;
}
/** A table with one row for each value of a multi-valued attribute (RFC 7643 §2.4). */
export interface TablePlace {
  readonly table: string;
  /** Its column that refers to the owner's `key`. */
  readonly key: string;
  /** Your SQL that selects the attribute's rows, where the table has others too. */
  readonly where?: string;
  /** By sub-attribute, in the schema's spelling; `value` is a simple attribute's value. */
  readonly columns: { readonly [subAttribute: string]: ColumnPlace | ExpressionPlace | undefined };
}

/** Where an attribute (RFC 7643 §2) is kept. */
export type Place = ColumnPlace | ExpressionPlace | JsonPlace | KeysPlace | TablePlace;

/**
 * Where an attribute (RFC 7644 §3.10) is. `path` is spelt as in the schema: `userName`, `name.familyName`, `emails`
 * (which then has the places of its sub-attributes), `urn:…:enterprise:2.0:User:department`. `undefined` makes it an
 * error in filters.
 */
export type Resolve = (path: string, attribute: Attribute) => Place | undefined;

/** Options of {@link compileSql} (RFC 7644 §3.4.2.2). */
export type SqlFilterOptions = SchemaSource &
  FilterOptions & {
    /** `sqlite` or `postgres`. */
    readonly dialect: Dialect;
    readonly resolve: Resolve;
    /** The column of the filtered table that element tables refer to. Default `id`. */
    readonly key?: string;
    /** Refuses filters that no index serves. Default false. */
    readonly indexedOnly?: boolean;
    /** How many parameters stand before the filter's in your statement: `$3` follows 2. Default 0. */
    readonly offset?: number;
  };

/**
 * Compiles a filter (RFC 7644 §3.4.2.2) into a condition for the WHERE clause of your own query: `{ sql, parameters,
 * unindexed }`. `sql` holds `?` or `$1`, … for the parameters; `unindexed` names the attributes that make the query
 * read every row.
 *
 * @throws ScimFilterError `invalidFilter`, with position: what cannot be parsed, what the schemas do not allow, an
 * attribute that `resolve` does not know, and with `indexedOnly` a filter that would scan.
 * @throws TypeError if `resolve` answers with a place that cannot hold the attribute.
 */
export function compileSql(filter: string | Filter, options: SqlFilterOptions): CompiledSql {
  const { dialect, resolve, key = 'id', offset, indexedOnly } = options;
  const { plan } = compileFilter(filter, options);
  const map = storageMapOf(dialect, resolve, key);
  return compilePlan(plan, map, dialect, {
    ...(offset === undefined ? {} : { offset }),
    ...(indexedOnly === undefined ? {} : { indexedOnly }),
    ...(typeof filter === 'string' ? { source: filter } : {}),
  });
}

/** What `resolve` says, as the compiler asks for it. */
export function storageMapOf(dialect: Dialect, resolve: Resolve, key: string): StorageMap {
  return {
    key: qualified(dialect, key),
    resolve(attribute: Attribute): Storage | undefined {
      const place = resolve(attribute.path, attribute);
      return place === undefined ? undefined : storageOf(place, attribute, dialect);
    },
  };
}

function storageOf(place: Place, attribute: Attribute, dialect: Dialect): Storage {
  if ('keys' in place) return keyStorage(qualified(dialect, place.keys), attribute);
  if ('table' in place) return tableStorage(place, attribute, dialect);
  if ('json' in place) return jsonStorage(place, attribute, dialect);
  if (attribute.multiValued)
    throw new TypeError(`${attribute.path} has several values: keep it in a table or JSON`);
  return columnStorage(place, attribute, (name) => qualified(dialect, name));
}

function tableStorage(place: TablePlace, attribute: Attribute, dialect: Dialect): TableStorage {
  if (!attribute.multiValued)
    throw new TypeError(`${attribute.path} has one value: it cannot be kept in a table`);
  const table = qualified(dialect, place.table);
  const inTable = (name: string) => `${table}.${dialect.identifier(name)}`;
  return {
    kind: 'table',
    from: table,
    key: inTable(place.key),
    where: { sql: place.where === undefined ? '' : `(${place.where})`, parameters: [] },
    column(sub) {
      const column = place.columns[sub === attribute ? 'value' : sub.name];
      return column === undefined ? undefined : columnStorage(column, sub, inTable);
    },
  };
}

function columnStorage(
  place: ColumnPlace | ExpressionPlace,
  attribute: Attribute,
  name: (column: string) => string,
): ColumnStorage {
  const raw = 'column' in place ? name(place.column) : `(${place.expression})`;
  const wrap = foldingOf(place, attribute);
  const sql = wrap === undefined ? raw : wrap(raw);
  return { kind: 'column', sql, indexed: place.indexed ?? false, ...typedAs(place, attribute) };
}

function jsonStorage(place: JsonPlace, attribute: Attribute, dialect: Dialect): Storage {
  const document = qualified(dialect, place.json);
  const path = place.path ?? pathOf(attribute);
  if (!attribute.multiValued) return { kind: 'json', document, path, ...readingOf(place, attribute) };
  return {
    kind: 'jsonArray',
    document,
    path,
    ...(attribute.type === 'complex' ? {} : { value: readingOf(place, attribute) }),
    member: (sub) => ({ name: sub.name, ...readingOf(place, sub) }),
  };
}

function readingOf(place: Held, attribute: Attribute): Pick<JsonStorage, 'typed' | 'wrap' | 'indexed'> {
  const wrap = foldingOf(place, attribute);
  return {
    ...typedAs(place, attribute),
    ...(wrap === undefined ? {} : { wrap }),
    ...(place.indexed === undefined ? {} : { indexed: place.indexed }),
  };
}

function foldingOf({ folded }: Held, attribute: Attribute): ((expression: string) => string) | undefined {
  if (keyKind(attribute) !== 'text' || textKey(attribute)('A') === 'A') return undefined;
  if (folded === undefined) {
    throw new TypeError(
      `${attribute.path} is compared without regard to letter case: say that its place is \`folded\` (true if it ` +
        'holds what fold() makes, or a function from its SQL to folded SQL)',
    );
  }
  return folded === true ? undefined : folded;
}

function typedAs({ typed }: Held, attribute: Attribute): { typed?: Typed } {
  if (typed === 'key') return {};
  if (typed !== undefined) return { typed };
  if (attribute.type === 'boolean') return { typed: 'boolean' };
  return attribute.type === 'dateTime' ? { typed: 'timestamp' } : {};
}

/** Where RFC 7643 §3 has the attribute in a resource. */
function pathOf(attribute: Attribute): string[] {
  const path: string[] = [];
  for (let step: Attribute | undefined = attribute; step !== undefined; step = step.parent)
    path.unshift(step.name);
  if (attribute.extension !== undefined) path.unshift(attribute.extension);
  return path;
}

function qualified(dialect: Dialect, name: string): string {
  return name.split('.').map(dialect.identifier).join('.');
}
