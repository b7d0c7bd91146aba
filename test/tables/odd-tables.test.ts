/** Tables as applications have them: enumerations and domains, names with capitals, keys of other tables, defaults, and rules that a row can break. */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import Database from 'better-sqlite3';
import { drizzle as overSqlite } from 'drizzle-orm/better-sqlite3';
import { CamelCasePlugin, Kysely, ParseJSONResultsPlugin, sql as raw, SqliteDialect } from 'kysely';
import pg from 'pg';
import { drizzle } from '../../src/drizzle.ts';
import { createScimd, members, type Scimd, type SqlConnection, sql, table } from '../../src/index.ts';
import { kysely } from '../../src/kysely.ts';
import { startPostgres } from '../postgres-server.ts';
import { newPool, tablesSql } from './fixture.ts';

const enterprise = 'urn:ietf:params:scim:schemas:extension:enterprise:2.0:User';
const userSchema = 'urn:ietf:params:scim:schemas:core:2.0:User';

const ending: (() => unknown)[] = [];
after(async () => {
  for (const end of ending) await end();
});

/** `{status}`, `{id}` and `{phone}` are types of the application's own in PostgreSQL. */
const statements = `
CREATE TABLE "People" (
  "personId" {key}, "scimId" {id} UNIQUE, "scimVersion" INTEGER NOT NULL DEFAULT 1,
  login TEXT NOT NULL, "loginFolded" TEXT NOT NULL, "idpId" TEXT,
  "firstName" TEXT NOT NULL DEFAULT '-', title TEXT CONSTRAINT short_title CHECK (length(title) <= 20),
  kind TEXT NOT NULL CHECK (kind IN ('staff', 'guest', 'none')), status {status} NOT NULL, email TEXT, phone {phone}, "managerId" {id} REFERENCES "People" ("scimId"),
  "createdAt" BIGINT NOT NULL, "updatedAt" BIGINT NOT NULL, "deletedAt" BIGINT
);
CREATE UNIQUE INDEX people_login ON "People" ("loginFolded") WHERE "deletedAt" IS NULL;
CREATE UNIQUE INDEX people_email ON "People" (email);
CREATE TABLE "Teams" (
  "teamId" {key}, "scimId" {id} UNIQUE, "scimVersion" INTEGER NOT NULL DEFAULT 1, name TEXT NOT NULL, "idpId" TEXT
);
CREATE TABLE "TeamPeople" (
  "teamId" INTEGER NOT NULL REFERENCES "Teams", "personId" INTEGER NOT NULL REFERENCES "People",
  PRIMARY KEY ("teamId", "personId")
);
CREATE INDEX team_people_of ON "TeamPeople" ("personId");
CREATE TABLE "Plans" ("teamId" INTEGER NOT NULL REFERENCES "Teams");
`;

const types = {
  sqlite: [
    ['id', 'TEXT'],
    ['status', "TEXT CHECK (status IN ('on', 'off'))"],
    ['phone', 'TEXT'],
  ],
  server: [
    ['id', 'UUID'],
    ['status', '"personStatus"'],
    ['phone', '"phoneNumber"'],
  ],
} as const;

type Kind = keyof typeof types;

function ddl(kind: Kind): string {
  let text: string = statements;
  for (const [name, type] of types[kind]) text = text.replaceAll(`{${name}}`, type);
  const own = `CREATE TYPE "personStatus" AS ENUM ('on', 'off'); CREATE DOMAIN "phoneNumber" AS VARCHAR(12);`;
  return `${kind === 'server' ? own : ''}${tablesSql(kind, text)}`;
}

const User = table('People', {
  key: { id: 'scimId', version: 'scimVersion' },
  ...{ created: 'createdAt', modified: 'updatedAt' },
  attributes: {
    userName: { column: 'login', folded: 'loginFolded' },
    externalId: 'idpId',
    'name.givenName': 'firstName',
    title: 'title',
    userType: {
      column: 'kind',
      get: (kind) => (kind === 'none' ? undefined : kind),
      set: (type) => type ?? 'none',
      expression: (kind) => `nullif(${kind}, 'none')`,
    },
    active: { column: 'status', get: (at) => at === 'on', set: (on) => (on === false ? 'off' : 'on') },
    'emails[type eq "work"].value': 'email',
    'phoneNumbers[type eq "mobile"].value': 'phone',
    [`${enterprise}:manager.value`]: 'managerId',
  },
  onDelete: { set: { deletedAt: () => new Date() } },
});
const Group = table('Teams', {
  key: { id: 'scimId', version: 'scimVersion' },
  attributes: { displayName: 'name', externalId: 'idpId' },
  members: members('TeamPeople', { group: 'teamId', member: 'personId' }),
});

type Answer = readonly [status: number, body: Record<string, unknown>, headers: Headers];

interface Opened {
  readonly scimd: Scimd;
  readonly connection: SqlConnection;
  run(text: string): Promise<readonly Record<string, unknown>[]>;
  send(method: string, path: string, body?: object): Promise<Answer>;
}

async function sender(scimd: Scimd): Promise<Opened['send']> {
  const { token } = await scimd.createToken({ name: 'test' });
  const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/scim+json' };
  return async (method, path, body) => {
    const sent = { method, headers, ...(body === undefined ? {} : { body: JSON.stringify(body) }) };
    const answer = await scimd.fetch(new Request(`http://app.example/scim/v2${path}`, sent));
    const text = await answer.text();
    return [answer.status, text === '' ? {} : JSON.parse(text), answer.headers];
  };
}

async function open(kind: Kind): Promise<Opened> {
  if (kind === 'sqlite') {
    const connection = new Database(':memory:');
    connection.pragma('foreign_keys = ON');
    connection.exec(ddl(kind));
    const scimd = await createScimd({ store: sql(connection, { User, Group }) });
    ending.push(() => scimd.close());
    const run = async (text: string) => {
      const statement = connection.prepare<[], Record<string, unknown>>(text);
      if (statement.reader) return statement.all();
      statement.run();
      return [];
    };
    return { scimd, connection, run, send: await sender(scimd) };
  }
  const connection = await newPool(ddl(kind));
  const scimd = await createScimd({ store: sql(connection, { User, Group }) });
  ending.push(async () => {
    await scimd.close();
    await connection.end();
  });
  const run = async (text: string) => (await connection.query<Record<string, unknown>>(text)).rows;
  return { scimd, connection, run, send: await sender(scimd) };
}

function refused([given, { detail }]: Answer, status: number, expected: RegExp): void {
  assert.match(String(detail), expected);
  assert.equal(given, status);
}

const user = (userName: string, more: object = {}) => ({ schemas: [userSchema], userName, ...more });
const patch = (...operations: object[]) => ({
  schemas: ['urn:ietf:params:scim:api:messages:2.0:PatchOp'],
  Operations: operations,
});

for (const kind of ['sqlite', 'server'] as const) {
  test(`what breaks a rule of the table is told with the attribute and the rule: ${kind}`, async () => {
    const { scimd, send } = await open(kind);
    const work = (value: string) => ({ emails: [{ value, type: 'work' }] });
    await scimd.users.create({ userName: 'ann', ...work('ann@example.com') });
    const { id } = await scimd.users.create({ userName: 'ben', active: false });
    const change = (...operations: object[]) => send('PATCH', `/Users/${id}`, patch(...operations));
    const emailTaken = /emails\[type eq "work"\]\.value "ann@example\.com" is already in use/;
    refused(await send('POST', '/Users', user('cid', work('ann@example.com'))), 409, emailTaken);
    refused(
      await change({ op: 'add', path: 'emails', value: work('ann@example.com').emails }),
      409,
      emailTaken,
    );
    refused(
      await change({ op: 'replace', path: 'title', value: 'x'.repeat(21) }),
      400,
      /^short_title is refused by the database: a check of the table fails$/,
    );
    const manager = (value: string) =>
      change({ op: 'replace', path: `${enterprise}:manager`, value: { value } });
    refused(
      await manager(randomUUID()),
      400,
      /User:manager\.value is refused by the database: it refers to no row that is there$/,
    );
    if (kind === 'server') {
      refused(await manager('boss'), 400, /User:manager\.value is refused by .*: it is not of its type$/);
      const phone = { value: '0'.repeat(13), type: 'mobile' };
      refused(
        await change({ op: 'add', path: 'phoneNumbers', value: [phone] }),
        400,
        /^phoneNumbers\[type eq "mobile"\]\.value is refused by the database: it is too long$/,
      );
    }
    const found = await scimd.users.list({ filter: 'active eq false and userName sw "b"' });
    assert.deepEqual(
      found.Resources.map((each) => [each.id, each.title, each.emails, each.phoneNumbers]),
      [[id, undefined, undefined, undefined]],
    );
    assert.equal((await scimd.changes()).length, 2);
  });

  test(`an attribute that is taken away leaves the default of its column, as one does that was never given: ${kind}`, async () => {
    const { scimd, run } = await open(kind);
    const { id } = await scimd.users.create({ userName: 'ann' });
    const named = () => run('SELECT "firstName" AS name FROM "People"');
    assert.deepEqual(await named(), [{ name: '-' }]);
    await scimd.users.patch(id, [{ op: 'replace', path: 'name.givenName', value: 'Ann' }]);
    assert.deepEqual(await named(), [{ name: 'Ann' }]);
    await scimd.users.patch(id, [{ op: 'remove', path: 'name.givenName' }]);
    assert.deepEqual(await named(), [{ name: '-' }]);
  });

  test(`who is referred to by rows of the application is not deleted, and it is said why: ${kind}`, async () => {
    const { scimd, run, send } = await open(kind);
    const { id: member } = await scimd.users.create({ userName: 'ann' });
    const { id } = await scimd.groups.create({ displayName: 'Guides', members: [{ value: member }] });
    await run('INSERT INTO "Plans" SELECT "teamId" FROM "Teams"');
    const expected = new RegExp(`^Group ${id} cannot be deleted: rows of other tables refer to it`);
    refused(await send('DELETE', `/Groups/${id}`), 409, expected);
    const { totalResults } = await scimd.groups.list({ filter: `members.value eq "${member}"` });
    assert.equal(totalResults, 1);
    await run('DELETE FROM "Plans"');
    await scimd.groups.delete(id);
    assert.equal((await scimd.changes()).length, 3);
  });
}

for (const kind of ['sqlite', 'server'] as const)
  test(`a constraint that is checked at the commit alone is told, and harms nobody who writes beside: ${kind}`, async () => {
    const { run, send } = await open(kind);
    const deferred = 'DEFERRABLE INITIALLY DEFERRED';
    await run(
      kind === 'sqlite'
        ? `CREATE TABLE "Desks" (login TEXT REFERENCES "Hired" (login) ${deferred})`
        : `CREATE TABLE "Hired" (login TEXT PRIMARY KEY)`,
    );
    await run(
      kind === 'sqlite'
        ? 'CREATE TABLE "Hired" (login TEXT PRIMARY KEY)'
        : `ALTER TABLE "People" ADD CONSTRAINT hired FOREIGN KEY (login) REFERENCES "Hired" ${deferred}`,
    );
    // SQLite adds no constraint to a table that is there.
    if (kind === 'sqlite')
      await run(
        'CREATE TRIGGER desk AFTER INSERT ON "People" BEGIN INSERT INTO "Desks" VALUES (NEW.login); END',
      );
    await run(`INSERT INTO "Hired" VALUES ('ann'), ('cid')`);
    const answers = await Promise.all(
      ['ann', 'ben', 'cid'].map((userName) => send('POST', '/Users', user(userName))),
    );
    assert.deepEqual(
      answers.map(([status]) => status),
      [201, 409, 201],
    );
    const told = kind === 'sqlite' ? 'a deferred constraint' : 'hired';
    refused(
      answers[1] as Answer,
      409,
      new RegExp(`^${told} is refused by the database at the commit: it refers to no row that is there$`),
    );
    assert.deepEqual(await run('SELECT login FROM "People" ORDER BY login'), [
      { login: 'ann' },
      { login: 'cid' },
    ]);
  });

for (const kind of ['sqlite', 'server'] as const)
  test(`who is erased leaves a row that keeps the rules of its table: ${kind}`, async () => {
    const { scimd, run } = await open(kind);
    const name = { givenName: 'Ann' };
    const { id } = await scimd.users.create({ userName: 'ann', name, userType: 'staff', title: 'Guide' });
    await scimd.history.erase({ id });
    assert.deepEqual(
      await run('SELECT login, "loginFolded" AS folded, "firstName" AS name, title, kind FROM "People"'),
      [{ login: 'erased 1', folded: 'erased 1', name: '-', title: null, kind: 'none' }],
    );
  });

test('a UUID is an id in one spelling only, whatever PostgreSQL reads it from', async () => {
  const { scimd, send } = await open('server');
  const { id } = await scimd.users.create({ userName: 'ann' });
  for (const other of [id.toUpperCase(), id.replaceAll('-', ''), `%7B${id}%7D`])
    for (const method of ['GET', 'DELETE'])
      refused(await send(method, `/Users/${other}`), 404, /There is no User/);
  assert.equal((await send('GET', `/Users/${id}`))[0], 200);
});

test('people who are deleted while their group is written do not wait for one another in a circle', async () => {
  const { scimd, connection, run } = await open('server');
  const people = await Promise.all(
    Array.from({ length: 40 }, (_, n) => scimd.users.create({ userName: `u${n}` })),
  );
  const { id } = await scimd.groups.create({
    displayName: 'Guides',
    members: people.map((person) => ({ value: person.id })),
  });
  // Two servers, as an application has them behind a load balancer.
  const second = new pg.Pool((connection as pg.Pool).options);
  const other = await createScimd({ store: sql(second, { User, Group }) });
  const deadlocks = async () =>
    (await run('SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()'))[0]?.deadlocks;
  const before = await deadlocks();
  await Promise.all(
    people.map((person, n) => {
      const { users, groups } = n % 4 < 2 ? scimd : other;
      if (n % 2 === 0) return users.delete(person.id);
      return groups.patch(id, [{ op: 'remove', path: `members[value eq "${person.id}"]` }]);
    }),
  );
  await other.close();
  await second.end();
  assert.equal(await deadlocks(), before);
  assert.deepEqual((await scimd.groups.get(id))?.members ?? [], []);
  assert.deepEqual((await scimd.history.verify()).problems, []);
});

test('a Kysely may have plugins, such as for names in camelCase: hooks have them', async () => {
  const connection = new Database(':memory:');
  connection.exec(ddl('sqlite'));
  const db = new Kysely<{ People: { scimVersion: number } }>({
    dialect: new SqliteDialect({ database: connection }),
    plugins: [new CamelCasePlugin({ maintainNestedObjectKeys: true }), new ParseJSONResultsPlugin()],
  });
  const seen: unknown[] = [];
  const scimd = await createScimd({
    store: kysely(db, { User, Group }),
    async within(transaction) {
      const { rows } = await raw`SELECT "scimVersion" AS scim_version FROM "People"`.execute(transaction);
      seen.push(...rows);
    },
  });
  const { id } = await scimd.users.create({ userName: 'ann' });
  await scimd.groups.create({ displayName: 'Guides', members: [{ value: id }] });
  const found = await scimd.users.list({ filter: 'userName eq "ANN"' });
  assert.equal(found.Resources[0]?.id, id);
  assert.deepEqual(seen[0], { scimVersion: 1 });
  await scimd.close();
  await db.destroy();
});

const isPutOff = ([status, , headers]: Answer) => status === 503 && headers.has('retry-after');

test('while another connection keeps the database locked, a client is asked to come again', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'scimd-locked-'));
  const connection = new Database(join(folder, 'app.db'), { timeout: 20 });
  connection.pragma('journal_mode = WAL');
  connection.exec(ddl('sqlite'));
  const scimd = await createScimd({ store: sql(connection, { User, Group }) });
  const send = await sender(scimd);
  const other = new Database(join(folder, 'app.db'));
  other.exec('BEGIN IMMEDIATE');
  assert.ok(isPutOff(await send('POST', '/Users', user('ann'))));
  other.exec('ROLLBACK');
  assert.equal((await send('POST', '/Users', user('ann')))[0], 201);
  await scimd.close();
  other.close();
  connection.close();
  rmSync(folder, { recursive: true });
});

for (const driver of ['plain SQL', 'Drizzle'])
  test(`a transaction of the application over the same connection is none of scimd's, whose client comes again: ${driver}`, async () => {
    const connection = new Database(':memory:');
    connection.exec(ddl('sqlite'));
    const tables = { User, Group };
    const scimd = await (driver === 'Drizzle'
      ? createScimd({ store: drizzle(overSqlite(connection), tables) })
      : createScimd({ store: sql(connection, tables) }));
    const send = await sender(scimd);
    connection.exec('BEGIN');
    assert.ok(isPutOff(await send('POST', '/Users', user('ann'))));
    assert.ok(connection.inTransaction);
    connection.exec('ROLLBACK');
    assert.equal((await send('POST', '/Users', user('ann')))[0], 201);
    await scimd.close();
  });

test('several processes start at once, on a database without tables of scimd and on one that has them: PostgreSQL', async () => {
  const pool = await newPool(ddl('server'));
  for (let round = 0; round < 2; round++) {
    const started = await Promise.all(
      Array.from({ length: 5 }, () => createScimd({ store: sql(pool, { User, Group }) })),
    );
    assert.deepEqual(await Promise.all(started.map(async (each) => (await each.tenants.list()).length)), [
      ...[1, 1, 1, 1, 1],
    ]);
    for (const each of started) await each.close();
  }
  await pool.end();
});

test('while the database server cannot be reached, a client is asked to come again', async () => {
  const server = await startPostgres();
  const pool = new pg.Pool({ connectionString: await server.newDatabase() });
  pool.on('error', () => {});
  await pool.query(ddl('server'));
  const scimd = await createScimd({ store: sql(pool, { User, Group }) });
  const send = await sender(scimd);
  assert.equal((await send('POST', '/Users', user('ann')))[0], 201);
  await server.stop();
  assert.ok(isPutOff(await send('GET', '/Users')));
  assert.ok(isPutOff(await send('POST', '/Users', user('ben'))));
  await server.start();
  assert.equal((await send('POST', '/Users', user('ben')))[0], 201);
  await scimd.close();
  await pool.end();
  await server.close();
});

test('people are sorted by a boolean that a column has of one value, and rest of the others: PostgreSQL', async () => {
  const pool =
    await newPool(`CREATE TABLE people (id INTEGER GENERATED ALWAYS AS IDENTITY PRIMARY KEY, sid TEXT UNIQUE,
    ver INTEGER NOT NULL DEFAULT 1, login TEXT NOT NULL, folded TEXT UNIQUE, ext TEXT, email TEXT, is_first BOOLEAN, scim JSONB)`);
  const User = table('people', {
    key: { id: 'sid', version: 'ver' },
    attributes: {
      ...{ userName: { column: 'login', folded: 'folded' }, externalId: 'ext' },
      ...{ 'emails[type eq "work"].value': 'email', 'emails[type eq "work"].primary': 'is_first' },
    },
    rest: 'scim',
  });
  const scimd = await createScimd({ store: sql(pool, { User }) });
  for (const [userName, type, primary] of [
    ...([['a', 'home', true] as const, ['b', 'work', false] as const] as const),
    ...([['c', 'home', false] as const, ['d', 'work', true] as const] as const),
  ])
    await scimd.users.create({ userName, emails: [{ value: `${userName}@example.com`, type, primary }] });
  const { Resources } = await scimd.users.list({ sortBy: 'emails.primary' });
  assert.deepEqual(Resources.map((each) => each.userName).join(''), 'bcad');
  await scimd.close();
  await pool.end();
});
