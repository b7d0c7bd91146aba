/** The account that scimd docs scale names for serving: its grants are enough for all that a server does, and for no more. */
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, test } from 'node:test';
import pg from 'pg';
import { type Receiver, startReceiver } from '../events/receiver.ts';
import { type PostgresServer, startPostgres } from '../postgres-server.ts';
import { newUser } from '../server.ts';
import { until } from '../until.ts';
import { type Result, type Serving, scimd, secretPattern, serving, temporaryFolder } from './scimd.ts';

const page = readFileSync(new URL('../../src/docs/scale.md', import.meta.url), 'utf8');
/** The blocks of SQL of the page: what makes the owner and the database, and what the server's account is granted. */
const [making = '', granting = ''] = [...page.matchAll(/^```sql\n(.*?)^```/gms)].map(([, sql]) => sql);
const passwords = { owner: 'owner-0123456789', server: 'server-0123456789' };

const folder = temporaryFolder();
let postgres: PostgresServer;
let refused: Result;
let running: Serving;
let app: Receiver;
let token: string;
after(async () => {
  await running?.stop();
  await app?.close();
  await postgres?.close();
});

const urlOf = (user: string, password: string): string => {
  const url = new URL(postgres.url);
  url.username = user;
  url.password = password;
  url.pathname = '/scimd';
  return url.href;
};

/** Runs statements as an account; what the last one answers. */
async function as(url: string, sql: string): Promise<unknown[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    const result = await client.query<Record<string, unknown>>(sql);
    return [result].flat().at(-1)?.rows ?? [];
  } finally {
    await client.end();
  }
}

const superuser = () => urlOf('postgres', decodeURIComponent(new URL(postgres.url).password));

function place(account: 'owner' | 'server') {
  return {
    folder,
    environment: { SCIMD_DATABASE_FILE: join(folder, account) },
  };
}

async function done(...args: string[]): Promise<string> {
  const { status, stdout, stderr } = await scimd(args, place('server'));
  assert.equal(status, 0, `${args.join(' ')}: ${stderr}`);
  return stdout.trim();
}

async function request(method: string, path: string, body?: object): Promise<{ status: number; body: Json }> {
  const response = await fetch(`${running.url}${path}`, {
    method,
    headers: {
      authorization: `Bearer ${token}`,
      'content-type': 'application/scim+json',
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  return {
    status: response.status,
    body: text === '' ? {} : (JSON.parse(text) as Json),
  };
}

interface Json {
  readonly id?: string;
  readonly totalResults?: number;
  readonly members?: readonly { readonly value: string }[];
}

// At the top, since what is started within a test ends with it.
postgres = await startPostgres();
for (const statement of making.replace("'…'", `'${passwords.owner}'`).split(';'))
  if (statement.trim() !== '') await as(postgres.url, statement);
writeFileSync(join(folder, 'owner'), `${urlOf('scimd', passwords.owner)}&schema=scimd`);
writeFileSync(join(folder, 'server'), urlOf('scimd_server', passwords.server));
const { status, stderr } = await scimd(['migrate'], place('owner'));
assert.equal(status, 0, stderr);
await as(superuser(), `CREATE ROLE scimd_server LOGIN PASSWORD '${passwords.server}'`);
refused = await scimd(['serve', '--port', '0'], place('server'));
await as(superuser(), granting);
running = await serving(['serve', '--port', '0'], place('server'));
token = secretPattern.exec(running.output.stdout)?.[0] ?? assert.fail('no token');

test('without the grants of the documentation a server is refused, with the place that names them', () => {
  assert.notEqual(refused.status, 0);
  assert.match(refused.stderr, /scimd docs scale/);
  assert.match(granting, /^GRANT USAGE ON SCHEMA scimd TO scimd_server;$/m);
});

test('with them it serves: people, groups, members, passwords, deletion and what brings back', async () => {
  const jane = await request('POST', '/Users', {
    ...newUser(),
    password: 't1meMa$heen',
  });
  assert.equal(jane.status, 201);
  const { id = '' } = jane.body;
  const group = await request('POST', '/Groups', {
    displayName: 'Readers',
    members: [{ value: id }],
  });
  assert.equal(group.status, 201);
  const patch = (path: string, ...Operations: object[]) =>
    request('PATCH', path, {
      schemas: ['urn:ietf:params:scim:api:messages:2.0:PatchOp'],
      Operations,
    });
  assert.equal(
    (
      await patch(`/Users/${id}`, {
        op: 'replace',
        path: 'active',
        value: false,
      })
    ).status,
    200,
  );
  assert.equal(
    (
      await patch(`/Users/${id}`, {
        op: 'replace',
        path: 'title',
        value: 'Guide',
      })
    ).status,
    200,
  );
  const groupPath = `/Groups/${group.body.id}`;
  assert.equal((await request('GET', groupPath)).body.members?.[0]?.value, id);
  assert.equal(
    (await request('GET', `/Users?filter=${encodeURIComponent('title co "uid"')}`)).body.totalResults,
    1,
  );
  assert.ok(
    (
      await patch(groupPath, {
        op: 'remove',
        path: `members[value eq "${id}"]`,
      })
    ).status < 300,
  );
  assert.equal((await request('PUT', `/Users/${id}`, { ...newUser(), title: 'Head' })).status, 200);
  assert.equal((await request('DELETE', groupPath)).status, 204);
  assert.match(await done('group', 'restore', String(group.body.id)), /./);
  assert.equal((await request('GET', groupPath)).status, 200);
  assert.equal((await request('DELETE', `/Users/${id}`)).status, 204);
  assert.equal((await request('GET', `/Users/${id}`)).status, 404);
});

test('the feed, webhooks with their progress, history, tokens, tenants, import and export work too', async () => {
  app = await startReceiver();
  const made = JSON.parse(
    await done('webhook', 'create', app.url, '--allow-private', '--type', 'user.created', '--json'),
  ) as { id: string; secret: string };
  app.secret = made.secret;
  writeFileSync(join(folder, 'people.csv'), 'userName,displayName\nann,Ann\nbob,Bob\n');
  await done('import', 'people.csv');
  const behind = async () =>
    (
      JSON.parse(await done('webhook', 'show', made.id, '--json')) as {
        behind: number;
      }
    ).behind;
  await until('the events', () => app.received.length >= 2);
  await until('the progress', async () => (await behind()) === 0, 200);
  const events = await fetch(new URL('/events?after=0', running.url), {
    headers: {
      authorization: `Bearer ${await done('token', 'create', '--name', 'app', '--scope', 'events')}`,
    },
  });
  assert.equal(events.status, 200);
  const types = ((await events.json()) as { events: { type: string }[] }).events.map(({ type }) => type);
  assert.ok(types.includes('user.created') && types.includes('group.deleted'), types.join());
  assert.match(await done('history', 'ann'), /created/);
  assert.match(await done('verify'), /./);
  assert.match(await done('export'), /"userName":"ann"/);
  await done('tenant', 'create', 'acme');
  assert.match(await done('token', 'create', '--name', 'okta', '--tenant', 'acme'), secretPattern);
  await done('tenant', 'delete', 'acme', '--yes');
  assert.match(await done('user', 'forget', 'bob', '--yes'), /./);
  assert.match(await done('migrate'), /nothing to do/);
});

test('it can make, change and take away no table, nor read what is not scimd’s', async () => {
  const server = urlOf('scimd_server', passwords.server);
  await as(superuser(), 'CREATE SCHEMA other; CREATE TABLE other.pay (salary INTEGER)');
  for (const sql of [
    'CREATE TABLE scimd.mine (n INTEGER)',
    'CREATE TABLE public.mine (n INTEGER)',
    'CREATE SCHEMA mine',
    'DROP TABLE scimd.change',
    'TRUNCATE scimd.change',
    'ALTER TABLE scimd.resource ADD COLUMN mine INTEGER',
    'CREATE INDEX ON scimd.resource (created)',
    'CREATE TRIGGER t BEFORE INSERT ON scimd.resource EXECUTE FUNCTION suppress_redundant_updates_trigger()',
    'DROP SCHEMA scimd CASCADE',
    'CREATE ROLE another',
    'SELECT * FROM other.pay',
    'SELECT * FROM pg_catalog.pg_authid',
    'CREATE DATABASE another',
    "SELECT pg_read_file('postmaster.pid')",
    'ALTER ROLE scimd_server SUPERUSER',
  ])
    await assert.rejects(as(server, sql), { code: '42501' }, sql);
});

test('tables of an older release are not its to upgrade: the refusal says who does', async () => {
  await as(
    superuser(),
    'DELETE FROM scimd.scimd_version WHERE version = (SELECT max(version) FROM scimd.scimd_version)',
  );
  const { status, stderr } = await scimd(['serve', '--port', '0'], place('server'));
  assert.notEqual(status, 0);
  assert.match(stderr, /scimd docs scale|scimd migrate/);
});
