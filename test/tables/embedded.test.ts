/** SCIM on an application's own tables as its developer has it: hooks, links, handlers, query builders, and what a start refuses. */
import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { DatabaseSync } from 'node:sqlite';
import { after, test } from 'node:test';
import { PGlite } from '@electric-sql/pglite';
import Database from 'better-sqlite3';
import { drizzle as drizzleSqlite } from 'drizzle-orm/better-sqlite3';
import { pgTable, text as pgText, timestamp } from 'drizzle-orm/pg-core';
import { drizzle as drizzlePostgres } from 'drizzle-orm/pglite';
import { integer, sqliteTable, text } from 'drizzle-orm/sqlite-core';
import express from 'express';
import { Kysely, SqliteDialect } from 'kysely';
import type { Pool } from 'pg';
import { drizzle } from '../../src/drizzle.ts';
import { createScimd, MapError, members, type Scimd, ScimError, sql, table } from '../../src/index.ts';
import { kysely } from '../../src/kysely.ts';
import { maps, openDatabase } from './fixture.ts';

const userSchema = 'urn:ietf:params:scim:schemas:core:2.0:User';
const open: Scimd[] = [];
after(async () => {
  for (const scimd of open) await scimd.close();
});

function kept(scimd: Scimd): Scimd {
  open.push(scimd);
  return scimd;
}

async function send(
  scimd: Pick<Scimd, 'fetch'>,
  token: string,
  method: string,
  path: string,
  body?: unknown,
): Promise<{ readonly status: number; readonly json: Record<string, unknown> }> {
  const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/scim+json' };
  const answer = await scimd.fetch(
    new Request(`http://app.example/scim/v2${path}`, {
      ...{ method, headers },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    }),
  );
  const content = await answer.text();
  return { status: answer.status, json: content === '' ? {} : JSON.parse(content) };
}

const person = (userName: string, more: object = {}) => ({ schemas: [userSchema], userName, ...more });

test('an application with its own users calls the same use cases without tokens and HTTP', async () => {
  const { connection, run } = await openDatabase('sqlite');
  const scimd = kept(await createScimd({ store: sql(connection, maps()) }));
  const made = await scimd.users.create({
    userName: 'bjensen',
    name: { givenName: 'Barbara' },
    title: 'Guide',
  });
  assert.deepEqual(
    await run('SELECT org, login, login_folded, first_name, scim_id, scim_version FROM users'),
    [
      {
        org: 'default',
        login: 'bjensen',
        login_folded: 'bjensen',
        first_name: 'Barbara',
        scim_id: made.id,
        scim_version: 1,
      },
    ],
  );
  const patched = await scimd.users.patch(made.id, [
    { op: 'replace', path: 'name.givenName', value: 'Babs' },
  ]);
  assert.deepEqual(patched.name, { givenName: 'Babs' });
  const group = await scimd.groups.create({ displayName: 'Guides', members: [{ value: made.id }] });
  assert.equal(Array.isArray((await scimd.users.get(made.id))?.groups), true);
  const found = await scimd.users.list({ filter: 'title eq "guide" and groups.display sw "gui"' });
  assert.deepEqual([found.totalResults, found.Resources.map(({ id }) => id)], [1, [made.id]]);
  await assert.rejects(scimd.users.create({ userName: 'BJENSEN' }), /userName "BJENSEN" is already in use/);
  await scimd.groups.delete(group.id);
  await scimd.users.delete(made.id);
  assert.equal(await scimd.users.get(made.id), undefined);
  assert.deepEqual(await run('SELECT count(*) AS kept FROM users WHERE deleted_at IS NOT NULL'), [
    { kept: 1 },
  ]);
  assert.equal(
    (await scimd.users.create({ userName: 'bjensen' })).userName,
    'bjensen',
    'the name is free again',
  );
  assert.throws(() => scimd.resources('Device'), RangeError);
});

for (const kind of ['sqlite', 'postgres'] as const)
  test(`what the application writes into rest itself is given back, wherever it stands: ${kind}`, async () => {
    const { connection, run } = await openDatabase(kind);
    const scimd = kept(await createScimd({ store: sql(connection as Database.Database, maps()) }));
    const { id } = await scimd.users.create({ userName: 'ann', title: 'say "}{' });
    const set = (path: string, json: string) =>
      kind === 'sqlite'
        ? `json_set(scim, '$.${path.replaceAll('/', '.')}', json('${json}'))`
        : `jsonb_set(scim, '{${path.replaceAll('/', ',')}}', '${json}')`;
    await run(`UPDATE users SET scim = ${set('nickName', '"Annie"')}`);
    await run(`UPDATE users SET scim = ${set('addresses', '[{"type":"work","locality":"Ulm"}]')}`);
    const ann = await scimd.users.get(id);
    assert.deepEqual(
      [ann?.title, ann?.nickName, ann?.addresses],
      ['say "}{', 'Annie', [{ type: 'work', locality: 'Ulm' }]],
    );
    assert.deepEqual(Object.keys(ann ?? {}), [
      ...['schemas', 'id', 'userName', 'nickName', 'title', 'active', 'addresses', 'meta'],
    ]);
    const body = '{"title":"x","phoneNumbers":[{"value":"1","scimd:keys":{}}]}';
    await run(`UPDATE users SET scim = '${body}'`);
    assert.equal((await scimd.users.get(id))?.title, 'x');
  });

for (const kind of ['sqlite', 'postgres', 'server'] as const)
  test(`a hook within the transaction sees each person whose access changes, and takes the change back: ${kind}`, async () => {
    const { connection, run } = await openDatabase(kind);
    const told: string[] = [];
    const scimd = kept(
      await createScimd({
        store: sql(connection as Database.Database, maps()),
        within: (_, { subject, operation, access }) => {
          told.push(
            `${operation} ${subject.type} ${access === undefined ? '-' : `${access.active} ${access.groups.map(({ display }) => display)}`}`,
          );
          if (operation === 'delete') throw new ScimError(400, 'mutability', 'nobody leaves');
          return undefined;
        },
      }),
    );
    const ann = await scimd.users.create({ userName: 'ann' });
    const inner = await scimd.groups.create({ displayName: 'inner', members: [{ value: ann.id }] });
    await scimd.groups.create({ displayName: 'outer', members: [{ value: inner.id }] });
    await scimd.users.patch(ann.id, [{ op: 'replace', value: { active: false } }]);
    assert.deepEqual(told.splice(0), [
      'create User true ',
      'create Group -',
      'create User true inner',
      'create Group -',
      'create User true inner,outer',
      'patch User false ',
    ]);
    await assert.rejects(scimd.users.delete(ann.id), { status: 400, message: 'nobody leaves' });
    assert.equal((await scimd.users.get(ann.id))?.active, false);
    assert.deepEqual(
      await run("SELECT CAST(count(*) AS INTEGER) AS n FROM scimd_change WHERE operation = 'delete'"),
      [{ n: 0 }],
    );
  });

test('what a hook has spoilt by a statement of its own is not told as done, whether it catches the error or not: PostgreSQL', async () => {
  const { connection, run } = await openDatabase('server');
  let isSpoiling = false;
  const scimd = kept(
    await createScimd({
      store: sql(connection as Pool, maps()),
      async within(client) {
        if (isSpoiling) await client.query('SELECT nonsense').catch(() => {});
      },
    }),
  );
  const { id } = await scimd.users.create({ userName: 'ann' });
  isSpoiling = true;
  const aborted = /current transaction is aborted/;
  await assert.rejects(scimd.users.patch(id, [{ op: 'replace', path: 'title', value: 'x' }]), aborted);
  await assert.rejects(scimd.access.lock(id, { reason: 'lost laptop' }), aborted);
  isSpoiling = false;
  assert.deepEqual(await run('SELECT id FROM scimd_access_lock'), []);
  assert.equal(await scimd.access.lock(id, { reason: 'lost laptop' }), true);
  assert.deepEqual(await run('SELECT id FROM scimd_access_lock'), [{ id }]);
});

test('a hook that answers a promise where the driver cannot wait is an error, and nothing is written', async () => {
  const { connection } = await openDatabase('sqlite');
  const within = (async () => {}) as unknown as () => undefined;
  const scimd = kept(await createScimd({ store: sql(connection as Database.Database, maps()), within }));
  await assert.rejects(scimd.users.create({ userName: 'ann' }), /does not wait for a promise/);
  assert.equal((await scimd.users.list()).totalResults, 0);
});

for (const kind of ['sqlite', 'postgres', 'server'] as const)
  test(`a row that is there is linked and keeps what the provider does not speak of; a linked one is taken: ${kind}`, async () => {
    const { connection, run } = await openDatabase(kind);
    await run(
      "INSERT INTO users (org, login, login_folded, first_name, badge, created_at, updated_at) VALUES ('default', 'old', 'old', 'Olga', 'B1', '2020-01-01T00:00:00.000Z', '2020-01-01T00:00:00.000Z')",
    );
    const scimd = kept(
      await createScimd({
        store: sql(connection, maps()),
        link: async ({ externalId }, { type }) => (type === 'User' && externalId === 'hr-1' ? 1 : undefined),
      }),
    );
    assert.equal((await scimd.users.list()).totalResults, 0, 'a row without an id is no resource');
    const linked = await scimd.users.create({ userName: 'olga', externalId: 'hr-1' });
    assert.deepEqual([linked.userName, linked.name], ['olga', { givenName: 'Olga' }]);
    const [row] = await run('SELECT id, login, badge, scim_id FROM users');
    assert.deepEqual(row, { id: 1, login: 'olga', badge: 'B1', scim_id: linked.id });
    await assert.rejects(
      scimd.users.create({ userName: 'other', externalId: 'hr-1' }),
      /externalId "hr-1" is already in use/,
    );
  });

test('a start refuses a map that does not fit, with every problem and its place', async () => {
  const { connection } = await openDatabase('sqlite');
  const User = table('users', {
    key: { id: 'id', version: 'login' },
    attributes: {
      userName: 'login',
      'name.giveName': 'first_name',
      emails: 'email',
      active: 'email',
      externalId: 'nowhere',
    },
  });
  const error = await createScimd({ store: sql(connection as Database.Database, { User }) }).catch(
    (caught: unknown) => caught,
  );
  assert.ok(error instanceof MapError);
  const problems = error.problems.map(({ path, reason }) => `${path} ${reason}`);
  for (const expected of [
    /^User\.key\.id id must be text or uuid/,
    /^User\.key\.version login must be an integer/,
    /^User\.attributes\["name\.giveName"\] User has no attribute name\.giveName/,
    /^User\.attributes\["emails"\] has several values/,
    /^User\.attributes\["externalId"\] users has no column nowhere: it has id, org/,
    /^User users\.org is NOT NULL, has no default and is not mapped/,
    /^User\.attributes\["userName"\] userName is unique by the schema, and no index makes it so: CREATE UNIQUE INDEX/,
  ])
    assert.ok(
      problems.some((problem) => expected.test(problem)),
      `${expected} in\n${problems.join('\n')}`,
    );
});

test('a start refuses a map without what the schema requires, and says what a name could have been', async () => {
  const { connection } = await openDatabase('sqlite');
  const problemsOf = async (tables: Parameters<typeof sql>[1]) => {
    const error = await createScimd({ store: sql(connection as Database.Database, tables) }).catch(
      (caught: unknown) => caught,
    );
    assert.ok(error instanceof MapError);
    return error.problems.map(({ path, reason }) => `${path} ${reason}`);
  };
  const key = { id: 'scim_id', tenant: 'org', version: 'scim_version' };
  const nobody = table('users', { key, attributes: { externalId: 'idp_id', name: 'first_name' } });
  const nameless = table('teams', { key, attributes: { externalId: 'idp_id' } });
  const problems = await problemsOf({ User: nobody, Group: nameless, Users: nobody });
  for (const expected of [
    'Users is no resource type: there are User, Group',
    'User.attributes userName is required by the schema and has no column',
    'Group.attributes displayName is required by the schema and has no column',
  ])
    assert.ok(problems.includes(expected), `${expected} in\n${problems.join('\n')}`);
  assert.match(
    problems.join('\n'),
    /^User\.attributes\["name"\] is complex: .* name\.formatted, name\.familyName,/m,
  );
});

test('without rest a filter by what has no column is refused with what can be, and /Schemas does not have it', async () => {
  const { connection } = await openDatabase('sqlite');
  const { User } = maps();
  const { rest: _, ...plain } = User;
  const attributes = { userName: 'login', externalId: 'idp_id', 'name.givenName': 'first_name' };
  const scimd = kept(
    await createScimd({
      store: sql(connection as Database.Database, {
        User: {
          ...plain,
          attributes: { ...attributes, userName: { column: 'login', folded: 'login_folded' } },
        },
      }),
    }),
  );
  const { token } = await scimd.createToken({ name: 'okta' });
  const { status, json } = await send(scimd, token, 'GET', '/Users?filter=title%20pr');
  assert.equal(status, 400);
  assert.match(String(json.detail), /User has no attribute title/);
  const schemas = await send(scimd, token, 'GET', `/Schemas/${userSchema}`);
  const names = (schemas.json.attributes as { name: string }[]).map(({ name }) => name);
  assert.deepEqual(names, ['userName', 'name', 'password']);
  const made = await send(scimd, token, 'POST', '/Users', person('ann', { name: { givenName: 'Ann' } }));
  assert.equal(made.status, 201);
});

for (const kind of ['sqlite', 'postgres', 'server'] as const)
  test(`fifty writers of one group lose no member, and a large group is read whole: ${kind}`, async () => {
    // More than a thousand are read part by part.
    const many = kind === 'sqlite' ? 1000 : 200;
    const { connection } = await openDatabase(kind);
    const scimd = kept(await createScimd({ store: sql(connection, maps()) }));
    const { token } = await scimd.createToken({ name: 'entra', idp: 'entra' });
    const { json: bulk } = await send(scimd, token, 'POST', '/Bulk', {
      schemas: ['urn:ietf:params:scim:api:messages:2.0:BulkRequest'],
      Operations: Array.from({ length: many }, (_, i) => ({
        method: 'POST',
        path: '/Users',
        bulkId: `u${i}`,
        data: person(`u${i}`),
      })),
    });
    const ids = (bulk.Operations as { location: string }[]).map(({ location }) => location.split('/').at(-1));
    assert.equal(ids.length, many);
    const extra = await scimd.users.create({ userName: 'extra' });
    const group = await scimd.groups.create({ displayName: 'all' });
    const patched = await Promise.all(
      Array.from({ length: 50 }, (_, i) =>
        send(scimd, token, 'PATCH', `/Groups/${group.id}`, {
          schemas: ['urn:ietf:params:scim:api:messages:2.0:PatchOp'],
          Operations: [
            {
              op: 'add',
              path: 'members',
              value: ids.slice((i * many) / 50, ((i + 1) * many) / 50).map((value) => ({ value })),
            },
          ],
        }),
      ),
    );
    assert.deepEqual(
      [...new Set(patched.map(({ status }) => status))].sort().filter((status) => status >= 300),
      [],
    );
    await scimd.groups.patch(group.id, [{ op: 'add', path: 'members', value: [{ value: extra.id }] }]);
    const { json: read } = await send(scimd, token, 'GET', `/Groups/${group.id}`);
    const values = (read.members as { value: string }[]).map(({ value }) => value);
    assert.deepEqual(values.sort(), [...ids, extra.id].sort());
    await assert.rejects(
      scimd.groups.patch(group.id, [{ op: 'add', path: 'members', value: [{ value: 'nobody' }] }]),
      { status: 400, message: 'members: there is no User "nobody"' },
    );
  });

test('who the application knows needs no token of scimd, and is in the change record', async () => {
  const { connection } = await openDatabase('sqlite');
  const scimd = kept(
    await createScimd({
      store: sql(connection as Database.Database, maps()),
      authenticate: ({ headers }) =>
        headers.get('authorization') === 'Bearer ours' ? { name: 'our gateway', idp: 'okta' } : undefined,
    }),
  );
  assert.equal((await send(scimd, 'ours', 'POST', '/Users', person('ann'))).status, 201);
  assert.equal((await send(scimd, 'theirs', 'GET', '/Users')).status, 401);
  const [change] = await scimd.changes();
  assert.deepEqual(change?.actor, { kind: 'embedder', name: 'our gateway', idp: 'okta' });
  const server = await scimd.listen({ port: 0 });
  const answer = await fetch(`${server.url}/Users`, { headers: { authorization: 'Bearer ours' } });
  await server.close();
  assert.equal(answer.status, 200, 'over a socket too');
});

test('who it is may be known at once or later, and an error of the application is no leave to come in', async () => {
  const { connection } = await openDatabase('sqlite');
  const scimd = kept(
    await createScimd({
      store: sql(connection as Database.Database, maps()),
      authenticate: ({ method, url, headers }) => {
        const who = headers.get('Authorization')?.split(' ')[1];
        if (who === 'throws') throw new Error('the session is broken');
        if (who === 'rejects') return Promise.reject(new Error('the sessions are away'));
        if (who === 'elsewhere') return { name: who, tenant: 'nowhere' };
        assert.equal(`${method} ${url}`, 'GET http://app.example/scim/v2/Users');
        return who === 'later' ? Promise.resolve({ name: who }) : who === 'now' ? { name: who } : undefined;
      },
    }),
  );
  for (const [who, status] of Object.entries({
    ...{ now: 200, later: 200, nobody: 401 },
    ...{ throws: 500, rejects: 500, elsewhere: 500 },
  }))
    assert.equal((await send(scimd, who, 'GET', '/Users')).status, status, who);
});

test('a router that strips its prefix still leads to the endpoints', async () => {
  const { connection } = await openDatabase('sqlite');
  const scimd = kept(
    await createScimd({ store: sql(connection as Database.Database, maps()), authenticate: () => ({}) }),
  );
  const answer = await scimd.fetch(new Request('http://app.example/Users?count=1'));
  assert.equal(answer.status, 200);
  const made = await scimd.fetch(
    new Request('http://app.example/users', {
      method: 'POST',
      body: JSON.stringify(person('ann')),
      headers: { 'content-type': 'application/json' },
    }),
  );
  const { meta } = (await made.json()) as { meta: { location: string } };
  assert.match(meta.location, /^http:\/\/app\.example\/scim\/v2\/Users\/[0-9a-f-]{36}$/);
});

test('Express with Kysely on SQLite, mounted behind a parser that has read the body', async () => {
  const { connection } = await openDatabase('sqlite');
  const db = new Kysely<{ sessions: { user_id: string } }>({
    dialect: new SqliteDialect({ database: connection as Database.Database }),
  });
  const scimd = kept(await createScimd({ store: kysely(db, maps()) }));
  const { token } = await scimd.createToken({ name: 'okta' });
  const app = express();
  app.use(express.json({ type: ['application/json', 'application/scim+json'] }));
  app.use('/scim/v2', (request, response) => scimd.handler(request, response));
  const server = createServer(app).listen(0);
  try {
    const base = `http://127.0.0.1:${(server.address() as AddressInfo).port}/scim/v2`;
    const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/scim+json' };
    const made = await fetch(`${base}/Users`, {
      method: 'POST',
      headers,
      body: JSON.stringify(person('Ann')),
    });
    assert.equal(made.status, 201);
    const { id, meta } = (await made.json()) as { id: string; meta: { location: string } };
    assert.equal(meta.location, `${base}/Users/${id}`);
    const found = await fetch(`${base}/Users?filter=${encodeURIComponent('userName eq "ANN"')}`, { headers });
    assert.equal(((await found.json()) as { totalResults: number }).totalResults, 1);
    assert.equal((await fetch(`${base}/Users/${id}`, { method: 'DELETE', headers })).status, 204);
  } finally {
    server.close();
    server.closeAllConnections();
  }
});

test('Drizzle on PostgreSQL: columns are its own, and hooks get its transaction', async () => {
  const users = pgTable('users', {
    id: pgText('id').primaryKey(),
    scimVersion: pgText('scim_version'),
    email: pgText('email'),
    disabledAt: timestamp('disabled_at', { withTimezone: true }),
    deletedAt: timestamp('deleted_at', { withTimezone: true }),
  });
  const client = await PGlite.create();
  await client.exec(
    `CREATE TABLE users (id uuid PRIMARY KEY, scim_version integer NOT NULL DEFAULT 1, email text NOT NULL, idp_id text,
    disabled_at timestamptz, deleted_at timestamptz, scim jsonb); CREATE UNIQUE INDEX users_email ON users (scimd_fold(email)) WHERE deleted_at IS NULL`.replace(
      'scimd_fold(email)',
      'lower(email)',
    ),
  );
  const db = drizzlePostgres({ client });
  const User = table(users, {
    key: { id: users.id, version: users.scimVersion },
    attributes: {
      userName: users.email,
      'emails[type eq "work"].value': users.email,
      externalId: 'idp_id',
      active: {
        column: users.disabledAt,
        get: (at) => at === null,
        set: (on) => (on === false ? new Date() : null),
      },
    },
    rest: 'scim',
    onDelete: { set: { deletedAt: () => new Date() } },
  });
  const seen: unknown[] = [];
  const scimd = kept(
    await createScimd({
      store: drizzle(db, { User }),
      async within(tx, { subject }) {
        seen.push(subject.id, await tx.select({ email: users.email }).from(users));
      },
    }),
  );
  const made = await scimd.users.create({ userName: 'Åsa@example.com', active: false });
  assert.deepEqual(seen, [made.id, [{ email: 'Åsa@example.com' }]]);
  assert.equal(
    (await scimd.users.list({ filter: 'userName eq "åSA@example.com" and active eq false' })).totalResults,
    1,
  );
  assert.equal((await scimd.users.list({ filter: 'id eq "nobody"' })).totalResults, 0);
  assert.equal(await scimd.users.get('nobody'), undefined);
  await scimd.users.delete(made.id);
  assert.equal((await db.select().from(users))[0]?.deletedAt instanceof Date, true);
  await scimd.close();
  open.pop();
  await client.close();
});

test('Drizzle on SQLite: its timestamps are seconds, and transactions are synchronous', async () => {
  const client = new Database(':memory:');
  client.exec(`CREATE TABLE people (pk INTEGER PRIMARY KEY, id TEXT UNIQUE, v INTEGER NOT NULL DEFAULT 1, email TEXT NOT NULL UNIQUE,
    idp TEXT, made INTEGER, changed INTEGER, off INTEGER)`);
  const people = sqliteTable('people', {
    id: text('id'),
    v: integer('v'),
    email: text('email'),
    made: integer('made', { mode: 'timestamp' }),
    changed: integer('changed', { mode: 'timestamp_ms' }),
    off: integer('off', { mode: 'boolean' }),
  });
  const User = table(people, {
    key: { id: people.id, version: people.v },
    created: people.made,
    modified: people.changed,
    attributes: {
      userName: { column: people.email, folded: true },
      externalId: 'idp',
      active: { column: people.off, get: (off) => off !== true, set: (on) => on === false },
    },
  });
  const scimd = kept(
    await createScimd({
      store: drizzle(drizzleSqlite({ client }), { User }),
      within: (tx, { subject }) => {
        assert.equal(tx.select({ id: people.id }).from(people).all()[0]?.id, subject.id);
        return undefined;
      },
    }),
  );
  const made = await scimd.users.create({ userName: 'ann', active: false });
  const { created, lastModified } = made.meta as Record<string, string>;
  const count = async (filter: string) => (await scimd.users.list({ filter })).totalResults;
  assert.equal(await count(`meta.created eq "${created}" and meta.lastModified eq "${lastModified}"`), 1);
  assert.equal(await count('active eq false'), 1);
  assert.equal(await count('meta.created lt "2020-01-01T00:00:00Z"'), 0);
});

test('node:sqlite, with a table that has no columns for times', async () => {
  const db = new DatabaseSync(':memory:');
  db.exec(
    'CREATE TABLE teams (pk INTEGER PRIMARY KEY, id TEXT UNIQUE, v INTEGER NOT NULL DEFAULT 1, name TEXT NOT NULL, idp TEXT)',
  );
  db.exec(
    'CREATE TABLE users (id TEXT PRIMARY KEY, v INTEGER NOT NULL DEFAULT 1, login TEXT NOT NULL, idp TEXT, scim TEXT)',
  );
  db.exec('CREATE UNIQUE INDEX users_login ON users (login)');
  db.exec(
    'CREATE TABLE seats (team INTEGER NOT NULL REFERENCES teams, member TEXT NOT NULL REFERENCES users, PRIMARY KEY (team, member))',
  );
  db.exec('CREATE INDEX seats_of ON seats (member)');
  const User = table('users', {
    key: { id: 'id', version: 'v' },
    attributes: { userName: 'login', externalId: 'idp' },
    rest: 'scim',
  });
  const Group = table('teams', {
    key: { id: 'id', version: 'v' },
    attributes: { displayName: 'name', externalId: 'idp' },
    members: members('seats', { group: 'team', member: 'member' }),
  });
  const scimd = kept(await createScimd({ store: sql(db, { User, Group }) }));
  const ann = await scimd.users.create({ userName: 'ann', displayName: 'Ann' });
  const team = await scimd.groups.create({ displayName: 'É', members: [{ value: ann.id }] });
  const { created, lastModified } = team.meta as Record<string, string>;
  assert.equal(created, lastModified);
  const renamed = await scimd.groups.patch(team.id, [{ op: 'replace', path: 'displayName', value: 'é2' }]);
  assert.ok((renamed.meta as Record<string, string>).lastModified! > lastModified!);
  assert.equal(
    (await scimd.groups.list({ filter: 'displayName sw "É" and members.display eq "ann"' })).totalResults,
    1,
  );
  assert.equal((await scimd.groups.list({ filter: `meta.created eq "${created}"` })).totalResults, 1);
  await assert.rejects(
    scimd.groups.patch(team.id, [{ op: 'add', path: 'members', value: [{ value: team.id }] }]),
    /is a Group, and only Users can be members here/,
  );
});

test('a filter is explained: its SQL, the plan of the database, and what no index finds', async () => {
  for (const kind of ['sqlite', 'postgres'] as const) {
    const { connection } = await openDatabase(kind);
    const scimd = kept(await createScimd({ store: sql(connection, maps()) }));
    const { sql: text, steps, unindexed } = await scimd.explain('userName eq "ann" and title pr');
    assert.match(text, /"login_folded" = /);
    assert.match(steps.join('\n'), kind === 'sqlite' ? /USING INDEX users_login/ : /users/);
    assert.deepEqual(unindexed, []);
    assert.deepEqual((await scimd.explain('title eq "Guide"')).unindexed, ['title']);
    assert.deepEqual((await scimd.explain('externalId eq "e"')).unindexed, []);
    await assert.rejects(scimd.explain('shoe eq "42"'), /no attribute shoe/);
    await assert.rejects(scimd.explain('id pr', 'Device'), RangeError);
    const { sql: listed, parameters } = await scimd.explain('title co "x" or userName pr');
    assert.match(listed, /LIMIT/);
    assert.ok(parameters.length > 0);
    if (connection instanceof Database) assert.equal(connection.inTransaction, false);
  }
});

test('memberships of many people cost nobody more, whatever ANALYZE says of groups within groups', async () => {
  const { connection, run } = await openDatabase('sqlite');
  const scimd = kept(await createScimd({ store: sql(connection as Database.Database, maps()) }));
  const group = await scimd.groups.create({ displayName: 'all' });
  await run(`WITH RECURSIVE s (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s WHERE n < 20000)
INSERT INTO users (org, scim_id, login, login_folded, name, created_at, updated_at)
SELECT 'default', 'u' || n, 'u' || n, 'u' || n, 'É' || n, '2026-01-01T00:00:00Z', '2026-01-01T00:00:00Z' FROM s`);
  await run('INSERT INTO team_members (team_id, user_id) SELECT (SELECT id FROM teams), id FROM users');
  await run('ANALYZE');
  const folded = async () => Number((await run('SELECT count(*) AS n FROM scimd_folded'))[0]?.n);
  const texts = new Set<string>();
  const db = connection as Database.Database;
  const prepare = db.prepare.bind(db);
  const watched = {
    prepare(text: string) {
      texts.add(text);
      return prepare(text);
    },
  };
  const reader = kept(await createScimd({ store: sql(watched, maps()) }));
  const groupsOf = async (id: string) => (await reader.users.get(id))?.groups;
  assert.deepEqual(await groupsOf('u7'), [
    { value: group.id, $ref: `/scim/v2/Groups/${group.id}`, display: 'all', type: 'direct' },
  ]);
  const { Resources } = await reader.users.list({ count: 2 });
  assert.deepEqual(
    Resources.map(({ groups }) => groups),
    [await groupsOf('u1'), await groupsOf('u10')],
  );
  const recursive = [...texts].filter((text) => text.includes('WITH RECURSIVE up'));
  assert.equal(recursive.length, 2, 'of one person, and of a page');
  for (const text of recursive) {
    const values = Array.from(text.matchAll(/\?/g), () => '[7]');
    const steps = prepare<string[], { detail: string }>(`EXPLAIN QUERY PLAN ${text}`).all(...values);
    const details = steps.map(({ detail }) => detail).join('\n');
    assert.match(details, /SEARCH m USING INDEX team_members_in/);
    assert.doesNotMatch(details, /SCAN m\b/);
  }
  await scimd.groups.list({ filter: 'displayName eq "ALL"', excludedAttributes: ['members'] });
  await scimd.groups.list({ filter: 'members.value eq "u7"', excludedAttributes: ['members'] });
  assert.equal(await folded(), 0, 'names of people are not folded for a filter that does not ask for them');
  const found = await scimd.groups.list({
    filter: 'members.display eq "é7"',
    excludedAttributes: ['members'],
  });
  assert.deepEqual([found.totalResults, await folded()], [1, 20000]);
});

test('groups are shown with their people by names of any column: of numbers, and bytes in one of text', async () => {
  const names = ['Guides', 'Drivers'];
  for (const kind of ['sqlite', 'postgres'] as const) {
    const { connection, run } = await openDatabase(kind);
    await run('ALTER TABLE teams ADD COLUMN code INTEGER');
    await run('DROP INDEX teams_name');
    await run('ALTER TABLE teams DROP COLUMN name');
    const { User, Group } = maps();
    const displayName = {
      column: 'code',
      get: (code: unknown) => names[Number(code)],
      set: (name: unknown) => names.indexOf(String(name)),
    };
    const coded = {
      ...Group,
      attributes: { displayName, externalId: 'idp_id' },
      members: members('team_members', { group: 'team_id', member: 'user_id' }),
    };
    const scimd = kept(await createScimd({ store: sql(connection, { User, Group: coded }) }));
    const { id } = await scimd.users.create({ userName: 'ann' });
    for (const name of names) await scimd.groups.create({ displayName: name, members: [{ value: id }] });
    const shown = async () => [
      (await scimd.users.get(id))?.groups,
      (await scimd.users.list({ filter: 'userName eq "ann"' })).Resources[0]?.groups,
      (await scimd.users.list()).Resources[0]?.groups,
    ];
    for (const groups of await shown())
      assert.deepEqual(
        (groups as { display: string }[]).map(({ display }) => display),
        names,
        kind,
      );
  }
  const { connection, run } = await openDatabase('sqlite');
  const scimd = kept(await createScimd({ store: sql(connection, maps()) }));
  const { id } = await scimd.users.create({ userName: 'ann' });
  await scimd.groups.create({ displayName: 'Guides', members: [{ value: id }] });
  await run("UPDATE teams SET name = CAST('Guides' AS blob)");
  assert.match(JSON.stringify(await scimd.users.get(id)), /"display":"Guides"/);
});

for (const kind of ['sqlite', 'postgres', 'server'] as const)
  test(`people and groups are members of one group whatever types their names and keys have: ${kind}`, async () => {
    const names = ['Guides', 'Drivers'];
    const { connection, run } = await openDatabase(
      kind,
      `CREATE TABLE people (
  id ${kind === 'sqlite' ? 'TEXT PRIMARY KEY DEFAULT (hex(randomblob(16)))' : 'UUID PRIMARY KEY DEFAULT gen_random_uuid()'},
  scim_id TEXT UNIQUE, version INTEGER NOT NULL DEFAULT 1, login TEXT NOT NULL UNIQUE, name TEXT,
  idp_id TEXT UNIQUE
);
CREATE TABLE crews (id {key}, scim_id TEXT UNIQUE, version INTEGER NOT NULL DEFAULT 1, code INTEGER NOT NULL,
  idp_id TEXT UNIQUE
);
CREATE TABLE crew_members (
  crew INTEGER NOT NULL REFERENCES crews (id), person ${kind === 'sqlite' ? 'TEXT' : 'UUID'} REFERENCES people (id),
  child INTEGER REFERENCES crews (id), UNIQUE (crew, person), UNIQUE (crew, child)
);
CREATE INDEX crew_members_of ON crew_members (person);
CREATE INDEX crew_members_in ON crew_members (child);`,
    );
    const key = { id: 'scim_id', version: 'version' };
    const User = table('people', {
      key,
      attributes: { userName: { column: 'login', folded: true }, externalId: 'idp_id', displayName: 'name' },
    });
    const Group = table('crews', {
      key,
      attributes: {
        externalId: 'idp_id',
        displayName: {
          column: 'code',
          get: (code: unknown) => names[Number(code)],
          set: (name: unknown) => names.indexOf(String(name)),
        },
      },
      members: members('crew_members', { group: 'crew', member: 'person', nested: 'child' }),
    });
    const scimd = kept(await createScimd({ store: sql(connection as Database.Database, { User, Group }) }));
    const { id: ann } = await scimd.users.create({ userName: 'ann', displayName: 'Ann' });
    const { id: ben } = await scimd.users.create({ userName: 'ben', displayName: 'Ben' });
    const { id: drivers } = await scimd.groups.create({ displayName: 'Drivers', members: [{ value: ben }] });
    const { id } = await scimd.groups.create({
      displayName: 'Guides',
      members: [{ value: ann }, { value: drivers }],
    });
    const valuesOf = (all: unknown) =>
      ((all ?? []) as { value: string; display: string; type: string }[])
        .map(({ value, display, type }) => [value, display, type])
        .sort(([, a = ''], [, b = '']) => (a < b ? -1 : 1));
    const shown = async () => valuesOf((await scimd.groups.get(id))?.members);
    const [asPerson, asGroup] = [
      [ann, 'Ann', 'User'],
      [drivers, 'Drivers', 'Group'],
    ];
    assert.deepEqual(await shown(), [asPerson, asGroup]);
    const found = async (filter: string) =>
      (await scimd.groups.list({ filter })).Resources.map((each) => each.id);
    assert.deepEqual(await found(`members.value eq "${ann}"`), [id]);
    assert.deepEqual(await found('members.type eq "Group"'), [id]);
    await scimd.groups.patch(id, [{ op: 'remove', path: `members[value eq "${ann}" and type eq "User"]` }]);
    assert.deepEqual(await shown(), [asGroup]);
    await scimd.groups.patch(id, [
      { op: 'replace', path: 'members', value: [{ value: ann }, { value: ben }] },
    ]);
    assert.deepEqual(await shown(), [asPerson, [ben, 'Ben', 'User']]);
    await scimd.groups.patch(id, [{ op: 'remove', path: 'members[type eq "User"]' }]);
    await scimd.groups.patch(id, [{ op: 'add', path: 'members', value: [{ value: drivers }] }]);
    assert.deepEqual(await shown(), [asGroup]);
    assert.deepEqual(valuesOf((await scimd.users.get(ben))?.groups), [
      [drivers, 'Drivers', 'direct'],
      [id, 'Guides', 'indirect'],
    ]);
    await scimd.users.delete(ben);
    await scimd.groups.delete(id);
    assert.equal((await run('SELECT crew FROM crew_members')).length, 0);
  });

test('a look-up finds who has the value, nobody, or all of several', async () => {
  for (const kind of ['sqlite', 'postgres'] as const) {
    const { connection } = await openDatabase(kind);
    const scimd = kept(await createScimd({ store: sql(connection, maps()) }));
    for (const [userName, externalId] of [
      ['ann', 'a'],
      ['Ben', 'b'],
      ['cid', 'b'],
    ])
      await scimd.users.create({ userName, externalId });
    const group = await scimd.groups.create({ displayName: 'Guides' });
    const [ann] = (await scimd.users.list({ filter: 'userName eq "ANN"' })).Resources;
    await scimd.groups.patch(group.id, [{ op: 'add', path: 'members', value: [{ value: ann?.id }] }]);
    const found = async (filter: string, more: { readonly count?: number } = {}) => {
      const { totalResults, Resources } = await scimd.users.list({ filter, ...more });
      return [totalResults, ...Resources.map(({ userName, groups }) => [userName, groups !== undefined])];
    };
    assert.deepEqual(await found('userName eq "ann"'), [1, ['ann', true]], kind);
    assert.deepEqual(await found('userName eq "BEN"'), [1, ['Ben', false]]);
    assert.deepEqual(await found('userName eq "dan"'), [0]);
    assert.deepEqual(await found('externalId eq "a"'), [1, ['ann', true]]);
    assert.deepEqual(await found('externalId eq "A"'), [0]);
    assert.deepEqual(await found('externalId eq "b"'), [2, ['Ben', false], ['cid', false]]);
    assert.deepEqual(await found('externalId eq "b"', { count: 1 }), [2, ['Ben', false]]);
    assert.deepEqual(await found('externalId eq "b"', { count: 0 }), [2]);
    assert.deepEqual(await found(`id eq "${ann?.id}"`), [1, ['ann', true]]);
    await scimd.users.delete(ann?.id as string);
    assert.deepEqual(await found('userName eq "ann"'), [0], 'a row that is marked as deleted is nobody');
  }
});

test('of writers at once one that is refused takes back itself alone, and the record has the others', async () => {
  const { connection } = await openDatabase('sqlite');
  const scimd = kept(await createScimd({ store: sql(connection as Database.Database, maps()) }));
  const names = ['ann', 'ben', 'ANN', 'cid'];
  const made = await Promise.allSettled(names.map((userName) => scimd.users.create({ userName })));
  assert.deepEqual(
    made.map(({ status }) => status),
    ['fulfilled', 'fulfilled', 'rejected', 'fulfilled'],
  );
  const { Resources } = await scimd.users.list({ sortBy: 'userName' });
  assert.deepEqual(
    Resources.map(({ userName }) => userName),
    ['ann', 'ben', 'cid'],
  );
  const changes = await scimd.changes();
  assert.deepEqual(
    changes.map(({ sequence, id }) => [sequence, id]),
    Array.from(Resources, ({ id }, index) => [index + 1, id]),
  );
  const { changes: checked, problems } = await scimd.history.verify();
  assert.deepEqual([checked, problems], [3, []]);
});

test('a PATCH of somebody who is in groups answers with them', async () => {
  const { connection } = await openDatabase('sqlite');
  const scimd = kept(await createScimd({ store: sql(connection as Database.Database, maps()) }));
  const { token } = await scimd.createToken({ name: 'okta' });
  const { id } = await scimd.users.create({ userName: 'ann' });
  const group = await scimd.groups.create({ displayName: 'Guides', members: [{ value: id }] });
  const change = { op: 'replace', path: 'title', value: 'Guide' };
  const schemas = ['urn:ietf:params:scim:api:messages:2.0:PatchOp'];
  const { status, json } = await send(scimd, token, 'PATCH', `/Users/${id}`, {
    ...{ schemas, Operations: [change] },
  });
  assert.deepEqual(
    [status, json.title, json.groups],
    [
      200,
      'Guide',
      [
        {
          value: group.id,
          $ref: `http://app.example/scim/v2/Groups/${group.id}`,
          display: 'Guides',
          type: 'direct',
        },
      ],
    ],
  );
});

for (const kind of ['sqlite', 'postgres'] as const)
  test(`times may be integers: seconds, and milliseconds in a bigint: ${kind}`, async () => {
    const { connection, run } = await openDatabase(
      kind,
      `CREATE TABLE people (
  id {key}, scim_id TEXT UNIQUE, version INTEGER NOT NULL DEFAULT 1, login TEXT NOT NULL, idp_id TEXT, scim {json},
  created INTEGER NOT NULL, updated BIGINT NOT NULL, deleted INTEGER
);
CREATE UNIQUE INDEX people_login ON people (login) WHERE deleted IS NULL;`,
    );
    const User = table('people', {
      key: { id: 'scim_id', version: 'version' },
      ...{ created: 'created', modified: 'updated', rest: 'scim' },
      attributes: { userName: { column: 'login', folded: true }, externalId: 'idp_id' },
      onDelete: { set: { deleted: () => new Date() } },
    });
    const began = Date.now();
    const scimd = kept(await createScimd({ store: sql(connection as Database.Database, { User }) }));
    const { id, meta } = await scimd.users.create({ userName: 'ann' });
    const [row] = await run('SELECT created, updated FROM people');
    const [created, updated] = [Number(row?.created), Number(row?.updated)];
    assert.equal(created, Math.floor(updated / 1000));
    assert.ok(updated >= began && updated <= Date.now());
    const times = meta as { readonly created: string; readonly lastModified: string };
    assert.deepEqual([Date.parse(times.created), Date.parse(times.lastModified)], [created * 1000, updated]);
    const found = async (filter: string) => (await scimd.users.list({ filter })).totalResults;
    for (const [path, time] of Object.entries(times).filter(([name]) => /created|Modified/.test(name)))
      assert.deepEqual(
        [await found(`meta.${path} eq "${time}"`), await found(`meta.${path} lt "${time}"`)],
        [1, 0],
        path,
      );
    await scimd.users.delete(id);
    const [left] = await run('SELECT deleted FROM people');
    assert.ok(Number(left?.deleted) >= created);
  });

test('times are read as databases write them, and filters find them so: days, the last of a month, with and without a zone', async () => {
  const { connection, run } = await openDatabase('sqlite');
  const scimd = kept(await createScimd({ store: sql(connection as Database.Database, maps()) }));
  const { id } = await scimd.users.create({ userName: 'ann' });
  for (const [stored, shown] of Object.entries({
    '2020-02-29': '2020-02-29T00:00:00.000Z',
    '2020-01-31 10:11:12': '2020-01-31T10:11:12.000Z',
    '2020-01-31 10:11:12.5+02:00': '2020-01-31T08:11:12.500Z',
    '2020-12-31T23:59:59.999Z': '2020-12-31T23:59:59.999Z',
  })) {
    await run(`UPDATE users SET created_at = '${stored}'`);
    const meta = JSON.stringify((await scimd.users.get(id))?.meta);
    assert.ok(meta.includes(`"created":"${shown}"`), `${stored} in ${meta}`);
    const { totalResults } = await scimd.users.list({ filter: `meta.created eq "${shown}"` });
    assert.equal(totalResults, 1, stored);
  }
});
