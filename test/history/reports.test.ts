/** Reports over a directory with a history of its own, by HTTP: access, differences, leavers, orphans, seats, history. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { operator } from '../../src/directory/caller.ts';
import { Directory } from '../../src/directory/directory.ts';
import { accessReport } from '../../src/history/access.ts';
import { diffReport } from '../../src/history/diff.ts';
import { leaversReport } from '../../src/history/leavers.ts';
import { orphansReport } from '../../src/history/orphans.ts';
import { HistoryError } from '../../src/history/report.ts';
import { seatsReport } from '../../src/history/seats.ts';
import { historyReport } from '../../src/history/timeline.ts';
import type { ResourceType } from '../../src/scim/registry.ts';
import type { AccessRule } from '../../src/scim/roles.ts';
import type { Store, Tenant } from '../../src/store/store.ts';
import { newGroup, newUser, patchOp, startScimd, type TestServer } from '../server.ts';

let server: TestServer;
let store: Store;
let tenant: Tenant;
const ids: Record<string, string> = {};
/** Numbers of the change record at the ends of the three acts. */
const acts: number[] = [];

const administrator = { kind: 'cli', name: 'root' } as const;

async function ask(method: string, path: string, body?: unknown): Promise<{ id: string }> {
  const { status, json, text } = await server.request(method, path, body === undefined ? {} : { body });
  assert.ok(status < 300, text);
  return json;
}

/** A server for one test, which is to close it, with its store and tenant. */
async function ownServer() {
  const own = await startScimd();
  assert.ok(own.store !== undefined);
  const { store: of } = own;
  const [only] = (await of.tenants()) as [Tenant];
  const create = async (path: string, body: object): Promise<string> =>
    (await own.request('POST', path, { body })).json.id;
  const newest = async (): Promise<number> => (await of.changeRange(only.number)).newest;
  return { own, store: of, only, create, newest };
}

async function act(): Promise<void> {
  acts.push((await store.changeRange(tenant.number)).newest);
}

before(async () => {
  server = await startScimd({ idp: 'okta' });
  assert.ok(server.store !== undefined);
  store = server.store;
  tenant = (await store.tenants())[0] as Tenant;
  await store.grants.apply(
    [{ kind: 'role', name: 'billing_admin', groups: 'externalId eq "fin-admins"' }],
    administrator,
  );
  for (const name of ['ann', 'ben', 'eve', 'zoe'])
    ids[name] = (await ask('POST', '/Users', newUser({ userName: name, externalId: `x-${name}` }))).id;
  const members = (...names: string[]) => names.map((name) => ({ value: ids[name] }));
  ids.fin = (
    await ask(
      'POST',
      '/Groups',
      newGroup({ displayName: 'Finance', externalId: 'fin-admins', members: members('ann') }),
    )
  ).id;
  ids.staff = (
    await ask('POST', '/Groups', newGroup({ displayName: 'Staff', members: members('ben', 'eve') }))
  ).id;
  await act();
  // The group within the group gives its people what the outer one has.
  await ask(
    'PATCH',
    `/Groups/${ids.fin}`,
    patchOp({ op: 'add', path: 'members', value: [{ value: ids.staff }] }),
  );
  await ask('PATCH', `/Users/${ids.ben}`, patchOp({ op: 'replace', path: 'active', value: false }));
  await ask(
    'PATCH',
    `/Groups/${ids.staff}`,
    patchOp({ op: 'replace', path: 'displayName', value: 'Everybody' }),
  );
  await act();
  await ask('DELETE', `/Users/${ids.eve}`);
  await ask('POST', '/Users', newUser({ userName: 'new' }));
  await act();
});
after(() => server.close());

test('access at a time: who, by which group, with which role, also by groups within groups', async () => {
  const grants = async (at: number) => {
    const { rows } = await accessReport(store, tenant, { at });
    return rows.map(({ userName, group, membership, roles }) => [userName, group, membership, roles.join()]);
  };
  assert.deepEqual(await grants(acts[0] ?? 0), [
    ['ann', 'Finance', 'direct', 'billing_admin'],
    ['ben', 'Staff', 'direct', ''],
    ['eve', 'Staff', 'direct', ''],
    ['zoe', undefined, undefined, ''],
  ]);
  assert.deepEqual(await grants(acts[1] ?? 0), [
    ['ann', 'Finance', 'direct', 'billing_admin'],
    ['eve', 'Everybody', 'direct', ''],
    ['eve', 'Finance', 'indirect', 'billing_admin'],
    ['zoe', undefined, undefined, ''],
  ]);
  const now = await accessReport(store, tenant, {});
  assert.deepEqual(
    now.rows.map(({ userName }) => userName),
    ['ann', 'new', 'zoe'],
  );
  const { newest } = await store.changeRange(tenant.number);
  const [last] = await store.changes({ tenant: tenant.number, after: newest - 1, limit: 1 });
  assert.deepEqual(now.asOf, { sequence: newest, at: last?.at, link: last?.link });
});

test('access of one group by any of its names, of one role, and of those who may not sign in', async () => {
  const at = acts[1];
  const names = async (query: Parameters<typeof accessReport>[2]) =>
    (await accessReport(store, tenant, { at, ...query })).rows.map(({ userName }) => userName);
  for (const group of ['finance', 'fin-admins', ids.fin])
    assert.deepEqual(await names({ group }), ['ann', 'eve']);
  assert.deepEqual(await names({ role: 'billing_admin' }), ['ann', 'eve']);
  assert.deepEqual(await names({ role: 'billing_admin', inactive: true }), ['ann', 'ben', 'eve']);
  await assert.rejects(names({ group: 'Staff' }), new HistoryError('there was no group Staff at that time'));
  await assert.rejects(
    names({ role: 'owner' }),
    new HistoryError('no group gave the role owner at that time'),
  );
});

test('access at a date, and what cannot be answered', async () => {
  const [, second] = await store.changes({ tenant: tenant.number, limit: 2 });
  const at = new Date(Date.parse(second?.at ?? ''));
  const report = await accessReport(store, tenant, { at });
  assert.ok(report.asOf.sequence >= 2 && report.rows.length >= 2);
  const before = await accessReport(store, tenant, { at: new Date('2020-01-01T00:00:00Z') });
  assert.deepEqual([before.asOf.sequence, before.rows], [0, []]);
  await assert.rejects(
    accessReport(store, tenant, { at: 10_000 }),
    /there is no change 10000: the last one is/,
  );
  const future = new Date(Date.now() + 86_400_000);
  await assert.rejects(accessReport(store, tenant, { at: future }), /is in the future/);
});

test('the difference between two times: accounts, groups and roles, with when and by whom', async () => {
  const [from = 0, to] = acts;
  const { rows } = await diffReport(store, tenant, { from, to });
  assert.deepEqual(
    rows.map(({ change, userName, what, name }) => [change, userName, what, name]),
    [
      ['left', 'ben', 'account', undefined],
      ['lost', 'ben', 'group', 'Staff'],
      ['gained', 'eve', 'group', 'Finance'],
      ['gained', 'eve', 'role', 'billing_admin'],
    ],
  );
  const deactivation = (await store.changes({ tenant: tenant.number, id: ids.ben ?? '', limit: 10 })).at(-1);
  assert.equal(rows[0]?.at, deactivation?.at);
  assert.equal(rows[0]?.by, deactivation?.actor.name);
  const rest = await diffReport(store, tenant, { from: acts[1] ?? 0 });
  assert.deepEqual(
    rest.rows.map(({ change, userName, what }) => [change, userName, what]),
    [
      ['left', 'eve', 'account'],
      ['lost', 'eve', 'group'],
      ['lost', 'eve', 'group'],
      ['lost', 'eve', 'role'],
      ['joined', 'new', 'account'],
    ],
  );
  await assert.rejects(diffReport(store, tenant, { from: 5, to: 2 }), /--from must be before --to/);
});

test('a difference names the change that made it, and none where it is not known which of several did', async () => {
  const { own, store: at, only, create, newest } = await ownServer();
  try {
    const report = async (from: number) =>
      (await diffReport(at, only, { from })).rows.map(({ change, what, name, at: when, by }) => [
        ...[change, what, name, when !== undefined, by?.replace(/^test-.*/, 'token')],
      ]);
    const id = await create('/Users', newUser({ userName: 'ann', active: true }));
    const inner = await create('/Groups', newGroup({ displayName: 'Inner', members: [{ value: id }] }));
    await create('/Groups', newGroup({ displayName: 'Outer', members: [{ value: inner }] }));
    assert.deepEqual(await report(0), [
      ['joined', 'account', undefined, true, 'token'],
      ['gained', 'group', 'Inner', true, 'token'],
      ['gained', 'group', 'Outer', false, undefined],
    ]);
    const active = (value: boolean) =>
      own.request('PATCH', `/Users/${id}`, { body: patchOp({ op: 'replace', path: 'active', value }) });
    await active(false);
    const out = await newest();
    await active(true);
    assert.deepEqual(await report(out), [
      ['joined', 'account', undefined, true, 'token'],
      ['gained', 'group', 'Inner', true, 'token'],
      ['gained', 'group', 'Outer', true, 'token'],
    ]);
    const free = await newest();
    await at.grants.lock(only.number, id, { kind: 'cli', name: 'joe' }, 'lost laptop');
    assert.deepEqual(await report(free), [
      ['left', 'account', undefined, true, 'cli joe'],
      ['lost', 'group', 'Inner', true, 'cli joe'],
      ['lost', 'group', 'Outer', true, 'cli joe'],
    ]);
    const { rows: left } = await leaversReport(at, only, { since: free, sla: 60_000 });
    assert.deepEqual(
      left.map(({ event, by }) => [event, by]),
      [['locked', 'cli joe']],
    );
    await at.grants.unlock(only.number, id, { kind: 'cli', name: 'joe' });
    const { rows } = await historyReport(at, only, id);
    assert.deepEqual(
      rows.slice(-2).map(({ what }) => what),
      ['locked here', 'unlocked here'],
    );
  } finally {
    await own.close();
  }
});

test('leavers: each with each application and when it confirmed, slowest first, against an SLA', async () => {
  const { number } = tenant;
  const leaver = (await store.changes({ tenant: number, id: ids.ben ?? '', limit: 10 })).at(-1);
  assert.ok(leaver !== undefined);
  const report = async (now: Date, sla: number) =>
    (await leaversReport(store, tenant, { since: 0, sla, now })).rows.map(
      ({ userName, event, application, sla: met, confirmed }) => [
        userName,
        event,
        application,
        met,
        confirmed !== undefined,
      ],
    );
  const soon = new Date(Date.now() + 1000);
  assert.deepEqual((await report(soon, 60_000)).sort(), [
    ['ben', 'deactivated', undefined, 'waiting', false],
    ['eve', 'deleted', undefined, 'waiting', false],
  ]);
  const later = new Date(Date.now() + 120_000);
  assert.deepEqual(
    (await report(later, 60_000)).map(([, , , met]) => met),
    ['missed', 'missed'],
  );
  const until = async (moment: number | Date) => {
    const { rows, summary } = await leaversReport(store, tenant, { since: 0, until: moment, sla: 60_000 });
    return [rows.map(({ userName }) => userName).sort(), summary[0]] as const;
  };
  assert.deepEqual((await until(leaver.sequence - 1))[0], []);
  assert.deepEqual((await until(leaver.sequence))[0], ['ben']);
  assert.deepEqual((await until(later))[0], ['ben', 'eve'], 'a time to come: all until now');
  assert.match((await until(later))[1] ?? '', /^who left since change 0, until 2\d{3}-/);
});

test('the acknowledgements of a consumer are evidence: the first that covers a change counts', async () => {
  const other = await store.createTenant('confirming');
  const token = await server.newToken({ tenant: 'confirming' });
  const events = await server.newToken({ tenant: 'confirming', scope: 'events' });
  const request = async (method: string, path: string, body?: unknown) => {
    const { status, json, text } = await server.request(method, path, {
      token,
      ...(body === undefined ? {} : { body }),
    });
    assert.ok(status < 300, text);
    return json;
  };
  const acknowledge = async (position: number): Promise<void> => {
    const { status, text } = await server.request('POST', new URL('/events/ack', server.base).href, {
      token: events,
      body: JSON.stringify({ consumer: 'crm', sequence: String(position) }),
      headers: { 'content-type': 'application/json', accept: 'application/json' },
    });
    assert.ok(status < 300, text);
  };
  await acknowledge(0);
  const { id } = await request('POST', '/Users', newUser({ userName: 'leaver' }));
  await request('PATCH', `/Users/${id}`, patchOp({ op: 'replace', path: 'active', value: false }));
  await acknowledge(1);
  const { rows: waiting, summary } = await leaversReport(store, other, { since: 0, sla: 60_000 });
  assert.equal(summary[0], 'who left since change 0; applications have 1 minute to confirm it');
  assert.deepEqual(
    waiting.map(({ application, sla, confirmed }) => [application, sla, confirmed]),
    [['crm', 'waiting', undefined]],
  );
  await acknowledge(2);
  const first = (await leaversReport(store, other, { since: 0, sla: 60_000 })).rows[0];
  assert.equal(first?.sla, 'met');
  assert.match(first?.confirmed ?? '', /^\d{4}-/);
  await request('PATCH', `/Users/${id}`, patchOp({ op: 'replace', path: 'title', value: 'x' }));
  await acknowledge(3);
  assert.equal(
    (await leaversReport(store, other, { since: 0, sla: 60_000 })).rows[0]?.confirmed,
    first?.confirmed,
  );
  const { rows } = await historyReport(store, other, id);
  assert.deepEqual(
    rows.map(({ confirmed }) => confirmed.map((text) => text.split(' ')[0])),
    [['crm'], ['crm'], ['crm']],
  );
  assert.equal(rows[1]?.confirmed[0], `crm ${first?.confirmed}`);
});

test('orphans: accounts by id, externalId, userName or e-mail; unknown, inactive and deleted ones are told', async () => {
  const accounts = [
    { line: 2, userName: 'ANN' },
    { line: 3, externalId: 'x-ben' },
    { line: 4, userName: 'eve' },
    { line: 5, email: 'stranger@example.com' },
    { line: 6, id: ids.zoe },
  ];
  const report = await orphansReport(store, tenant, { accounts });
  assert.deepEqual(
    report.rows.map(({ reason, account, line, userName }) => [reason, account, line, userName]),
    [
      ['deleted', 'eve', 4, 'eve'],
      ['inactive', 'x-ben', 3, 'ben'],
      ['unknown', 'stranger@example.com', 5, undefined],
    ],
  );
  assert.match(report.rows[0]?.since ?? '', /^\d{4}-/);
  const missing = await orphansReport(store, tenant, { accounts, missing: true });
  assert.deepEqual(
    missing.rows.filter(({ reason }) => reason === 'no account').map(({ userName }) => userName),
    ['new'],
  );
});

test('seats: people, roles with their limits, and groups', async () => {
  const { rows, summary } = await seatsReport(store, tenant, { at: acts[1] });
  assert.deepEqual(
    rows.map(({ kind, name, used, seats, free, inactive }) => [kind, name, used, seats, free, inactive]),
    [
      ['people', 'all', 3, undefined, undefined, 1],
      ['role', 'billing_admin', 2, undefined, undefined, 1],
      ['group', 'Everybody', 1, undefined, undefined, 1],
      ['group', 'Finance', 2, undefined, undefined, 1],
    ],
  );
  assert.deepEqual(summary, []);
});

test('history tells who joined and left which group, and what was what before', async () => {
  const { rows } = await historyReport(store, tenant, ids.eve ?? '');
  assert.deepEqual(
    rows.map(({ what, cause }) => [what, cause]),
    [
      ['created', undefined],
      ['joined Everybody', undefined],
      ['left Everybody', `delete of User ${ids.eve}`],
      ['deleted', undefined],
    ],
  );
  const ben = await historyReport(store, tenant, ids.ben ?? '');
  assert.equal(ben.rows.at(-1)?.what, 'active: true → false');
  await assert.rejects(historyReport(store, tenant, 'nobody'), HistoryError);
});

test('somebody who was erased is in the reports of the past as erased, without a name', async () => {
  const type = store.registry.resourceTypes.find(({ name }) => name === 'User') as ResourceType;
  const { id } = await ask('POST', '/Users', newUser({ userName: 'to-be-forgotten' }));
  const at = (await store.changeRange(tenant.number)).newest;
  await new Directory(store).erase(operator(tenant.number, { kind: 'cli' }, 'strict'), type, id);
  const { rows } = await accessReport(store, tenant, { at });
  const row = rows.find((each) => each.id === id);
  assert.deepEqual([row?.state, row?.userName], ['erased', '']);
  const history = await historyReport(store, tenant, id);
  assert.deepEqual(
    history.rows.map(({ what }) => what),
    ['created', 'deleted', 'erased'],
  );
  const now = await accessReport(store, tenant, {});
  assert.ok(!now.rows.some((each) => each.id === id));
});

test('what retention has taken is said to be gone, and not answered wrongly', async () => {
  const own = await startScimd();
  try {
    assert.ok(own.store !== undefined);
    const [only] = await own.store.tenants();
    for (let user = 0; user < 3; user++) await own.request('POST', '/Users', { body: newUser() });
    const [, second] = await own.store.changes({ tenant: only?.number ?? 0, limit: 3 });
    await own.store.pruneChanges(new Date(Date.parse(second?.at ?? '') + 1), 1);
    const gone = /the history of tenant default begins with change 2, of .*: older ones are kept no longer/;
    await assert.rejects(accessReport(own.store, only as Tenant, { at: 0 }), gone);
    await assert.rejects(accessReport(own.store, only as Tenant, { at: new Date('2020-01-01') }), gone);
    assert.equal((await accessReport(own.store, only as Tenant, { at: 1 })).rows.length, 1);
    assert.deepEqual((await own.store.past.verify({ tenant: only?.number ?? 0 })).problems, []);
  } finally {
    await own.close();
  }
});

test('roles of a past time are by the rules that were in force then, for the people who were in the groups', async () => {
  const { own, store: past, only, create, newest: now } = await ownServer();
  try {
    const ann = await create('/Users', newUser({ userName: 'ann' }));
    const ben = await create('/Users', newUser({ userName: 'ben' }));
    const members = [{ value: ann }, { value: ben }];
    await create('/Groups', newGroup({ displayName: 'G', externalId: 'g-1', members }));
    const ruled = async (...rules: readonly AccessRule[]): Promise<number> => {
      await past.grants.apply(rules, administrator);
      return now();
    };
    const groups = 'externalId eq "g-1"';
    const ungoverned = await now();
    const edited = await ruled({ kind: 'role', name: 'editor', groups, seats: 1 });
    const left = own.request('PATCH', `/Users/${ben}`, {
      body: patchOp({ op: 'replace', path: 'active', value: false }),
    });
    assert.equal((await left).status, 200);
    const owned = await ruled({ kind: 'role', name: 'owner', groups });
    // Rules of another tenant replace none here.
    const tenants = ['other'];
    assert.equal(
      await ruled(
        { kind: 'role', name: 'owner', groups },
        { kind: 'role', name: 'stranger', groups, tenants },
      ),
      owned,
    );
    const ended = await ruled();
    const roles = async (at: number): Promise<unknown[]> =>
      (await accessReport(past, only, { at })).rows.map(({ userName, roles: of }) => [userName, ...of]);
    assert.deepEqual(await roles(ungoverned), [['ann'], ['ben']]);
    assert.deepEqual(await roles(edited), [
      ['ann', 'editor'],
      ['ben', 'editor'],
    ]);
    assert.deepEqual(await roles(owned), [['ann', 'owner']]);
    assert.deepEqual(await roles(ended), [['ann']]);
    assert.deepEqual((await accessReport(past, only, {})).rows[0]?.roles, []);
    const { rows } = await diffReport(past, only, { from: edited, to: owned });
    assert.deepEqual(
      rows
        .filter(({ what }) => what === 'role')
        .map(({ change, userName, name }) => [change, userName, name]),
      [
        ['lost', 'ann', 'editor'],
        ['gained', 'ann', 'owner'],
        ['lost', 'ben', 'editor'],
      ],
    );
    const seats = await seatsReport(past, only, { at: edited });
    const [, editor] = seats.rows;
    assert.deepEqual([editor?.name, editor?.used, editor?.seats, editor?.free], ['editor', 2, 1, -1]);
    assert.deepEqual(seats.summary, ['2 people have the role editor, which has 1 seat']);
    const records = await past.changes({ tenant: only.number, id: 'access-rules', limit: 10 });
    assert.deepEqual(
      records.map(({ actor, notice }) => [actor.name, notice?.event]),
      [1, 2, 3].map(() => ['root', 'rules.replaced']),
    );
    assert.deepEqual((await past.past.verify({ tenant: only.number })).problems, []);
  } finally {
    await own.close();
  }
});

test('who is locked here has no access from then on, and had it before', async () => {
  const own = await startScimd();
  try {
    assert.ok(own.store !== undefined);
    const [only] = (await own.store.tenants()) as [Tenant];
    const create = async (path: string, body: object): Promise<string> =>
      (await own.request('POST', path, { body })).json.id;
    const id = await create('/Users', newUser({ userName: 'ann' }));
    await create('/Groups', newGroup({ displayName: 'G', externalId: 'g-1', members: [{ value: id }] }));
    const actor = { kind: 'cli' } as const;
    await own.store.grants.apply(
      [{ kind: 'role', name: 'editor', groups: 'externalId eq "g-1"', seats: 5 }],
      actor,
    );
    const unlocked = (await own.store.changeRange(only.number)).newest;
    await own.store.grants.lock(only.number, id, actor, 'secret reason');
    const rows = async (query: Parameters<typeof accessReport>[2]) =>
      (await accessReport(own.store as Store, only, query)).rows.map(({ state, roles }) => [state, ...roles]);
    assert.deepEqual(await rows({}), []);
    assert.deepEqual(await rows({ inactive: true }), [['locked', 'editor']]);
    assert.deepEqual(await rows({ at: unlocked }), [['active', 'editor']]);
    const seats = await seatsReport(own.store, only, {});
    assert.deepEqual(
      seats.rows
        .slice(0, 2)
        .map(({ kind, name, used, seats: most, inactive }) => [kind, name, used, most, inactive]),
      [
        ['people', 'all', 0, undefined, 1],
        ['role', 'editor', 0, 5, 1],
      ],
    );
    const type = own.store.registry.resourceTypes.find(({ name }) => name === 'User') as ResourceType;
    await new Directory(own.store).erase(operator(only.number, actor, 'strict'), type, id);
    const changes = await own.store.changes({ tenant: only.number, limit: 100 });
    assert.doesNotMatch(JSON.stringify(changes), /secret reason|ann/);
    assert.deepEqual((await own.store.past.verify({ tenant: only.number })).problems, []);
    assert.deepEqual(await own.store.grants.locks(only.number), []);
  } finally {
    await own.close();
  }
});
