/** Tables of Drizzle whose columns are named by its option `casing`. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PGlite } from '@electric-sql/pglite';
import Database from 'better-sqlite3';
import { eq } from 'drizzle-orm';
import { drizzle as drizzleSqlite } from 'drizzle-orm/better-sqlite3';
import { boolean, integer as pgInteger, pgSchema, text as pgText, timestamp } from 'drizzle-orm/pg-core';
import { drizzle as drizzlePostgres } from 'drizzle-orm/pglite';
import { integer, sqliteTable, text } from 'drizzle-orm/sqlite-core';
import { drizzle } from '../../src/drizzle.ts';
import { createScimd, members, type Scimd, table } from '../../src/index.ts';

async function used(scimd: Scimd): Promise<void> {
  const ann = await scimd.users.create({ userName: 'Ann', active: false, name: { givenName: 'Ann' } });
  const team = await scimd.groups.create({ displayName: 'All', members: [{ value: ann.id }] });
  await scimd.users.patch(ann.id, [{ op: 'replace', path: 'name.givenName', value: 'Anna' }]);
  const filter = 'userName eq "aNN" and active eq false and name.givenName eq "anna"';
  const found = await scimd.users.list({ filter, sortBy: 'userName' });
  assert.deepEqual(
    found.Resources.map(({ id, groups }) => [id, (groups as { value: string }[])[0]?.value]),
    [[ann.id, team.id]],
  );
  await scimd.users.delete(ann.id);
  assert.equal((await scimd.users.list()).totalResults, 0);
  assert.equal((await scimd.users.create({ userName: 'ann' })).userName, 'ann');
}

test('casing of Drizzle names the columns in SQLite, those that a deletion sets and memberships too', async () => {
  const client = new Database(':memory:');
  client.exec(`CREATE TABLE app_users (id INTEGER PRIMARY KEY, scim_id TEXT UNIQUE, scim_version INTEGER NOT NULL DEFAULT 1,
    user_name TEXT NOT NULL, user_name_folded TEXT, "first" TEXT, idp_id TEXT, is_active INTEGER NOT NULL DEFAULT 1, gone_at INTEGER);
    CREATE UNIQUE INDEX u ON app_users (user_name_folded) WHERE gone_at IS NULL;
    CREATE TABLE teams (id INTEGER PRIMARY KEY, scim_id TEXT UNIQUE, scim_version INTEGER NOT NULL DEFAULT 1, display_name TEXT, idp_id TEXT);
    CREATE TABLE team_members (team_id INTEGER NOT NULL REFERENCES teams (id), user_id INTEGER REFERENCES app_users (id));
    CREATE UNIQUE INDEX m ON team_members (team_id, user_id); CREATE INDEX m2 ON team_members (user_id)`);
  const users = sqliteTable('app_users', {
    id: integer().primaryKey(),
    scimId: text(),
    scimVersion: integer(),
    userName: text(),
    userNameFolded: text(),
    firstName: text('first'),
    idpId: text(),
    isActive: integer({ mode: 'boolean' }),
    goneAt: integer({ mode: 'timestamp' }),
  });
  const teams = sqliteTable('teams', {
    ...{ id: integer().primaryKey(), scimId: text(), scimVersion: integer() },
    ...{ displayName: text(), idpId: text() },
  });
  const teamMembers = sqliteTable('team_members', { teamId: integer(), userId: integer() });
  const User = table(users, {
    key: { id: users.scimId, version: users.scimVersion },
    attributes: {
      userName: { column: users.userName, folded: users.userNameFolded },
      externalId: users.idpId,
      'name.givenName': users.firstName,
      active: users.isActive,
    },
    onDelete: { set: { goneAt: () => new Date() } },
  });
  const Group = table(teams, {
    key: { id: teams.scimId, version: teams.scimVersion },
    attributes: { displayName: teams.displayName, externalId: teams.idpId },
    members: members(teamMembers, { group: teamMembers.teamId, member: teamMembers.userId }),
  });
  const db = drizzleSqlite({ client, casing: 'snake_case' });
  const scimd = await createScimd({
    store: drizzle(db, { User, Group }),
    within(tx, { subject, operation }) {
      const [row] = tx.select().from(users).where(eq(users.scimId, subject.id)).all();
      if (subject.type === 'User') assert.equal(row?.goneAt instanceof Date, operation === 'delete');
      return undefined;
    },
  });
  await used(scimd);
  await scimd.close();
});

test('casing of Drizzle names the columns in PostgreSQL, in a schema of its own', async () => {
  const client = await PGlite.create();
  await client.exec(`CREATE SCHEMA app; SET search_path = public;
    CREATE TABLE app.users ("scimId" text PRIMARY KEY, "scimVersion" integer NOT NULL DEFAULT 1, "userName" text NOT NULL,
      "userNameFolded" text, "givenName" text, "idpId" text, "isActive" boolean NOT NULL DEFAULT true, "goneAt" timestamptz);
    CREATE UNIQUE INDEX u ON app.users ("userNameFolded") WHERE "goneAt" IS NULL;
    CREATE TABLE app.teams ("scimId" text PRIMARY KEY, "scimVersion" integer NOT NULL DEFAULT 1, "displayName" text, "idpId" text);
    CREATE TABLE app."teamMembers" ("teamId" text NOT NULL REFERENCES app.teams, "userId" text REFERENCES app.users);
    CREATE UNIQUE INDEX m ON app."teamMembers" ("teamId", "userId"); CREATE INDEX m2 ON app."teamMembers" ("userId")`);
  const app = pgSchema('app');
  const users = app.table('users', {
    ...{ scim_id: pgText().primaryKey(), scim_version: pgInteger(), user_name: pgText() },
    ...{ user_name_folded: pgText(), given_name: pgText(), idp_id: pgText(), is_active: boolean() },
    gone_at: timestamp({ withTimezone: true }),
  });
  const teams = app.table('teams', {
    ...{
      scim_id: pgText().primaryKey(),
      scim_version: pgInteger(),
      display_name: pgText(),
      idp_id: pgText(),
    },
  });
  const memberships = app.table('teamMembers', { team_id: pgText(), user_id: pgText() });
  const User = table(users, {
    key: { id: users.scim_id, version: users.scim_version },
    attributes: {
      userName: { column: users.user_name, folded: users.user_name_folded },
      externalId: users.idp_id,
      'name.givenName': users.given_name,
      active: users.is_active,
    },
    onDelete: { set: { gone_at: () => new Date() } },
  });
  const Group = table(teams, {
    key: { id: teams.scim_id, version: teams.scim_version },
    attributes: { displayName: teams.display_name, externalId: teams.idp_id },
    members: members(memberships, { group: memberships.team_id, member: memberships.user_id }),
  });
  const db = drizzlePostgres({ client, casing: 'camelCase' });
  const scimd = await createScimd({ store: drizzle(db, { User, Group }) });
  await used(scimd);
  await scimd.close();
  await client.close();
});
