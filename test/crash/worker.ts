/**
 * A client that changes users and a group of its own, one request after the other, and remembers what was
 * acknowledged. Of the one request that a crash leaves without an answer it knows that it is done or not.
 */
import assert from 'node:assert/strict';
import { groupSchema, patchOp, userSchema } from '../server.ts';
import { token } from './program.ts';

/** What is known of one client's users and of its group. */
interface State {
  /** `nickName` by userName. */
  users: Map<string, string>;
  /** userNames of the members. */
  members: Set<string>;
  hasGroup: boolean;
}

/** What the database has of them. */
export interface Actual extends State {
  readonly idOf: ReadonlyMap<string, string>;
  readonly groupId: string | undefined;
}

interface Step {
  readonly method: string;
  readonly path: string;
  readonly body?: unknown;
  readonly status: number;
  /** What it makes of the state. */
  apply(state: State): void;
}

export class Worker {
  readonly name: string;
  acknowledged = 0;
  #state: State = { users: new Map(), members: new Set(), hasGroup: false };
  #idOf = new Map<string, string>();
  #groupId: string | undefined;
  #unanswered: Step | undefined;
  #count = 0;
  readonly #random: () => number;

  constructor(name: string, random: () => number) {
    this.name = name;
    this.#random = random;
  }

  get groupName(): string {
    return `Group of ${this.name}`;
  }

  /** Until the server does not answer any more. */
  async work(url: string): Promise<void> {
    for (;;) {
      const step = this.#next();
      let response: Response;
      let text: string;
      this.#unanswered = step;
      try {
        response = await fetch(url + step.path, {
          method: step.method,
          headers: { authorization: `Bearer ${token}`, 'content-type': 'application/scim+json' },
          ...(step.body === undefined ? {} : { body: JSON.stringify(step.body) }),
        });
      } catch {
        return;
      }
      // The status is the acknowledgement, also where the body is cut off.
      assert.equal(response.status, step.status, `${step.method} ${step.path}`);
      step.apply(this.#state);
      this.#unanswered = undefined;
      this.acknowledged++;
      try {
        text = await response.text();
      } catch {
        return;
      }
      if (response.status === 201) {
        const { id, userName } = JSON.parse(text);
        if (userName === undefined) this.#groupId = id;
        else this.#idOf.set(userName, id);
      }
    }
  }

  /** Is what the database has what was acknowledged, with or without the last request? Goes on from there. */
  settle({ users, members, hasGroup, idOf, groupId }: Actual): void {
    const without = copy(this.#state);
    const withLast = copy(this.#state);
    this.#unanswered?.apply(withLast);
    const actual = { users, members, hasGroup };
    const done = this.#unanswered !== undefined && matches(actual, withLast);
    if (!done)
      assert.deepEqual(
        plain(actual),
        plain(without),
        `${this.name}: what was acknowledged is there, and no half of what was not`,
      );
    this.#state = copy(actual);
    this.#idOf = new Map(idOf);
    this.#groupId = groupId;
    this.#unanswered = undefined;
  }

  /** Some of its users, with the nickName that each must have. */
  sample(size: number): { readonly id: string; readonly userName: string; readonly nickName: string }[] {
    return [...this.#state.users]
      .slice(-size)
      .map(([userName, nickName]) => ({ id: this.#idOf.get(userName) ?? '', userName, nickName }));
  }

  #next(): Step {
    const { users, members, hasGroup } = this.#state;
    const chance = this.#random();
    if (users.size < 3 || chance < 0.35) return this.#createUser();
    if (!hasGroup) return this.#createGroup();
    if (chance < 0.6) return this.#rename(this.#pick([...users.keys()]));
    if (chance < 0.7 && members.size > 3) return this.#removeMember(this.#pick([...members]));
    if (chance < 0.8 && users.size > 10) return this.#deleteUser(this.#pick([...users.keys()]));
    const outside = [...users.keys()].filter((userName) => !members.has(userName));
    return outside.length === 0 ? this.#createUser() : this.#addMember(this.#pick(outside));
  }

  #createUser(): Step {
    const userName = `${this.name}-${++this.#count}-${Math.floor(this.#random() * 1e9)}`;
    return {
      method: 'POST',
      path: '/Users',
      status: 201,
      body: {
        schemas: [userSchema],
        userName,
        nickName: '0',
        emails: [
          { value: `${userName}@example.com`, type: 'work' },
          { value: `${userName}@home.example`, type: 'home' },
        ],
      },
      apply: ({ users }) => users.set(userName, '0'),
    };
  }

  #createGroup(): Step {
    const first = [...this.#state.users.keys()].slice(0, 3);
    return {
      method: 'POST',
      path: '/Groups',
      status: 201,
      body: {
        schemas: [groupSchema],
        displayName: this.groupName,
        members: first.map((userName) => ({ value: this.#idOf.get(userName) })),
      },
      apply: (state) => {
        state.hasGroup = true;
        state.members = new Set(first);
      },
    };
  }

  #rename(userName: string): Step {
    const nickName = String(Number(this.#state.users.get(userName)) + 1);
    return {
      method: 'PATCH',
      path: `/Users/${this.#idOf.get(userName)}`,
      status: 200,
      body: patchOp({ op: 'replace', path: 'nickName', value: nickName }),
      apply: ({ users }) => users.set(userName, nickName),
    };
  }

  #addMember(userName: string): Step {
    return this.#patchGroup(
      { op: 'add', path: 'members', value: [{ value: this.#idOf.get(userName) }] },
      ({ members }) => members.add(userName),
    );
  }

  #removeMember(userName: string): Step {
    return this.#patchGroup(
      { op: 'remove', path: `members[value eq "${this.#idOf.get(userName)}"]` },
      ({ members }) => members.delete(userName),
    );
  }

  #patchGroup(operation: object, apply: (state: State) => void): Step {
    return {
      method: 'PATCH',
      path: `/Groups/${this.#groupId}?attributes=displayName`,
      status: 200,
      body: patchOp(operation as Record<string, unknown>),
      apply,
    };
  }

  #deleteUser(userName: string): Step {
    return {
      method: 'DELETE',
      path: `/Users/${this.#idOf.get(userName)}`,
      status: 204,
      apply: ({ users, members }) => {
        users.delete(userName);
        members.delete(userName);
      },
    };
  }

  #pick<T>(from: readonly T[]): T {
    return from[Math.floor(this.#random() * from.length)] as T;
  }
}

function copy({ users, members, hasGroup }: State): State {
  return { users: new Map(users), members: new Set(members), hasGroup };
}

const plain = ({ users, members, hasGroup }: State) => ({
  users: [...users].sort(),
  members: [...members].sort(),
  hasGroup,
});

function matches(a: State, b: State): boolean {
  return JSON.stringify(plain(a)) === JSON.stringify(plain(b));
}
