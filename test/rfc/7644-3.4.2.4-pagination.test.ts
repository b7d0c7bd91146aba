import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { newUser, startScimd, type TestServer } from '../server.ts';
import { type Client, newClient } from './client.ts';
import { refused } from './refused.ts';

let server: TestServer;
let client: Client;
const all: string[] = [];
before(async () => {
  server = await startScimd({ limits: { defaultPageSize: 10, maxPageSize: 20 } });
  client = await newClient(server);
  for (let i = 0; i < 23; i++) all.push((await client.create('/Users', newUser({ title: `t${i % 2}` }))).id);
});
after(() => server.close());

async function page(parameters: Record<string, string>) {
  const list = await client.read('/Users', parameters);
  const ids: string[] = (list.Resources ?? []).map(({ id }: { id: string }) => id);
  return { ...list, ids };
}

test('P-3.4.2.4-01: startIndex counts from 1 and is 1 by default; what is below 1 counts as 1', async () => {
  for (const startIndex of [undefined, '1', '0', '-5', '-99999999']) {
    const { ids, startIndex: answered } = await page({
      count: '3',
      ...(startIndex === undefined ? {} : { startIndex }),
    });
    assert.equal(answered, 1);
    assert.deepEqual(ids, all.slice(0, 3));
  }
  const third = await page({ startIndex: '3', count: '2' });
  assert.equal(third.startIndex, 3);
  assert.deepEqual(third.ids, all.slice(2, 4));
});

test('P-3.4.2.4-02: never more than count results', async () => {
  for (const count of [1, 3, 7, 19]) assert.equal((await page({ count: String(count) })).ids.length, count);
});

test('P-3.4.2.4-03, P-3.4.2.4-04: count 0, and a negative one, gives totalResults alone', async () => {
  for (const count of ['0', '-1', '-1000']) {
    const { ids, totalResults, itemsPerPage } = await page({ count });
    assert.deepEqual({ ids, totalResults, itemsPerPage }, { ids: [], totalResults: 23, itemsPerPage: 0 });
    // Resources is REQUIRED where totalResults is not zero (RFC 7644 §3.4.2).
    assert.deepEqual((await client.read('/Users', { count })).Resources, []);
  }
  assert.equal((await page({ count: '0', filter: 'title eq "t1"' })).totalResults, 11);
});

test('P-3.4.2.4-05: without count the server chooses, and no page is larger than filter.maxResults', async () => {
  const { json } = await client.request('GET', '/ServiceProviderConfig');
  assert.equal(json.filter.maxResults, 20);
  for (const [parameters, size] of [
    [{}, 10],
    [{ count: '1000000' }, 20],
    [{ count: '20' }, 20],
    [{ count: '21', startIndex: '2' }, 20],
  ] as const) {
    const { ids, itemsPerPage, totalResults } = await page(parameters);
    assert.equal(ids.length, size);
    assert.equal(itemsPerPage, size);
    assert.equal(totalResults, 23);
  }
});

test('P-3.4.2.4-06: itemsPerPage is the size of this page', async () => {
  const { itemsPerPage, ids } = await page({ startIndex: '21', count: '10' });
  assert.equal(itemsPerPage, 3);
  assert.deepEqual(ids, all.slice(20));
});

test('P-3.4.2.4-07: a startIndex beyond the end is 200 with the total and no resources', async () => {
  for (const startIndex of ['24', '9999', '9007199254740991']) {
    const { ids, totalResults, itemsPerPage, Resources } = await page({ startIndex });
    assert.deepEqual(Resources, []);
    assert.deepEqual({ ids, totalResults, itemsPerPage }, { ids: [], totalResults: 23, itemsPerPage: 0 });
  }
});

test('P-3.4.2.4-08: a startIndex or count that is no integer is 400 invalidValue', async () => {
  for (const name of ['startIndex', 'count']) {
    for (const value of ['abc', '1.5', '', '99999999999999999999', '1e3', '0x1', 'NaN', '1,2']) {
      const answer = await client.request('GET', `/Users?${name}=${value}`);
      refused(answer, 400, 'invalidValue', new RegExp(name));
    }
  }
});

test('P-3.4.2.4-09: a walk over unchanged data meets each resource once, in a fixed order', async () => {
  const seen: string[] = [];
  for (let startIndex = 1; startIndex <= 23; startIndex += 7) {
    const { ids, totalResults } = await page({ startIndex: String(startIndex), count: '7' });
    assert.equal(totalResults, 23);
    seen.push(...ids);
  }
  assert.deepEqual(seen, all);
  const odd: string[] = [];
  for (let startIndex = 1; startIndex <= 11; startIndex += 4) {
    odd.push(...(await page({ filter: 'title eq "t1"', startIndex: String(startIndex), count: '4' })).ids);
  }
  assert.deepEqual(
    odd,
    all.filter((_, index) => index % 2 === 1),
  );
});
