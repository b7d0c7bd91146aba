/** What an application has in the column `rest` that scimd would not write there. */
import assert from 'node:assert/strict';
import { DatabaseSync } from 'node:sqlite';
import { test } from 'node:test';
import Database from 'better-sqlite3';
import { createScimd, MapError, type SqlConnection, sql, table } from '../../src/index.ts';
import { maps, openDatabase, tablesSql } from './fixture.ts';

for (const kind of ['sqlite', 'server'] as const)
  test(`JSON in rest that is no object says nothing, and what is kept there takes its place: ${kind}`, async () => {
    const { connection, run, close } = await openDatabase(kind);
    const scimd = await createScimd({ store: sql(connection as Database.Database, maps()) });
    const { users } = scimd;
    const { id } = await users.create({
      userName: 'ann',
      title: 'Guide',
      emails: [{ value: 'a@b.example' }],
    });
    for (const json of ['[]', '[1]', '"x"', '5', 'true', 'null']) {
      await run(`UPDATE users SET scim = '${json}'`);
      const ann = await users.get(id);
      assert.deepEqual([ann?.userName, ann?.title, ann?.emails], ['ann', undefined, undefined]);
      for (const filter of ['title eq "guide"', 'emails.value pr', 'emails[value sw "a"]', 'nickName pr'])
        assert.equal((await users.list({ filter })).totalResults, 0, `${filter} of ${json}`);
      assert.equal((await users.list({ filter: 'not (title pr)', sortBy: 'title' })).totalResults, 1);
      await users.patch(id, [{ op: 'add', path: 'title', value: 'Guide' }]);
      assert.equal((await users.list({ filter: 'title eq "guide"' })).totalResults, 1);
    }
    await scimd.close();
    await close();
  });

async function tellsOfIt(connection: SqlConnection, exec: (text: string) => unknown): Promise<void> {
  exec(tablesSql('sqlite'));
  const lines: string[] = [];
  const log = {
    ...{ trace() {}, debug() {}, info() {}, warn() {} },
    error: (fields: object, message: string) =>
      void lines.push(`${message} ${String((fields as { err?: unknown }).err)}`),
  };
  const scimd = await createScimd({ store: sql(connection, maps()), log: log as never });
  const { users } = scimd;
  const { id } = await users.create({ userName: 'ann', title: 'Guide' });
  await users.create({ userName: 'bob' });
  const { token } = await scimd.createToken({ name: 'test' });
  for (const text of ['', '{"title":', 'Guide']) {
    exec(`UPDATE users SET scim = '${text}' WHERE login = 'ann'`);
    const its = { code: 'corrupt', message: `users.scim of User ${id} is not JSON` };
    await assert.rejects(users.get(id), its);
    await assert.rejects(users.list(), its);
    await assert.rejects(users.patch(id, [{ op: 'replace', path: 'title', value: 'x' }]), its);
    await assert.rejects(users.list({ filter: 'title eq "guide"' }), {
      code: 'corrupt',
      message: /not JSON/,
    });
  }
  const answer = await scimd.fetch(
    new Request(`http://app.example/scim/v2/Users/${id}`, { headers: { authorization: `Bearer ${token}` } }),
  );
  assert.equal(answer.status, 500);
  assert.match(lines.join('\n'), new RegExp(`users.scim of User ${id} is not JSON`));
  exec("UPDATE users SET scim = NULL WHERE login = 'ann'");
  assert.equal((await users.list()).totalResults, 2);
  await scimd.close();
}

test('a text in rest that is not JSON is told with the row that it is of: better-sqlite3', async () => {
  const db = new Database(':memory:');
  await tellsOfIt(db, (text) => db.exec(text));
});

test('a text in rest that is not JSON is told with the row that it is of: node:sqlite', async () => {
  const db = new DatabaseSync(':memory:');
  await tellsOfIt(db, (text) => db.exec(text));
});

test("a column for rest with the default '' is refused at the start", async () => {
  const db = new Database(':memory:').exec(
    "CREATE TABLE people (id INTEGER PRIMARY KEY, sid TEXT UNIQUE, ver INTEGER NOT NULL DEFAULT 1, login TEXT UNIQUE, more TEXT NOT NULL DEFAULT '')",
  );
  const User = table('people', {
    key: { id: 'sid', version: 'ver' },
    attributes: { userName: 'login' },
    rest: 'more',
  });
  await assert.rejects(createScimd({ store: sql(db, { User }) }), (error) => {
    assert.ok(error instanceof MapError);
    assert.match(
      error.message,
      /User\.rest: more has the default '', which is not JSON: give it DEFAULT '\{\}'/,
    );
    return true;
  });
});
