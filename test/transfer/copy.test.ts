/** scimd copy: everything of a database, from SQLite to a real PostgreSQL server and back. */
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import Sqlite from 'better-sqlite3';
import pg from 'pg';
import { configuredRegistry } from '../../src/scim/custom-schemas.ts';
import type { Registry } from '../../src/scim/registry.ts';
import { userSchema } from '../../src/scim/standard.ts';
import { type CopiedTable, copiedTables, tablesNotCopied } from '../../src/store/copy.ts';
import { openPostgresStore } from '../../src/store/postgres/index.ts';
import { openSqliteStore } from '../../src/store/sqlite/index.ts';
import type { Store } from '../../src/store/store.ts';
import { type Result, running, scimd, temporaryFolder } from '../cli/scimd.ts';
import { type PostgresServer, startPostgres } from '../postgres-server.ts';
import { badgeSchema, badgeUri } from '../store/registry.ts';
import { actor, add, Setting } from '../store/setting.ts';
import { until } from '../until.ts';

let server: PostgresServer;
before(async () => {
  server = await startPostgres();
});
after(() => server.close());

const folder = temporaryFolder();
const definitions = {
  schemas: [badgeSchema()],
  resourceTypes: [{ name: 'User', schemaExtensions: [{ schema: badgeUri }] }],
};
const registry: Registry = configuredRegistry({
  ...definitions,
  containsIndex: ['userName', 'emails.value'],
});

/** A folder with the configuration, and the address of an empty schema without its password. */
async function newPlace(): Promise<{
  readonly path: (name: string) => string;
  readonly url: string;
  readonly address: string;
  readonly password: string;
  run(...args: readonly string[]): Promise<Result>;
  start(...args: readonly string[]): ReturnType<typeof running>;
}> {
  const url = await server.newDatabase();
  const shown = new URL(url);
  const { password } = shown;
  shown.password = '';
  const here = join(folder, `p${Math.random().toString(36).slice(2)}`);
  mkdirSync(here);
  const path = (name: string): string => join(here, name);
  writeFileSync(path('password'), password);
  writeFileSync(
    path('scim.config.json'),
    JSON.stringify({ ...definitions, containsIndex: ['userName', 'emails.value'] }),
  );
  const place = { folder: here, environment: { SCIMD_DATABASE_PASSWORD_FILE: path('password') } };
  return {
    ...{ path, url, address: shown.href, password },
    run: (...args) => scimd(args, place),
    start: (...args) => running(args, place),
  };
}

async function inPostgres(url: string, sql: string): Promise<unknown[][]> {
  const client = new pg.Client({
    connectionString: server.url,
    options: `-c search_path=${new URL(url).searchParams.get('schema')}`,
  });
  await client.connect();
  try {
    return (await client.query({ text: sql, rowMode: 'array' })).rows;
  } finally {
    await client.end();
  }
}

/** Whatever a running server has beside what the store's units write. */
const besides = `
INSERT INTO set_aside (rid, entries) SELECT max(rid), '[]' FROM resource;
INSERT INTO access_lock SELECT tenant, id, '2026-01-01T00:00:00.000Z', 'he''s \\ gone' FROM resource WHERE type = 1 LIMIT 1;
INSERT INTO guard VALUES (1, NULL, '2026-01-01T00:00:00.000Z', NULL, 'many');
INSERT INTO guard_count VALUES (1, 'left', 29000000, 3);
INSERT INTO client_key VALUES ('t', '{"jwksUri":"https://a.example"}');
INSERT INTO used_assertion VALUES ('k', 1800000000000);
INSERT INTO signing_key VALUES ('k', '{"kty":"OKP"}', '2026-01-01T00:00:00.000Z', '2026-01-01T00:00:00.000Z');
INSERT INTO consumer VALUES (1, 'app', '7', '2026-01-01T00:00:00.000Z', '2026-01-01T00:00:00.000Z');
INSERT INTO endpoint (id, tenant, url, batch, private, secrets, signing_keys, state, created, position)
  VALUES ('e', 1, 'https://app.example', 1, 0, '[]', '[]', 'active', '2026-01-01T00:00:00.000Z', '3');
INSERT INTO delivery VALUES ('e', 'm', 4, 1, '["a"]', 1, 2, 1800000000000, '{"a":"\\u0000"}');
INSERT INTO attempt_batch VALUES (41, 'e', 1, '[["m",4,1,"2026-01-01T00:00:00.000Z",5,500,null,"bad' || char(0) || 'answer",-2]]');
INSERT INTO stream_removed VALUES ('e', 'r', 1, NULL);
INSERT INTO stream_acknowledged VALUES ('e', 'm');
INSERT INTO confirmation VALUES (1, 'consumer', 'app', 7, '2026-01-01T00:00:00.000Z');
INSERT INTO admin_grant VALUES ('g', 'h', 'link', 'admin', NULL, 'ann', NULL, '2026-01-01T00:00:00.000Z', '2026-01-02T00:00:00.000Z', NULL);
INSERT INTO admin_action VALUES (12, '2026-01-01T00:00:00.000Z', 1, 'ann', 'sign-in', NULL, NULL);
`;

/** A database with rows in every table: members that are unknown, deletions, an erasure, a tenant that is no more. */
async function fill(path: string, people = 20): Promise<void> {
  const s = await Setting.open(async (options) => openSqliteStore({ file: path, ...options }), registry);
  const { store } = s;
  const created = await s.createUsers(...Array.from({ length: people }, (_, n) => `persön${n}@example.com`));
  const ids = created.map(({ id }) => id);
  await s.createUser('badge', {
    schemas: [userSchema, badgeUri],
    [badgeUri]: {
      number: 'A1',
      floor: 3,
      issued: '2026-01-02T03:04:05Z',
      color: 'red',
      doors: [{ value: 'x', level: 2 }],
    },
  });
  const inner = await s.createGroup('inner', ids.slice(0, 10));
  const outer = await s.createGroup('outer', [inner.id, 'nobody-known']);
  await s.edit(outer, add(ids[11] as string));
  const [secret] = await store.commit([s.unit({ ...s.newUser('secret'), credential: '$argon2id$hash' })]);
  assert.equal(secret?.outcome, 'done');
  const gone = await s.createUser('gone');
  await store.commit([s.unit({ kind: 'delete', type: s.user, id: gone.id })]);
  const erased = await s.createUser('forgotten', { displayName: 'Somebody' });
  await store.commit([s.unit({ kind: 'erase', type: s.user, id: erased.id })]);
  await store.createToken({ hash: 'ab'.repeat(32), name: 'okta', tenant: 1, idp: 'okta', scope: 'scim' });
  await store.grants.apply([{ kind: 'role', name: 'dev', groups: 'displayName eq "outer"' }], actor);
  const { number } = await store.createTenant('acme');
  s.tenant = number;
  await s.createUser('elsewhere');
  await store.createTenant('shortlived');
  await store.deleteTenant('shortlived');
  await store.forgetTenants(new Date('2100-01-01'));
  await store.close();
  const db = new Sqlite(path);
  db.exec(besides);
  db.close();
}

/** All rows of a file, as texts, by table. */
function contentsOf(path: string): Record<string, string[]> {
  const db = new Sqlite(path);
  const all = copiedTables.map((table) => {
    const rows = db.prepare(`SELECT * FROM ${table}`).all() as Record<string, unknown>[];
    const texts = rows.map((row) => {
      for (const name of ['keys', 'rest'] as const)
        if (typeof row[name] === 'string' && table !== 'client_key')
          row[name] = Object.entries(JSON.parse(row[name] as string) as object).sort();
      return JSON.stringify(row).replaceAll('\\u0000a', '\ufffda');
    });
    return [table, texts.sort()];
  });
  db.close();
  return Object.fromEntries(all) as Record<string, string[]>;
}

function assertSame(one: Record<string, string[]>, other: Record<string, string[]>): void {
  for (const table of copiedTables) assert.deepEqual(one[table], other[table], table);
}

async function stateOf(store: Store): Promise<unknown> {
  const s = await Setting.open(async () => store, registry);
  const heads = [];
  for (const { number, name } of await store.tenants()) {
    const { head, problems } = await store.past.verify({ tenant: number });
    heads.push({ name, head, problems });
  }
  return {
    heads,
    found: await s.find('userName co "SÖN1"'),
    floor: await s.find(`${badgeUri}:floor gt 2`),
    byEmail: await s.find('emails.value co "n7@"'),
    tokens: await store.listTokens(),
    credential: (await s.find('userName eq "secret"')).length,
    consumers: await store.outbox.consumers(1),
    deleted: await store.deletions({ tenant: 1, type: s.user, limit: 10 }),
  };
}

test('every table of both engines is copied, or is known to be made anew', async () => {
  const { url, path } = await newPlace();
  await (await openPostgresStore({ url, registry })).close();
  openSqliteStore({ file: path('a.db'), registry }).close();
  const db = new Sqlite(path('a.db'));
  const ofSqlite = db
    .prepare(
      "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%' AND name NOT LIKE 'trigram_%'",
    )
    .pluck()
    .all() as string[];
  db.close();
  const ofPostgres = (await inPostgres(
    url,
    `SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = current_schema()::regnamespace`,
  )) as [string][];
  const known = new Set<string>([...copiedTables, ...tablesNotCopied]);
  const all = new Set([...ofSqlite, ...ofPostgres.map(([name]) => name)]);
  all.delete('scimd_version');
  assert.deepEqual(
    [...all].filter((name) => !known.has(name)),
    [],
  );
  assert.deepEqual(
    [...known].filter((name) => !all.has(name)),
    [],
  );
});

test('SQLite → PostgreSQL → SQLite: each row, the change record with its chain, what filters find; and both go on', async () => {
  const { path, url, address, password, run } = await newPlace();
  await fill(path('scimd.db'));
  const before = contentsOf(path('scimd.db'));
  for (const table of copiedTables) assert.notEqual(before[table]?.length, 0, `${table} has rows`);
  const there = await run('copy', '--from', 'scimd.db', '--to', address, '--json');
  assert.equal(there.status, 0, there.stderr);
  assert.ok(!`${there.stdout}${there.stderr}`.includes(password));
  const report = JSON.parse(there.stdout) as {
    rows: Record<CopiedTable, number>;
    digest: string;
    later: number;
    chains: { tenant: string; problems: unknown[]; changes: number }[];
  };
  assert.equal(report.digest, 'same');
  assert.equal(report.later, 0);
  assert.deepEqual(
    report.rows,
    Object.fromEntries(copiedTables.map((table) => [table, before[table]?.length])),
  );
  assert.deepEqual(
    report.chains.map(({ tenant, problems }) => [tenant, problems]),
    [
      ['default', []],
      ['acme', []],
    ],
  );

  const sqlite = openSqliteStore({ file: path('scimd.db'), registry });
  const expected = await stateOf(sqlite);
  sqlite.close();
  const postgres = await openPostgresStore({ url, registry });
  assert.deepEqual(await stateOf(postgres), expected);
  await postgres.close();
  assert.match(
    String((await inPostgres(url, "SELECT to_regclass('contains_text_trigrams')"))[0]?.[0]),
    /contains_text_trigrams|null/,
  );

  const back = await run('copy', '--from', address, '--to', 'back.db');
  assert.equal(back.status, 0, back.stderr);
  assert.match(back.stdout, /^back\.db: \d+ resources, .*\nverified: /);
  assert.match(back.stdout, new RegExp(`the chains of ${before.change?.length} changes in \\d+ tenants;`));
  assert.match(back.stdout, /the digest of people is the same/);
  assertSame(contentsOf(path('back.db')), before);
  assert.ok(!existsSync(path('back.db.copying')));

  // Both go on behind the last number, and draw no number twice.
  for (const store of [
    openSqliteStore({ file: path('back.db'), registry }),
    await openPostgresStore({ url, registry }),
  ]) {
    const s = await Setting.open(async () => store, registry);
    const { newest } = await store.changeRange(1);
    await s.createUser('afterwards');
    assert.deepEqual((await store.changeRange(1)).newest, newest + 1);
    assert.deepEqual((await store.past.verify({ tenant: 1 })).problems, []);
    assert.equal((await store.createTenant('next')).number, 4);
    await store.admin.addAction({ actor: 'ann', action: 'sign-in' });
    assert.equal((await store.admin.actions({ limit: 1 }))[0]?.number, 13);
    await store.close();
  }
});

test('a target that is not empty, the same database, another version and an unknown configuration are refused', async () => {
  const { path, url, address, run } = await newPlace();
  await fill(path('scimd.db'), 12);
  const refused = async (pattern: RegExp, ...args: readonly string[]): Promise<void> => {
    const { status, stderr } = await run('copy', ...args);
    assert.notEqual(status, 0);
    assert.match(stderr, pattern);
  };
  await refused(/the same database/, '--from', 'scimd.db', '--to', './scimd.db');
  await refused(/there is no database|does not exist|cannot be opened/, '--from', 'none.db', '--to', address);
  await refused(
    /password.*list of processes/,
    '--from',
    'scimd.db',
    '--to',
    'postgres://u:geheim@127.0.0.1/x',
  );
  writeFileSync(path('other.json'), JSON.stringify({}));
  await refused(
    /a different definition of User/,
    '--from',
    'scimd.db',
    '--to',
    address,
    '--config',
    'other.json',
  );
  assert.deepEqual(
    await inPostgres(url, "SELECT to_regclass('scimd_version')"),
    [[null]],
    'nothing was made',
  );

  writeFileSync(path('notes.db'), 'mine');
  await refused(/notes\.db/, '--from', 'scimd.db', '--to', 'notes.db');
  assert.equal((await run('migrate', '--database', address)).status, 0);
  assert.equal((await run('copy', '--from', 'scimd.db', '--to', address)).status, 0);
  // Once more it finds its own work done; with anything of its own the copy is a database like any other.
  const again = await run('copy', '--from', 'scimd.db', '--to', address);
  assert.equal(again.status, 0, again.stderr);
  assert.match(again.stderr, /is a copy of scimd\.db already/);
  const postgres = await openPostgresStore({ url, registry });
  await (await Setting.open(async () => postgres, registry)).createUser('own');
  await postgres.close();
  await refused(/is not empty/, '--from', 'scimd.db', '--to', address);
  await refused(/is not empty/, '--from', address, '--to', 'scimd.db');
  const alias = address.replace('127.0.0.1', 'localhost');
  await refused(/the same database/, '--from', address, '--to', alias);

  await inPostgres(url, 'INSERT INTO scimd_version (version) VALUES (999)');
  await refused(/version 999/, '--from', address, '--to', 'back.db');
  await inPostgres(url, 'DELETE FROM scimd_version WHERE version = 999');
  const db = new Sqlite(path('scimd.db'));
  const version = Number(db.pragma('user_version', { simple: true }));
  db.pragma(`user_version = ${version - 1}`);
  await refused(/scimd migrate/, '--from', 'scimd.db', '--to', 'older.db');
  db.pragma(`user_version = ${version}`);
  db.exec("INSERT INTO rebuild VALUES (1, '[]', 0, 0, '{}')");
  await refused(/being rebuilt/, '--from', 'scimd.db', '--to', 'older.db');
  db.close();
});

/** Does the file of a copy say how far it has come? */
function hasState(file: string): boolean {
  if (!existsSync(file)) return false;
  const db = new Sqlite(file, { readonly: true });
  try {
    return db.prepare('SELECT 1 FROM scimd_copy').get() !== undefined;
  } catch {
    // The table is not there yet.
    return false;
  } finally {
    db.close();
  }
}

test('killed again and again, it goes on where it was, both ways; what is unfinished is not served', async () => {
  const { path, url, address, run, start } = await newPlace();
  await fill(path('scimd.db'), 1500);
  const before = contentsOf(path('scimd.db'));
  for (const [from, to] of [
    ['scimd.db', address],
    [address, 'back.db'],
  ] as const) {
    /** Is there a copy that has begun, and has not come to its end? */
    const isUnfinished = async (): Promise<boolean> => {
      if (to !== address) return hasState(path('back.db.copying'));
      const [[isThere] = []] = await inPostgres(url, "SELECT to_regclass('scimd_copy') IS NOT NULL");
      return isThere === true && (await inPostgres(url, 'SELECT 1 FROM scimd_copy')).length > 0;
    };
    let [kills, resumed] = [0, 0];
    for (; kills < 4; kills++) {
      const copying = start('copy', '--from', from, '--to', to);
      let isEnded = false;
      const end = copying.end.finally(() => {
        isEnded = true;
      });
      const goesOn = (): boolean => /going on/.test(copying.output.stderr);
      await until('the copy', async () => isEnded || (kills === 0 ? await isUnfinished() : goesOn()));
      // Each is let go on for longer.
      await wait(30 * kills);
      copying.signal('SIGKILL');
      await end;
      if (goesOn()) resumed++;
      // It had come to its end.
      if (!(await isUnfinished())) break;
      if (to === address) {
        const { status, stderr } = await run('token', 'list', '--database', address);
        assert.notEqual(status, 0);
        assert.match(stderr, /has not come to its end/);
      } else assert.ok(!existsSync(path('back.db')));
    }
    assert.ok(kills > 0 && resumed > 0, `${kills} kills, ${resumed} times it went on`);
    const { status, stderr } = await run('copy', '--from', from, '--to', to);
    assert.equal(status, 0, stderr);
  }
  assertSame(contentsOf(path('back.db')), before);
});

test('changes that are made meanwhile are told: the copy is not finished, and begins anew; --live accepts them', async () => {
  const { path, url, address, run } = await newPlace();
  await fill(path('scimd.db'), 50);
  const interrupted = async (): Promise<void> => {
    // As a copy that was killed leaves it: the marker, and rows of another moment.
    const { status } = await run('copy', '--from', 'scimd.db', '--to', address);
    assert.equal(status, 0);
    const state = {
      id: 'x',
      source: 'unknown',
      head: '',
      tables: 9,
      after: null,
      sums: {},
      isVerified: false,
    };
    await inPostgres(url, 'CREATE TABLE scimd_copy (revision BIGINT NOT NULL, state TEXT NOT NULL)');
    await inPostgres(url, `INSERT INTO scimd_copy VALUES (5, '${JSON.stringify(state)}')`);
  };
  await interrupted();
  const other = await run('copy', '--from', 'scimd.db', '--to', address);
  assert.notEqual(other.status, 0);
  assert.match(other.stderr, /is the copy of another database/);
  await inPostgres(
    url,
    `UPDATE scimd_copy SET state = replace(state, '"unknown"', '"' || encode(sha256((SELECT bytes FROM secret)), 'hex') || '"')`,
  );
  const store = openSqliteStore({ file: path('scimd.db'), registry });
  const s = await Setting.open(async () => store, registry);
  await s.createUser('meanwhile');
  store.close();
  const anew = await run('copy', '--from', 'scimd.db', '--to', address);
  assert.equal(anew.status, 0, anew.stderr);
  assert.match(anew.stderr, /begins anew/);
  const postgres = await openPostgresStore({ url, registry });
  const found = await (await Setting.open(async () => postgres, registry)).find('userName eq "meanwhile"');
  assert.equal(found.length, 1);
  await postgres.close();
});

test('a row that is not as it was read is told, and the copy stays unfinished', async () => {
  const { path, url, address, run } = await newPlace();
  await fill(path('scimd.db'), 12);
  // Whoever writes to the target while it is copied to: here a trigger of the database.
  assert.equal((await run('migrate', '--database', address)).status, 0);
  await inPostgres(
    url,
    `CREATE FUNCTION spoil() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.actor := '{"kind":"cli"}'; RETURN NEW; END $$`,
  );
  await inPostgres(url, 'CREATE TRIGGER spoil BEFORE INSERT ON change FOR EACH ROW EXECUTE FUNCTION spoil()');
  const { status, stderr } = await run('copy', '--from', 'scimd.db', '--to', address);
  assert.equal(status, 1);
  assert.match(stderr, /change: other values in \d+ rows/);
  assert.match(stderr, /change 1 of the tenant default is not what was recorded/);
  const served = await run('token', 'list', '--database', address);
  assert.match(served.stderr, /has not come to its end/);
});
