import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import {
  groupSchema,
  listSchema,
  newGroup,
  newUser,
  searchSchema,
  startScimd,
  type TestServer,
  userSchema,
} from '../server.ts';
import { type Client, newClient } from './client.ts';
import { refused } from './refused.ts';

let server: TestServer;
let client: Client;
const users: { id: string; userName: string }[] = [];
const groups: { id: string }[] = [];
before(async () => {
  server = await startScimd();
  client = await newClient(server);
  for (let i = 0; i < 5; i++) users.push(await client.create('/Users', newUser({ externalId: `u${i}` })));
  for (let i = 0; i < 3; i++) {
    groups.push(await client.create('/Groups', newGroup({ displayName: `Group ${i}`, externalId: `g${i}` })));
  }
});
after(() => server.close());

const idsOf = (list: { Resources: { id: string }[] }) => list.Resources.map(({ id }) => id);
const ids = (resources: readonly { id: string }[]) => resources.map(({ id }) => id).sort();

test('P-3.4.2-01, P-3.4.2-03: a query goes to a resource type or to the root and is answered by a ListResponse', async () => {
  for (const [path, expected] of [
    ['/Users', ids(users)],
    ['/Groups', ids(groups)],
    ['/', ids([...users, ...groups])],
    ['', ids([...users, ...groups])],
  ] as const) {
    const list = await client.read(path);
    assert.deepEqual(list.schemas, [listSchema]);
    assert.deepEqual([...idsOf(list)].sort(), expected);
    assert.equal(list.totalResults, expected.length);
  }
});

test('P-3.4.2-02: unknown query parameters are ignored', async () => {
  const list = await client.read('/Users', { foo: 'bar', 'filter[x]': 'y', $top: '1' });
  assert.equal(list.Resources.length, 5);
});

test('§3.4.2: a parameter in another letter case is read, for one that went unread could widen the result', async () => {
  const list = await client.read('/Users', { Filter: 'userName eq "nobody"' });
  assert.equal(list.totalResults, 0);
  assert.equal((await client.read('/Users', { COUNT: '1' })).Resources.length, 1);
});

test('P-3.4.2-04, P-3.4.2-05, P-3.4.2-06: totalResults counts all that match; a part says where it starts and how long it is', async () => {
  const list = await client.read('/Users', { count: '2', startIndex: '2' });
  assert.deepEqual(Object.keys(list).sort(), [
    'Resources',
    'itemsPerPage',
    'schemas',
    'startIndex',
    'totalResults',
  ]);
  assert.equal(list.totalResults, 5);
  assert.equal(list.startIndex, 2);
  assert.equal(list.itemsPerPage, 2);
  assert.equal(list.Resources.length, 2);
  const filtered = await client.read('/Users', { filter: 'externalId gt "u1"', count: '1' });
  assert.equal(filtered.totalResults, 3);
  assert.equal(filtered.Resources.length, 1);
});

test('P-3.4.2-07: no match is 200 with totalResults 0, never 404', async () => {
  for (const path of ['/Users', '/Groups', '/']) {
    const list = await client.read(path, { filter: 'externalId eq "none"' });
    assert.equal(list.totalResults, 0);
    assert.deepEqual(list.Resources, []);
  }
});

test('P-3.4.2.1-01: a root query covers all resource types, and meta.resourceType narrows it', async () => {
  for (const [filter, expected] of [
    ['meta.resourceType eq "User"', users],
    ['meta.resourceType eq "Group"', groups],
    ['meta.resourceType ne "Group"', users],
    ['meta.resourceType eq "User" and externalId eq "u1"', users.slice(1, 2)],
    ['externalId sw "u" or displayName eq "Group 2"', [...users, ...groups.slice(2)]],
    ['meta.resourceType eq "Device"', []],
  ] as const) {
    assert.deepEqual([...(await client.find('/', filter))].sort(), ids(expected), filter);
    const searched = await client.request('POST', '/.search', { body: { schemas: [searchSchema], filter } });
    assert.equal(searched.status, 200, searched.text);
    assert.deepEqual([...idsOf(searched.json)].sort(), ids(expected), filter);
  }
});

test('P-3.4.2.1-01: a root query is sorted and paged over the types together, each resource in its own form', async () => {
  const sorted = await client.read('/', { sortBy: 'externalId', sortOrder: 'descending' });
  assert.deepEqual(
    sorted.Resources.map((each: { externalId: string }) => each.externalId),
    ['u4', 'u3', 'u2', 'u1', 'u0', 'g2', 'g1', 'g0'],
  );
  assert.deepEqual(sorted.Resources[0].schemas, [userSchema]);
  assert.deepEqual(sorted.Resources[7].schemas, [groupSchema]);
  assert.equal(sorted.Resources[7].meta.location, `${server.base}/Groups/${groups[0]?.id}`);
  const walked: string[] = [];
  for (let startIndex = 1; startIndex <= 8; startIndex += 3) {
    const page = await client.read('/', { sortBy: 'externalId', startIndex: String(startIndex), count: '3' });
    assert.equal(page.totalResults, 8);
    walked.push(...page.Resources.map((each: { externalId: string }) => each.externalId));
  }
  assert.deepEqual(walked, ['g0', 'g1', 'g2', 'u0', 'u1', 'u2', 'u3', 'u4']);
});

test('P-3.4.2.1-04: in a query over several types an attribute that a type does not have is one without value', async () => {
  const found = async (filter: string) => [...(await client.find('/', filter))].sort();
  assert.deepEqual(await found('userName pr'), ids(users));
  assert.deepEqual(await found('not (userName pr)'), ids(groups));
  assert.deepEqual(await found('userName eq null'), ids(groups));
  assert.deepEqual(await found('members.value eq "x" or userName pr'), ids(users));
  assert.deepEqual(await found('nothing.here eq "x"'), []);
  assert.deepEqual(
    idsOf(await client.read('/', { sortBy: 'displayName' })).slice(0, 3),
    groups.map(({ id }) => id),
  );
  refused(await client.request('GET', '/?filter=userName%20xx%20%22a%22'), 400, 'invalidFilter');
  refused(await client.request('GET', '/Groups?filter=userName%20pr'), 400, 'invalidFilter', /userName/);
});

test('P-3.4.3-01, P-3.4.3-05: POST .search is a query, answered 200 with what GET answers; it creates nothing', async () => {
  for (const path of ['/Users', '/Groups', '/']) {
    const answer = await client.request('POST', `${path === '/' ? '' : path}/.search`, {
      body: { schemas: [searchSchema] },
    });
    assert.equal(answer.status, 200);
    assert.deepEqual(answer.json, await client.read(path));
    assert.equal(answer.headers.get('location'), null);
  }
  assert.equal((await client.read('/')).totalResults, 8);
});

test('P-3.4.3-02, P-3.12-19: the body of a search is a SearchRequest; anything else is 400 invalidSyntax', async () => {
  const strict = await newClient(server, { idp: 'strict' });
  for (const schemas of [undefined, null, [], searchSchema, [userSchema]]) {
    const body = { schemas, count: 0 };
    refused(await strict.request('POST', '/Users/.search', { body }), 400, 'invalidSyntax', /^schemas/);
    assert.equal((await client.request('POST', '/Users/.search', { body })).status, 200);
  }
  for (const body of [
    [],
    'x',
    { schemas: [listSchema] },
    { schemas: [{ toString: 1 }] },
    { schemas: [searchSchema, 7] },
    { schemas: { 0: searchSchema } },
    { schemas: [searchSchema], filter: 5 },
    { schemas: [searchSchema], attributes: 'userName' },
    { schemas: [searchSchema], attributes: [1] },
    { schemas: [searchSchema], filter: 'id pr', FILTER: 'id pr' },
    { schemas: [searchSchema], sortBy: ['userName'] },
  ]) {
    refused(await strict.request('POST', '/Users/.search', { body }), 400, 'invalidSyntax');
    const isRead = JSON.stringify(body).includes('"attributes":"userName"');
    if (!isRead) refused(await client.request('POST', '/Users/.search', { body }), 400, 'invalidSyntax');
  }
});

test('P-3.4.3-03: each parameter of a SearchRequest has the meaning of its GET form', async () => {
  for (const parameters of [
    { filter: 'externalId sw "u"' },
    { attributes: ['userName', 'meta.created'] },
    { excludedAttributes: ['meta', 'userName'] },
    { sortBy: 'externalId', sortOrder: 'descending' },
    { startIndex: 2, count: 2 },
    { filter: 'userName pr', count: 0 },
    { filter: 'userName pr', sortBy: 'userName', startIndex: -1, count: 3, attributes: [' externalId '] },
  ] as Record<string, string | number | string[]>[]) {
    const answer = await client.request('POST', '/Users/.search', {
      body: { schemas: [searchSchema], ...parameters },
    });
    assert.equal(answer.status, 200, answer.text);
    const search = Object.fromEntries(
      Object.entries(parameters).map(([name, value]) => [name, String(value)]),
    );
    assert.deepEqual(answer.json, await client.read('/Users', search), JSON.stringify(parameters));
  }
});

test('P-3.4.3-04, P-3.12-15: a search checks filter, sortBy, numbers and selections as a GET does', async () => {
  const strict = await newClient(server, { idp: 'strict' });
  for (const [parameters, scimType] of [
    [{ filter: 'userName eq' }, 'invalidFilter'],
    [{ filter: '' }, 'invalidFilter'],
    [{ filter: 'nonsense eq "a"' }, 'invalidFilter'],
    [{ sortBy: 'name' }, 'invalidValue'],
    [{ sortBy: 'no such' }, 'invalidValue'],
    [{ sortOrder: 'up' }, 'invalidValue'],
    [{ count: '3' }, 'invalidValue'],
    [{ count: 1.5 }, 'invalidValue'],
    [{ startIndex: true }, 'invalidValue'],
    [{ attributes: ['a'], excludedAttributes: ['b'] }, 'invalidValue'],
  ] as const) {
    const body = { schemas: [searchSchema], ...parameters };
    refused(await strict.request('POST', '/Users/.search', { body }), 400, scimType);
    const isRead = 'count' in parameters && parameters.count === '3';
    if (!isRead) refused(await client.request('POST', '/Users/.search', { body }), 400, scimType);
  }
});
