/** `tables-server.ts FILE USERS`: scimd over an application's tables in SQLite, as durable as its own database is. */
import Database from 'better-sqlite3';
import type * as Scimd from '../../src/index.ts';
import { standardRegistry } from '../../src/scim/standard.ts';
import { openTables } from '../../src/store/tables/index.ts';
import { seed } from './seeding.ts';

// The bundle, as the server beside it is.
const { createScimd, members, sql, table }: typeof Scimd = await import(
  new URL('../../dist/index.js', import.meta.url).href
);

const [file = '', users = '0'] = process.argv.slice(2);
const enterprise = 'urn:ietf:params:scim:schemas:extension:enterprise:2.0:User';
const db = new Database(file);
db.pragma('journal_mode = WAL');
db.pragma('synchronous = FULL');
db.exec(`
CREATE TABLE users (
  id INTEGER PRIMARY KEY, scim_id TEXT UNIQUE, scim_version INTEGER NOT NULL DEFAULT 1, email TEXT NOT NULL,
  email_folded TEXT NOT NULL UNIQUE, idp_id TEXT UNIQUE, name TEXT, first_name TEXT, last_name TEXT, title TEXT,
  disabled_at TEXT, department TEXT, manager TEXT, created_at TEXT NOT NULL, updated_at TEXT NOT NULL, scim TEXT
);
CREATE INDEX users_manager ON users (manager);
CREATE TABLE teams (
  id INTEGER PRIMARY KEY, scim_id TEXT UNIQUE, scim_version INTEGER NOT NULL DEFAULT 1, name TEXT NOT NULL, idp_id TEXT,
  created_at TEXT NOT NULL, updated_at TEXT NOT NULL
);
CREATE TABLE team_members (
  team_id INTEGER NOT NULL REFERENCES teams (id), user_id INTEGER NOT NULL REFERENCES users (id),
  PRIMARY KEY (team_id, user_id)
) WITHOUT ROWID;
CREATE INDEX team_members_of ON team_members (user_id);
`);
const User = table('users', {
  key: { id: 'scim_id', version: 'scim_version' },
  ...{ created: 'created_at', modified: 'updated_at', rest: 'scim' },
  attributes: {
    userName: { column: 'email', folded: 'email_folded' },
    externalId: 'idp_id',
    displayName: 'name',
    'name.givenName': 'first_name',
    'name.familyName': 'last_name',
    title: 'title',
    active: {
      column: 'disabled_at',
      get: (at) => at === null,
      set: (on) => (on === false ? new Date() : null),
    },
    'emails[type eq "work" and primary eq true].value': 'email',
    [`${enterprise}:department`]: 'department',
    [`${enterprise}:manager.value`]: 'manager',
  },
});
const Group = table('teams', {
  key: { id: 'scim_id', version: 'scim_version' },
  ...{ created: 'created_at', modified: 'updated_at' },
  attributes: { displayName: 'name', externalId: 'idp_id' },
  members: members('team_members', { group: 'team_id', member: 'user_id' }),
});
const store = sql(db, { User, Group });
const seeded = await openTables({ ...store, registry: standardRegistry() });
await seed(seeded, Number(users), true);
await seeded.close();
db.exec('ANALYZE');

const scimd = await createScimd({
  store,
  authenticate: ({ headers }) =>
    headers.get('authorization') === 'Bearer bench' ? { name: 'bench' } : undefined,
});
const { url } = await scimd.listen({ port: 0 });
console.log(`listening on ${url}`);
