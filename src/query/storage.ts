/**
 * Where the comparison keys of an attribute are found in SQL. Every text in here is written by the program that
 * owns the tables; nothing of a request ever becomes SQL text, values are always parameters.
 */
import type { Attribute } from '../scim/registry.ts';

/** SQL text with `?` for each of `parameters`, in order; the dialect renders the placeholders. */
export interface SqlFragment {
  readonly sql: string;
  readonly parameters: readonly (string | number)[];
}

/**
 * What a place holds of a boolean or a dateTime (RFC 7643 §2.3) where it does not hold comparison keys: `boolean` is
 * the database's own truth value (keys are 0 and 1); `timestamp` an instant of its own (PostgreSQL `timestamptz`, in
 * SQLite text as `Date.toISOString` writes it), exact to its precision only.
 */
export type Typed = 'boolean' | 'timestamp';

/** One key per row: an expression that is NULL when the attribute is unassigned. */
export interface ColumnStorage {
  readonly kind: 'column';
  readonly sql: string;
  readonly typed?: Typed;
  /** An index serves equality and ranges on it. */
  readonly indexed: boolean;
  /**
   * A condition implied by "the key contains this text" that an index serves (a trigram index); the exact test is
   * added beside it. Undefined for a needle that the index cannot serve.
   */
  readonly containing?: Containing;
}

export type Containing = (needle: string) => SqlFragment | undefined;

/** What a JSON document may hold instead of keys, and whether an index on the very expression serves it. */
interface JsonReading {
  readonly typed?: Typed;
  /** SQL around the text that was read, where the document does not hold the key itself: `lower(…)`. */
  readonly wrap?: (sql: string) => string;
}

/** A key inside a JSON document of keys; `path` are object member names. */
export interface JsonStorage extends JsonReading {
  readonly kind: 'json';
  readonly document: string;
  readonly path: readonly string[];
  readonly indexed?: boolean;
  /** As in {@link ColumnStorage}. */
  readonly containing?: Containing;
}

/** A multi-valued attribute kept as rows of a table: one row for each value. */
export interface TableStorage {
  readonly kind: 'table';
  /** A FROM clause: `element e`. */
  readonly from: string;
  /** The expression in it that names the owning resource: `e.rid`. */
  readonly key: string;
  /** What holds for this attribute's rows: `e.attribute = ?`. */
  readonly where: SqlFragment;
  /** As in {@link JsonArrayStorage}; `isScanned`: no index finds the rows. */
  readonly each?: (terms: number, condition: string, isScanned: boolean) => string;
  /** Where a sub-attribute's key is within a row; the attribute itself stands for a simple value. */
  readonly column: (attribute: Attribute) => ColumnStorage | JsonStorage | undefined;
  /** ORDER BY terms that bring the value to sort by first: the primary one, else the first (RFC 7644 §3.4.2.3). */
  readonly order?: string;
  /**
   * Optional short cut for "some value's sub-attribute equals this key": a query that yields owner keys. Used
   * where the rows are computed (User.groups) and the general form would scan.
   */
  readonly equals?: (attribute: Attribute, key: string | number) => SqlFragment | undefined;
}

/**
 * A multi-valued attribute kept as an array inside a JSON document of keys: an object for each complex value with
 * its keys under the lower-cased sub-attribute names, or the bare key of a simple value.
 */
export interface JsonArrayStorage {
  readonly kind: 'jsonArray';
  readonly document: string;
  readonly path: readonly string[];
  /** The member that holds a sub-attribute, if not its lower-cased name; undefined where it is not kept. */
  readonly member?: (attribute: Attribute) => (JsonReading & { readonly name: string }) | undefined;
  /** How the values of a simple attribute are read. */
  readonly value?: JsonReading;
  /** The condition that each element is compared by, of so many terms, with what is to be done with each. */
  readonly each?: (terms: number, condition: string, alias: string) => string;
}

export type Storage = ColumnStorage | JsonStorage | TableStorage | JsonArrayStorage;

/** The tables behind a resource type. */
export interface StorageMap {
  /** The expression that identifies the resource in the outer query: `r.rid`. */
  readonly key: string;
  /** What can be filtered by, for those who ask for something else; absent where that is nearly everything. */
  readonly known?: readonly string[];
  /**
   * Where an attribute is. For a multi-valued attribute the answer is `table` or `jsonArray`; for anything
   * singular (sub-attributes of singular complex attributes included) `column` or `json`.
   */
  resolve(attribute: Attribute): Storage | undefined;
}
