/** How a filter gets into the statements of a query builder: examples that run. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { PGlite } from '@electric-sql/pglite';
import Database from 'better-sqlite3';
import { and, sql as drizzleSql, ne } from 'drizzle-orm';
import { drizzle as drizzleOverSqlite } from 'drizzle-orm/better-sqlite3';
import { boolean, pgTable, text as pgText } from 'drizzle-orm/pg-core';
import { drizzle as drizzleOverPg } from 'drizzle-orm/pglite';
import { integer, sqliteTable, text } from 'drizzle-orm/sqlite-core';
import { Kysely, sql as kyselySql, PostgresDialect, type PostgresPool, SqliteDialect } from 'kysely';
import { compileMatcher, fold, postgres, type Resolve, sqlite, sqlTemplate } from '../../src/filter.ts';
import { staffSchemas as schemas, staff } from '../query/staff.ts';

/** Users with a column, a folded column, and a table of e-mail addresses. */
const resolve: Resolve = (path) => {
  switch (path) {
    case 'userName':
      return { column: 'users.user_name', folded: true, indexed: true };
    case 'active':
      return { column: 'users.active' };
    case 'emails':
      return {
        table: 'emails',
        key: 'user_id',
        columns: { value: { column: 'address', folded: true }, type: { column: 'kind', folded: true } },
      };
    default:
      return undefined;
  }
};

const filters = [
  'userName eq "ADA.lovelace"',
  'userName gt "b" and not (active eq true)',
  'emails[type eq "work" and value ew "@ENGINE.example"]',
  'active eq true or userName eq "dee" or emails co "?"',
  'userName eq "\' OR 1=1 --" or userName eq "$1"',
];

/** The people with names in whichever spelling. */
interface Loose {
  readonly id?: string;
  readonly userName?: string;
  readonly USERNAME?: string;
  readonly active?: boolean;
  readonly emails?: readonly { value?: string; VALUE?: string; type?: string; Type?: string }[];
}

let lite: Database.Database;
let pg: PGlite;
before(async () => {
  const tables = `
    CREATE TABLE users (id TEXT PRIMARY KEY, user_name TEXT, active BOOLEAN);
    CREATE TABLE emails (user_id TEXT, address TEXT, kind TEXT);`;
  lite = new Database(':memory:');
  lite.exec(tables);
  pg = new PGlite();
  await pg.exec(tables);
  for (const person of staff as readonly Loose[]) {
    const active = person.active ?? null;
    const row = [person.id, fold((person.userName ?? person.USERNAME)!)];
    lite.prepare('INSERT INTO users VALUES (?, ?, ?)').run(...row, active === null ? null : Number(active));
    await pg.query('INSERT INTO users VALUES ($1, $2, $3)', [...row, active]);
    for (const email of person.emails ?? []) {
      const kind = email.type ?? email.Type;
      const address = [
        person.id,
        fold((email.value ?? email.VALUE)!),
        kind === undefined ? null : fold(kind),
      ];
      lite.prepare('INSERT INTO emails VALUES (?, ?, ?)').run(...address);
      await pg.query('INSERT INTO emails VALUES ($1, $2, $3)', address);
    }
  }
});
after(async () => {
  lite.close();
  await pg.close();
});

interface Tables {
  users: { id: string; user_name: string; active: boolean | null };
}

/** Kysely's pool of PostgreSQL connections, of which PGlite has one. */
const pool = (): PostgresPool => ({
  connect: async () =>
    ({
      query: async (statement: unknown, parameters?: readonly unknown[]) => {
        const { rows } = await pg.query(statement as string, [...(parameters ?? [])]);
        return { command: 'SELECT' as const, rowCount: rows.length, rows };
      },
      release() {},
    }) as never,
  end: async () => {},
});

const liteUsers = sqliteTable('users', {
  id: text(),
  user_name: text(),
  active: integer({ mode: 'boolean' }),
});
const pgUsers = pgTable('users', { id: pgText(), user_name: pgText(), active: boolean() });

/** Each example has a condition with a parameter of its own before the filter's, which excludes dee, and one behind it. */
const examples: Record<string, (filter: string) => Promise<readonly { id: string | null }[]>> = {
  'Kysely over SQLite': (filter) =>
    new Kysely<Tables>({ dialect: new SqliteDialect({ database: lite }) })
      .selectFrom('users')
      .select('id')
      .where('id', '<>', 'dee')
      .where(
        kyselySql<boolean>(...sqlTemplate(filter, { dialect: sqlite, schemas, resolve, key: 'users.id' })),
      )
      .where('id', '<>', 'nobody')
      .orderBy('id')
      .execute(),
  'Kysely over PostgreSQL': (filter) =>
    new Kysely<Tables>({ dialect: new PostgresDialect({ pool: pool() }) })
      .selectFrom('users')
      .select('id')
      .where('id', '<>', 'dee')
      .where(
        kyselySql<boolean>(...sqlTemplate(filter, { dialect: postgres, schemas, resolve, key: 'users.id' })),
      )
      .where('id', '<>', 'nobody')
      .orderBy('id')
      .execute(),
  'Drizzle over SQLite': async (filter) => {
    const condition = drizzleSql(
      ...sqlTemplate(filter, { dialect: sqlite, schemas, resolve, key: 'users.id' }),
    );
    return drizzleOverSqlite(lite)
      .select({ id: liteUsers.id })
      .from(liteUsers)
      .where(and(ne(liteUsers.id, 'dee'), condition, ne(liteUsers.id, 'nobody')))
      .orderBy(liteUsers.id);
  },
  'Drizzle over PostgreSQL': async (filter) => {
    const condition = drizzleSql(
      ...sqlTemplate(filter, { dialect: postgres, schemas, resolve, key: 'users.id' }),
    );
    return drizzleOverPg(pg)
      .select({ id: pgUsers.id })
      .from(pgUsers)
      .where(and(ne(pgUsers.id, 'dee'), condition, ne(pgUsers.id, 'nobody')))
      .orderBy(pgUsers.id);
  },
};

for (const [name, find] of Object.entries(examples)) {
  describe(`A filter in a statement of ${name}`, () => {
    for (const filter of filters) {
      test(filter, async () => {
        const matches = compileMatcher(filter, { schemas });
        const expected = staff.filter((person) => person.id !== 'dee' && matches(person)).map(({ id }) => id);
        assert.deepEqual(
          (await find(filter)).map(({ id }) => id),
          expected,
        );
      });
    }
  });
}

test('a template has one text more than parameters, and no value in its texts', () => {
  const [strings, ...parameters] = sqlTemplate('userName eq "x" or userName sw "\u00e9"', {
    dialect: postgres,
    schemas,
    resolve,
  });
  assert.deepEqual(parameters, ['x', 'é', 'ê']);
  assert.deepEqual(
    [...strings],
    [
      '("users"."user_name" = ',
      ' OR "users"."user_name" COLLATE "C" >= ',
      ' AND "users"."user_name" COLLATE "C" < ',
      ')',
    ],
  );
  assert.deepEqual(strings.raw, strings);
});
