/** The tables of PostgreSQL: migrations like SQLite's, keys with the tenant, one process at a time that makes them. */
import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { after, before, test } from 'node:test';
import pg from 'pg';
import { openPostgresAccess, openPostgresStore, postgresVersion } from '../../src/store/postgres/index.ts';
import { migrations } from '../../src/store/postgres/migrations.ts';
import { migrations as sqliteMigrations } from '../../src/store/sqlite/migrations.ts';
import { type PostgresServer, startPostgres } from '../postgres-server.ts';
import { withoutTenant } from './postgres-tables.ts';
import { badgeSchema, registryWith } from './registry.ts';

let server: PostgresServer;
before(async () => {
  server = await startPostgres();
});
after(() => server.close());

const registry = registryWith(badgeSchema());

async function rowsOf(url: string, sql: string): Promise<unknown[][]> {
  const schema = new URL(url).searchParams.get('schema');
  const client = new pg.Client({ connectionString: server.url, options: `-c search_path=${schema}` });
  await client.connect();
  try {
    return (await client.query({ text: sql, rowMode: 'array' })).rows;
  } finally {
    await client.end();
  }
}

test('every migration of SQLite from 008 on has its counterpart, of the same name: src/store/postgres/migrations', () => {
  const namesIn = (engine: string): string[] =>
    readdirSync(new URL(`../../src/store/${engine}/migrations/`, import.meta.url)).sort();
  assert.deepEqual(
    namesIn('postgres').filter((name) => name !== '007-base.sql'),
    namesIn('sqlite').filter((name) => name > '008'),
  );
  assert.equal(migrations.at(-1)?.version, sqliteMigrations.length);
});

test('every key contains the tenant, so that tables can be distributed by it: as the catalogue has them', async () => {
  const url = await server.newDatabase();
  await (await openPostgresStore({ url, registry })).close();
  const keys = (await rowsOf(
    url,
    `SELECT t.relname, i.relname, array_to_string(ARRAY(
       SELECT a.attname FROM unnest(x.indkey) AS k(n) JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum = k.n), ' ')
     FROM pg_index x JOIN pg_class t ON t.oid = x.indrelid JOIN pg_class i ON i.oid = x.indexrelid
     WHERE x.indisunique AND t.relnamespace = current_schema()::regnamespace ORDER BY 1, 2`,
  )) as [string, string, string][];
  const references = (await rowsOf(
    url,
    `SELECT t.relname, o.relname, array_to_string(ARRAY(
       SELECT a.attname FROM unnest(c.conkey) AS k(n) JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum = k.n), ' ')
     FROM pg_constraint c JOIN pg_class t ON t.oid = c.conrelid JOIN pg_class o ON o.oid = c.confrelid
     WHERE c.contype = 'f' AND c.connamespace = current_schema()::regnamespace ORDER BY 1, 2`,
  )) as [string, string, string][];
  const tables = new Set(keys.map(([table]) => table));
  const all = (await rowsOf(
    url,
    `SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = current_schema()::regnamespace`,
  )) as [string][];
  assert.deepEqual([...tables].sort(), all.map(([name]) => name).sort(), 'every table has a key');
  assert.ok([...withoutTenant].every((name) => tables.has(name)));
  const lacking = [...keys, ...references].filter(
    ([table, , columns]) => !withoutTenant.has(table) && !columns.split(' ').includes('tenant'),
  );
  assert.deepEqual(lacking, []);
});

test('several processes that start at once make the tables once', async () => {
  let url = '';
  // A schema that two make at once is a race that few starts lose.
  for (let round = 0; round < 10; round++) {
    url = await server.newDatabase();
    const stores = await Promise.all(Array.from({ length: 8 }, () => openPostgresStore({ url, registry })));
    for (const store of stores) await store.close();
  }
  const versions = await rowsOf(url, 'SELECT version FROM scimd_version ORDER BY version');
  assert.deepEqual(
    versions.map(([version]) => Number(version)),
    migrations.map(({ version }) => version),
  );
  assert.deepEqual(await rowsOf(url, 'SELECT number, name FROM tenant'), [['1', 'default']]);
});

test('attempts that an earlier release stored one by one are there after the upgrade', async () => {
  const url = await server.newDatabase();
  const before = await openPostgresStore({ url, registry });
  const { id } = await before.outbox.createEndpoint({
    ...{ tenant: 1, url: 'https://one.example.com/', batch: 1, allowPrivate: false },
    ...{ secrets: [], signingKeys: [], position: '0' },
  });
  await before.close();
  const table = migrations.map(({ sql }) => /CREATE TABLE attempt \([^;]*;/.exec(sql)?.[0]).find(Boolean);
  for (const sql of [
    'DROP TABLE attempt_batch',
    table ?? assert.fail(),
    `INSERT INTO attempt VALUES (3, '${id}', 'evt_1', 7, 1, '2026-01-01T00:00:00.000Z', 12, NULL, 'refused', '', NULL)`,
    `INSERT INTO attempt VALUES (8, '${id}', 'evt_1', 7, 2, '2026-01-01T00:00:05.000Z', 9, 500, NULL, 'a "bad" day', -2)`,
    'DELETE FROM scimd_version WHERE version = 17',
  ])
    await rowsOf(url, sql);
  const store = await openPostgresStore({ url, registry });
  const first = { message: 'evt_1', sequence: 7, try: 1, at: '2026-01-01T00:00:00.000Z', milliseconds: 12 };
  const second = { message: 'evt_1', sequence: 7, try: 2, at: '2026-01-01T00:00:05.000Z', milliseconds: 9 };
  assert.deepEqual(await store.outbox.attempts(id, 10), [
    { ...second, status: 500, answer: 'a "bad" day', clockDifference: -2 },
    { ...first, error: 'refused', answer: '' },
  ]);
  await store.close();
});

test('tables of a newer release are refused, and stay as they are', async () => {
  const url = await server.newDatabase();
  await (await openPostgresAccess({ url })).close();
  await rowsOf(url, 'INSERT INTO scimd_version (version) VALUES (999)');
  await assert.rejects(openPostgresStore({ url, registry }), { name: 'StoreError', code: 'newer-database' });
  await assert.rejects(openPostgresAccess({ url }), { code: 'newer-database' });
  assert.equal(await postgresVersion(url), 999);
});

test('tables of another application are refused, and stay as they are', async () => {
  const url = await server.newDatabase();
  const schema = new URL(url).searchParams.get('schema') ?? '';
  await rowsOf(url, `CREATE SCHEMA ${schema}`);
  await rowsOf(url, 'CREATE TABLE resource (name TEXT)');
  await assert.rejects(openPostgresStore({ url, registry }), {
    name: 'StoreError',
    code: 'foreign-database',
  });
  const tables = await rowsOf(
    url,
    `SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = current_schema()::regnamespace`,
  );
  assert.deepEqual(tables, [['resource']]);
});
