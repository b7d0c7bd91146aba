/** Roles and entitlements from groups, by rules: who has them, why, and whom a change of groups or rules concerns. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { applyRules, ruleWarnings } from '../../src/directory/access-rules.ts';
import { eventUri } from '../../src/events/streams/event-uris.ts';
import { tokensOf } from '../../src/events/streams/security-events.ts';
import { readAccessRules } from '../../src/query/access-rules.ts';
import { DefinitionError } from '../../src/scim/custom-schemas.ts';
import { RulesError } from '../../src/scim/roles.ts';
import { standardRegistry } from '../../src/scim/standard.ts';
import type { Store } from '../../src/store/store.ts';
import { newGroup, newUser, patchOp, startScimd, type TestServer } from '../server.ts';

// biome-ignore lint/suspicious/noExplicitAny: events of any shape
type Json = any;
const registry = standardRegistry();
const actor = { kind: 'cli' } as const;

interface Place {
  readonly server: TestServer;
  readonly store: Store;
  create(path: string, body: object): Promise<string>;
  patch(path: string, ...operations: object[]): Promise<void>;
  apply(roles: object, entitlements?: object): Promise<void>;
  /** The access of the people of whom it was told since the last call, by userName, each as it was told last. */
  told(): Promise<Record<string, Json>>;
}

async function place(): Promise<Place> {
  const server = await startScimd();
  const store = server.store as Store;
  const token = await server.newToken({ scope: 'events' });
  const origin = new URL(server.base).origin;
  const events = (query: string) => server.request('GET', `${origin}/events${query}`, { token });
  let position = (await events('?after=now')).json.position;
  return {
    server,
    store,
    async create(path, body) {
      const { status, json, text } = await server.request('POST', path, { body });
      assert.equal(status, 201, text);
      return json.id;
    },
    async patch(path, ...operations) {
      const { status, text } = await server.request('PATCH', path, {
        body: patchOp(...(operations as Record<string, unknown>[])),
      });
      assert.ok(status < 300, text);
    },
    async apply(roles, entitlements = {}) {
      await applyRules(store, readAccessRules({ roles, entitlements }, registry), actor);
    },
    async told() {
      const { json } = await events(`?after=${position}&limit=1000&type=user.access_changed`);
      ({ position } = json);
      return Object.fromEntries(
        json.events.map((event: Json) => [event.subject.userName, event.access] as const),
      );
    },
  };
}

const rolesOf = (access: Json): string[] => access.roles.map(({ role }: { role: string }) => role);

describe('roles from groups', () => {
  let at: Place;
  let jane: string;
  let joe: string;
  let inner: string;
  let admins: string;
  before(async () => {
    at = await place();
    jane = await at.create('/Users', newUser({ userName: 'jane' }));
    joe = await at.create('/Users', newUser({ userName: 'joe' }));
    inner = await at.create('/Groups', newGroup({ displayName: 'Finance', members: [{ value: jane }] }));
    admins = await at.create(
      '/Groups',
      newGroup({ displayName: 'Finance admins', externalId: 'fin-admins', members: [{ value: inner }] }),
    );
    await at.told();
  });
  after(() => at.server.close());

  test('a new rule is told to exactly those who gain, with the groups that give the role, nested ones too', async () => {
    await at.apply({ billing_admin: { groups: 'externalId eq "fin-admins"' } });
    const told = await at.told();
    assert.deepEqual(Object.keys(told), ['jane']);
    assert.deepEqual(told.jane.roles, [
      {
        role: 'billing_admin',
        by: [{ group: admins, externalId: 'fin-admins', display: 'Finance admins' }],
      },
    ]);
    assert.deepEqual([told.jane.active, told.jane.locked], [true, false]);
  });

  test('each group that gives a role is named', async () => {
    const second = await at.create(
      '/Groups',
      newGroup({ displayName: 'Second', externalId: 'second', members: [{ value: jane }] }),
    );
    await at.apply({ billing_admin: { groups: 'externalId eq "fin-admins" or externalId eq "second"' } });
    await at.told();
    await at.patch(`/Groups/${inner}`, { op: 'add', path: 'members', value: [{ value: joe }] });
    const { joe: access } = await at.told();
    assert.deepEqual(
      access.roles.map(({ by }: Json) => by.map(({ group }: Json) => group)),
      [[admins]],
    );
    await at.patch(`/Groups/${second}`, { op: 'add', path: 'members', value: [{ value: joe }] });
    const groups = (await at.told()).joe.roles[0].by.map(({ group }: Json) => group);
    assert.deepEqual([...groups].sort(), [admins, second].sort());
  });

  test('a rule that changes names who loses and who gains, and not who keeps', async () => {
    const kim = await at.create('/Users', newUser({ userName: 'kim' }));
    const team = await at.create(
      '/Groups',
      newGroup({ externalId: 'team', members: [{ value: kim }, { value: jane }] }),
    );
    await at.told();
    await at.apply({ billing_admin: { groups: `id eq "${team}"` } });
    const told = await at.told();
    // Jane has it by another group now, which changes nothing.
    assert.deepEqual(Object.keys(told).sort(), ['joe', 'kim']);
    assert.deepEqual([rolesOf(told.joe), rolesOf(told.kim)], [[], ['billing_admin']]);
    await at.apply({ billing_admin: { groups: `id eq "${team}"` } });
    assert.deepEqual(await at.told(), {});
  });

  test('a renamed group takes a role only where the rule reads its name', async () => {
    await at.apply({
      reader: { groups: 'displayName eq "Readers"' },
      writer: { groups: 'externalId eq "writers"' },
    });
    const lee = await at.create('/Users', newUser({ userName: 'lee' }));
    const group = await at.create(
      '/Groups',
      newGroup({ displayName: 'Readers', externalId: 'writers', members: [{ value: lee }] }),
    );
    assert.deepEqual(rolesOf((await at.told()).lee), ['reader', 'writer']);
    await at.patch(`/Groups/${group}`, { op: 'replace', path: 'displayName', value: 'People who read' });
    assert.deepEqual(rolesOf((await at.told()).lee), ['writer']);
    const rules = await at.store.grants.rules();
    const warnings = ruleWarnings(rules, registry);
    assert.equal(warnings.length, 1);
    assert.match(warnings[0] ?? '', /role reader goes by displayName.*externalId/);
  });

  test('entitlements are given by the same rules', async () => {
    await at.apply({}, { seat: { groups: 'externalId eq "writers"' } });
    const { lee } = await at.told();
    assert.deepEqual(lee.roles, []);
    assert.deepEqual(
      lee.entitlements.map(({ entitlement, by }: Json) => [entitlement, by.length]),
      [['seat', 1]],
    );
  });

  test('who is deactivated has none, and has them again when active', async () => {
    const id = (await at.server.request('GET', '/Users?filter=userName eq "lee"')).json.Resources[0].id;
    await at.patch(`/Users/${id}`, { op: 'replace', path: 'active', value: false });
    assert.deepEqual((await at.told()).lee.entitlements, []);
    await at.patch(`/Users/${id}`, { op: 'replace', path: 'active', value: true });
    assert.equal((await at.told()).lee.entitlements.length, 1);
  });

  test('check tells the same and changes nothing', async () => {
    const rules = readAccessRules(
      { roles: { a: { groups: 'externalId eq "writers"' }, b: { groups: 'externalId eq "nothing"' } } },
      registry,
    );
    const [effect] = await at.store.grants.check(rules);
    assert.deepEqual(
      effect?.changes.map(({ kind, name, gained, lost }) => [kind, name, gained.length, lost.length]),
      [
        ['role', 'a', 1, 0],
        ['entitlement', 'seat', 0, 1],
      ],
    );
    assert.deepEqual(effect?.unmatched, [{ kind: 'role', name: 'b' }]);
    assert.ok(effect?.idle.some(({ display }) => display === 'Finance admins'));
    assert.equal((await at.store.grants.rules()).length, 1);
    assert.deepEqual(await at.told(), {});
  });

  test('rules that would take a role from the last who must keep it are not applied', async () => {
    await at.apply({ owner: { groups: 'externalId eq "writers"', keep: 1 } });
    await at.told();
    const none = readAccessRules(
      { roles: { owner: { groups: 'externalId eq "nobody"', keep: 1 } } },
      registry,
    );
    await assert.rejects(applyRules(at.store, none, actor), (error) => {
      assert.ok(error instanceof RulesError);
      assert.match(error.message, /tenant default 0 would have the role owner, which must keep 1/);
      return true;
    });
    assert.deepEqual(await at.told(), {});
    assert.match((await at.store.grants.rules())[0]?.groups ?? '', /writers/);
    await applyRules(at.store, none, actor, true);
    assert.deepEqual(rolesOf((await at.told()).lee), []);
  });

  test('a rule of some tenants gives nothing in others', async () => {
    await at.apply({ elsewhere: { groups: 'externalId eq "writers"', tenants: ['acme'] } });
    assert.deepEqual(await at.store.grants.people(1), [{ kind: 'role', name: 'elsewhere', people: 0 }]);
  });
});

describe('rules that cannot be', () => {
  for (const [rules, problem] of [
    [{ roles: { a: { groups: 'externalId = "x"' } } }, /^roles\.a\.groups is no filter of groups: /],
    [{ roles: { a: { groups: 'userName eq "x"' } } }, /^roles\.a\.groups is no filter of groups: /],
    [{ roles: { a: { groups: 'members.value eq "x"' } } }, /^roles\.a\.groups cannot be by members/],
    [{ roles: { a: { groups: 'meta.created pr' } } }, /^roles\.a\.groups cannot be by meta\.created/],
    [{ roles: { a: {} } }, /^roles\.a\.groups is required/],
    [{ roles: { a: { groups: '' } } }, /^roles\.a\.groups must be a SCIM filter/],
    [{ roles: { 'a b': { groups: 'id pr' } } }, /^roles\.a b must be named by/],
    [{ roles: { a: { group: 'id pr', groups: 'id pr' } } }, /^roles\.a\.group is unknown, did you mean/],
    [
      { entitlements: { a: { groups: 'id pr', seats: -1 } } },
      /^entitlements\.a\.seats must be a whole number/,
    ],
    [{ roles: { a: { groups: 'id pr', keep: 3, seats: 2 } } }, /^roles\.a\.keep must not exceed seats/],
    [{ roles: [] }, /^roles must be an object of rules/],
  ] as const)
    test(JSON.stringify(rules), () => {
      assert.throws(
        () => readAccessRules(rules, registry),
        (error) => error instanceof DefinitionError && problem.test(error.message),
      );
    });
});

test('somebody who is locked has no access, in events, views and snapshots, and the provider sees nothing of it', async () => {
  const at = await place();
  try {
    const id = await at.create('/Users', newUser({ userName: 'mia' }));
    await at.create('/Groups', newGroup({ externalId: 'g', members: [{ value: id }] }));
    await at.apply({ admin: { groups: 'externalId eq "g"' } });
    const seen = (await at.server.request('GET', `/Users/${id}`)).text;
    await at.told();
    assert.equal(await at.store.grants.lock(1, id, actor, 'laptop stolen'), true);
    assert.equal(await at.store.grants.lock(1, id, actor), false);
    const { mia } = await at.told();
    assert.deepEqual([mia.active, mia.locked, mia.roles, mia.groups], [false, true, [], []]);
    assert.equal(mia.lost.length, 1);
    const record = (await at.store.changes({ tenant: 1, id, limit: 100 })).at(-1);
    assert.ok(record);
    const stream = { id: 's', issuer: 'i', audience: 'a', delivered: new Set([eventUri.sessionRevoked]) };
    const [token] = tokensOf(record, { uri: `/Users/${id}`, document: undefined }, stream);
    assert.deepEqual(
      Object.values(token?.claims.events ?? {}).map((payload: Json) => payload.reason_admin),
      [{ en: 'The user was locked' }],
      'a stream of security events ends the sessions (CAEP 1.0 §3.1)',
    );
    assert.equal((await at.server.request('GET', `/Users/${id}`)).text, seen);
    // What the provider writes does not unlock.
    await at.patch(`/Users/${id}`, { op: 'replace', path: 'active', value: false });
    await at.patch(`/Users/${id}`, { op: 'replace', path: 'active', value: true });
    assert.deepEqual([(await at.told()).mia.active], [false]);
    assert.deepEqual(await at.store.grants.people(1), [{ kind: 'role', name: 'admin', people: 0 }]);
    assert.deepEqual(
      (await at.store.grants.locks(1)).map(({ id: locked, reason }) => [locked, reason]),
      [[id, 'laptop stolen']],
    );
    const snapshot = await at.store.feed.snapshot(1);
    assert.deepEqual(
      (await snapshot.next()).map(({ resource, locked }) => [resource.id, locked]),
      [[id, true]],
    );
    snapshot.close();
    assert.equal(await at.store.grants.unlock(1, id, actor), true);
    assert.deepEqual(rolesOf((await at.told()).mia), ['admin']);
  } finally {
    await at.server.close();
  }
});
