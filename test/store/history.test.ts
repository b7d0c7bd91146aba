/** The change record is complete: from the present state, undoing one change after the other gives every past one. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { operator } from '../../src/directory/caller.ts';
import { Directory } from '../../src/directory/directory.ts';
import { DirectoryError } from '../../src/directory/directory-error.ts';
import { ScimError } from '../../src/error.ts';
import type { ResourceType } from '../../src/scim/registry.ts';
import { enterpriseUserSchema } from '../../src/scim/standard.ts';
import type { Change } from '../../src/store/change.ts';
import { openSqliteStore } from '../../src/store/sqlite/index.ts';
import type { Store } from '../../src/store/store.ts';
import { badgeSchema, badgeUri, registryWith, typeNamed } from './registry.ts';

const userSchema = 'urn:ietf:params:scim:schemas:core:2.0:User';
const groupSchema = 'urn:ietf:params:scim:schemas:core:2.0:Group';
const patchOp = 'urn:ietf:params:scim:api:messages:2.0:PatchOp';

type Json = Record<string, unknown>;

/** A resource's document, without `schemas`, which follows from the rest, and its members. */
interface State {
  readonly document: Json;
  readonly members: ReadonlySet<string>;
}

const word = fc.constantFrom('a', 'b', 'ä', 'long text "with" quotes', '__proto__', 'x\ny');
const emails = fc.array(
  fc.record({ value: fc.constantFrom('a@x', 'b@x', 'c@x'), type: fc.constantFrom('work', 'home') }),
  { maxLength: 3 },
);
const userFields = fc.record(
  {
    title: word,
    nickName: word,
    active: fc.boolean(),
    name: fc.record({ givenName: word, familyName: word }, { requiredKeys: [] }),
    emails,
    [enterpriseUserSchema]: fc.record(
      { department: word, costCenter: word, manager: fc.record({ value: word }) },
      { requiredKeys: [] },
    ),
    [badgeUri]: fc.record({ floor: fc.integer({ min: -2, max: 9 }), color: word }, { requiredKeys: [] }),
  },
  { requiredKeys: [] },
);
const index = fc.nat({ max: 3 });
const put = fc.record({ kind: fc.constant('put' as const), user: index, fields: userFields });
const patch = fc.record({
  kind: fc.constant('patch' as const),
  user: index,
  op: fc.constantFrom('add', 'replace'),
  fields: userFields,
});
const removal = fc.record({
  kind: fc.constant('remove' as const),
  user: index,
  path: fc.constantFrom(
    'title',
    'name.givenName',
    'emails[type eq "work"]',
    `${enterpriseUserSchema}:manager`,
    enterpriseUserSchema,
  ),
});
const membership = fc.record({
  kind: fc.constant('members' as const),
  group: fc.nat({ max: 1 }),
  op: fc.constantFrom('add', 'remove', 'replace'),
  users: fc.uniqueArray(index, { minLength: 1, maxLength: 3 }),
});
const rename = fc.record({ kind: fc.constant('rename' as const), group: fc.nat({ max: 1 }), name: word });
const deletion = fc.record({ kind: fc.constant('delete' as const), user: index });
/** Hashing takes a tenth of a second. */
const password = fc.record({ kind: fc.constant('password' as const), user: index });
const step = fc.oneof(
  { weight: 8, arbitrary: put },
  { weight: 8, arbitrary: patch },
  { weight: 8, arbitrary: removal },
  { weight: 8, arbitrary: membership },
  { weight: 8, arbitrary: rename },
  { weight: 8, arbitrary: deletion },
  { weight: 1, arbitrary: password },
);

type Step = typeof step extends fc.Arbitrary<infer S> ? S : never;

class World {
  readonly store: Store;
  readonly #directory: Directory;
  readonly #user: ResourceType;
  readonly #group: ResourceType;
  /** Every state of every resource: the n-th is what version n + 1 was; undefined where it was deleted. */
  readonly states = new Map<string, (State | undefined)[]>();
  readonly #users: (string | undefined)[] = [];
  readonly #groups: string[] = [];
  #count = 0;

  constructor() {
    const registry = registryWith(badgeSchema());
    this.store = openSqliteStore({ file: ':memory:', registry });
    this.#directory = new Directory(this.store);
    this.#user = typeNamed(registry, 'User');
    this.#group = typeNamed(registry, 'Group');
  }

  get #caller() {
    return operator(1, { kind: 'system' }, 'strict');
  }

  async begin(): Promise<void> {
    for (let n = 0; n < 4; n++) await this.#createUser(n);
    for (let n = 0; n < 2; n++) {
      const members = this.#users.slice(0, n + 1).map((value) => ({ value }));
      const body = { schemas: [groupSchema], displayName: `g${n}`, members };
      this.#groups[n] = (await this.#directory.create(this.#caller, this.#group, body)).id;
    }
    await this.#note();
  }

  async take(given: Step): Promise<void> {
    try {
      await this.#carryOut(given);
    } catch (error) {
      if (!(error instanceof ScimError || error instanceof DirectoryError)) throw error;
    }
    await this.#note();
  }

  async #carryOut(given: Step): Promise<void> {
    const directory = this.#directory;
    if (given.kind === 'members' || given.kind === 'rename') {
      const id = this.#groups[given.group] as string;
      const operation =
        given.kind === 'rename'
          ? { op: 'replace', path: 'displayName', value: given.name }
          : this.#memberOperation(given.op, given.users);
      await directory.patch(this.#caller, this.#group, id, { schemas: [patchOp], Operations: [operation] });
      return;
    }
    const id = this.#users[given.user] ?? (await this.#createUser(given.user));
    if (given.kind === 'delete') {
      await directory.delete(this.#caller, this.#user, id);
      this.#users[given.user] = undefined;
    } else if (given.kind === 'put') {
      const schemas = [userSchema, enterpriseUserSchema, badgeUri];
      await directory.replace(this.#caller, this.#user, id, { schemas, userName: `${id}`, ...given.fields });
    } else {
      const operation =
        given.kind === 'remove'
          ? { op: 'remove', path: given.path }
          : given.kind === 'password'
            ? { op: 'replace', path: 'password', value: 'Correct horse 1' }
            : { op: given.op, value: given.fields };
      await directory.patch(this.#caller, this.#user, id, { schemas: [patchOp], Operations: [operation] });
    }
  }

  #memberOperation(op: string, users: readonly number[]): Json {
    const ids = users.flatMap((user) => this.#users[user] ?? []);
    if (op === 'remove') return { op, path: `members[value eq "${ids[0] ?? 'nobody'}"]` };
    return { op, path: 'members', value: ids.map((value) => ({ value })) };
  }

  async #createUser(n: number): Promise<string> {
    const body = { schemas: [userSchema], userName: `u${n}-${this.#count++}` };
    const { id } = await this.#directory.create(this.#caller, this.#user, body);
    this.#users[n] = id;
    await this.#note();
    return id;
  }

  /** Notes the state of what has changed since. */
  async #note(): Promise<void> {
    for (const type of [this.#user, this.#group]) {
      const page = await this.store.list({ tenant: 1, targets: [{ type }], limit: 1000, members: true });
      for (const { id, version, body, members } of page.resources) {
        const known = this.states.get(id) ?? [];
        this.states.set(id, known);
        if (known.length >= version) continue;
        assert.equal(known.length, version - 1, 'no version is skipped');
        known.push({ document: documentOf(body), members: membersOf(members) });
      }
    }
  }
}

/** Of so few that they come as one text. */
function membersOf(text: unknown): Set<string> {
  const members = JSON.parse(`[${typeof text === 'string' ? text : ''}]`) as { value: string }[];
  return new Set(members.map(({ value }) => value));
}

function documentOf(body: string): Json {
  const { schemas: _, ...document } = JSON.parse(body) as Json;
  return document;
}

/** The state before the change. */
function undone({ document, members }: State, change: Change): State {
  const before = structuredClone(document);
  for (const edit of change.edits) {
    if (edit.omitted !== undefined) continue;
    const { path, from } = edit;
    const colon = path.startsWith('urn:') ? path.lastIndexOf(':') : -1;
    const uri = path.slice(0, colon);
    let container = before;
    if (colon >= 0) {
      before[uri] ??= {};
      container = before[uri] as Json;
    }
    const name = path.slice(colon + 1);
    if (from === undefined) delete container[name];
    else container[name] = from;
    if (colon >= 0 && Object.keys(container).length === 0) delete before[uri];
  }
  const left = new Set(members);
  for (const value of change.added ?? []) left.delete(value);
  for (const value of change.removed ?? []) left.add(value);
  return { document: before, members: left };
}

test('application.md §1: undoing edits backwards from the present gives every past state', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 25 }), async (steps) => {
      const world = new World();
      await world.begin();
      for (const each of steps) await world.take(each);
      for (const [id, states] of world.states) {
        const changes = [...(await world.store.changes({ tenant: 1, id, limit: 1000 }))];
        const last = changes.at(-1);
        let state = states.at(-1) as State;
        if (last?.operation === 'delete') {
          // The record itself has the last state.
          const { schemas: _, ...document } = last.last?.document ?? {};
          assert.deepEqual({ document, members: new Set(last.removed) }, state);
          changes.pop();
        }
        assert.deepEqual(
          changes.map(({ version }) => version),
          states.map((_, at) => at + 1),
        );
        for (let version = states.length; version > 1; version--) {
          state = undone(state, changes[version - 1] as Change);
          assert.deepEqual(state, states[version - 2], `version ${version - 1}`);
        }
        assert.deepEqual(new Set(changes[0]?.added), state.members);
      }
      await world.store.close();
    }),
    { numRuns: 200 },
  );
});
