/** A connection that is lost within a transaction: the client is asked to come again, and the process lives. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createScimd, sql, table } from '../../src/index.ts';
import { newPool } from './fixture.ts';

test('a connection of pg that is lost while a hook works takes back the change alone', async () => {
  const pool = await newPool(`CREATE TABLE people (sid TEXT PRIMARY KEY, ver INTEGER NOT NULL DEFAULT 1,
    login TEXT NOT NULL, folded TEXT UNIQUE, ext TEXT)`);
  pool.on('error', () => {});
  const User = table('people', {
    key: { id: 'sid', version: 'ver' },
    attributes: { userName: { column: 'login', folded: 'folded' }, externalId: 'ext' },
  });
  let loses = true;
  const scimd = await createScimd({
    store: sql(pool, { User }),
    async within(client) {
      if (!loses) return;
      loses = false;
      const { rows } = await client.query<{ pid: number }>('SELECT pg_backend_pid() AS pid');
      const [session] = rows;
      await pool.query('SELECT pg_terminate_backend($1)', [session?.pid]);
      await new Promise((later) => setTimeout(later, 100));
    },
  });
  const made = async () => scimd.users.create({ userName: 'ann' });
  await assert.rejects(made(), { name: 'StoreError', code: 'unavailable' });
  assert.equal((await scimd.users.list()).totalResults, 0);
  assert.equal((await made()).userName, 'ann');
  assert.equal(pool.totalCount - pool.idleCount, 0, 'none is kept');
  await scimd.close();
  await pool.end();
});
