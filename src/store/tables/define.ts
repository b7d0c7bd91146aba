/** How an embedder says where SCIM's attributes are in tables of their own: `table()` and `members()`. */

/** A column: its name, or what a query builder has for it (Drizzle: `users.email`). */
export type ColumnSource =
  | string
  | {
      readonly name: string;
      /** How the builder writes and reads the column's values, where it has ways of its own. */
      mapToDriverValue?(value: unknown): unknown;
      mapFromDriverValue?(value: unknown): unknown;
    };

/** A table: its name, `schema.name`, or a table of Drizzle. */
export type TableSource = string | object;

/** A column with what has to be known of it. */
export interface ColumnOptions {
  readonly column: ColumnSource;
  /**
   * For text whose letter case does not count: another column that holds the text as `fold()` makes it, which is
   * written with it unless the database generates it; `true` where the column itself holds folded text; or SQL that
   * folds it. Without it SQL folds as `fold()` does, and no index but one on `scimd_fold(…)` (PostgreSQL) serves it.
   */
  readonly folded?: ColumnSource | true | ((column: string) => string);
  /** The attribute's value from the column's, and the other way round. */
  get?(value: unknown): unknown;
  set?(value: unknown): unknown;
  /** SQL for the attribute's value, for filters, where `get` is more than a test for NULL. */
  readonly expression?: (column: string) => string;
}

/** Who is in a group: one row for each membership. */
export interface MembersMap {
  readonly table: TableSource;
  readonly group: ColumnSource;
  /** The column that refers to a user. */
  readonly member: ColumnSource;
  /** The column that refers to a group within the group, null in rows that refer to a user. Without it groups do not nest. */
  readonly nested?: ColumnSource | undefined;
}

/** Where the attributes of a resource type (RFC 7643) are. */
export interface TableMap {
  readonly table: TableSource;
  readonly key: {
    /** Text or uuid: scimd gives ids. A row without one is no resource yet, and can be linked. */
    readonly id: ColumnSource;
    /** Holds the tenant's name; without it there is one tenant. */
    readonly tenant?: ColumnSource | undefined;
    /** An integer that scimd counts up, NOT NULL DEFAULT 1. */
    readonly version: ColumnSource;
    /** What other tables refer to. Without it: what their foreign keys say, else `id`. */
    readonly row?: ColumnSource | undefined;
  };
  readonly created?: ColumnSource | undefined;
  readonly modified?: ColumnSource | undefined;
  /**
   * By attribute path: `userName`, `name.givenName`, `emails[type eq "work"].value`, `urn:…:User:department`. Of two
   * paths with one column the first writes it.
   */
  readonly attributes: Readonly<Record<string, ColumnSource | ColumnOptions>>;
  /** A column of JSON for what has no column of its own. Without it such attributes are not served. */
  readonly rest?: ColumnSource | undefined;
  readonly members?: MembersMap | undefined;
  /** What is set when a resource is deleted, in place of the row's end. A row is deleted when one of these is set. */
  readonly onDelete?: { readonly set: Readonly<Record<string, unknown>> } | undefined;
}

/**
 * A table as resources (RFC 7643 §3): which column holds which attribute.
 *
 * ```ts
 * const User = table('users', {
 *   key: { id: 'scim_id', version: 'scim_version' },
 *   attributes: { userName: 'email', 'name.givenName': 'first_name' },
 *   rest: 'scim',
 * });
 * ```
 */
export function table(source: TableSource, map: Omit<TableMap, 'table'>): TableMap {
  return { ...map, table: source };
}

/** A table of memberships, for the `members` of a group (RFC 7643 §4.2). */
export function members(source: TableSource, map: Omit<MembersMap, 'table'>): MembersMap {
  return { ...map, table: source };
}

/** What was told of a table: its name, with its schema if it has one. */
export function tableNameOf(source: TableSource): { readonly schema?: string; readonly name: string } {
  if (typeof source === 'string') {
    const [first = '', second] = source.split('.');
    return second === undefined ? { name: first } : { schema: first, name: second };
  }
  const marks = source as Readonly<Record<symbol, unknown>>;
  const name = marks[Symbol.for('drizzle:Name')];
  if (typeof name !== 'string') throw new TypeError('table: give the name of a table, or a table of Drizzle');
  const schema = marks[Symbol.for('drizzle:Schema')];
  return typeof schema === 'string' ? { schema, name } : { name };
}

/** The column of that name, or that property of a builder's table. */
export function columnNamed(source: TableSource, name: string): ColumnSource {
  if (typeof source === 'string') return name;
  const column = (source as Readonly<Record<string, unknown>>)[name];
  const isColumn = typeof column === 'object' && column !== null && 'name' in column;
  return isColumn && typeof column.name === 'string' ? (column as { readonly name: string }) : name;
}

export function columnName(source: ColumnSource): string {
  return typeof source === 'string' ? source : source.name;
}

export function optionsOf(given: ColumnSource | ColumnOptions): ColumnOptions {
  return typeof given === 'object' && 'column' in given ? given : { column: given };
}
