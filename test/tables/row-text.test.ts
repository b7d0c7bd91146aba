/** Rows of own tables as JSON text: what is shown is the document that changes and the feed read, to the character. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type Database from 'better-sqlite3';
import fc from 'fast-check';
import { sql } from '../../src/index.ts';
import { StoreError } from '../../src/store/store-error.ts';
import { compileMaps } from '../../src/store/tables/compile.ts';
import { carryOut, type SqlRow } from '../../src/store/tables/database.ts';
import { Memberships } from '../../src/store/tables/memberships.ts';
import { rowWriter } from '../../src/store/tables/row-text.ts';
import { badgeSchema, badgeUri, registryWith } from '../store/registry.ts';
import { maps, openDatabase } from './fixture.ts';

const enterprise = 'urn:ietf:params:scim:schemas:extension:enterprise:2.0:User';
const id = '01900000-0000-7000-8000-000000000001';

async function people() {
  const { connection } = await openDatabase('sqlite');
  const registry = registryWith(badgeSchema());
  const { database, tables } = sql(connection as Database.Database, maps(registry));
  const types = await compileMaps(
    database,
    registry,
    ['User', 'Group'],
    tables,
    new Memberships('sqlite'),
    (steps) => carryOut(steps, database, database.run),
  );
  const user = [...types.values()].find(({ type }) => type.name === 'User');
  assert.ok(user !== undefined);
  const { table, documents } = user;
  const write = rowWriter(table);
  /** A row with these values in columns, by the paths of the map. */
  const rowOf = (values: Readonly<Record<string, unknown>>, rest: string | null): SqlRow => ({
    rest,
    ...Object.fromEntries(
      table.columns.map((column, index) => [
        `c${index}`,
        values[table.fields.find((field) => field.column === column)?.path ?? ''] ?? null,
      ]),
    ),
  });
  const document = (row: SqlRow) => JSON.stringify(documents.fromRow(row, id));
  return {
    rowOf,
    document,
    write: (row: SqlRow) => {
      const open = write(row, id);
      return open === undefined ? undefined : `${open}}`;
    },
    shown: (row: SqlRow) => `${documents.openTextOf(row, id)}}`,
  };
}

/** Mostly what needs no escape. */
const text = fc.oneof(
  { weight: 120, arbitrary: fc.constantFrom('', 'ann', 'Ärger', '🦆', ',scimd:keys:{', '}{', '\u2028', '7') },
  { weight: 1, arbitrary: fc.constantFrom('say "}{', 'a\\b', 'line\nbreak', ',"scimd:keys":{') },
  { weight: 1, arbitrary: fc.string({ unit: 'binary', maxLength: 12 }) },
);
const number = fc.oneof(
  { weight: 60, arbitrary: fc.integer() },
  { weight: 1, arbitrary: fc.oneof(fc.double(), fc.constant(-0)) },
);
const columns = fc.record(
  Object.fromEntries(
    [
      ...['userName', 'externalId', 'displayName', 'name.givenName', 'emails[type eq "work"].value'],
      ...['active', `${enterprise}:manager.value`, `${badgeUri}:number`],
    ].map((path) => [path, fc.option(text)]),
  ),
);
const kept = fc.record(
  {
    title: text,
    nickName: fc.oneof(text, number, fc.constant(null)),
    name: fc.oneof(
      fc.record({ familyName: text, givenName: text, other: text }, { requiredKeys: [] }),
      text,
      fc.constant(null),
    ),
    emails: fc.oneof(
      fc.array(fc.record({ value: text, type: text, primary: fc.boolean() }, { requiredKeys: [] })),
      text,
    ),
    phoneNumbers: fc.array(fc.record({ value: text })),
    [enterprise]: fc.oneof(
      fc.record(
        {
          employeeNumber: text,
          manager: fc.record({ displayName: text }),
          more: fc.oneof({ weight: 30, arbitrary: text }, { weight: 1, arbitrary: fc.jsonValue() }),
        },
        { requiredKeys: [] },
      ),
      fc.constant(null),
    ),
    [badgeUri]: fc.record(
      { floor: fc.integer(), doors: fc.array(fc.record({ level: fc.integer() })) },
      { requiredKeys: [] },
    ),
    'scimd:columns': fc.constantFrom(
      ...Array.from({ length: 8 }, () => undefined),
      { userName: { value: 'Ann' } },
      { 'emails[type eq work]': { display: 'x' } },
    ),
    'scimd:keys': fc.dictionary(fc.constantFrom('title', 'nickname', 'b'), text),
    schemas: fc.constant(['urn:example:other']),
    id: text,
    '1': text,
    'of nobody': fc.oneof({ weight: 30, arbitrary: text }, { weight: 1, arbitrary: fc.jsonValue() }),
    constructor: text,
    toJSON: text,
  },
  { requiredKeys: [] },
);

test('a row is shown as its document is, whatever its columns and rest have', async () => {
  const { rowOf, document, write, shown } = await people();
  let written = 0;
  fc.assert(
    fc.property(
      columns,
      kept,
      fc.constantFrom(...Array.from({ length: 9 }, () => undefined), 1),
      (values, rest, indent) => {
        const row = rowOf(values, JSON.stringify(rest, undefined, indent));
        const expected = document(row);
        const own = write(row);
        if (own !== undefined) written++;
        // Members whose names are numbers stand first in objects, and where they stood in text.
        if ('1' in rest) assert.deepEqual(JSON.parse(shown(row)), JSON.parse(expected));
        else assert.equal(shown(row), expected);
      },
    ),
    { numRuns: 3000 },
  );
  assert.ok(written > 300, `most were to be written from text, and ${written} were`);
});

test('what scimd writes into rest is shown from its text, and anything else is read', async () => {
  const { rowOf, write, document, shown } = await people();
  const values = { userName: 'ann', 'name.givenName': 'Ann' };
  const plain =
    '{"title":"x","name":{"familyName":"Lee"},"emails":[{"value":"a@b"}],"scimd:keys":{"title":"x"}}';
  for (const rest of [plain, '{}', null]) {
    const row = rowOf(values, rest);
    assert.equal(write(row), document(row), String(rest));
  }
  for (const rest of [
    ...['{"title": "x"}', '{"title":"\\u0061"}', '{"title":1.50}', '{"title":1e3}', '{"title":-0}'],
    ...[
      '{"a":1}\n',
      `{"a":${'['.repeat(20)}${']'.repeat(20)}}`,
      '{"scimd:columns":{"userName":{"value":"Ann"}}}',
    ],
    ...['[]', '"text"', '7', '{"nickName":12345678901234567}'],
  ]) {
    const row = rowOf(values, rest);
    assert.equal(write(row), undefined, rest);
    assert.equal(shown(row), document(row), rest);
  }
});

test('a rest that is no JSON is an error, and is not passed on', async () => {
  const { rowOf, shown } = await people();
  for (const rest of [
    ...[
      '',
      '{',
      '{"title":"x"',
      '{"title":tru}',
      '{"title":"x",}',
      '{,}',
      '{"title"}',
      '{"title":}',
      '{"title":01}',
    ],
    ...[
      '{"title":"x"}}',
      '{"title":"x"}{',
      '{title:1}',
      '{"title":[1,]}',
      '{"title":-}',
      '{"title":"x}',
      '{"title":"x""}',
    ],
    ...[
      '{"name":{"familyName":nul}}',
      '{"emails":[{"value":"a"]}',
      '{"title":"a\u0001"}',
      '{"scimd:keys":{"title":}}',
    ],
  ])
    assert.throws(
      () => shown(rowOf({ userName: 'ann' }, rest)),
      (error) => error instanceof StoreError && error.cause instanceof SyntaxError,
      rest,
    );
});
