/** Filters and sorting over mapped tables: where each attribute's comparison key is in SQL, and plans brought to it. */
import { type Dialect, quoteText } from '../../query/dialect.ts';
import { keyStorage } from '../../query/keys.ts';
import { matchElement } from '../../query/match.ts';
import { Places } from '../../query/places.ts';
import { and, assigned, never, not, or, type Plan } from '../../query/plan.ts';
import { postgres } from '../../query/postgres.ts';
import { type CompiledSort, compileSort } from '../../query/sort.ts';
import { type CompiledSql, compilePlan } from '../../query/sql.ts';
import { sqlite } from '../../query/sqlite.ts';
import type { ColumnStorage, Storage, StorageMap } from '../../query/storage.ts';
import { textKey } from '../../scim/comparison.ts';
import type { Attribute } from '../../scim/registry.ts';
import { pathSegment } from '../sql/path-segment.ts';
import type { Column, Element, Field, MappedTable } from './mapping.ts';
import { labelOf } from './mapping.ts';
import type { Memberships } from './memberships.ts';
import { foldedTexts, idText, request } from './names.ts';
import { inElement, ofSchemas } from './plans.ts';
import { besideMember, keysMember } from './row-reader.ts';
import { isInteger, mostSeconds } from './values.ts';

/** Statements have `?` for every parameter; who runs them numbers them. */
export const dialects = {
  sqlite,
  postgres: { ...postgres, placeholder: () => '?' },
} as const;

const text = quoteText;

export class Conditions {
  readonly #dialect: Dialect;
  readonly #table: MappedTable;
  readonly #memberships: Memberships;
  /** Stand-ins for the sub-attributes of one element, by element and sub-attribute. */
  readonly #standIns = new Map<Element, Map<Attribute, Attribute>>();
  readonly #places = new Map<Attribute, (alias: string) => Storage | undefined>();
  /** Columns whose text SQL folds. */
  readonly folding = new Set<Column>();

  constructor(dialect: Dialect, table: MappedTable, memberships: Memberships) {
    this.#dialect = dialect;
    this.#table = table;
    this.#memberships = memberships;
    for (const all of table.elements.values()) for (const element of all) this.#standInFor(element);
  }

  /**
   * A condition on the row `alias`.
   * @throws ScimFilterError where an attribute has no place.
   */
  compile(plan: Plan, alias = 't'): CompiledSql {
    return compilePlan(this.#placed(plan), this.map(alias), this.#dialect);
  }

  /** @throws ScimFilterError where the attribute has no place. */
  sort(attribute: Attribute, descending: boolean): CompiledSort {
    const many = attribute.parent?.multiValued === true ? attribute.parent : undefined;
    const elements = many === undefined ? undefined : this.#table.elements.get(many);
    const map = this.map('t');
    if (many === undefined || elements === undefined)
      return compileSort(attribute, map, this.#dialect, { descending });
    const places = new Places(map, this.#dialect, {});
    const keyIn = (element: Element, sub: Attribute): string | undefined => {
      const standIn = this.#standIns.get(element)?.get(sub);
      if (standIn === undefined || map.resolve(standIn) === undefined) return undefined;
      const key = places.ordered(standIn, places.read(standIn, undefined, [0, 0], true));
      // Those of `rest` are numbers.
      return sub.type === 'boolean' && this.#dialect.name === 'postgres' ? `CAST(${key} AS int)` : key;
    };
    const inRest = (sub: Attribute): string | undefined =>
      this.#table.rest === undefined ? undefined : termOf(compileSort(sub, map, this.#dialect));
    const primary = many.subAttributes.get('primary');
    // The primary value counts, else the first: those of columns stand before those of `rest`.
    const primaries = elements.map((element) => {
      const key = keyIn(element, attribute);
      const constant = primary === undefined ? undefined : element.constants.get(primary);
      if (key === undefined || primary === undefined || constant?.value === false) return undefined;
      if (constant !== undefined) return key;
      const isPrimary = keyIn(element, primary);
      return isPrimary === undefined ? undefined : `CASE WHEN ${this.#isTrue(isPrimary)} THEN ${key} END`;
    });
    const rest = inRest(attribute);
    const restPrimary = primary === undefined ? undefined : inRest(primary);
    const terms = [
      ...primaries,
      rest === undefined || restPrimary === undefined
        ? undefined
        : `CASE WHEN ${this.#isTrue(restPrimary)} THEN ${rest} END`,
      ...elements.map((element) => keyIn(element, attribute)),
      rest,
    ].filter((term) => term !== undefined);
    if (terms.length === 0) return compileSort(attribute, map, this.#dialect, { descending });
    const term = terms.length === 1 ? terms[0] : `coalesce(${terms.join(', ')})`;
    return {
      sql: `${term} ${descending ? 'DESC NULLS FIRST' : 'ASC NULLS LAST'}`,
      parameters: [],
      indexed: false,
    };
  }

  /** Keys in JSON are 0 and 1. */
  #isTrue(key: string): string {
    return this.#dialect.name === 'sqlite' ? `${key} = 1` : `CAST(${key} AS text) IN ('1', 'true')`;
  }

  /** The SQL of the key of an attribute with one value; undefined where it has no place. */
  keyOf(attribute: Attribute, alias: string): string | undefined {
    const map = this.map(alias);
    if (map.resolve(attribute) === undefined) return undefined;
    return new Places(map, this.#dialect, {}).read(attribute, undefined, [0, 0]).sql;
  }

  /** A column or JSON as it is stored, for an attribute of text with one value. */
  storedText(attribute: Attribute, alias: string): string {
    const { byLeaf, rest } = this.#table;
    const field = byLeaf.get(attribute);
    const inRest = (path: readonly string[]): string => {
      if (rest === undefined) return 'NULL';
      const document = `${alias}.${rest.sql}`;
      if (this.#dialect.name === 'sqlite')
        return `json_extract(${document}, ${text(`$${path.map((name) => `."${name}"`).join('')}`)})`;
      return `(${[document, ...path.slice(0, -1).map(text)].join(' -> ')} ->> ${text(path.at(-1) as string)})`;
    };
    if (field === undefined) return inRest([attribute.name]);
    const own = `${alias}.${field.column.sql}`;
    if (field.alias === undefined || rest === undefined) return own;
    const path = [besideMember, labelOf(field.path), 'value'];
    return `CASE WHEN ${this.#exists(`${alias}.${rest.sql}`, path)} THEN ${inRest(path)} ELSE ${own} END`;
  }

  map(alias: string): StorageMap {
    return {
      key: `${alias}.${this.#table.row.sql}`,
      known: this.#known(),
      resolve: (attribute) => {
        const placed = this.#places.get(attribute);
        return placed === undefined ? this.#storage(attribute, alias) : placed(alias);
      },
    };
  }

  /** What can be filtered by where there is no place for everything. */
  #known(): readonly string[] {
    const { rest, fields } = this.#table;
    if (rest !== undefined) return [];
    return ['id', ...fields.map(({ path }) => path)];
  }

  #storage(attribute: Attribute, alias: string): Storage | undefined {
    const { type, id, version, created, modified, rest, byLeaf, facts } = this.#table;
    const column = (sql: string, indexed = false): ColumnStorage => ({ kind: 'column', sql, indexed });
    switch (attribute.path) {
      case 'id':
        return column(idText(this.#table, alias), id.fact.type !== 'uuid');
      case 'meta.resourceType':
        return column(text(type.name));
      case 'meta.version':
        return column(`('W/"' || ${alias}.${version.sql} || '"')`);
      case 'meta.location':
        return column(
          `(${request}.base || ${text(`${type.endpoint}/`)} || ${pathSegment(this.#dialect.name, idText(this.#table, alias))})`,
        );
      case 'meta.created':
        return this.#instant(created, alias, 'created');
      case 'meta.lastModified':
        return this.#instant(modified, alias, 'modified');
      case 'members':
        return this.#memberships.membersOf(facts.name);
      case 'groups':
        return this.#memberships.groupsOf(facts.name);
    }
    const field = byLeaf.get(attribute);
    if (field?.alias !== undefined) return this.#field(field, alias, labelOf(field.path), 'value');
    if (field !== undefined) return this.#plainField(field, alias);
    if (rest === undefined) return undefined;
    return this.#inRest(keyStorage(`${alias}.${rest.sql}`, attribute));
  }

  #inRest(storage: Storage): Storage {
    if (storage.kind !== 'json' && storage.kind !== 'jsonArray') return storage;
    return { ...storage, path: [keysMember, ...storage.path] };
  }

  /** When a type has no such column, it is beside the rows. */
  #instant(column: Column | undefined, alias: string, name: 'created' | 'modified'): ColumnStorage {
    const typed = { kind: 'column', typed: 'timestamp', indexed: false } as const;
    if (column === undefined) return { ...typed, sql: this.#besideInstant(alias, name) };
    return { ...typed, sql: this.#instantSql(column, alias) };
  }

  #besideInstant(alias: string, name: 'created' | 'modified'): string {
    const kept = `coalesce((SELECT s.${name} FROM scimd_resource s WHERE s.type = ${text(this.#table.type.name)} AND s.id = ${idText(this.#table, alias)}), (SELECT b.value FROM scimd_setting b WHERE b.name = 'began'))`;
    return this.#dialect.name === 'sqlite' ? kept : `CAST(${kept} AS timestamptz)`;
  }

  #instantSql({ sql, fact }: Column, alias: string): string {
    const own = `${alias}.${sql}`;
    if (this.#dialect.name !== 'sqlite') {
      if (isInteger(fact.type))
        return `(CAST('epoch' AS timestamptz) + CASE WHEN ${own} > ${mostSeconds} THEN ${own} ELSE CAST(${own} AS bigint) * 1000 END * interval '1 millisecond')`;
      const zoned = /with time zone|timestamptz/.test(fact.type)
        ? own
        : /text|char/.test(fact.type)
          ? `CAST(${own} AS timestamptz)`
          : `(${own} AT TIME ZONE 'UTC')`;
      // Answers have milliseconds.
      return `date_trunc('milliseconds', ${zoned})`;
    }
    if (!isInteger(fact.type)) return `strftime('%Y-%m-%dT%H:%M:%fZ', ${own})`;
    return `strftime('%Y-%m-%dT%H:%M:%fZ', CASE WHEN ${own} > ${mostSeconds} THEN ${own} / 1000.0 ELSE ${own} END, 'unixepoch')`;
  }

  /** A column's key; where the value can differ from that of the column, what is beside it comes first. */
  #field(field: Field, alias: string, label: string, member: string): ColumnStorage | undefined {
    const plain = this.#plainField(field, alias);
    const { rest } = this.#table;
    if (plain === undefined || field.alias === undefined || rest === undefined) return plain;
    const document = `${alias}.${rest.sql}`;
    const kind =
      field.leaf.type === 'boolean'
        ? 'boolean'
        : field.leaf.type === 'integer' || field.leaf.type === 'decimal'
          ? 'number'
          : 'text';
    const key = this.#dialect.json(
      document,
      [keysMember, besideMember, label, member.toLowerCase()],
      kind,
      undefined,
    );
    const differs = this.#exists(document, [besideMember, label, member]);
    return { kind: 'column', sql: `CASE WHEN ${differs} THEN ${key} ELSE ${plain.sql} END`, indexed: false };
  }

  #exists(document: string, path: readonly string[]): string {
    if (this.#dialect.name === 'sqlite')
      return `json_type(${document}, ${text(`$${path.map((name) => `."${name}"`).join('')}`)}) IS NOT NULL`;
    return `${[document, ...path.map(text)].join(' -> ')} IS NOT NULL`;
  }

  #plainField(field: Field, alias: string): ColumnStorage | undefined {
    const { leaf, column, folded, indexed, options } = field;
    const own = `${alias}.${column.sql}`;
    const { expression } = options;
    if (leaf.type === 'boolean') {
      const sql = expression === undefined ? this.#booleanSql(field, own) : `(${expression(own)})`;
      return sql === undefined ? undefined : { kind: 'column', sql, indexed: false, typed: 'boolean' };
    }
    if (options.get !== undefined && expression === undefined) return undefined;
    const given = expression === undefined ? own : `(${expression(own)})`;
    if (leaf.type === 'dateTime')
      return {
        kind: 'column',
        typed: 'timestamp',
        indexed: false,
        sql: expression === undefined ? this.#instantSql(column, alias) : given,
      };
    if (leaf.type === 'integer' || leaf.type === 'decimal') return { kind: 'column', sql: given, indexed };
    const isText = /^(?:text|character|varchar|$)/.test(column.fact.type) || this.#dialect.name === 'sqlite';
    const asText = isText ? given : `CAST(${given} AS text)`;
    if (textKey(leaf)('A') === 'A') return { kind: 'column', sql: asText, indexed };
    if (typeof folded === 'object') return { kind: 'column', sql: `${alias}.${folded.sql}`, indexed };
    if (folded === true) return { kind: 'column', sql: asText, indexed };
    if (folded !== undefined) return { kind: 'column', sql: `(${folded(asText)})`, indexed };
    this.folding.add(column);
    return {
      kind: 'column',
      sql: this.#folded(asText, column),
      indexed: indexed && this.#dialect.name !== 'sqlite',
    };
  }

  /** As `fold` folds. SQLite folds ASCII itself, and finds what else there is among the texts that were folded for it. */
  #folded(sql: string, column: Column): string {
    if (this.#dialect.name !== 'sqlite') return `scimd_fold(${sql})`;
    const texts = foldedTexts(this.#table, column);
    return `CASE WHEN ${sql} GLOB '*[^ -~]*' THEN (SELECT ${texts}.folded FROM scimd_folded ${texts} WHERE ${texts}.text = ${sql}) ELSE lower(${sql}) END`;
  }

  /** From what `set` answers: NULL for one of the two, or a constant for both. */
  #booleanSql({ options, column, write, read }: Field, own: string): string | undefined {
    if (options.get === undefined && options.set === undefined) {
      if (this.#dialect.name === 'sqlite' || /bool/.test(column.fact.type)) return own;
      return `(${own} <> 0)`;
    }
    const [yes, no] = [write(true), write(false)];
    // A row of the embedder's own may have neither of the two values, and `get` says what it means.
    if (yes === null && read(column.bind(no)) === false) return `(${own} IS NULL)`;
    if (no === null && read(column.bind(yes)) === true) return `(${own} IS NOT NULL)`;
    const constant = (value: unknown): string | undefined => {
      const bound = value === null ? null : column.bind(value);
      return typeof bound === 'string' ? text(bound) : typeof bound === 'number' ? String(bound) : undefined;
    };
    const [is, isNot] = [constant(yes), constant(no)];
    if (is === undefined || isNot === undefined) return undefined;
    const isSqlite = this.#dialect.name === 'sqlite';
    const shown = (value: boolean): string => (isSqlite ? String(Number(value)) : String(value));
    const cast = isSqlite ? own : `CAST(${own} AS text)`;
    const ofNull = read(null);
    const whenNull = typeof ofNull === 'boolean' ? ` WHEN ${own} IS NULL THEN ${shown(ofNull)}` : '';
    return `CASE${whenNull} WHEN ${cast} = ${is} THEN ${shown(true)} WHEN ${cast} = ${isNot} THEN ${shown(false)} END`;
  }

  #standInFor(element: Element): void {
    const { attribute, constants, fields, label } = element;
    const { rest } = this.#table;
    const standIns = new Map<Attribute, Attribute>();
    for (const sub of attribute.subAttributes.values()) {
      if (constants.has(sub)) continue;
      const standIn: Attribute = { ...sub, path: `${element.label}.${sub.name}`, parent: undefined };
      standIns.set(sub, standIn);
      const field = fields.get(sub);
      this.#places.set(standIn, (alias) => {
        if (field !== undefined) return this.#field(field, alias, label, sub.name);
        if (rest === undefined) return undefined;
        const path = [keysMember, besideMember, label, sub.name.toLowerCase()];
        return { kind: sub.multiValued ? 'jsonArray' : 'json', document: `${alias}.${rest.sql}`, path };
      });
    }
    this.#standIns.set(element, standIns);
  }

  /** The plan with the values of columns as values of their own, beside those in `rest`. */
  #placed(plan: Plan): Plan {
    switch (plan.kind) {
      case 'and':
        return and(plan.plans.map((each) => this.#placed(each)));
      case 'or':
        return or(plan.plans.map((each) => this.#placed(each)));
      case 'anyPart':
        return { ...plan, plans: plan.plans.map((each) => this.#placed(each)) };
      case 'not':
        return not(this.#placed(plan.plan));
      case 'anyElement': {
        if (plan.attribute.path === 'schemas') return this.#placed(ofSchemas(this.#table, plan));
        const elements = this.#table.elements.get(plan.attribute);
        if (elements === undefined) return plan;
        const values = elements.map((element) => this.#ofElement(element, plan.predicate, plan.range));
        return or(this.#table.rest === undefined ? values : [...values, plan]);
      }
      default:
        return plan;
    }
  }

  /** Does the element's value exist, and satisfy the predicate? */
  #ofElement(element: Element, predicate: Plan, range: readonly [number, number]): Plan {
    const standIns = this.#standIns.get(element) as ReadonlyMap<Attribute, Attribute>;
    const special = this.#specialised(element, predicate);
    if (special === never) return never;
    const present = [...element.fields.keys()].map((sub) =>
      assigned(standIns.get(sub) as Attribute, false, range),
    );
    return and([or(present), special]);
  }

  #specialised(element: Element, plan: Plan): Plan {
    const { constants, attribute, fields } = element;
    const { rest } = this.#table;
    const own = this.#standIns.get(element) as ReadonlyMap<Attribute, Attribute>;
    switch (plan.kind) {
      case 'and':
        return and(plan.plans.map((each) => this.#specialised(element, each)));
      case 'or':
      case 'anyPart':
        return or(plan.plans.map((each) => this.#specialised(element, each)));
      case 'not':
        return not(this.#specialised(element, plan.plan));
      case 'compare':
      case 'assigned':
      case 'anyElement': {
        const constant = constants.get(plan.attribute);
        if (constant !== undefined) {
          const holds = matchElement(plan, attribute)({ [plan.attribute.name]: constant.value });
          return { kind: 'constant', value: holds };
        }
        const standIn = own.get(plan.attribute);
        if (standIn === undefined || (rest === undefined && !fields.has(plan.attribute))) return never;
        if (plan.kind !== 'anyElement') return { ...plan, attribute: standIn };
        return { ...plan, attribute: standIn, predicate: inElement(plan.predicate, plan.attribute, standIn) };
      }
      case 'constant':
        return plan;
    }
  }
}

/** The key that is sorted by, without its direction. */
export function termOf({ sql }: CompiledSort): string {
  return sql.replace(/ (?:ASC|DESC)(?: NULLS (?:FIRST|LAST))?$/, '');
}
