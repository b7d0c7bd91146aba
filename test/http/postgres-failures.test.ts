/** What becomes of requests when PostgreSQL fails: clear answers, reads where they can be, and all by itself again. */
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chownSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect, createServer, type Socket } from 'node:net';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { after, before, type TestContext, test } from 'node:test';
import pg from 'pg';
import { hashSecret, newSecret } from '../../src/directory/secret.ts';
import type { HttpOptions } from '../../src/http/options.ts';
import { startServer } from '../../src/http/server.ts';
import { standardRegistry } from '../../src/scim/standard.ts';
import { openPostgresStore, type PostgresStoreOptions } from '../../src/store/postgres/index.ts';
import type { Store } from '../../src/store/store.ts';
import { freePort, type PostgresServer, startPostgres } from '../postgres-server.ts';
import { newUser } from '../server.ts';
import { until } from '../until.ts';

let server: PostgresServer;
before(async () => {
  server = await startPostgres();
});
after(() => server.close());

interface Answer {
  readonly status: number;
  readonly retryAfter: number;
  // biome-ignore lint/suspicious/noExplicitAny: tests look into answers of any shape
  readonly json: any;
}

interface Running {
  readonly store: Store;
  request(method: string, path: string, body?: object): Promise<Answer>;
  create(userName?: string): Promise<Answer>;
  find(userName: string): Promise<Answer>;
  /** Creates users, each once, until one was created. */
  writesAgain(): Promise<void>;
}

/** A scimd over that database, stopped with the test. */
async function scimdOn(
  t: TestContext,
  url: string,
  options: Partial<HttpOptions> = {},
  {
    lockMilliseconds = 300,
    ...times
  }: Pick<PostgresStoreOptions, 'lockMilliseconds' | 'lookUpMilliseconds' | 'statementMilliseconds'> = {},
): Promise<Running> {
  const store = await openPostgresStore({ url, registry: standardRegistry(), lockMilliseconds, ...times });
  const token = newSecret();
  await store.createToken({
    ...{
      hash: hashSecret(token),
      name: randomBytes(4).toString('hex'),
      tenant: 1,
      idp: 'generic',
      scope: 'scim',
    },
  });
  const http = await startServer({ basePath: '/scim/v2', store, host: '127.0.0.1', port: 0, ...options });
  t.after(async () => {
    await http.close();
    await store.close();
  });
  const request: Running['request'] = async (method, path, body) => {
    const response = await fetch(http.url + path, {
      method,
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/scim+json' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    return {
      status: response.status,
      retryAfter: Number(response.headers.get('retry-after') ?? 0),
      json: await response.json().catch(() => undefined),
    };
  };
  const running: Running = {
    store,
    request,
    create: (userName) => request('POST', '/Users', newUser(userName === undefined ? {} : { userName })),
    find: (userName) => request('GET', `/Users?filter=${encodeURIComponent(`userName eq "${userName}"`)}`),
    writesAgain: () => until('a write', async () => (await running.create()).status === 201).then(() => {}),
  };
  return running;
}

function assertTryAgain(answer: Answer, detail: RegExp, status = 503): void {
  assert.equal(answer.status, status, JSON.stringify(answer.json));
  assert.match(answer.json.detail, detail);
  assert.ok(answer.retryAfter > 0, 'Retry-After');
}

async function asAdmin<T>(url: string, action: (client: pg.Client) => Promise<T>): Promise<T> {
  const schema = new URL(url).searchParams.get('schema');
  const address = new URL(url);
  address.searchParams.delete('schema');
  const client = new pg.Client({
    connectionString: address.href,
    ...(schema === null ? {} : { options: `-c search_path=${schema}` }),
  });
  client.on('error', () => {});
  await client.connect();
  try {
    return await action(client);
  } finally {
    await client.end();
  }
}

/** A port that leads to another one, as that of a balancer or a name of the DNS does. */
async function balancer(
  t: TestContext,
  port: number,
): Promise<{ port: number; leadTo(port: number): void; cut(): void }> {
  let target = port;
  let isCut = false;
  const pairs: [Socket, Socket][] = [];
  const separate = (near: Socket, far: Socket): void => {
    near.unpipe(far);
    far.unpipe(near);
  };
  const open = new Set<Socket>();
  const proxy = createServer((near) => {
    const far = connect(target, '127.0.0.1');
    open.add(near);
    near.pipe(far).pipe(near);
    if (isCut) separate(near, far);
    pairs.push([near, far]);
    for (const end of [near, far])
      end.on('error', () => {
        near.destroy();
        far.destroy();
      });
    near.on('close', () => {
      open.delete(near);
      far.destroy();
    });
    far.on('close', () => near.destroy());
  });
  await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
  t.after(() => {
    for (const socket of open) socket.destroy();
    proxy.close();
  });
  return {
    port: (proxy.address() as { port: number }).port,
    leadTo(other) {
      target = other;
      isCut = false;
      for (const socket of open) socket.destroy();
    },
    cut() {
      isCut = true;
      for (const [near, far] of pairs) separate(near, far);
    },
  };
}

test('PostgreSQL restarts: 503 with Retry-After meanwhile, then all goes on without a restart of scimd', async (t) => {
  const own = await startPostgres({ fsync: 'on' });
  t.after(() => own.close());
  const scimd = await scimdOn(t, await own.newDatabase());
  assert.equal((await scimd.create('before@example.com')).status, 201);
  await own.stop('SIGINT');
  assertTryAgain(await scimd.create(), /cannot be reached/);
  assertTryAgain(await scimd.find('before@example.com'), /cannot be reached/);
  await assert.rejects(async () => scimd.store.checkReady(), { code: 'unavailable' });
  await own.start();
  await scimd.writesAgain();
  assert.equal((await scimd.find('before@example.com')).json.totalResults, 1);
  await scimd.store.checkReady();
});

test('the connection is lost behind a commit: the answer is that it is done, with what the transaction has read', async (t) => {
  const way = await balancer(t, server.port);
  const url = new URL(await server.newDatabase());
  url.port = String(way.port);
  const scimd = await scimdOn(t, url.href);
  const nowhere = await freePort();
  /** Nothing can be read any more from the moment on when it is stored. */
  const cutBehind = async (method: string, path: string, body: object): Promise<Answer> => {
    const forget = scimd.store.onCommit(() => way.leadTo(nowhere));
    try {
      return await scimd.request(method, path, body);
    } finally {
      forget();
      way.leadTo(server.port);
    }
  };
  const patchOf = (...operations: object[]) => ({
    schemas: ['urn:ietf:params:scim:api:messages:2.0:PatchOp'],
    Operations: operations,
  });
  const groupOf = (displayName: string, members: object[]) => ({
    schemas: ['urn:ietf:params:scim:schemas:core:2.0:Group'],
    displayName,
    members,
  });
  const { json: ada } = await scimd.create('ada@example.com');
  const small = (await scimd.request('POST', '/Groups', groupOf('small', []))).json;
  const added = await cutBehind(
    'PATCH',
    `/Groups/${small.id}`,
    patchOf({ op: 'add', path: 'members', value: [{ value: ada.id }] }),
  );
  assert.equal(added.status, 200, JSON.stringify(added.json));
  assert.deepEqual(
    added.json.members.map(({ value }: { value: string }) => value),
    [ada.id],
  );
  const read = await scimd.request('GET', `/Groups/${small.id}`);
  assert.deepEqual(read.json, added.json);

  const titled = await cutBehind(
    'PATCH',
    `/Users/${ada.id}`,
    patchOf({ op: 'add', path: 'title', value: 'x' }),
  );
  assert.equal(titled.status, 200, JSON.stringify(titled.json));
  assert.equal(titled.json.groups[0].value, small.id);

  const strangers = Array.from({ length: 101 }, (_, n) => ({ value: `s${n}` }));
  const large = (await scimd.request('POST', '/Groups', groupOf('large', strangers))).json;
  const removed = await cutBehind(
    'PATCH',
    `/Groups/${large.id}`,
    patchOf({ op: 'add', path: 'members', value: [{ value: ada.id }] }),
  );
  assert.equal(removed.status, 204);
  assert.equal((await scimd.request('GET', `/Groups/${large.id}`)).json.members.length, 102);

  // What PUT answers is read behind it.
  const replaced = await cutBehind('PUT', `/Groups/${small.id}`, groupOf('smaller', []));
  assert.equal(replaced.status, 204);
  const put = await scimd.request('GET', `/Groups/${small.id}`);
  assert.deepEqual([put.json.displayName, put.json.members], ['smaller', undefined]);
});

test('failover to a real standby: reads go on there, writes are 503 until it is promoted, nothing acknowledged is lost', async (t) => {
  const primary = await startPostgres({ fsync: 'on', synchronous_standby_names: '' });
  t.after(() => primary.close());
  const standby = await primary.standby();
  t.after(() => standby.close());
  const way = await balancer(t, primary.port);
  const url = new URL(await primary.newDatabase());
  url.port = String(way.port);
  const scimd = await scimdOn(t, url.href);
  const acknowledged: string[] = [];
  for (let n = 0; n < 20; n++) {
    const name = `user${n}@example.com`;
    assert.equal((await scimd.create(name)).status, 201);
    acknowledged.push(name);
  }
  await until('the standby', () =>
    asAdmin(standby.url, async (client) => {
      const { rows } = await client.query<{ lsn: string }>('SELECT pg_last_wal_replay_lsn()::text AS lsn');
      const now = await asAdmin(primary.url, (one) =>
        one.query<{ lsn: string }>('SELECT pg_current_wal_lsn()::text AS lsn'),
      );
      return rows[0]?.lsn === now.rows[0]?.lsn;
    }),
  );
  await primary.stop('SIGKILL');
  way.leadTo(standby.port);
  await until('reads', async () => (await scimd.find('user3@example.com')).status === 200);
  assertTryAgain(await scimd.create(), /Nothing can be written/);
  for (const name of acknowledged) assert.equal((await scimd.find(name)).json.totalResults, 1, name);
  await assert.rejects(async () => scimd.store.checkReady(), { code: 'readonly' });
  await asAdmin(standby.url, (client) => client.query('SELECT pg_promote()'));
  await scimd.writesAgain();
  await scimd.store.checkReady();
  const { problems } = await scimd.store.past.verify({ tenant: 1 });
  assert.deepEqual(problems, []);
});

test('no connection left: those that there are serve, with one at least; with none it is 503, until there is one', async (t) => {
  const url = await server.newDatabase();
  const role = `r${randomBytes(4).toString('hex')}`;
  const schema = new URL(url).searchParams.get('schema');
  await (await openPostgresStore({ url, registry: standardRegistry() })).close();
  await asAdmin(url, async (client) => {
    await client.query(`CREATE ROLE ${role} LOGIN PASSWORD 'p' CONNECTION LIMIT 4`);
    await client.query(`GRANT USAGE ON SCHEMA ${schema} TO ${role}`);
    await client.query(`GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA ${schema} TO ${role}`);
    await client.query(`GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA ${schema} TO ${role}`);
  });
  const limited = new URL(url);
  limited.username = role;
  limited.password = 'p';
  const scimd = await scimdOn(t, limited.href);
  const many = await Promise.all(
    Array.from({ length: 40 }, (_, n) =>
      n % 2 === 0 ? scimd.create() : scimd.request('GET', '/Users?filter=userName%20sw%20%22u%22'),
    ),
  );
  assert.deepEqual([...new Set(many.map(({ status }) => status))].sort(), [200, 201]);

  // All are taken by somebody else.
  const closeAll = () =>
    asAdmin(url, (client) =>
      client.query(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = '${role}'`),
    );
  await asAdmin(url, (client) => client.query(`ALTER ROLE ${role} CONNECTION LIMIT 0`));
  await closeAll();
  await until('a refusal', async () => (await scimd.create()).status === 503);
  assertTryAgain(await scimd.create(), /connection/);
  assertTryAgain(await scimd.find('a'), /connection/);
  await asAdmin(url, (client) => client.query(`ALTER ROLE ${role} CONNECTION LIMIT 4`));
  await scimd.writesAgain();
});

test('the disk of PostgreSQL is full: writes are 507, reads go on, and writes when there is space again', async (t) => {
  const place = mkdtempSync(join(tmpdir(), 'scimd-full-'));
  try {
    execFileSync('sh', ['-c', `mount -t tmpfs -o size=48m tmpfs '${place}'`], { stdio: 'ignore' });
  } catch {
    rmSync(place, { recursive: true });
    t.skip('a small disk can only be mounted by root');
    return;
  }
  t.after(() => {
    execFileSync('sh', ['-c', `umount -l '${place}'`]);
    rmSync(place, { recursive: true, force: true });
  });
  const folder = join(place, 'space');
  mkdirSync(folder);
  chownSync(folder, 65534, 65534);
  const url = new URL(await server.newDatabase());
  const name = `small${randomBytes(4).toString('hex')}`;
  await asAdmin(server.url, async (client) => {
    await client.query(`CREATE TABLESPACE ${name} LOCATION '${folder}'`);
    await client.query(`CREATE DATABASE ${name} TABLESPACE ${name} TEMPLATE template0 ENCODING 'UTF8'`);
  });
  url.pathname = `/${name}`;
  const scimd = await scimdOn(t, url.href);
  t.after(async () => {
    await asAdmin(server.url, async (client) => {
      await client.query(`DROP DATABASE ${name} WITH (FORCE)`);
      await client.query(`DROP TABLESPACE ${name}`);
    });
  });
  assert.equal((await scimd.create('before@example.com')).status, 201);
  const ballast = join(place, 'ballast');
  execFileSync('sh', ['-c', `head -c 100m /dev/zero > '${ballast}' || true`], { stdio: 'ignore' });
  let full: Answer | undefined;
  for (let n = 0; n < 3000 && full === undefined; n++) {
    const answer = await scimd.create();
    if (answer.status !== 201) full = answer;
  }
  assert.ok(full !== undefined);
  assertTryAgain(full, /no space left/, 507);
  assert.equal((await scimd.find('before@example.com')).json.totalResults, 1);
  rmSync(ballast);
  await scimd.writesAgain();
  await scimd.store.checkReady();
});

test('somebody holds a lock: 503 with Retry-After, reads go on', async (t) => {
  const url = await server.newDatabase();
  const scimd = await scimdOn(t, url);
  assert.equal((await scimd.create('before@example.com')).status, 201);
  await asAdmin(url, async (client) => {
    await client.query('BEGIN');
    await client.query('SELECT 1 FROM change_counter FOR UPDATE');
    assertTryAgain(await scimd.create(), /Another process is writing/);
    assert.equal((await scimd.find('before@example.com')).json.totalResults, 1);
    await client.query('ROLLBACK');
  });
  await scimd.writesAgain();
});

test('somebody keeps a whole table locked: 503 for whoever reads too, and nothing waits on in PostgreSQL', async (t) => {
  const url = await server.newDatabase();
  const scimd = await scimdOn(t, url, {}, { lookUpMilliseconds: 500 });
  const { json } = await scimd.create('before@example.com');
  for (const table of ['document', 'resource'])
    await asAdmin(url, async (client) => {
      await client.query('BEGIN');
      await client.query(`LOCK TABLE ${table} IN ACCESS EXCLUSIVE MODE`);
      const began = performance.now();
      const ask = [
        ...Array.from({ length: 40 }, () => scimd.request('GET', `/Users/${json.id}`)),
        ...[scimd.find('before@example.com'), scimd.create()],
      ];
      for (const answer of await Promise.all(ask)) assertTryAgain(answer, /cannot be reached|is writing/);
      assert.ok(performance.now() - began < 5000);
      await until('nobody who waits', async () => {
        const { rows } = await client.query(
          'SELECT 1 FROM pg_locks WHERE NOT granted AND relation = to_regclass($1)',
          [table],
        );
        return rows.length === 0;
      });
      await client.query('ROLLBACK');
      assert.equal((await scimd.request('GET', `/Users/${json.id}`)).status, 200);
    });
  await scimd.writesAgain();
});

test('the way to PostgreSQL is cut without a word: 503 within seconds, and all goes on when it is there again', async (t) => {
  const between = await balancer(t, server.port);
  const url = new URL(await server.newDatabase());
  url.port = String(between.port);
  url.searchParams.set('connect_timeout', '1');
  const times = { lookUpMilliseconds: 500, statementMilliseconds: 500 };
  const scimd = await scimdOn(t, url.href, { limits: { answerSeconds: 1 } }, times);
  const { json } = await scimd.create('before@example.com');
  assert.equal((await scimd.request('GET', '/Users?count=2')).status, 200);
  between.cut();
  const began = performance.now();
  const answers = await Promise.all([
    scimd.request('GET', `/Users/${json.id}`),
    scimd.find('before@example.com'),
    scimd.request('GET', '/Users?count=2'),
    scimd.request('GET', '/Users?filter=title%20co%20%22x%22'),
    scimd.create('while@example.com'),
  ]);
  for (const { status, json: body } of answers) assert.equal(status, 503, JSON.stringify(body));
  assert.ok(performance.now() - began < 25_000, String(performance.now() - began));
  between.leadTo(server.port);
  await scimd.writesAgain();
  assert.equal((await scimd.find('before@example.com')).json.totalResults, 1);
  const { totalResults } = (await scimd.find('while@example.com')).json;
  assert.equal(totalResults, 0);
});

test('others are in the way each time that it is tried, of a deadlock say: 503 with Retry-After', async (t) => {
  const url = await server.newDatabase();
  const scimd = await scimdOn(t, url);
  for (const code of ['40P01', '40001']) {
    await asAdmin(url, (client) =>
      client.query(`CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS
  'BEGIN RAISE EXCEPTION ''deadlock detected'' USING ERRCODE = ''${code}''; END';
CREATE TRIGGER fails BEFORE INSERT ON resource EXECUTE FUNCTION fail()`),
    );
    assertTryAgain(await scimd.create(), /Another process is writing; nothing was changed/);
    await asAdmin(url, (client) => client.query('DROP FUNCTION fail() CASCADE'));
    assert.equal((await scimd.create()).status, 201);
  }
});

test('a statement that takes too long is cancelled: by limits.answerSeconds, and by the server’s own statement_timeout', async (t) => {
  const url = await server.newDatabase();
  const scimd = await scimdOn(t, url, { limits: { answerSeconds: 1 } }, { lockMilliseconds: 5000 });
  assert.equal((await scimd.create('before@example.com')).status, 201);
  const list = () => scimd.request('GET', '/Users?filter=title%20co%20%22x%22');
  await asAdmin(url, async (client) => {
    await client.query('BEGIN');
    await client.query('LOCK TABLE document_keys IN ACCESS EXCLUSIVE MODE');
    const answer = await list();
    assert.equal(answer.status, 503);
    assert.match(answer.json.detail, /took longer than 1 s/);
    const { rows } = await asAdmin(url, (one) =>
      one.query(
        "SELECT count(*)::int AS n FROM pg_stat_activity WHERE query LIKE '%document_keys%' AND wait_event_type = 'Lock'",
      ),
    );
    assert.equal(rows[0]?.n, 0, 'nothing waits any more');
    await client.query('ROLLBACK');
  });
  assert.equal((await list()).status, 200);

  const role = `r${randomBytes(4).toString('hex')}`;
  const schema = new URL(url).searchParams.get('schema');
  await asAdmin(url, async (client) => {
    await client.query(`CREATE ROLE ${role} LOGIN SUPERUSER PASSWORD 'p'`);
    await client.query(`ALTER ROLE ${role} SET statement_timeout = '200ms'`);
    await client.query(`ALTER ROLE ${role} SET search_path = ${schema}`);
  });
  const other = new URL(url);
  other.username = role;
  other.password = 'p';
  const limited = await scimdOn(t, other.href);
  await asAdmin(url, async (client) => {
    await client.query('BEGIN');
    await client.query('LOCK TABLE resource IN ACCESS EXCLUSIVE MODE');
    const began = performance.now();
    assertTryAgain(await limited.find('before@example.com'), /took too long|is busy|is writing/);
    assert.ok(performance.now() - began < 5000);
    await client.query('ROLLBACK');
  });
  assert.equal((await limited.find('before@example.com')).json.totalResults, 1);
});

const pgbouncer = ['/usr/sbin/pgbouncer', '/usr/bin/pgbouncer'].find((file) => existsSync(file));

test('PgBouncer in transaction mode: many clients over few connections, and again after it was restarted', async (t) => {
  if (pgbouncer === undefined) {
    t.skip('there is no pgbouncer: Debian has it as a package');
    return;
  }
  const folder = mkdtempSync(join(tmpdir(), 'scimd-bouncer-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const role = `r${randomBytes(4).toString('hex')}`;
  await asAdmin(server.url, async (client) => {
    await client.query(`CREATE ROLE ${role} LOGIN PASSWORD 'p'`);
    await client.query(`CREATE SCHEMA ${role} AUTHORIZATION ${role}`);
    await client.query(`ALTER ROLE ${role} SET search_path = ${role}`);
  });
  const port = await freePort();
  writeFileSync(join(folder, 'users.txt'), `"${role}" "p"\n`);
  writeFileSync(
    join(folder, 'pgbouncer.ini'),
    [
      ...['[databases]', `* = host=127.0.0.1 port=${server.port}`, '[pgbouncer]', 'listen_addr = 127.0.0.1'],
      ...[
        `listen_port = ${port}`,
        'unix_socket_dir =',
        'auth_type = plain',
        `auth_file = ${folder}/users.txt`,
      ],
      ...['pool_mode = transaction', 'default_pool_size = 3', 'max_client_conn = 200'],
    ].join('\n'),
  );
  const isRoot = userInfo().uid === 0;
  if (isRoot)
    for (const name of ['', 'users.txt', 'pgbouncer.ini']) chownSync(join(folder, name), 65534, 65534);
  const start = () => {
    const started = spawn(pgbouncer, ['-q', join(folder, 'pgbouncer.ini')], {
      stdio: 'ignore',
      ...(isRoot ? { uid: 65534, gid: 65534 } : {}),
    });
    t.after(() => started.kill('SIGKILL'));
    return started;
  };
  let bouncer = start();
  const url = `postgres://${role}:p@127.0.0.1:${port}/postgres?sslmode=disable&prepare=false`;
  await until('PgBouncer', () =>
    asAdmin(url.replace('&prepare=false', ''), async () => true).catch(() => false),
  );
  const servers = [
    await scimdOn(t, url, {}, { lockMilliseconds: 5000 }),
    await scimdOn(t, url, {}, { lockMilliseconds: 5000 }),
  ];
  const group = await (servers[0] as Running).request('POST', '/Groups', {
    schemas: ['urn:ietf:params:scim:schemas:core:2.0:Group'],
    displayName: 'g',
  });
  assert.equal(group.status, 201);
  const work = await Promise.all(
    Array.from({ length: 60 }, async (_, n) => {
      const scimd = servers[n % 2] as Running;
      const { status, json } = await scimd.create();
      assert.equal(status, 201, JSON.stringify(json));
      const added = await scimd.request('PATCH', `/Groups/${group.json.id}`, {
        schemas: ['urn:ietf:params:scim:api:messages:2.0:PatchOp'],
        Operations: [{ op: 'add', path: 'members', value: [{ value: json.id }] }],
      });
      const list = await scimd.request('GET', `/Users?filter=userName%20eq%20%22${json.userName}%22`);
      assert.equal(list.json.totalResults, 1);
      return added.status;
    }),
  );
  assert.ok(
    work.every((status) => status === 200 || status === 204),
    JSON.stringify(work),
  );
  const read = await (servers[1] as Running).request('GET', `/Groups/${group.json.id}`);
  assert.equal(read.json.members.length, 60);
  for (const { store } of servers) assert.deepEqual((await store.past.verify({ tenant: 1 })).problems, []);

  const ended = new Promise((resolve) => bouncer.once('exit', resolve));
  bouncer.kill('SIGKILL');
  await ended;
  assertTryAgain(await (servers[0] as Running).create(), /cannot be reached/);
  bouncer = start();
  for (const scimd of servers) await scimd.writesAgain();
});
