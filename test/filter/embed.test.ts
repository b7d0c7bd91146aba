import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { PGlite } from '@electric-sql/pglite';
import Database from 'better-sqlite3';
import {
  comparisonKeys,
  compileMatcher,
  compileSql,
  type Dialect,
  fold,
  type Place,
  postgres,
  type Resolve,
  resourceTypeOf,
  ScimFilterError,
  sqlite,
} from '../../src/filter.ts';
import { staff, staffSchemas, staffUri } from '../query/staff.ts';

/** An embedder's own rows of the same people. */
const rows = staff.map((person) => {
  const object = person as Record<string, unknown>;
  const name = (object.name ?? {}) as { givenName?: string };
  return {
    id: person.id,
    userName: (object.userName ?? object.USERNAME) as string,
    givenName: name.givenName ?? null,
    active: (object.active ?? null) as boolean | null,
    created: (object.meta as { created?: string } | undefined)?.created ?? null,
    emails: ((object.emails ?? []) as Record<string, unknown>[]).map((email) => ({
      value: (email.value ?? email.VALUE) as string,
      type: (email.type ?? email.Type ?? null) as string | null,
      primary: (email.primary ?? null) as boolean | null,
    })),
  };
});

const folded = (text: string | null) => (text === null ? null : fold(text));

let lite: Database.Database;
let pg: PGlite;

before(async () => {
  lite = new Database(':memory:');
  lite.exec(`
    CREATE TABLE users (id TEXT PRIMARY KEY, user_name TEXT, user_name_folded TEXT UNIQUE, given_name TEXT, active INTEGER, created_at TEXT, resource TEXT, keys TEXT);
    CREATE TABLE emails (user_id TEXT NOT NULL, address_folded TEXT, kind TEXT, main INTEGER);
    CREATE INDEX emails_address ON emails (address_folded, user_id);
  `);
  pg = new PGlite();
  await pg.exec(`
    CREATE TABLE users (id TEXT PRIMARY KEY, user_name TEXT, user_name_folded TEXT COLLATE "C" UNIQUE, given_name TEXT, active BOOLEAN, created_at TIMESTAMPTZ, resource JSONB, keys JSONB);
    CREATE TABLE emails (user_id TEXT NOT NULL, address_folded TEXT, kind TEXT, main BOOLEAN);
  `);
  const type = resourceTypeOf(staffSchemas);
  for (const [index, row] of rows.entries()) {
    const created = row.created === null ? null : new Date(row.created);
    const keys = JSON.stringify(comparisonKeys(staff[index]!, type));
    // Other spellings of names are for scimd's own documents: JSON operators know one spelling.
    const resource = JSON.stringify({ ...staff[index], userName: row.userName, emails: row.emails });
    const cells = [row.id, row.userName, fold(row.userName), row.givenName];
    lite
      .prepare('INSERT INTO users VALUES (?, ?, ?, ?, ?, ?, ?, ?)')
      .run(
        ...cells,
        row.active === null ? null : Number(row.active),
        created?.toISOString() ?? null,
        resource,
        keys,
      );
    await pg.query('INSERT INTO users VALUES ($1, $2, $3, $4, $5, $6, $7, $8)', [
      ...cells,
      row.active,
      created,
      resource,
      keys,
    ]);
    for (const { value, type: kind, primary } of row.emails) {
      const email = [row.id, fold(value), folded(kind)];
      lite
        .prepare('INSERT INTO emails VALUES (?, ?, ?, ?)')
        .run(...email, primary === null ? null : Number(primary));
      await pg.query('INSERT INTO emails VALUES ($1, $2, $3, $4)', [...email, primary]);
    }
  }
});
after(async () => {
  lite.close();
  await pg.close();
});

async function find(filter: string, resolve: Resolve, dialect: Dialect): Promise<string> {
  const { sql, parameters } = compileSql(filter, { dialect, schemas: staffSchemas, resolve, offset: 1 });
  // The embedder's own condition comes first, so the filter's parameters follow its one.
  if (dialect === sqlite) {
    const statement = lite.prepare(`SELECT id FROM users WHERE id <> ? AND (${sql}) ORDER BY id`);
    return statement
      .pluck()
      .all('nobody', ...parameters)
      .join(' ');
  }
  const answer = await pg.query<{ id: string }>(
    `SELECT id FROM users WHERE id <> $1 AND (${sql}) ORDER BY id`,
    ['nobody', ...parameters],
  );
  return answer.rows.map(({ id }) => id).join(' ');
}

const lower = (text: string) => `lower(${text})`;

/** One table with columns: a folded column with an index, an expression, the database's own booleans and times. */
const places: Record<string, Place> = {
  id: { column: 'users.id', indexed: true },
  userName: { column: 'user_name_folded', folded: true, indexed: true },
  'name.givenName': { column: 'given_name', folded: lower },
  displayName: { expression: `'user ' || user_name_folded`, folded: true },
  active: { column: 'active' },
  'meta.created': { column: 'created_at' },
};
const columns: Resolve = (path) => places[path];

/** Users plus an emails table. */
const withEmails: Resolve = (path) =>
  path === 'emails'
    ? {
        table: 'emails',
        key: 'user_id',
        columns: {
          value: { column: 'address_folded', folded: true, indexed: true },
          type: { column: 'kind', folded: true },
          primary: { column: 'main' },
        },
      }
    : columns(path, undefined as never);

/** A JSON column that holds the resource as it is. */
const resourceJson: Resolve = () => ({ json: 'users.resource', folded: lower });

/** A JSON column that holds the comparison keys: complete, and right for every script. */
const keysJson: Resolve = () => ({ keys: 'keys' });

const examples: readonly (readonly [
  name: string,
  resolve: Resolve,
  cases: readonly (readonly [string, string])[],
])[] = [
  [
    'one table with columns',
    columns,
    [
      ['userName eq "ADA.lovelace"', 'ada'],
      ['userName sw "B" or id eq "dee"', 'bob dee'],
      ['name.givenName eq "ADA" and active eq true', 'ada'],
      ['not (active eq true)', 'bob dee'],
      ['active ne false', 'ada cha dee'],
      ['displayName co "R CH"', 'cha'],
      ['meta.created le "2020-01-01T01:00:00+01:00"', 'ada bob'],
      ['meta.created ne "2020-01-01T00:00:00Z"', 'cha dee'],
      ['name pr', 'ada bob'],
    ],
  ],
  [
    'users and a table of emails',
    withEmails,
    [
      ['emails[type eq "work" and value ew "@ENGINE.example"]', 'ada dee'],
      ['emails[type eq "home" and value ew "@engine.example"]', ''],
      ['emails.primary eq false', 'ada bob dee'],
      ['emails co "home"', 'ada bob'],
      ['not (emails pr)', 'cha'],
      ['emails.type ne "home"', 'ada cha dee'],
      ['emails[primary eq true] and userName ne "bob"', 'ada'],
    ],
  ],
  [
    'a JSON column with the resource',
    resourceJson,
    [
      ['userName eq "ADA.lovelace"', 'ada'],
      ['emails[type eq "work" and value co "ENGINE"]', 'ada dee'],
      ['emails.primary eq false', 'ada bob dee'],
      ['active eq false', 'bob'],
      ['active ne true', 'bob dee'],
      [`${staffUri}:floor ge 0`, 'ada cha'],
      [`${staffUri}:shifts eq 5`, 'ada bob'],
      [`${staffUri}:skills eq "maths"`, 'ada'],
      [`${staffUri}:lockers[number eq "l1" and locked eq true]`, 'ada'],
      ['name pr', 'ada bob'],
    ],
  ],
  [
    'a JSON column with comparison keys',
    keysJson,
    [
      ['userName eq "ADA.lovelace"', 'ada'],
      ['displayName eq "σίσυφος"', 'cha'],
      ['meta.created eq "2020-01-01T01:00:00+01:00"', 'ada bob'],
      ['emails[not (type pr)]', 'bob'],
      [`${staffUri}:lockers.labels eq "BLUE"`, 'ada'],
      ['active ne true', 'bob dee'],
    ],
  ],
];

for (const [name, resolve, cases] of examples) {
  describe(`compileSql over ${name}`, () => {
    for (const [filter, expected] of cases) {
      for (const dialect of [sqlite, postgres]) {
        test(`${filter} (${dialect.name})`, async () => {
          assert.equal(await find(filter, resolve, dialect), expected);
          const matches = compileMatcher(filter, { schemas: staffSchemas });
          if (!filter.startsWith('displayName co')) {
            assert.equal(
              staff
                .filter(matches)
                .map(({ id }) => id)
                .join(' '),
              expected,
              'matcher',
            );
          }
        });
      }
    }
  });
}

describe('compileSql keeps to what resolve answers', () => {
  const options = { dialect: sqlite, schemas: staffSchemas, resolve: withEmails };

  test('an attribute without a place is an error with its position, also under not and in brackets', () => {
    for (const [filter, offset] of [
      ['userName pr and title pr', 16],
      ['not (title eq "x")', 5],
      ['title eq null or userName pr', 0],
      ['emails[display eq "x"]', 7],
      ['phoneNumbers pr', 0],
    ] as const) {
      assert.throws(
        () => compileSql(filter, options),
        (error: unknown) => {
          assert.ok(error instanceof ScimFilterError);
          assert.deepEqual([error.code, error.offset], ['unmappedAttribute', offset], filter);
          return true;
        },
      );
    }
  });

  test('unindexed names what makes the query read every row, and indexedOnly refuses it', () => {
    assert.deepEqual(compileSql('userName eq "a" and active eq true', options).unindexed, []);
    assert.deepEqual(compileSql('userName eq "a" or active eq true', options).unindexed, ['active']);
    assert.deepEqual(compileSql('emails[type eq "work" and value eq "x"]', options).unindexed, []);
    assert.deepEqual(compileSql('emails.type eq "work"', options).unindexed, ['emails.type']);
    assert.throws(() => compileSql('emails.type eq "work"', { ...options, indexedOnly: true }), {
      code: 'unindexed',
    });
  });

  test('text whose folding nobody declared is a mistake of the program, not a smaller result', () => {
    const resolve: Resolve = () => ({ column: 'user_name' });
    assert.throws(() => compileSql('userName eq "x"', { ...options, resolve }), TypeError);
    assert.equal(compileSql('externalId eq "x"', { ...options, resolve }).sql, '"user_name" = ?');
  });

  test('a place of the wrong shape is a mistake of the program', () => {
    assert.throws(() => compileSql('emails pr', { ...options, resolve: () => ({ column: 'e' }) }), TypeError);
    const table: Place = { table: 't', key: 'k', columns: {} };
    assert.throws(() => compileSql('active pr', { ...options, resolve: () => table }), TypeError);
  });

  test('a table that holds several attributes is narrowed by SQL of the embedder', () => {
    const columns = { value: { column: 'v', folded: true } } as const;
    const resolve: Resolve = () => ({
      table: 'contact',
      key: 'owner',
      where: "kind = 'email' OR kind IS NULL",
      columns,
    });
    assert.equal(
      compileSql('emails.value eq "x"', { ...options, resolve, key: 'users.id' }).sql,
      `"users"."id" IN (SELECT "contact"."owner" FROM "contact" WHERE (kind = 'email' OR kind IS NULL) AND "contact"."v" = ?)`,
    );
  });

  test('a place may hold comparison keys instead of the database’s own types', () => {
    const resolve: Resolve = () => ({ column: 'c', typed: 'key' });
    for (const [filter, sql, parameters] of [
      ['active eq true', '"c" = $1::bigint', [1]],
      ['meta.created ge "2020-01-01T01:00:00+01:00"', '"c" COLLATE "C" >= $1', ['2020-01-01T00:00:00']],
    ] as const) {
      const compiled = compileSql(filter, { ...options, dialect: postgres, resolve });
      assert.equal(compiled.sql, sql);
      assert.deepEqual(compiled.parameters, parameters);
    }
  });

  test('a JSON place may be indexed, and elsewhere than SCIM has it', () => {
    const resolve: Resolve = () => ({
      json: 'doc',
      path: ['login'],
      folded: (text) => `lower(${text})`,
      indexed: true,
    });
    assert.deepEqual(compileSql('userName eq "A"', { ...options, dialect: postgres, resolve }), {
      sql: `lower(("doc" ->> 'login')) = $1`,
      parameters: ['a'],
      unindexed: [],
    });
  });

  test('names of tables and columns are quoted', () => {
    const resolve: Resolve = () => ({ column: 'my "table".name', folded: true });
    assert.equal(compileSql('userName eq "x"', { ...options, resolve }).sql, '"my ""table"""."name" = ?');
  });

  test('the everyday filters use an index', () => {
    for (const [filter, index] of [
      ['userName eq "ada.lovelace"', 'sqlite_autoindex_users_2 (user_name_folded=?)'],
      ['userName sw "ada"', 'sqlite_autoindex_users_2 (user_name_folded>? AND user_name_folded<?)'],
      ['emails.value eq "ada@engine.example"', 'emails_address (address_folded=?)'],
    ] as const) {
      const { sql, parameters, unindexed } = compileSql(filter, options);
      assert.deepEqual(unindexed, []);
      const plan = lite
        .prepare(`EXPLAIN QUERY PLAN SELECT id FROM users WHERE ${sql}`)
        .all(...parameters) as { detail: string }[];
      const details = plan.map(({ detail }) => detail).join('\n');
      assert.ok(details.includes(index), details);
      assert.ok(!details.includes('SCAN users'), details);
    }
  });
});
