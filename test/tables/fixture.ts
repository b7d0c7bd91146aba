/** Tables as an application has them, in SQLite and PostgreSQL, and their map. */
import { randomBytes } from 'node:crypto';
import { PGlite } from '@electric-sql/pglite';
import Database from 'better-sqlite3';
import pg from 'pg';
import { members, sql, table } from '../../src/index.ts';
import type { Registry } from '../../src/scim/registry.ts';
import { enterpriseUserSchema } from '../../src/scim/standard.ts';
import type { Store } from '../../src/store/store.ts';
import { openTables } from '../../src/store/tables/index.ts';
import { type PostgresServer, startPostgres } from '../postgres-server.ts';
import { badgeUri } from '../store/registry.ts';

/** `server` is a real PostgreSQL, `postgres` is PGlite, which has one connection. */
export type Kind = 'sqlite' | 'postgres' | 'server';

/** `{key}`, `{time}` and `{json}` are the database's own types. */
const statements = `
CREATE TABLE users (
  id {key},
  org TEXT NOT NULL,
  scim_id TEXT UNIQUE,
  scim_version INTEGER NOT NULL DEFAULT 1,
  login TEXT,
  login_folded TEXT,
  idp_id TEXT,
  name TEXT,
  first_name TEXT,
  email TEXT,
  email_folded TEXT,
  disabled_at {time},
  floor DOUBLE PRECISION,
  remote {boolean},
  badge TEXT,
  manager TEXT,
  scim {json},
  created_at {time} NOT NULL,
  updated_at {time} NOT NULL,
  deleted_at {time}
);
CREATE UNIQUE INDEX users_login ON users (org, login_folded) WHERE deleted_at IS NULL;
CREATE UNIQUE INDEX users_badge ON users (org, badge) WHERE deleted_at IS NULL;
CREATE INDEX users_idp ON users (org, idp_id);
CREATE INDEX users_email ON users (email_folded);
CREATE INDEX users_manager ON users (manager);
CREATE TABLE teams (
  id {key},
  org TEXT NOT NULL,
  scim_id TEXT UNIQUE,
  scim_version INTEGER NOT NULL DEFAULT 1,
  name TEXT NOT NULL,
  idp_id TEXT,
  scim {json}
);
CREATE INDEX teams_name ON teams (org, name);
CREATE TABLE team_members (
  team_id INTEGER NOT NULL REFERENCES teams (id),
  user_id INTEGER REFERENCES users (id),
  child_id INTEGER REFERENCES teams (id)
);
CREATE UNIQUE INDEX team_members_user ON team_members (team_id, user_id);
CREATE UNIQUE INDEX team_members_child ON team_members (team_id, child_id);
CREATE INDEX team_members_of ON team_members (user_id);
CREATE INDEX team_members_in ON team_members (child_id);
`;

const types: Readonly<Record<'sqlite' | 'postgres', Readonly<Record<string, string>>>> = {
  sqlite: { key: 'INTEGER PRIMARY KEY', time: 'TEXT', json: 'TEXT', boolean: 'INTEGER' },
  postgres: {
    ...{ key: 'INTEGER GENERATED ALWAYS AS IDENTITY PRIMARY KEY', time: 'TIMESTAMPTZ' },
    ...{ json: 'JSONB', boolean: 'BOOLEAN' },
  },
};

export function tablesSql(kind: Kind, text = statements): string {
  return text.replaceAll(
    /\{(\w+)\}/g,
    (_, name: string) => types[kind === 'sqlite' ? kind : 'postgres'][name] ?? name,
  );
}

/** Attributes in columns of every kind: folded beside, folded by SQL, two in one column, by constants, by NULL, in JSON. */
export function maps(registry?: Registry) {
  const extensions = registry?.resourceTypes.flatMap((type) => [...type.extensions.values()]) ?? [];
  const has = (path: string): boolean =>
    extensions.some(({ attributes }) =>
      [...attributes.values()].some((attribute) => attribute.path === path),
    );
  const badges = { [`${badgeUri}:number`]: 'badge' };
  const staff = 'urn:example:params:scim:schemas:staff:1.0:User';
  const places = { [`${staff}:floor`]: 'floor', [`${staff}:remote`]: 'remote' };
  const User = table('users', {
    key: { id: 'scim_id', tenant: 'org', version: 'scim_version' },
    created: 'created_at',
    modified: 'updated_at',
    attributes: {
      userName: { column: 'login', folded: 'login_folded' },
      externalId: 'idp_id',
      displayName: 'name',
      'name.formatted': 'name',
      'name.givenName': 'first_name',
      'emails[type eq "work"].value': { column: 'email', folded: 'email_folded' },
      'emails[type eq "other" and primary eq true].value': 'email',
      active: {
        column: 'disabled_at',
        get: (at) => at === null,
        set: (on) => (on === false ? new Date() : null),
      },
      [`${enterpriseUserSchema}:manager.value`]: 'manager',
      ...(has(`${badgeUri}:number`) ? badges : {}),
      ...(has(`${staff}:floor`) ? places : {}),
    },
    rest: 'scim',
    onDelete: { set: { deleted_at: () => new Date() } },
  });
  const Group = table('teams', {
    key: { id: 'scim_id', tenant: 'org', version: 'scim_version' },
    attributes: { displayName: 'name', externalId: 'idp_id' },
    rest: 'scim',
    members: members('team_members', { group: 'team_id', member: 'user_id', nested: 'child_id' }),
  });
  return { User, Group };
}

export interface Opened {
  /** What `sql` takes. */
  readonly connection: Database.Database | PGlite | pg.Pool;
  run(text: string): Promise<readonly Record<string, unknown>[]>;
  close(): Promise<void>;
}

/** A PGlite takes seconds to begin: those that are not in use are there for the next. */
const idle: PGlite[] = [];

let server: Promise<PostgresServer> | undefined;

async function startServer(): Promise<PostgresServer> {
  const started = await startPostgres();
  started.endWithProcess();
  return started;
}

/** `postgres://…` of a new schema on a server that all tests of a file share. */
export async function newSchema(): Promise<{ readonly url: string; readonly schema: string }> {
  server ??= startServer();
  const { url } = await server;
  const schema = `s${randomBytes(6).toString('hex')}`;
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  await client.query(`CREATE SCHEMA ${schema}`);
  await client.end();
  return { url, schema };
}

/** A pool of pg over a new schema with these tables. */
export async function newPool(text: string): Promise<pg.Pool> {
  const { url, schema } = await newSchema();
  const pool = new pg.Pool({ connectionString: url, options: `-c search_path=${schema}` });
  await pool.query(text);
  return pool;
}

/** A database with the tables in it. */
export async function openDatabase(kind: Kind, text = statements): Promise<Opened> {
  if (kind === 'sqlite') {
    const connection = new Database(':memory:');
    connection.pragma('foreign_keys = ON');
    connection.exec(tablesSql(kind, text));
    return {
      connection,
      run: async (query) => {
        const statement = connection.prepare<[], Record<string, unknown>>(query);
        if (statement.reader) return statement.all();
        statement.run();
        return [];
      },
      close: async () => void connection.close(),
    };
  }
  if (kind === 'server') {
    const connection = await newPool(tablesSql(kind, text));
    return {
      connection,
      run: async (query) => (await connection.query<Record<string, unknown>>(query)).rows,
      close: async () => {
        if (!connection.ended) await connection.end();
      },
    };
  }
  const connection = idle.pop() ?? (await PGlite.create());
  await connection.exec('DROP SCHEMA public CASCADE; CREATE SCHEMA public');
  await connection.exec(tablesSql(kind, text));
  return {
    connection,
    run: async (query) => (await connection.query<Record<string, unknown>>(query)).rows,
    close: async () => void idle.push(connection),
  };
}

/** A store over the tables, which closes its database too. */
export async function openStore(
  kind: Kind,
  { registry, clock }: { readonly registry: Registry; readonly clock?: () => Date },
): Promise<Store & { readonly opened: Opened }> {
  const opened = await openDatabase(kind);
  const { database, tables } = sql(opened.connection, maps(registry));
  const store = await openTables({ database, tables, registry, ...(clock === undefined ? {} : { clock }) });
  return {
    ...store,
    opened,
    async close() {
      await store.close();
      await opened.close();
    },
  };
}
