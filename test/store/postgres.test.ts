import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import pg from 'pg';
import { openPostgresStore } from '../../src/store/postgres/index.ts';
import { type PostgresServer, startPostgres } from '../postgres-server.ts';
import { storeContract } from './contract.ts';
import { delayed } from './delayed.ts';
import { Setting } from './setting.ts';

let server: PostgresServer;
before(async () => {
  server = await startPostgres();
});
after(() => server.close());

storeContract('PostgreSQL', async (options) =>
  openPostgresStore({ url: await server.newDatabase(), ...options }),
);
storeContract('PostgreSQL, every call delayed at random', async (options) =>
  delayed(await openPostgresStore({ url: await server.newDatabase(), ...options }), 7),
);

test('a change of a group that is taken out of the history of a member is told', async (t) => {
  const url = await server.newDatabase();
  const s = await Setting.open((options) => openPostgresStore({ url, ...options }));
  t.after(() => s.store.close());
  const [a, b] = await s.createUsers('a', 'b');
  await s.createGroup('staff', [a?.id ?? '', b?.id ?? '']);
  assert.deepEqual((await s.store.past.verify({ tenant: 1 })).problems, []);
  const client = new pg.Client({ connectionString: server.url });
  await client.connect();
  const schema = new URL(url).searchParams.get('schema');
  await client.query(`DELETE FROM ${schema}.change_member WHERE member = $1`, [a?.id]);
  await client.end();
  const problem = 'is not among the changes of 1 of its members: what leads to it from them was removed';
  assert.deepEqual((await s.store.past.verify({ tenant: 1 })).problems, [{ sequence: 3, problem }]);
});
