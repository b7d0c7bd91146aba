import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { commands } from '../../src/cli/commands.ts';
import { run } from '../../src/cli/run.ts';
import { parseExpiry } from '../../src/cli/time.ts';
import { definitionNames } from '../../src/ops/config-file.ts';
import { optionNames } from '../../src/ops/options.ts';
import { parseSpan } from '../../src/ops/span.ts';
import { scimd } from './scimd.ts';

const folder = mkdtempSync(join(tmpdir(), 'scimd-usage-'));
after(() => rmSync(folder, { recursive: true }));

/** Runs a command line that starts no server in this process. */
async function call(line: string, environment: Record<string, string> = {}) {
  const out: string[] = [];
  const err: string[] = [];
  const status = await run(commands, line.split(' ').filter(Boolean), {
    interactive: false,
    errorIsTerminal: false,
    color: false,
    environment,
    folder,
    print: (text) => void out.push(text),
    note: (text) => void err.push(text),
    renew: () => undefined,
    write: async () => {},
    written: async () => {},
  });
  return { status, stdout: out.join('\n'), stderr: err.join('\n') };
}

describe('help', () => {
  const topics = [
    '--help',
    'help settings',
    'help limits',
    'token --help',
    'tenant --help',
    'config --help',
    ...commands.map(({ name }) => `${name} --help`),
  ];
  for (const line of topics)
    test(`scimd ${line} fits a screen of 24 lines of 80 and has an example`, async () => {
      const { status, stdout, stderr } = await call(line);
      assert.equal(status, 0);
      assert.equal(stderr, '');
      const lines = stdout.split('\n');
      assert(lines.length <= 24, `${lines.length} lines`);
      assert.deepEqual(
        lines.filter((text) => text.length > 80),
        [],
      );
      assert.match(stdout, /^Example:\n {2}.*scimd /m);
    });

  test('help COMMAND is what COMMAND --help prints', async () => {
    assert.deepEqual(await call('help token create'), await call('token create --help'));
    assert.deepEqual(await call('help token'), await call('token -h'));
    assert.deepEqual(await call('help'), await call('--help'));
  });
  test('the overview tells every command and the exit statuses', async () => {
    const { stdout } = await call('--help');
    for (const { name } of commands) for (const word of name.split(' ')) assert(stdout.includes(word), word);
    assert.match(stdout, /0 done, 1 failed, 2 wrong usage/);
  });
  test('every example is a command line that is understood', async () => {
    for (const { example } of commands) {
      const [line = ''] = example
        .replace(/^source <\(|\)$/g, '')
        .replace(/^scimd /, '')
        .split(' > ');
      const { status, stderr } = await call(
        `${line} --help`.replace('help token create --help', 'help token create'),
      );
      assert.equal(status, 0, `${example}: ${stderr}`);
    }
  });
});

describe('a wrong command line ends with status 2 and says what was meant', () => {
  const cases: readonly (readonly [line: string, message: string])[] = [
    ['serv', 'unknown command "serv", did you mean "scimd serve"?'],
    ['tokens list', 'unknown command "tokens", did you mean "scimd token"?'],
    ['token lst', 'unknown command "token lst", did you mean "scimd token list"?'],
    ['xyzzy', 'unknown command "xyzzy"'],
    ['token', 'scimd token needs a command'],
    ['serve --prot 3', 'unknown flag --prot, did you mean "--port"?'],
    ['--prot=3', 'unknown flag --prot, did you mean "--port"?'],
    ['serve --xyzzy', 'unknown flag --xyzzy'],
    ['serve -p 3', 'unknown flag -p'],
    ['serve --port', '--port needs a value'],
    ['serve --port --host x', '--port needs a value'],
    ['serve --json=yes', '--json takes no value'],
    ['serve here', 'scimd serve takes no argument, but got "here"'],
    ['serve --port 1 --port 2', '--port has one value, but is given twice'],
    ['serve --config a --config b', '--config has one value, but is given twice'],
    ['serve --metrics --no-metrics', '--no-metrics has one value, but is given twice'],
    ['token create --name x --name y', '--name has one value, but is given twice'],
    [
      'group deactivate Guides',
      'unknown command "group deactivate": SCIM groups have no `active` (RFC 7643 §4.2); their users do',
    ],
    ['token create', 'scimd token create needs --name'],
    ['token create --name=', 'scimd token create needs --name'],
    [
      'token create --name x --idp octa',
      '--idp must be one of generic, strict, okta, entra, onelogin, jumpcloud, google, ping, not "octa", did you mean "okta"?',
    ],
    [
      'token create --name x --scope all',
      '--scope must be one of scim, read, admin, metrics, events, not "all"',
    ],
    [
      'token create --name x --expires soon',
      '--expires must be a span such as 90d, 12h, 2w or 1y, or a date, not "soon"',
    ],
    ['token create --name x --expires 2020-01-01', '--expires must be in the future, not 2020-01-01'],
    ['token create --name x --port 3', 'unknown flag --port'],
    ['token rotate x --overlap long', '--overlap must be a span such as 24h or 7d, not "long"'],
    ['token revoke', 'scimd token revoke needs ID|NAME'],
    ['token revoke a b', 'one ID|NAME only, but got "b" too'],
    ['completion', 'scimd completion needs SHELL'],
    ['completion fisch', 'SHELL must be one of bash, zsh, fish, not "fisch", did you mean "fish"?'],
    ['help tokn', 'no help on "tokn", did you mean "scimd help token"?'],
  ];
  for (const [line, message] of cases)
    test(line, async () => {
      const { status, stdout, stderr } = await call(line);
      const [first, second] = stderr.split('\n');
      assert.equal(first, `scimd: ${message}`);
      assert.match(second ?? '', /^See: scimd .*--help$/);
      assert.equal(stdout, '');
      assert.equal(status, 2);
    });
  test('an argument of no letters is mostly an unset variable of a script', async () => {
    const { status, stderr } = await scimd(['user', 'show', ''], { folder });
    assert.match(stderr, /^scimd: scimd user show: ID\|USERNAME is empty\n/);
    assert.equal(status, 2);
  });
  test('with --json as JSON', async () => {
    const { status, stderr } = await call('token create --json');
    assert.deepEqual(JSON.parse(stderr), {
      error: { message: 'scimd token create needs --name', advice: 'See: scimd token create --help' },
    });
    assert.equal(status, 2);
  });
});

test('a flag of a list may be repeated', async () => {
  const { stdout } = await call('config print --json --trusted-proxies 10.0.0.1 --trusted-proxies ::1,::2');
  assert.deepEqual(JSON.parse(stdout).settings.trustedProxies.value, ['10.0.0.1', '::1', '::2']);
});

test('help tells the tenant that is taken where none is named', async () => {
  for (const line of ['export', 'user list', 'user show', 'user deactivate', 'group list', 'group show'])
    assert.match((await call(`${line} --help`)).stdout, /--tenant TENANT +.*\[default\]$/m, line);
  assert.doesNotMatch((await call('token list --help')).stdout, /\[default\]/, 'these are of all');
});

describe('config', () => {
  test('print shows every setting and where it comes from, and no secret', async () => {
    const { status, stdout } = await call('config print --port 5', {
      SCIMD_HOST: '::1',
      SCIMD_BOOTSTRAP_TOKEN: 's3cret',
    });
    assert.equal(status, 0);
    assert.match(stdout, /^host +"::1" +SCIMD_HOST$/m);
    assert.match(stdout, /^port +5 +flag --port$/m);
    assert.match(stdout, /^bootstrapToken +"\[hidden\]" +SCIMD_BOOTSTRAP_TOKEN$/m);
    assert.match(stdout, /^schemas +\[\] +default$/m);
    assert.equal(stdout.split('\n').length, optionNames.length + definitionNames.length);
  });
  test('print --json says the same', async () => {
    const { stdout } = await call('config print --json --no-public-discovery');
    const { settings } = JSON.parse(stdout);
    assert.deepEqual(settings.publicDiscovery, { value: false, origin: 'flag --public-discovery' });
    assert.deepEqual(Object.keys(settings), [...optionNames, ...definitionNames]);
  });
  test('check tells all problems with status 2', async () => {
    const file = join(folder, 'wrong.json');
    writeFileSync(file, '{ "port": "x", "hots": 1 }');
    const { status, stdout, stderr } = await call(`config check --config ${file}`);
    assert.equal(status, 2);
    assert.equal(stdout, '');
    assert.equal(
      stderr.replaceAll(file, 'FILE'),
      'scimd: the configuration has 2 problems\n' +
        '  FILE:1:16: unknown setting "hots", did you mean "host"?\n' +
        '  FILE:1:11: port must be a whole number from 0 to 65535, not "x"',
    );
    const asJson = await call(`config check --json --config ${file}`);
    assert.equal(JSON.parse(asJson.stderr).error.problems.length, 2);
  });
  test('check of a file that is not there', async () => {
    const { status, stderr } = await call('config check --config none.json');
    assert.equal(status, 2);
    assert.match(stderr, /none\.json: cannot be read: no such file or folder \(ENOENT\)/);
  });
  test('check without a file, with an unknown variable', async () => {
    const { status, stdout, stderr } = await call('config check', { SCIMD_PROT: '1' });
    assert.equal(status, 0);
    assert.match(stdout, /no scim\.config\.json here/);
    assert.match(stderr, /unknown environment variable SCIMD_PROT/);
  });
  test('schema is a JSON Schema with every setting', async () => {
    const { properties } = JSON.parse((await call('config schema')).stdout);
    for (const name of optionNames) {
      const [group = '', member] = name.split('.');
      const found = member === undefined ? properties[group] : properties[group].properties[member];
      assert.equal(typeof found.description, 'string', name);
    }
  });
});

describe('times', () => {
  const now = new Date('2026-03-01T00:00:00Z');
  for (const [text, expected] of [
    ['90m', '2026-03-01T01:30:00.000Z'],
    ['12h', '2026-03-01T12:00:00.000Z'],
    ['90d', '2026-05-30T00:00:00.000Z'],
    ['2w', '2026-03-15T00:00:00.000Z'],
    ['1y', '2027-03-01T00:00:00.000Z'],
    ['2026-12-31', '2026-12-31T00:00:00.000Z'],
    ['2026-12-31T10:00:00+02:00', '2026-12-31T08:00:00.000Z'],
  ] as const)
    test(text, () => assert.equal(parseExpiry(text, now).toISOString(), expected));
  for (const text of [
    '',
    '0d',
    '-1d',
    '1.5d',
    '90',
    'd',
    '2026-02-31',
    '31.12.2026',
    '999999999d',
    '2026-01-01',
    '999999y',
  ])
    test(`"${text}" is refused`, () => assert.throws(() => parseExpiry(text, now), { name: 'UsageError' }));
  test('a span of nothing is one', () => assert.equal(parseSpan('0h'), 0));
});

describe('as a process', () => {
  test('version', async () => {
    assert.match(
      (await scimd(['version'], { folder })).stdout,
      /^scimd \d+\.\d+\.\d+ \(Node\.js \d+\.\d+\.\d+\)\n$/,
    );
    assert.match((await scimd(['--version', '--json'], { folder })).stdout, /^\{"version":/);
    assert.match((await scimd(['-v'], { folder })).stdout, /^scimd \d/);
  });
  test('a usage error is on standard error, with status 2', async () => {
    const { status, stdout, stderr } = await scimd(['--prot', '3'], { folder });
    assert.deepEqual([status, stdout], [2, '']);
    assert.match(stderr, /did you mean "--port"/);
  });
});
