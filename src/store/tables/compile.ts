/** Maps brought to the tables that there are: all that is wrong is told at once. */
import { type Attribute, isResourceId, type Registry, type ResourceType } from '../../scim/registry.ts';
import type { Awaitable } from '../stored-resource.ts';
import { Conditions, dialects } from './conditions.ts';
import type { SqlDatabase, Steps } from './database.ts';
import { columnName, type TableMap, tableNameOf } from './define.ts';
import { Documents } from './document.ts';
import { factsOf, type TableFacts } from './facts.ts';
import { MapCompiler } from './map-compiler.ts';
import type { MapProblem } from './mapping.ts';
import type { MappedMembers, Memberships } from './memberships.ts';
import type { ServedType } from './reading.ts';
import type { Reference } from './unit-at-work.ts';

/** A map does not fit its tables. `problems` has all that is wrong, each with its place in the map. */
export class MapError extends Error {
  override readonly name = 'MapError';
  readonly problems: readonly MapProblem[];

  constructor(problems: readonly MapProblem[]) {
    super(problems.map(({ path, reason }) => `${path}: ${reason}`).join('\n'));
    this.problems = problems;
  }
}

/** What a start found that works, but is worth knowing. */
export interface TablesReport {
  /** Attributes that no index finds: a filter by them reads every row. */
  readonly unindexed: readonly string[];
  /** Attributes that have no column, and are in `rest`. */
  readonly inRest: readonly string[];
}

/**
 * Reads what the database says of the tables, and brings each map to it. `registry` has what is served, `names` those of
 * all resource types that there could be.
 */
export async function compileMaps(
  database: SqlDatabase,
  registry: Registry,
  names: readonly string[],
  maps: Readonly<Record<string, TableMap>>,
  memberships: Memberships,
  run: <T>(steps: Steps<T>) => Awaitable<T>,
): Promise<Map<ResourceType, ServedType>> {
  const { dialect } = database;
  const compiler = new MapCompiler(dialect);
  const facts = new Map<unknown, TableFacts>();
  const look = async (source: TableMap['table'], where: string): Promise<void> => {
    const name = tableNameOf(source);
    const found = await run(factsOf(dialect, name));
    if (found === undefined) compiler.report(where, `there is no table ${name.name}`);
    else facts.set(source, found);
  };
  for (const [name, map] of Object.entries(maps)) {
    if (!names.includes(name)) compiler.report(name, `is no resource type: there are ${names.join(', ')}`);
    await look(map.table, name);
    if (map.members !== undefined) await look(map.members.table, `${name}.members`);
  }
  const references = [...facts.values()].flatMap((each) =>
    each.references.map((reference) => ({ ...reference, from: each.name })),
  );
  const types = new Map<ResourceType, ServedType>();
  for (const type of registry.resourceTypes) {
    const map = maps[type.name];
    const its = map === undefined ? undefined : facts.get(map.table);
    if (map === undefined || its === undefined) continue;
    const row = map.key.row ?? referred(type.name, its, maps, facts, references);
    const table = compiler.compile(
      type,
      { ...map, key: { ...map.key, ...(row === undefined ? {} : { row }) } },
      its,
    );
    if (table === undefined) continue;
    const display = type.attributes.get('displayname');
    types.set(type, {
      ...{
        type,
        table,
        documents: new Documents(table),
        conditions: new Conditions(dialects[dialect], table, memberships),
      },
      display: isText(display) ? display : undefined,
    });
  }
  for (const [type, owner] of types) {
    const map = maps[type.name]?.members;
    const its = map === undefined ? undefined : facts.get(map.table);
    if (map === undefined || its === undefined) continue;
    const where = `${type.name}.members`;
    const group = compiler.column(map.group, its, `${where}.group`);
    const member = compiler.column(map.member, its, `${where}.member`);
    const nested = map.nested === undefined ? undefined : compiler.column(map.nested, its, `${where}.nested`);
    const target = its.references.find(({ column }) => column === columnName(map.member))?.table;
    const people =
      [...types.values()].find(({ table }) => table.facts.name === target && table !== owner.table) ??
      [...types.values()].find((each) => each.type.name === 'User');
    if (group === undefined || member === undefined) continue;
    if (people === undefined) {
      compiler.report(`${where}.member`, 'refers to no table that has a map');
      continue;
    }
    const mapped: MappedMembers = { facts: its, group, member, nested, owner, people };
    checkMembers(compiler, where, mapped);
    memberships.all.push(mapped);
  }
  if (compiler.problems.length > 0) throw new MapError(compiler.problems);
  return types;
}

/** Attributes such as `manager`, of which the value may be the id of a resource; by the type that it is of. */
export function referencesOf(types: readonly ServedType[]): (type: ResourceType) => readonly Reference[] {
  const all = types.flatMap((served) => {
    const { type, conditions } = served;
    const attributes = [
      type.attributes,
      ...[...type.extensions.values()].map((extension) => extension.attributes),
    ];
    return attributes.flatMap((each) =>
      [...each.values()].flatMap((parent): Reference[] => {
        const value = parent.subAttributes.get('value');
        const isReference =
          value !== undefined && !parent.multiValued && !parent.required && isResourceId(value);
        return isReference && conditions.keyOf(value, 't') !== undefined ? [{ served, value, parent }] : [];
      }),
    );
  });
  return ({ name }) =>
    all.filter(({ parent }) => parent.subAttributes.get('$ref')?.referenceTypes.includes(name) === true);
}

function isText(attribute: Attribute | undefined): boolean {
  return attribute?.type === 'string' && !attribute.multiValued;
}

/** The column that memberships refer to, by their foreign keys. */
function referred(
  name: string,
  its: TableFacts,
  maps: Readonly<Record<string, TableMap>>,
  facts: ReadonlyMap<unknown, TableFacts>,
  references: readonly {
    readonly column: string;
    readonly table: string;
    readonly to: string | undefined;
    readonly from: string;
  }[],
): string | undefined {
  for (const [owner, { members }] of Object.entries(maps)) {
    const table = members === undefined ? undefined : facts.get(members.table);
    if (members === undefined || table === undefined) continue;
    const columns = [
      ...(owner === name ? [members.group, ...(members.nested === undefined ? [] : [members.nested])] : []),
      ...(owner === name ? [] : [members.member]),
    ].map(columnName);
    const found = references.find(
      ({ from, column, table: to }) => from === table.name && to === its.name && columns.includes(column),
    );
    if (found !== undefined) return found.to ?? its.primaryKey[0];
  }
  return undefined;
}

function checkMembers(
  compiler: MapCompiler,
  where: string,
  { facts, group, member, nested }: MappedMembers,
): void {
  for (const column of [member, nested]) {
    if (column === undefined) continue;
    const isUnique = facts.indexes.some(
      ({ unique, keys }) =>
        unique && keys.length === 2 && keys.includes(group.name) && keys.includes(column.name),
    );
    if (!isUnique)
      compiler.report(
        where,
        `${facts.name} must have a member once: CREATE UNIQUE INDEX ${facts.name}_${group.name}_${column.name} ON ${facts.name} (${group.name}, ${column.name})`,
      );
    if (!facts.indexes.some(({ keys }) => keys[0] === column.name))
      compiler.report(
        where,
        `no index of ${facts.name} finds the groups of a member: CREATE INDEX ${facts.name}_${column.name} ON ${facts.name} (${column.name})`,
      );
    if (nested !== undefined && column.fact.required)
      compiler.report(
        where,
        `${column.name} must be nullable, since a row has either ${member.name} or ${nested.name}`,
      );
  }
  for (const { name, required, hasDefault, generated } of facts.columns.values())
    if (
      required &&
      !hasDefault &&
      !generated &&
      ![group, member, nested].some((column) => column?.name === name)
    )
      compiler.report(
        where,
        `${facts.name}.${name} is NOT NULL and has no default: no membership could be made`,
      );
}

export function reportOf(types: readonly ServedType[]): TablesReport {
  const unindexed: string[] = [];
  const inRest: string[] = [];
  for (const { type, table } of types) {
    for (const { path, indexed, alias } of table.fields)
      if (!indexed || alias !== undefined) unindexed.push(`${type.name}.${path}`);
    if (table.rest === undefined) continue;
    const mapped = new Set(table.fields.flatMap(({ attribute, leaf }) => [attribute.path, leaf.path]));
    const all = [type.attributes, ...[...type.extensions.values()].map(({ attributes }) => attributes)];
    for (const attributes of all)
      for (const { path, mutability } of attributes.values())
        if (mutability !== 'readOnly' && !mapped.has(path) && path !== 'members' && path !== 'schemas')
          inRest.push(`${type.name}.${path}`);
  }
  return { unindexed, inRest };
}
