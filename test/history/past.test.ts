/** Random changes over HTTP: the state at every past sequence, rebuilt backwards, is what was there. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { operator } from '../../src/directory/caller.ts';
import { Directory } from '../../src/directory/directory.ts';
import { DirectoryError } from '../../src/directory/directory-error.ts';
import type { ResourceType } from '../../src/scim/registry.ts';
import type { PastState } from '../../src/store/past.ts';
import type { Store } from '../../src/store/store.ts';
import {
  enterpriseSchema,
  groupSchema,
  patchOp,
  startScimd,
  type TestServer,
  userSchema,
} from '../server.ts';

const seed = Number(process.env.SEED ?? Math.floor(Math.random() * 2 ** 31));
const runs = Number(process.env.RUNS ?? 12);

type Json = Record<string, unknown>;

const word = fc.constantFrom('a', 'b', 'ä', 'long text "with" quotes', '__proto__', 'x\ny');
const fields = fc.record(
  {
    title: word,
    nickName: word,
    externalId: word,
    active: fc.boolean(),
    name: fc.record({ givenName: word, familyName: word }, { requiredKeys: [] }),
    emails: fc.array(
      fc.record({ value: fc.constantFrom('a@x', 'b@x'), type: fc.constantFrom('work', 'home') }),
      { maxLength: 2 },
    ),
    [enterpriseSchema]: fc.record({ department: word, costCenter: word }, { requiredKeys: [] }),
  },
  { requiredKeys: [] },
);
const slot = fc.nat({ max: 3 });
const group = fc.nat({ max: 1 });
const step = fc.oneof(
  fc.record({ kind: fc.constant('put' as const), user: slot, fields }),
  fc.record({ kind: fc.constant('patch' as const), user: slot, fields }),
  fc.record({
    kind: fc.constant('clear' as const),
    user: slot,
    path: fc.constantFrom('title', 'name.givenName', 'emails[type eq "work"]', enterpriseSchema),
  }),
  fc.record({ kind: fc.constant('manager' as const), user: slot, boss: slot }),
  fc.record({
    kind: fc.constant('members' as const),
    group,
    op: fc.constantFrom('add', 'replace'),
    users: fc.uniqueArray(slot, { minLength: 1, maxLength: 3 }),
  }),
  fc.record({ kind: fc.constant('leave' as const), group, user: slot }),
  fc.record({ kind: fc.constant('rename' as const), group, name: word }),
  fc.record({ kind: fc.constant('delete' as const), user: slot }),
  fc.record({ kind: fc.constant('deleteGroup' as const), group }),
  fc.record({ kind: fc.constant('restore' as const), user: slot }),
  fc.record({ kind: fc.constant('restoreGroup' as const), group }),
  fc.record({ kind: fc.constant('again' as const), user: slot }),
);
type Step = typeof step extends fc.Arbitrary<infer S> ? S : never;

/** Everything that the server shows, as a past state is compared with it. */
interface Shown {
  readonly documents: ReadonlyMap<string, Json>;
  readonly versions: ReadonlyMap<string, number>;
  readonly members: ReadonlyMap<string, readonly string[]>;
}

class World {
  readonly #server: TestServer;
  readonly #store: Store;
  readonly #directory: Directory;
  readonly #tenant: number;
  readonly #users: string[] = [];
  readonly #groups: string[] = [];
  #count = 0;

  private constructor(server: TestServer, store: Store, tenant: number) {
    this.#server = server;
    this.#store = store;
    this.#directory = new Directory(store);
    this.#tenant = tenant;
  }

  /** In a tenant of its own. */
  static async open(server: TestServer, name: string): Promise<World> {
    const { store } = server;
    assert.ok(store !== undefined);
    const { number } = await store.createTenant(name);
    const token = await server.newToken({ tenant: name });
    const request: TestServer['request'] = (method, path, options) =>
      server.request(method, path, { ...options, token });
    const world = new World({ ...server, request }, store, number);
    for (let user = 0; user < 4; user++) await world.#createUser(user);
    for (let at = 0; at < 2; at++)
      world.#groups.push(
        (await world.#post('/Groups', { schemas: [groupSchema], displayName: `g${at}` })).id,
      );
    return world;
  }

  async #post(path: string, body: Json): Promise<{ id: string }> {
    const { status, json, text } = await this.#server.request('POST', path, { body });
    assert.equal(status, 201, text);
    return json;
  }

  async #createUser(user: number): Promise<void> {
    const body = { schemas: [userSchema], userName: `u${user}-${++this.#count}` };
    this.#users[user] = (await this.#post('/Users', body)).id;
  }

  async step(given: Step): Promise<void> {
    const user = 'user' in given ? `/Users/${this.#users[given.user]}` : '';
    const groupPath = 'group' in given ? `/Groups/${this.#groups[given.group]}` : '';
    switch (given.kind) {
      case 'put': {
        const there = await this.#server.request('GET', user);
        const schemas = [userSchema, ...(enterpriseSchema in given.fields ? [enterpriseSchema] : [])];
        const body = { schemas, userName: there.json.userName, ...given.fields };
        return this.#ask('PUT', user, body);
      }
      case 'patch':
        return this.#ask('PATCH', user, patchOp({ op: 'replace', value: given.fields }));
      case 'clear':
        return this.#ask('PATCH', user, patchOp({ op: 'remove', path: given.path }));
      case 'manager': {
        const value = { value: this.#users[given.boss] };
        return this.#ask(
          'PATCH',
          user,
          patchOp({ op: 'replace', path: `${enterpriseSchema}:manager`, value }),
        );
      }
      case 'members': {
        const value = given.users.map((each) => ({ value: this.#users[each] }));
        return this.#ask('PATCH', groupPath, patchOp({ op: given.op, path: 'members', value }));
      }
      case 'leave': {
        const path = `members[value eq "${this.#users[given.user]}"]`;
        return this.#ask('PATCH', groupPath, patchOp({ op: 'remove', path }));
      }
      case 'rename':
        return this.#ask(
          'PATCH',
          groupPath,
          patchOp({ op: 'replace', path: 'displayName', value: given.name }),
        );
      case 'delete':
        return this.#ask('DELETE', user);
      case 'deleteGroup':
        return this.#ask('DELETE', groupPath);
      case 'restore':
        return this.#restore('User', this.#users[given.user] ?? '');
      case 'restoreGroup':
        return this.#restore('Group', this.#groups[given.group] ?? '');
      case 'again':
        await this.#ask('DELETE', user);
        return this.#createUser(given.user);
    }
  }

  async #ask(method: string, path: string, body?: Json): Promise<void> {
    const { status, text } = await this.#server.request(method, path, body === undefined ? {} : { body });
    assert.ok(status < 300 || status === 404 || status === 400, `${method} ${path}: ${text}`);
  }

  async #restore(name: string, id: string): Promise<void> {
    const type = this.#store.registry.resourceTypes.find((each) => each.name === name) as ResourceType;
    await this.#directory
      .restore(operator(this.#tenant, { kind: 'cli' }, 'strict'), type, id)
      .catch((error) => {
        assert.ok(error instanceof DirectoryError, String(error));
        assert.equal(error.code, 'present');
      });
  }

  async newest(): Promise<number> {
    return (await this.#store.changeRange(this.#tenant)).newest;
  }

  async shown(): Promise<Shown> {
    const documents = new Map<string, Json>();
    const versions = new Map<string, number>();
    const members = new Map<string, string[]>();
    for (const path of ['/Users', '/Groups']) {
      const { json } = await this.#server.request('GET', `${path}?count=1000`);
      for (const { meta, members: of, groups: _, ...document } of json.Resources ?? []) {
        documents.set(document.id, document);
        versions.set(document.id, Number(/\d+/.exec(meta.version)?.[0]));
        if (of !== undefined)
          members.set(document.id, of.map(({ value }: { value: string }) => value).sort());
      }
    }
    return { documents, versions, members };
  }

  past(sequence: number): Promise<PastState | undefined> {
    return this.#store.past.state({ tenant: this.#tenant, sequence });
  }
}

function shownOf({ resources, members }: PastState): Shown {
  const all = [...resources.values()];
  for (const { unknown, lost } of all) assert.deepEqual([unknown, lost], [[], undefined]);
  const sorted = <T>(entries: Iterable<[string, T]>): Map<string, T> =>
    new Map([...entries].sort(([a], [b]) => (a < b ? -1 : 1)));
  return {
    documents: sorted(all.map(({ id, document }): [string, Json] => [id, { ...document }])),
    versions: sorted(all.map(({ id, version }): [string, number] => [id, version])),
    members: sorted([...members].map(([id, of]): [string, string[]] => [id, [...of].sort()])),
  };
}

test(`the state at every past sequence, rebuilt backwards, equals what was there (seed ${seed})`, async () => {
  const server = await startScimd();
  let worlds = 0;
  try {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 40 }), async (steps) => {
        const world = await World.open(server, `world-${++worlds}`);
        const seen: [sequence: number, shown: Shown][] = [];
        for (const each of steps) {
          await world.step(each);
          seen.push([await world.newest(), await world.shown()]);
        }
        for (const [sequence, shown] of seen) {
          const past = await world.past(sequence);
          assert.ok(past !== undefined);
          assert.equal(past.sequence, sequence);
          assert.deepEqual(shownOf(past), {
            documents: new Map([...shown.documents].sort(([a], [b]) => (a < b ? -1 : 1))),
            versions: new Map([...shown.versions].sort(([a], [b]) => (a < b ? -1 : 1))),
            members: new Map([...shown.members].sort(([a], [b]) => (a < b ? -1 : 1))),
          });
        }
        const start = await world.past(0);
        assert.deepEqual([start?.resources.size, start?.members.size], [0, 0]);
        assert.equal(await world.past((await world.newest()) + 1), undefined);
      }),
      { seed, numRuns: runs },
    );
  } finally {
    await server.close();
  }
});
