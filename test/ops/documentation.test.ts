/**
 * What an operator relies on, held to the documentation both ways: what there is is documented, and what is documented
 * is there. Documentation is README.md and every Markdown file below src/docs; each kind of thing stands in tables
 * with the same first head, on whatever page.
 */
import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { parseArguments, selectCommand } from '../../src/cli/arguments.ts';
import { exitStatus } from '../../src/cli/command.ts';
import { commands } from '../../src/cli/commands.ts';
import { documentation as documentationPages } from '../../src/docs/documentation.ts';
import { createApplication } from '../../src/http/application.ts';
import { logFields } from '../../src/ops/log-fields.ts';
import { createMetrics } from '../../src/ops/metrics.ts';
import { flagName, optionNames } from '../../src/ops/options.ts';
import { standardRegistry } from '../../src/scim/standard.ts';
import { openSqliteStore } from '../../src/store/sqlite/index.ts';
import { testMounts } from '../admin/admin-server.ts';
import { scimd, serving, temporaryFolder } from '../cli/scimd.ts';
import { newUser, patchOp, startScimd } from '../server.ts';
import { until } from '../until.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));

function markdownBelow(folder: string): string[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.md'))
    .map((file) => join(folder, file));
}

const pages = [join(root, 'README.md'), ...markdownBelow(join(root, 'src', 'docs'))].map((file) =>
  readFileSync(file, 'utf8'),
);
const documentation = pages.join('\n\n');

/** The cells of one row of a table; a bar within a cell is written `\|`. */
function cellsOf(line: string): string[] {
  return line
    .replace(/^\||\|\s*$/g, '')
    .split(/(?<!\\)\|/)
    .map((cell) => cell.trim().replaceAll('\\|', '|'));
}

/** The rows of all tables whose first head is this one. */
function rowsUnder(head: string): string[][] {
  const rows: string[][] = [];
  let within = false;
  for (const line of documentation.split('\n')) {
    if (!line.startsWith('|')) within = false;
    else if (within) rows.push(cellsOf(line));
    else within = cellsOf(line)[0]?.toLowerCase() === head.toLowerCase();
  }
  const found = rows.filter(([first = '']) => !/^:?-+:?$/.test(first));
  assert.ok(found.length > 0, `no table of the documentation begins with the head ${head}`);
  return found;
}

/** What stands in a cell as code. */
function codeIn(cell = ''): string[] {
  return [...cell.matchAll(/`([^`]+)`/g)].map(([, code = '']) => code);
}

const sorted = (names: Iterable<string>) => [...new Set(names)].sort();

describe('metrics', () => {
  /** A whole `/metrics`, after requests that make every series appear. */
  async function exported(): Promise<string> {
    const metrics = createMetrics();
    const { observe, wrongToken: onWrongToken, text } = metrics;
    metrics.stored({
      ...{ active: 1, inactive: 0, groups: 0, files: { database: 1, wal: 1 } },
      tokens: [{ tenant: 'default', name: 'okta', id: '1', expires: 1, lastRequest: 1 }],
      changes: [{ type: 'User', operation: 'create', count: 1 }],
    });
    const server = await startScimd({ observe, onWrongToken, metrics: text });
    try {
      const { json } = await server.request('POST', '/Users', { body: newUser() });
      const body = patchOp({ op: 'Replace', path: 'active', value: 'False' });
      await server.request('PATCH', `/Users/${json.id}`, { body });
      await server.request('GET', '/Users', { token: 'wrong' });
      const token = await server.newToken({ scope: 'admin' });
      const answer = await server.request('GET', new URL('/metrics', server.base).href, { token });
      assert.equal(answer.status, 200);
      return answer.text;
    } finally {
      await server.close();
    }
  }

  /** Each metric of scimd as the documentation names it: `name{label,label}`. */
  const documented = rowsUnder('metric').flatMap(([first]) => codeIn(first));

  test('each that /metrics has is documented with its labels, and each documented one is there', async () => {
    const text = await exported();
    const names = [...text.matchAll(/^# TYPE (\S+) /gm)].map(([, name = '']) => name);
    const own = names.filter((name) => name.startsWith('scimd_'));
    assert.ok(own.length >= 6, text);
    const withLabels = own.map((name) => {
      const sample = new RegExp(`^${name}(?:_count)?(?:\\{(.*)\\})? `, 'm').exec(text);
      assert.ok(sample !== null, `${name} has no sample`);
      const labels = [...(sample[1] ?? '').matchAll(/(\w+)="/g)].map(([, label]) => label);
      return labels.length === 0 ? name : `${name}{${labels.join()}}`;
    });
    assert.deepEqual(sorted(documented), sorted(withLabels));
    const mentioned = [...documentation.matchAll(/\bscimd_[a-z]+(?:_[a-z]+)+\b/g)].map(([name]) => name);
    assert.deepEqual(
      sorted(mentioned).filter((name) => !own.includes(name)),
      [],
    );
  });

  test('those that come with the process are documented by their beginning, and there are such', async () => {
    const names = [...(await exported()).matchAll(/^# TYPE (\S+) /gm)].map(([, name = '']) => name);
    const families = [...documentation.matchAll(/`([a-z]+_)\*`/g)].map(([, family = '']) => family);
    const others = names.filter((name) => !name.startsWith('scimd_'));
    assert.deepEqual(
      others.filter((name) => !families.some((family) => name.startsWith(family))),
      [],
    );
    for (const family of families)
      assert.ok(
        others.some((name) => name.startsWith(family)),
        family,
      );
  });
});

describe('commands', () => {
  const words = (text: string) => text.split(' ').filter((word) => /^[a-z]/.test(word));
  const rows = rowsUnder('command').map(([first = '', , flags = '']) => {
    const usage = codeIn(first)[0] ?? '';
    const name = usage.replace(/^scimd /, '');
    const command = commands.find((each) => name === each.name || name.startsWith(`${each.name} `));
    return {
      usage,
      command,
      flags: codeIn(flags).map((flag) => flag.split(' ')[0]),
      every: /every setting/.test(flags),
    };
  });

  test('each is documented, and each documented one exists', () => {
    assert.deepEqual(
      rows.filter(({ command }) => command === undefined),
      [],
    );
    assert.deepEqual(
      sorted(rows.map(({ command }) => command?.name ?? '')),
      sorted(commands.map(({ name }) => name)),
    );
  });

  for (const command of commands) {
    test(`scimd ${command.name}: each flag is documented, and each documented one exists`, () => {
      const row = rows.find((each) => each.command === command);
      assert.ok(row !== undefined);
      const { settings = [], flags = {}, json, operand } = command;
      const every = settings.length === optionNames.length;
      assert.equal(row.every, every);
      assert.deepEqual(
        [...row.flags].sort(),
        [
          ...Object.keys(flags).map((flag) => `--${flag}`),
          ...(every ? [] : settings.map((setting) => `--${flagName(setting)}`)),
          ...(settings.length > 0 ? ['--config'] : []),
          ...(json ? ['--json'] : []),
        ].sort(),
      );
      const operands = row.usage.split(' ').slice(1 + words(command.name).length);
      const more = operand?.more === undefined ? 0 : 1;
      assert.equal(operands.length, operand === undefined ? 0 : 1 + more, row.usage);
      if (operand?.more !== undefined)
        assert.equal(operands[1]?.startsWith('['), !operand.more.required, row.usage);
      if (operand !== undefined) assert.equal(operands[0]?.startsWith('['), !operand.required, row.usage);
    });
  }

  /** A command line of an example up to where a shell would go on with something else. */
  function argumentsOf(line: string): string[] {
    const found = line.match(/'[^']*'|"[^"]*"|[|;&>#…]|[^\s'"|;&>#…]+/g) ?? [];
    const end = found.findIndex((word) => /^[|;&>#…]$/.test(word));
    return found.slice(0, end < 0 ? undefined : end).map((word) => word.replace(/^(['"])(.*)\1$/, '$2'));
  }

  const blocks = [...documentation.matchAll(/^```sh\n([\s\S]*?)^```/gm)].map(([, code = '']) => code);
  const inline = [...documentation.replaceAll(/^```[\s\S]*?^```/gm, '').matchAll(/`([^`\n]+)`/g)].map(
    ([, code = '']) => code.replaceAll('\\|', '|'),
  );
  const examples = [
    ...blocks.flatMap((block) => block.replaceAll('\\\n', ' ').split('\n')),
    ...inline,
  ].flatMap((line) => {
    const called = /(?:^|\| |\/)(?:npm run -s scimd -- |scimd(?:-linux-x64)? )([a-z].*)$/.exec(line)?.[1];
    return called === undefined ? [] : [called];
  });

  test('each example is taken as it is written', () => {
    assert.ok(examples.length > 25, String(examples.length));
    // What is but named: a command, or a usage of the table.
    const usages = [
      ...commands.map(({ name }) => name),
      ...rows.map(({ usage }) => usage.slice('scimd '.length)),
    ];
    for (const example of examples) {
      if (usages.includes(example)) continue;
      const selection = selectCommand(commands, argumentsOf(example));
      if ('group' in selection) continue;
      assert.doesNotThrow(() => parseArguments(selection.command, selection.rest), `scimd ${example}`);
    }
  });

  test('each flag that is mentioned exists', () => {
    const known = new Set([
      ...commands.flatMap(({ flags = {} }) => Object.keys(flags)),
      ...optionNames.flatMap((name) => [flagName(name), `no-${flagName(name)}`]),
      ...['json', 'help', 'config'],
    ]);
    const mentioned = inline
      .filter((code) => !/^(npm|curl|node) /.test(code))
      .flatMap((code) => [...code.matchAll(/(?<![\w-])--([a-z][a-z-]*)/g)].map(([, flag = '']) => flag));
    assert.ok(mentioned.length > 100);
    assert.deepEqual(
      sorted(mentioned).filter((flag) => !known.has(flag)),
      [],
    );
  });
});

describe('exit statuses', () => {
  const documented = rowsUnder('exit status').map(([first]) => Number(first));

  test('each is documented, and each documented one exists', () => {
    assert.deepEqual(
      documented.sort((a, b) => a - b),
      Object.values(exitStatus).sort((a, b) => a - b),
    );
  });

  test('they are what commands end with', async () => {
    const folder = temporaryFolder();
    const statusOf = async (...args: string[]) => (await scimd(args, { folder })).status;
    assert.equal(await statusOf('version'), exitStatus.done);
    assert.equal(await statusOf('token', 'list', '--database', 'none.db'), exitStatus.failed);
    assert.equal(await statusOf('healthcheck', 'http://127.0.0.1:9'), exitStatus.failed);
    assert.equal(await statusOf('nonsense'), exitStatus.usage);
    assert.equal(await statusOf('config', 'check', '--port', '70000'), exitStatus.usage);
  });
});

describe('endpoints', () => {
  /** Path, as `/Users/{id}`, to methods. */
  const under = (head: string) =>
    new Map(
      rowsUnder(head).flatMap(([paths, methods = '']) =>
        codeIn(paths).map((path) => [path, methods.split(', ').sort()] as const),
      ),
    );
  const belowBase = under('endpoint');
  const atRoot = under('root path');

  test('each that is mounted is documented with its methods, and each documented one is mounted', async () => {
    const store = openSqliteStore({ file: ':memory:', registry: standardRegistry() });
    const basePath = '/scim/v2';
    const { mounts } = await createApplication({
      ...{ store, basePath, tokenEndpoint: { seconds: 60 }, docs: documentationPages },
      mounts: testMounts(undefined),
      metrics: async () => 'none',
    });
    await store.close();
    const isBelow = (path: string) => path.startsWith(basePath);
    const there = (below: boolean) =>
      mounts
        .filter(({ path }) => isBelow(path) === below)
        .flatMap(({ path, methods = [], endpoints = [{ route: '', methods }] }) =>
          endpoints.map(({ route, methods: of }) => {
            const form = (path + route).replace(basePath, '').replace(/:(\w+)/g, '{$1}') || '/';
            return [form, of.filter((method) => method !== 'HEAD').sort()] as const;
          }),
        );
    const inOrder = (all: Iterable<readonly [string, readonly string[]]>) =>
      [...all].sort(([a], [b]) => (a < b ? -1 : 1));
    assert.deepEqual(inOrder(belowBase), inOrder(there(true)));
    assert.deepEqual(inOrder(atRoot), inOrder(there(false)));
  });

  test('each answers, and allows the methods that are documented', async () => {
    const server = await startScimd({
      tokenEndpoint: { seconds: 60 },
      docs: documentationPages,
      mounts: testMounts(undefined),
      metrics: async () => 'none',
    });
    try {
      const { id } = (await server.request('POST', '/Users', { body: newUser() })).json;
      const token = await server.newToken({ scope: 'admin', subject: id });
      const all = [
        ...[...belowBase].map(([path, methods]) => ({
          path: path.replace('{id}', id),
          methods,
          root: false,
        })),
        ...[...atRoot].map(([path, methods]) => ({
          path: new URL(path, server.base).href,
          methods,
          root: true,
        })),
      ];
      for (const { path, methods, root } of all) {
        const allowed = [...methods, ...(methods.includes('GET') ? ['HEAD'] : [])];
        const takesOptions = !root && path !== '/oauth/token';
        const options = await server.request('OPTIONS', path, { token });
        assert.equal(options.status, takesOptions ? 204 : 405, path);
        if (takesOptions) allowed.push('OPTIONS');
        assert.deepEqual(options.headers.get('allow')?.split(', ').sort(), allowed.sort(), path);
        if (!methods.includes('GET') || path.includes(`/${id}`)) continue;
        for (const method of ['GET', 'HEAD'])
          assert.equal((await server.request(method, path, { token })).status, 200, `${method} ${path}`);
      }
    } finally {
      await server.close();
    }
  });
});

describe('log fields', () => {
  const documented = rowsUnder('log field').flatMap(([first]) => codeIn(first));

  test('each that a line can have is documented, and each documented one is among them', () => {
    assert.deepEqual([...documented].sort(), Object.keys(logFields).sort());
  });

  test('each is in some line that the sources write', () => {
    const sources = readdirSync(join(root, 'src'), { recursive: true, encoding: 'utf8' })
      .filter((file) => file.endsWith('.ts') && !file.endsWith('log-fields.ts'))
      .map((file) => readFileSync(join(root, 'src', file), 'utf8'))
      .filter((text) => /\blog\??\.(?:debug|info|warn|error)\(|\bLogFields\b|"time":/.test(text))
      .join('\n');
    assert.deepEqual(
      Object.keys(logFields).filter(
        (name) => name !== 'msg' && !new RegExp(`[{,(\\s"]${name}(?:"?:|,| \\})`).test(sources),
      ),
      [],
    );
  });

  test('the lines of a server that starts, answers, is reloaded and stops have no other', async () => {
    const folder = temporaryFolder();
    const server = await serving(
      ['serve', '--port', '0', '--log-format', 'json', '--limits-failed-attempts', '1'],
      { folder },
    );
    const token = /scimd_[\w-]{43}/.exec(server.output.stdout)?.[0] ?? '';
    const get = (path: string, bearer: string) =>
      fetch(server.url + path, { headers: { authorization: `Bearer ${bearer}` } });
    assert.equal((await get('/users/', token)).status, 200);
    for (let i = 0; i < 3; i++) assert.equal((await get('/Users', 'wrong')).status, 401);
    server.signal('SIGHUP');
    await until('the configuration to be read again', () =>
      server.output.stderr.includes('configuration read again'),
    );
    await server.stop();
    const lines = server.output.stderr.trim().split('\n');
    const fields = lines.flatMap((line) => Object.keys(JSON.parse(line) as object));
    for (const name of ['tolerances', 'tokenId', 'client', 'changed', 'signal'])
      assert.ok(fields.includes(name), `${name}\n${lines.join('\n')}`);
    assert.deepEqual(
      sorted(fields).filter((name) => !documented.includes(name)),
      [],
    );
  });
});
