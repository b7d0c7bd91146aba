/** The store over the embedder's own tables, and the few of scimd's own beside them. */
import type { Registry } from '../../scim/registry.ts';
import type { Change } from '../change.ts';
import { uuidV7Source } from '../layout/ids.ts';
import { pastOver } from '../past-over.ts';
import { grantsOver, guardsOver } from '../sql/access-over.ts';
import { AccessRules } from '../sql/access-rules.ts';
import { deliveryOver } from '../sql/outbox-over.ts';
import type { NewNotice, Outcome, Page, Query, Store, Unit } from '../store.ts';
import { StoreError } from '../store-error.ts';
import type { Awaitable } from '../stored-resource.ts';
import * as access from './access.ts';
import {
  append,
  chainEnds,
  changeRange,
  changesAbout,
  deleted,
  deletionOf,
  deletions,
  digestedChanges,
  note,
  pruneChanges,
  readChanges,
} from './changes.ts';
import { clientsOver } from './clients.ts';
import { compileMaps, MapError, referencesOf, reportOf, type TablesReport } from './compile.ts';
import {
  carryOut,
  databaseSql,
  isAtOnce,
  one,
  type RunSql,
  type SqlDatabase,
  type Steps,
  statement,
} from './database.ts';
import type { TableMap } from './define.ts';
import { explainFilter, type TablesExplanation } from './explain.ts';
import { withFailures, withRetries } from './failures.ts';
import { FeedSteps, feedReads } from './feed.ts';
import { grantStatements, guardStatements } from './grants.ts';
import { Holders } from './holders.ts';
import { KnownTokens } from './known-tokens.ts';
import { memberReader } from './later-members.ts';
import { type Link, linksOf } from './links.ts';
import { Listing } from './listing.ts';
import { shapeProblems } from './map-shape.ts';
import { Memberships } from './memberships.ts';
import { makeTables } from './migration.ts';
import { noAdmin } from './no-admin.ts';
import { Reading } from './reading.ts';
import { servedRegistry } from './served.ts';
import { stepsPort } from './steps.ts';
import { deleteTenant } from './tenant-deletion.ts';
import { TotalCounts } from './totals.ts';
import type { Turn } from './turn.ts';
import { RefusedUnit } from './unit-at-work.ts';
import { isMadeMeanwhile } from './violations.ts';
import type { Within, WithinReads } from './within.ts';
import { InFlight, WriteQueue } from './write-queue.ts';
import { Writing } from './writing.ts';

export interface TablesOptions {
  readonly database: SqlDatabase;
  /** By the name of the resource type. */
  readonly tables: Readonly<Record<string, TableMap>>;
  readonly registry: Registry;
  readonly clock?: () => Date;
  /** Are scimd's own tables made where they are not there? Yes unless false. */
  readonly migrate?: boolean;
  readonly link?: Link | undefined;
  readonly within?: Within | undefined;
}

export interface TablesStore extends Store {
  readonly report: TablesReport;
  /** What a filter of a type becomes. @throws ScimFilterError */
  explain(type: string, filter: string): Awaitable<TablesExplanation>;
}

/** @throws MapError where the map does not fit the tables. */
export async function openTables(options: TablesOptions): Promise<TablesStore> {
  const { tables, registry: asked, clock = () => new Date(), migrate = true } = options;
  const shape = shapeProblems(tables);
  if (shape.length > 0) throw new MapError(shape);
  const database = withFailures(options.database);
  const newId = uuidV7Source(() => clock().getTime());
  const outside = <T>(steps: Steps<T>): Awaitable<T> => carryOut(steps, database, database.run);
  if (migrate)
    await withRetries(
      async () => outside(makeTables(database.dialect, clock().toISOString())),
      isMadeMeanwhile,
    );
  const registry = servedRegistry(asked, tables);
  const memberships = new Memberships(database.dialect);
  const typeNames = asked.resourceTypes.map(({ name }) => name);
  const types = await compileMaps(database, registry, typeNames, tables, memberships, outside);
  const setting = async (name: string): Promise<string> =>
    String((await outside(one('SELECT value FROM scimd_setting WHERE name = ?', name)))?.value ?? '');
  const began = await setting('began');
  const secret = Buffer.from(await setting('secret'), 'base64');
  const names = new Map<number, string>();
  const hasTenants = [...types.values()].some(({ table }) => table.tenant !== undefined);
  const tenantName = (number: number): string => {
    const name = names.get(number);
    if (name === undefined) throw new Error(`there is no tenant ${number}`);
    return name;
  };
  const loadTenants = function* (): Steps<Awaited<ReturnType<Store['tenants']>>> {
    const all = yield* access.listTenants();
    for (const { number, name } of all) names.set(number, name);
    return all;
  };
  const reading = new Reading({ database, types, memberships, began, tenantName });
  const served = [...types.values()];
  const listing = new Listing(database, reading);
  const references = referencesOf(served);
  const tenants = { name: tenantName, load: loadTenants };
  const holders = new Holders(database.dialect, reading, memberships, served, tenants);
  const rules = new AccessRules(asked, grantStatements, holders.sql);
  const writing = new Writing({
    ...{ database, reading, memberships, tenantName, clock, newId, references },
    ...{ holders, rules },
  });
  const feedSteps = new FeedSteps({ reading, memberships, types: served });
  await outside(loadTenants());

  const inFlight = new InFlight(() => {
    if (isClosing) throw closed();
  });
  let isClosing = false;
  let isClosed = false;
  const closed = (): StoreError =>
    new StoreError('closed', 'the store is closed', 'Close it when nothing asks it any more.');
  const read = <T>(steps: () => Steps<T>): Awaitable<T> => {
    if (isClosed) throw closed();
    return outside(steps());
  };
  /** Of a tenant, whose name has to be known first. */
  const stepsOf = function* <T>(tenant: number, steps: () => Steps<T>): Steps<T> {
    if (!names.has(tenant)) yield* loadTenants();
    if (!names.has(tenant)) names.set(tenant, `tenant ${tenant} is gone`);
    return yield* steps();
  };
  const readOf = <T>(tenant: number, steps: () => Steps<T>): Awaitable<T> =>
    read(() => stepsOf(tenant, steps));
  const transaction = <T>(steps: (transaction: unknown) => Steps<T>): Awaitable<T> =>
    database.transaction((run: RunSql, given) => carryOut(steps(given), database, run, given));
  const queue = new WriteQueue(database, transaction);
  const write = async <T>(work: (turn: Turn) => Steps<T>): Promise<T> => {
    if (isClosed) throw closed();
    return queue.run(function* (turn) {
      // It may read where the records end.
      yield* turn.end();
      return yield* work(turn);
    });
  };

  const listeners = new Set<() => void>();
  const told = (): void => {
    for (const listener of listeners) listener();
  };

  const reads: WithinReads = {
    ...{ feed: feedSteps, reading, tenantName },
    users: served.find(({ type }) => type.name === 'User'),
  };
  const carried = function* (unit: Unit, links: ReadonlyMap<number, unknown>, turn: Turn): Steps<Outcome> {
    const id = unit.context.transaction ?? newId();
    // Who comes first holds it until the end, and only then rows: two who hold them in another order wait for each other.
    if (database.dialect === 'postgres') yield* turn.head(unit.tenant);
    const { results, entries, alerts } = yield* writing.unit(unit, id, links, turn);
    const changes = yield* append(unit.tenant, entries, turn);
    if (options.within !== undefined)
      for (const change of changes()) yield* options.within.change(change, reads);
    const { within } = unit;
    if (within !== undefined) yield { call: () => within(changes()) };
    // Hooks may write what is watched.
    if (isHooked(unit)) turn.watch = undefined;
    return { outcome: 'done', results, ...(alerts.length === 0 ? {} : { alerts }) };
  };

  const isHooked = (unit: Unit): boolean => options.within !== undefined || unit.within !== undefined;

  const commitOne = async (unit: Unit): Promise<Outcome> => {
    try {
      if (!names.has(unit.tenant)) await outside(loadTenants());
      const links = await linksOf(unit, options.link, tenantName);
      const { tenant } = unit;
      return await queue.run((turn) => carried(unit, links, turn), { isRepeatable: !isHooked(unit), tenant });
    } catch (error) {
      return error instanceof RefusedUnit ? error.refusal : { outcome: 'failed', error };
    }
  };

  const tokens = new KnownTokens({
    clock,
    find: (hash, now) => read(() => access.findToken(hash, now)),
    used: (id, now) => void write(() => access.noteUse(id, now)).catch(() => {}),
    found: ({ tenant, tenantName: name }) => names.set(tenant, name),
  });
  const counts = new TotalCounts(database);

  const recorded = function* (notices: readonly NewNotice[], turn: Turn): Steps<readonly Change[]> {
    const changes = yield* note(notices, clock(), newId(), turn);
    yield* turn.end();
    return changes;
  };
  const noted = function* (notices: readonly NewNotice[], turn: Turn): Steps<number> {
    return (yield* recorded(notices, turn)).length;
  };
  /** A write of which the application is told when it is done. */
  const writeAndTell = async <T>(work: (turn: Turn) => Steps<T>): Promise<T> => {
    const result = await write(work);
    told();
    return result;
  };
  const port = stepsPort({
    ...{ dialect: database.dialect, holders, read, readOf, note: recorded },
    ...{ write, writeAndTell },
    tenants: loadTenants,
    *tell(change, people) {
      yield* options.within?.access(change, people, reads) ?? [];
    },
  });
  const ownSql = { prefix: 'scimd_', batch: 'id', ...databaseSql[database.dialect] } as const;
  const delivery = deliveryOver({ ...ownSql, clock, newId }, port);
  /** All of one moment. */
  const readAtOnce = <T>(tenant: number, steps: () => Steps<T>): Awaitable<T> => {
    if (isAtOnce(database)) return readOf(tenant, steps);
    if (isClosed) throw closed();
    return transaction(function* () {
      if (database.dialect === 'postgres') yield statement('SET TRANSACTION ISOLATION LEVEL REPEATABLE READ');
      return yield* stepsOf(tenant, steps);
    });
  };
  const feed = feedReads(feedSteps, { read: readOf, readAtOnce });

  const past = pastOver({
    ...{ registry: asked, feed },
    changes: (page) => read(() => readChanges(page)),
    changeRange: (tenant) => read(() => changeRange(tenant)),
    changesAbout: (tenant, id) => read(() => changesAbout(tenant, id)),
    ends: (tenant) => read(() => chainEnds(tenant)),
    digested: (tenant, after, limit) => read(() => digestedChanges(tenant, after, limit)),
  });

  return {
    registry,
    past,
    feed,
    ...delivery,
    clients: clientsOver({ clock, read, write }),
    admin: noAdmin,
    grants: grantsOver(rules, clock, port),
    guards: guardsOver(guardStatements, clock, port),
    report: reportOf(served),
    explain: (name, filter) =>
      readOf(1, () => {
        const type = served.find((each) => each.type.name === name);
        if (type === undefined) throw new RangeError(`there is no resource type ${name}`);
        return explainFilter(database.dialect, listing, type, { tenant: 1, base: '', filter });
      }),
    onCommit(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    newId,
    secretKey: () => secret,

    get(query) {
      const found = readOf(query.tenant, () => reading.get(query));
      const complete = (resource: Awaited<typeof found>) => {
        if (resource?.later === undefined) return resource;
        const { later, ...rest } = resource;
        return {
          ...rest,
          members: memberReader(later, (ids) =>
            read(() => reading.memberPart({ ...later, ids }, query.base ?? '')),
          ),
        };
      };
      return found instanceof Promise ? found.then(complete) : complete(found);
    },
    list: (query: Query): Awaitable<Page> => {
      query.work?.check();
      const readPage = query.targets.length === 1 ? readOf : readAtOnce;
      return readPage(query.tenant, () =>
        listing.list(query, (type, count) => counts.of(query.tenant, type, count)),
      );
    },
    memberCount: (tenant, group, most) => readOf(tenant, () => reading.memberCount(tenant, group, most)),
    credential: (tenant, id) =>
      readOf(tenant, function* () {
        for (const { type } of served) {
          if ((yield* reading.find(type, tenant, id)) === undefined) continue;
          const row = yield* one(
            'SELECT credential FROM scimd_resource WHERE type = ? AND id = ?',
            type.name,
            id,
          );
          if (typeof row?.credential === 'string') return row.credential;
        }
        return undefined;
      }),

    commit: inFlight.around(async (units) => {
      const outcomes = database.dialect === 'sqlite' ? await Promise.all(units.map(commitOne)) : [];
      // What comes first is done first: other connections would not wait for one another.
      if (database.dialect === 'postgres') for (const unit of units) outcomes.push(await commitOne(unit));
      if (outcomes.some(({ outcome }) => outcome === 'done')) told();
      return outcomes;
    }),
    async note(notices) {
      const count = await write((turn) => noted(notices, turn));
      if (count > 0) told();
      return count;
    },
    durable: () => undefined,
    changes: (asked) => read(() => readChanges(asked)),
    deletion: ({ tenant, type, id }) =>
      readOf(tenant, function* () {
        if ((yield* reading.find(type, tenant, id)) !== undefined) return undefined;
        const found = yield* deletionOf(tenant, type.name, id);
        return found === undefined ? undefined : deleted(found);
      }),
    deletions: ({ tenant, type, before, limit }) =>
      readOf(tenant, () => deletions(tenant, type.name, before, limit)),
    changeRange: (tenant) => read(() => changeRange(tenant)),
    pruneChanges: (before, limit) => write(() => pruneChanges(before, limit)),

    findToken: (hash) => tokens.find(hash),
    createToken: (token) => write(() => access.createToken(token, newId(), clock())),
    listTokens: (tenant) => read(() => access.listTokens(tenant, clock())),
    async revokeToken(id, at) {
      const revoked = await write(() => access.revokeToken(id, at, clock()));
      tokens.clear();
      return revoked;
    },
    async pauseToken(id, since) {
      const token = await write(() => access.pauseToken(id, since, clock()));
      tokens.clear();
      return token;
    },
    async pauseTenant(number, since) {
      await write(() => access.pauseTenant(number, since));
      tokens.clear();
    },
    hasResource: (tenant, id) => readOf(tenant, () => feedSteps.has(tenant, id)),
    tenants: () => read(loadTenants),
    async createTenant(name) {
      if (!hasTenants)
        throw new StoreError(
          'other-configuration',
          'the tables are of one tenant: no key.tenant says which column tells tenants apart',
          'Give key.tenant in the map, or use the tenant default.',
        );
      const tenant = await write(() => access.createTenant(name, clock()));
      names.set(tenant.number, tenant.name);
      return tenant;
    },
    tenant: (number) => read(() => access.tenantOf(number)),
    async forgetTenants(before) {
      return write(() => access.forgetTenants(before));
    },
    async noteFirstUses() {
      // Mostly there are none, and nothing is to be written.
      if (!(await read(access.hasFirstUses))) return 0;
      return write((turn) => access.noteFirstUses(clock(), (notices) => noted(notices, turn)));
    },
    noteRestored: (actor) =>
      writeAndTell((turn) => access.noteRestored(actor, clock(), (notices) => noted(notices, turn))),
    async deleteTenant(name, actor) {
      const tenant = (await read(loadTenants)).find((each) => each.name === name);
      if (tenant === undefined) return false;
      const { dialect } = database;
      const { within } = options;
      await write((turn) => {
        const note = (notices: readonly NewNotice[]) => recorded(notices, turn);
        return deleteTenant({ dialect, clock, within, reads, note }, tenant, actor);
      });
      tokens.clear();
      names.delete(tenant.number);
      told();
      return true;
    },
    async checkReady() {
      await read(() => one('SELECT 1 AS ready FROM scimd_setting'));
    },
    async close() {
      isClosing = true;
      await inFlight.none();
      isClosed = true;
    },
  };
}
