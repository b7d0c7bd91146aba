/** The guard, played over HTTP as providers make their mistakes: too many leavers, an emptied group, a last seat. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { applyRules } from '../../src/directory/access-rules.ts';
import { operator } from '../../src/directory/caller.ts';
import { Directory } from '../../src/directory/directory.ts';
import type { GuardNews, GuardOptions } from '../../src/directory/guard.ts';
import { readAccessRules } from '../../src/query/access-rules.ts';
import type { ResourceType } from '../../src/scim/registry.ts';
import { standardRegistry } from '../../src/scim/standard.ts';
import { openSqliteStore } from '../../src/store/sqlite/index.ts';
import type { Store } from '../../src/store/store.ts';
import {
  type Answer,
  bulkSchema,
  newGroup,
  newUser,
  patchOp,
  startScimd,
  type TestServer,
} from '../server.ts';

// biome-ignore lint/suspicious/noExplicitAny: events of any shape
type Json = any;
const registry = standardRegistry();
const actor = { kind: 'cli' } as const;

class Place {
  readonly server: TestServer;
  readonly store: Store;
  readonly news: GuardNews[];
  readonly #token: string;
  #position = 'oldest';

  private constructor(server: TestServer, token: string, news: GuardNews[]) {
    this.server = server;
    this.store = server.store as Store;
    this.#token = token;
    this.news = news;
  }

  static async start(guard?: GuardOptions, idp = 'generic'): Promise<Place> {
    const news: GuardNews[] = [];
    const server = await startScimd({
      ...(guard === undefined ? {} : { guard }),
      idp,
      onGuard: (each) => void news.push(each),
    });
    return new Place(server, await server.newToken({ scope: 'events' }), news);
  }

  request(method: string, path: string, body?: unknown): Promise<Answer> {
    return this.server.request(method, path, body === undefined ? {} : { body });
  }

  async create(path: string, body: object): Promise<string> {
    const { status, json, text } = await this.request('POST', path, body);
    assert.equal(status, 201, text);
    return json.id;
  }

  patch(path: string, ...operations: Record<string, unknown>[]): Promise<Answer> {
    return this.request('PATCH', path, patchOp(...operations));
  }

  /** As many active people, by their ids. */
  async people(count: number): Promise<string[]> {
    const Operations = Array.from({ length: count }, () => ({
      ...{ method: 'POST', path: '/Users', data: newUser({ active: true }) },
      bulkId: String(Math.random()),
    }));
    const { json } = await this.request('POST', '/Bulk', { schemas: [bulkSchema], Operations });
    return json.Operations.map(({ location }: { location: string }) => location.split('/').at(-1));
  }

  apply(roles: object): Promise<unknown> {
    return applyRules(this.store, readAccessRules({ roles }, registry), actor);
  }

  /** Events of these types since the last call. */
  async events(types: string): Promise<Json[]> {
    const origin = new URL(this.server.base).origin;
    const found: Json[] = [];
    for (let more = true; more; ) {
      const path = `${origin}/events?after=${this.#position}&limit=1000&type=${types}`;
      const { json } = await this.server.request('GET', path, { token: this.#token });
      found.push(...json.events);
      this.#position = json.position;
      ({ more } = json);
    }
    return found;
  }
}

const deactivate = { op: 'replace', value: { active: false } };

describe('Okta deactivates 300 of 800 people in a minute', () => {
  test('hold: from the fifth part on, everything is held back until an operator releases it', async () => {
    const at = await Place.start({ mode: 'hold' }, 'okta');
    try {
      const ids = await at.people(800);
      const leavers = ids.slice(0, 300);
      const first: Answer[] = [];
      for (const id of leavers) first.push(await at.patch(`/Users/${id}`, deactivate));
      const held = first.filter(({ status }) => status === 429);
      // 160 are 20 % of 800.
      assert.deepEqual(
        [
          first.filter(({ status }) => status < 300).length,
          held.length,
          first.findIndex((each) => each.status === 429),
        ],
        [159, 141, 159],
      );
      assert.match(
        held[0]?.json.detail,
        /^Held back, nothing was changed: with this 160 of 800 people would be deactivated or deleted within 60 minutes, .* correct the assignments .* in your identity provider\. .* ask the operator of the application/,
      );
      assert.match(
        held.at(-1)?.json.detail,
        /^Held back, nothing was changed: too many people .* since \d{4}-/,
      );
      for (const { headers, json } of held) {
        assert.equal(headers.get('retry-after'), '300');
        assert.equal(json.status, '429');
      }
      assert.equal((await at.request('GET', '/Users?filter=active eq false&count=0')).json.totalResults, 159);
      // Whoever comes, changes or is read is none of its business.
      await at.create('/Users', newUser());
      assert.equal(
        (await at.patch(`/Users/${leavers[299]}`, { op: 'replace', path: 'title', value: 'x' })).status,
        200,
      );
      assert.equal((await at.request('DELETE', `/Users/${ids[500]}`)).status, 429);
      assert.deepEqual(
        (await at.events('guard.*')).map(({ type, mode, loss, people, of, minutes, actor: by }) => [
          ...[type, mode, loss, people, of, minutes, by.kind],
        ]),
        [['guard.tripped', 'hold', 'left', 160, 800, 60, 'token']],
      );
      assert.deepEqual(at.news.map(({ kind }) => kind).slice(0, 3), ['held', 'refused', 'refused']);
      const [state] = await at.store.guards.states();
      assert.match(state?.held ?? '', /^\d{4}-/);

      await at.store.guards.release(1, new Date(Date.now() + 3_600_000), actor);
      for (const id of leavers) assert.ok((await at.patch(`/Users/${id}`, deactivate)).status < 300);
      assert.equal((await at.request('GET', '/Users?filter=active eq false&count=0')).json.totalResults, 300);
      const [released, ...more] = await at.events('guard.*');
      assert.deepEqual([released?.type, more.length, typeof released?.held], ['guard.released', 0, 'string']);
    } finally {
      await at.server.close();
    }
  });

  test('those who are deactivated at once, in one commit, are counted one by one', async () => {
    const at = await Place.start({ mode: 'hold', people: 10, percent: 10 }, 'okta');
    try {
      const ids = await at.people(60);
      const answers = await Promise.all(ids.slice(0, 30).map((id) => at.patch(`/Users/${id}`, deactivate)));
      const statuses = answers.map(({ status }) => status).sort();
      assert.deepEqual(statuses, [...Array(9).fill(200), ...Array(21).fill(429)]);
      const inactive = await at.request('GET', '/Users?filter=active eq false&count=0');
      assert.equal(inactive.json.totalResults, 9);
    } finally {
      await at.server.close();
    }
  });

  test('alert, as without a setting: all is done, and told once', async () => {
    const at = await Place.start(undefined, 'okta');
    try {
      const ids = await at.people(800);
      for (const id of ids.slice(0, 300))
        assert.ok((await at.patch(`/Users/${id}`, deactivate)).status < 300);
      const events = await at.events('guard.*');
      assert.deepEqual(
        events.map(({ type, mode, people, of }) => [type, mode, people, of]),
        [['guard.tripped', 'alert', 160, 800]],
      );
      assert.deepEqual(
        at.news.map(({ kind }) => kind),
        ['alert'],
      );
    } finally {
      await at.server.close();
    }
  });

  test('who was not active does not count, and a bulk request is held back operation by operation', async () => {
    const at = await Place.start({ mode: 'hold', people: 5, percent: 50 });
    try {
      const ids = await at.people(10);
      const inactive = await at.people(10);
      for (const id of inactive)
        await at.store.guards.release(1, new Date(), actor).then(() => at.patch(`/Users/${id}`, deactivate));
      // Neither again nor by deletion does who has left already leave.
      for (const id of inactive) assert.equal((await at.request('DELETE', `/Users/${id}`)).status, 204);
      await at.store.guards.release(1, new Date(), actor);
      const { json } = await at.request('POST', '/Bulk', {
        schemas: [bulkSchema],
        Operations: ids.map((id) => ({ method: 'DELETE', path: `/Users/${id}` })),
      });
      assert.deepEqual(
        json.Operations.map(({ status }: { status: string }) => status),
        ['204', '204', '204', '204', '429', '429', '429', '429', '429', '429'],
      );
    } finally {
      await at.server.close();
    }
  });

  test('an operator deactivates by hand while it holds', async () => {
    const at = await Place.start({ mode: 'hold', people: 2, percent: 1 });
    try {
      const [one = '', two = ''] = await at.people(3);
      await at.patch(`/Users/${one}`, deactivate);
      assert.equal((await at.patch(`/Users/${two}`, deactivate)).status, 429);
      const directory = new Directory(at.store, { guard: { mode: 'hold', people: 2, percent: 1 } });
      const [type] = registry.resourceTypes;
      assert.ok(type);
      const { changed } = await directory.patch(operator(1, actor, 'strict'), type, two, patchOp(deactivate));
      assert.equal(changed, true);
    } finally {
      await at.server.close();
    }
  });
});

describe("Entra empties the administrators' group", () => {
  let at: Place;
  let admin: string;
  let group: string;
  before(async () => {
    at = await Place.start(undefined, 'entra');
    admin = await at.create('/Users', newUser({ userName: 'admin', active: true }));
    group = await at.create('/Groups', newGroup({ externalId: 'admins', members: [{ value: admin }] }));
    await at.apply({ admin: { groups: 'externalId eq "admins"', keep: 1 } });
    await at.events('guard.*');
  });
  after(() => at.server.close());

  const refusals: readonly (readonly [what: string, act: () => Promise<Answer>])[] = [
    [
      'members removed one by one',
      () => at.patch(`/Groups/${group}`, { op: 'Remove', path: 'members', value: [{ value: admin }] }),
    ],
    ['all members removed', () => at.patch(`/Groups/${group}`, { op: 'Remove', path: 'members' })],
    [
      'members replaced by nobody',
      () => at.patch(`/Groups/${group}`, { op: 'Replace', path: 'members', value: [] }),
    ],
    [
      'the last one deactivated',
      () => at.patch(`/Users/${admin}`, { op: 'Replace', path: 'active', value: 'False' }),
    ],
    ['the last one deleted', () => at.request('DELETE', `/Users/${admin}`)],
    ['the group deleted', () => at.request('DELETE', `/Groups/${group}`)],
    [
      'the group made another',
      () => at.patch(`/Groups/${group}`, { op: 'Replace', path: 'externalId', value: 'x' }),
    ],
  ];
  for (const [what, act] of refusals)
    test(`${what}: 409, in words for who administers the provider, and nothing is changed`, async () => {
      const { status, json } = await act();
      assert.equal(status, 409, JSON.stringify(json));
      assert.equal(
        json.detail,
        'At least 1 active person must have the role admin in this application, and with this change nobody would; nothing was changed. First give it to somebody else, by a group that grants it, then repeat this change.',
      );
      const { members, externalId } = (await at.request('GET', `/Groups/${group}`)).json;
      assert.deepEqual([members.map(({ value }: Json) => value), externalId], [[admin], 'admins']);
    });

  test('it is told once an hour, not with every try', async () => {
    const events = await at.events('guard.*');
    assert.deepEqual(
      events.map(({ type, reason, role, keep, left, subject }) => [type, reason, role, keep, left, subject]),
      [['guard.refused', 'keep', 'admin', 1, 0, { type: 'Role', id: 'admin' }]],
    );
  });

  test('with another administrator, by a nested group, all of it passes', async () => {
    const second = await at.create('/Users', newUser({ active: true }));
    const inner = await at.create('/Groups', newGroup({ members: [{ value: second }] }));
    const add = { op: 'Add', path: 'members', value: [{ value: inner }] };
    assert.ok((await at.patch(`/Groups/${group}`, add)).status < 300);
    const remove = { op: 'Remove', path: 'members', value: [{ value: admin }] };
    assert.ok((await at.patch(`/Groups/${group}`, remove)).status < 300);
    // Now the nested one is the last.
    assert.equal((await at.patch(`/Groups/${inner}`, { op: 'Remove', path: 'members' })).status, 409);
    assert.equal((await at.request('DELETE', `/Users/${second}`)).status, 409);
  });

  test('a locked administrator is none', async () => {
    await at.patch(`/Groups/${group}`, { op: 'Add', path: 'members', value: [{ value: admin }] });
    await at.store.grants.lock(1, admin, actor);
    const remove = { op: 'Remove', path: 'members', value: [{ value: admin }] };
    assert.ok((await at.patch(`/Groups/${group}`, remove)).status < 300);
  });
});

test('protected people are neither deactivated nor deleted, whoever asks and whatever they are named by', async () => {
  const at = await Place.start({ protectedPeople: ['Root@Example.com', 'ext-1'] });
  try {
    const root = await at.create('/Users', newUser({ userName: 'root@example.com' }));
    const other = await at.create('/Users', newUser({ externalId: 'ext-1' }));
    for (const id of [root, other]) {
      assert.equal((await at.patch(`/Users/${id}`, deactivate)).status, 409);
      assert.equal((await at.request('DELETE', `/Users/${id}`)).status, 409);
      assert.equal((await at.request('PUT', `/Users/${id}`, newUser({ active: false }))).status, 409);
      assert.equal(
        (await at.patch(`/Users/${id}`, { op: 'replace', path: 'title', value: 'x' })).status,
        200,
      );
    }
    const { json } = await at.request('DELETE', `/Users/${root}`);
    assert.match(json.detail, /^root@example\.com is protected in this application .* nothing was changed/);
    assert.deepEqual(
      (await at.events('guard.*')).map(({ reason, userName }) => [reason, userName === undefined]),
      [
        ['protected', false],
        ['protected', false],
      ],
    );
  } finally {
    await at.server.close();
  }
});

describe('a role with three seats', () => {
  let at: Place;
  let group: string;
  let ids: string[];
  const add = (...who: (string | undefined)[]) =>
    at.patch(`/Groups/${group}`, { op: 'add', path: 'members', value: who.map((value) => ({ value })) });
  before(async () => {
    at = await Place.start();
    ids = await at.people(6);
    group = await at.create('/Groups', newGroup({ externalId: 'editors', members: [{ value: ids[0] }] }));
    await at.apply({ editor: { groups: 'externalId eq "editors"', seats: 3 } });
    await at.events('guard.*,seats.*');
  });
  after(() => at.server.close());

  test('tells when the last one is taken, before anybody is refused', async () => {
    assert.equal((await add(ids[1])).status, 200);
    assert.deepEqual(await at.events('seats.*'), []);
    assert.equal((await add(ids[2])).status, 200);
    assert.deepEqual(
      (await at.events('seats.*')).map(({ type, role, seats, used }) => [type, role, seats, used]),
      [['seats.exhausted', 'editor', 3, 3]],
    );
  });

  test('refuses one more, by whichever way, and says so', async () => {
    const { status, json } = await add(ids[3]);
    assert.equal(status, 409);
    assert.match(json.detail, /^There is no seat left: 3 people may have the role editor .* more seats\.$/);
    const inner = await at.create('/Groups', newGroup({ members: [{ value: ids[3] }] }));
    assert.equal((await add(inner)).status, 409);
    const more = newGroup({ externalId: 'editors', members: [{ value: ids[4] }] });
    assert.equal((await at.request('POST', '/Groups', more)).status, 409);
    assert.deepEqual(
      (await at.events('guard.*')).map(({ type, reason, role, seats }) => [type, reason, role, seats]),
      [['guard.refused', 'seats', 'editor', 3]],
    );
  });

  test('takes who has it by another group already', async () => {
    const again = newGroup({ externalId: 'editors', members: [{ value: ids[0] }] });
    assert.equal((await at.request('POST', '/Groups', again)).status, 201);
  });

  test('a seat that is given up is free, also by who is deactivated, and taken again by who returns', async () => {
    assert.equal((await at.patch(`/Users/${ids[1]}`, deactivate)).status, 200);
    assert.equal((await add(ids[3])).status, 200);
    const back = await at.patch(`/Users/${ids[1]}`, { op: 'replace', path: 'active', value: true });
    assert.equal(back.status, 409);
    assert.match(back.json.detail, /no seat left/);
    await at.patch(`/Groups/${group}`, { op: 'remove', path: `members[value eq "${ids[2]}"]` });
    assert.equal(
      (await at.patch(`/Users/${ids[1]}`, { op: 'replace', path: 'active', value: true })).status,
      200,
    );
  });

  test('/Roles is the report of them (draft-ietf-scim-roles-entitlements-01)', async () => {
    const { status, json } = await at.request('GET', '/Roles');
    assert.equal(status, 200);
    assert.deepEqual(json.Resources, [
      {
        schemas: ['urn:ietf:params:scim:schemas:core:2.0:Role'],
        id: 'editor',
        value: 'editor',
        supported: true,
        limitedAssignmentsPermitted: true,
        totalAssignmentsPermitted: 3,
        totalAssignmentsUsed: 3,
        meta: { resourceType: 'Role', location: `${at.server.base}/Roles/editor` },
      },
    ]);
    assert.deepEqual((await at.request('GET', '/Roles/editor')).json, json.Resources[0]);
    assert.equal((await at.request('GET', '/Roles/nobody')).status, 404);
    assert.equal((await at.request('GET', '/Roles?filter=value eq "x"')).json.totalResults, 0);
    assert.equal((await at.request('GET', '/Roles?filter=userName eq "x"')).status, 400);
    assert.equal((await at.request('DELETE', '/Roles/editor')).status, 405);
    assert.equal((await at.request('GET', '/Entitlements')).json.totalResults, 0);
    const config = (await at.request('GET', '/ServiceProviderConfig')).json;
    assert.deepEqual(config.RolesAndEntitlements, {
      roles: { supported: true },
      entitlements: { supported: false },
    });
    const types = (await at.request('GET', '/ResourceTypes')).json.Resources;
    assert.deepEqual(
      types.map(({ endpoint }: Json) => endpoint),
      ['/Users', '/Groups', '/Roles'],
    );
    const schema = 'urn:ietf:params:scim:schemas:core:2.0:Role';
    assert.equal((await at.request('GET', `/Schemas/${schema}`)).json.id, schema);
  });
});

describe('what is paused', () => {
  test('of a token, and of a tenant: writes are 503 with when to try again, reads go on', async () => {
    const at = await Place.start();
    try {
      const [id = ''] = await at.people(1);
      const [token] = await at.store.listTokens();
      assert.ok(token);
      const since = '2026-11-28T09:00:00.000Z';
      const pauses: readonly ((at: string | undefined) => unknown)[] = [
        (when) => at.store.pauseToken(token.id, when),
        (when) => at.store.pauseTenant(token.tenant, when),
      ];
      for (const pause of pauses) {
        await pause(since);
        for (const answer of [
          await at.request('POST', '/Users', newUser()),
          await at.patch(`/Users/${id}`, deactivate),
          await at.request('DELETE', `/Users/${id}`),
          await at.request('POST', '/Bulk', { schemas: [bulkSchema], Operations: [] }),
        ]) {
          assert.equal(answer.status, 503, answer.text);
          assert.equal(answer.headers.get('retry-after'), '300');
          assert.match(
            answer.json.detail,
            new RegExp(`has paused provisioning since ${since}; nothing was changed`),
          );
        }
        assert.equal((await at.request('GET', `/Users/${id}`)).status, 200);
        await pause(undefined);
        assert.equal(
          (await at.patch(`/Users/${id}`, { op: 'replace', path: 'title', value: 'x' })).status,
          200,
        );
      }
    } finally {
      await at.server.close();
    }
  });
});

test('what another process writes counts here too: seats, losses and a release', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'scimd-guard-'));
  const open = () => openSqliteStore({ file: join(folder, 'scimd.db'), registry });
  const [one, other] = [open(), open()];
  try {
    const guard = { mode: 'hold', people: 4, percent: 1 } as const;
    const [here, there] = [new Directory(one, { guard }), new Directory(other, { guard })];
    const caller = operator(1, { kind: 'token', id: 't' }, 'generic');
    const [user, group] = registry.resourceTypes as [ResourceType, ResourceType];
    const ids: string[] = [];
    for (let count = 0; count < 9; count++)
      ids.push((await here.create(caller, user, newUser({ active: true }))).id);
    const team = await here.create(caller, group, newGroup({ externalId: 'team' }));
    await applyRules(
      one,
      readAccessRules({ roles: { a: { groups: 'externalId eq "team"', seats: 4 } } }, registry),
      actor,
    );
    const enter = (directory: Directory, value: string | undefined) =>
      directory.patch(caller, group, team.id, patchOp({ op: 'add', path: 'members', value: [{ value }] }));
    await enter(here, ids[0]);
    for (const id of [ids[1], ids[2], ids[3]]) await enter(there, id);
    await assert.rejects(enter(here, ids[4]), { name: 'DirectoryError', code: 'no-seats' });

    const leave = (directory: Directory, id: string | undefined) => directory.delete(caller, user, id ?? '');
    await leave(here, ids[5]);
    for (const id of [ids[6], ids[7]]) await leave(there, id);
    await assert.rejects(leave(here, ids[8]), { name: 'DirectoryError', code: 'held' });
    await assert.rejects(leave(there, ids[8]), { name: 'DirectoryError', code: 'held' });
    await other.guards.release(1, new Date(Date.now() + 60_000), actor);
    await leave(here, ids[8]);
  } finally {
    await one.close();
    await other.close();
    rmSync(folder, { recursive: true });
  }
});
