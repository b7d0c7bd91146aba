/** scimd roles, user lock, guard, pause and import, beside a running server and in its absence. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { before, describe, test } from 'node:test';
import { groupSchema, newGroup, newUser, patchOp, userSchema } from '../server.ts';
import { until } from '../until.ts';
import { type Result, scimd, serving, temporaryFolder } from './scimd.ts';

// biome-ignore lint/suspicious/noExplicitAny: answers of any shape
type Json = any;
const token = 'a-token-for-tests-of-commands';
const folder = temporaryFolder();
const place = { folder, environment: { SCIMD_BOOTSTRAP_TOKEN: token, SCIMD_LOG_LEVEL: 'warn' } };
const run = (...args: string[]): Promise<Result> => scimd(args, place);
const configure = (more: object): void =>
  writeFileSync(join(folder, 'scim.config.json'), JSON.stringify(more));
configure({
  roles: { guide: { groups: 'externalId eq "guides"', seats: 5 } },
  guard: { mode: 'hold', people: 3 },
});
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
  const text = await response.text();
  return { status: response.status, json: text === '' ? undefined : JSON.parse(text) };
}

const create = async (path: string, body: object): Promise<string> =>
  (await request('POST', path, body)).json.id;
/** What the last event of this type says. */
const lastEvent = async (type: string): Promise<Json> => {
  const { stdout } = await run('tail', '--type', type, '--json');
  return JSON.parse(stdout.trim().split('\n').at(-1) ?? '');
};

describe('roles and locks', () => {
  let jane: string;
  before(async () => {
    jane = await create('/Users', newUser({ userName: 'jane', active: true }));
    await create(
      '/Groups',
      newGroup({ displayName: 'Tour guides', externalId: 'guides', members: [{ value: jane }] }),
    );
  });

  test('roles list shows the rules that the server started with, and who uses them', async () => {
    const { stdout } = await run('roles', 'list');
    assert.match(
      stdout,
      /^KIND +NAME +PEOPLE +SEATS +KEEP +GROUPS\nrole +guide +1 +5 +- +externalId eq "guides"$/m,
    );
    assert.deepEqual(JSON.parse((await run('roles', 'list', '--json')).stdout), [
      { kind: 'role', name: 'guide', groups: 'externalId eq "guides"', seats: 5, people: 1 },
    ]);
    assert.deepEqual(
      (await lastEvent('user.access_changed')).access.roles.map(({ role }: Json) => role),
      ['guide'],
    );
  });

  test('roles check shows what another configuration would change, and what is odd about it', async () => {
    configure({
      roles: { guide: { groups: 'displayName eq "Nobody"' }, nothing: { groups: 'externalId eq "x"' } },
      entitlements: { bus: { groups: 'externalId eq "guides"', keep: 1 } },
      guard: { mode: 'hold', people: 3 },
    });
    const { stdout, stderr, status } = await run('roles', 'check');
    assert.equal(status, 0, stderr);
    for (const line of [
      /^tenant default$/m,
      /^ {2}1 gains the entitlement bus: jane$/m,
      /^ {2}1 loses the role guide: jane$/m,
      /^ {2}no group gives the role nothing$/m,
      /^ {2}entitlement bus: 1$/m,
    ])
      assert.match(stdout, line);
    assert.equal(stderr.match(/role guide goes by displayName/g)?.length, 1, stderr);
    assert.equal((await request('GET', '/Entitlements')).json.totalResults, 0);
  });

  test('roles apply puts it in force beside the server, which tells who gained and lost', async () => {
    const { stdout, status } = await run('roles', 'apply', '--json');
    assert.equal(status, 0);
    assert.equal(JSON.parse(stdout).changed, true);
    assert.equal(JSON.parse((await run('roles', 'apply', '--json')).stdout).changed, false);
    assert.equal((await request('GET', '/Entitlements')).json.Resources[0].totalAssignmentsUsed, 1);
    const { access, actor, subject } = await lastEvent('user.access_changed');
    assert.deepEqual(
      [
        access.roles,
        access.entitlements.map(({ entitlement }: Json) => entitlement),
        actor.kind,
        subject.userName,
      ],
      [[], ['bus'], 'cli', 'jane'],
    );
  });

  test('rules that take the last one away are refused, and --force applies them', async () => {
    configure({ entitlements: { bus: { groups: 'externalId eq "y"', keep: 1 } } });
    const refused = await run('roles', 'apply');
    assert.equal(refused.status, 1);
    assert.match(
      refused.stderr,
      /in tenant default 0 would have the entitlement bus, which must keep 1\n.*--force/,
    );
    assert.equal((await run('roles', 'check')).status, 1);
    assert.equal((await run('roles', 'apply', '--force')).status, 0);
  });

  test('a wrong rule is told with its place', async () => {
    configure({ roles: { a: { groups: 'userName eq "x"' } } });
    const { status, stderr } = await run('config', 'check');
    assert.equal(status, 2);
    assert.match(stderr, /scim\.config\.json:1:\d+: roles\.a\.groups is no filter of groups: .*userName/);
  });

  test('SIGHUP applies the rules of the configuration', async () => {
    configure({ roles: { guide: { groups: 'externalId eq "guides"' } }, guard: { mode: 'hold', people: 3 } });
    server.signal('SIGHUP');
    await until(
      'the rules are in force',
      async () => (await request('GET', '/Roles')).json.Resources?.[0]?.totalAssignmentsUsed === 1,
    );
  });

  test('user lock and unlock, of which the provider sees nothing', async () => {
    const seen = (await request('GET', `/Users/${jane}`)).json;
    const locked = await run('user', 'lock', 'jane', '--reason', 'lost laptop');
    assert.equal(locked.stdout, 'jane is locked\n', locked.stderr);
    assert.match((await run('user', 'lock', 'jane')).stdout, /jane is locked already/);
    assert.match(
      (await run('user', 'show', 'jane')).stderr,
      /^scimd: locked here since \d{4}-\S+: lost laptop$/m,
    );
    const { access, priority } = await lastEvent('user.access_changed');
    assert.deepEqual([access.active, access.locked, access.roles, priority], [false, true, [], 'leaver']);
    assert.deepEqual((await request('GET', `/Users/${jane}`)).json, seen);
    assert.equal(JSON.parse((await run('user', 'unlock', 'jane', '--json')).stdout).changed, true);
    assert.equal((await lastEvent('user.access_changed')).access.active, true);
  });
});

describe('guard and pause', () => {
  test('an import that names nobody is held back, line by line, until it is released', async () => {
    const ids: string[] = [];
    for (let count = 0; count < 10; count++) ids.push(await create('/Users', newUser({ active: true })));
    const members = ids.map((value) => ({ value }));
    const staff = await create('/Groups', newGroup({ displayName: 'Staff', members }));
    writeFileSync(
      join(folder, 'staff.ndjson'),
      `${JSON.stringify({ schemas: [groupSchema], id: staff, displayName: 'Staff', members: [] })}\n`,
    );
    const command = ['import', 'staff.ndjson', '--on-conflict', 'replace'];
    const first = await run(...command);
    assert.equal(first.status, 1);
    assert.match(
      first.stderr,
      /10 of 11 people were taken out of groups within 60 minutes, or would have been/,
    );
    assert.match(
      first.stderr,
      /Held back, nothing was changed: with this 10 of 11 people would be taken out of groups/,
    );
    assert.equal((await request('GET', `/Groups/${staff}`)).json.members.length, 10);
    const status = await run('guard', 'status');
    assert.match(status.stdout, /^hold: from 20 % and 3 people within 60 minutes; 0 protected$/m);
    assert.match(status.stdout, /^default +held +\d{4}-\S+ +10 of 11 people were taken out of groups/m);
    // The server holds too.
    assert.equal((await request('DELETE', `/Users/${ids[0]}`)).status, 429);
    const released = await run('guard', 'release', '--for', '30m');
    assert.match(released.stdout, /^tenant default: until \S+ everything passes; the provider sends again/);
    assert.equal((await run(...command)).status, 0);
    assert.equal((await request('GET', `/Groups/${staff}`)).json.members, undefined);
    const [tenant] = JSON.parse((await run('guard', 'status', '--json')).stdout).tenants;
    assert.deepEqual(
      [tenant.tenant, tenant.state, typeof tenant.released],
      ['default', 'released', 'string'],
    );
  });

  test('guard release of a span that is none is a wrong usage', async () => {
    assert.equal((await run('guard', 'release', '--for', '8d')).status, 2);
    assert.equal((await run('guard', 'release', '--for', 'soon')).status, 2);
  });

  test('pause and resume of a token and of a tenant beside the server', async () => {
    const write = () => request('POST', '/Users', { schemas: [userSchema], userName: `p${Math.random()}` });
    const [{ name }] = JSON.parse((await run('token', 'list', '--json')).stdout);
    for (const flags of [
      ['--token', name],
      ['--tenant', 'default'],
    ]) {
      const paused = await run('pause', ...flags);
      assert.match(paused.stdout, /: writes are answered 503 until scimd resume; reads go on/, paused.stderr);
      assert.equal((await write()).status, 503);
      assert.equal((await request('GET', '/Users')).status, 200);
      assert.match((await run('token', 'list')).stdout, / paused /);
      assert.match((await run('guard', 'status')).stdout, /, paused |: writes are paused since \d{4}-/);
      assert.equal((await run('resume', ...flags)).status, 0);
      assert.equal((await write()).status, 201);
    }
    assert.equal((await run('pause')).status, 2);
    assert.equal((await run('pause', '--token', 'nobody')).status, 1);
  });

  test('imports and commands by hand pass the guard too: who is protected stays', async () => {
    const id = await create('/Users', newUser({ userName: 'root', active: true }));
    const guarded = { ...place, environment: { ...place.environment, SCIMD_GUARD_PROTECTED_PEOPLE: 'ROOT' } };
    writeFileSync(
      join(folder, 'root.ndjson'),
      `${JSON.stringify({ schemas: [userSchema], id, userName: 'root', active: false })}\n`,
    );
    const { status, stderr } = await scimd(['import', 'root.ndjson', '--on-conflict', 'replace'], guarded);
    assert.equal(status, 1);
    assert.match(stderr, /root is protected in this application/);
    for (const command of ['deactivate', 'delete']) {
      const refused = await scimd(['user', command, 'root'], guarded);
      assert.equal(refused.status, 1, refused.stdout);
      assert.match(refused.stderr, /^scimd: root is protected in this application/m);
      assert.equal(refused.stderr.match(/nothing was changed/gi)?.length, 1, refused.stderr);
    }
    const body = patchOp({ op: 'replace', path: 'active', value: false });
    assert.equal((await request('PATCH', `/Users/${id}`, body)).status, 200);
  });
});
