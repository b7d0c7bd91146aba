/** Requests within all limits that cost a server far more than they cost their client, and the data that they need. */
import { standardRegistry } from '../../src/scim/standard.ts';
import { openSqliteStore } from '../../src/store/sqlite/index.ts';
import type { Command } from '../../src/store/store.ts';
import { groupSchema, patchSchema, userSchema } from '../../test/server.ts';
import type { Request } from './client.ts';

export interface Extent {
  /** Members of one group. */
  readonly members: number;
  /** Users with so many addresses each. */
  readonly hoarders: number;
  readonly addresses: number;
  /** Groups, each of which is a member of the next. */
  readonly chain: number;
  /** Users in the innermost of them. */
  readonly inChain: number;
  /** Further users. */
  readonly users: number;
}

export const whole: Extent = {
  ...{ members: 200_000, hoarders: 20, addresses: 40_000, chain: 2000, inChain: 200, users: 20_000 },
};

const actor = { kind: 'system' } as const;
export const largeGroup = 'large-group';
const chainUser = 'chained-0';

/** Another tenant, whose requests are to be answered all the same. */
export const bystander = 2;

/** Writes the data through the store. */
export async function seedHostile(file: string, extent: Extent): Promise<void> {
  const store = openSqliteStore({ file, registry: standardRegistry() });
  const [user, group] = store.registry.resourceTypes;
  if (user === undefined || group === undefined) throw new Error('no users or no groups in the registry');
  const commit = async (tenant: number, command: Command): Promise<void> => {
    const [outcome] = await store.commit([{ tenant, context: { actor }, commands: [command] }]);
    if (outcome?.outcome !== 'done') throw new Error(JSON.stringify(outcome));
  };
  const create = (tenant: number, id: string, more: object = {}) =>
    commit(tenant, {
      ...{ kind: 'create', type: user, id },
      document: { schemas: [userSchema], userName: id, ...more },
    });
  const add = (id: string, values: readonly string[]) =>
    commit(1, {
      ...{ kind: 'update', type: group, id, operation: 'patch' },
      members: [{ kind: 'add', members: values.map((value) => ({ value })) }],
    });
  const inBatches = async (count: number, action: (indexes: number[]) => Promise<unknown>): Promise<void> => {
    for (let first = 0; first < count; first += 1000)
      await action(Array.from({ length: Math.min(1000, count - first) }, (_, index) => first + index));
  };
  const other = await store.createTenant('bystander');
  if (other.number !== bystander) throw new Error('the file is not new');
  await inBatches(extent.users, (indexes) =>
    Promise.all(
      indexes.flatMap((n) => [
        create(1, `user-${n}`, { displayName: `User number ${n}` }),
        create(bystander, `other-${n}`, { displayName: `User number ${n}`, title: `Title ${n}` }),
      ]),
    ),
  );
  const addresses = Array.from({ length: extent.addresses }, (_, n) => ({
    ...{ type: n % 2 ? 'work' : 'home', streetAddress: `${n} Some Street`, locality: 'Somewhere' },
  }));
  for (let n = 0; n < extent.hoarders; n++) await create(1, `hoarder-${n}`, { addresses });
  const newGroup = (id: string) =>
    commit(1, {
      ...{ kind: 'create', type: group, id },
      document: { schemas: [groupSchema], displayName: `Group ${id}` },
    });
  await newGroup(largeGroup);
  await inBatches(extent.members, (indexes) =>
    add(
      largeGroup,
      indexes.map((n) => `member-${n}`),
    ),
  );
  for (let n = 0; n < extent.chain; n++) {
    await newGroup(`chain-${n}`);
    if (n > 0) await add(`chain-${n}`, [`chain-${n - 1}`]);
  }
  await inBatches(extent.inChain, (indexes) => Promise.all(indexes.map((n) => create(1, `chained-${n}`))));
  await add(
    'chain-0',
    Array.from({ length: extent.inChain }, (_, n) => `chained-${n}`),
  );
  await store.close();
}

export interface Attack {
  readonly name: string;
  readonly what: string;
  readonly request: Request;
}

const terms = (count: number, term: (n: number) => string): string =>
  Array.from({ length: count }, (_, n) => term(n)).join(' or ');

const search = (filter: string, more: object = {}): Request => ({
  method: 'POST',
  path: '/Users/.search',
  body: { schemas: ['urn:ietf:params:scim:api:messages:2.0:SearchRequest'], filter, ...more },
});

export const attacks: readonly Attack[] = [
  {
    name: 'patch-members',
    what: '400 operations that remove members by 256 terms',
    request: {
      method: 'PATCH',
      path: `/Groups/${largeGroup}`,
      body: {
        schemas: [patchSchema],
        Operations: Array.from({ length: 400 }, () => ({
          op: 'remove',
          path: `members[${terms(256, (n) => `display co "z${n}z"`)}]`,
        })),
      },
    },
  },
  {
    name: 'filter-addresses',
    what: 'a filter of 256 terms over users with many addresses',
    request: search(terms(256, (n) => `addresses.streetAddress co "z${n}z"`)),
  },
  {
    name: 'nested-groups',
    what: 'users in the innermost of a chain of groups',
    request: {
      method: 'GET',
      path: `/Users?filter=${encodeURIComponent('userName sw "chained"')}&count=1000`,
    },
  },
  {
    name: 'one-in-nested-groups',
    what: 'one user in the innermost of a chain of groups',
    request: { method: 'GET', path: `/Users/${chainUser}` },
  },
  {
    name: 'filter-groups',
    what: 'a filter of 64 terms over the names of groups',
    request: search(terms(64, (n) => `groups.display co "z${n}z"`)),
  },
];
