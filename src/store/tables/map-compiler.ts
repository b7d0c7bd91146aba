/** Compiles a table's map against the schema and what the database says of the table. */
import { parsePath, ScimFilterError } from '../../../grammar/index.ts';
import { type Key, keyOf } from '../../scim/comparison.ts';
import { type Attribute, type ResourceType, resolveAttrPath } from '../../scim/registry.ts';
import type { SqlDatabase } from './database.ts';
import {
  type ColumnOptions,
  type ColumnSource,
  columnName,
  columnNamed,
  optionsOf,
  type TableMap,
} from './define.ts';
import { type ColumnFact, quoted, type TableFacts } from './facts.ts';
import { checkId, checkWhole, type Report } from './map-checks.ts';
import {
  type Column,
  type Element,
  type Field,
  labelOf,
  type MapProblem,
  type MappedTable,
} from './mapping.ts';
import { readValue, writeValue } from './values.ts';

function columnOf(
  dialect: SqlDatabase['dialect'],
  source: ColumnSource,
  facts: TableFacts,
): Column | undefined {
  const name = columnName(source);
  const fact = facts.columns.get(name);
  if (fact === undefined) return undefined;
  const own = typeof source === 'string' ? undefined : source;
  return {
    ...{ name, sql: quoted(name), fact },
    isPlain: own?.mapFromDriverValue === undefined,
    parameter: parameterOf(dialect, fact),
    bind: (value) => {
      const mapped =
        value === null || own?.mapToDriverValue === undefined ? value : own.mapToDriverValue(value);
      return writeValue(dialect, fact.type, mapped);
    },
    unbind: (value) =>
      value === null || value instanceof Date || own?.mapFromDriverValue === undefined
        ? value
        : own.mapFromDriverValue(value),
  };
}

/** Drivers differ in what they take a parameter for, so PostgreSQL is told what to make of a text. */
function parameterOf(dialect: SqlDatabase['dialect'], { type, cast }: ColumnFact): string {
  if (dialect === 'sqlite' || /^(?:text|character varying|varchar|citext|character)/.test(type)) return '?';
  return `CAST(CAST(? AS text) AS ${cast})`;
}

/** What the embedder's own code answers, as documents have it. */
function asJson(value: unknown): unknown {
  return typeof value === 'object' && value !== null ? JSON.parse(JSON.stringify(value)) : value;
}

export class MapCompiler {
  readonly problems: MapProblem[] = [];
  readonly #dialect: SqlDatabase['dialect'];

  constructor(dialect: SqlDatabase['dialect']) {
    this.#dialect = dialect;
  }

  compile(type: ResourceType, map: TableMap, facts: TableFacts): MappedTable | undefined {
    const at = type.name;
    const report: Report = (path, reason) => this.report(path, reason);
    const key = (name: keyof TableMap['key']): Column | undefined =>
      map.key[name] === undefined ? undefined : this.column(map.key[name], facts, `${at}.key.${name}`);
    const id = key('id');
    const version = key('version');
    const rowSource = map.key.row ?? (facts.primaryKey.length === 1 ? facts.primaryKey[0] : undefined);
    const row = rowSource === undefined ? id : this.column(rowSource, facts, `${at}.key.row`);
    const tenant = key('tenant');
    if (id === undefined || version === undefined || row === undefined) return undefined;
    checkId(id, facts, `${at}.key.id`, report);
    if (!/int|numeric/.test(version.fact.type))
      this.report(`${at}.key.version`, `${version.name} must be an integer, not ${version.fact.type}`);
    const optional = (name: 'created' | 'modified' | 'rest'): Column | undefined =>
      map[name] === undefined ? undefined : this.column(map[name], facts, `${at}.${name}`);
    const rest = optional('rest');
    if (rest !== undefined && this.#dialect === 'postgres' && rest.fact.type !== 'jsonb')
      this.report(`${at}.rest`, `${rest.name} must be jsonb, not ${rest.fact.type}`);
    if (rest !== undefined && this.#dialect === 'sqlite' && /^\(''\)$/.test(rest.fact.preset ?? ''))
      this.report(`${at}.rest`, `${rest.name} has the default '', which is not JSON: give it DEFAULT '{}'`);
    const fields: Field[] = [];
    const byLeaf = new Map<Attribute, Field>();
    const elements = new Map<Attribute, Element[]>();
    for (const [path, given] of Object.entries(map.attributes)) {
      const where = `${at}.attributes[${JSON.stringify(path)}]`;
      const field = this.field(type, path, optionsOf(given), facts, { where, elements, fields, tenant });
      if (field === undefined) continue;
      if (field.alias !== undefined && field.folded !== undefined && field.folded !== field.alias.folded)
        this.report(where, `${field.column.name} is folded where ${field.alias.path} has it`);
      fields.push(field);
      const isElement = field.leaf.parent?.multiValued === true;
      if (!isElement && byLeaf.has(field.leaf)) this.report(where, 'is mapped twice');
      if (!isElement) byLeaf.set(field.leaf, field);
      if (field.leaf !== field.attribute && byLeaf.has(field.attribute))
        this.report(where, `${field.attribute.path} is mapped as a whole`);
    }
    const columns = new Map<string, Column>();
    for (const { column } of fields) columns.set(column.name, column);
    const mapped: MappedTable = {
      ...{ type, facts, id, row, version, tenant, rest, fields, byLeaf, elements },
      created: optional('created'),
      modified: optional('modified'),
      columns: [...columns.values()],
      onDelete: this.deletion(map, facts, `${at}.onDelete`),
    };
    checkWhole(mapped, at, report);
    return mapped;
  }

  report(path: string, reason: string): void {
    this.problems.push({ path, reason });
  }

  column(source: ColumnSource, facts: TableFacts, where: string): Column | undefined {
    const column = columnOf(this.#dialect, source, facts);
    if (column === undefined)
      this.report(
        where,
        `${facts.name} has no column ${columnName(source)}: it has ${[...facts.columns.keys()].join(', ')}`,
      );
    return column;
  }

  private field(
    type: ResourceType,
    path: string,
    options: ColumnOptions,
    facts: TableFacts,
    {
      where,
      elements,
      fields,
      tenant,
    }: {
      readonly where: string;
      readonly elements: Map<Attribute, Element[]>;
      readonly fields: readonly Field[];
      readonly tenant: Column | undefined;
    },
  ): Field | undefined {
    const found = this.attributesOf(type, path, where);
    const named = columnName(options.column);
    const alias = fields.find((other) => other.column.name === named);
    const column = alias?.column ?? this.column(options.column, facts, where);
    if (found === undefined || column === undefined) return undefined;
    const { attribute, leaf, constants } = found;
    const { folded } = options;
    const companion =
      typeof folded === 'object' || typeof folded === 'string'
        ? this.column(folded, facts, `${where}.folded`)
        : folded;
    const compared = typeof companion === 'object' ? companion.name : column.name;
    const get = options.get?.bind(options);
    const set = options.set?.bind(options);
    const read = (stored: unknown): unknown => {
      const value = column.unbind(stored);
      if (get !== undefined) return asJson(get(value)) ?? undefined;
      return value === null ? undefined : readValue(leaf, value);
    };
    const write = (value: unknown): unknown => {
      if (value === undefined)
        return set === undefined || !column.fact.required ? null : (set(undefined) ?? null);
      if (set !== undefined) return set(value) ?? null;
      return leaf.type === 'dateTime' && typeof value === 'string' ? new Date(value) : value;
    };
    const field: Field = {
      ...{ path, attribute, leaf, column, options, read, write },
      folded: companion,
      alias: alias?.alias ?? alias,
      isText: get === undefined && column.isPlain && readValue(leaf, 'text') === 'text',
      indexed:
        (get === undefined || options.expression !== undefined) &&
        facts.indexes.some(({ keys }) => this.serves(keys, compared, tenant)),
    };
    if (constants !== undefined) {
      const known = elements.get(attribute) ?? [];
      const label = labelOf(path.slice(0, path.lastIndexOf(']') + 1));
      let element = known.find((each) => each.label === label);
      if (element === undefined) {
        element = { attribute, label, constants, fields: new Map() };
        known.push(element);
      }
      if (element.fields.has(leaf)) this.report(where, 'is mapped twice');
      element.fields.set(leaf, field);
      elements.set(attribute, known);
    }
    return field;
  }

  /** Does an index on these keys find a value of the column, within the tenant if there are several? */
  private serves(keys: readonly string[], name: string, tenant: Column | undefined): boolean {
    const isIt = (key: string | undefined): boolean =>
      key === name || key?.includes(`scimd_fold(${name})`) === true;
    return isIt(keys[0]) || (tenant !== undefined && keys[0] === tenant.name && isIt(keys[1]));
  }

  private attributesOf(
    type: ResourceType,
    path: string,
    where: string,
  ):
    | {
        readonly attribute: Attribute;
        readonly leaf: Attribute;
        readonly constants?: Element['constants'];
      }
    | undefined {
    let parsed: ReturnType<typeof parsePath>;
    try {
      parsed = parsePath(path);
    } catch (error) {
      if (!(error instanceof ScimFilterError)) throw error;
      this.report(where, error.message);
      return undefined;
    }
    const resolved = resolveAttrPath(type, parsed.attrPath);
    if (resolved?.kind !== 'attribute') {
      this.report(where, `${type.name} has no attribute ${path}`);
      return undefined;
    }
    const top = resolved.attribute.parent ?? resolved.attribute;
    if (
      top.path === 'id' ||
      top.path === 'meta' ||
      top.path === 'schemas' ||
      top.name === 'members' ||
      top.name === 'groups'
    ) {
      this.report(where, 'is not mapped here: key, created, modified and members say where it is');
      return undefined;
    }
    if (parsed.filter === undefined) {
      const leaf = resolved.attribute;
      if (top.multiValued || leaf.multiValued) {
        this.report(
          where,
          `has several values: name one of them, as in ${top.path}[type eq "work"].value, or leave it to rest`,
        );
        return undefined;
      }
      if (leaf.type === 'complex') {
        this.report(
          where,
          `is complex: map its sub-attributes, ${[...leaf.subAttributes.values()].map((sub) => sub.path).join(', ')}`,
        );
        return undefined;
      }
      return { attribute: top, leaf };
    }
    const leaf =
      parsed.subAttr === undefined ? undefined : top.subAttributes.get(parsed.subAttr.toLowerCase());
    if (!top.multiValued || leaf === undefined || leaf.multiValued) {
      this.report(where, 'must name a sub-attribute of one value of a multi-valued attribute');
      return undefined;
    }
    const constants = new Map<Attribute, { value: string | boolean; key: Key }>();
    const terms = parsed.filter.type === 'and' ? parsed.filter.filters : [parsed.filter];
    for (const term of terms) {
      const sub =
        term.type === 'compare' && term.operator === 'eq'
          ? top.subAttributes.get(term.attrPath.name.toLowerCase())
          : undefined;
      const value = term.type === 'compare' ? term.value : undefined;
      const key = sub === undefined ? undefined : keyOf(sub, value);
      if (
        sub === undefined ||
        key === undefined ||
        (typeof value !== 'string' && typeof value !== 'boolean')
      ) {
        this.report(where, 'must tell the value by eq, with and between');
        return undefined;
      }
      constants.set(sub, { value, key });
    }
    return { attribute: top, leaf, constants };
  }

  private deletion(map: TableMap, facts: TableFacts, where: string): MappedTable['onDelete'] {
    if (map.onDelete === undefined) return undefined;
    return Object.entries(map.onDelete.set).flatMap(([name, value]) => {
      const column = this.column(columnNamed(map.table, name), facts, `${where}.set.${name}`);
      return column === undefined ? [] : [{ column, value }];
    });
  }
}
