/** Lists that look at many rows run in a thread of their own, and are what they are in the main one. */
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { openSqliteStore } from '../../src/store/sqlite/index.ts';
import type { Page } from '../../src/store/store.ts';
import { Stopping, Work } from '../../src/store/work.ts';
import { countThreads } from '../threads.ts';
import { until } from '../until.ts';
import { Setting } from './setting.ts';
import { runWithoutThreads } from './without-threads.ts';
import { createdBy, remove } from './writes.ts';

const folder = mkdtempSync(join(tmpdir(), 'scimd-scan-'));
after(() => rmSync(folder, { recursive: true }));
let files = 0;

async function open(
  scanInThreadFrom: number,
  file = join(folder, `${++files}.db`),
): Promise<{ s: Setting; file: string }> {
  const s = await Setting.open(async (options) => openSqliteStore({ file, scanInThreadFrom, ...options }));
  return { s, file };
}

/** The answer as the store gives it: at once, or later where the thread is asked. */
function listed(s: Setting, filter?: string, more: { offset?: number; limit?: number } = {}) {
  const target = filter === undefined ? { type: s.user } : { type: s.user, plan: s.plan(filter) };
  return s.store.list({ tenant: 1, limit: 10, targets: [target], ...more });
}

async function fill(s: Setting, count: number): Promise<void> {
  await Promise.all(Array.from({ length: count }, (_, n) => s.createUser(`u${n}`)));
}

test('what an index finds by one value is answered at once, whatever else there is', async () => {
  const { s } = await open(10);
  await fill(s, 20);
  for (const filter of [
    'userName eq "u7"',
    'externalId eq "x"',
    'emails.value eq "u7@work.example"',
    'emails[type eq "work" and value eq "u7@work.example"]',
    'userName eq "u7" or emails.value eq "u8@home.example"',
    'userName eq "u7" and title co "x"',
  ])
    assert.ok(!(listed(s, filter) instanceof Promise), filter);
  assert.ok(!(listed(s) instanceof Promise));
  await s.store.close();
});

test('what looks at all, or skips many, is asked of the thread, once there are many', async () => {
  const { s } = await open(10);
  const filters = ['displayName co "of u7"', 'userName sw "u"', 'active eq true', 'not (userName eq "u7")'];
  for (const filter of filters) assert.ok(!(listed(s, filter) instanceof Promise), filter);
  await fill(s, 20);
  const totals: number[] = [];
  for (const filter of filters) {
    const answer = listed(s, filter);
    assert.ok(answer instanceof Promise, filter);
    totals.push((await answer).total);
  }
  assert.deepEqual(totals, [1, 20, 20, 19]);
  const deep = listed(s, undefined, { offset: 15 });
  assert.ok(deep instanceof Promise);
  assert.equal((await deep).resources.length, 5);
  await s.store.close();
});

test('a walk by index goes on where it was when something else than a resource is written', async () => {
  const { s } = await open(10);
  await fill(s, 20);
  await listed(s, undefined, { limit: 15 });
  const hash = 'a'.repeat(64);
  await s.store.createToken({ hash, name: 'walk', tenant: 1, idp: 'okta', scope: 'scim' });
  assert.ok(await s.store.findToken(hash));
  await s.store.pruneChanges(new Date(0), 10);
  const next = listed(s, undefined, { offset: 15 });
  assert.ok(!(next instanceof Promise));
  assert.equal((next as Page).resources.length, 5);
  await s.createUser('later');
  const again = listed(s, undefined, { offset: 15 });
  assert.ok(again instanceof Promise);
  assert.equal((await again).resources.length, 6);
  await s.store.close();
});

test('the thread ends when there was nothing to look through for a while, and the next list has another', async () => {
  const file = join(folder, `${++files}.db`);
  const s = await Setting.open(async (options) =>
    openSqliteStore({ file, scanInThreadFrom: 0, scanThreadsIdle: 50, ...options }),
  );
  const threads = countThreads();
  try {
    await fill(s, 3);
    for (const turn of [1, 2]) {
      assert.equal((await listed(s, 'displayName co "of u1"')).total, 1);
      await until('the end of the thread', () => threads.ended === turn);
      assert.equal(threads.begun, turn);
    }
  } finally {
    threads.stop();
    await s.store.close();
  }
});

test('what compares few values spends as much once they are known, and each is counted again after many changes', async () => {
  const { s } = await open(10);
  const emails = (count: number) =>
    Array.from({ length: count }, (_, n) => ({ value: `a${n}@example.com`, type: n % 2 ? 'work' : 'home' }));
  const people = Array.from({ length: 300 }, (_, n) => s.newUser(`u${n}`, { emails: emails(20) }));
  await s.store.commit(people.map((command) => s.unit(command)));
  const values = 300 * 20;
  const limits = { values: 1e9, valuesInWrites: 1e9, seconds: 60 };
  const spent = async (work: Work, text = 'zz', found = 0): Promise<number> => {
    const { left } = work;
    const target = { type: s.user, plan: s.plan(`emails[type eq "work" and value co "${text}"]`) };
    const { total } = await s.store.list({ tenant: 1, limit: 10, targets: [target], work });
    assert.equal(total, found);
    return left - work.left;
  };
  // For the page and for the total, and each counted; the others know how many there are.
  const twice = await spent(new Work(limits), 'a', 300);
  const again = await spent(new Work(limits), 'a', 300);
  assert.ok(again > values * 4 * 0.7 && again < values * 4 * 1.3, `${again} of ${values * 4}`);
  assert.ok(again > twice * 0.99 && again < twice * 1.01, `${again}, not ${twice}`);
  const first = await spent(new Work(limits));
  assert.ok(first > values * 2 * 0.7 && first < values * 2 * 1.3, `${first} of ${values * 2}`);
  for (let n = 0; n < 3; n++) assert.equal(await spent(new Work(limits)), first);
  const short = new Work({ ...limits, values: first * 4.5 });
  await assert.rejects(
    async () => {
      for (let n = 0; n < 6; n++) await spent(short);
    },
    { name: 'WorkError', code: 'too-much' },
  );
  const hoarders = Array.from({ length: 65 }, (_, n) => s.newUser(`h${n}`, { emails: emails(1000) }));
  await s.store.commit(hoarders.map((command) => s.unit(command)));
  const more = await spent(new Work(limits));
  assert.ok(more > 65_000 * 2 * 0.7, `${more} of ${(values + 65_000) * 2}`);
  await assert.rejects(spent(new Work({ ...limits, values: 50_000 })), { code: 'too-much' });
  await s.store.close();
});

test('it spends as much where by now there are few people, whose lists the main thread would run', async () => {
  const { s } = await open(10);
  const emails = Array.from({ length: 300 }, (_, n) => ({ value: `a${n}@example.com` }));
  const people = Array.from({ length: 12 }, (_, n) => s.newUser(`u${n}`, { emails }));
  const created = await s.store.commit(people.map((command) => s.unit(command)));
  const spent = async (): Promise<number> => {
    const limits = { values: 1e9, valuesInWrites: 1e9, seconds: 60 };
    const work = new Work(limits);
    const target = { type: s.user, plan: s.plan('emails.value co "zz"') };
    await s.store.list({ tenant: 1, limit: 10, targets: [target], work });
    return limits.values - work.left;
  };
  const values = 12 * 300;
  const first = await spent();
  assert.ok(first > values * 0.7, `${first} of ${values}`);
  for (const outcome of created.slice(0, 4))
    await remove(s.store, { tenant: 1, type: s.user, id: createdBy(outcome).id, actor: { kind: 'system' } });
  assert.equal(await spent(), first, 'as it was found last');
  await s.store.close();
});

test('of lists that are sent to the thread together, one ends with its request, and the others are answered', async () => {
  const { s } = await open(10);
  await s.store.commit(Array.from({ length: 600 }, (_, n) => s.unit(s.newUser(`u${n}`))));
  const limits = { values: 1e9, valuesInWrites: 1e9, seconds: 60 };
  const target = { type: s.user, plan: s.plan('emails[type eq "work" and value co "zz"]') };
  const totalOf = async (work: Work): Promise<number> => {
    const { total } = await s.store.list({ tenant: 1, limit: 10, targets: [target], work });
    return total;
  };
  assert.equal(await totalOf(new Work(limits)), 0);
  const together = async () => {
    const ends = Array.from({ length: 6 }, () => new Stopping());
    const answers = ends.map((end) =>
      totalOf(new Work(limits, end)).catch((error: Error & { code?: string }) => error.code),
    );
    for (const ended of [1, 4]) ends[ended]?.end();
    return Promise.all(answers);
  };
  // The second is in the thread when it is ended, and may be done there.
  await until('one that ends in the thread', async () => {
    const [first, second, ...others] = await together();
    assert.deepEqual([first, others], [0, [0, 0, 'ended', 0]]);
    return second === 'ended';
  });
  assert.equal(await totalOf(new Work(limits)), 0);
  await s.store.close();
});

test('whoever was told of a write reads it there', async () => {
  const { s } = await open(0);
  for (let n = 0; n < 50; n++) {
    const user = await s.createUser(`u${n}`);
    const page: Page = await listed(s, `displayName co "of u${n}"`);
    assert.ok(page.resources.some(({ id }) => id === user.id));
  }
  await s.store.close();
});

test('a position of a list that was read before a write is not kept behind it', async () => {
  const { s } = await open(0);
  await fill(s, 20);
  const first = listed(s, 'active eq true');
  const gone = (await s.find('userName eq "u3"'))[0] as string;
  await remove(s.store, { tenant: 1, type: s.user, id: gone, actor: { kind: 'system' } });
  await first;
  const [second, whole] = [
    await listed(s, 'active eq true', { offset: 10 }),
    await listed(s, 'active eq true', { limit: 100 }),
  ];
  assert.deepEqual(
    second.resources.map(({ id }) => id),
    whole.resources.slice(10).map(({ id }) => id),
  );
  await s.store.close();
});

test('a damaged page is told as in the main thread, and the next list is answered', async () => {
  const { s, file } = await open(0);
  await Promise.all(
    Array.from({ length: 60 }, (_, n) => s.createUser(`u${n}`, { title: 'x'.repeat(10_000) })),
  );
  await s.store.close();
  const bytes = readFileSync(file);
  bytes.fill(0x5a, Math.floor(bytes.length / 2 / 4096) * 4096);
  writeFileSync(file, bytes);
  const { s: damaged } = await open(0, file);
  await assert.rejects(async () => listed(damaged, 'title co "x"', { limit: 100 }), {
    name: 'StoreError',
    code: 'corrupt',
  });
  assert.equal((await listed(damaged, 'userName sw "nobody"')).total, 0);
  await damaged.store.close();
});

test('where no thread may be made, the main one does its work', () => {
  const module = (path: string) => JSON.stringify(new URL(`../../src/${path}`, import.meta.url).href);
  const program = `
    import { parseFilter } from ${JSON.stringify(new URL('../../grammar/index.ts', import.meta.url).href)};
    import { bindFilter } from ${module('query/bind.ts')};
    import { standardRegistry } from ${module('scim/standard.ts')};
    import { openSqliteStore } from ${module('store/sqlite/index.ts')};
    const registry = standardRegistry();
    const [type] = registry.resourceTypes;
    const file = ${JSON.stringify(join(folder, 'permission.db'))};
    const store = openSqliteStore({ file, registry, scanInThreadFrom: 0 });
    const document = { schemas: [], userName: 'bjensen' };
    await store.commit([
      { tenant: 1, context: { actor: { kind: 'system' } }, commands: [{ kind: 'create', type, document }] },
    ]);
    const plan = bindFilter(parseFilter('userName co "jen"'), type);
    for (let n = 0; n < 2; n++)
      console.log((await store.list({ tenant: 1, limit: 10, targets: [{ type, plan }] })).total);
    await store.close();`;
  const { stdout, stderr } = runWithoutThreads(program);
  assert.equal(stdout, '1\n1\n', stderr);
  assert.equal(stderr.match(/ScanThreadFailure: the scan thread cannot begin/g)?.length, 1, stderr);
});

test('closing lets a list end, refuses later ones, and leaves nothing beside the file', async () => {
  const { s, file } = await open(0);
  await fill(s, 20);
  // The thread is there, which may take longer than a list is waited for.
  await listed(s, 'active eq true');
  const answer = listed(s, 'active eq true') as Promise<Page>;
  const closing = s.store.close();
  assert.equal((await answer).total, 20);
  await closing;
  await assert.rejects(async () => listed(s, 'active eq true'), { code: 'closed' });
  assert.deepEqual([existsSync(`${file}-wal`), existsSync(`${file}-shm`)], [false, false]);
});
