import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { hashSecret } from '../../src/directory/secret.ts';
import { newGroup, newUser, patchOp, searchSchema, startScimd, type TestServer } from '../server.ts';
import { type Client, newClient } from './client.ts';
import { refused } from './refused.ts';

let now = new Date('2030-01-01T00:00:00Z');
let server: TestServer;
let client: Client;
const all: { id: string; title: string }[] = [];
before(async () => {
  server = await startScimd({
    clock: () => now,
    limits: { defaultPageSize: 10, maxPageSize: 20, cursorSeconds: 600 },
  });
  client = await newClient(server);
  for (let i = 0; i < 25; i++) {
    all.push(await client.create('/Users', newUser({ title: `t${i % 3}`, displayName: `Person ${i}` })));
  }
});
after(() => server.close());

interface List {
  readonly totalResults: number;
  readonly itemsPerPage: number;
  readonly nextCursor?: string;
  readonly previousCursor?: string;
  readonly Resources: readonly { readonly id: string; readonly title: string }[];
}

type Parameters = Readonly<Record<string, string>>;

const ids = (list: { readonly Resources: readonly { readonly id: string }[] }) =>
  list.Resources.map(({ id }) => id);
const page = (parameters: Parameters, path = '/Users', by = client): Promise<List> =>
  by.read(path, parameters);
const ask = (parameters: Parameters, path = '/Users', by = client) =>
  by.request('GET', `${path}?${new URLSearchParams(parameters)}`);

/** All pages from the first to the last. */
async function walk(parameters: Parameters, path = '/Users', by = client): Promise<readonly List[]> {
  const pages: List[] = [];
  for (let cursor: string | undefined = ''; cursor !== undefined; ) {
    const next: List = await page({ ...parameters, cursor }, path, by);
    pages.push(next);
    cursor = next.nextCursor;
    assert.ok(pages.length < 100, 'the walk ends');
  }
  return pages;
}

test('C-2-01: a cursor parameter without value begins a walk, as cursor and as cursor=', async () => {
  for (const search of ['cursor&count=10', 'cursor=&count=10', 'count=10&cursor']) {
    const answer = await client.request('GET', `/Users?${search}`);
    assert.equal(answer.status, 200, answer.text);
    assert.deepEqual(ids(answer.json), ids({ Resources: all.slice(0, 10) }));
    assert.equal(typeof answer.json.nextCursor, 'string');
    const second = await page({ cursor: answer.json.nextCursor, count: '10' });
    assert.deepEqual(ids(second), ids({ Resources: all.slice(10, 20) }));
  }
});

test('C-2-02: count 0, and a negative one, gives the total alone', async () => {
  for (const count of ['0', '-1', '-77']) {
    const list = await page({ cursor: '', count });
    assert.equal(list.totalResults, 25);
    assert.deepEqual(list.Resources, []);
    assert.ok(!('nextCursor' in list) && !('previousCursor' in list));
  }
});

test('C-2-03, C-2-04: a page has at most count resources, and without count as many as the server chooses', async () => {
  for (const [parameters, sizes] of [
    [{ count: '3' }, [...Array(8).fill(3), 1]],
    [{}, [10, 10, 5]],
    [{ count: '1000000' }, [20, 5]],
    [{ count: '20' }, [20, 5]],
  ] as const) {
    const pages = await walk(parameters as Parameters);
    assert.deepEqual(
      pages.map(({ Resources }) => Resources.length),
      sizes,
    );
    assert.deepEqual(
      pages.map(({ itemsPerPage }) => itemsPerPage),
      sizes,
    );
  }
  const first = await page({ cursor: '', count: '3' });
  const second = await page({ cursor: first.nextCursor as string });
  assert.equal(second.Resources.length, 3, 'the size of the walk, not repeated');
});

test('C-2-05: nextCursor is on every page but the last, also when that is exactly full or the result is empty', async () => {
  for (const [parameters, pages] of [
    [{ count: '5' }, 5],
    [{ count: '20' }, 2],
    [{ filter: 'title eq "t0"', count: '9' }, 1],
    [{ filter: 'title eq "t0"', count: '3' }, 3],
    [{ filter: 'title eq "none"' }, 1],
  ] as const) {
    assert.equal((await walk(parameters)).length, pages, JSON.stringify(parameters));
  }
});

test('C-2-06, C-2-07: previousCursor leads back through the same pages, and is not on the first', async () => {
  for (const more of [
    {},
    { sortBy: 'title' },
    { sortBy: 'title', sortOrder: 'descending' },
  ] as Parameters[]) {
    const pages = await walk({ count: '7', ...more });
    assert.equal(pages.length, 4);
    assert.ok(!('previousCursor' in (pages[0] as List)));
    let back = pages.at(-1) as List;
    for (const earlier of pages.slice(0, -1).reverse()) {
      assert.equal(typeof back.previousCursor, 'string');
      back = await page({ cursor: back.previousCursor as string, count: '7', ...more });
      assert.deepEqual(ids(back), ids(earlier));
    }
    assert.ok(!('previousCursor' in back));
    const forth = await page({ cursor: back.nextCursor as string, count: '7', ...more });
    assert.deepEqual(ids(forth), ids(pages[1] as List));
  }
});

test('C-2-08, C-5-05: cursors are unreserved characters in which nothing can be read; no two are alike', async () => {
  const cursors = new Set<string>();
  for (const parameters of [
    { count: '5' },
    { count: '5', sortBy: 'displayName' },
    { count: '5', filter: 'title pr' },
  ]) {
    for (const { nextCursor, previousCursor } of await walk(parameters as Parameters)) {
      for (const cursor of [nextCursor, previousCursor]) if (cursor !== undefined) cursors.add(cursor);
    }
  }
  assert.equal(cursors.size, 24);
  for (const cursor of cursors) {
    assert.match(cursor, /^[A-Za-z0-9\-._~]+$/);
    const plain = Buffer.from(cursor, 'base64url').toString('latin1');
    for (const readable of ['Person', 'title', 'Users', '2030', all[4]?.id as string]) {
      assert.ok(!plain.includes(readable) && !cursor.includes(readable));
    }
  }
});

test('C-2-09: a cursor is of one query: another filter, order, selection or endpoint is 400 invalidCursor', async () => {
  const query = { filter: 'title pr', sortBy: 'title', attributes: 'userName', count: '4' };
  const { nextCursor } = await page({ ...query, cursor: '' });
  const cursor = nextCursor as string;
  assert.equal((await ask({ ...query, cursor })).status, 200);
  const { filter: _, ...unfiltered } = query;
  const { sortBy: __, ...unsorted } = query;
  const { attributes: ___, ...whole } = query;
  for (const other of [
    { ...query, filter: 'title eq "t0"' },
    unfiltered,
    { ...query, sortBy: 'userName' },
    unsorted,
    { ...query, sortOrder: 'descending' },
    { ...query, attributes: 'title' },
    whole,
    { ...whole, excludedAttributes: 'userName' },
  ] as Parameters[]) {
    refused(await ask({ ...other, cursor }), 400, 'invalidCursor');
  }
  refused(await ask({ ...query, cursor }, '/'), 400, 'invalidCursor');
  const plain = (await page({ cursor: '', count: '4' })).nextCursor as string;
  refused(await ask({ cursor: plain, count: '4' }, '/Groups'), 400, 'invalidCursor');
  refused(await ask({ cursor: plain, count: '4' }, '/'), 400, 'invalidCursor');
  assert.equal((await ask({ ...query, cursor, unknown: 'x' })).status, 200);
});

test('C-2-10, C-2-11, C-2-12: a walk meets everything that matches once and nothing else, and says how much it is', async () => {
  for (const [parameters, expected] of [
    [{ count: '7' }, all],
    [{ count: '4', filter: 'title ne "t1"' }, all.filter(({ title }) => title !== 't1')],
    [{ count: '1', filter: 'displayName ew "7"' }, [all[7], all[17]]],
  ] as [Parameters, typeof all][]) {
    const pages = await walk(parameters);
    assert.deepEqual(pages.flatMap(ids), ids({ Resources: expected }));
    for (const { totalResults } of pages) assert.equal(totalResults, expected.length);
  }
});

test('C-2.1-01, C-2.1-02: what is no cursor of this server is 400 invalidCursor', async () => {
  const { nextCursor } = await page({ cursor: '', count: '5' });
  const cursor = nextCursor as string;
  const flipped = (at: number) =>
    `${cursor.slice(0, at)}${cursor[at] === 'A' ? 'B' : 'A'}${cursor.slice(at + 1)}`;
  const tampered = Array.from({ length: cursor.length }, (_, at) => flipped(at));
  const bodies = new Set<string>();
  for (const wrong of [
    'garbage',
    ' ',
    '%00',
    '1',
    'null',
    '=',
    `${cursor}=`,
    `${cursor}A`,
    cursor.slice(1),
    cursor.slice(0, -1),
    cursor.toLowerCase(),
    `${cursor} `,
    'A'.repeat(5000),
    ...tampered,
  ]) {
    const answer = await ask({ cursor: wrong, count: '5' });
    refused(answer, 400, 'invalidCursor');
    bodies.add(answer.text);
  }
  assert.equal(bodies.size, 1, 'no oracle: each is refused with the same words');
});

test('C-2.1-03: a cursor that has expired is 400 expiredCursor, one that has not still works', async () => {
  const { nextCursor } = await page({ cursor: '', count: '5' });
  const start = now;
  try {
    now = new Date(start.getTime() + 599_000);
    const second = await page({ cursor: nextCursor as string, count: '5' });
    assert.equal(second.Resources.length, 5);
    now = new Date(start.getTime() + 601_000);
    refused(await ask({ cursor: nextCursor as string, count: '5' }), 400, 'expiredCursor');
    assert.equal((await ask({ cursor: second.nextCursor as string, count: '5' })).status, 200);
    const foreign = await newClient(server);
    refused(await ask({ cursor: nextCursor as string, count: '5' }, '/Users', foreign), 400, 'invalidCursor');
  } finally {
    now = start;
  }
});

test('C-2.1-04: a count that is no integer, or that changes during the walk, is 400 invalidCount', async () => {
  for (const count of ['abc', '1.5', '', '99999999999999999999']) {
    refused(await ask({ cursor: '', count }), 400, 'invalidCount', /count/);
  }
  const { nextCursor } = await page({ cursor: '', count: '5' });
  for (const count of ['4', '6', '0', '-1', 'abc', '1000']) {
    refused(await ask({ cursor: nextCursor as string, count }), 400, 'invalidCount', /count/);
  }
  const search = (count: unknown) => ({ body: { schemas: [searchSchema], cursor: '', count } });
  refused(await client.request('POST', '/Users/.search', search('five')), 400, 'invalidCount');
  const strict = await newClient(server, { idp: 'strict' });
  refused(await strict.request('POST', '/Users/.search', search('5')), 400, 'invalidCount');
});

test('C-2.2-01: the pages of a sorted walk are sorted together, in both directions', async () => {
  const own = await newClient(server);
  const titles = ['c', undefined, 'a', 'B', 'a', undefined, 'c', 'b', 'a', undefined, 'A'];
  for (const title of titles) await own.create('/Users', newUser(title === undefined ? {} : { title }));
  for (const [sortOrder, expected] of [
    ['ascending', ['a', 'a', 'a', 'a', 'b', 'b', 'c', 'c', '', '', '']],
    ['descending', ['', '', '', 'c', 'c', 'b', 'b', 'a', 'a', 'a', 'a']],
  ] as const) {
    for (const count of ['1', '2', '3', '4', '11']) {
      const pages = await walk({ sortBy: 'title', sortOrder, count }, '/Users', own);
      const resources = pages.flatMap(({ Resources }) => Resources);
      assert.deepEqual(
        resources.map(({ title }) => (title ?? '').toLowerCase()),
        expected,
      );
      assert.equal(new Set(resources.map(({ id }) => id)).size, titles.length);
    }
  }
});

test('C-2.4-01, C-2.4-02: a query that names neither way is paged by index, as announced', async () => {
  const { pagination } = await client.read('/ServiceProviderConfig');
  assert.equal(pagination.defaultPaginationMethod, 'index');
  for (const parameters of [{}, { count: '5' }, { filter: 'title pr', sortBy: 'title' }] as Parameters[]) {
    const list = await client.read('/Users', parameters);
    assert.equal(list.startIndex, 1);
    assert.equal(list.itemsPerPage, list.Resources.length);
    assert.ok(!('nextCursor' in list));
  }
});

test('C-2.4-03: startIndex and cursor exclude one another', async () => {
  refused(await ask({ cursor: '', startIndex: '1' }), 400, 'invalidValue', /startIndex/);
  const body = { schemas: [searchSchema], cursor: '', startIndex: 1 };
  refused(await client.request('POST', '/Users/.search', { body }), 400, 'invalidValue', /startIndex/);
});

test('C-3-01: .search takes cursor and count in its body, and its cursors are those of GET', async () => {
  const search = (more: object, path = '/Users') =>
    client.request('POST', `${path}/.search`, { body: { schemas: [searchSchema], ...more } });
  const first = await search({ cursor: '', count: 10, sortBy: 'title' });
  assert.deepEqual(ids(first.json), ids(await page({ cursor: '', count: '10', sortBy: 'title' })));
  const second = await search({ cursor: first.json.nextCursor, count: 10, sortBy: 'title' });
  const got = await page({ cursor: first.json.nextCursor, count: '10', sortBy: 'title' });
  assert.deepEqual(ids(second.json), ids(got));
  refused(await search({ cursor: first.json.nextCursor, count: 10 }), 400, 'invalidCursor');
  refused(await search({ cursor: 5 }), 400, 'invalidSyntax');
  assert.equal((await search({ cursor: '' }, '')).json.Resources.length, 10);
});

test('C-4-01, C-4-02, C-4-03: ServiceProviderConfig announces both ways and their limits, and they hold', async () => {
  const { pagination } = await client.read('/ServiceProviderConfig');
  assert.deepEqual(pagination, {
    cursor: true,
    index: true,
    defaultPaginationMethod: 'index',
    defaultPageSize: 10,
    maxPageSize: 20,
    cursorTimeout: 600,
  });
});

test('C-2-10: a root walk goes over the types together', async () => {
  const own = await newClient(server);
  const made: string[] = [];
  for (let i = 0; i < 4; i++) {
    made.push((await own.create('/Users', newUser({ displayName: `n${7 - 2 * i}` }))).id);
    made.push((await own.create('/Groups', newGroup({ displayName: `n${6 - 2 * i}` }))).id);
  }
  assert.deepEqual((await walk({ count: '3' }, '/', own)).flatMap(ids), made);
  const sorted = await walk({ count: '3', sortBy: 'displayName' }, '/', own);
  assert.deepEqual(sorted.flatMap(ids), [...made].reverse());
  assert.deepEqual((await walk({ count: '3', filter: 'userName pr' }, '/', own)).flatMap(ids).length, 4);
});

test('C-2-10: while others write, a walk still meets once whatever was there all the time', async () => {
  for (const parameters of [
    {},
    { sortBy: 'displayName' },
    { sortBy: 'displayName', sortOrder: 'descending' },
  ] as Parameters[]) {
    const own = await newClient(server);
    const kept: string[] = [];
    const doomed: string[] = [];
    for (let i = 0; i < 20; i++) {
      const { id } = await own.create('/Users', newUser({ displayName: `d${String(i).padStart(2, '0')}` }));
      (i % 4 === 3 ? doomed : kept).push(id);
    }
    const seen: string[] = [];
    for (let cursor: string | undefined = ''; cursor !== undefined; ) {
      const next: List = await page({ ...parameters, count: '3', cursor }, '/Users', own);
      seen.push(...ids(next));
      cursor = next.nextCursor;
      const gone = doomed.pop();
      if (gone !== undefined) await own.request('DELETE', `/Users/${gone}`);
      for (const displayName of ['d00a', 'd10a', 'd99']) await own.create('/Users', newUser({ displayName }));
      await own.request('PATCH', `/Users/${kept[0]}`, {
        body: patchOp({ op: 'replace', path: 'title', value: String(seen.length) }),
      });
      assert.ok(seen.length < 200);
      if (seen.length > 60) break;
    }
    assert.equal(new Set(seen).size, seen.length, 'nothing twice');
    for (const id of kept) assert.ok(seen.includes(id), 'nothing left out');
  }
});

test('C-2-05: the page after a cursor may have become empty, and is then the last', async () => {
  const own = await newClient(server);
  const made: string[] = [];
  for (let i = 0; i < 4; i++) made.push((await own.create('/Users', newUser())).id);
  const { nextCursor } = await page({ cursor: '', count: '2' }, '/Users', own);
  for (const id of made) await own.request('DELETE', `/Users/${id}`);
  const empty = await page({ cursor: nextCursor as string, count: '2' }, '/Users', own);
  assert.deepEqual(empty.Resources, []);
  assert.equal(empty.totalResults, 0);
  assert.ok(!('nextCursor' in empty));
});

test('C-5-01, C-5-03, C-5-06: a cursor gives nobody more than their token does, and a foreign one is like none', async () => {
  const { nextCursor } = await page({ cursor: '', count: '5' });
  const query = { cursor: nextCursor as string, count: '5' };
  const foreign = await newClient(server);
  for (let i = 0; i < 12; i++) await foreign.create('/Users', newUser());
  const [theirs, none] = [
    await ask(query, '/Users', foreign),
    await ask({ ...query, cursor: 'none' }, '/Users', foreign),
  ];
  refused(theirs, 400, 'invalidCursor');
  assert.equal(theirs.text, none.text);
  refused(await ask({ ...query, filter: 'title pr' }), 400, 'invalidCursor');
  assert.equal((await ask({ ...query, filter: 'title pr' })).text, none.text);
  const path = `/Users?${new URLSearchParams(query)}`;
  refused(await server.request('GET', path, { token: null }), 401);
  refused(await server.request('GET', path, { token: nextCursor as string }), 401);
  const reader = await server.newToken({ tenant: client.tenant, scope: 'read' });
  const read = await server.request('GET', path, { token: reader });
  assert.deepEqual(ids(read.json), ids(await page(query)), 'what this token may read anyway');
});

test('C-5-02, C-5-04: each page asks anew whether the token still may: revoked in the middle of a walk, it is 401', async () => {
  const token = await server.newToken({ tenant: client.tenant });
  const first = await server.request('GET', '/Users?cursor&count=5', { token });
  assert.equal(first.status, 200);
  const found = await server.store?.findToken(hashSecret(token));
  await server.store?.revokeToken(found?.id as string, new Date(now.getTime() - 1000).toISOString());
  refused(await server.request('GET', `/Users?cursor=${first.json.nextCursor}&count=5`, { token }), 401);
});

test('C-5-08: pages are rate-limited like all requests: 429 with Retry-After, and the walk goes on after that', async () => {
  let at = new Date('2030-01-01T00:00:00Z');
  const own = await startScimd({ clock: () => at, limits: { requestsPerSecond: 1 } });
  try {
    for (let i = 0; i < 3; i++) await own.request('POST', '/Users', { body: newUser() });
    at = new Date(at.getTime() + 60_000);
    const first = await own.request('GET', '/Users?cursor&count=1');
    const path = `/Users?cursor=${first.json.nextCursor}&count=1`;
    let asked = 0;
    let answer = first;
    for (; answer.status === 200 && asked < 50; asked++) answer = await own.request('GET', path);
    refused(answer, 429);
    assert.equal(asked, 10, 'ten seconds’ worth of requests');
    const seconds = Number(answer.headers.get('retry-after'));
    assert.ok(seconds >= 1);
    at = new Date(at.getTime() + seconds * 1000);
    const second = await own.request('GET', path);
    assert.equal(second.status, 200);
    assert.equal(second.json.Resources.length, 1);
  } finally {
    await own.close();
  }
});

test('C-5-08: however many walks are begun, each goes on, and all from the same place', async () => {
  const cursors = new Set<string>();
  for (let i = 0; i < 200; i++) cursors.add((await page({ cursor: '', count: '5' })).nextCursor as string);
  assert.equal(cursors.size, 200);
  for (const cursor of [...cursors].slice(0, 5)) {
    assert.deepEqual(ids(await page({ cursor, count: '5' })), ids({ Resources: all.slice(5, 10) }));
  }
});
