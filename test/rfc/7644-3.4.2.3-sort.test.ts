import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { enterpriseSchema, newUser, startScimd, type TestServer, userSchema } from '../server.ts';
import { type Client, newClient } from './client.ts';
import { lab, labRegistry } from './lab-registry.ts';
import { refused } from './refused.ts';

let server: TestServer;
before(async () => {
  server = await startScimd({ registry: labRegistry() });
});
after(() => server.close());

/** A tenant with these users, in this order; each has its `nickName` by which the tests know it. */
async function withUsers(users: Readonly<Record<string, object>>): Promise<Client> {
  const client = await newClient(server);
  for (const [nickName, more] of Object.entries(users)) {
    await client.create('/Users', newUser({ nickName, ...more }));
  }
  return client;
}

async function order(client: Client, sortBy: string, sortOrder?: string): Promise<string> {
  const list = await client.read('/Users', { sortBy, ...(sortOrder === undefined ? {} : { sortOrder }) });
  return list.Resources.map((user: { nickName: string }) => user.nickName).join(' ');
}

test('P-3.4.2.3-01, P-3.4.2.3-02: sorting is announced, and sortBy orders by the value of the attribute', async () => {
  assert.deepEqual((await server.request('GET', '/ServiceProviderConfig')).json.sort, { supported: true });
  const client = await withUsers({
    c: { userName: 'c' },
    a: { userName: 'a' },
    d: { userName: 'd' },
    b: { userName: 'b' },
  });
  assert.equal(await order(client, 'userName'), 'a b c d');
  assert.equal(await order(client, 'userName', 'descending'), 'd c b a');
  assert.equal(await order(client, 'meta.created'), 'c a d b');
  assert.equal(await order(client, `${userSchema}:USERNAME`), 'a b c d');
});

test('P-3.4.2.3-03: a multi-valued attribute sorts by its primary value, else by its first', async () => {
  const client = await withUsers({
    primary: { emails: [{ value: 'z@x' }, { value: 'b@x', primary: true }] },
    first: { emails: [{ value: 'c@x' }, { value: 'a@x' }] },
    only: { emails: [{ value: 'a@x' }] },
  });
  assert.equal(await order(client, 'emails.value'), 'only primary first');
  assert.equal(await order(client, 'emails'), 'only primary first');
  assert.equal(await order(client, 'emails.value', 'descending'), 'first primary only');
});

test('P-3.4.2.3-04: a complex attribute is sorted by a sub-attribute', async () => {
  const client = await withUsers({
    b: { name: { givenName: 'B', familyName: 'A' } },
    a: { name: { givenName: 'A', familyName: 'B' } },
  });
  assert.equal(await order(client, 'name.givenName'), 'a b');
  assert.equal(await order(client, 'name.familyName'), 'b a');
  for (const sortBy of [
    'name',
    'name.nope',
    'nope',
    'a b',
    '',
    enterpriseSchema,
    'emails[type eq "work"]',
    `${lab}:courses.topics`,
  ]) {
    const answer = await client.request('GET', `/Users?${new URLSearchParams({ sortBy })}`);
    refused(answer, 400, 'invalidValue', /sortBy/);
  }
});

test('P-3.4.2.3-05: resources without the value come last ascending and first descending', async () => {
  const client = await withUsers({
    none1: {},
    b: { title: 'b', [lab]: { floor: 2 } },
    none2: { title: null },
    a: { title: 'a', [lab]: { floor: 1 } },
  });
  for (const sortBy of ['title', `${lab}:floor`]) {
    assert.equal(await order(client, sortBy), 'a b none1 none2', sortBy);
    assert.equal(await order(client, sortBy, 'descending'), 'none2 none1 b a', sortBy);
  }
});

test('P-3.4.2.3-06: the order is ascending unless descending is asked for; there is no third', async () => {
  const client = await withUsers({ b: { title: 'b' }, a: { title: 'a' } });
  assert.equal(await order(client, 'title'), 'a b');
  assert.equal(await order(client, 'title', 'ascending'), 'a b');
  assert.equal(await order(client, 'title', 'Descending'), 'b a');
  for (const sortOrder of ['up', 'desc', '']) {
    const answer = await client.request(
      'GET',
      `/Users?${new URLSearchParams({ sortBy: 'title', sortOrder })}`,
    );
    refused(answer, 400, 'invalidValue', /sortOrder/);
  }
});

test('P-3.4.2.3-07: texts sort by code points, folded unless caseExact; numbers as numbers, dates as instants', async () => {
  const texts = ['a', 'B', 'c', 'é', 'z', 'É2', '𝄞', '\uFF21'];
  const client = await withUsers(
    Object.fromEntries(texts.map((text) => [text, { title: text, externalId: text }])),
  );
  assert.equal(await order(client, 'title'), 'a B c z é É2 Ａ 𝄞');
  assert.equal(await order(client, 'externalId'), 'B a c z É2 é Ａ 𝄞');
  const typed = await withUsers({
    ten: { [lab]: { floor: 10, weight: 10.5, joined: '2011-05-13T06:00:00+02:00', cleared: true } },
    two: { [lab]: { floor: 2, weight: 9.25, joined: '2011-05-13T05:00:00Z', cleared: false } },
    minus: { [lab]: { floor: -3, weight: -3, joined: '2011-05-13T04:00:00.001Z' } },
  });
  assert.equal(await order(typed, `${lab}:floor`), 'minus two ten');
  assert.equal(await order(typed, `${lab}:weight`), 'minus two ten');
  assert.equal(await order(typed, `${lab}:joined`), 'ten minus two');
  assert.equal(await order(typed, `${lab}:cleared`), 'two ten minus');
});

test('P-3.4.2.3-08: sorting comes before paging and is total, also where keys are equal', async () => {
  const client = await withUsers(
    Object.fromEntries([...'abcdefghij'].map((name, index) => [name, { title: `same ${index % 2}` }])),
  );
  for (const sortOrder of ['ascending', 'descending']) {
    const seen: string[] = [];
    for (let startIndex = 1; startIndex <= 10; startIndex += 3) {
      const page = await client.read('/Users', {
        sortBy: 'title',
        sortOrder,
        startIndex: String(startIndex),
        count: '3',
      });
      seen.push(...page.Resources.map((user: { nickName: string }) => user.nickName));
    }
    assert.equal(seen.join(''), sortOrder === 'ascending' ? 'acegibdfhj' : 'jhfdbigeca');
  }
});
