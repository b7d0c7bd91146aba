/** The store over one SQLite file. */
import { isMainThread } from 'node:worker_threads';
import type { Database } from 'better-sqlite3';
import { termsOf } from '../../query/plan.ts';
import { compilePlan } from '../../query/sql.ts';
import type { Registry } from '../../scim/registry.ts';
import { uuidV7Source } from '../layout/ids.ts';
import { keyOfTime } from '../layout/instant.ts';
import type { StoredTypes } from '../layout/stored-type.ts';
import { grantsOver, guardsOver } from '../sql/access-over.ts';
import { adminOver } from '../sql/admin.ts';
import { memberMap } from '../sql/attribute-map.ts';
import { guardSql } from '../sql/guard.ts';
import { selectMembersSql } from '../sql/membership.ts';
import { deliveryOver } from '../sql/outbox-over.ts';
import type { NewNotice, OpeningNotice, Outcome, Store, Unit } from '../store.ts';
import { accessOver } from './access.ts';
import { ChangeLog } from './changes.ts';
import { checkpoints } from './checkpoints.ts';
import { Commands, outcomeOf } from './commands.ts';
import { openConnection, usualBusyTimeout } from './connection.ts';
import { counters } from './counters.ts';
import { sqliteDialect } from './dialect.ts';
import { DurableElsewhere, walOf } from './durability.ts';
import { toStoreError } from './errors.ts';
import { feedReads } from './feed.ts';
import { getter } from './get.ts';
import { GrantTable } from './grants.ts';
import { groupCommit } from './group-commit.ts';
import { fileGuard, layoutGuard } from './guards.ts';
import { HeldSnapshots, openSnapshotConnection } from './held-snapshots.ts';
import { LargeUnits } from './large-units.ts';
import { lister } from './list.ts';
import { edgeWriter } from './membership.ts';
import { meterOf, writeAllowanceOf } from './meter.ts';
import { offsetCache } from './offset-cache.ts';
import { pastReads } from './past.ts';
import { Reads } from './reads.ts';
import { rebuildStale, refuseStale } from './rebuild.ts';
import { requestSetter } from './request-context.ts';
import { scanThreads } from './scan-threads.ts';
import { isShownAlone, shownBy } from './shown-by.ts';
import { dataVersion, readSnapshot } from './snapshot.ts';
import { Statements } from './statements.ts';
import { stepsPort } from './steps.ts';
import { loadTypes, unserved, withStoredIndexes } from './stored-types.ts';
import { rowWriter } from './writer.ts';

export interface SqliteStoreOptions {
  /** The path of the database file, made if there is none; `:memory:` lives as long as the store. */
  readonly file: string;
  readonly registry: Registry;
  readonly clock?: () => Date;
  /** Makes resource ids; UUIDv7 without it. */
  readonly newId?: () => string;
  /** How long to wait for another process's write lock, in milliseconds; 5000 without it. */
  readonly busyTimeout?: number;
  /**
   * May rows that were written under another registry be made anew? Yes unless false: then such a database is
   * refused, since that is a matter of the server and not of a command that happens to see another configuration; its
   * indexes for `co` are kept up as they are.
   */
  readonly rebuild?: boolean;
  /** From how many resources on lists that look through them run in a thread of their own; 1000 without it. */
  readonly scanInThreadFrom?: number;
  /** Milliseconds without such a list after which the threads end; half a minute without it. */
  readonly scanThreadsIdle?: number;
  /** From how many rows on that a unit may change it is carried out in a thread of its own; 2000 without it. */
  readonly unitsInThreadFrom?: number;
  /** For how long a client may read one large group, in milliseconds; five minutes without it. */
  readonly longestSnapshot?: number;
  /** Attributes, in standard notation, of which the record of a rebuild keeps no values. */
  readonly sensitive?: readonly string[];
  /** Is told what the registry changes for what is stored already. */
  readonly onNotice?: (notice: OpeningNotice) => void;
  /**
   * Brings to the disk what other connections commit, where that is another thread's work: two who do so to one file
   * wait for each other. Without it this store does.
   */
  readonly othersDurable?: () => Promise<void>;
}

/**
 * Opens the store, bringing an older database up to date, and rebuilding rows that the registry's layout no longer matches.
 * @throws StoreError where the file cannot be opened, is no database of ours, or one of a newer release, or where
 * what is stored contradicts the registry.
 */
export function openSqliteStore(options: SqliteStoreOptions): Store {
  const opening = openings(options);
  for (;;) {
    const { done, value } = opening.next();
    if (done) return value;
    options.onNotice?.(value);
  }
}

/** The same, letting the event loop go on between two steps; `signal` can end it there. */
export async function openSqliteStoreAsync(
  options: SqliteStoreOptions & { readonly signal?: AbortSignal },
): Promise<Store> {
  const opening = openings(options);
  for (;;) {
    const { done, value } = opening.next();
    if (done) return value;
    options.onNotice?.(value);
    await new Promise((resolve) => setImmediate(resolve));
    // It closes the database, and throws the reason again.
    if (options.signal?.aborted) opening.throw(options.signal.reason);
  }
}

/** Yields what is to be told, at the end of each durable step; returns the store. */
function* openings(options: SqliteStoreOptions): Generator<OpeningNotice, Store> {
  const db = openConnection(options.file, options.busyTimeout);
  let opened = false;
  try {
    const asked = options.registry;
    const registry = options.rebuild === false ? withStoredIndexes(db, asked) : asked;
    const types = loadTypes(db, registry);
    const statements = new Statements(db);
    if (options.rebuild === false) refuseStale(db, types);
    const { clock = () => new Date(), sensitive = [] } = options;
    yield* rebuildStale(db, types, {
      ...{ rows: rowWriter(db), changes: new ChangeLog(db, types), clock, sensitive },
      newTransaction: uuidV7Source(() => clock().getTime()),
    });
    yield* unserved(db, types);
    const store = storeOver(db, types, statements, { ...options, registry });
    opened = true;
    return store;
  } catch (error) {
    throw toStoreError(error, { role: 'database', file: options.file });
  } finally {
    if (!opened) db.close();
  }
}

function storeOver(
  db: Database,
  types: StoredTypes,
  statements: Statements,
  options: SqliteStoreOptions,
): Store {
  const { registry, clock = () => new Date() } = options;
  const uuid = uuidV7Source(() => clock().getTime());
  const setRequest = requestSetter(db);
  const others = dataVersion(db);
  const check = layoutGuard(db, types, others);
  const { file, busyTimeout = usualBusyTimeout, scanInThreadFrom: few, scanThreadsIdle: idle } = options;
  const snapshot = readSnapshot(db, check, busyTimeout);
  const { read } = snapshot;
  const offsets = offsetCache();
  others.onWrite(offsets.forget);
  const changes = new ChangeLog(db, types);
  const map = memberMap(sqliteDialect, types);
  const metered = meterOf(db);
  const edges = edgeWriter(db, types, (owner, plan) => {
    const { sql, parameters } = compilePlan(plan, map, sqliteDialect.query);
    const text = selectMembersSql(sqliteDialect, sql, termsOf(plan));
    setRequest(text, owner.tenant, owner.base);
    const run = () => statements.get(text).all(owner.rid, ...parameters);
    const found = metered.run(writeAllowanceOf(owner.work), run, (values) =>
      owner.work?.noteInWrites(values),
    );
    return found.map((row) => (row as [string])[0]);
  });
  const counts = counters(db);
  const note = (notice: NewNotice, transaction = uuid()): boolean =>
    changes.note(notice, keyOfTime(clock().getTime()), transaction);
  const grants = new GrantTable({ types, registry, clock, note });
  others.onWrite(() => {
    grants.forgetRules();
    // What only delivers, or notes the use of a token, changes nobody's access.
    if (changes.hasOthers()) grants.forget();
  });
  const write = new Commands({
    db,
    types,
    rows: rowWriter(db),
    edges,
    changes,
    ...{ counts, statements, clock },
    access: grants.watch,
    changing: offsets.forget,
    newId: options.newId ?? uuid,
    newTransaction: uuid,
  });
  const reads = new Reads(db, types);
  const scans = db.memory ? undefined : scanThreads({ file, busyTimeout, few, idle });
  const wal = walOf(db, snapshot.leave);
  const guard = fileGuard(db.memory ? undefined : db.name, wal.checkFile);
  const held = db.memory
    ? undefined
    : new HeldSnapshots({
        longest: options.longestSnapshot ?? 300_000,
        connect: () => {
          guard.check();
          return openSnapshotConnection(file, busyTimeout, types);
        },
      });
  let isClosed = false;
  const list = lister({
    ...{ db, types, statements, setRequest, offsets, read, reads, scans, held },
    meter: metered,
    catchUp: () => {
      if (isClosed) return;
      snapshot.leave();
      read(() => undefined);
    },
  });
  const get = getter(types, reads, held, { meter: metered, scans });
  const leaveSnapshot = (): void => {
    snapshot.leave();
    offsets.forget();
  };
  const { othersDurable } = options;
  // What another process has committed may be read before that process has brought it to the disk.
  const ofOthers = othersDurable && new DurableElsewhere(othersDurable);
  others.onWrite(() => {
    if (ofOthers === undefined) wal.sync()?.catch(() => {});
    else ofOthers.wrote();
  });
  const beforeWrite = (): void => {
    guard.checkThrottled();
    snapshot.leave();
  };
  const listeners = new Set<() => void>();
  const written = (): void => {
    for (const listener of listeners) listener();
  };
  // A store in a thread holds up nobody by it.
  const copies = checkpoints(db, isMainThread ? { file, check: guard.check } : undefined);
  const commit = groupCommit(db, wal, {
    ...{ beforeWrite, check, written, busyTimeout, copies, othersRead: snapshot.othersRead },
    counts: {
      write() {
        counts.write();
        changes.write();
        write.settle();
      },
      forget() {
        counts.forget();
        changes.forget();
        write.forget();
        grants.forget();
      },
    },
  });

  const here = (unit: Unit): Promise<Outcome> =>
    commit.run<Outcome>(() => write.run(unit), {
      once: unit.within !== undefined,
      shownBy: (outcome) => shownBy(types, unit, outcome),
      failed: outcomeOf,
    });
  const { unitsInThreadFrom: from = 2000 } = options;
  // A thread makes ids of its own, and has no file where there is none.
  const mayLeave = !db.memory && options.newId === undefined && Number.isFinite(from);
  // What is written elsewhere is read from then on.
  const away: typeof commit.away = (command) => commit.away(() => command().finally(leaveSnapshot));
  const large = mayLeave
    ? new LargeUnits({ db, types, read, from, here, away, file, busyTimeout, registry, clock })
    : undefined;
  const carryOut = (unit: Unit): Promise<Outcome> => (large?.has(unit) ? large.carryOut(unit) : here(unit));

  const secretKey = db
    .prepare<[], Buffer>("SELECT bytes FROM secret WHERE name = 'cursor'")
    .pluck()
    .get() as Buffer;

  const access = accessOver({
    db,
    clock,
    newId: uuid,
    snapshot,
    commit,
    others,
    guard,
    note,
    settle: () => changes.write(),
  });

  const another = db.memory ? undefined : () => openConnection(file, busyTimeout);
  const feed = feedReads(db, types, read, another);
  const past = pastReads({ db, types, changes, read, connection: another });
  const port = stepsPort({
    ...{ read, write: commit.run, ride: commit.ride, note, statements: new Statements(db) },
    forget() {
      counts.writeLosses();
      grants.forget();
    },
  });
  const { jsonStrings } = sqliteDialect;
  const delivery = deliveryOver(
    { prefix: '', batch: 'number', held: '', jsonStrings, clock, newId: uuid },
    port,
  );

  return {
    registry,
    feed,
    ...delivery,
    grants: grantsOver(grants.rules, clock, port),
    guards: guardsOver(guardSql, clock, port),
    past,
    admin: adminOver(clock, uuid, port),
    onCommit(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    newId: options.newId ?? uuid,
    secretKey: () => secretKey,
    get: (query) => read(() => get(query)),
    list: (query) => read(() => list(query)),
    memberCount: (tenant, group, most) => read(() => reads.memberCount(tenant, group, most)),
    credential: (tenant, id) => read(() => reads.credential(tenant, id)),

    commit: (units) =>
      units.length === 1
        ? carryOut(units[0] as Unit).then((outcome) => [outcome])
        : Promise.all(units.map(carryOut)),
    change: (of, compute) =>
      commit.run<Outcome>(() => write.change(of, compute, large), {
        once: of.once,
        shownBy: () => (isShownAlone(types, of.type) ? [of.id] : undefined),
        failed: outcomeOf,
      }),

    note: (notices) => commit.run(() => notices.filter((each) => note(each)).length),
    durable(id) {
      const own = wal.pending(id);
      const theirs = ofOthers?.pending();
      return theirs === undefined ? own : (own?.then(() => theirs) ?? theirs);
    },
    changes: (options) => read(() => changes.read(options)),
    deletion: ({ tenant, type, id }) => read(() => changes.deletion(tenant, types.of(type).number, id)),
    deletions: ({ tenant, type, before = Number.MAX_SAFE_INTEGER, limit }) =>
      read(() => changes.deletions(tenant, types.of(type).number, before, limit)),
    changeRange: (tenant) => read(() => changes.range(tenant)),
    pruneChanges: (before, limit) => commit.run(() => changes.prune(before, limit)),

    ...access,
    deleteTenant: (name, actor) => Promise.resolve(access.deleteTenant(name, actor)).finally(offsets.forget),

    close() {
      isClosed = true;
      access.close();
      const written = commit.close();
      const end = (): Promise<void> | undefined => {
        snapshot.close();
        held?.close();
        const ends = [scans?.close(), large?.close(), copies.close()].filter((each) => each !== undefined);
        // The last connection that is closed tidies up the WAL.
        if (ends.length > 0) return Promise.all(ends).then(() => void db.close());
        db.close();
        return undefined;
      };
      return written === undefined ? end() : written.then(end);
    },
  };
}
