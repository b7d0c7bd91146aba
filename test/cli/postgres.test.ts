/** The commands over a PostgreSQL database. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import pg from 'pg';
import { freePort, type PostgresServer, startPostgres } from '../postgres-server.ts';
import { until } from '../until.ts';
import { running, scimd, serving, temporaryFolder } from './scimd.ts';

let server: PostgresServer;
let address: string;
let password: string;
const folder = temporaryFolder();

before(async () => {
  server = await startPostgres();
  const url = new URL(await server.newDatabase());
  ({ password } = url);
  url.password = '';
  address = url.href;
  writeFileSync(join(folder, 'password'), `${password}\n`);
});
after(() => server.close());

const place = () => ({
  folder,
  environment: { SCIMD_DATABASE: address, SCIMD_DATABASE_PASSWORD_FILE: join(folder, 'password') },
});

/** Runs a command that is to succeed; what it printed. */
async function done(...args: string[]): Promise<string> {
  const { status, stdout, stderr } = await scimd(args, place());
  assert.equal(status, 0, stderr);
  assert.ok(!stdout.includes(password) && !stderr.includes(password));
  return stdout.trim();
}

async function refused(pattern: RegExp, ...args: string[]): Promise<void> {
  const { status, stderr } = await scimd(args, place());
  assert.notEqual(status, 0);
  assert.match(stderr, pattern);
  assert.ok(!stderr.includes(password));
}

test('before the first start there are no tables, which a command says, and migrate makes them', async () => {
  await refused(/has no tables of scimd/, 'token', 'list');
  assert.match(await done('migrate'), /made the tables of version \d+/);
  assert.match(await done('migrate'), /nothing to do/);
});

test('a password on the command line is refused, since a list of processes shows it', async () => {
  const { status, stderr } = await scimd(['token', 'list', '--database', 'postgres://u:geheim@127.0.0.1/x'], {
    folder,
  });
  assert.notEqual(status, 0);
  assert.match(stderr, /list of processes/);
});

test('config print shows the address without its password, and check what is wrong with it', async () => {
  const environment = { SCIMD_DATABASE: 'postgres://u:geheim@db.example/x' };
  const printed = await scimd(['config', 'print'], { folder, environment });
  assert.match(printed.stdout, /postgres:\/\/u@db\.example\/x/);
  assert.ok(!printed.stdout.includes('geheim'));
  const wrong = await scimd(['config', 'check'], {
    folder,
    environment: { SCIMD_DATABASE: 'postgres://u:geheim@db.example/x?sslmode=prefer' },
  });
  assert.match(wrong.stderr, /sslmode must be one of/);
  assert.ok(!wrong.stderr.includes('geheim'));
});

test('an address with its password comes from a file: no output, log or list of processes has it', async () => {
  const withAll = new URL(address);
  withAll.password = password;
  writeFileSync(join(folder, 'address'), `${withAll.href}\n`);
  const inFile = { folder, environment: { SCIMD_DATABASE_FILE: join(folder, 'address') } };
  const outputs: string[] = [];
  for (const args of [['migrate'], ['token', 'list'], ['config', 'print'], ['config', 'check']]) {
    const { status, stdout, stderr } = await scimd(args, inFile);
    assert.equal(status, 0, stderr);
    outputs.push(stdout, stderr);
  }
  assert.match(outputs.join(''), /SCIMD_DATABASE_FILE/, 'config print says where it is from');
  const running = await serving(['serve', '--port', '0'], inFile);
  assert.equal((await fetch(new URL('/readyz', running.url))).status, 200);
  const processes = execFileSync('ps', ['-eww', '-o', 'args'], { encoding: 'utf8' });
  assert.ok(processes.includes('serve'));
  const { status, stdout, stderr } = await running.stop();
  assert.equal(status, 0);
  outputs.push(processes, stdout, stderr);
  assert.ok(outputs.every((output) => !output.includes(password)));
});

test('an address whose password is not percent-encoded is refused, and no part of it is shown', async () => {
  for (const odd of ['ge/heim', '12/heim', 'ge@x/heim', '12?heim', '12#heim']) {
    writeFileSync(join(folder, 'odd'), `postgres://u:${odd}@127.0.0.1:1/x`);
    for (const command of ['list', 'print']) {
      const { stdout, stderr } = await scimd(command === 'list' ? ['token', 'list'] : ['config', 'print'], {
        folder,
        environment: { SCIMD_DATABASE_FILE: join(folder, 'odd') },
      });
      assert.match(stdout + stderr, /postgres:\/\/u@127\.0\.0\.1/, odd);
      assert.ok(!`${stdout}${stderr}`.includes('heim'), `${odd}: ${stdout}${stderr}`);
    }
  }
});

test('users, groups, tokens, tenants, export and import work as on a file', async () => {
  await done('tenant', 'create', 'acme');
  assert.match(await done('tenant', 'list'), /acme/);
  assert.match(await done('token', 'create', '--name', 'okta', '--tenant', 'acme'), /^scimd_/);
  assert.match(await done('token', 'list'), /okta/);
  writeFileSync(join(folder, 'people.csv'), 'userName,displayName\nann,Ann\nbob,Bob\n');
  await refused(/dry run/, 'import', 'people.csv', '--dry-run');
  await done('import', 'people.csv');
  const exported = await done('export');
  assert.deepEqual(
    exported
      .split('\n')
      .map((line) => JSON.parse(line).userName)
      .sort(),
    ['ann', 'bob'],
  );
  assert.match(await done('tail'), /user\.created/);
});

test('what is SQLite’s own says what is PostgreSQL’s', async () => {
  await refused(/pg_dump/, 'backup');
  await refused(/pg_dump/, 'restore', 'x.backup');
});

test('a server that cannot be reached is told in words, with the address and without the password', async () => {
  const { status, stderr } = await scimd(['token', 'list'], {
    folder,
    environment: { SCIMD_DATABASE: 'postgres://u:geheim@127.0.0.1:1/x' },
  });
  assert.notEqual(status, 0);
  assert.match(stderr, /cannot be reached/);
  assert.ok(!stderr.includes('geheim'));
});

test('serve answers SCIM, is ready, and tells its address without the password', async () => {
  const server = await serving(['serve', '--port', '0'], {
    ...place(),
    environment: { ...place().environment, SCIMD_BOOTSTRAP_TOKEN: 'aBcDeFgHiJkLmNoPqRsTuVwXyZ012345' },
  });
  const { url } = server;
  const headers = { authorization: 'Bearer aBcDeFgHiJkLmNoPqRsTuVwXyZ012345' };
  const token = await done('token', 'create', '--name', 'test');
  const answer = await fetch(`${url}/Users?filter=userName eq "ann"`, {
    headers: { authorization: `Bearer ${token}` },
  });
  assert.equal(answer.status, 200);
  assert.equal(((await answer.json()) as { totalResults: number }).totalResults, 1);
  assert.equal((await fetch(new URL('/readyz', url))).status, 200);
  assert.ok([200, 401].includes((await fetch(`${url}/Users`, { headers })).status));
  server.signal('SIGTERM');
  const { status, stdout, stderr } = await server.end;
  assert.equal(status, 0);
  assert.ok(!stdout.includes(password) && !stderr.includes(password));
});

test('/readyz is 503 until the bootstrap token is taken, and then that is', async (t) => {
  const url = new URL(await server.newDatabase());
  const schema = url.searchParams.get('schema');
  url.password = '';
  const secret = 'zYxWvUtSrQpOnMlKjIhGfEdCbA543210';
  const environment = {
    ...place().environment,
    SCIMD_DATABASE: url.href,
    SCIMD_BOOTSTRAP_TOKEN: secret,
  };
  const made = await scimd(['migrate'], { folder, environment });
  assert.equal(made.status, 0, made.stderr);
  const client = new pg.Client({ connectionString: server.url });
  await client.connect();
  t.after(() => client.end());
  await client.query(`BEGIN; LOCK TABLE ${schema}.token IN SHARE MODE`);
  const port = await freePort();
  const started = running(['serve', '--port', String(port)], { folder, environment });
  t.after(async () => {
    started.signal('SIGTERM');
    await started.end;
  });
  const probe = async () => {
    const answer = await fetch(`http://127.0.0.1:${port}/readyz`).catch(() => undefined);
    return answer === undefined ? undefined : `${answer.status} ${await answer.text()}`;
  };
  await until('an answer', async () => (await probe()) !== undefined);
  const first = await probe();
  await client.query('ROLLBACK');
  assert.equal(first, '503 starting\n');
  await until('ready', async () => (await probe()) === '200 ready\n');
  const answer = await fetch(`http://127.0.0.1:${port}/scim/v2/Users`, {
    headers: { authorization: `Bearer ${secret}` },
  });
  assert.equal(answer.status, 200);
});
