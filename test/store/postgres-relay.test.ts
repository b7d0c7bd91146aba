/** Over PostgreSQL a transaction of a tenant begins behind the commit of the one before, which may fail all the same. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import pg from 'pg';
import { Connection } from '../../src/store/postgres/driver.ts';
import { openPostgresStore } from '../../src/store/postgres/index.ts';
import type { Outcome, Store } from '../../src/store/store.ts';
import { type PostgresServer, startPostgres } from '../postgres-server.ts';
import { Setting } from './setting.ts';
import { createdBy } from './writes.ts';

let server: PostgresServer;
before(async () => {
  server = await startPostgres();
});
after(() => server.close());

async function opened(connections = 10): Promise<{ s: Setting; url: string }> {
  const url = new URL(await server.newDatabase());
  url.searchParams.set('connections', String(connections));
  const s = await Setting.open((options) => openPostgresStore({ url: url.href, ...options }));
  return { s, url: url.href };
}

async function assertDense(store: Store, length: number): Promise<void> {
  const changes = await store.changes({ tenant: 1, limit: 100_000 });
  assert.deepEqual(
    changes.map(({ sequence }) => sequence),
    Array.from({ length }, (_, index) => index + 1),
  );
}

/**
 * Counts transactions that begin over a connection whose last commit is not answered yet, and what would end a transaction
 * over a connection that has none.
 */
function countRelayed(): { count: number; misplaced: number; restore(): void } {
  const { script } = Connection.prototype;
  const committing = new WeakSet<Connection>();
  const begun = new WeakSet<Connection>();
  const counted = {
    count: 0,
    misplaced: 0,
    restore() {
      Connection.prototype.script = script;
    },
  };
  Connection.prototype.script = function (this: Connection, text) {
    if (text.startsWith('BEGIN')) {
      if (committing.has(this)) counted.count++;
      if (begun.has(this)) counted.misplaced++;
      begun.add(this);
    } else if ((text === 'COMMIT' || text === 'ROLLBACK') && !begun.delete(this)) counted.misplaced++;
    const sent = script.call(this, text);
    if (text === 'COMMIT') {
      committing.add(this);
      const answered = (): void => {
        committing.delete(this);
      };
      sent.then(answered, answered);
    }
    return sent;
  };
  return counted;
}

test('what a transaction is refused at its end for does not touch the one that has begun behind it', async () => {
  const { s, url } = await opened();
  const client = new pg.Client({ connectionString: server.url });
  await client.connect();
  await client.query(`SET search_path = ${new URL(url).searchParams.get('schema')}`);
  await client.query(`CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
IF new.unique_key = 'refused' THEN RAISE 'no'; END IF; RETURN new; END $$`);
  await client.query(
    'CREATE TRIGGER refuse BEFORE INSERT ON resource FOR EACH ROW EXECUTE FUNCTION refuse()',
  );
  await client.end();
  await s.createUser('taken');
  const relayed = countRelayed();
  let created = 1;
  try {
    for (let round = 0; round < 40; round++) {
      // The database finds the name taken when the rows are written, which is when the next one begins.
      const name = round % 2 === 0 ? 'taken' : 'refused';
      const refused = s.store.commit([s.unit(s.newUser(name)), s.unit(s.newUser(`with${round}`))]);
      const others: Promise<readonly Outcome[]>[] = [];
      for (let n = 0; n < 5; n++) {
        await wait(n === 0 ? 0 : Math.random() * 2);
        others.push(s.store.commit([s.unit(s.newUser(`o${round}-${n}`))]));
      }
      const [one, beside] = await refused;
      assert.equal(one?.outcome, name === 'taken' ? 'taken' : 'failed');
      if (name === 'taken') assert.equal(beside?.outcome, 'done');
      for (const [outcome] of await Promise.all(others)) assert.equal(outcome?.outcome, 'done');
      created += beside?.outcome === 'done' ? 6 : 5;
    }
  } finally {
    relayed.restore();
  }
  assert.ok(relayed.count > 10, `${relayed.count} have begun behind a commit`);
  assert.equal(relayed.misplaced, 0);
  assert.equal((await s.list({ targets: [{ type: s.user }], limit: 1 })).total, created);
  await assertDense(s.store, created);
  await s.store.close();
});

test('sessions that the server ends between commits and what begins behind them lose nothing and write nothing twice', async () => {
  const { s } = await opened();
  const admin = new pg.Client({ connectionString: server.url });
  await admin.connect();
  const acknowledged = new Map<string, string>();
  let failures = 0;
  let isOver = false;
  const relayed = countRelayed();
  const writers = Array.from({ length: 12 }, async (_, writer) => {
    for (let n = 0; !isOver; n++) {
      const [outcome] = await s.store.commit([s.unit(s.newUser(`w${writer}-${n}`))]);
      if (outcome?.outcome === 'done') acknowledged.set(`w${writer}-${n}`, createdBy(outcome).id);
      else failures++;
      // Else all of them go together for ever.
      await wait(Math.random() * 3);
    }
  });
  try {
    for (let round = 0; round < 20; round++) {
      await wait(20 + Math.random() * 30);
      await admin.query(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND query ~ 'COMMIT|BEGIN|change'",
      );
    }
    isOver = true;
    await Promise.all(writers);
  } finally {
    relayed.restore();
  }
  await admin.end();
  assert.ok(relayed.count > 10, `${relayed.count} have begun behind a commit`);
  for (const [name, id] of acknowledged) assert.deepEqual(await s.find(`userName eq "${name}"`), [id]);
  const { total } = await s.list({ targets: [{ type: s.user }], limit: 1 });
  assert.ok(total !== undefined && total >= acknowledged.size && total <= acknowledged.size + failures);
  await assertDense(s.store, total);
  await s.store.close();
});

test('a tenant that writes without a rest leaves the only connection to others that wait for it', async () => {
  // Two of the three are for reads.
  const { s } = await opened(3);
  const tenants = [1];
  for (const name of ['b', 'c', 'd']) tenants.push((await s.store.createTenant(name)).number);
  let isOver = false;
  const counts = await Promise.all([
    ...tenants.flatMap((tenant) =>
      [0, 1, 2].map(async (writer) => {
        let count = 0;
        for (; !isOver; count++) {
          const unit = { ...s.unit(s.newUser(`${tenant}-${writer}-${count}`)), tenant };
          const [outcome] = await s.store.commit([unit]);
          assert.equal(outcome?.outcome, 'done', JSON.stringify(outcome));
        }
        return count;
      }),
    ),
    wait(1500).then(() => {
      isOver = true;
      return Number.POSITIVE_INFINITY;
    }),
  ]);
  const least = Math.min(...counts);
  const most = Math.max(...counts.filter(Number.isFinite));
  assert.ok(least > most / 10, counts.join());
  await s.store.close();
});
