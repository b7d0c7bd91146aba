/** The store over one SQLite file. */
import type { Database } from 'better-sqlite3';
import { compilePlan } from '../../query/sql.ts';
import { sqlite } from '../../query/sqlite.ts';
import type { Registry } from '../../scim/registry.ts';
import type { Store } from '../store.ts';
import { changeLog } from './changes.ts';
import { commands } from './commands.ts';
import { openConnection } from './connection.ts';
import { edgeWriter } from './edges.ts';
import { closed, withStoreErrors } from './errors.ts';
import { groupCommit } from './group-commit.ts';
import { uuidV7Source } from './ids.ts';
import { loadKinds } from './kinds.ts';
import { lister } from './list.ts';
import { memberReads } from './members.ts';
import { pageStarts } from './page-starts.ts';
import { reads } from './reads.ts';
import { reindexStale } from './reindex.ts';
import { requestSetter } from './request.ts';
import { readSnapshot } from './snapshot.ts';
import { Statements } from './statements.ts';
import { memberMap } from './storage-map.ts';
import { tenantTable } from './tenants.ts';
import { tokenTable } from './tokens.ts';
import { rowWriter } from './writer.ts';

export interface SqliteStoreOptions {
  /** The path of the database file, made if there is none; `:memory:` lives as long as the store. */
  readonly file: string;
  readonly registry: Registry;
  readonly clock?: () => Date;
  /** Makes resource ids; UUIDv7 without it. */
  readonly newId?: () => string;
  /** How long to wait for another process's write lock, in milliseconds; 5000 without it. The server stands still meanwhile. */
  readonly busyTimeout?: number;
}

/** How often the use of a token is written down, in milliseconds. */
const lastUsedInterval = 60_000;

/**
 * Opens the store, bringing an older database up to date.
 * @throws StoreError where the file cannot be opened, is no database of ours, or one of a newer release.
 */
export function openSqliteStore(options: SqliteStoreOptions): Store {
  const db = openConnection(options.file, options.busyTimeout);
  try {
    return withStoreErrors(() => storeOver(db, options));
  } catch (error) {
    db.close();
    throw error;
  }
}

function storeOver(db: Database, options: SqliteStoreOptions): Store {
  const { registry, clock = () => new Date() } = options;
  const uuid = uuidV7Source(() => clock().getTime());
  const statements = new Statements(db);
  const kinds = loadKinds(db, registry);
  const setRequest = requestSetter(db);
  const snapshot = readSnapshot(db);
  const starts = pageStarts(db);
  const changes = changeLog(db, kinds, statements);
  const map = memberMap(kinds);
  const edges = edgeWriter(db, kinds, (owner, plan) => {
    const { sql, parameters } = compilePlan(plan, map, sqlite);
    const text = `SELECT m.value FROM member m WHERE m.owner = ? AND (${sql})`;
    setRequest(text, owner.tenant, owner.base);
    return statements
      .get(text)
      .all(owner.rid, ...parameters)
      .map((row) => (row as [string])[0]);
  });
  const rows = rowWriter(db, statements);
  reindexStale(db, kinds, rows);
  const write = commands({ db, kinds, rows, edges, changes, clock, newId: options.newId ?? uuid });
  const byId = reads(db, kinds);
  const list = lister(db, kinds, statements, setRequest, starts);
  const memberships = memberReads(db, kinds);
  const tokens = tokenTable(db, clock, uuid);
  const tenants = tenantTable(db, clock);
  const commit = groupCommit(db, () => {
    snapshot.leave();
    starts.forget();
  });

  const read = <T>(action: () => T): T =>
    withStoreErrors(() => {
      if (!db.open) throw closed();
      snapshot.enter();
      return action();
    });

  const noteUse = (id: string, lastUsed: string | undefined): void => {
    if (lastUsed !== undefined && clock().getTime() - Date.parse(lastUsed) < lastUsedInterval) return;
    // Whether it could be written down is no matter of the request that used the token.
    commit.run(() => tokens.use(id)).catch(() => {});
  };

  const cursorKey = db
    .prepare<[], Buffer>("SELECT bytes FROM secret WHERE name = 'cursor'")
    .pluck()
    .get() as Buffer;

  return {
    registry,
    newId: options.newId ?? uuid,
    cursorKey: () => cursorKey,
    get: (tenant, type, id) => read(() => byId.get(tenant, type, id)),
    list: (query) => read(() => list(query)),
    groupsOf: (tenant, ids) => read(() => memberships.groupsOf(tenant, ids)),
    members: (tenant, group, base, limit, after) =>
      read(() => memberships.members(tenant, group, base, limit, after)),
    credential: (tenant, id) => read(() => byId.credential(tenant, id)),

    create: (command) => commit.run(() => write.create(command)),
    update: (command) => commit.run(() => write.update(command)),
    delete: (command) => commit.run(() => write.delete(command)),

    changes: (options) => read(() => changes.read(options)),

    findToken(hash) {
      const token = read(() => tokens.find(hash));
      if (token !== undefined) noteUse(token.id, token.lastUsed);
      return token;
    },
    createToken: (token) => commit.run(() => tokens.create(token)),
    listTokens: (tenant) => read(() => tokens.list(tenant)),
    revokeToken: (id, at) => commit.run(() => tokens.revoke(id, at)),

    tenants: () => read(() => tenants.list()),
    createTenant: (name) => commit.run(() => tenants.create(name)),
    deleteTenant: (name) => commit.run(() => tenants.remove(name)),

    close() {
      commit.close();
      snapshot.leave();
      db.close();
    },
  };
}
