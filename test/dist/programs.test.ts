import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { describe, test } from 'node:test';
import manifest from '../../package.json' with { type: 'json' };
import { newUser } from '../server.ts';
import { binary, bundle, call, place, serve } from './programs.ts';

async function count(url: string, token: string): Promise<unknown> {
  const response = await fetch(`${url}/Users?filter=userName%20pr`, {
    headers: { authorization: `Bearer ${token}` },
  });
  const { totalResults } = (await response.json()) as { totalResults: unknown };
  return totalResults;
}

for (const [name, program] of Object.entries({ bundle, binary }))
  describe(`the ${name}`, () => {
    test('tells its version', () => {
      const { status, stdout, stderr } = call(program, ['--version'], place());
      assert.deepEqual([status, stderr], [0, '']);
      assert(stdout.startsWith(`scimd ${manifest.version} `), stdout);
    });

    test('serves, and knows a token that another process made in the same database', async () => {
      const where = place();
      const server = await serve(program, where);
      const created = await fetch(`${server.url}/Users`, {
        method: 'POST',
        headers: { authorization: `Bearer ${server.token}`, 'content-type': 'application/scim+json' },
        body: JSON.stringify(newUser()),
      });
      assert.equal(created.status, 201);
      const made = call(
        program,
        ['token', 'create', '--name', 'second', '--json', '--database', 'scimd.db'],
        where,
      );
      assert.equal(made.status, 0, made.stderr);
      const { token } = JSON.parse(made.stdout) as { token: string };
      assert.equal(await count(server.url, token), 1);
      assert.equal(await server.stop(), 0);
    });

    test('leaves its database, the exchange log and no other file', async () => {
      const where = place();
      const server = await serve(program, where);
      assert.equal(await count(server.url, server.token), 0);
      assert.deepEqual(
        readdirSync(where.folder).filter((file) => !/^scimd(-exchanges)?\.db(-wal|-shm)?$/.test(file)),
        [],
      );
      assert.equal(await server.stop(), 0);
      const left = readdirSync(where.folder).filter((file) => file !== 'scimd-exchanges.db');
      assert.deepEqual(left, ['scimd.db']);
      if (process.platform !== 'win32') assert.deepEqual(readdirSync(where.temporary), []);
    });

    test('ends with 1 when it failed and with 2 when it was called wrongly', () => {
      const missing = call(program, ['token', 'list', '--database', 'missing.db'], place());
      assert.equal(missing.status, 1);
      assert.match(missing.stderr, /there is no database missing\.db/);
      const unknown = call(program, ['serve', '--prot', '1'], place());
      assert.equal(unknown.status, 2);
      assert.match(unknown.stderr, /--port/);
    });

    test('prints the licenses of the packages inside', () => {
      const { status, stdout } = call(program, ['licenses', '--json'], place());
      assert.equal(status, 0);
      const all = JSON.parse(stdout) as { name: string; license: string; text: string }[];
      const names = all.map((each) => each.name);
      for (const each of ['itty-router', 'pg', 'pino', 'valibot']) assert(names.includes(each), each);
      for (const each of ['chevrotain', 'esbuild', 'typescript', 'fast-check'])
        assert(!names.includes(each), each);
      for (const each of all) assert(each.text.length > 200, each.name);
    });
  });

test('the bundle names the Node.js that it needs to an older one, which then shows no stack', () => {
  const old = `data:text/javascript,Object.defineProperty(process, 'versions', { value: { node: '20.20.2' } })`;
  const [node = '', ...program] = bundle;
  const { status, stdout, stderr } = call([node, '--import', old, ...program], ['serve'], place());
  assert.deepEqual([status, stdout], [1, '']);
  assert.equal(stderr, 'scimd needs Node.js 22 or newer, this is 20.20.2\n');
});

test('a bundle and a binary can serve the same database one after the other', async () => {
  const where = place();
  const first = await serve(bundle, where);
  await first.stop();
  const second = await serve(binary, where);
  assert.equal(await count(second.url, first.token), 0);
  await second.stop();
});
