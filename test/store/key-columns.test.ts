/** The step to columns of their own for texts and numbers, from a file that had one column for both. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import Sqlite, { type Database } from 'better-sqlite3';
import type { SchemaDefinition } from '../../src/scim/definitions.ts';
import { openSqliteStore } from '../../src/store/sqlite/index.ts';
import { migrations } from '../../src/store/sqlite/migrations.ts';
import { registryWith } from './registry.ts';
import { Setting } from './setting.ts';

const folder = mkdtempSync(join(tmpdir(), 'scimd-columns-'));
after(() => rmSync(folder, { recursive: true }));

const uri = 'urn:example:params:scim:schemas:keys:1.0:User';
const usual = { name: 'floor', type: 'integer', indexed: true } as const;
/** Sub-attributes that are called as others mostly are, and are something else. */
const unusual = {
  name: 'shelves',
  type: 'complex',
  multiValued: true,
  indexed: true,
  subAttributes: [
    { name: 'value', type: 'decimal' },
    { name: 'type', type: 'integer' },
    { name: 'primary', type: 'string' },
  ],
} as const;
const unique = { name: 'serial', type: 'decimal', uniqueness: 'server' } as const;

const schema: SchemaDefinition = {
  id: uri,
  attributes: [
    usual,
    { name: 'ratings', type: 'decimal', multiValued: true, indexed: true },
    { name: 'badge', type: 'string', uniqueness: 'server' },
    unusual,
    unique,
  ],
};
const registry = registryWith(schema);

const step = migrations.find((sql) => sql.includes('element_number')) ?? assert.fail();
const tables = ['element', 'unique_value'] as const;

function rowsOf(db: Database): unknown[] {
  return tables.map((table) => db.prepare(`SELECT * FROM ${table} ORDER BY 1, 2, 3`).all());
}

/**
 * Brings the file back to what the release before the step wrote, keys in columns of any type as the driver bound them,
 * and takes the step again. Answers the rows as they were.
 */
function takeStepAgain(file: string): unknown[] {
  const db = new Sqlite(file);
  const rows = rowsOf(db);
  const [first = ''] = migrations;
  for (const table of tables) {
    db.exec(`ALTER TABLE ${table} RENAME TO ${table}_now`);
    db.exec(new RegExp(`CREATE TABLE ${table} \\([^;]*;`).exec(first)?.[0] ?? assert.fail());
  }
  db.exec(`
    INSERT INTO element SELECT rid, attribute, ordinal, tenant,
      coalesce(value, number),
      coalesce(type, CAST(rest ->> '$.type' AS REAL)),
      display,
      coalesce(CAST("primary" AS REAL), rest ->> '$.primary'),
      CASE WHEN rest ->> '$.type' IS NULL THEN rest END FROM element_now;
    INSERT INTO unique_value SELECT tenant, attribute,
      CASE WHEN key GLOB '[0-9]*' THEN CAST(key AS REAL) ELSE key END, rid FROM unique_value_now;
    DROP TABLE element_now; DROP TABLE unique_value_now;
    CREATE INDEX element_value ON element (tenant, attribute, value, type, "primary");
    CREATE INDEX unique_value_owner ON unique_value (rid);
  `);
  const layouts = db.prepare<[], [number, string]>('SELECT number, layout FROM resource_type').raw().all();
  for (const [number, layout] of layouts) {
    const [[version, uniqueness], forms, locations, ...rest] = JSON.parse(layout);
    const before = [
      [version, uniqueness.map(([path, type, exact]: [string, string, number]) => [path, type, exact & 1])],
      forms,
      locations.map((location: unknown[]) => location.slice(0, 2)),
      ...rest,
    ];
    db.prepare('UPDATE resource_type SET layout = ? WHERE number = ?').run(JSON.stringify(before), number);
  }
  db.exec(step);
  db.close();
  return rows;
}

const open = (file: string, of = registry) =>
  Setting.open(async (options) => openSqliteStore({ file, ...options }), of);

for (const [name, attributes] of [
  ['all of them', schema.attributes],
  [
    'without those that are built anew',
    schema.attributes.filter((each) => each !== unusual && each !== unique),
  ],
] as const)
  test(`every key is where it would have been written today: ${name}`, async () => {
    const file = join(folder, `${name}.db`);
    const of = registryWith({ id: uri, attributes });
    const first = await open(file, of);
    for (let index = 0; index < 20; index++)
      await first.createUser(`u${index}`, {
        [uri]: {
          floor: index - 3,
          ratings: [index / 4, 1e21, 0.1 + index],
          badge: `b${index}`,
          ...(attributes.includes(unusual)
            ? { shelves: [{ value: index + 0.5, type: index, primary: 'yes' }], serial: 0.1 * index }
            : {}),
        },
      });
    await first.store.close();
    const expected = takeStepAgain(file);
    const s = await open(file, of);
    const db = new Sqlite(file, { readonly: true });
    assert.deepEqual(rowsOf(db), expected);
    assert.deepEqual(db.pragma('integrity_check'), [{ integrity_check: 'ok' }]);
    assert.deepEqual(db.pragma('foreign_key_check'), []);
    db.close();
    const found = async (filter: string) => (await s.find(filter)).length;
    assert.equal(await found(`${uri}:floor gt 10`), 6);
    assert.equal(await found(`${uri}:ratings eq 1e21`), 20);
    assert.equal(await found(`${uri}:ratings eq 0.1`), 1);
    assert.equal(await found('emails[type eq "work" and primary eq true]'), 20);
    await assert.rejects(s.createUser('again', { [uri]: { badge: 'b3' } }), /"taken".*:badge","value":"b3"/);
    if (attributes.includes(unusual)) {
      assert.equal(await found(`${uri}:shelves[value eq 4.5 and type eq 4 and primary eq "YES"]`), 1);
      await assert.rejects(s.createUser('again', { [uri]: { serial: 0.1 * 7 } }), /"taken".*:serial"/);
    }
    await s.store.close();
  });
