/**
 * The store's statements are those of PostgreSQL too: each is prepared by one, and lists find there what they find in
 * SQLite, over the same rows.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { PGlite } from '@electric-sql/pglite';
import type { Database } from 'better-sqlite3';
import fc from 'fast-check';
import { type Filter, parseFilter, stringify } from '../../grammar/index.ts';
import { bindFilter, bindValueFilter } from '../../src/query/bind.ts';
import { compilePlan } from '../../src/query/sql.ts';
import { resourceUriKey } from '../../src/scim/comparison.ts';
import type { Attribute, ResourceType } from '../../src/scim/registry.ts';
import type { KeyColumn } from '../../src/store/layout/layout.ts';
import type { StoredTypes } from '../../src/store/layout/stored-type.ts';
import { postgresDialect } from '../../src/store/postgres/dialect.ts';
import { memberMap } from '../../src/store/sql/attribute-map.ts';
import { changeMemberSql, changeSql, knownMembersSql } from '../../src/store/sql/change.ts';
import { numbered, type Sql } from '../../src/store/sql/dialect.ts';
import {
  compileArms,
  countSql,
  documentSql,
  pageSql,
  phasesBeyond,
  writePosition,
} from '../../src/store/sql/list.ts';
import { listSteps, type PageRow } from '../../src/store/sql/list-job.ts';
import { membershipSql, selectMembersSql } from '../../src/store/sql/membership.ts';
import { insertElementsSql, mostElements, resourceSql, updateSql } from '../../src/store/sql/resource.ts';
import { batchSql, rebuildSql, storedTypeSql } from '../../src/store/sql/stored-type.ts';
import { tenantSql } from '../../src/store/sql/tenant.ts';
import { tokenSql } from '../../src/store/sql/token.ts';
import { openConnection } from '../../src/store/sqlite/connection.ts';
import { openSqliteStore } from '../../src/store/sqlite/index.ts';
import { loadTypes } from '../../src/store/sqlite/stored-types.ts';
import type { Query } from '../../src/store/store.ts';
import { filters, numbers, people } from '../query/generated.ts';
import { staffSchemas, staffUri } from '../query/staff.ts';
import { postgresSchema, tablesOf } from './postgres-schema.ts';
import { groupDocument, registryWith } from './registry.ts';
import { add, base, Setting } from './setting.ts';

/** `SCIMD_SEED=… SCIMD_RUNS=…` repeat or prolong a run. */
const seed = Number(process.env.SCIMD_SEED ?? Date.now() % 2 ** 31);
const runs = Number(process.env.SCIMD_RUNS ?? 150);

const indexed = new Set(['floor', 'joined', 'desk', 'skills', 'shifts', 'lockers']);
const staffSchema = staffSchemas.find(({ id }) => id === staffUri) ?? assert.fail();
const registry = registryWith({
  ...staffSchema,
  attributes: staffSchema.attributes.map((attribute) => ({
    ...attribute,
    indexed: indexed.has(attribute.name),
  })),
});

const folder = mkdtempSync(join(tmpdir(), 'scimd-postgres-'));
const file = join(folder, 'scimd.db');
let s: Setting;
let lite: Database;
let types: StoredTypes;
let pg: PGlite;

before(async () => {
  s = await Setting.open(async (options) => openSqliteStore({ file, ...options }), registry);
  lite = openConnection(file);
  types = loadTypes(lite, registry);
  pg = new PGlite();
  await pg.exec(postgresSchema(lite));
});
after(async () => {
  lite.close();
  await s.store.close();
  await pg.close();
  rmSync(folder, { recursive: true });
});

async function prepare(name: string, text: string): Promise<void> {
  try {
    await pg.describeQuery(numbered(text));
  } catch (error) {
    assert.fail(`${name}: ${(error as Error).message}\n${text}`);
  }
}

const columns: readonly KeyColumn[] = ['external_id', 'unique_key', 'display_key', 'active'];

/** By the module that has them, each statement that does not depend on a query. */
function fixed(): Record<string, Readonly<Record<string, string>>> {
  const number = (count: number) => Array.from({ length: count }, (_, index) => index + 1);
  return {
    resourceSql,
    membershipSql: membershipSql(postgresDialect, types),
    changeSql,
    changeMemberSql: changeMemberSql(postgresDialect),
    knownMembersSql: { knownMembers: knownMembersSql(postgresDialect) },
    tenantSql,
    tokenSql,
    storedTypeSql,
    rebuildSql,
    batchSql: { batch: batchSql(postgresDialect) },
    insertElementsSql: Object.fromEntries(
      number(mostElements).map((count) => [String(count), insertElementsSql(count)]),
    ),
    updateSql: Object.fromEntries(
      number(2 ** columns.length).map((bits) => {
        const chosen = columns.filter((_, index) => (bits & (1 << index)) !== 0);
        return [chosen.join(' '), updateSql(chosen)];
      }),
    ),
  };
}

test('every module of store/sql has its statements looked at here', async () => {
  const modules = readdirSync(new URL('../../src/store/sql/', import.meta.url));
  const exported = await Promise.all(modules.map((name) => import(`../../src/store/sql/${name}`)));
  const names = exported.flatMap((module) => Object.keys(module)).filter((name) => /Sql$/.test(name));
  const ofQueries = ['countSql', 'documentSql', 'pageSql', 'selectMembersSql'];
  assert.deepEqual(names.sort(), [...Object.keys(fixed()), ...ofQueries].sort());
});

test('PostgreSQL prepares every statement', async () => {
  for (const [module, statements] of Object.entries(fixed()))
    for (const [name, text] of Object.entries(statements)) await prepare(`${module}.${name}`, text);
});

test('PostgreSQL prepares the selection of members by every sub-attribute', async () => {
  const members = s.group.attributes.get('members') as Attribute;
  for (const filter of [
    'value eq "a"',
    'display sw "a"',
    'type eq "User"',
    `$ref eq "${base}/Users/a"`,
    'not (type pr)',
  ]) {
    const plan = bindValueFilter(parseFilter(filter), members);
    const { sql } = compilePlan(plan, memberMap(postgresDialect, types), postgresDialect.query);
    await prepare(filter, selectMembersSql(postgresDialect, sql, 1));
  }
});

function sortsOf(type: ResourceType): (Attribute | undefined)[] {
  const staff = type.extensions.get(staffUri.toLowerCase())?.attributes;
  const of = (...names: string[]) => names.map((name) => type.attributes.get(name) ?? staff?.get(name));
  const meta = type.attributes.get('meta')?.subAttributes;
  return [
    undefined,
    ...of(
      'username',
      'displayname',
      'externalid',
      'nickname',
      'active',
      'id',
      'floor',
      'rating',
      'joined',
      'skills',
      'shifts',
    ),
    type.attributes.get('emails')?.subAttributes.get('value'),
    ...['created', 'lastmodified', 'location', 'version', 'resourcetype'].map((name) => meta?.get(name)),
  ];
}

test('PostgreSQL prepares pages of every order, forwards and backwards, of one type and of several', async () => {
  for (const sort of sortsOf(s.user)) {
    const target = { type: s.user, ...(sort === undefined ? {} : { sort }) };
    for (const targets of [[target], [target, { type: s.group }]]) {
      const query: Query = { tenant: 1, limit: 10, targets };
      const arms = compileArms(postgresDialect, types, query);
      for (const backwards of [false, true])
        for (const position of [undefined, writePosition([null, 1]), writePosition(['a', 1])])
          for (const phase of position === undefined
            ? [{ kind: 'all' } as const]
            : phasesBeyond(position, backwards))
            for (const mostBytes of [undefined, 1000])
              await prepare(
                `${sort?.path}`,
                pageSql(postgresDialect, arms, phase, backwards, mostBytes).text,
              );
      await prepare('document', documentSql(arms));
      for (const arm of arms) await prepare('count', countSql(arm).text);
    }
  }
});

/** Null, `[]` and `{}` are the absence of a value: the validator leaves them out. */
function assigned(value: unknown): unknown {
  if (value === null) return undefined;
  if (Array.isArray(value)) {
    const values = value.map(assigned).filter((item) => item !== undefined);
    return values.length === 0 ? undefined : values;
  }
  if (typeof value !== 'object') return value;
  const members = Object.entries(value)
    .map(([name, member]) => [name, assigned(member)] as const)
    .filter(([, member]) => member !== undefined);
  return members.length === 0 ? undefined : Object.fromEntries(members);
}

async function populate(): Promise<void> {
  const [crowd = []] = fc.sample(people, { seed, numRuns: 1 });
  const ids: string[] = [];
  for (const { id: _, ...person } of crowd)
    await s.create(s.user, { schemas: [staffUri], ...(assigned(person) as object) }).then(
      ({ id }) => ids.push(id),
      () => {},
    );
  for (const number of numbers)
    await s.create(s.user, { [staffUri]: { floor: number, rating: number, shifts: [number] } });
  const inner = await s.createGroup('ab', ids.slice(0, 3));
  await s.create(s.group, groupDocument('É'), [add(inner.id, ids[3] ?? 'nobody')]);
  for (const { name, columns: of } of tablesOf(lite)) {
    const rows = lite.prepare(`SELECT * FROM ${name}`).raw().all() as unknown[][];
    const places = of.map((_, index) => `$${index + 1}`).join(', ');
    const quoted = of.map((column) => `"${column}"`).join(', ');
    for (const row of rows) await pg.query(`INSERT INTO ${name} (${quoted}) VALUES (${places})`, row);
  }
}

/** The list as the store means it, carried out by PostgreSQL. */
async function listed(query: Query): Promise<{ ids: string[]; total: number; groups: unknown[] }> {
  const arms = compileArms(postgresDialect, types, query);
  const job = {
    pages: [pageSql(postgresDialect, arms, { kind: 'all' }, query.descending ?? false)],
    counts: arms.map(countSql),
    limit: query.limit,
    offset: 0,
    fromStart: true,
    tenant: query.tenant,
    base,
    groups: {
      text: membershipSql(postgresDialect, types).groupsOfSome,
      types: types.all.map(({ number }) => number),
    },
  };
  return pg.transaction(async (tx) => {
    await tx.query("SELECT set_config('scimd.tenant', $1, true), set_config('scimd.base', $2, true)", [
      String(query.tenant),
      resourceUriKey(base),
    ]);
    const run = async ({ text, parameters }: Sql) =>
      (await tx.query<unknown[]>(numbered(text), [...parameters], { rowMode: 'array' })).rows;
    const steps = listSteps(job);
    let step = steps.next();
    while (!step.done) step = steps.next(await run(step.value));
    const { rows, total, groups = [] } = step.value;
    return { ids: rows.map(([, , , id]: PageRow) => id), total, groups: groups.map((row) => [...row]) };
  });
}

test(`a list finds in PostgreSQL whom it finds in SQLite, over the same rows (seed ${seed})`, async () => {
  await populate();
  const agrees = async (filter: Filter | undefined, sort: Attribute | undefined, descending: boolean) => {
    const text = filter === undefined ? undefined : stringify(filter);
    const plan = text === undefined ? undefined : bindFilter(parseFilter(text), s.user);
    const target = {
      type: s.user,
      ...(plan === undefined ? {} : { plan }),
      ...(sort === undefined ? {} : { sort }),
    };
    const query: Query = { tenant: 1, limit: 100, base, descending, targets: [target] };
    const found = await listed(query);
    const page = await s.list({ ...query, groups: true });
    const context = `${text} sorted by ${sort?.path} ${descending}`;
    assert.deepEqual(
      found.ids,
      page.resources.map(({ id }) => id),
      context,
    );
    assert.equal(found.total, page.total, context);
    const groups = page.resources.flatMap(({ groups = [] }) => groups).length;
    assert.equal(found.groups.length, groups, context);
  };
  for (const sort of sortsOf(s.user))
    for (const descending of [false, true]) await agrees(undefined, sort, descending);
  for (const asked of [
    'groups.value pr',
    'groups.display eq "É"',
    'groups[type eq "indirect"]',
    `meta.location sw "${base}/Users"`,
  ])
    await agrees(parseFilter(asked), undefined, false);
  await fc.assert(fc.asyncProperty(filters, fc.constantFrom(...sortsOf(s.user)), fc.boolean(), agrees), {
    seed,
    numRuns: runs,
  });
});
