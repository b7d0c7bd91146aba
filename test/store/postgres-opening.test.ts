/** The addresses and schemas that a store over PostgreSQL opens, and what it needs of them: over a real server. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { after, before, test } from 'node:test';
import pg from 'pg';
import { configuredRegistry } from '../../src/scim/custom-schemas.ts';
import { standardRegistry } from '../../src/scim/standard.ts';
import { parseAddress } from '../../src/store/postgres/address.ts';
import { openPostgresStore, type PostgresStoreOptions } from '../../src/store/postgres/index.ts';
import type { OpeningNotice } from '../../src/store/store.ts';
import { type PostgresServer, startPostgres } from '../postgres-server.ts';
import { until } from '../until.ts';

let server: PostgresServer;
before(async () => {
  server = await startPostgres();
});
after(() => server.close());

const registry = standardRegistry();

async function opens(url: string, more: Partial<PostgresStoreOptions> = {}): Promise<OpeningNotice[]> {
  const notices: OpeningNotice[] = [];
  const store = await openPostgresStore({
    ...{ url, registry, onNotice: (notice: OpeningNotice) => notices.push(notice) },
    ...more,
  });
  await store.checkReady();
  await store.close();
  return notices;
}

async function asAdmin<Row extends pg.QueryResultRow>(url: string, text: string): Promise<Row[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query<Row>(text)).rows;
  } finally {
    await client.end();
  }
}

async function newDatabase(): Promise<URL> {
  const name = `d${randomBytes(6).toString('hex')}`;
  await asAdmin(server.url, `CREATE DATABASE ${name}`);
  const url = new URL(server.url);
  url.pathname = `/${name}`;
  return url;
}

test('the forms of libpq for a Unix socket, and host and port as parameters', async () => {
  const { password } = new URL(server.url);
  const folder = encodeURIComponent(server.folder);
  for (const address of [
    `postgres://postgres:${password}@/postgres?host=${folder}&port=${server.port}&schema=socket`,
    `postgres://postgres:${password}@:${server.port}/postgres?host=${folder}&schema=socket`,
    `postgres://postgres:${password}@${folder}:${server.port}/postgres?schema=socket`,
    `postgres://postgres:${password}@/postgres?host=127.0.0.1&port=${server.port}&schema=socket`,
  ])
    await opens(address);
});

test('a schema whose name is a word of SQL, or as long as a name may be', async () => {
  for (const schema of ['select', 'user', 'x'.repeat(63)]) await opens(`${server.url}&schema=${schema}`);
});

test('what an address gets wrong is said, without its password', () => {
  for (const [address, pattern] of [
    ['postgres://u:geheim@a.example,b.example/d', /names several hosts/],
    ['postgres://u:geheim@a.example:1,b.example:2/d', /names several hosts/],
    ['postgres://u:geheim@h/d?sslmode=disable&sslmode=require', /sslmode is given twice/],
    ['postgres://u:geheim@h/d?port=0', /port must be a whole number from 1 to 65535/],
    ['postgres://u:geheim@h/d?schema=pg_temp', /the schema pg_temp is PostgreSQL's own/],
    ['postgres://u:geheim@h/d?schema=information_schema', /is PostgreSQL's own/],
    [`postgres://u:geheim@h/d?schema=${'x'.repeat(64)}`, /at most 63/],
    ['postgres://u:geheim@h/d?schema=Caps', /lower-case/],
  ] as const)
    assert.throws(
      () => parseAddress(address, {}),
      ({ message }: Error) => {
        assert.match(message, pattern);
        assert.ok(!message.includes('geheim'));
        return true;
      },
      address,
    );
});

test('a comma in a password is no second host', () => {
  assert.equal(parseAddress('postgres://u:a,b@h.example/d', {}).host, 'h.example');
});

const contains = configuredRegistry({ containsIndex: ['displayName'] });

test('each of two deployments in one database has its index for co, though pg_trgm is in the schema of one', async () => {
  const url = await newDatabase();
  for (const schema of ['one', 'two'])
    assert.deepEqual(await opens(`${url.href}&schema=${schema}`, { registry: contains }), []);
  const indexes = await asAdmin<{ schemaname: string }>(
    url.href,
    "SELECT schemaname FROM pg_indexes WHERE indexname = 'contains_text_trigrams' ORDER BY 1",
  );
  assert.deepEqual(
    indexes.map(({ schemaname }) => schemaname),
    ['one', 'two'],
  );
});

test('an account that may not create pg_trgm is served without the index, and the reason is told', async () => {
  const url = await newDatabase();
  const role = `r${randomBytes(4).toString('hex')}`;
  await asAdmin(
    url.href,
    `CREATE ROLE ${role} LOGIN PASSWORD 'p'; CREATE SCHEMA ${role} AUTHORIZATION ${role}`,
  );
  url.username = role;
  url.password = 'p';
  const notices = await opens(`${url.href}&schema=${role}`, { registry: contains });
  assert.equal(notices.length, 1);
  const [notice] = notices;
  assert.ok(notice?.kind === 'no-contains-index');
  assert.match(notice.reason, /permission denied/);
});

test('the deletion of a tenant takes as long as it takes, whatever one statement of others may', async () => {
  const url = new URL(await server.newDatabase());
  const schema = url.searchParams.get('schema');
  const store = await openPostgresStore({ url: url.href, registry, statementMilliseconds: 300 });
  try {
    const { number } = (await store.createTenant('large')) ?? assert.fail();
    await asAdmin(
      server.url,
      `INSERT INTO ${schema}.resource (rid, tenant, type, id, created, modified, version)
SELECT n, ${number}, 1, 'id' || n, '', '', 1 FROM generate_series(1, 10) n;
CREATE FUNCTION ${schema}.slowly() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(0.1); RETURN OLD; END';
CREATE TRIGGER slow BEFORE DELETE ON ${schema}.resource FOR EACH ROW EXECUTE FUNCTION ${schema}.slowly()`,
    );
    assert.equal(await store.deleteTenant('large'), true);
    const left = await asAdmin(server.url, `SELECT 1 FROM ${schema}.resource WHERE tenant = ${number}`);
    assert.equal(left.length, 0);
  } finally {
    await store.close();
  }
});

test('after the first two hundred resources PostgreSQL plans by what is there, also without its autovacuum', async (t) => {
  const own = await startPostgres({ autovacuum: 'off' });
  t.after(() => own.close());
  const url = new URL(await own.newDatabase());
  const schema = url.searchParams.get('schema');
  const store = await openPostgresStore({ url: url.href, registry });
  t.after(() => store.close());
  const known = async () =>
    asAdmin<{ relname: string }>(
      own.url,
      `SELECT relname FROM pg_class WHERE relnamespace = '${schema}'::regnamespace AND relname = 'element' AND reltuples >= 200`,
    );
  const [type] = registry.resourceTypes;
  const create = (from: number, to: number) =>
    store.commit(
      Array.from({ length: to - from }, (_, n) => ({
        tenant: 1,
        context: { actor: { kind: 'system' } },
        commands: [
          {
            kind: 'create',
            type: type ?? assert.fail(),
            document: {
              userName: `u${from + n}`,
              emails: [{ value: `u${from + n}@example.com`, type: 'work' }],
            },
          },
        ],
      })),
    );
  await create(0, 199);
  assert.equal((await known()).length, 0);
  await create(199, 250);
  await until('statistics', async () => (await known()).length > 0);
});
