/** Commands that share a transaction answer and leave what they do one by one: what they put off within it shows nowhere. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { openSqliteStore } from '../../src/store/sqlite/index.ts';
import type { Command, Document, MemberEdit, Outcome, StoredResource } from '../../src/store/store.ts';
import { seed } from './agreement.ts';
import { add, Setting } from './setting.ts';
import { changeOf } from './writes.ts';

/** Two people and two groups, by number; each may be a member of the groups. */
const arbitraryMember = fc.integer({ min: 0, max: 4 });
const action = fc.record({
  what: fc.constantFrom('add', 'remove', 'clear', 'versioned', 'rename', 'failing', 'several', 'delete'),
  group: fc.integer({ min: 2, max: 3 }),
  member: arbitraryMember,
  version: fc.integer({ min: 1, max: 6 }),
});
type Action = typeof action extends fc.Arbitrary<infer T> ? T : never;

class Place {
  readonly #s: Setting;
  readonly #all: readonly StoredResource[];

  private constructor(s: Setting, all: readonly StoredResource[]) {
    this.#s = s;
    this.#all = all;
  }

  static async open(): Promise<Place> {
    let ids = 0;
    const newId = () => `id-${++ids}`;
    const s = await Setting.open(async (options) => openSqliteStore({ file: ':memory:', ...options, newId }));
    const people = [await s.createUser('u'), await s.createUser('v')];
    return new Place(s, [...people, await s.createGroup('g', ['id-1']), await s.createGroup('h')]);
  }

  #id(at: number): string {
    return this.#all[at]?.id ?? 'unknown';
  }

  #update(group: number, members: readonly MemberEdit[], more: { readonly expected?: number } = {}): Command {
    const { group: type } = this.#s;
    const id = this.#id(group);
    return { kind: 'update', type, id, operation: 'patch', members, countMembers: 3, ...more };
  }

  async carryOut({ what, group, member, version }: Action): Promise<Outcome> {
    const s = this.#s;
    const value = this.#id(member);
    const one = async (...commands: readonly Command[]): Promise<Outcome> =>
      (await s.store.commit([s.unit(...commands)]))[0] as Outcome;
    switch (what) {
      case 'add':
        return one(this.#update(group, [add(value)]));
      case 'remove':
        return one(this.#update(group, [{ kind: 'remove', values: [value] }]));
      case 'clear':
        return one(this.#update(group, [{ kind: 'replace', members: [] }]));
      case 'versioned':
        return one(this.#update(group, [add(value)], { expected: version }));
      case 'several':
        return one(this.#update(group, [add(value)]), this.#update(5 - group, [add(value)]));
      case 'failing':
        return one(this.#update(group, [add(value)]), { ...s.newUser('U'), id: 'late' });
      case 'delete':
        return one({ kind: 'delete', type: member < 2 ? s.user : s.group, id: value });
      case 'rename': {
        const { tenant, group: type } = s;
        const id = this.#id(group);
        const changed = s.store.change?.({ tenant, type, id, once: false }, (stored) => {
          const before = JSON.parse(stored.body) as Document;
          const document = changeOf(type, before, { ...before, displayName: `name ${stored.version}` });
          return s.unit({ kind: 'update', type, id, operation: 'patch', document });
        });
        return changed ?? assert.fail('nothing is computed in its transaction');
      }
    }
  }

  /** What there is now, and how it came about. */
  async state(): Promise<unknown> {
    const { store, tenant, user, group } = this.#s;
    const found: unknown[] = [];
    for (let at = 0; at < this.#all.length; at++) {
      const type = at < 2 ? user : group;
      found.push(await store.get({ tenant, type, id: this.#id(at), groups: true, members: true }));
    }
    const changes = await store.changes({ tenant, limit: 1000 });
    return [found, changes.map(({ transaction: _1, digest: _2, link: _3, ...change }) => change)];
  }

  async close(): Promise<void> {
    await this.#s.store.close();
  }
}

test('commands of one transaction answer and leave what they do one by one', async () => {
  const agrees = async (actions: readonly Action[]): Promise<void> => {
    const [together, apart] = [await Place.open(), await Place.open()];
    const outcomes: Outcome[] = [];
    for (const each of actions) outcomes.push(await apart.carryOut(each));
    assert.deepEqual(await Promise.all(actions.map((each) => together.carryOut(each))), outcomes);
    assert.deepEqual(await together.state(), await apart.state());
    await Promise.all([together.close(), apart.close()]);
  };
  await fc.assert(fc.asyncProperty(fc.array(action, { minLength: 2, maxLength: 12 }), agrees), {
    seed,
    numRuns: Number(process.env.SCIMD_RUNS ?? 100),
  });
});
