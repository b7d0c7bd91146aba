/** What is measured: the requests of each workload, and what a right answer is. */
import assert from 'node:assert/strict';
import type { Answer, Request } from './client.ts';
import { groupId, outsiders, patchOf, userDocument, userId, userName } from './data.ts';

/** The data a workload runs over. */
export interface Scale {
  readonly users: number;
}

/** Which request: the n-th of this server in all rounds together, on one of its connections. */
export interface Turn {
  readonly n: number;
  readonly lane: number;
  /** Of this connection alone. */
  readonly nth: number;
}

export type Peer = 'scimmy memory' | 'scimmy SQLite' | 'scimmy PostgreSQL';

export interface Workload {
  readonly name: string;
  readonly title: string;
  readonly request: (scale: Scale, turn: Turn) => Request;
  readonly check: (answer: Answer, scale: Scale, turn: Turn) => void;
  /** 32 without it. */
  readonly connections?: number;
  /** Needs the database with the big groups; users must be as many as the group has members. */
  readonly group?: number;
  /** The peers that are run beside it; both without it. */
  readonly peers?: readonly Peer[];
  /** Peers answer in seconds: a few requests, one after the other, are enough. */
  readonly slowPeers?: boolean;
  /** What the limit does: read and write rows as scimd does, or answer with scimd's bytes and read nothing. */
  readonly limit?: 'rows' | 'same';
  /** The limit on PostgreSQL knows it. */
  readonly postgresLimit?: boolean;
  /** Largest number of users that it makes sense with. */
  readonly mostUsers?: number;
}

/** Numbers without a pattern that a cache could like: the same for every server. */
function scattered(n: number, users: number): number {
  return ((n * 7919) % users) + 1;
}

function list(parameters: Readonly<Record<string, string | number>>): string {
  const query = Object.entries(parameters).map(([name, value]) => `${name}=${encodeURIComponent(value)}`);
  return `?${query.join('&')}`;
}

/** How many numbers of users begin with 777. */
function beginningWith777(users: number): number {
  return Array.from({ length: users + outsiders }, (_, n) => n + 1).filter((n) => String(n).startsWith('777'))
    .length;
}

function page(total: number, length: number) {
  return ({ status, json, text }: Answer): void => {
    assert.equal(status, 200, text);
    assert.equal(json.totalResults, total);
    assert.equal(json.Resources.length, length);
  };
}

const getById: Workload = {
  name: 'get',
  title: 'GET by id',
  postgresLimit: true,
  limit: 'rows',
  request: ({ users }, { n }) => ({ method: 'GET', path: `/Users/${userId(scattered(n, users))}` }),
  check({ status, json }, { users }, { n }) {
    assert.equal(status, 200);
    assert.equal(json.userName, userName(scattered(n, users)));
    assert.equal(json.emails.length, 2);
  },
};

const byName: Workload = {
  name: 'username',
  postgresLimit: true,
  title: 'filter=userName eq',
  limit: 'rows',
  request: ({ users }, { n }) => ({
    method: 'GET',
    path: `/Users${list({ filter: `userName eq "${userName(scattered(n, users))}"` })}`,
  }),
  check(answer, { users }, { n }) {
    page(1, 1)(answer);
    assert.equal(answer.json.Resources[0].id, userId(scattered(n, users)));
  },
};

const patchActive: Workload = {
  name: 'patch',
  postgresLimit: true,
  title: 'PATCH active',
  limit: 'rows',
  request({ users }, { n }) {
    const active = Math.floor(n / users) % 2 === 1;
    const body = patchOf({ op: 'replace', path: 'active', value: active });
    return { method: 'PATCH', path: `/Users/${userId((n % users) + 1)}`, body };
  },
  check({ status, json, text }, { users }, { n }) {
    assert.equal(status, 200, text);
    assert.equal(json.active, Math.floor(n / users) % 2 === 1);
  },
};

function creation(name: string, title: string, connections: number): Workload {
  return {
    name,
    title,
    connections,
    postgresLimit: true,
    limit: 'rows',
    request: ({ users }, { n }) => ({
      method: 'POST',
      path: '/Users',
      body: userDocument(users + outsiders + 1 + n + connections * 10_000_000),
    }),
    check({ status, json, text }, { users }, { n }) {
      assert.equal(status, 201, text);
      assert.equal(json.userName, userName(users + outsiders + 1 + n + connections * 10_000_000));
    },
  };
}

/** Each connection adds and removes somebody of its own. */
function membership(size: number): Workload {
  const peer = size === 10_000;
  return {
    name: `member-${size}`,
    title: `PATCH ±1 member of ${size.toLocaleString('en')}`,
    group: size,
    postgresLimit: true,
    limit: 'rows',
    slowPeers: true,
    peers: peer ? ['scimmy memory', 'scimmy SQLite', 'scimmy PostgreSQL'] : [],
    mostUsers: size === 100_000 ? 1_000_000 : 100_000,
    request({ users }, { lane, nth }) {
      const value = userId(users + 1 + lane);
      const operation =
        nth % 2 === 0
          ? { op: 'add', path: 'members', value: [{ value }] }
          : { op: 'remove', path: `members[value eq "${value}"]` };
      return { method: 'PATCH', path: `/Groups/${groupId(size)}`, body: patchOf(operation) };
    },
    check({ status, json, text }, { users }, { lane, nth }) {
      assert.ok(status === 204 || status === 200, text);
      if (json === undefined) return;
      const values: string[] = (json.members ?? []).map((member: { value: string }) => member.value);
      assert.equal(values.includes(userId(users + 1 + lane)), nth % 2 === 0);
      assert.ok(values.length >= size, `${values.length} members`);
    },
  };
}

function wholeGroup(size: number): Workload {
  return {
    name: `group-${size}`,
    title: `GET group of ${size.toLocaleString('en')}`,
    group: size,
    connections: 4,
    slowPeers: true,
    peers: size === 10_000 ? ['scimmy memory', 'scimmy SQLite', 'scimmy PostgreSQL'] : [],
    limit: 'same',
    mostUsers: 100_000,
    request: () => ({ method: 'GET', path: `/Groups/${groupId(size)}` }),
    check({ status, json }) {
      assert.equal(status, 200);
      // Some outsiders may have stayed in it.
      assert.ok(json.members.length >= size && json.members.length <= size + outsiders);
      assert.equal(json.members[size - 1].value, userId(size));
    },
  };
}

function sorted(name: string, title: string, startIndex: (users: number) => number): Workload {
  return {
    name,
    title,
    slowPeers: true,
    peers: ['scimmy memory'],
    request: ({ users }) => ({
      method: 'GET',
      path: `/Users${list({ sortBy: 'displayName', startIndex: startIndex(users), count: 100 })}`,
    }),
    check({ status, json, text }, { users }) {
      assert.equal(status, 200, text);
      assert.equal(json.totalResults, users + outsiders);
      const names: string[] = json.Resources.map((each: { displayName: string }) => each.displayName);
      assert.equal(names.length, 100);
      assert.deepEqual(names, [...names].sort());
    },
  };
}

const mixed: Workload = {
  name: 'mixed',
  title: 'mixed 80 read / 15 write / 5 filter',
  limit: 'rows',
  request(scale, turn) {
    const kind = turn.n % 20;
    if (kind < 16) return getById.request(scale, turn);
    return (kind < 19 ? patchActive : byName).request(scale, turn);
  },
  check({ status, text }) {
    assert.equal(status, 200, text);
  },
};

export const workloads: readonly Workload[] = [
  getById,
  byName,
  {
    name: 'list',
    postgresLimit: true,
    title: 'list of 100',
    limit: 'rows',
    request: () => ({ method: 'GET', path: `/Users${list({ count: 100 })}` }),
    check: (answer, { users }) => {
      assert.equal(answer.json.Resources[99].id, userId(100));
      assert.ok(answer.json.totalResults >= users + outsiders);
    },
  },
  {
    name: 'valuepath',
    postgresLimit: true,
    limit: 'rows',
    title: 'emails[type eq "work" and value co "@x"]',
    slowPeers: true,
    request: () => ({
      method: 'GET',
      path: `/Users${list({ filter: 'emails[type eq "work" and value co "@x"]' })}`,
    }),
    check: page(0, 0),
  },
  {
    name: 'valuepath-long',
    title: 'emails[type eq "work" and value co "r777"]',
    slowPeers: true,
    peers: ['scimmy memory'],
    request: () => ({
      method: 'GET',
      path: `/Users${list({ filter: 'emails[type eq "work" and value co "r777"]', count: 5 })}`,
    }),
    check({ status, json, text }, { users }) {
      assert.equal(status, 200, text);
      assert.equal(json.totalResults, beginningWith777(users));
    },
  },
  {
    name: 'contains',
    title: 'displayName co',
    slowPeers: true,
    request: () => ({
      method: 'GET',
      path: `/Users${list({ filter: 'displayName co "ily777"', count: 5 })}`,
    }),
    check({ status, json }, { users }) {
      assert.equal(status, 200);
      assert.equal(json.totalResults, beginningWith777(users));
    },
  },
  sorted('sort', 'sort by displayName, page 1', () => 1),
  sorted('sort-deep', 'sort by displayName, 90 % deep by index', (users) => Math.floor(users * 0.9)),
  membership(10),
  membership(10_000),
  membership(100_000),
  wholeGroup(10_000),
  wholeGroup(100_000),
  {
    name: 'group-head',
    title: 'GET group of 10,000 without members',
    group: 10_000,
    slowPeers: true,
    peers: ['scimmy memory'],
    limit: 'same',
    request: () => ({
      method: 'GET',
      path: `/Groups/${groupId(10_000)}${list({ excludedAttributes: 'members' })}`,
    }),
    check({ status, json }) {
      assert.equal(status, 200);
      assert.equal(json.members, undefined);
    },
  },
  mixed,
  patchActive,
  creation('create', 'create', 32),
  creation('create-1', 'create, 1 connection', 1),
];
