import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { until } from '../until.ts';
import { scimd, secretPattern, serving, temporaryFolder } from './scimd.ts';

const inMemory = ['serve', '--port', '0', '--database', ':memory:'];
const withToken = (token: string) => ({ headers: { Authorization: `Bearer ${token}` } });
const statusOf = async (url: string, token: string) => (await fetch(`${url}/Users`, withToken(token))).status;

describe('the first start', () => {
  test('prints the address, a token that works, and what to enter at Okta and Entra', async () => {
    const folder = temporaryFolder();
    const server = await serving(['--port', '0'], { folder });
    const { stdout } = server.output;
    assert.match(stdout, /^listening on http:\/\/127\.0\.0\.1:\d+\/scim\/v2$/m);
    const secrets = stdout.match(new RegExp(secretPattern, 'g')) ?? [];
    assert.equal(secrets.length, 1, 'the token is printed once');
    assert.match(stdout, /SCIM connector base URL +http:.*\n.*userName\n.*HTTP Header/);
    assert.match(stdout, /Tenant URL +http:.*\n +Secret Token/);
    assert.equal(await statusOf(server.url, secrets[0]!), 200);
    assert.equal(await statusOf(server.url, `scimd_${'x'.repeat(43)}`), 401);
    const { status, stderr } = await server.stop();
    assert.equal(status, 0);
    assert.doesNotMatch(stderr, secretPattern, 'no token in the log');

    const again = await serving(['--port', '0'], { folder });
    assert.doesNotMatch(again.output.stdout, secretPattern, 'and never again');
    assert.equal(await statusOf(again.url, secrets[0]!), 200);
    await again.stop();
  });

  test('with --json is one line of JSON', async () => {
    const server = await serving([...inMemory, '--json', '--log-level', 'silent'], {
      folder: temporaryFolder(),
    });
    const { stdout, stderr } = await server.stop();
    const { listening, token } = JSON.parse(stdout);
    assert.equal(listening, server.url);
    assert.match(token, secretPattern);
    assert.equal(stderr, '');
  });

  test('that fails to listen leaves no token behind', async () => {
    const folder = temporaryFolder();
    const other = await serving(inMemory, { folder });
    const { port } = new URL(other.url);
    const failed = await scimd(['serve', '--port', port, '--database', 'x.db'], { folder });
    assert.equal(failed.status, 1);
    assert.equal(failed.stdout, '');
    assert.match(
      failed.stderr,
      /^scimd: port \d+ on 127\.0\.0\.1 is in use\nStop the program that has it, or take another/m,
    );
    await other.stop();
    assert.deepEqual(
      JSON.parse((await scimd(['token', 'list', '--json', '--database', 'x.db'], { folder })).stdout),
      [],
    );
  });
});

describe('with a log of JSON lines', () => {
  const lines = (text: string) =>
    text
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));

  test('all that a pipe of both outputs gets is JSON, from the first line on, with address and token', {
    skip: process.platform === 'win32',
  }, async () => {
    const under = ['sh', '-c', 'exec "$@" 2>&1', 'sh'];
    const server = await serving(inMemory, { folder: temporaryFolder(), under });
    const { stdout, stderr } = await server.stop();
    assert.equal(stderr, '');
    const told = lines(stdout).find(({ token }) => token !== undefined);
    assert.equal(told.url, server.url);
    assert.match(told.token, secretPattern);
    assert.ok(lines(stdout).every(({ level, time, msg }) => level && time && msg));
  });

  test('that was asked for, standard output has JSON lines too', async () => {
    const server = await serving([...inMemory, '--log-format', 'json'], { folder: temporaryFolder() });
    const { stdout, stderr } = await server.stop();
    assert.equal(lines(stdout).length, 1);
    assert.equal(lines(stdout)[0].msg, `listening on ${server.url}`);
    assert.ok(lines(stderr).length > 0);
  });
});

describe('a bootstrap token', () => {
  const bootstrap = 'bootstrap-token-of-43-characters-0123456789';
  const environment = { SCIMD_BOOTSTRAP_TOKEN: bootstrap };

  test('is the first token, and is never printed', async () => {
    const server = await serving(inMemory, { folder: temporaryFolder(), environment });
    assert.equal(await statusOf(server.url, bootstrap), 200);
    const { stdout, stderr } = await server.stop();
    assert.doesNotMatch(stdout + stderr, secretPattern);
    assert.doesNotMatch(stdout + stderr, new RegExp(bootstrap));
  });

  test('is read from a file, by variable or by flag', async () => {
    const folder = temporaryFolder();
    writeFileSync(join(folder, 'secret'), `${bootstrap}\n`);
    const byVariable = await serving(inMemory, {
      folder,
      environment: { SCIMD_BOOTSTRAP_TOKEN_FILE: 'secret' },
    });
    assert.equal(await statusOf(byVariable.url, bootstrap), 200);
    await byVariable.stop();
    const byFlag = await serving([...inMemory, '--bootstrap-token-file', 'secret'], { folder });
    assert.equal(await statusOf(byFlag.url, bootstrap), 200);
    await byFlag.stop();
  });

  test('that is not of a database with tokens is ignored, and the log says so', async () => {
    const folder = temporaryFolder();
    await scimd(['token', 'create', '--name', 'okta'], { folder });
    const server = await serving(['serve', '--port', '0'], { folder, environment });
    assert.equal(await statusOf(server.url, bootstrap), 401);
    const { stdout, stderr } = await server.stop();
    assert.doesNotMatch(stdout, secretPattern);
    assert.match(stderr, /the bootstrap token is ignored/);
  });

  test('that is known already starts in silence; revoked, the log says so', async () => {
    const folder = temporaryFolder();
    await (await serving(['serve', '--port', '0'], { folder, environment })).stop();
    const again = await serving(['serve', '--port', '0'], { folder, environment });
    assert.equal(await statusOf(again.url, bootstrap), 200);
    assert.doesNotMatch((await again.stop()).stderr, /bootstrap/);
    assert.equal((await scimd(['token', 'revoke', 'first'], { folder })).status, 0);
    const revoked = await serving(['serve', '--port', '0'], { folder, environment });
    assert.equal(await statusOf(revoked.url, bootstrap), 401);
    assert.match((await revoked.stop()).stderr, /the bootstrap token is revoked or expired/);
  });
});

describe('the end', () => {
  for (const signal of ['SIGTERM', 'SIGINT'] as const)
    test(`${signal} is an orderly one`, async () => {
      const server = await serving(inMemory, { folder: temporaryFolder() });
      server.signal(signal);
      const { status, stderr } = await server.end;
      assert.equal(status, 0);
      assert.match(stderr, new RegExp(`"signal":"${signal}","msg":"stopping"`));
      assert.match(stderr, /"msg":"stopped"/);
    });

  test('comes with npm’s, whose shell passes no signal on', {
    skip: process.platform === 'win32',
  }, async () => {
    const npm = spawn('npm', ['start', '--silent', '--', '--port', '0', '--database', ':memory:'], {
      cwd: fileURLToPath(new URL('../..', import.meta.url)),
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    let text = '';
    npm.stdout.setEncoding('utf8').on('data', (chunk) => (text += chunk));
    const url = await until('its address', () => /listening on (\S+)\s/.exec(text)?.[1]);
    npm.kill('SIGTERM');
    // The server holds the other end of the pipe.
    await once(npm.stdout, 'close');
    await assert.rejects(fetch(url));
  });

  test('waits for a running request; a second signal does not', async () => {
    const server = await serving(inMemory, { folder: temporaryFolder() });
    const token = secretPattern.exec(server.output.stdout)![0];
    const { hostname, port, pathname } = new URL(server.url);
    const head = `POST ${pathname}/Users HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${token}\r\nContent-Type: application/scim+json\r\n`;
    const body = JSON.stringify({
      schemas: ['urn:ietf:params:scim:schemas:core:2.0:User'],
      userName: 'slow',
    });
    const begin = async () => {
      const socket = connect(Number(port), hostname);
      socket.on('error', () => {});
      // An answer to what comes before it shows that it has come.
      const before = 'GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n';
      socket.write(`${before}${head}Content-Length: ${body.length}\r\n\r\n${body.slice(0, 5)}`);
      await once(socket, 'data');
      return socket;
    };
    const slow = await begin();
    const stuck = await begin();
    server.signal('SIGTERM');
    await until('the stop', () => server.output.stderr.includes('"stopping"'));
    const answer = new Promise<string>((resolve) => slow.once('data', (chunk) => resolve(chunk.toString())));
    slow.write(body.slice(5));
    assert.match(await answer, /^HTTP\/1\.1 201 /, 'what had begun is answered');
    // Longer than two signals count as one.
    await new Promise((resolve) => setTimeout(resolve, 1000));
    server.signal('SIGTERM');
    const { status, stderr } = await server.end;
    assert.equal(status, 1);
    assert.match(stderr, /"stopping"[\s\S]*"forced to stop"/);
    slow.destroy();
    stuck.destroy();
  });

  test('is as orderly when who ends the process ends its group too, which makes two signals of one', async () => {
    const server = await serving(inMemory, { folder: temporaryFolder() });
    server.signal('SIGTERM');
    server.signal('SIGINT');
    const { status, stderr } = await server.end;
    assert.equal(status, 0);
    assert.match(stderr, /"msg":"stopped"/);
    assert.doesNotMatch(stderr, /forced/);
  });

  test('does not wait for a connection that is kept open', async () => {
    const server = await serving(inMemory, { folder: temporaryFolder() });
    const token = secretPattern.exec(server.output.stdout)![0];
    assert.equal(await statusOf(server.url, token), 200); // fetch keeps the connection
    const started = performance.now();
    assert.equal((await server.stop()).status, 0);
    // It would be cut off at the end of the grace, which is 30 seconds.
    assert(performance.now() - started < 10_000);
  });
});

test('serve and config check refuse what would lead clients elsewhere, and a bootstrap token that can be guessed', async () => {
  const folder = temporaryFolder();
  for (const [args, environment, message] of [
    [
      ['--base-url', 'https://id.example.com'],
      {},
      /flag --base-url: the path of baseUrl, which is empty, must be basePath, which is \/scim\/v2/,
    ],
    [
      ['--base-url', 'https://id.example.com/scim'],
      {},
      /which is \/scim, must be basePath, which is \/scim\/v2/,
    ],
    [
      ['--base-url', 'https://id.example.com/scim/v2', '--base-path', '/x'],
      {},
      /must be basePath, which is \/x/,
    ],
    [[], { SCIMD_BOOTSTRAP_TOKEN: 'changeme' }, /SCIMD_BOOTSTRAP_TOKEN: the bootstrap token can be guessed/],
  ] as const) {
    for (const command of [
      ['serve', '--port', '0', '--database', ':memory:'],
      ['config', 'check'],
    ]) {
      const { status, stdout, stderr } = await scimd([...command, ...args], { folder, environment });
      assert.equal(status, 2);
      assert.match(stderr, message);
      assert.doesNotMatch(stdout + stderr, /changeme/);
    }
  }
});

describe('what cannot be served says why and what to do', () => {
  const cases: readonly (readonly [string, string[], RegExp])[] = [
    [
      'a folder that does not exist',
      ['--database', 'none/scimd.db'],
      /none\/scimd\.db cannot be opened: its folder does not exist\nCreate the folder\./,
    ],
    ['a file that is no database', ['--database', 'text.db'], /not an SQLite database.*\n.*Give the path/],
    ['a folder in place of the database', ['--database', 'folder'], /cannot be opened.*\n\S/],
    [
      'an address of another machine',
      ['--database', ':memory:', '--insecure-http', '--host', '192.0.2.1'],
      /192\.0\.2\.1 is not an address of this machine/,
    ],
    [
      'a name that nobody knows',
      ['--database', ':memory:', '--insecure-http', '--host', 'nowhere.invalid'],
      /nowhere\.invalid cannot be resolved/,
    ],
  ];
  for (const [what, args, expected] of cases)
    test(what, async () => {
      const folder = temporaryFolder();
      writeFileSync(
        join(folder, 'text.db'),
        'This is a text, and long enough not to be taken for an empty file. '.repeat(20),
      );
      mkdirSync(join(folder, 'folder'));
      const { status, stdout, stderr } = await scimd(['serve', '--port', '0', ...args], { folder });
      assert.match(stderr, expected);
      assert.doesNotMatch(stderr, /^ +at /m, 'no stack');
      assert.equal(stdout, '');
      assert.equal(status, 1);
    });
});

test('scim.config.json in the folder is the configuration, and the repository’s own is valid', async () => {
  const folder = temporaryFolder();
  const shipped = JSON.parse(readFileSync(new URL('../../scim.config.json', import.meta.url), 'utf8'));
  writeFileSync(join(folder, 'scim.config.json'), JSON.stringify({ ...shipped, port: 0, basePath: '/v2' }));
  const server = await serving([], { folder });
  assert.match(server.url, /:\d+\/v2$/);
  await server.stop();
});

test('SIGHUP takes over what can change, names what cannot, and survives a wrong file', async () => {
  const folder = temporaryFolder();
  const write = (settings: object) =>
    writeFileSync(join(folder, 'scim.config.json'), JSON.stringify(settings));
  write({ port: 0, database: ':memory:' });
  const server = await serving([], { folder });
  const logged = (message: string) => until(message, () => server.output.stderr.includes(message));
  write({ port: 'x', database: ':memory:' });
  server.signal('SIGHUP');
  await logged('the configuration is wrong');
  write({ port: 0, database: ':memory:', logLevel: 'warn', basePath: '/other' });
  server.signal('SIGHUP');
  await logged('"settings":["basePath"],"msg":"these settings take effect after a restart"');
  const { status, stderr } = await server.stop();
  assert.equal(status, 0);
  assert.doesNotMatch(stderr, /stopped/, 'only warnings since');
});

test('SIGHUP changes limits, proxies and ways to authenticate for the requests that come then', async () => {
  const folder = temporaryFolder();
  const write = (settings: object) =>
    writeFileSync(
      join(folder, 'scim.config.json'),
      JSON.stringify({ port: 0, database: ':memory:', ...settings }),
    );
  write({});
  const server = await serving([], { folder });
  const token = secretPattern.exec(server.output.stdout)![0];
  const authorization = `Basic ${Buffer.from(`okta:${token}`).toString('base64')}`;
  const page = async (): Promise<{ status: number; maxResults?: number }> => {
    const response = await fetch(`${server.url}/ServiceProviderConfig`, { headers: { authorization } });
    const body = (await response.json()) as { filter?: { maxResults: number } };
    return { status: response.status, ...(body.filter ? { maxResults: body.filter.maxResults } : {}) };
  };
  assert.deepEqual(await page(), { status: 401 });
  write({ auth: { basic: true }, limits: { maxPageSize: 123 } });
  server.signal('SIGHUP');
  await until('the reload', () => server.output.stderr.includes('configuration read again'));
  assert.deepEqual(await page(), { status: 200, maxResults: 123 });
  const { stderr } = await server.stop();
  assert.match(stderr, /"changed":\["auth\.basic","limits\.maxPageSize"\]/);
  assert.doesNotMatch(stderr, /next start only/);
});

test('a server outlives the reader of its output', async () => {
  const server = await serving(inMemory, { folder: temporaryFolder() });
  const token = secretPattern.exec(server.output.stdout)![0];
  server.stopReading();
  assert.equal(await statusOf(server.url, token), 200);
  assert.equal((await server.stop()).status, 0);
});
