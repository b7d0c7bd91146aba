import assert from 'node:assert/strict';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import Sqlite from 'better-sqlite3';
import { userSchema } from '../server.ts';
import { scimd, secretPattern, serving, temporaryFolder } from './scimd.ts';

const day = 86_400_000;

interface TokenJson {
  id: string;
  name: string;
  tenant: string;
  idp: string;
  scope: string;
  state: string;
  created: string;
  expires: string;
  revoked?: string;
  subject?: string;
  token?: string;
}

async function json<T>(args: readonly string[], folder: string): Promise<T> {
  const { status, stdout, stderr } = await scimd([...args, '--json'], { folder });
  assert.equal(stderr, '');
  assert.equal(status, 0);
  return JSON.parse(stdout);
}

test('a token lives through creation, use, rotation with overlap and revocation beside a running server', async () => {
  const folder = temporaryFolder();
  const server = await serving(['serve', '--port', '0'], { folder });
  const statusOf = async (token: string) =>
    (await fetch(`${server.url}/Users`, { headers: { Authorization: `Bearer ${token}` } })).status;

  const first = await scimd(['token', 'create', '--name', 'okta', '--idp', 'okta'], { folder });
  assert.equal(first.status, 0);
  assert.match(
    first.stdout,
    new RegExp(`^${secretPattern.source}\n$`),
    'in a pipe the token and nothing else',
  );
  assert.equal(first.stderr, '');
  const old = first.stdout.trim();
  assert.equal(await statusOf(old), 200);

  const again = await scimd(['token', 'create', '--name', 'okta'], { folder });
  assert.equal(again.status, 1);
  assert.match(again.stderr, /tenant default has a token named okta already\n.*scimd token rotate/);

  const rotated = await json<TokenJson & { replaces: string; overlapUntil: string }>(
    ['token', 'rotate', 'okta'],
    folder,
  );
  assert.equal(rotated.idp, 'okta');
  assert(Math.abs(Date.parse(rotated.overlapUntil) - Date.now() - day) < 60_000);
  assert.equal(await statusOf(rotated.token!), 200);
  assert.equal(await statusOf(old), 200, 'the old one lives until the overlap ends');

  const retiring = (await scimd(['token', 'list'], { folder })).stdout
    .split('\n')
    .find((line) => line.startsWith(rotated.replaces));
  const end = rotated.overlapUntil.slice(0, 10);
  assert.match(retiring ?? '', new RegExp(` retiring +${end} `), 'it ends with the overlap');

  const ambiguous = await scimd(['token', 'revoke', 'okta'], { folder });
  assert.equal(ambiguous.status, 1);
  assert.match(ambiguous.stderr, /2 tokens are named okta\nGive the id of one:\n {2}\S+ +default +created/);

  const revoked = await json<TokenJson>(['token', 'revoke', rotated.replaces], folder);
  assert.equal(revoked.state, 'revoked');
  assert.equal(await statusOf(old), 401);
  assert.equal(await statusOf(rotated.token!), 200);

  const replaced = await json<TokenJson>(['token', 'rotate', 'okta', '--overlap', '0h'], folder);
  assert.equal(await statusOf(rotated.token!), 401);
  assert.equal(await statusOf(replaced.token!), 200);

  const list = await scimd(['token', 'list'], { folder });
  assert.match(list.stdout, /^ID +NAME +TENANT +IDP +SCOPE +STATE +EXPIRES +LAST USED\n/);
  assert.doesNotMatch(list.stdout, /scimd_/, 'secrets are never listed');
  const listed = await json<TokenJson[]>(['token', 'list'], folder);
  assert.deepEqual(
    listed.map(({ name, state, token }) => [name, state, token]),
    [
      ['first', 'active', undefined],
      ['okta', 'revoked', undefined],
      ['okta', 'revoked', undefined],
      ['okta', 'active', undefined],
    ],
  );
  await server.stop();
});

describe('token create', () => {
  test('without more is for the tenant default, any provider, scope scim, a year', async () => {
    const token = await json<TokenJson>(['token', 'create', '--name', 'x'], temporaryFolder());
    const { tenant, idp, scope, state } = token;
    assert.deepEqual(
      { tenant, idp, scope, state },
      { tenant: 'default', idp: 'generic', scope: 'scim', state: 'active' },
    );
    assert(Math.abs(Date.parse(token.expires) - Date.now() - 365 * day) < 60_000);
  });

  test('binds it to a tenant, which must exist', async () => {
    const folder = temporaryFolder();
    const missing = await scimd(['token', 'create', '--name', 'x', '--tenant', 'acme'], { folder });
    assert.equal(missing.status, 1);
    assert.match(missing.stderr, /there is no tenant acme\nCreate it: scimd tenant create acme/);
    assert.equal((await scimd(['tenant', 'create', 'acme'], { folder })).status, 0);
    const token = await json<TokenJson>(
      ['token', 'create', '--name', 'x', '--tenant', 'acme', '--scope', 'read'],
      folder,
    );
    assert.deepEqual([token.tenant, token.scope], ['acme', 'read']);
    assert.equal((await json<TokenJson[]>(['token', 'list', '--tenant', 'acme'], folder)).length, 1);
  });

  test('with --subject says whom /Me stands for; list and rotation keep it', async () => {
    const folder = temporaryFolder();
    const user = { schemas: [userSchema], id: '2819c223', userName: 'bjensen' };
    writeFileSync(join(folder, 'user.ndjson'), JSON.stringify(user));
    assert.equal((await scimd(['import', 'user.ndjson'], { folder })).status, 0);
    const args = ['token', 'create', '--name', 'self', '--subject', '2819c223'];
    assert.equal((await json<TokenJson>(args, folder)).subject, '2819c223');
    assert.equal((await json<TokenJson>(['token', 'rotate', 'self'], folder)).subject, '2819c223');
    const listed = await json<TokenJson[]>(['token', 'list'], folder);
    assert.deepEqual(
      listed.map(({ subject }) => subject),
      ['2819c223', '2819c223'],
    );
  });

  test('with a --subject that nobody has as an id makes the token, but says so', async () => {
    const folder = temporaryFolder();
    const { status, stdout, stderr } = await scimd(
      ['token', 'create', '--name', 'self', '--subject', 'bjensen@example.com'],
      { folder },
    );
    assert.equal(status, 0);
    assert.match(stdout, secretPattern);
    assert.match(stderr, /^scimd: tenant default has no user with the id bjensen@example\.com: \/Me is 404/);
  });

  test('and token rotate refuse a life of more than a hundred years', async () => {
    const folder = temporaryFolder();
    const create = (expires: string) =>
      scimd(['token', 'create', '--name', 'x', '--expires', expires], { folder });
    for (const expires of ['99999y', '999999y', '101y', '9999-12-31']) {
      const { status, stderr } = await create(expires);
      assert.equal(status, 2);
      assert.ok(
        stderr.startsWith(`scimd: --expires must be at most 100 years from now, not ${expires}\n`),
        stderr,
      );
    }
    assert.equal((await create('100y')).status, 0);
    const { status, stderr } = await scimd(['token', 'rotate', 'x', '--overlap', '99999y'], { folder });
    assert.equal(status, 2);
    assert.match(stderr, /^scimd: --overlap must be at most 100 years from now, not 99999y\n/);
  });

  test('refuses a database in memory', async () => {
    const { status, stderr } = await scimd(['token', 'create', '--name', 'x', '--database', ':memory:'], {
      folder: temporaryFolder(),
    });
    assert.equal(status, 1);
    assert.match(stderr, /a database in memory belongs to the server/);
  });
});

test('a database that does not exist is not made by looking at it', async () => {
  const folder = temporaryFolder();
  for (const args of [
    ['token', 'list'],
    ['token', 'revoke', 'x'],
    ['tenant', 'list'],
    ['tenant', 'delete', 'x', '--yes'],
    ['admin', 'link'],
  ]) {
    const { status, stderr } = await scimd(args, { folder });
    assert.equal(status, 1);
    assert.match(stderr, /there is no database scimd\.db/);
  }
  assert(!existsSync(join(folder, 'scimd.db')));
});

test('a tenant is made, listed, and deleted with what is its own', async () => {
  const folder = temporaryFolder();
  assert.equal((await json<{ name: string }>(['tenant', 'create', 'acme'], folder)).name, 'acme');
  const twice = await scimd(['tenant', 'create', 'acme'], { folder });
  assert.equal(twice.status, 1);
  assert.match(twice.stderr, /there is a tenant acme already/);
  await json(['token', 'create', '--name', 'a', '--tenant', 'acme'], folder);
  await json(['token', 'create', '--name', 'b'], folder);

  const unsure = await scimd(['tenant', 'delete', 'acme'], { folder });
  assert.equal(unsure.status, 2);
  assert.match(unsure.stderr, /deletes all users, groups and tokens of tenant acme; confirm with --yes/);
  assert.deepEqual(
    (await json<{ name: string }[]>(['tenant', 'list'], folder)).map(({ name }) => name),
    ['default', 'acme'],
  );

  assert.equal((await scimd(['tenant', 'delete', 'acme', '--yes'], { folder })).status, 0);
  assert.deepEqual(
    (await json<TokenJson[]>(['token', 'list'], folder)).map(({ name }) => name),
    ['b'],
  );
  const gone = await scimd(['tenant', 'delete', 'acme', '--yes'], { folder });
  assert.equal(gone.status, 1);
});

test('who made, replaced, paused or revoked a token or a tenant by hand stands in the record of actions', async () => {
  const folder = temporaryFolder();
  for (const command of [
    'tenant create acme',
    'token create --name okta --tenant acme',
    'token rotate okta',
    'pause --tenant acme',
    'resume --tenant acme',
    'token create --name entra',
    'pause --token entra',
    'resume --token entra',
    'token revoke entra',
    'guard release',
    'tenant delete acme --yes',
  ]) {
    const { status, stderr } = await scimd(command.split(' '), { folder });
    assert.equal(status, 0, `${command}: ${stderr}`);
  }
  const db = new Sqlite(join(folder, 'scimd.db'), { readonly: true });
  const actions = db
    .prepare<[], { action: string; actor: string; detail: string }>(
      'SELECT action, actor, detail FROM admin_action ORDER BY number',
    )
    .all();
  db.close();
  const done = actions.map(({ action, detail }) => `${action} ${detail.replace(/ \d{4}-.*/, '')}`);
  assert.deepEqual(done, [
    ...[
      'tenant.create acme',
      'token.create okta',
      'token.rotate okta',
      'tenant.pause acme',
      'tenant.resume acme',
    ],
    ...['token.create entra', 'token.pause entra', 'token.resume entra', 'token.revoke entra'],
    ...['guard.release until', 'tenant.delete acme'],
  ]);
  for (const { actor } of actions) assert.match(actor, /, at the command line$/);
});
