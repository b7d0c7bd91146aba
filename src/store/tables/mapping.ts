/** A map that is compiled: which column is which attribute, and how its values are written and read. */
import { type Key, keyOf } from '../../scim/comparison.ts';
import type { Attribute, ResourceType } from '../../scim/registry.ts';
import type { SqlValue } from './database.ts';
import type { ColumnOptions } from './define.ts';
import type { ColumnFact, TableFacts } from './facts.ts';

/** A column as statements name and bind it. */
export interface Column {
  readonly name: string;
  /** Quoted, without the table. */
  readonly sql: string;
  readonly fact: ColumnFact;
  /** A parameter of the column's type. */
  readonly parameter: string;
  bind(value: unknown): SqlValue;
  /** Is {@link unbind} nothing but its argument? */
  readonly isPlain: boolean;
  /** As the builder's own code reads it; null is null. */
  unbind(value: unknown): unknown;
}

/** An attribute, or a sub-attribute, that a column holds. */
export interface Field {
  /** As the map has it. */
  readonly path: string;
  /** Of the resource, or of an extension. */
  readonly attribute: Attribute;
  /** The very attribute that is held: a sub-attribute, or `attribute`. */
  readonly leaf: Attribute;
  readonly column: Column;
  /** What the compared text is read from, and how. */
  readonly folded: Column | true | ((column: string) => string) | undefined;
  readonly options: ColumnOptions;
  /** The field before it that has the same column, and writes it. */
  readonly alias: Field | undefined;
  /** Is there an index for equality and order? */
  readonly indexed: boolean;
  /** Is what a column of text has the value itself? */
  readonly isText: boolean;
  read(stored: unknown): unknown;
  write(value: unknown): unknown;
}

/** One value of a multi-valued attribute, told by what is constant of it, of which columns hold some sub-attributes. */
export interface Element {
  readonly attribute: Attribute;
  /** `emails[type eq work]`: its name in `rest`. */
  readonly label: string;
  readonly constants: ReadonlyMap<Attribute, { readonly value: string | boolean; readonly key: Key }>;
  readonly fields: Map<Attribute, Field>;
}

export interface MappedTable {
  readonly type: ResourceType;
  readonly facts: TableFacts;
  readonly id: Column;
  readonly row: Column;
  readonly version: Column;
  readonly tenant: Column | undefined;
  readonly created: Column | undefined;
  readonly modified: Column | undefined;
  readonly rest: Column | undefined;
  readonly fields: readonly Field[];
  /** By the attribute that is held, for those of one value. */
  readonly byLeaf: ReadonlyMap<Attribute, Field>;
  readonly elements: ReadonlyMap<Attribute, readonly Element[]>;
  /** Columns that hold fields and folded text, without doubles, in the order in which rows are read. */
  readonly columns: readonly Column[];
  /** What a deletion sets, where the row stays. */
  readonly onDelete: readonly { readonly column: Column; readonly value: unknown }[] | undefined;
}

/** What is wrong with a map, where. */
export interface MapProblem {
  /** `User.attributes["name.givenName"]`. */
  readonly path: string;
  readonly reason: string;
}

/** The label of a path within JSON, where a quote could not be. */
export function labelOf(path: string): string {
  return path.replaceAll(/["\\]/g, '');
}

/** Do two stored values stand for the same number, or instant? */
export function sameValue(attribute: Attribute, a: unknown, b: unknown): boolean {
  const { type } = attribute;
  if (type !== 'dateTime' && type !== 'integer' && type !== 'decimal') return false;
  const key = keyOf(attribute, a);
  return key !== undefined && key === keyOf(attribute, b);
}
