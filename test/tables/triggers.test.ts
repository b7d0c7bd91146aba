/** Triggers of an application that refuse what comes in: their words are the answer, and nothing of the change stays. */
import assert from 'node:assert/strict';
import { DatabaseSync } from 'node:sqlite';
import { test } from 'node:test';
import Database from 'better-sqlite3';
import { createScimd, members, type SqlConnection, sql, table } from '../../src/index.ts';
import { newPool } from './fixture.ts';

const User = table('people', {
  key: { id: 'sid', version: 'ver' },
  attributes: { userName: { column: 'login', folded: 'folded' }, externalId: 'ext' },
});

const sqlite = `CREATE TABLE people (id INTEGER PRIMARY KEY, sid TEXT UNIQUE, ver INTEGER NOT NULL DEFAULT 1,
    login TEXT NOT NULL, folded TEXT UNIQUE, ext TEXT);
  CREATE TRIGGER comes BEFORE INSERT ON people WHEN NEW.folded LIKE 'root%' BEGIN SELECT RAISE(ABORT, 'root is ours'); END;
  CREATE TRIGGER moves BEFORE UPDATE ON people WHEN NEW.folded LIKE 'root%' BEGIN SELECT RAISE({how}, 'root is ours'); END;
  CREATE TRIGGER goes BEFORE DELETE ON people BEGIN SELECT RAISE(ABORT, 'nobody leaves'); END`;

const postgres = `CREATE TABLE people (id INTEGER GENERATED ALWAYS AS IDENTITY PRIMARY KEY, sid TEXT UNIQUE,
    ver INTEGER NOT NULL DEFAULT 1, login TEXT NOT NULL, folded TEXT UNIQUE, ext TEXT);
  CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    IF TG_OP = 'DELETE' THEN RAISE EXCEPTION 'nobody leaves'; END IF;
    IF NEW.folded LIKE 'root%' THEN RAISE EXCEPTION 'root is ours'; END IF;
    RETURN NEW; END $$;
  CREATE TRIGGER refuse BEFORE INSERT OR UPDATE OR DELETE ON people FOR EACH ROW EXECUTE FUNCTION refuse();
  CREATE FUNCTION late() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    IF NEW.folded LIKE 'late%' THEN RAISE EXCEPTION 'too late'; END IF; RETURN NEW; END $$;
  CREATE CONSTRAINT TRIGGER late AFTER INSERT ON people DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION late()`;

async function refusing(connection: SqlConnection): Promise<void> {
  const scimd = await createScimd({ store: sql(connection, { User }) });
  const { users } = scimd;
  const ann = await users.create({ userName: 'ann' });
  const ours = { status: 400, scimType: 'invalidValue', message: /refuses this: root is ours/ };
  await assert.rejects(users.create({ userName: 'root' }), ours);
  const rename = (value: string) => users.patch(ann.id, [{ op: 'replace', path: 'userName', value }]);
  await assert.rejects(rename('Root2'), ours);
  await assert.rejects(users.delete(ann.id), { status: 409, message: /refuses this: nobody leaves/ });
  if (!('prepare' in connection))
    await assert.rejects(users.create({ userName: 'late' }), {
      status: 400,
      message: /refuses this: too late/,
    });
  const beside = await Promise.allSettled([
    users.create({ userName: 'eve' }),
    users.create({ userName: 'root3' }),
  ]);
  assert.deepEqual(
    beside.map(({ status }) => status),
    ['fulfilled', 'rejected'],
  );
  assert.equal((await rename('anna')).userName, 'anna');
  const operations = (await scimd.changes()).map(({ operation }) => operation);
  assert.deepEqual(operations, ['create', 'create', 'patch']);
  await scimd.close();
}

for (const how of ['ABORT', 'FAIL', 'ROLLBACK'])
  test(`RAISE(${how}) of a trigger is told with its words: better-sqlite3`, () =>
    refusing(new Database(':memory:').exec(sqlite.replace('{how}', how))));

test('RAISE of a trigger is told with its words: node:sqlite', async () => {
  const db = new DatabaseSync(':memory:');
  db.exec(sqlite.replace('{how}', 'ABORT'));
  await refusing(db);
});

test('RAISE EXCEPTION of a trigger is told with its words, at the commit too: PostgreSQL', async () => {
  const pool = await newPool(postgres);
  await refusing(pool);
  await pool.end();
});

const Team = table('teams', {
  key: { id: 'sid', version: 'ver' },
  attributes: { displayName: 'name', externalId: 'ext' },
  members: members('team_people', { group: 'team', member: 'person' }),
});

const teams = `CREATE TABLE people (id {key}, sid TEXT UNIQUE, ver INTEGER NOT NULL DEFAULT 1, login TEXT NOT NULL, folded TEXT UNIQUE,
    ext TEXT);
  CREATE TABLE teams (id {key}, sid TEXT UNIQUE, ver INTEGER NOT NULL DEFAULT 1, name TEXT, ext TEXT);
  CREATE TABLE team_people (team INTEGER NOT NULL, person INTEGER NOT NULL, UNIQUE (team, person));
  CREATE INDEX team_people_person ON team_people (person);`;

const ignoringSqlite = `${teams.replaceAll('{key}', 'INTEGER PRIMARY KEY')}
  CREATE TRIGGER a BEFORE INSERT ON people WHEN NEW.folded LIKE 'root%' BEGIN SELECT RAISE(IGNORE); END;
  CREATE TRIGGER b BEFORE UPDATE ON people WHEN NEW.folded LIKE 'root%' BEGIN SELECT RAISE(IGNORE); END;
  CREATE TRIGGER c BEFORE DELETE ON people BEGIN SELECT RAISE(IGNORE); END;
  CREATE TRIGGER d BEFORE INSERT ON team_people WHEN NEW.person > 1 BEGIN SELECT RAISE(IGNORE); END;
  CREATE TRIGGER e BEFORE DELETE ON team_people BEGIN SELECT RAISE(IGNORE); END`;

const ignoringPostgres = `${teams.replaceAll('{key}', 'INTEGER GENERATED ALWAYS AS IDENTITY PRIMARY KEY')}
  CREATE FUNCTION pass() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    IF TG_OP = 'DELETE' THEN RETURN NULL; END IF;
    IF TG_TABLE_NAME = 'people' THEN IF NEW.folded LIKE 'root%' THEN RETURN NULL; END IF;
    ELSIF NEW.person > 1 THEN RETURN NULL; END IF;
    RETURN NEW; END $$;
  CREATE TRIGGER pass BEFORE INSERT OR UPDATE OR DELETE ON people FOR EACH ROW EXECUTE FUNCTION pass();
  CREATE TRIGGER pass BEFORE INSERT OR DELETE ON team_people FOR EACH ROW EXECUTE FUNCTION pass()`;

async function ignoring(connection: SqlConnection): Promise<void> {
  const scimd = await createScimd({ store: sql(connection, { User, Group: Team }) });
  const { users, groups } = scimd;
  const ann = await users.create({ userName: 'ann' });
  const eve = await users.create({ userName: 'eve' });
  const notDone = (status: number) => ({ status, message: /has not done this.* had no effect/ });
  await assert.rejects(users.create({ userName: 'root' }), notDone(400));
  const rename = [{ op: 'replace', path: 'userName', value: 'root' }] as const;
  await assert.rejects(users.patch(ann.id, rename), notDone(400));
  await assert.rejects(users.delete(ann.id), notDone(409));
  assert.equal((await users.get(ann.id))?.userName, 'ann');
  const member = (id: string) => ({ members: [{ value: id }] });
  await assert.rejects(groups.create({ displayName: 'a', ...member(eve.id) }), notDone(400));
  const team = await groups.create({ displayName: 'a', ...member(ann.id) });
  const edit = (op: 'add' | 'remove', id: string) =>
    groups.patch(team.id, [
      op === 'add'
        ? { op, ...{ path: 'members', value: [{ value: id }] } }
        : { op, path: `members[value eq "${id}"]` },
    ]);
  await assert.rejects(edit('add', eve.id), notDone(400));
  await assert.rejects(edit('remove', ann.id), notDone(409));
  // Who is there already, or is not, is no matter.
  await edit('add', ann.id);
  const operations = (await scimd.changes()).map(({ operation }) => operation);
  assert.deepEqual(operations, ['create', 'create', 'create']);
  await scimd.close();
}

test('what a trigger lets pass without doing it is not answered as done: better-sqlite3', () =>
  ignoring(new Database(':memory:').exec(ignoringSqlite)));

test('what a trigger lets pass without doing it is not answered as done: node:sqlite', async () => {
  const db = new DatabaseSync(':memory:');
  db.exec(ignoringSqlite);
  await ignoring(db);
});

test('what a trigger lets pass without doing it is not answered as done: PostgreSQL', async () => {
  const pool = await newPool(ignoringPostgres);
  await ignoring(pool);
  await pool.end();
});

/** Memberships that nothing takes away; whoever is in them can go. */
const keeping = {
  sqlite: `${teams.replaceAll('{key}', 'INTEGER PRIMARY KEY')}
    CREATE TRIGGER keep BEFORE DELETE ON team_people BEGIN SELECT RAISE(IGNORE); END`,
  postgres: `${teams.replaceAll('{key}', 'INTEGER GENERATED ALWAYS AS IDENTITY PRIMARY KEY')}
    CREATE FUNCTION keep() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$;
    CREATE TRIGGER keep BEFORE DELETE ON team_people FOR EACH ROW EXECUTE FUNCTION keep()`,
};

async function keepingMembers(connection: SqlConnection): Promise<void> {
  const scimd = await createScimd({ store: sql(connection, { User, Group: Team }) });
  const { users, groups, tenants } = scimd;
  const ann = await users.create({ userName: 'ann' });
  const team = await groups.create({ displayName: 'a', members: [{ value: ann.id }] });
  const notDone = { status: 409, message: /has not done this.*DELETE of team_people had no effect/ };
  await assert.rejects(users.delete(ann.id), notDone);
  await assert.rejects(groups.delete(team.id), notDone);
  await assert.rejects(tenants.delete('default'), notDone);
  assert.equal((await users.get(ann.id))?.userName, 'ann');
  assert.deepEqual((await groups.get(team.id))?.meta, team.meta);
  assert.equal((await scimd.changes()).length, 2);
  const free = await users.create({ userName: 'eve' });
  await users.delete(free.id);
  await scimd.close();
}

test('whoever stays a member is not deleted: better-sqlite3', () =>
  keepingMembers(new Database(':memory:').exec(keeping.sqlite)));

test('whoever stays a member is not deleted: PostgreSQL', async () => {
  const pool = await newPool(keeping.postgres);
  await keepingMembers(pool);
  await pool.end();
});
