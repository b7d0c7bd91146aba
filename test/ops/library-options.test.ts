/** createScimd checks its options as the command line does, before it makes anything. */
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { ConfigurationError, createScimd, type ScimdOptions } from '../../src/index.ts';
import { isGuessable } from '../../src/ops/guessable.ts';

const folder = mkdtempSync(join(tmpdir(), 'scimd-library-'));
after(() => rmSync(folder, { recursive: true, force: true }));

async function problems(options: object): Promise<readonly string[]> {
  try {
    await (await createScimd(options as ScimdOptions)).close();
    return [];
  } catch (error) {
    assert.ok(error instanceof ConfigurationError, String(error));
    return error.problems;
  }
}

const database = ':memory:';

describe('createScimd refuses', () => {
  for (const [options, ...expected] of [
    [
      { databse: join(folder, 'lost.db') },
      /^unknown option "databse", did you mean "database"\?$/,
      /^database must be a file name, :memory: or postgres:\/\/…, or store your tables$/,
    ],
    [{}, /^database must be/],
    [{ database: '' }, /^database must be a file name, :memory: or postgres:\/\/…, not ""$/],
    [{ database: 7 }, /^database must be/],
    [{ database, basePath: '/scim/v2/' }, /^basePath must start with a slash and not end with one/],
    [{ database, baseUrl: 'https://id.example' }, /the path of baseUrl, which is empty, must be basePath/],
    [
      { database, limits: { maxPagesize: 10 } },
      /^unknown option "limits.maxPagesize", did you mean "limits.maxPageSize"\?$/,
    ],
    [{ database, limits: { maxPageSize: 0 } }, /^limits\.maxPageSize must be a whole number from 1/],
    [{ database, limits: 5 }, /^limits must be an object, not 5$/],
    [
      { database, limits: { defaultPageSize: 50, maxPageSize: 10 } },
      /limits\.defaultPageSize, which is 50, must not exceed/,
    ],
    [
      { database, jwt: { issuer: 'x' } },
      /jwt\.issuer needs jwt\.audience too/,
      /jwt\.issuer needs jwt\.jwksUri/,
    ],
    [{ database, clock: 5 }, /^clock must be of the type function, not 5$/],
    [
      { database, tokenEndpoint: { second: 60 } },
      /unknown option "tokenEndpoint.second", did you mean "tokenEndpoint.seconds"\?/,
    ],
    [{ database, trustedProxies: ['10.0.0.0/99'] }, /^trustedProxies must be IP addresses/],
    [{ database, port: 80 }, /^unknown option "port"/],
  ] as readonly (readonly [object, ...RegExp[]])[])
    test(JSON.stringify(options), async () => {
      const found = await problems(options);
      assert.equal(found.length, expected.length, found.join('\n'));
      for (const [index, pattern] of expected.entries()) assert.match(found[index] ?? '', pattern);
    });

  test('and has made nothing', () => assert.equal(existsSync(join(folder, 'lost.db')), false));
});

test('createScimd takes all that it documents', async () => {
  const log = { info() {}, warn() {}, error() {} };
  const options: ScimdOptions = {
    ...{ database, basePath: '/x', baseUrl: 'https://id.example/x', trustedProxies: ['::1'] },
    ...{
      limits: { maxPageSize: 500 },
      basicAuth: true,
      tokenEndpoint: { seconds: 60 },
      publicDiscovery: true,
    },
    ...{
      sensitiveAttributes: ['emails'],
      containsIndex: ['displayName'],
      documentationUri: 'https://x.example',
    },
    ...{
      log,
      observe() {},
      onWrongToken() {},
      metrics: async () => '',
      isReady: () => true,
      clock: () => new Date(),
    },
    ...{ schemas: [], resourceTypes: [], jwt: undefined },
  };
  assert.deepEqual(await problems(options), []);
});

test('a new database and the files beside it are their owner’s alone', {
  skip: process.platform === 'win32',
}, async () => {
  const mask = process.umask(0o022);
  const file = join(folder, 'private.db');
  try {
    const scimd = await createScimd({ database: file });
    await scimd.createToken({ name: 'x' });
    for (const name of ['', '-wal', '-shm']) assert.equal(statSync(file + name).mode & 0o777, 0o600, name);
    await scimd.close();
  } finally {
    process.umask(mask);
  }
});

describe('a secret', () => {
  for (const secret of [
    'short',
    'changeme',
    'a'.repeat(64),
    'abcabcabcabcabcabcabcabcabcabcabcabc',
    '0123456789012345678901234567890123456789',
    'abcdefghijklmnopqrstuvwxyz',
    'password-password-password-password',
    'changeme-changeme-changeme-changeme-changeme',
    'admin-secret-password1234567890',
  ])
    test(`${secret} can be guessed`, () => assert.ok(isGuessable(secret)));

  for (const secret of [
    'kVw0b1pQ3nYtE8sZ7uLr2g',
    '9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08',
    'bootstrap-token-of-43-characters-0123456789',
    'correct.horse.battery.staple.envelope',
  ])
    test(`${secret} cannot`, () => assert.ok(!isGuessable(secret)));
});

const old = ['/usr/bin/node', '/usr/local/bin/node'].find((node) => {
  if (!existsSync(node)) return false;
  return Number(execFileSync(node, ['-p', 'process.versions.node.split(".")[0]'], { encoding: 'utf8' })) < 22;
});

test('on an older Node.js the library and the command say what they need', {
  skip: old === undefined && 'there is no Node.js before 22 here',
}, () => {
  const cwd = fileURLToPath(new URL('../..', import.meta.url));
  const run = (...args: string[]) =>
    spawnSync(old ?? '', ['--import', 'tsx', ...args], { cwd, encoding: 'utf8' });
  const library = run(
    '--input-type=module',
    '-e',
    `
    const { createScimd } = await import('./src/index.ts');
    await createScimd({ database: ':memory:' }).catch(({ message, code }) => console.log(code, message));`,
  );
  assert.match(library.stdout, /^no-addon scimd needs Node\.js 22 or newer; this is \d+\./);
  const command = run('src/main.ts', 'serve', '--port', '0');
  assert.equal(command.status, 1);
  assert.match(
    command.stderr,
    /^scimd: scimd needs Node\.js 22 or newer; this is \d+\..*\nInstall Node\.js 22/,
  );
});
