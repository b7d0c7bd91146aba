import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { co, eq, ew, type Filter, parseFilter, stringify, sw } from '../../grammar/index.ts';
import { bindFilter } from '../../src/query/bind.ts';
import { keyStorage } from '../../src/query/keys.ts';
import { postgres } from '../../src/query/postgres.ts';
import { compilePlan } from '../../src/query/sql.ts';
import { sqlite } from '../../src/query/sqlite.ts';
import type { StorageMap } from '../../src/query/storage.ts';
import { resourceTypeOf } from '../../src/scim/registry.ts';
import { type Engines, openEngines } from './engines.ts';
import { staff, staffType } from './staff.ts';

const hostile = [
  "'",
  "''",
  "' OR '1'='1",
  "'; DROP TABLE person; --",
  '"',
  '$1',
  '?',
  '\\',
  "\\'",
  '%',
  '/*',
  '$' + '{id}',
  '$."keys"',
  '") OR TRUE --',
  "x' UNION SELECT id FROM person --",
];

let engines: Engines;
before(async () => {
  engines = await openEngines(staffType);
  await engines.load([
    ...staff,
    ...hostile.map((text, index) => ({ id: `h${index}`, nickName: text, emails: [{ value: text }] })),
  ]);
});
after(() => engines.close());

const map: StorageMap = { key: 'id', resolve: (attribute) => keyStorage('keys', attribute) };

describe('a value never becomes SQL text', () => {
  for (const [index, text] of hostile.entries()) {
    test(JSON.stringify(text), async () => {
      for (const make of [eq, sw, ew, co]) {
        for (const path of ['nickName', 'emails.value']) {
          const filter: Filter = parseFilter(stringify(make(path, text)));
          const plan = bindFilter(filter, staffType);
          const found = Object.entries(await engines.select(plan));
          for (const [engine, ids] of found) assert.ok(ids.includes(`h${index}`), engine);
          assert.equal(new Set(found.map(([, ids]) => ids.join())).size, 1);
          for (const dialect of [sqlite, postgres]) {
            const other = compilePlan(bindFilter(make(path, 'harmless'), staffType), map, dialect);
            assert.equal(compilePlan(plan, map, dialect).sql, other.sql);
          }
        }
      }
    });
  }
});

test('the name of an attribute reaches SQL in the spelling of the schema only', () => {
  const plan = bindFilter(parseFilter('NICKNAME eq "x"'), staffType);
  assert.equal(compilePlan(plan, map, sqlite).sql, `json_extract(keys, '$."nickname"') = ?`);
});

test('a schema’s own odd names are quoted, or refused where the database cannot quote them', () => {
  const odd = resourceTypeOf([{ id: 'urn:x', attributes: [{ name: `o'"x`, type: 'integer' }] }]);
  const plan = bindFilter(
    { ...eq('x', 1), attrPath: { type: 'attrPath', name: `o'"x`, range: [0, 0] } },
    odd,
  );
  assert.match(compilePlan(plan, map, postgres).sql, /keys -> 'o''"x'/);
  assert.throws(() => compilePlan(plan, map, sqlite), /cannot read the JSON member/);
});

test('a thousand conditions in a row stay within SQLite’s expression depth', async () => {
  for (const operator of [' or ', ' and ']) {
    const text = Array.from({ length: 4000 }, (_, index) => `nickName ne "n${index}"`).join(operator);
    const filter = parseFilter(text, { limits: { characters: Infinity, terms: Infinity } });
    const { sql, parameters } = compilePlan(bindFilter(filter, staffType), map, sqlite);
    const found = await engines.run(sqlite, `SELECT id FROM person WHERE ${sql}`, parameters);
    assert.equal(found.length, staff.length + hostile.length);
  }
});

test('brackets nested as deep as the limits allow reach both databases', async () => {
  const text = `${'not ('.repeat(255)}userName eq "bob"${')'.repeat(255)}`;
  const filter = parseFilter(text, { limits: { depth: 256 } });
  const found = await engines.select(bindFilter(filter, staffType));
  for (const [engine, ids] of Object.entries(found))
    assert.equal(ids.length, staff.length + hostile.length - 1, engine);
  const zigzag = `${'(active eq true and (title pr or '.repeat(120)}userName eq "bob"${'))'.repeat(120)}`;
  const deep = parseFilter(zigzag, { limits: { depth: 256, terms: 1000 } });
  for (const ids of Object.values(await engines.select(bindFilter(deep, staffType))))
    assert.deepEqual(ids, ['ada']);
});
