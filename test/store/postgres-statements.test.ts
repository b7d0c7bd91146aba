/** The store's statements are those of PostgreSQL too: each is prepared by one, over the tables that its migrations make. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { PGlite } from '@electric-sql/pglite';
import type { Database } from 'better-sqlite3';
import { parseFilter } from '../../grammar/index.ts';
import { bindFilter, bindValueFilter } from '../../src/query/bind.ts';
import { compilePlan } from '../../src/query/sql.ts';
import type { Attribute, ResourceType } from '../../src/scim/registry.ts';
import type { KeyColumn } from '../../src/store/layout/layout.ts';
import type { StoredTypes } from '../../src/store/layout/stored-type.ts';
import { clientSql } from '../../src/store/postgres/clients.ts';
import { filterDialect, postgresDialect } from '../../src/store/postgres/dialect.ts';
import { textOf } from '../../src/store/postgres/driver.ts';
import { feedSql } from '../../src/store/postgres/feed.ts';
import { migrations } from '../../src/store/postgres/migrations.ts';
import { pageInOneSql } from '../../src/store/postgres/page-in-one.ts';
import { findSql } from '../../src/store/postgres/reads.ts';
import { writeSql } from '../../src/store/postgres/statements.ts';
import { adminSql } from '../../src/store/sql/admin.ts';
import { memberMap } from '../../src/store/sql/attribute-map.ts';
import { changeMemberSql, changeSql, knownMembersSql } from '../../src/store/sql/change.ts';
import { confirmationSql } from '../../src/store/sql/confirmation.ts';
import { grantSql, holderSql } from '../../src/store/sql/grants.ts';
import { activePeopleSql, guardSql } from '../../src/store/sql/guard.ts';
import {
  compileArms,
  countSql,
  documentSql,
  pageSql,
  phasesBeyond,
  writePosition,
} from '../../src/store/sql/list.ts';
import { membershipSql, selectMembersSql } from '../../src/store/sql/membership.ts';
import { outboxSqlOf } from '../../src/store/sql/outbox.ts';
import { pastSql } from '../../src/store/sql/past.ts';
import {
  insertElementsSql,
  joinedResourceSql,
  mostElements,
  resourceSql,
  updateSql,
} from '../../src/store/sql/resource.ts';
import { batchSql, rebuildSql, storedTypeSql } from '../../src/store/sql/stored-type.ts';
import { streamSqlOf } from '../../src/store/sql/streams.ts';
import { tenantSql } from '../../src/store/sql/tenant.ts';
import { tokenSql } from '../../src/store/sql/token.ts';
import { openConnection } from '../../src/store/sqlite/connection.ts';
import { openSqliteStore } from '../../src/store/sqlite/index.ts';
import { loadTypes } from '../../src/store/sqlite/stored-types.ts';
import type { Query } from '../../src/store/store.ts';
import { staffSchemas, staffUri } from '../query/staff.ts';
import { withoutTenant } from './postgres-tables.ts';
import { registryWith } from './registry.ts';
import { base, Setting } from './setting.ts';

const indexed = new Set(['floor', 'joined', 'desk', 'skills', 'shifts', 'lockers']);
const staffSchema = staffSchemas.find(({ id }) => id === staffUri) ?? assert.fail();
const registry = registryWith({
  ...staffSchema,
  attributes: staffSchema.attributes.map((attribute) => ({
    ...attribute,
    indexed: indexed.has(attribute.name),
  })),
});

let s: Setting;
let lite: Database;
let types: StoredTypes;
let pg: PGlite;

before(async () => {
  s = await Setting.open(async (options) => openSqliteStore({ file: ':memory:', ...options }), registry);
  lite = openConnection(':memory:');
  types = loadTypes(lite, registry);
  pg = new PGlite();
  for (const { sql } of migrations) await pg.exec(sql);
  // With empty tables, or memory for all rows, PostgreSQL plans to read all beforehand where it would look for one.
  await pg.exec(`INSERT INTO resource (rid, tenant, type, id, created, modified, version)
SELECT n, 1, 1, 'id' || n, '', '', 1 FROM generate_series(1, 2000) n;
INSERT INTO document SELECT rid, tenant, '{}' FROM resource;
INSERT INTO member (owner, tenant, value) SELECT n % 100 + 1, 1, 'id' || n FROM generate_series(1, 20000) n;
ANALYZE;
SET work_mem = '64kB';
SET hash_mem_multiplier = 1`);
});
after(async () => {
  lite.close();
  await s.store.close();
  await pg.close();
});

async function prepare(name: string, text: string): Promise<void> {
  try {
    await pg.describeQuery(textOf(text));
  } catch (error) {
    assert.fail(`${name}: ${(error as Error).message}\n${text}`);
  }
}

/** A node of a plan, as EXPLAIN has it. */
interface PlanNode {
  readonly 'Relation Name'?: string;
  readonly Alias?: string;
  readonly Plans?: readonly PlanNode[];
  readonly [property: string]: unknown;
}

const conditions = ['Index Cond', 'Recheck Cond', 'Filter', 'Hash Cond', 'Merge Cond', 'Join Filter'];

/**
 * The tables of the statement, distributed by tenant, of which the plan reads rows without knowing their tenant: by a
 * value, or by a row that it has of that tenant. PostgreSQL itself says so, whatever the statement is written like.
 */
async function readsOfAnyTenant(name: string, text: string): Promise<string[]> {
  const result = await pg
    .exec(`EXPLAIN (GENERIC_PLAN, VERBOSE, FORMAT JSON) ${textOf(text)}`)
    .catch((error: unknown) => assert.fail(`${name}: ${(error as Error).message}\n${text}`));
  const [row] = (result[0]?.rows ?? []) as { 'QUERY PLAN': [{ Plan: PlanNode }] }[];
  const nodes: PlanNode[] = [];
  const visit = (node: PlanNode): void => {
    nodes.push(node);
    node.Plans?.forEach(visit);
  };
  visit((row ?? assert.fail(name))['QUERY PLAN'][0].Plan);
  const scans = new Map(
    nodes.flatMap((node) => {
      const table = node['Relation Name'];
      const isScan = String(node['Node Type']).endsWith('Scan');
      return isScan && table !== undefined && !withoutTenant.has(table)
        ? [[node.Alias as string, table]]
        : [];
    }) as [string, string][],
  );
  const equalities = nodes.flatMap((node) =>
    conditions.flatMap((condition) => [
      ...String(node[condition] ?? '').matchAll(/([\w.$"]+|'\d+'::bigint) = ([\w.$"]+|'\d+'::bigint)/g),
    ]),
  );
  const known = new Set<string>();
  const tenantOf = (operand: string): string | undefined => /^(\w+)\.tenant$/.exec(operand)?.[1];
  for (let before = -1; before < known.size; ) {
    before = known.size;
    for (const [, left = '', right = ''] of equalities)
      for (const [one, other] of [
        [left, right],
        [right, left],
      ] as const) {
        const [alias, from] = [tenantOf(one), tenantOf(other)];
        if (alias === undefined || !scans.has(alias)) continue;
        if (from === undefined || !scans.has(from) || known.has(from)) known.add(alias);
      }
  }
  return [...scans]
    .filter(([alias]) => !known.has(alias))
    .map(([alias, table]) => `${name}: ${table} ${alias}`);
}

const columns: readonly KeyColumn[] = ['external_id', 'unique_key', 'display_key', 'active'];

/** By the module that has them, each statement that does not depend on a query. */
function fixed(): Record<string, Readonly<Record<string, string>>> {
  const number = (count: number) => Array.from({ length: count }, (_, index) => index + 1);
  return {
    resourceSql,
    joinedResourceSql: joinedResourceSql(postgresDialect),
    membershipSql: membershipSql(postgresDialect, types),
    changeSql,
    changeMemberSql: changeMemberSql(postgresDialect),
    knownMembersSql: { knownMembers: knownMembersSql(postgresDialect) },
    tenantSql,
    pastSql,
    confirmationSql,
    adminSql,
    tokenSql,
    grantSql,
    holderSql: holderSql(postgresDialect, types),
    guardSql,
    activePeopleSql: { activePeople: activePeopleSql(types) },
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
  const ofQueries = ['countSql', 'documentSql', 'groupsSql', 'pageSql', 'selectMembersSql'];
  assert.deepEqual(names.sort(), [...Object.keys(fixed()), ...ofQueries].sort());
});

/** They name a key without its tenant: PostgreSQL has its own of these, in `writeSql`. */
const ofSqlite = new Set(['resourceSql.setCredential', 'rebuildSql.quarantine']);

/** SQLite alone runs these, whose rows have numbers of their own in all tenants together. */
const sqliteOnly: Readonly<Record<string, readonly string[]>> = {
  resourceSql: [
    ...[
      'setCredential',
      'deleteCredential',
      'memberIds',
      'deleteElement',
      'deleteElements',
      'deleteUniques',
      'updateDocument',
    ],
    ...['updateKeys', 'updateColumns', 'touch', 'delete'],
  ],
  joinedResourceSql: ['getRow'],
  membershipSql: ['beyond', 'count', 'countOf', 'delete', 'unknown', 'redescribe'],
  pastSql: ['resources', 'members'],
  rebuildSql: ['quarantine', 'release'],
};
/** What the store over PostgreSQL calls those that are made for its dialect. */
const calledThere: Readonly<Record<string, string>> = {
  joinedResourceSql: 'joined',
  membershipSql: '(?:#membership|sql)',
};

/** They are about all tenants: who there is, how far each one's record is, and rows that are made anew for another configuration. */
const everyTenant = new Set([
  ...['changeSql.tenants', 'guardSql.states', 'grantSql.deleteAll', 'storedTypeSql.resources'],
  ...['storedTypeSql.counted', 'rebuildSql.clearUnique', 'rebuildSql.clearColumn', 'rebuildSql.done'],
  ...['batchSql.batch', 'feedSql.newest', 'tenantSql.begin'],
]);

/** Those of the store over PostgreSQL. */
function own() {
  return {
    writeSql,
    clientSql,
    feedSql: feedSql(types),
    findSql: findSql(types),
    outboxSql: outboxSqlOf('', 'number', ' FOR UPDATE'),
    streamSql: streamSqlOf('', ' FOR UPDATE', postgresDialect.jsonStrings),
  };
}

/** Every statement that PostgreSQL runs and that is about one tenant, but those that are compiled from queries. */
function ofOneTenant(): [name: string, text: string][] {
  const { insertElementsSql: _, updateSql: __, ...shared } = fixed();
  return Object.entries({ ...shared, ...own() }).flatMap(([module, all]) =>
    Object.entries(all)
      .filter(([name]) => !sqliteOnly[module]?.includes(name) && !everyTenant.has(`${module}.${name}`))
      .map(([name, text]): [string, string] => [`${module}.${name}`, text]),
  );
}

test('what is said to be SQLite’s alone is named nowhere in the store over PostgreSQL', () => {
  const folder = new URL('../../src/store/postgres/', import.meta.url);
  const sources = readdirSync(folder)
    .filter((name) => name.endsWith('.ts'))
    .map((name) => readFileSync(new URL(name, folder), 'utf8'))
    .join('\n');
  const named = Object.entries(sqliteOnly).flatMap(([module, names]) =>
    names.filter((name) => new RegExp(`${calledThere[module] ?? module}\\.${name}\\b`).test(sources)),
  );
  assert.deepEqual(named, []);
  assert.doesNotMatch(sources, /\b(?:insertElementsSql|updateSql)\b/);
});

test('PostgreSQL prepares every statement', async () => {
  for (const [module, statements] of Object.entries({ ...fixed(), ...own() }))
    for (const [name, text] of Object.entries(statements))
      if (!ofSqlite.has(`${module}.${name}`)) await prepare(`${module}.${name}`, text);
});

test('what reads rows names their tenant, in each join too, so that tables can be distributed by it', async () => {
  const found: string[] = [];
  for (const [name, text] of ofOneTenant()) found.push(...(await readsOfAnyTenant(name, text)));
  assert.deepEqual(found, []);
  // It sees a join by row number alone, and a subquery of all tenants.
  assert.deepEqual(
    await readsOfAnyTenant(
      'x',
      'SELECT 1 FROM resource r JOIN document d ON d.rid = r.rid WHERE r.tenant = ? AND r.id = ?',
    ),
    ['x: document d'],
  );
  assert.deepEqual(
    await readsOfAnyTenant(
      'y',
      'SELECT 1 FROM resource r WHERE r.tenant = ? AND r.rid IN (SELECT e.rid FROM element e WHERE e.value = ?)',
    ),
    ['y: element e'],
  );
});

test('so do lists with filters over every table, pages of every order, and the selection of members', async () => {
  const found: string[] = [];
  const people = [
    ...[
      'userName eq "a"',
      'nickName eq "a"',
      'not (externalId pr)',
      'emails.value co "abc"',
      'displayName co "abc"',
    ],
    ...['emails[type eq "work" and value sw "a"]', 'groups.value eq "g"', 'groups.display co "abc"'],
    ...['x509Certificates.value pr', 'addresses[locality eq "x" or region eq "y"]'],
    ...[
      `${staffUri}:floor gt 3 and ${staffUri}:lockers.size eq 2`,
      `${staffUri}:skills eq "x" or ${staffUri}:rating gt 2.5`,
    ],
  ];
  const groups = ['members.value eq "u"', 'members.display co "abc"', 'members[type eq "User"]'];
  const filters = [
    ...people.map((filter) => [s.user, filter] as const),
    ...groups.map((filter) => [s.group, filter] as const),
  ];
  for (const dialect of [filterDialect(false), filterDialect(true)]) {
    for (const [type, filter] of filters) {
      const plan = bindFilter(parseFilter(filter), type);
      const arms = compileArms(dialect, types, { tenant: 1, limit: 10, targets: [{ type, plan }] });
      found.push(...(await readsOfAnyTenant(filter, pageSql(dialect, arms, { kind: 'all' }, false).text)));
      for (const arm of arms) found.push(...(await readsOfAnyTenant(filter, countSql(arm).text)));
    }
    for (const sort of sortsOf(s.user))
      for (const skips of [false, true]) {
        const target = { type: s.user, ...(sort === undefined ? {} : { sort }) };
        const targets = skips ? [target, { type: s.group }] : [target];
        const arms = compileArms(dialect, types, { tenant: 1, limit: 10, targets });
        const { text, plain } = pageSql(dialect, arms, { kind: 'all' }, false, 1000, skips, 11);
        found.push(...(await readsOfAnyTenant(`${sort?.path}`, text)));
        const [arm] = arms;
        if (plain !== undefined && arm !== undefined) {
          const inOne = pageInOneSql(plain, countSql(arm), arm.body, 1000);
          found.push(...(await readsOfAnyTenant('in one', inOne.text)));
        }
        found.push(...(await readsOfAnyTenant('document', documentSql(dialect, arms))));
      }
  }
  const members = s.group.attributes.get('members') as Attribute;
  const { sql } = compilePlan(
    bindValueFilter(parseFilter('display sw "a"'), members),
    memberMap(postgresDialect, types),
    postgresDialect.query,
  );
  found.push(...(await readsOfAnyTenant('members', selectMembersSql(postgresDialect, sql, 1))));
  assert.deepEqual(found, []);
});

test('the members of a small group are found by their key, beside a group of very many', async () => {
  await pg.exec(`BEGIN;
DELETE FROM member WHERE owner > 2;
INSERT INTO member (owner, tenant, value) SELECT 1, 1, 'm' || n FROM generate_series(1, 50000) n;
ANALYZE member`);
  try {
    const asked = {
      memberCount: [writeSql.memberCount, "1, 'id2', 1, 101"],
      hasMembers: [writeSql.hasMembers, '2, 1'],
      shown: [findSql(types).shown, "'{1}', '{1}', '{id2}', '{f}', '{101}', '{base}'"],
    } as const;
    for (const [name, [sql, parameters]] of Object.entries(asked)) {
      const text = textOf(sql);
      for (const explained of [
        `EXPLAIN (GENERIC_PLAN, FORMAT JSON) ${text}`,
        // Of the one that has few.
        `PREPARE asked AS ${text}; SET LOCAL plan_cache_mode = force_custom_plan;
EXPLAIN (FORMAT JSON) EXECUTE asked (${parameters})`,
      ]) {
        const results = await pg.exec(explained);
        await pg.exec('DEALLOCATE ALL');
        const plan = JSON.stringify(results.at(-1)?.rows);
        assert.doesNotMatch(plan, /"Node Type":"Seq Scan"[^{}]*"Relation Name":"member"/, name);
        assert.match(plan, /"Index Name":"member_pkey"/, name);
      }
    }
  } finally {
    await pg.exec('ROLLBACK');
  }
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
      await prepare('document', documentSql(postgresDialect, arms));
      for (const arm of arms) await prepare('count', countSql(arm).text);
    }
  }
});
