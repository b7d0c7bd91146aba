/** Lists: order, pages, totals (RFC 7644 §3.4.2). */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Page, Position, Query, StoredResource } from '../../src/store/store.ts';
import { badgeUri } from './registry.ts';
import { base, type Setting } from './setting.ts';
import { remove } from './writes.ts';

function namesOf(page: Page): string[] {
  return page.resources.map(({ body }) => {
    const { userName, displayName } = JSON.parse(body);
    return userName ?? displayName;
  });
}

/** All pages of a walk, forwards or backwards. */
async function walk(
  s: Setting,
  query: Pick<Query, 'targets'> & Partial<Query>,
  limit: number,
): Promise<string[][]> {
  const pages: string[][] = [];
  let after: Position | undefined;
  for (;;) {
    const page: Page = await s.list({ ...query, limit, ...(after === undefined ? {} : { after }) });
    pages.push(namesOf(page));
    if (!page.more) return pages;
    after = page.last;
  }
}

async function walkBack(
  s: Setting,
  query: Pick<Query, 'targets'> & Partial<Query>,
  limit: number,
  from: Position,
) {
  const names: string[] = [];
  let before: Position | undefined = from;
  while (before !== undefined) {
    const page: Page = await s.list({ ...query, limit, before });
    names.unshift(...namesOf(page));
    before = page.more ? page.first : undefined;
  }
  return names;
}

export function readContract(setting: () => Setting): void {
  test('without filter the order is that of creation, and the total is known', async () => {
    const s = setting();
    for (const name of ['c', 'a', 'b']) await s.createUser(name);
    await s.createGroup('g');
    const targets = [{ type: s.user }];
    const page = await s.list({ targets, limit: 2 });
    assert.deepEqual([page.total, namesOf(page), page.more], [3, ['c', 'a'], true]);
    const rest = await s.list({ targets, limit: 2, offset: 2 });
    assert.deepEqual([rest.total, namesOf(rest), rest.more], [3, ['b'], false]);
    assert.deepEqual(await s.list({ targets, limit: 0 }), { total: 3, resources: [], more: false });
    const behind = await s.list({ targets, offset: 3 });
    assert.deepEqual(behind, { total: 3, resources: [], more: false });
  });

  test('a page and its total are of one state, and so are the groups, whether the list before had any or not', async () => {
    const s = setting();
    const [ann] = await s.createUsers('ann', 'bob');
    assert.ok(ann);
    const targets = [{ type: s.user }];
    let isDone = false;
    const changes = async (): Promise<void> => {
      for (let n = 0; n < 30; n++) await remove(s.store, s.target(await s.createUser('cy')));
      isDone = true;
    };
    const lists = async (): Promise<void> => {
      while (!isDone) {
        const page = await s.list({ targets, limit: 2, groups: true });
        assert.deepEqual(namesOf(page), ['ann', 'bob']);
        assert.equal(page.total, page.more ? 3 : 2);
        const both = await s.list({ targets: [...targets, { type: s.group }], limit: 2 });
        assert.deepEqual([namesOf(both), both.total], [['ann', 'bob'], both.more ? 3 : 2]);
        const behind = await s.list({ targets, offset: 1, limit: 1 });
        assert.deepEqual([namesOf(behind), behind.total], [['bob'], behind.more ? 3 : 2]);
        await new Promise(setImmediate);
      }
    };
    await Promise.all([changes(), lists(), lists()]);
    const groups = async () =>
      (await s.list({ targets, groups: true })).resources.map((each) => each.groups?.length ?? 0);
    for (let n = 0; n < 2; n++) {
      assert.deepEqual(await groups(), [0, 0]);
      const group = await s.createGroup(`g${n}`, [ann.id]);
      for (let again = 0; again < 2; again++) assert.deepEqual(await groups(), [1, 0]);
      await remove(s.store, s.target(group));
      assert.deepEqual(await groups(), [0, 0]);
    }
  });

  test('a page has of each resource what a read by its id has, in both directions and from any position, in a group or not', async () => {
    const s = setting();
    const users = await s.createUsers('ann', 'bøb 😀', 'cy', 'dee');
    await s.change(users[1]!, { title: 'Ingeniør\t"1"\n' });
    await s.createGroup('g', [users[2]!.id]);
    const all = (await Promise.all(users.map((user) => s.get(user)))) as StoredResource[];
    const told = all.map(({ version, grouped }) => `${version} ${grouped}`);
    assert.deepEqual(told, ['1 false', '2 false', '1 true', '1 false']);
    const targets = [{ type: s.user }];
    for (const descending of [false, true])
      for (const limit of [1, 3, 4, 100])
        for (const bytes of [undefined, 100_000]) {
          const more = bytes === undefined ? {} : { bytes };
          const found: object[] = [];
          for (let page: Page | undefined; page?.more !== false; ) {
            const position = page === undefined ? {} : { after: page.last as Position };
            page = await s.list({ targets, limit, descending, ...more, ...position });
            assert.equal(page.total, users.length);
            found.push(...page.resources.map((each) => ({ ...each })));
          }
          const wanted = all.map((each) => ({ ...each }));
          assert.deepEqual(found, descending ? wanted.reverse() : wanted);
        }
  });

  test('the total of a filter counts what lies outside the page too', async () => {
    const s = setting();
    for (let i = 0; i < 12; i++) await s.createUser(`u${i}`, { active: i % 3 === 0 });
    const targets = [{ type: s.user, plan: s.plan('active eq true') }];
    for (const offset of [0, 1, 2, 3, 4, 9]) {
      const page = await s.list({ targets, limit: 2, offset });
      assert.equal(page.total, 4, `offset ${offset}`);
      assert.deepEqual(namesOf(page), ['u0', 'u3', 'u6', 'u9'].slice(offset, offset + 2));
    }
    assert.equal((await s.list({ targets, limit: 0 })).total, 4);
  });

  test('sorted: by folded text, unassigned last ascending and first descending (RFC 7644 §3.4.2.3)', async () => {
    const s = setting();
    for (const [userName, title] of [
      ['1', 'b'],
      ['2', undefined],
      ['3', 'A'],
      ['4', 'É'],
      ['5', 'a'],
      ['6', undefined],
    ] as const)
      await s.createUser(userName, { title });
    const query = { targets: [{ type: s.user, sort: s.user.attributes.get('title')! }] };
    const ascending = ['3', '5', '1', '4', '2', '6'];
    assert.deepEqual(namesOf(await s.list(query)), ascending);
    assert.deepEqual(namesOf(await s.list({ ...query, descending: true })), ascending.toReversed());
  });

  test('sorted by a multi-valued attribute the primary value counts, else the first', async () => {
    const s = setting();
    await s.createUser('1', { emails: [{ value: 'z@x' }, { value: 'b@x', primary: true }] });
    await s.createUser('2', { emails: [{ value: 'c@x' }, { value: 'a@x' }] });
    await s.createUser('3', { emails: [{ value: 'A@x' }] });
    await s.createUser('4', { emails: [] });
    const sort = s.user.attributes.get('emails')?.subAttributes.get('value');
    assert.ok(sort);
    assert.deepEqual(namesOf(await s.list({ targets: [{ type: s.user, sort }] })), ['3', '1', '2', '4']);
  });

  for (const attribute of [
    'userName',
    'displayName',
    'title',
    'nothing',
    'meta.created',
    `${badgeUri}:floor`,
  ]) {
    test(`a walk by positions meets each resource once, forwards and backwards: sorted by ${attribute}`, async () => {
      const s = setting();
      for (let i = 0; i < 23; i++) {
        await s.createUser(`u${String(i * 7).padStart(3, '0')}`, {
          displayName: i % 4 === 0 ? undefined : `d${i % 5}`,
          title: i % 3 === 0 ? undefined : `t${i % 4}`,
          ...(i % 2 === 0 ? {} : { [badgeUri]: { floor: i % 5 } }),
        });
        s.now += i % 2;
      }
      const [uri, name] = attribute.startsWith('urn:') ? [badgeUri, 'floor'] : ['', attribute];
      const attributes =
        uri === '' ? s.user.attributes : s.user.extensions.get(uri.toLowerCase())?.attributes;
      const sort =
        name === 'meta.created'
          ? attributes?.get('meta')?.subAttributes.get('created')
          : attributes?.get(name.toLowerCase());
      const targets = [{ type: s.user, ...(sort === undefined ? {} : { sort }) }];
      for (const descending of [false, true]) {
        const whole = await s.list({ targets, descending });
        assert.equal(new Set(namesOf(whole)).size, 23);
        for (const limit of [1, 2, 5, 22, 23, 50]) {
          const pages = await walk(s, { targets, descending }, limit);
          assert.deepEqual(pages.flat(), namesOf(whole), `pages of ${limit}`);
          assert.ok(pages.slice(0, -1).every((page) => page.length === limit));
          const back = await walkBack(s, { targets, descending }, limit, whole.last as Position);
          assert.deepEqual(back, namesOf(whole).slice(0, -1), `back in pages of ${limit}`);
        }
      }
    });
  }

  test('a walk by positions skips nothing when resources before it are deleted or come to be', async () => {
    const s = setting();
    const users = [];
    for (const name of ['b', 'd', 'f', 'h']) users.push(await s.createUser(name));
    const targets = [{ type: s.user, sort: s.user.attributes.get('username')! }];
    const page = await s.list({ targets, limit: 2 });
    await remove(s.store, s.target(users[0]!));
    await s.createUser('a');
    await s.createUser('e');
    const next = await s.list({ targets, limit: 2, after: page.last as Position });
    assert.deepEqual(namesOf(next), ['e', 'f']);
  });

  test('a walk by index meets each resource once, and an index counts what is there after a change', async () => {
    const s = setting();
    const users: StoredResource[] = [];
    for (const name of ['a', 'b', 'c', 'd', 'e', 'f', 'g']) users.push(await s.createUser(name));
    const targets = [{ type: s.user, sort: s.user.attributes.get('username')! }];
    const page = async (offset: number, more: Partial<Query> = {}) =>
      namesOf(await s.list({ targets, limit: 2, offset, ...more }));
    const walked = [await page(0), await page(2), await page(4), await page(6)];
    assert.deepEqual(walked, [['a', 'b'], ['c', 'd'], ['e', 'f'], ['g']]);
    assert.deepEqual(await page(2, { descending: true }), ['e', 'd']);
    assert.deepEqual(await page(2, { limit: 3 }), ['c', 'd', 'e']);
    assert.deepEqual(await page(0), ['a', 'b']);
    await remove(s.store, s.target(users[0]!));
    assert.deepEqual(await page(2), ['d', 'e']);
    assert.deepEqual(await page(4), ['f', 'g']);
    const last = await s.list({ targets, limit: 2, offset: 4 });
    assert.deepEqual([last.total, last.more], [6, false]);
  });

  test('several resource types are one ordered result', async () => {
    const s = setting();
    await s.createUser('1', { displayName: 'b' });
    await s.createGroup('A');
    await s.createUser('3', { displayName: undefined });
    await s.createGroup('C');
    const targets = [s.user, s.group].map((type) => ({ type, sort: type.attributes.get('displayname')! }));
    const page = await s.list({ targets });
    assert.equal(page.total, 4);
    assert.deepEqual(namesOf(page), ['A', '1', 'C', '3']);
    assert.deepEqual((await walk(s, { targets }, 1)).flat(), ['A', '1', 'C', '3']);
    assert.deepEqual((await walk(s, { targets, descending: true }, 3)).flat(), ['3', 'C', '1', 'A']);
    const filtered = [s.user, s.group].map((type) => ({ type, plan: s.plan('displayName ge "b"', type) }));
    assert.deepEqual(namesOf(await s.list({ targets: filtered })), ['1', 'C']);
    const onlyUsersSort = [{ type: s.user, sort: s.user.attributes.get('username')! }, { type: s.group }];
    assert.deepEqual((await walk(s, { targets: onlyUsersSort }, 1)).flat(), ['1', '3', 'A', 'C']);
  });

  test('meta.location is compared with what is answered, as URIs are compared', async () => {
    const s = setting();
    const a = await s.createUser('a');
    await s.createUser('b');
    assert.deepEqual(await s.find(`meta.location eq "${base}/Users/${a.id}"`), [a.id]);
    assert.deepEqual(await s.find(`meta.location ew "/Users/${a.id}"`), [a.id]);
    assert.deepEqual(await s.find(`meta.location eq "https://elsewhere.example/Users/${a.id}"`), []);
    assert.deepEqual(await s.find(`meta.location eq "HTTPS://SCIM.example:443/Users/${a.id}"`), [a.id]);
    assert.equal((await s.find('meta.location sw "https://scim.example/Us"')).length, 2);
    assert.equal((await s.find('meta.resourceType eq "User" and id pr')).length, 2);
  });

  test('integers beyond 2^53 are compared as the doubles that they are', async () => {
    const s = setting();
    const huge = 2 ** 60;
    await s.createUser('a', { [badgeUri]: { floor: huge, doors: [{ value: 'x', level: huge }] } });
    assert.equal((await s.find(`${badgeUri}:floor eq ${huge}`)).length, 1);
    assert.equal((await s.find(`${badgeUri}:doors[level eq ${huge}]`)).length, 1);
  });
}
