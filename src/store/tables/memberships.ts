/** Who is in what, as SQL over the embedder's table of memberships; every edit costs what it changes. */
import { quoteText as text } from '../../query/dialect.ts';
import type { ColumnStorage, SqlFragment, TableStorage } from '../../query/storage.ts';
import type { Attribute } from '../../scim/registry.ts';
import { pathSegment } from '../sql/path-segment.ts';
import { type SqlDatabase, type SqlValue, type Statement, type Steps, statement, Texts } from './database.ts';
import type { TableFacts } from './facts.ts';
import type { Column, MappedTable } from './mapping.ts';
import { idText, request } from './names.ts';
import { IgnoredByDatabase } from './violations.ts';

/** A resource type with what statements over it need. */
export interface Served {
  readonly table: MappedTable;
  readonly conditions: {
    /** A column or JSON as it is stored. */
    storedText(attribute: Attribute, alias: string): string;
    /** The SQL of its key; undefined where it has no place. */
    keyOf(attribute: Attribute, alias: string): string | undefined;
  };
  /** The attribute `displayName`, if the type has one. */
  readonly display: Attribute | undefined;
}

/** A table of memberships: its groups, and those who are in them. */
export interface MappedMembers {
  readonly facts: TableFacts;
  readonly group: Column;
  readonly member: Column;
  readonly nested: Column | undefined;
  readonly owner: Served;
  readonly people: Served;
}

/** What holds for the rows of a type that are resources, whatever the tenant. */
export function liveSql({ id, onDelete }: MappedTable, alias: string): string {
  const set = (onDelete ?? []).map(({ column, value }) => {
    const isConstant = typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean';
    if (!isConstant) return `${alias}.${column.sql} IS NULL`;
    const literal = typeof value === 'string' ? text(value) : String(value);
    return `${alias}.${column.sql} IS DISTINCT FROM ${literal}`;
  });
  return [`${alias}.${id.sql} IS NOT NULL`, ...set].join(' AND ');
}

function column(sql: string, indexed = false): ColumnStorage {
  return { kind: 'column', sql, indexed };
}

/** The folded name in rows called `e`, which are not folded where nobody asks for it. */
export const displayKey = 'e.display_key';

export class Memberships {
  readonly all: MappedMembers[] = [];
  readonly #dialect: SqlDatabase['dialect'];
  readonly #texts = new Texts();

  constructor(dialect: SqlDatabase['dialect']) {
    this.#dialect = dialect;
  }

  /** Of the type whose table has this name, as a group. */
  of(tableName: string): MappedMembers | undefined {
    return this.all.find(({ owner }) => owner.table.facts.name === tableName);
  }

  /** Those whose members the type's resources can be. */
  with(tableName: string): readonly MappedMembers[] {
    return this.all.filter(
      ({ people, owner, nested }) =>
        people.table.facts.name === tableName ||
        (nested !== undefined && owner.table.facts.name === tableName),
    );
  }

  /** A condition that the row `alias` is a member of something. */
  grouped(tableName: string, alias: string): string {
    const each = this.with(tableName).flatMap(({ facts, people, owner, member, nested }) => {
      const columns = [
        ...(people.table.facts.name === tableName ? [[member, people] as const] : []),
        ...(nested !== undefined && owner.table.facts.name === tableName ? [[nested, owner] as const] : []),
      ];
      return columns.map(
        ([of, { table }]) =>
          `EXISTS (SELECT 1 FROM ${facts.sql} x WHERE x.${of.sql} = ${alias}.${table.row.sql})`,
      );
    });
    return each.length === 0 ? 'FALSE' : each.join(' OR ');
  }

  /**
   * Rows of `owner`, `value`, `member`, `nested`, `display`, `display_key`, `type` and `folder`; with `nested_display` for
   * the names of groups where {@link isNamedApart}.
   */
  memberRows(mapped: MappedMembers): string {
    const { facts, group, member, nested, owner, people } = mapped;
    const isApart = this.isNamedApart(mapped);
    const isKeyedApart =
      this.#dialect === 'postgres' &&
      nested !== undefined &&
      owner.table.row.fact.type !== people.table.row.fact.type;
    const arm = (of: Column, { table, conditions, display }: Served, isNested: 0 | 1): string => {
      const key = `u.${table.row.sql}`;
      const name = display === undefined ? 'NULL' : conditions.storedText(display, 'u');
      const named =
        isApart && isNested === 1 ? `NULL AS display, ${name} AS nested_display` : `${name} AS display`;
      return `SELECT m.${group.sql} AS owner, ${idText(table, 'u')} AS value, ${
        isKeyedApart ? `CAST(${key} AS text)` : key
      } AS member, ${isNested} AS nested, ${named}${isApart && isNested === 0 ? ', NULL AS nested_display' : ''}, ${
        (display === undefined ? undefined : conditions.keyOf(display, 'u')) ?? 'NULL'
      } AS display_key, ${text(table.type.name)} AS type, ${text(`${table.type.endpoint}/`)} AS folder FROM ${facts.sql} m JOIN ${
        table.facts.sql
      } u ON ${key} = m.${of.sql} AND ${liveSql(table, 'u')}`;
    };
    const arms = [arm(member, people, 0), ...(nested === undefined ? [] : [arm(nested, owner, 1)])];
    return arms.join('\nUNION ALL ');
  }

  /** Have the names of people and of groups within groups columns of types that one column could not hold? */
  isNamedApart({ nested, owner, people }: MappedMembers): boolean {
    return nested !== undefined && !(isNamedByText(owner) && isNamedByText(people));
  }

  /** A condition without the rows of members and groups, where it does not ask for their names. */
  withoutNames(condition: string): string {
    if (condition.includes(displayKey)) return condition;
    return this.all.reduce((text, mapped) => text.replaceAll(this.memberRows(mapped), ''), condition);
  }

  membersOf(tableName: string): TableStorage | undefined {
    const mapped = this.of(tableName);
    if (mapped === undefined) return undefined;
    return {
      kind: 'table',
      from: `(${this.memberRows(mapped)}) e`,
      key: 'e.owner',
      where: { sql: '', parameters: [] },
      column: (sub) => memberColumn(this.#dialect, sub),
    };
  }

  groupsOf(tableName: string): TableStorage | undefined {
    const all = this.with(tableName);
    if (all.length === 0) return undefined;
    const first = all[0] as MappedMembers;
    const dialect = this.#dialect;
    const rows = all.map((mapped) => groupRows(dialect, mapped, tableName));
    return {
      kind: 'table',
      from: `(${rows.length === 1 ? rows[0] : rows.map((each) => `SELECT * FROM (${each}) a`).join('\nUNION ALL ')}) e`,
      key: 'e.owner',
      where: { sql: '', parameters: [] },
      column(sub) {
        switch (sub.name) {
          case 'value':
            return column('e.value', true);
          case 'display':
            return column(displayKey);
          case 'type':
            return column('e.type');
          case '$ref':
            return refColumn(dialect);
          default:
            return undefined;
        }
      },
      ...(all.length > 1 || first.nested === undefined
        ? {}
        : { equals: (sub, key) => (sub.name === 'value' ? withinGroup(first, String(key)) : undefined) }),
    };
  }

  /** The groups of resources by their rows, direct ones first: `member`, `value`, `display`, `depth`. */
  groupsSql(mapped: MappedMembers, tableName: string, rows: readonly unknown[]): Statement {
    const among = this.#among(startOf(mapped, tableName).key, rows);
    const text = this.#textOf('groups', mapped, tableName, among, () =>
      this.#groups(mapped, tableName, among),
    );
    return { text, parameters: among.parameters };
  }

  #groups(mapped: MappedMembers, tableName: string, among: Among): string {
    const { owner } = mapped;
    const { sql: display, id } = shownColumns(owner);
    const edges = this.#edges(mapped, tableName, among);
    // SQLite would begin with all groups where there are few.
    const join = this.#dialect === 'sqlite' ? 'CROSS JOIN' : 'JOIN';
    return `SELECT n.member AS member, ${id} AS value, ${display} AS display, n.depth AS depth FROM (${edges}) n ${join} ${owner.table.facts.sql} g ON g.${owner.table.row.sql} = n.grp AND ${liveSql(owner.table, 'g')} ORDER BY n.depth, ${id}`;
  }

  /**
   * The groups of the row `alias` as columns of its own statement, one for each of {@link with}: the JSON text of
   * `[[value, display, depth], …]`, direct ones first. Undefined where the names would not be as the driver answers them.
   */
  groupsColumns(tableName: string, alias: string): readonly string[] | undefined {
    const all = this.with(tableName);
    if (!all.every(({ owner }) => isNamedByText(owner))) return undefined;
    return all.map((mapped) => {
      const { key } = startOf(mapped, tableName);
      const groups = this.#groups(mapped, tableName, {
        form: alias,
        from: (table, column) => `${table} WHERE ${column} = ${alias}.${key.sql}`,
        parameters: [],
      });
      // SQLite keeps bytes in any column, and JSON cannot.
      return this.#dialect === 'sqlite'
        ? `(SELECT json_group_array(json_array(CAST(o.value AS text), CAST(o.display AS text), o.depth)) FROM (${groups}) o)`
        : `(SELECT CAST(json_agg(json_build_array(o.value, o.display, o.depth) ORDER BY o.depth, o.value) AS text) FROM (${groups}) o)`;
    });
  }

  /** The rows of those groups, without what is to be known of them: `member`, `grp`, `depth`. */
  edgesSql(mapped: MappedMembers, tableName: string, rows: readonly unknown[]): Statement {
    const among = this.#among(startOf(mapped, tableName).key, rows);
    const text = this.#textOf('edges', mapped, tableName, among, () => this.#edges(mapped, tableName, among));
    return { text, parameters: among.parameters };
  }

  #edges(mapped: MappedMembers, tableName: string, among: Among): string {
    const { facts, group, nested } = mapped;
    const { column: start } = startOf(mapped, tableName);
    const direct = `SELECT m.${start.sql} AS member, m.${group.sql} AS grp, 0 AS depth FROM ${among.from(`${facts.sql} m`, `m.${start.sql}`)}`;
    if (nested === undefined) return direct;
    return `WITH RECURSIVE up (member, grp, depth) AS (${direct}
UNION SELECT up.member, m.${group.sql}, 1 FROM up ${nestedIn(this.#dialect, facts, nested)}
) SELECT member, grp, min(depth) AS depth FROM up GROUP BY member, grp`;
  }

  /** Groups by their rows, in the order of their ids: `grp`, `value`, `display`. */
  ownersSql(mapped: MappedMembers, rows: readonly unknown[]): Statement {
    const { owner } = mapped;
    const { table } = owner;
    const among = this.#among(table.row, rows);
    const text = this.#textOf('owners', mapped, '', among, () => {
      const { sql: display, id } = shownColumns(owner);
      return `SELECT g.${table.row.sql} AS grp, ${id} AS value, ${display} AS display FROM ${among.from(`${table.facts.sql} g`, `g.${table.row.sql}`)} AND ${liveSql(table, 'g')} ORDER BY ${id}`;
    });
    return { text, parameters: among.parameters };
  }

  #textOf(
    what: string,
    mapped: MappedMembers,
    tableName: string,
    { form }: Among,
    make: () => string,
  ): string {
    return this.#texts.of(`${what} ${this.all.indexOf(mapped)} ${tableName} ${form}`, make);
  }

  /** A table's rows of which a column is among these values. SQLite reads them from JSON in a third of the time. */
  #among(column: Column, rows: readonly unknown[]): Among {
    const values = rows.map((row) => column.bind(row));
    if (
      this.#dialect === 'sqlite' &&
      values.every((each) => typeof each === 'number' || typeof each === 'string')
    )
      return {
        form: 'json',
        from: (table, key) => `json_each(?) j CROSS JOIN ${table} WHERE ${key} = j.value`,
        parameters: [JSON.stringify(values)],
      };
    return {
      form: String(rows.length),
      from: (table, key) => `${table} WHERE ${key} IN (${rows.map(() => column.parameter).join(', ')})`,
      parameters: values,
    };
  }
}

/** Rows that are among some values. */
interface Among {
  /** What the text depends on. */
  readonly form: string;
  from(table: string, key: string): string;
  readonly parameters: readonly SqlValue[];
}

/** The column that has the rows of a table in memberships, and the key that it has of them. */
function startOf(
  { member, nested, owner, people }: MappedMembers,
  tableName: string,
): { readonly column: Column; readonly key: Column } {
  if (people.table.facts.name === tableName) return { column: member, key: people.table.row };
  return { column: nested as Column, key: owner.table.row };
}

/**
 * Joins to `up` the memberships `m` of its groups in others. Most rows have no group in that column, by which SQLite
 * believes that its index finds nearly all of them, and reads the whole table.
 */
export function nestedIn(
  dialect: SqlDatabase['dialect'],
  { sql: table }: TableFacts,
  { sql }: Column,
): string {
  const isIn = `m.${sql} = up.grp`;
  if (dialect === 'sqlite') return `CROSS JOIN ${table} m ON likelihood(${isIn}, 0.0000001)`;
  return `JOIN ${table} m ON ${isIn}`;
}

/** Is the name in a column of text, or in `rest`? */
function isNamedByText({ table, display }: Served): boolean {
  const field = display === undefined ? undefined : table.byLeaf.get(display);
  return field === undefined || /text|char|clob/.test(field.column.fact.type);
}

/** The id and the name of a group in the row `g`. */
function shownColumns({ table, display, conditions }: Served): { readonly id: string; readonly sql: string } {
  return {
    id: idText(table, 'g'),
    sql: display === undefined ? 'NULL' : conditions.storedText(display, 'g'),
  };
}

/** `$ref`, in rows of members or groups called `e`. */
function refColumn(dialect: SqlDatabase['dialect']): ColumnStorage {
  return column(`(${request}.base || e.folder || ${pathSegment(dialect, 'e.value')})`);
}

/** The column for a sub-attribute of `members`, in rows of {@link Memberships.memberRows} called `e`. */
export function memberColumn(dialect: SqlDatabase['dialect'], sub: Attribute): ColumnStorage | undefined {
  switch (sub.name) {
    case 'value':
      return column('e.value', true);
    case 'display':
      return column(sub.caseExact ? 'e.display' : displayKey);
    case 'type':
      return column(sub.caseExact ? 'e.type' : 'lower(e.type)');
    case '$ref':
      return refColumn(dialect);
    default:
      return undefined;
  }
}

/** Every membership of the resources of a table, through nested groups too. */
function groupRows(
  dialect: SqlDatabase['dialect'],
  { facts, group, member, nested, owner, people }: MappedMembers,
  tableName: string,
): string {
  const start = people.table.facts.name === tableName ? member : (nested as Column);
  const { table, conditions, display } = owner;
  const columns = `${idText(table, 'g')} AS value, ${
    (display === undefined ? undefined : conditions.keyOf(display, 'g')) ?? 'NULL'
  } AS display_key, ${text(`${table.type.endpoint}/`)} AS folder`;
  const groups = `${table.facts.sql} g ON g.${table.row.sql}`;
  if (nested === undefined)
    return `SELECT m.${start.sql} AS owner, ${columns}, 'direct' AS type FROM ${facts.sql} m JOIN ${groups} = m.${group.sql} AND ${liveSql(table, 'g')}`;
  return `WITH RECURSIVE up (owner, grp, depth) AS (
  SELECT m.${start.sql}, m.${group.sql}, 0 FROM ${facts.sql} m WHERE m.${start.sql} IS NOT NULL
  UNION SELECT up.owner, m.${group.sql}, 1 FROM up ${nestedIn(dialect, facts, nested)}
), nearest (owner, grp, depth) AS (SELECT owner, grp, min(depth) FROM up GROUP BY owner, grp)
SELECT n.owner, ${columns}, CASE n.depth WHEN 0 THEN 'direct' ELSE 'indirect' END AS type
FROM nearest n JOIN ${groups} = n.grp AND ${liveSql(table, 'g')}`;
}

/** The rows of those in a group, and in groups within it. */
function withinGroup({ facts, group, member, nested, owner }: MappedMembers, id: string): SqlFragment {
  const { table } = owner;
  return {
    sql: `WITH RECURSIVE down (grp) AS (
  SELECT g.${table.row.sql} FROM ${table.facts.sql} g WHERE ${idText(table, 'g')} = ? AND ${liveSql(table, 'g')}
  UNION SELECT m.${nested?.sql ?? group.sql} FROM down JOIN ${facts.sql} m ON m.${group.sql} = down.grp WHERE m.${nested?.sql ?? group.sql} IS NOT NULL
)
SELECT m.${member.sql} FROM down JOIN ${facts.sql} m ON m.${group.sql} = down.grp WHERE m.${member.sql} IS NOT NULL`,
    parameters: [id],
  };
}

/** Removes the memberships that a condition finds. @throws IgnoredByDatabase 409 where some are left. */
export function* removeMemberships(
  { facts }: Pick<MappedMembers, 'facts'>,
  condition: string,
  ...parameters: readonly SqlValue[]
): Steps<void> {
  const found = `FROM ${facts.sql} WHERE ${condition}`;
  yield statement(`DELETE ${found}`, ...parameters);
  const [left] = yield statement(`SELECT 1 AS found ${found} LIMIT 1`, ...parameters);
  if (left !== undefined) throw new IgnoredByDatabase(`DELETE of ${facts.name}`, { status: 409 });
}
