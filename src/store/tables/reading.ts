/** Reads of resources: one by its id, pages of what a filter selects, and members of groups. */
import { fold as foldText } from '../../scim/comparison.ts';
import type { Document } from '../../scim/document.ts';
import type { ResourceType } from '../../scim/registry.ts';
import { segmentOf } from '../../scim/representation.ts';
import type { FoundResource, ResourceQuery } from '../store.ts';
import { keepDocument } from '../stored-resource.ts';
import type { Conditions } from './conditions.ts';
import {
  one,
  type SqlDatabase,
  type SqlRow,
  type SqlValue,
  type Statement,
  type Steps,
  statement,
  Texts,
} from './database.ts';
import type { Documents } from './document.ts';
import { addGroups, addListed, groupsColumn, type ShownResource, type ShownRow, textOf } from './groups.ts';
import type { LaterMembers } from './later-members.ts';
import type { Column, MappedTable } from './mapping.ts';
import { liveSql, type MappedMembers, type Memberships, type Served } from './memberships.ts';
import { foldedTexts, idText } from './names.ts';
import { exactKey } from './row-key.ts';
import { instantOf } from './values.ts';

/** A type with all that is known of it. */
export interface ServedType extends Served {
  readonly conditions: Conditions;
  readonly documents: Documents;
  readonly type: ResourceType;
}

/** A row that may be changed. */
export interface Row extends ShownRow {
  readonly document: Document;
}

/** What a change has to know of a row. */
export interface RowHead {
  readonly row: unknown;
  readonly version: number;
  readonly modified: string;
}

/** Members that are read with their group; of more than these the ids are read first, and the rest part by part. */
const membersAtOnce = 1000;

export interface ReadingTools {
  readonly database: SqlDatabase;
  readonly types: ReadonlyMap<ResourceType, ServedType>;
  readonly memberships: Memberships;
  /** When scimd's tables were made: for resources of which nothing says when they were. */
  readonly began: string;
  /** What the tenant's rows have in their column of tenants. */
  readonly tenantName: (tenant: number) => string;
}

/** The end of a look-up: whether there is another is all that has to be known of it. */
export const lookUpEnd = 'LIMIT 2';

export class Reading {
  readonly #tools: ReadingTools;
  readonly #texts = new Texts();

  constructor(tools: ReadingTools) {
    this.#tools = tools;
  }

  served(type: ResourceType): ServedType {
    const served =
      this.#tools.types.get(type) ??
      [...this.#tools.types.values()].find((each) => each.type.name === type.name);
    if (served === undefined) throw new Error(`no table holds ${type.name}`);
    return served;
  }

  /** What holds for the rows of a tenant that are resources. */
  within({ table }: ServedType, tenant: number, alias = 't'): Statement {
    const { tenant: column, type } = table;
    const text = this.#texts.of(`within ${alias} ${type.name}`, () => {
      const live = liveSql(table, alias);
      return column === undefined ? live : `${live} AND ${alias}.${column.sql} = ${column.parameter}`;
    });
    if (column === undefined) return statement(text);
    return statement(text, column.bind(this.#tools.tenantName(tenant)));
  }

  /** An id that cannot be one of the column's is nobody's: PostgreSQL would read a UUID in other spellings too. */
  isPossible({ id }: Pick<MappedTable, 'id'>, value: string): boolean {
    return id.fact.type !== 'uuid' || /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(value);
  }

  /** `groups`: whether the row is in any, nothing of them, or which they are where one statement can tell. */
  columns(served: ServedType, groups: 'grouped' | 'none' | 'groups' = 'grouped'): string {
    const { id, columns, rest, created, facts } = served.table;
    const { memberships } = this.#tools;
    return this.#texts.of(`columns ${groups} ${served.type.name}`, () => {
      const listed = groups === 'groups' ? memberships.groupsColumns(facts.name, 't') : undefined;
      return [
        ...own(id, 'id'),
        ...this.#headColumns(served.table),
        ...(created === undefined ? ['s.created AS created'] : own(created, 'created')),
        ...columns.flatMap((column, index) => own(column, `c${index}`)),
        ...own(rest, 'rest'),
        ...(listed ?? []).map((column, index) => `${column} AS ${groupsColumn(index)}`),
        ...(groups === 'none' || listed !== undefined
          ? []
          : [`(${memberships.grouped(facts.name, 't')}) AS grouped`]),
      ].join(', ');
    });
  }

  #headColumns({ row, version, modified }: MappedTable): readonly string[] {
    const changed = modified === undefined ? ['s.modified AS modified'] : own(modified, 'modified');
    return [...own(row, 'row_key'), ...own(version, 'version'), ...changed];
  }

  /** FROM, with what is beside the rows where columns lack. */
  from({ table }: ServedType): string {
    const { facts, created, modified, type } = table;
    const beside =
      created === undefined || modified === undefined
        ? ` LEFT JOIN scimd_resource s ON s.type = '${type.name.replaceAll("'", "''")}' AND s.id = ${idText(table, 't')}`
        : '';
    return `FROM ${facts.sql} t${beside}`;
  }

  toRow(served: ServedType, row: SqlRow): Row {
    const document = served.documents.fromRow(row, String(row.id));
    return {
      document,
      row: exactKey(served.table, row.row_key),
      resource: this.#resource(served, row, JSON.stringify(document)),
    };
  }

  toShown(served: ServedType, row: SqlRow): ShownRow {
    const text = served.documents.openTextOf(row, String(row.id));
    const resource = new OpenResource(this.#resource(served, row, `${text}}`), text);
    return { row: exactKey(served.table, row.row_key), resource };
  }

  #resource({ table, type }: ServedType, row: SqlRow, body: string): ShownResource {
    return {
      id: String(row.id),
      type: type.name,
      version: Number(row.version ?? 1),
      created: this.#time(table.created, row.created),
      modified: this.#time(table.modified, row.modified),
      body,
      grouped: Boolean(row.grouped),
    };
  }

  #time(column: Column | undefined, value: unknown): string {
    return instantOf(column === undefined ? value : column.unbind(value)) ?? this.#tools.began;
  }

  /** The memberships of the groups in a table, if they are that. */
  membersOf(tableName: string): MappedMembers | undefined {
    return this.#tools.memberships.of(tableName);
  }

  *find(type: ResourceType, tenant: number, id: string, lock = false): Steps<Row | undefined> {
    const served = this.served(type);
    const row = yield* this.#byId(served, tenant, id, lock ? 'held' : 'found');
    return row === undefined ? undefined : this.toRow(served, row);
  }

  /** What a change has to know of a row, which is held until the transaction ends. */
  *head(type: ResourceType, tenant: number, id: string): Steps<RowHead | undefined> {
    const served = this.served(type);
    const row = yield* this.#byId(served, tenant, id, 'head');
    if (row === undefined) return undefined;
    const modified = this.#time(served.table.modified, row.modified);
    return { row: exactKey(served.table, row.row_key), version: Number(row.version ?? 1), modified };
  }

  *#byId(
    served: ServedType,
    tenant: number,
    id: string,
    how: 'found' | 'held' | 'head' | 'row',
  ): Steps<SqlRow | undefined> {
    const { table, type } = served;
    if (!this.isPossible(table, id)) return undefined;
    const { text, parameters } = this.within(served, tenant);
    const known = this.#texts.of(`${how} ${type.name}`, () => {
      const isHeld = how === 'held' || how === 'head';
      const held = isHeld && this.#tools.database.dialect === 'postgres' ? ' FOR UPDATE OF t' : '';
      const columns =
        how === 'head' || how === 'row' ? this.#headColumns(table).join(', ') : this.columns(served);
      return `SELECT ${columns} ${this.from(served)} WHERE t.${table.id.sql} = ${table.id.parameter} AND ${text}${held}`;
    });
    return yield* one(known, table.id.bind(id), ...parameters);
  }

  /** `later` has the members that are too many to be read with the group. */
  *get(query: ResourceQuery): Steps<(FoundResource & { readonly later?: LaterMembers }) | undefined> {
    const { tenant, type, id, base = '', groups, members } = query;
    const served = this.served(type);
    const { table } = served;
    if (groups === undefined && members === undefined) {
      // As it is read to be changed, where the document is what is wanted: the workload `patch`.
      const found = yield* this.#byId(served, tenant, id, 'found');
      if (found === undefined) return undefined;
      const { resource, document } = this.toRow(served, found);
      keepDocument(resource, document);
      return resource;
    }
    if (!this.isPossible(table, id)) return undefined;
    const condition = `t.${table.id.sql} = ${table.id.parameter}`;
    const [found] = yield* this.having(served, tenant, condition, table.id.bind(id), groups);
    const mapped = members ? this.#tools.memberships.of(table.facts.name) : undefined;
    if (found === undefined || mapped === undefined) return found?.resource;
    const its = yield* this.members(mapped, found, base, membersAtOnce);
    return typeof its === 'string' ? { ...found.resource, members: its } : { ...found.resource, later: its };
  }

  /**
   * The resources for which a condition with one parameter holds, two of them at most, with their groups if those are asked
   * for. It is one statement, shown by the workloads `get` and `username` of npm run bench.
   */
  *having(
    served: ServedType,
    tenant: number,
    condition: string,
    parameter: SqlValue,
    groups = false,
  ): Steps<readonly ShownRow[]> {
    const { type } = served;
    const within = this.within(served, tenant);
    const text = this.#texts.of(`having ${groups} ${type.name} ${condition}`, () => {
      const columns = this.columns(served, groups ? 'groups' : 'grouped');
      return `SELECT ${columns} ${this.from(served)} WHERE ${condition} AND ${within.text} ${lookUpEnd}`;
    });
    const rows = yield statement(text, parameter, ...within.parameters);
    const found = rows.map((row) => this.toShown(served, row));
    if (groups) yield* this.addGroups(served, addListed(this.#tools.memberships, served, found, rows));
    return found;
  }

  /** Reads the groups of these rows, direct ones first. */
  addGroups(served: ServedType, rows: readonly ShownRow[]): Steps<void> {
    const { memberships, database } = this.#tools;
    return addGroups(memberships, database.dialect, served, rows);
  }

  /** The text of a group's members, or their ids where they are more than `most`. */
  *members(
    mapped: MappedMembers,
    { row }: ShownRow,
    base: string,
    most: number,
  ): Steps<string | LaterMembers> {
    const { memberships } = this.#tools;
    const { row: key, type } = mapped.owner.table;
    const where = `WHERE e.owner = ${key.parameter}`;
    // What is the same in all rows of a kind is not read with each: shown by the workload `member-10`.
    const text = this.#texts.of(`members ${type.name}`, () => {
      const names = memberships.isNamedApart(mapped) ? ', e.nested_display' : '';
      const kind = mapped.nested === undefined ? '' : ', e.nested';
      return `SELECT e.value, e.display${names}${kind} FROM (${memberships.memberRows(mapped)}) e ${where} ORDER BY e.value LIMIT ?`;
    });
    const rows = yield statement(text, key.bind(row), most + 1);
    if (rows.length <= most) return rows.map((each) => memberText(mapped, each, base)).join(',');
    const ids = yield statement(
      `SELECT e.value FROM (${memberships.memberRows(mapped)}) e ${where} ORDER BY e.value`,
      key.bind(row),
    );
    return { mapped, ids: ids.map(({ value }) => String(value)) };
  }

  /** The text of these members, as far as they are still there. */
  *memberPart({ mapped, ids }: LaterMembers, base: string): Steps<string> {
    const texts = new Map<string, string>();
    const kinds = [
      [mapped.people, 0],
      ...(mapped.nested === undefined ? [] : ([[mapped.owner, 1]] as const)),
    ] as const;
    for (const [{ table, conditions, display }, nested] of kinds) {
      const wanted = ids.filter((id) => !texts.has(id) && this.isPossible(table, id));
      if (wanted.length === 0) continue;
      const rows = yield statement(
        `SELECT ${idText(table, 'u')} AS value, ${display === undefined ? 'NULL' : conditions.storedText(display, 'u')} AS display FROM ${table.facts.sql} u WHERE u.${table.id.sql} IN (${wanted.map(() => table.id.parameter).join(', ')}) AND ${liveSql(table, 'u')}`,
        ...wanted.map((id) => table.id.bind(id)),
      );
      for (const { value, display: shown } of rows)
        texts.set(String(value), memberText(mapped, { value, display: shown, nested }, base));
    }
    return ids.flatMap((id) => texts.get(id) ?? []).join(',');
  }

  /** How many members the group of that id has, up to so many. */
  *memberCount(tenant: number, id: string, most: number): Steps<number> {
    for (const mapped of this.#tools.memberships.all) {
      const { table } = mapped.owner;
      const found = yield* this.#byId(this.served(table.type), tenant, id, 'row');
      if (found !== undefined) return yield* this.membersOfRow(mapped, found.row_key, most);
    }
    return 0;
  }

  *membersOfRow(mapped: MappedMembers, row: unknown, most: number): Steps<number> {
    const { row: key } = mapped.owner.table;
    const found = yield* one(
      `SELECT count(*) AS n FROM (SELECT 1 FROM ${mapped.facts.sql} m WHERE m.${mapped.group.sql} = ${key.parameter} LIMIT ?) p`,
      key.bind(row),
      most,
    );
    return Number(found?.n ?? 0);
  }

  /**
   * SQLite folds no more than ASCII: what else is in columns that these conditions fold is folded here, once, before it
   * is compared.
   */
  *foldTexts(...given: readonly string[]): Steps<void> {
    if (!given.some((condition) => condition.includes('scimd_folded'))) return;
    const conditions = given.map((condition) => this.#tools.memberships.withoutNames(condition));
    for (const { table, conditions: own } of this.#tools.types.values())
      for (const column of own.folding) {
        const { sql } = column;
        const texts = foldedTexts(table, column);
        if (!conditions.some((condition) => condition.includes(texts))) continue;
        const rows = yield statement(
          `SELECT DISTINCT t.${sql} AS text FROM ${table.facts.sql} t WHERE t.${sql} GLOB '*[^ -~]*' AND NOT EXISTS (SELECT 1 FROM scimd_folded f WHERE f.text = t.${sql})`,
        );
        for (const { text } of rows)
          yield statement(
            'INSERT INTO scimd_folded (text, folded) VALUES (?, ?) ON CONFLICT DO NOTHING',
            String(text),
            foldText(String(text)),
          );
      }
  }
}

/** A resource whose text is there without its last brace too, which is not a part of what it is. */
class OpenResource implements ShownResource {
  readonly id: string;
  readonly type: string;
  readonly version: number;
  readonly created: string;
  readonly modified: string;
  readonly body: string;
  grouped: boolean;
  declare groups?: ShownResource['groups'];
  declare members?: ShownResource['members'];
  readonly #openBody: string;

  constructor({ id, type, version, created, modified, body, grouped }: ShownResource, openBody: string) {
    this.id = id;
    this.type = type;
    this.version = version;
    this.created = created;
    this.modified = modified;
    this.body = body;
    this.grouped = grouped;
    this.#openBody = openBody;
  }

  get openBody(): string {
    return this.#openBody;
  }
}

function own(column: Column | undefined, name: string): string[] {
  return column === undefined ? [] : [`t.${column.sql} AS ${name}`];
}

/** `nested` is 1 for a group; without it, it is of somebody. */
function memberText(
  mapped: MappedMembers,
  { value, display, nested_display = display, nested }: SqlRow,
  base: string,
): string {
  const isGroup = Number(nested) === 1;
  const kind = isGroup ? mapped.owner : mapped.people;
  const { name, endpoint } = kind.table.type;
  const shown = textOf(kind, isGroup ? nested_display : display);
  const member = {
    value: String(value),
    $ref: `${base}${endpoint}/${segmentOf(String(value))}`,
    type: name,
    ...(shown === undefined ? {} : { display: shown }),
  };
  return JSON.stringify(member);
}
