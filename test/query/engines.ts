/**
 * One plan, five ways: the matcher, and SQLite and PostgreSQL each over two layouts, a document of keys and columns
 * with a table of elements.
 */
import { PGlite } from '@electric-sql/pglite';
import Database from 'better-sqlite3';
import type { Dialect, Parameter } from '../../src/query/dialect.ts';
import { comparisonKeys, keyStorage } from '../../src/query/keys.ts';
import { matchResource } from '../../src/query/match.ts';
import type { Plan } from '../../src/query/plan.ts';
import { postgres } from '../../src/query/postgres.ts';
import { compileSort } from '../../src/query/sort.ts';
import { compilePlan } from '../../src/query/sql.ts';
import { sqlite } from '../../src/query/sqlite.ts';
import type { ColumnStorage, StorageMap } from '../../src/query/storage.ts';
import type { Attribute, ResourceType } from '../../src/scim/registry.ts';
import type { Person } from './staff.ts';

/** Attributes that the second layout keeps in columns of `person` and of `element`. */
const columns = ['id', 'userName', 'displayName', 'name.givenName', 'active'];
const elementColumns = ['value', 'type', 'primary', 'display'];

const layout = `
  CREATE TABLE person (id TEXT PRIMARY KEY, keys JSON, "userName" TEXT, "displayName" TEXT, "name.givenName" TEXT, active INTEGER);
  CREATE TABLE element (person TEXT NOT NULL, attribute TEXT NOT NULL, position INTEGER NOT NULL, value TEXT, type TEXT, "primary" INTEGER, display TEXT, rest JSON);
`;

const documentMap: StorageMap = {
  key: 'person.id',
  resolve: (attribute) => keyStorage('person.keys', attribute),
};

const column = (sql: string): ColumnStorage => ({ kind: 'column', sql, indexed: false });

/** A complex attribute with a `value` of text has rows; what a row has no column for is in its `rest`. */
const tableMap: StorageMap = {
  key: 'person.id',
  resolve(attribute) {
    if (columns.includes(attribute.path)) return column(`person."${attribute.path}"`);
    if (!hasRows(attribute)) return keyStorage('person.keys', attribute);
    return {
      kind: 'table',
      from: 'element e',
      key: 'e.person',
      where: { sql: 'e.attribute = ?', parameters: [attribute.path] },
      order: 'coalesce(e."primary", 0) DESC, e.position',
      column: (sub) =>
        elementColumns.includes(sub.name)
          ? column(`e."${sub.name}"`)
          : { kind: 'json', document: 'e.rest', path: [sub.name.toLowerCase()] },
    };
  },
};

function hasRows(attribute: Attribute): boolean {
  return attribute.multiValued && attribute.type === 'complex' && attribute.subAttributes.has('value');
}

export interface Engines {
  load(people: readonly Person[]): Promise<void>;
  /** The ids that each engine finds, in order of id. */
  select(plan: Plan): Promise<Record<string, readonly string[]>>;
  /** The ids in the order of an attribute, and of id where that is equal. */
  sort(attribute: Attribute, descending: boolean): Promise<Record<string, readonly string[]>>;
  run(dialect: Dialect, sql: string, parameters: readonly Parameter[]): Promise<readonly string[]>;
  close(): Promise<void>;
}

export async function openEngines(type: ResourceType): Promise<Engines> {
  const lite = new Database(':memory:');
  lite.exec(layout);
  const pg = new PGlite();
  await pg.exec(layout.replaceAll('JSON', 'JSONB').replaceAll('TEXT', 'TEXT COLLATE "C"'));
  let loaded: readonly Person[] = [];

  async function run(
    dialect: Dialect,
    sql: string,
    parameters: readonly Parameter[],
  ): Promise<readonly string[]> {
    if (dialect === sqlite)
      return lite
        .prepare(sql)
        .pluck()
        .all(...parameters) as string[];
    return (await pg.query<{ id: string }>(sql, [...parameters])).rows.map(({ id }) => id);
  }

  const sources = [
    ['sqlite document', sqlite, documentMap],
    ['sqlite tables', sqlite, tableMap],
    ['postgres document', postgres, documentMap],
    ['postgres tables', postgres, tableMap],
  ] as const;

  return {
    async load(people) {
      loaded = people;
      await pg.exec('DELETE FROM person; DELETE FROM element');
      lite.exec('DELETE FROM person; DELETE FROM element');
      for (const table of ['person', 'element'] as const) {
        const rows = people.flatMap((person) =>
          table === 'person' ? [personRow(person, type)] : elementRows(person, type),
        );
        for (const row of rows) {
          lite.prepare(`INSERT INTO ${table} VALUES (${row.map(() => '?').join(', ')})`).run(...row);
          const places = row.map((_, index) => `$${index + 1}`).join(', ');
          await pg.query(`INSERT INTO ${table} VALUES (${places})`, row);
        }
      }
    },
    async select(plan) {
      const matches = matchResource(plan);
      const found: Record<string, readonly string[]> = {
        matcher: loaded
          .filter(matches)
          .map(({ id }) => id)
          .sort(),
      };
      for (const [name, dialect, map] of sources) {
        const { sql, parameters } = compilePlan(plan, map, dialect);
        found[name] = await run(dialect, `SELECT id FROM person WHERE ${sql} ORDER BY id`, parameters);
      }
      return found;
    },
    async sort(attribute, descending) {
      const found: Record<string, readonly string[]> = {};
      for (const [name, dialect, map] of sources) {
        const { sql, parameters } = compileSort(attribute, map, dialect, { descending });
        found[name] = await run(dialect, `SELECT id FROM person ORDER BY ${sql}, id`, parameters);
      }
      return found;
    },
    run,
    async close() {
      lite.close();
      await pg.close();
    },
  };
}

type Cell = string | number | null;

function personRow(person: Person, type: ResourceType): Cell[] {
  const keys = comparisonKeys(person, type);
  const name = keys.name as { givenname?: string } | undefined;
  const cells = [keys.username, keys.displayname, name?.givenname, keys.active] as (Cell | undefined)[];
  return [person.id, JSON.stringify(keys), ...cells.map((cell) => cell ?? null)];
}

function elementRows(person: Person, type: ResourceType): Cell[][] {
  const keys = comparisonKeys(person, type) as Record<string, Record<string, Cell>[] | undefined>;
  return [...type.attributes.values()].filter(hasRows).flatMap((attribute) =>
    (keys[attribute.name.toLowerCase()] ?? []).map((element, position) => {
      const cells = elementColumns.map((name) => element[name] ?? null);
      return [person.id, attribute.path, position, ...cells, JSON.stringify(element)];
    }),
  );
}
