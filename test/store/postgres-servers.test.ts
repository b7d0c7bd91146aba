/** Several servers on one PostgreSQL database, and what becomes of them when it fails. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { after, before, test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import pg from 'pg';
import { openPostgresStore } from '../../src/store/postgres/index.ts';
import type { Outcome, Store } from '../../src/store/store.ts';
import { type PostgresServer, startPostgres } from '../postgres-server.ts';
import { until } from '../until.ts';
import { badgeSchema, registryWith } from './registry.ts';
import { add, Setting } from './setting.ts';
import { createdBy, update } from './writes.ts';

const registry = registryWith(badgeSchema());

let server: PostgresServer;
before(async () => {
  server = await startPostgres({ fsync: 'on' });
});
after(() => server.close());

/** Stores over the same database, each as a server of its own has it, and short forms over the first. */
async function serversOn(
  url: string,
  count: number,
): Promise<{ s: Setting; stores: Store[]; close(): Promise<void> }> {
  const stores: Store[] = [];
  const s = await Setting.open(async (options) => {
    for (let n = 0; n < count; n++)
      stores.push(await openPostgresStore({ url, ...options, lockMilliseconds: n === 0 ? 300 : 5000 }));
    return stores[0] as Store;
  }, registry);
  return {
    s,
    stores,
    async close() {
      for (const store of stores) await store.close();
    },
  };
}

const isDone = ({ outcome }: Outcome): boolean => outcome === 'done';

async function assertDense(store: Store, least: number): Promise<void> {
  const changes = await store.changes({ tenant: 1, limit: 100_000 });
  assert.ok(changes.length >= least);
  assert.deepEqual(
    changes.map(({ sequence }) => sequence),
    changes.map((_, index) => index + 1),
  );
  let link = Buffer.alloc(32);
  for (const change of changes) {
    link = createHash('sha256')
      .update(link)
      .update(Buffer.from(change.digest ?? '', 'hex'))
      .digest();
    assert.equal(change.link, link.toString('hex'), `change ${change.sequence}`);
  }
}

test('of three servers that create the same userName at once one has it, in each of many rounds', async () => {
  const { s, stores, close } = await serversOn(await server.newDatabase(), 3);
  for (let round = 0; round < 15; round++) {
    const outcomes = await Promise.all(stores.map((store) => store.commit([s.unit(s.newUser(`u${round}`))])));
    const kinds = outcomes.flat().map(({ outcome }) => outcome);
    assert.deepEqual(kinds.sort(), ['done', 'taken', 'taken']);
  }
  await assertDense(stores[2] as Store, 15);
  await close();
});

test('fifty writers on one group, over three servers, lose no member; each server sees the same dense record', async () => {
  const { s, stores, close } = await serversOn(await server.newDatabase(), 3);
  const group = await s.createGroup('g');
  await Promise.all(
    Array.from({ length: 50 }, (_, n) =>
      update(stores[n % 3] as Store, { ...s.target(group), operation: 'patch', members: [add(`m${n}`)] }),
    ),
  );
  assert.equal((await s.memberIds(group)).length, 50);
  for (const store of stores) {
    await assertDense(store, 51);
    const found = await store.get({ tenant: 1, type: s.group, id: group.id });
    assert.equal(found?.version, 51);
  }
  await close();
});

test('a token that one server revokes is refused by another within two seconds', async () => {
  const { stores, close } = await serversOn(await server.newDatabase(), 2);
  const [one, other] = stores as [Store, Store];
  const hash = 'ab'.repeat(32);
  const token = await one.createToken({ hash, name: 'a', tenant: 1, idp: 'generic', scope: 'scim' });
  assert.equal((await other.findToken(hash))?.revoked, undefined);
  const began = performance.now();
  await one.revokeToken(token.id, '2000-01-01T00:00:00.000Z');
  // When it was last looked for in vain: how long a look takes is not asked.
  let last = began;
  await until('the revocation', async () => {
    const looked = performance.now();
    const isRevoked = (await other.findToken(hash))?.revoked !== undefined;
    if (!isRevoked) last = looked;
    return isRevoked;
  });
  assert.ok(last - began < 2000);
  await close();
});

test('an endpoint is leased by one server at a time', async () => {
  const { stores, close } = await serversOn(await server.newDatabase(), 3);
  const [first] = stores as [Store];
  for (let n = 0; n < 5; n++)
    await first.outbox.createEndpoint({
      ...{ tenant: 1, url: `https://app.example/${n}`, batch: 1, allowPrivate: false },
      ...{ secrets: [], signingKeys: [], position: '0' },
    });
  const now = Date.now();
  const leased = await Promise.all(stores.map((store, n) => store.outbox.lease(`s${n}`, now, now + 10_000)));
  assert.equal(leased.flat().length, 5);
  assert.equal(new Set(leased.flat().map(({ id }) => id)).size, 5);
  await close();
});

test('a lock that somebody holds is told after a while, as busy, and writes go on when it is gone', async () => {
  const url = await server.newDatabase();
  const { s, stores, close } = await serversOn(url, 1);
  const client = new pg.Client({
    connectionString: server.url,
    options: `-c search_path=${new URL(url).searchParams.get('schema')}`,
  });
  await client.connect();
  await client.query('BEGIN');
  await client.query('SELECT 1 FROM change_counter FOR UPDATE');
  const [outcome] = await (stores[0] as Store).commit([s.unit(s.newUser('a'))]);
  assert.ok(outcome?.outcome === 'failed');
  assert.equal((outcome.error as { code?: string }).code, 'busy');
  assert.equal((await s.list({ targets: [{ type: s.user }] })).total, 0, 'reads go on');
  await client.query('ROLLBACK');
  await client.end();
  await s.createUser('a');
  await close();
});

test('a database that takes no writes for a while, as a standby: reads go on, and writes when it takes them again', async () => {
  const url = await server.newDatabase();
  const { s, stores, close } = await serversOn(url, 1);
  const admin = new pg.Client({ connectionString: server.url });
  await admin.connect();
  await s.createUser('before');
  await admin.query('ALTER SYSTEM SET default_transaction_read_only = on');
  await admin.query('SELECT pg_reload_conf()');
  await until('a refusal', async () => {
    const [outcome] = await (stores[0] as Store).commit([s.unit(s.newUser(`x${performance.now()}`))]);
    return outcome?.outcome === 'failed' && (outcome.error as { code?: string }).code === 'readonly';
  });
  assert.equal((await s.find('userName eq "before"')).length, 1);
  await assert.rejects(async () => (stores[0] as Store).checkReady(), { code: 'readonly' });
  await admin.query('SET default_transaction_read_only = off');
  await admin.query('ALTER SYSTEM RESET default_transaction_read_only');
  await admin.query('SELECT pg_reload_conf()');
  await until('a write', async () =>
    isDone((await (stores[0] as Store).commit([s.unit(s.newUser('after'))]))[0] as Outcome),
  );
  await (stores[0] as Store).checkReady();
  await admin.end();
  await close();
});

test('PostgreSQL is killed again and again under load: what was acknowledged is there, once, and servers go on by themselves', async () => {
  const { s, stores, close } = await serversOn(await server.newDatabase(), 3);
  const acknowledged = new Map<string, string>();
  let isOver = false;
  let failures = 0;
  const writers = Array.from({ length: 9 }, async (_, writer) => {
    for (let n = 0; !isOver; n++) {
      const name = `w${writer}-${n}`;
      const [outcome] = await (stores[writer % 3] as Store).commit([s.unit(s.newUser(name))]);
      if (outcome !== undefined && isDone(outcome)) acknowledged.set(name, createdBy(outcome).id);
      else {
        failures++;
        const error = outcome?.outcome === 'failed' ? (outcome.error as { name?: string }) : undefined;
        assert.equal(error?.name, 'StoreError', JSON.stringify(outcome));
        await wait(20);
      }
    }
  });
  const rounds = Number(process.env.SCIMD_KILLS ?? 4);
  for (let round = 0; round < rounds; round++) {
    await wait(150 + Math.random() * 250);
    await server.stop('SIGKILL');
    await wait(50);
    await server.start();
  }
  await wait(300);
  isOver = true;
  await Promise.all(writers);
  assert.ok(
    acknowledged.size > rounds && failures > 0,
    `${acknowledged.size} acknowledged, ${failures} failed`,
  );
  for (const [name, id] of acknowledged) assert.deepEqual(await s.find(`userName eq "${name}"`), [id]);
  await assertDense(stores[1] as Store, acknowledged.size);
  await close();
});
