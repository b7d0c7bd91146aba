/** Maps that are none: told with the place and what should be there, whatever the driver. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import Database from 'better-sqlite3';
import { drizzle as drizzleSqlite } from 'drizzle-orm/better-sqlite3';
import { drizzle } from '../../src/drizzle.ts';
import { createScimd, sql } from '../../src/index.ts';

const key = { id: 'sid', version: 'ver' };
const good = { table: 'people', key, attributes: { userName: 'login', externalId: 'ext' } };

const wrong: readonly [maps: unknown, problem: string][] = [
  [{}, 'tables: must have a map for a resource type: { User: table(…) }'],
  [{ User: undefined }, 'User: must be what table(…) answers, not undefined'],
  [{ User: {} }, 'User: must be what table(…) answers, not {}'],
  [
    { User: { ...good, table: undefined } },
    'User.table: must be the name of a table, or a table of Drizzle, not undefined',
  ],
  [{ User: { ...good, table: 5 } }, 'User.table: must be the name of a table, or a table of Drizzle, not 5'],
  [
    { User: { ...good, key: undefined } },
    'User.key: must be an object with id, tenant, version, row, not undefined',
  ],
  [
    { User: { ...good, key: { id: 'sid' } } },
    'User.key.version: must be a column, by its name or as Drizzle has it, not undefined',
  ],
  [
    { User: { ...good, key: { ...key, tennant: 'org' } } },
    'User.key.tennant: is no part of it, did you mean "tenant"?',
  ],
  [{ User: { ...good, onDeleted: {} } }, 'User.onDeleted: is no part of it, did you mean "onDelete"?'],
  [{ User: { ...good, onDelete: {} } }, 'User.onDelete.set: must have values by column, not undefined'],
  [
    { User: { ...good, attributes: undefined } },
    'User.attributes: must have the columns by attribute, not undefined',
  ],
  [
    { User: { ...good, attributes: { ...good.attributes, title: undefined } } },
    'User.attributes["title"]: must be a column, by its name or as Drizzle has it, not undefined',
  ],
  [
    { User: { ...good, attributes: { ...good.attributes, title: null } } },
    'User.attributes["title"]: must be a column, by its name or as Drizzle has it, not null',
  ],
  [
    { User: { ...good, attributes: { ...good.attributes, title: { column: 'ext', set: 'x' } } } },
    'User.attributes["title"].set: must be a function, not "x"',
  ],
  [
    { User: { ...good, attributes: { ...good.attributes, title: { column: 'ext', foldet: true } } } },
    'User.attributes["title"].foldet: is no part of it, did you mean "folded"?',
  ],
  [
    { User: { ...good, members: 'gm' } },
    'User.members: must be an object with table, group, member, nested, not "gm"',
  ],
  [
    { User: { ...good, members: { table: 'gm', group: 'g' } } },
    'User.members.member: must be a column, by its name or as Drizzle has it, not undefined',
  ],
  [
    { User: { ...good, rest: 'ext' } },
    'User.attributes["externalId"]: ext is what `rest` of the map is kept in',
  ],
  [
    { User: { ...good, attributes: { ...good.attributes, title: 'sid' } } },
    'User.attributes["title"]: sid is what `id` of the map is kept in',
  ],
];

for (const [maps, problem] of wrong)
  test(`a start refuses a map that is none: ${problem}`, async () => {
    const db = new Database(':memory:').exec(
      'CREATE TABLE people (id INTEGER PRIMARY KEY, sid TEXT UNIQUE, ver INTEGER NOT NULL DEFAULT 1, login TEXT UNIQUE, ext TEXT)',
    );
    const expected = { name: 'MapError', message: problem };
    await assert.rejects(createScimd({ store: sql(db, maps as never) }), expected);
    await assert.rejects(
      createScimd({ store: drizzle(drizzleSqlite({ client: db }), maps as never) }),
      expected,
    );
  });

test('nothing is made in the database of a map that is none', async () => {
  const db = new Database(':memory:');
  await assert.rejects(createScimd({ store: sql(db, {}) }), { name: 'MapError' });
  assert.deepEqual(db.prepare("SELECT name FROM sqlite_master WHERE name LIKE 'scimd%'").all(), []);
});

test('what is no connection is told as such', () => {
  for (const connection of [undefined, null, 'postgres://localhost'])
    assert.throws(() => sql(connection as never, {}), {
      name: 'TypeError',
      message: /^sql: give a Pool of pg/,
    });
});
