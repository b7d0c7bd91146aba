import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { PGlite } from '@electric-sql/pglite';
import Database from 'better-sqlite3';
import fc from 'fast-check';
import { eq, type Filter, ge, gt, le, lt, ne, not, pr, stringify, valuePath } from '../../grammar/index.ts';
import {
  comparisonKeys,
  compileMatcher,
  compileSql,
  type Dialect,
  type Place,
  postgres,
  resourceTypeOf,
  sqlite,
} from '../../src/filter.ts';
import { number } from './generated.ts';
import { staffSchemas, staffUri } from './staff.ts';

/** `SCIMD_SEED=… SCIMD_RUNS=…` repeat or prolong a run. */
const seed = Number(process.env.SCIMD_SEED ?? Date.now() % 2 ** 31);
const runs = Number(process.env.SCIMD_RUNS ?? 100);

const schemas = staffSchemas;
const type = resourceTypeOf(schemas);

/** A number of JSON: the same double can be written in several ways (RFC 8259 §6). */
interface Written {
  readonly value: number;
  readonly text: string;
}

function spellings(value: number): string[] {
  const all = [JSON.stringify(value), value.toExponential(), `${value.toExponential()}`.replace('e+', 'E')];
  if (Number.isInteger(value) && Math.abs(value) < 1e30) all.push(String(BigInt(value)));
  if (Object.is(value, -0)) all.push('-0', '-0.0');
  return all;
}

const written: fc.Arbitrary<Written> = number.chain((value) =>
  fc.constantFrom(...spellings(value)).map((text) => ({ value, text })),
);

interface Person {
  readonly id: string;
  readonly rating: Written | null;
  readonly shifts: readonly Written[];
  readonly sizes: readonly Written[];
}

const people: fc.Arbitrary<readonly Person[]> = fc
  .array(
    fc.record({
      rating: fc.option(written),
      shifts: fc.array(written, { maxLength: 3 }),
      sizes: fc.array(written, { maxLength: 3 }),
    }),
    { minLength: 10, maxLength: 20 },
  )
  .map((list) => list.map((person, index) => ({ id: `p${String(index).padStart(2, '0')}`, ...person })));

/** The person as a client wrote it. */
function text({ id, rating, shifts, sizes }: Person): string {
  const members = [
    ...(rating === null ? [] : [`"rating":${rating.text}`]),
    `"shifts":[${shifts.map((shift) => shift.text).join(',')}]`,
    `"lockers":[${sizes.map((size) => `{"number":"x","size":${size.text}}`).join(',')}]`,
  ];
  return `{"id":"${id}","${staffUri}":{${members.join(',')}}}`;
}

const ratingPath = `${staffUri}:rating`;
const shiftsPath = `${staffUri}:shifts`;
const lockersPath = `${staffUri}:lockers`;

/** Every kind of place that can hold a number. */
const places: Readonly<Record<string, (path: string) => Place | undefined>> = {
  'columns and tables': (path) => {
    if (path === ratingPath) return { column: 'rating' };
    if (path === shiftsPath) return { table: 'shift', key: 'person', columns: { value: { column: 'size' } } };
    return { table: 'locker', key: 'person', columns: { size: { column: 'size' } } };
  },
  'a document of keys': () => ({ keys: 'keys' }),
  'the JSON that a client wrote': () => ({ json: 'resource', folded: true }),
};

let lite: Database.Database;
let pg: PGlite;
before(async () => {
  const tables = `
    CREATE TABLE person (id TEXT PRIMARY KEY, rating NUMBER, keys JSON, resource JSON);
    CREATE TABLE shift (person TEXT NOT NULL, size NUMBER);
    CREATE TABLE locker (person TEXT NOT NULL, size NUMBER);
  `;
  lite = new Database(':memory:');
  lite.exec(tables.replaceAll('NUMBER', 'REAL').replaceAll('JSON', 'TEXT'));
  pg = new PGlite();
  await pg.exec(tables.replaceAll('NUMBER', 'DOUBLE PRECISION').replaceAll('JSON', 'JSONB'));
});
after(async () => {
  lite.close();
  await pg.close();
});

async function insert(table: string, ...row: readonly (string | number | null)[]): Promise<void> {
  lite.prepare(`INSERT INTO ${table} VALUES (${row.map(() => '?').join(', ')})`).run(...row);
  await pg.query(`INSERT INTO ${table} VALUES (${row.map((_, index) => `$${index + 1}`).join(', ')})`, [
    ...row,
  ]);
}

async function load(crowd: readonly Person[]): Promise<void> {
  const clear = 'DELETE FROM person; DELETE FROM shift; DELETE FROM locker';
  lite.exec(clear);
  await pg.exec(clear);
  for (const person of crowd) {
    const keys = JSON.stringify(comparisonKeys(JSON.parse(text(person)), type));
    await insert('person', person.id, person.rating?.value ?? null, keys, text(person));
    for (const { value } of person.shifts) await insert('shift', person.id, value);
    for (const { value } of person.sizes) await insert('locker', person.id, value);
  }
}

async function select(filter: string, place: (path: string) => Place | undefined, dialect: Dialect) {
  const { sql, parameters } = compileSql(filter, { schemas, dialect, resolve: place, key: 'person.id' });
  const statement = `SELECT id FROM person WHERE ${sql} ORDER BY id`;
  if (dialect === sqlite)
    return lite
      .prepare<unknown[], string>(statement)
      .pluck()
      .all(...parameters);
  return (await pg.query<{ id: string }>(statement, [...parameters])).rows.map(({ id }) => id);
}

const comparisons = [eq, ne, gt, ge, lt, le];
const literals = (crowd: readonly Person[]) =>
  fc.oneof(
    number,
    fc.constantFrom(
      0,
      ...crowd.flatMap(({ rating, shifts, sizes }) =>
        [...(rating === null ? [] : [rating]), ...shifts, ...sizes].map(({ value }) => value),
      ),
    ),
  );

/** The numbers that are asked for are mostly those that there are, or the next ones. */
function filters(crowd: readonly Person[]): fc.Arbitrary<Filter> {
  const compared = (path: string) =>
    fc.tuple(fc.constantFrom(...comparisons), literals(crowd)).map(([make, value]) => make(path, value));
  const filter = fc.oneof(
    compared(ratingPath),
    compared(shiftsPath),
    compared(`${lockersPath}.size`),
    compared('size').map((inner) => valuePath(lockersPath, inner)),
    compared('value').map((inner) => valuePath(shiftsPath, not(inner))),
    fc.constantFrom(pr(ratingPath), pr(shiftsPath)),
  );
  return fc.oneof(filter, filter.map(not));
}

for (let round = 0; round < 3; round++)
  test(`numbers compare as doubles in matcher, SQLite and PostgreSQL, wherever they are kept (seed ${seed + round})`, async () => {
    const [crowd] = fc.sample(people, { seed: seed + round, numRuns: 1 });
    await load(crowd!);
    const resources = crowd!.map((person) => JSON.parse(text(person)) as { id: string });
    const agrees = async (filter: Filter) => {
      const asked = stringify(filter);
      const matches = compileMatcher(asked, { schemas });
      const expected = resources.filter((resource) => matches(resource)).map(({ id }) => id);
      for (const [name, place] of Object.entries(places))
        for (const dialect of [sqlite, postgres])
          assert.deepEqual(
            await select(asked, place, dialect),
            expected,
            `${dialect.name} over ${name} on ${asked}`,
          );
    };
    await fc.assert(fc.asyncProperty(filters(crowd!), agrees), { seed: seed + round, numRuns: runs });
  });

test('a number beyond 2^53 is found by the digits that JSON.stringify writes, in keys and in JSON', async () => {
  const value = 1234567890123456800;
  const same = { value, text: '1234567890123456768' };
  await load([{ id: 'p', rating: { value, text: String(value) }, shifts: [same], sizes: [same] }]);
  for (const place of Object.values(places))
    for (const dialect of [sqlite, postgres])
      for (const filter of [
        `${ratingPath} eq 1234567890123456800`,
        `${ratingPath} le 1234567890123456768`,
        `${shiftsPath} eq 1234567890123456800`,
        `${lockersPath}[size eq 1234567890123456768]`,
        `not (${ratingPath} gt 1.2345678901234568e18)`,
      ])
        assert.deepEqual(await select(filter, place, dialect), ['p'], `${dialect.name}: ${filter}`);
});
