/** A connection that forgets prepared statements, as each does behind PgBouncer in transaction mode: what is answered as done is there. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { drizzle as overPostgresJs } from 'drizzle-orm/postgres-js';
import pg from 'pg';
import postgres from 'postgres';
import { drizzle } from '../../src/drizzle.ts';
import { createScimd, sql, type TablesSource } from '../../src/index.ts';
import { maps, newSchema, tablesSql } from './fixture.ts';

const sources: Readonly<Record<string, (client: postgres.Sql) => TablesSource<never, true>>> = {
  'postgres.js': (client) => sql(client, maps()) as TablesSource<never, true>,
  'Drizzle over postgres.js': (client) =>
    drizzle(overPostgresJs(client), maps()) as TablesSource<never, true>,
};

for (const [name, over] of Object.entries(sources))
  test(`a commit that was prepared and is forgotten loses nothing: ${name}`, async (t) => {
    const { url, schema } = await newSchema();
    const admin = new pg.Client({ connectionString: url, options: `-c search_path=${schema}` });
    await admin.connect();
    await admin.query(tablesSql('server'));
    const client = postgres(url, { connection: { search_path: schema }, onnotice() {}, max: 1 });
    t.after(async () => {
      await client.end();
      await admin.end();
    });
    const scimd = await createScimd({ store: over(client) });
    for (const userName of ['ann', 'bob', 'cy']) {
      const { id } = await scimd.users.create({ userName });
      await client.unsafe('DEALLOCATE ALL');
      assert.equal((await scimd.users.get(id))?.userName, userName);
    }
    const { rows } = await admin.query('SELECT count(*)::int AS n FROM users');
    assert.deepEqual(rows, [{ n: 3 }]);
    // What the database refuses at the commit alone is told as it was.
    await admin.query(
      'ALTER TABLE users ADD CONSTRAINT one_badge UNIQUE (idp_id) DEFERRABLE INITIALLY DEFERRED',
    );
    await scimd.users.create({ userName: 'dee', externalId: '1' });
    const twice = scimd.users.create({ userName: 'eve', externalId: '1' });
    await assert.rejects(twice, { status: 409, scimType: 'uniqueness', message: /one_badge/ });
    assert.equal((await scimd.users.list()).totalResults, 4);
    await scimd.close();
  });
