/**
 * What one answer says is of one version (RFC 7644 §3.14): members, groups, totals and ETag are read from one snapshot,
 * however large the group is and however much is written meanwhile.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import Sqlite from 'better-sqlite3';
import { hashSecret, newSecret } from '../../src/directory/secret.ts';
import type { RunningServer } from '../../src/http/options.ts';
import { startServer } from '../../src/http/server.ts';
import { createScimd } from '../../src/index.ts';
import { standardRegistry } from '../../src/scim/standard.ts';
import { openSqliteStore } from '../../src/store/sqlite/index.ts';
import type { Store } from '../../src/store/store.ts';
import { groupSchema, newGroup, newUser, patchOp } from '../server.ts';
import { create } from '../store/writes.ts';
import { until } from '../until.ts';

/** `SCIMD_ROUNDS=…` prolongs the run. */
const rounds = Number(process.env.SCIMD_ROUNDS ?? 40);

const folder = mkdtempSync(join(tmpdir(), 'scimd-snapshots-'));
const file = join(folder, 'scimd.db');
const secret = newSecret();
let store: Store;
let server: RunningServer;

before(async () => {
  // Every list that looks at all is run by the thread.
  store = openSqliteStore({ file, registry: standardRegistry(), scanInThreadFrom: 0 });
  await store.createToken({
    hash: hashSecret(secret),
    name: 't',
    tenant: 1,
    idp: 'generic',
    scope: 'scim',
  });
  server = await startServer({
    store,
    basePath: '/scim/v2',
    host: '127.0.0.1',
    port: 0,
    limits: { requestsPerSecond: 0, requestsPerAddress: 0, bodyBytes: 2 ** 26 },
  });
});
after(async () => {
  await server.close();
  await store.close();
  rmSync(folder, { recursive: true });
});

interface Answer {
  readonly status: number;
  readonly etag: string | null;
  readonly headers: Headers;
  // biome-ignore lint/suspicious/noExplicitAny: tests look into answers of any shape
  readonly json: any;
}

async function send(method: string, path: string, body?: object): Promise<Answer> {
  const response = await fetch(server.url + path, {
    method,
    headers: { authorization: `Bearer ${secret}`, 'content-type': 'application/scim+json' },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  return {
    status: response.status,
    etag: response.headers.get('etag'),
    headers: response.headers,
    json: text === '' ? undefined : JSON.parse(text),
  };
}

const memberIds = ({ members = [] }: { members?: { value: string }[] }): string[] =>
  members.map(({ value }) => value);

/** The member that version `version` of a group has beside those that never change: at one end, then at the other. */
const token = (version: number): string => `${version % 2 === 0 ? 'zz' : 'aa'}-${version}`;
const isToken = (id: string): boolean => /^(?:aa|zz)-/.test(id);
const lasting = (count: number): { value: string }[] =>
  Array.from({ length: count }, (_, index) => ({ value: `m${String(index).padStart(6, '0')}` }));

async function createGroup(count: number, displayName: string): Promise<string> {
  const members = [...lasting(count), { value: token(1) }];
  const { status, json } = await send('POST', '/Groups', newGroup({ displayName, members }));
  assert.equal(status, 201);
  return json.id;
}

/** Each PATCH takes the last version's token out and puts the next one's in, until it is told to stop. */
function keepWriting(ids: readonly string[]): () => Promise<void> {
  let stopped = false;
  const writers = ids.map(async (id) => {
    for (let version = 2; !stopped; version++) {
      const { status, etag } = await send(
        'PATCH',
        `/Groups/${id}?attributes=id`,
        patchOp(
          { op: 'remove', path: `members[value eq "${token(version - 1)}"]` },
          { op: 'add', path: 'members', value: [{ value: token(version) }] },
        ),
      );
      assert.deepEqual([status, etag], [200, `W/"${version}"`]);
    }
  });
  return async () => {
    stopped = true;
    await Promise.all(writers);
  };
}

function assertWhole(group: { meta: { version: string }; members?: { value: string }[] }, count: number) {
  const version = Number(/\d+/.exec(group.meta.version)?.[0]);
  const ids = memberIds(group);
  assert.deepEqual(ids.filter(isToken), [token(version)], `version ${version}`);
  assert.equal(ids.length, count + 1);
  assert.equal(new Set(ids).size, ids.length);
}

for (const count of [900, 3000])
  test(`RFC 7644 §3.14: a GET of a group of ${count} is one version whole while PATCHes commit`, async () => {
    const id = await createGroup(count, `whole ${count}`);
    const stop = keepWriting([id]);
    const versions = new Set<string | null>();
    for (let round = 0; round < rounds; round++) {
      const { status, etag, json } = await send('GET', `/Groups/${id}`);
      assert.equal(status, 200);
      assert.equal(json.meta.version, etag);
      assertWhole(json, count);
      versions.add(etag);
    }
    await stop();
    assert.ok(versions.size > rounds / 4, 'versions came and went between the reads');
  });

test('RFC 7644 §3.14: the answer to a PATCH is one version whole while others commit', async () => {
  const count = 50;
  const id = await createGroup(count, 'answered');
  const stop = keepWriting([id]);
  for (let round = 0; round < rounds; round++) {
    // Without effect: the answer is the group as it is, with its ETag.
    const { status, etag, json } = await send(
      'PATCH',
      `/Groups/${id}`,
      patchOp({ op: 'add', path: 'members', value: [{ value: 'm000000' }] }),
    );
    assert.equal(status, 200);
    assert.equal(json.meta.version, etag);
    assertWhole(json, count);
  }
  await stop();
});

for (const [name, query] of [
  ['by an index', '/Groups?filter=displayName sw "listed"&sortBy=displayName'],
  ['by the scan thread', '/Groups?filter=displayName co "listed"&sortBy=displayName'],
] as const)
  test(`RFC 7644 §3.4.2: a list of groups with their members is of whole versions, found ${name}`, async () => {
    const ids = [
      await createGroup(700, `listed ${name} 1`),
      await createGroup(1500, `listed ${name} 2`),
      await createGroup(3, `listed ${name} 3`),
    ];
    const stop = keepWriting(ids);
    for (let round = 0; round < rounds; round++) {
      const { status, json } = await send('GET', `${query.replaceAll('listed', `listed ${name}`)}`);
      assert.equal(status, 200);
      assert.deepEqual(
        [json.totalResults, json.Resources.map((group: { id: string }) => group.id)],
        [3, ids],
      );
      for (const [index, count] of [700, 1500, 3].entries()) assertWhole(json.Resources[index], count);
    }
    await stop();
    for (const id of ids) await send('DELETE', `/Groups/${id}`);
  });

for (const filter of ['userName sw "pair"', 'userName co "pair"'])
  test(`RFC 7643 §4.1.2: groups of listed users are those of one moment: ${filter}`, async () => {
    const users: string[] = [];
    for (let index = 0; index < 20; index++) {
      const { json } = await send(
        'POST',
        '/Users',
        newUser({ userName: `pair${index}-${filter.length}${filter[9]}` }),
      );
      users.push(json.id);
    }
    const { json: group } = await send('POST', '/Groups', newGroup());
    let stopped = false;
    const writing = (async () => {
      const members = users.map((value) => ({ value }));
      while (!stopped) {
        await send(
          'PATCH',
          `/Groups/${group.id}?attributes=id`,
          patchOp({ op: 'add', path: 'members', value: members }),
        );
        await send('PATCH', `/Groups/${group.id}?attributes=id`, patchOp({ op: 'remove', path: 'members' }));
      }
    })();
    const seen = new Set<number>();
    for (let round = 0; round < rounds; round++) {
      const { json } = await send('GET', `/Users?filter=${encodeURIComponent(filter)}`);
      const inGroup = json.Resources.filter(
        ({ groups }: { groups?: object[] }) => groups !== undefined,
      ).length;
      assert.ok(inGroup === 0 || inGroup === 20, `${inGroup} of 20`);
      seen.add(inGroup);
    }
    stopped = true;
    await writing;
    assert.ok(seen.size > 0);
    for (const id of [group.id]) await send('DELETE', `/Groups/${id}`);
    for (const id of users) await send('DELETE', `/Users/${id}`);
  });

/**
 * Is some snapshot held? Then SQLite cannot start its WAL anew, at whatever time one tries. Nor can it while the server's own
 * thread copies a large group from there, which takes some tenths of a second at most.
 */
async function isHeld(database = file): Promise<boolean> {
  const db = new Sqlite(database, { timeout: 0 });
  try {
    for (let time = 0; time < 100; time++) {
      await wait(10);
      const [{ busy }] = db.pragma('wal_checkpoint(TRUNCATE)') as [{ busy: number }];
      if (busy === 0) return false;
    }
    return true;
  } finally {
    db.close();
  }
}

/** Large enough that the answer does not fit into the buffers of a socket. */
async function createLargeGroup(of: Store = store): Promise<string> {
  const type = of.registry.resourceTypes.find(({ name }) => name === 'Group');
  assert.ok(type);
  const members = Array.from({ length: 40_000 }, (_, index) => ({
    value: `member-${index}`,
    display: 'x'.repeat(300),
  }));
  const document = { schemas: [groupSchema], displayName: 'large' };
  const { id } = await create(of, {
    tenant: 1,
    type,
    document,
    members: [{ kind: 'add', members }],
    actor: { kind: 'system' },
  });
  return id;
}

/** Asks for the group and reads nothing of the answer but its beginning. */
async function beginReading(id: string): Promise<Socket> {
  const { hostname, port } = new URL(server.url);
  const socket = connect(Number(port), hostname);
  socket.write(`GET /scim/v2/Groups/${id} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${secret}\r\n\r\n`);
  await new Promise<void>((resolve) => {
    socket.once('data', () => {
      socket.pause();
      resolve();
    });
  });
  return socket;
}

const touch = async () => assert.equal((await send('POST', '/Users', newUser())).status, 201);

test('a client that goes away in the middle of a large group lets go of its snapshot', async () => {
  const id = await createLargeGroup();
  const socket = await beginReading(id);
  await touch();
  assert.ok(await isHeld(), 'as long as the client may read on');
  const others = await send('GET', `/Groups/${id}?attributes=displayName`);
  assert.equal(others.json.displayName, 'large');
  socket.destroy();
  await until('the end of the snapshot', async () => !(await isHeld()));
});

test('a large group that is read to its end, or not at all, holds nothing', async () => {
  const id = await createLargeGroup();
  const { json, etag } = await send('GET', `/Groups/${id}`);
  assert.equal(json.members.length, 40_000);
  const authorization = `Bearer ${secret}`;
  const head = await fetch(`${server.url}/Groups/${id}`, { method: 'HEAD', headers: { authorization } });
  const unchanged = await fetch(`${server.url}/Groups/${id}`, {
    headers: { authorization, 'if-none-match': String(etag) },
  });
  assert.deepEqual([head.status, unchanged.status], [200, 304]);
  await touch();
  assert.equal(await isHeld(), false);
});

test('an embedder that cancels the answer, begun or not, lets go of its snapshot', async () => {
  const database = join(folder, 'embedded.db');
  const scimd = await createScimd({ database });
  const { token: bearer } = await scimd.createToken({ name: 'e' });
  const own = openSqliteStore({ file: database, registry: standardRegistry() });
  const id = await createLargeGroup(own);
  await own.close();
  const get = (method = 'GET') =>
    scimd.fetch(
      new Request(`http://localhost/scim/v2/Groups/${id}`, {
        method,
        headers: { authorization: `Bearer ${bearer}` },
      }),
    );
  const write = () => scimd.createToken({ name: 'w' });
  const [unread, begun] = [await get(), await get()];
  const reader = begun.body?.getReader();
  assert.match(new TextDecoder().decode((await reader?.read())?.value), /^\{"schemas"/);
  await write();
  assert.equal(await isHeld(database), true);
  await unread.body?.cancel();
  await reader?.cancel();
  await write();
  assert.equal(await isHeld(database), false);
  await scimd.close();
});

test('RFC 7643 §3.1: meta.location is a URI whatever the id that an import has kept, in a GET and in a list', async () => {
  const type = store.registry.resourceTypes.find(({ name }) => name === 'User');
  assert.ok(type);
  const id = 'a"b\\c';
  const actor = { kind: 'import' } as const;
  await create(store, { tenant: 1, type, actor, document: newUser({ userName: 'odd-id' }), id });
  const location = `${server.url}/Users/a%22b%5Cc`;
  const { json: one, headers } = await send('GET', `/Users/${encodeURIComponent(id)}`);
  assert.equal(headers.get('content-location'), location);
  assert.deepEqual([one.id, one.meta.location], [id, location]);
  const { json: list } = await send('GET', '/Users?filter=userName%20eq%20%22odd-id%22');
  assert.deepEqual(list.Resources, [one]);
});

test('RFC 9110 §5.5: fields that name a resource are a URI whatever the id that an import has kept', async () => {
  const type = store.registry.resourceTypes.find(({ name }) => name === 'User');
  assert.ok(type);
  const actor = { kind: 'import' } as const;
  for (const [id, encoded] of [
    ['a\u0001b', 'a%01b'],
    ['a b', 'a%20b'],
    ['Zoë 😀', 'Zo%C3%AB%20%F0%9F%98%80'],
    ['ada@example.com', 'ada@example.com'],
  ] as const) {
    await create(store, { tenant: 1, type, actor, document: newUser({ userName: `field ${encoded}` }), id });
    const found = await send('GET', `/Users/${encodeURIComponent(id)}`);
    assert.deepEqual([found.status, found.json.id], [200, id]);
    assert.equal(found.headers.get('content-location'), `${server.url}/Users/${encoded}`);
    const patch = patchOp({ op: 'replace', path: 'title', value: 'T' });
    const changed = await send('PATCH', `/Users/${encodeURIComponent(id)}`, patch);
    assert.equal(changed.headers.get('location'), `${server.url}/Users/${encoded}`);
  }
});
