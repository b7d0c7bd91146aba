/** The store over a PostgreSQL database, which several servers may use at once. */
import type { Registry } from '../../scim/registry.ts';
import { uuidV7Source } from '../layout/ids.ts';
import type { StoredTypes } from '../layout/stored-type.ts';
import { pastOver } from '../past-over.ts';
import { grantsOver, guardsOver } from '../sql/access-over.ts';
import { adminOver } from '../sql/admin.ts';
import { guardSql } from '../sql/guard.ts';
import { deliveryOver } from '../sql/outbox-over.ts';
import { toStoreError } from '../sql/postgres-errors.ts';
import type { AccessStore, NewNotice, OpeningNotice, Store } from '../store.ts';
import { accessOver } from './access.ts';
import { type Environment, type PostgresAddress, parseAddress } from './address.ts';
import { chainOver, changesOver, recordNotices } from './changes.ts';
import { commandsOf } from './commands.ts';
import { containsIndexReady } from './contains-index.ts';
import { filterDialect, postgresDialect } from './dialect.ts';
import { Connection } from './driver.ts';
import { feedReads } from './feed.ts';
import { getter } from './get.ts';
import { GrantRules } from './grants.ts';
import { GroupCommit } from './group-commit.ts';
import { lister } from './list.ts';
import { Pool } from './pool.ts';
import { Reads } from './reads.ts';
import { rebuildStale, refuseStale } from './rebuild.ts';
import { shower } from './shown.ts';
import { Snapshots } from './snapshots.ts';
import { FirstStatistics } from './statistics.ts';
import { stepsPort } from './steps.ts';
import { layoutCheck, layoutHashes, loadTypes, unserved, withStoredIndexes } from './stored-types.ts';
import { Transactions, type WriteSettings } from './transactions.ts';
import { type ServerFacts, upgrade, versionOf } from './upgrade.ts';

/** Milliseconds: see {@link PostgresStoreOptions.lockMilliseconds}. */
const usualLock = 5000;

export interface PostgresStoreOptions {
  /** `postgres://…` */
  readonly url: string;
  readonly registry: Registry;
  readonly environment?: Environment;
  readonly clock?: () => Date;
  /** Makes resource ids; UUIDv7 without it. */
  readonly newId?: () => string;
  /** May rows that were written under another registry be made anew? As for SQLite. */
  readonly rebuild?: boolean;
  /** Attributes, in standard notation, of which the record of a rebuild keeps no values. */
  readonly sensitive?: readonly string[];
  /** For how long a client may read one large group, in milliseconds; five minutes without it. */
  readonly longestSnapshot?: number;
  /** How long to wait for another writer of the same tenant, or for who locks a table, in milliseconds; 5000 without it. */
  readonly lockMilliseconds?: number;
  /** How long a few rows that are asked for by their keys may take, in milliseconds; 5000 without it. */
  readonly lookUpMilliseconds?: number;
  /** How long one statement of a write may take, in milliseconds; 30,000 without it. */
  readonly statementMilliseconds?: number;
  /** Is told what the registry changes for what is stored already. */
  readonly onNotice?: (notice: OpeningNotice) => void;
  readonly signal?: AbortSignal;
}

/** How often it is looked whether another process has made the rows anew, in milliseconds. */
const layoutEvery = 1000;

function writeSettings(
  facts: ServerFacts,
  { lockMilliseconds = usualLock, statementMilliseconds = 30_000 }: Partial<PostgresStoreOptions> = {},
): WriteSettings {
  return { lockMilliseconds, statementMilliseconds, isAsynchronous: facts.isAsynchronous };
}

/** The version of its tables; 0 if there are none. Changes nothing. */
export async function postgresVersion(url: string, environment?: Environment): Promise<number> {
  return withFirstConnection(parseAddress(url, environment), versionOf);
}

async function withFirstConnection<T>(
  address: PostgresAddress,
  action: (connection: Connection) => Promise<T>,
): Promise<T> {
  let connection: Connection | undefined;
  try {
    connection = await Connection.open(address);
    return await action(connection);
  } catch (error) {
    throw toStoreError(error);
  } finally {
    await connection?.close();
  }
}

/**
 * Opens the store, bringing the tables up to date, and rebuilding rows that the registry's layout no longer matches.
 * @throws StoreError where the database cannot be reached or used, or where what is stored contradicts the registry.
 */
export async function openPostgresStore(options: PostgresStoreOptions): Promise<Store> {
  const address = parseAddress(options.url, options.environment);
  const pool = new Pool(address, options.lookUpMilliseconds);
  try {
    const opened = await withFirstConnection(address, async (connection) => {
      const facts = await upgrade(connection, address);
      const asked = options.registry;
      const registry = options.rebuild === false ? await withStoredIndexes(connection, asked) : asked;
      const types = await loadTypes(connection, registry);
      if (options.rebuild === false) await refuseStale(connection, types);
      const transactions = new Transactions(pool, writeSettings(facts), () => {});
      const { clock = () => new Date(), sensitive = [] } = options;
      const newTransaction = uuidV7Source(() => clock().getTime());
      const record = { clock, newTransaction, sensitive };
      for await (const notice of rebuildStale(transactions, connection, types, record)) {
        options.onNotice?.(notice);
        options.signal?.throwIfAborted();
      }
      for (const notice of await unserved(connection, types)) options.onNotice?.(notice);
      const trigrams = await containsIndexReady(connection, types);
      if (trigrams.reason !== undefined)
        options.onNotice?.({ kind: 'no-contains-index', reason: trigrams.reason });
      const { rows } = await connection.run("SELECT bytes FROM secret WHERE name = 'cursor'");
      const [secret] = rows as [Buffer][];
      return { facts, registry, types, hasTrigrams: trigrams.isThere, secret: secret?.[0] as Buffer };
    });
    return storeOver(pool, opened, options);
  } catch (error) {
    await pool.close();
    throw error;
  }
}

/** Tokens and tenants alone: whatever resource types the database has, they are neither needed nor touched. */
export async function openPostgresAccess({
  url,
  environment,
  clock = () => new Date(),
}: Pick<PostgresStoreOptions, 'url' | 'environment' | 'clock'>): Promise<AccessStore & Pick<Store, 'admin'>> {
  const address = parseAddress(url, environment);
  const facts = await withFirstConnection(address, (connection) => upgrade(connection, address));
  const pool = new Pool(address);
  const newId = uuidV7Source(() => clock().getTime());
  const transactions = new Transactions(pool, writeSettings(facts), () => {});
  const note = (notices: readonly NewNotice[]) => recordNotices(transactions, notices, clock(), newId);
  const access = accessOver({ transactions, clock, newId, note });
  return {
    ...access,
    admin: adminOver(clock, newId, stepsPort({ transactions, clock, newId, note })),
    async close() {
      access.close();
      await pool.close();
    },
  };
}

interface Opened {
  readonly facts: ServerFacts;
  readonly registry: Registry;
  readonly types: StoredTypes;
  readonly hasTrigrams: boolean;
  readonly secret: Buffer;
}

function storeOver(
  pool: Pool,
  { facts, registry, types, hasTrigrams, secret }: Opened,
  options: PostgresStoreOptions,
): Store {
  const { clock = () => new Date() } = options;
  const uuid = uuidV7Source(() => clock().getTime());
  const newId = options.newId ?? uuid;
  const listeners = new Set<() => void>();
  const written = (): void => {
    for (const listener of listeners) listener();
  };
  const transactions = new Transactions(pool, writeSettings(facts, options), written);
  const checkLayout = layoutCheck(types);
  const commands = commandsOf({ types, clock, newId, newTransaction: uuid });
  const grants = new GrantRules(types, registry, clock);
  const commit = new GroupCommit({
    ...{ transactions, types, commands, checkLayout, grants, show: shower(types), written },
  });
  const statistics = new FirstStatistics(pool);
  const { longestSnapshot: longest = 300_000, lockMilliseconds = usualLock } = options;
  const snapshots = new Snapshots(pool, { longest, lockMilliseconds });
  const reads = new Reads(pool, types);
  const note = (notices: readonly NewNotice[]) => recordNotices(transactions, notices, clock(), uuid);
  const access = accessOver({ transactions, clock, newId: uuid, note });
  const port = stepsPort({ transactions, clock, newId: uuid, note });
  const { jsonStrings } = postgresDialect;
  const delivery = deliveryOver(
    { prefix: '', batch: 'number', held: ' FOR UPDATE', jsonStrings, clock, newId: uuid },
    port,
  );

  // Writers look within their transactions; what is read is at most a second older than a change of the configuration.
  let looked = performance.now();
  let other: unknown;
  const checkThrottled = (): void => {
    if (other !== undefined) throw other;
    if (performance.now() - looked < layoutEvery) return;
    looked = performance.now();
    pool.read(layoutHashes).then(
      (rows) => {
        try {
          checkLayout(rows);
        } catch (error) {
          other = error;
        }
      },
      // Whoever reads is told what is the matter with the database.
      () => {},
    );
  };
  const checked =
    <Query, T>(read: (query: Query) => Promise<T>) =>
    (query: Query): Promise<T> => {
      checkThrottled();
      return read(query);
    };

  let closing: Promise<void> | undefined;
  const close = async (): Promise<void> => {
    access.close();
    await commit.close();
    snapshots.close();
    await pool.close();
  };

  const feed = feedReads(pool, types, snapshots);
  const changes = changesOver(pool, transactions, types);
  return {
    registry,
    feed,
    past: pastOver({ registry, feed, ...changes, ...chainOver(pool, types) }),
    ...delivery,
    admin: adminOver(clock, uuid, port),
    grants: grantsOver(grants.rules, clock, port),
    guards: guardsOver(guardSql, clock, port),
    onCommit(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    newId,
    secretKey: () => secret,
    get: checked(getter(types, reads, snapshots)),
    list: checked(
      lister({
        ...{ types, reads, snapshots, pool },
        dialect: filterDialect(hasTrigrams),
      }),
    ),
    memberCount: (tenant, group, most) => reads.memberCount(tenant, group, most),
    credential: (tenant, id) => reads.credential(tenant, id),
    async commit(units) {
      const outcomes = await Promise.all(units.map((unit) => commit.run(unit)));
      statistics.note(units);
      return outcomes;
    },
    change: (what, compute) => commit.run({ ...what, compute }),
    note,
    // What a transaction has written is read by others only once it is on the disk of the server.
    durable: () => undefined,
    ...changes,
    ...access,
    close() {
      closing ??= close();
      return closing;
    },
  };
}
