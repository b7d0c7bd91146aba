import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import { newGroup, newUser, userSchema } from '../server.ts';
import { type Result, scimd, serving, temporaryFolder } from './scimd.ts';

const token = 'a-token-for-tests-of-commands';
const place = {
  folder: temporaryFolder(),
  environment: { SCIMD_BOOTSTRAP_TOKEN: token, SCIMD_LOG_LEVEL: 'warn' },
};
const run = (...args: string[]): Promise<Result> => scimd(args, place);
// biome-ignore lint/suspicious/noExplicitAny: answers of any shape
type Json = any;
const server = await serving(['serve', '--port', '0'], place);

async function request(
  method: string,
  path: string,
  body?: unknown,
): Promise<{ status: number; json: Json }> {
  const response = await fetch(server.url + path, {
    method,
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/scim+json' },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  return { status: response.status, json: (await response.json()) as Json };
}

describe('user and group commands beside a running server', () => {
  let id: string;
  before(async () => {
    id = (await request('POST', '/Users', newUser({ userName: 'bjensen' }))).json.id;
    await request('POST', '/Users', newUser({ userName: 'asmith', active: false }));
    await request('POST', '/Groups', newGroup({ displayName: 'Tour Guides', members: [{ value: id }] }));
  });

  test('user list shows all, or what a filter finds; --json is an array', async () => {
    const all = await run('user', 'list');
    assert.equal(all.status, 0, all.stderr);
    assert.match(all.stdout, new RegExp(`^ID +USERNAME +ACTIVE +CHANGED\\n${id} +bjensen +true `));
    assert.match(all.stdout, / asmith +false /);
    const some = await run('user', 'list', '--filter', 'active eq false', '--json');
    const names = (text: string) => JSON.parse(text).map((user: { userName: string }) => user.userName);
    assert.deepEqual(names(some.stdout), ['asmith']);
    assert.deepEqual(names((await run('user', 'list', '--json')).stdout), ['bjensen', 'asmith']);
    assert.deepEqual(names((await run('user', 'list', '--filter', 'title pr', '--json')).stdout), []);
    assert.equal(JSON.parse((await run('group', 'list', '--json')).stdout).length, 1);
  });

  test('what is listed and shown is what the server answers, but for the base of its URLs', async () => {
    const answered = async (path: string) =>
      JSON.parse(JSON.stringify((await request('GET', path)).json).replaceAll(server.url, ''));
    const user = await answered(`/Users/${id}`);
    assert.match(user.meta.version, /^W\/"\d+"$/);
    assert.deepEqual(JSON.parse((await run('user', 'show', id, '--json')).stdout), user);
    assert.deepEqual(JSON.parse((await run('user', 'show', id)).stdout), user);
    const { Resources } = await answered('/Groups');
    assert.deepEqual(JSON.parse((await run('group', 'show', 'tour guides', '--json')).stdout), Resources[0]);
    const [listed] = JSON.parse((await run('user', 'list', '--filter', 'active eq true', '--json')).stdout);
    const { groups: _, ...withoutGroups } = user;
    assert.deepEqual(listed, withoutGroups);
  });

  test('tenant list tells the number that the log has', async () => {
    const [{ name, number }] = JSON.parse((await run('tenant', 'list', '--json')).stdout);
    assert.deepEqual([name, typeof number], ['default', 'number']);
    assert.match((await run('tenant', 'list')).stdout, new RegExp(`^default +${number} +2`, 'm'));
  });

  test('a wrong filter is a wrong usage, with its caret', async () => {
    const wrong = await run('user', 'list', '--filter', 'userName = "x"');
    assert.equal(wrong.status, 2);
    assert.match(wrong.stderr, /Unknown operator "="/);
    assert.match(wrong.stderr, /\n {11}\^\n/);
  });

  test('user show finds by id and by userName in any letter case, with groups', async () => {
    for (const name of [id, 'BJensen']) {
      const shown = await run('user', 'show', name, '--json');
      const user = JSON.parse(shown.stdout);
      assert.equal(user.id, id);
      assert.deepEqual(user.schemas, [userSchema]);
      assert.deepEqual(
        user.groups.map((group: { display: string }) => group.display),
        ['Tour Guides'],
      );
    }
    const nobody = await run('user', 'show', 'nobody');
    assert.equal(nobody.status, 1);
    assert.match(nobody.stderr, /tenant default has no user nobody/);
  });

  test('user deactivate and restore switch `active`; the server shows it at once, under a new version', async () => {
    const before = await request('GET', `/Users/${id}`);
    assert.match((await run('user', 'deactivate', 'bjensen')).stdout, /bjensen is deactivated\n/);
    const off = await request('GET', `/Users/${id}`);
    assert.equal(off.json.active, false);
    assert.notEqual(off.json.meta.version, before.json.meta.version);
    assert.match((await run('user', 'deactivate', 'bjensen')).stdout, /bjensen is deactivated already/);
    const on = JSON.parse((await run('user', 'restore', id, '--json')).stdout);
    assert.deepEqual(on, { id, active: true, changed: true });
    assert.equal((await request('GET', `/Users/${id}`)).json.active, true);
  });

  test('group list and group show, with members', async () => {
    assert.match((await run('group', 'list')).stdout, /^ID +DISPLAYNAME +CHANGED\n\S+ +Tour Guides +/);
    const shown = JSON.parse((await run('group', 'show', 'tour guides', '--json')).stdout);
    assert.deepEqual(
      shown.members.map((member: { value: string }) => member.value),
      [id],
    );
  });

  test('another tenant has none of them', async () => {
    assert.equal((await run('tenant', 'create', 'acme')).status, 0);
    const list = await run('user', 'list', '--tenant', 'acme');
    assert.equal(list.stdout, '');
    assert.match(list.stderr, /no users/);
    assert.equal((await run('user', 'show', id, '--tenant', 'acme')).status, 1);
  });

  test('healthcheck asks the server that it is given', async () => {
    const ready = await run('healthcheck', server.url);
    assert.equal(ready.status, 0, ready.stderr);
    assert.equal(ready.stdout, 'ready\n');
    const nobody = await run('healthcheck', 'http://127.0.0.1:9');
    assert.equal(nobody.status, 1);
    assert.match(nobody.stderr, /does not answer/);
    assert.equal((await run('healthcheck', 'nonsense')).status, 2);
  });
});

test('what people are called moves no cursor and begins no line; columns count what a terminal shows', async () => {
  const names = [
    '\u001b[31mRED\u001b[0m\nFake row\u0007\u009b1m\u202etxt',
    'Zo\u0065\u0301 家族 👩‍👧',
    'Plain',
  ];
  for (const displayName of names) await request('POST', '/Groups', newGroup({ displayName }));
  const list = await run('group', 'list', '--filter', 'not (displayName eq "Tour Guides")');
  assert.doesNotMatch(list.stdout, /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202e]/);
  const rows = list.stdout.trimEnd().split('\n').slice(1);
  assert.equal(rows.length, names.length);
  const [red, zoe, plain] = ['RED', 'Zo', 'Plain'].map(
    (word) => rows.find((row) => row.includes(word)) ?? '',
  );
  const shown = String.raw`\x1b[31mRED\x1b[0m\x0aFake row\x07\x9b1m\u202etxt`;
  assert.ok(red?.includes(`  ${shown}  20`), red);
  // é is one column, each sign of 家族 and the family two.
  assert.ok(zoe?.includes(`  ${names[1]}${' '.repeat(shown.length - 11)}  20`), zoe);
  assert.ok(plain?.includes(`  Plain${' '.repeat(shown.length - 5)}  20`), plain);
  const missing = await run('group', 'show', 'a\u001b]0;title\u0007');
  assert.match(missing.stderr, /has no group a\\x1b\]0;title\\x07\n/);
});
