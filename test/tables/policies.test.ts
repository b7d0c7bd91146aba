/** Row-level security of PostgreSQL: what it refuses or hides is told as that, and nothing of the change stays. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import pg from 'pg';
import postgres from 'postgres';
import { createScimd, type SqlConnection, sql, table } from '../../src/index.ts';
import { newSchema } from './fixture.ts';

const User = table('people', {
  key: { id: 'sid', version: 'ver' },
  attributes: { userName: { column: 'login', folded: 'folded' }, externalId: 'ext', title: 'title' },
});

const statements = (schema: string, role: string) => `
  SET search_path = ${schema};
  CREATE TABLE people (id INTEGER GENERATED ALWAYS AS IDENTITY PRIMARY KEY, sid TEXT UNIQUE, ver INTEGER NOT NULL DEFAULT 1,
    login TEXT NOT NULL, folded TEXT UNIQUE, ext TEXT, title TEXT);
  ALTER TABLE people ENABLE ROW LEVEL SECURITY;
  CREATE POLICY seen ON people FOR SELECT USING (title IS DISTINCT FROM 'secret');
  CREATE POLICY made ON people FOR INSERT WITH CHECK (title IS DISTINCT FROM 'king');
  CREATE POLICY changed ON people FOR UPDATE USING (true) WITH CHECK (title IS DISTINCT FROM 'king');
  CREATE ROLE ${role} LOGIN PASSWORD 'p';
  ALTER ROLE ${role} SET search_path = ${schema};
  GRANT ALL ON SCHEMA ${schema} TO ${role};
  GRANT SELECT, INSERT, UPDATE ON people TO ${role};`;

const connections: Readonly<Record<string, (url: string) => readonly [SqlConnection, () => Promise<void>]>> =
  {
    pg(url) {
      const pool = new pg.Pool({ connectionString: url });
      return [pool, () => pool.end()];
    },
    'postgres.js'(url) {
      const client = postgres(url, { onnotice() {} });
      return [client, () => client.end()];
    },
  };

for (const [name, connect] of Object.entries(connections))
  test(`what a policy refuses or hides is told, and is not there: ${name}`, async () => {
    const { url, schema } = await newSchema();
    const role = `r${randomBytes(4).toString('hex')}`;
    const admin = new pg.Client({ connectionString: url });
    await admin.connect();
    await admin.query(statements(schema, role));
    const [connection, end] = connect(url.replace(/\/\/.*@/, `//${role}:p@`));
    const scimd = await createScimd({ store: sql(connection, { User }) });
    const { users } = scimd;
    const ann = await users.create({ userName: 'ann' });
    const refused = {
      status: 400,
      scimType: 'invalidValue',
      message: /a policy of the database refuses this: new row violates/,
    };
    await assert.rejects(users.create({ userName: 'kim', title: 'king' }), refused);
    const become = (value: string) => users.patch(ann.id, [{ op: 'replace', path: 'title', value }]);
    await assert.rejects(become('king'), refused);
    const hidden = { status: 400, scimType: 'invalidValue' };
    await assert.rejects(users.create({ userName: 'sue', title: 'secret' }), hidden);
    await assert.rejects(become('secret'), hidden);
    // A right that the account lacks is no fault of the request.
    await assert.rejects(users.delete(ann.id), { code: 'cannot-open' });
    assert.deepEqual((await admin.query('SELECT login, title FROM people')).rows, [
      { login: 'ann', title: null },
    ]);
    assert.equal((await scimd.changes()).length, 1);
    await scimd.close();
    await end();
    await admin.query(`DROP OWNED BY ${role}; DROP ROLE ${role}`);
    await admin.end();
  });
