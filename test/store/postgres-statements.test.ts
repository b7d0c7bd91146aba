/** The store's statements are those of PostgreSQL too: each is prepared by one, over the tables that its migrations make. */
import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { PGlite } from '@electric-sql/pglite';
import type { Database } from 'better-sqlite3';
import { parseFilter } from '../../grammar/index.ts';
import { bindValueFilter } from '../../src/query/bind.ts';
import { compilePlan } from '../../src/query/sql.ts';
import type { Attribute, ResourceType } from '../../src/scim/registry.ts';
import type { KeyColumn } from '../../src/store/layout/layout.ts';
import type { StoredTypes } from '../../src/store/layout/stored-type.ts';
import { clientSql } from '../../src/store/postgres/clients.ts';
import { postgresDialect } from '../../src/store/postgres/dialect.ts';
import { textOf } from '../../src/store/postgres/driver.ts';
import { migrations } from '../../src/store/postgres/migrations.ts';
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
import { insertElementsSql, mostElements, resourceSql, updateSql } from '../../src/store/sql/resource.ts';
import { batchSql, rebuildSql, storedTypeSql } from '../../src/store/sql/stored-type.ts';
import { streamSqlOf } from '../../src/store/sql/streams.ts';
import { tenantSql } from '../../src/store/sql/tenant.ts';
import { tokenSql } from '../../src/store/sql/token.ts';
import { openConnection } from '../../src/store/sqlite/connection.ts';
import { openSqliteStore } from '../../src/store/sqlite/index.ts';
import { loadTypes } from '../../src/store/sqlite/stored-types.ts';
import type { Query } from '../../src/store/store.ts';
import { staffSchemas, staffUri } from '../query/staff.ts';
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

test('PostgreSQL prepares every statement', async () => {
  for (const [module, statements] of Object.entries({
    ...fixed(),
    writeSql,
    outboxSql: outboxSqlOf('', 'number', ' FOR UPDATE'),
    streamSql: streamSqlOf('', ' FOR UPDATE', postgresDialect.jsonStrings),
    clientSql,
  }))
    for (const [name, text] of Object.entries(statements))
      if (!ofSqlite.has(`${module}.${name}`)) await prepare(`${module}.${name}`, text);
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
