/**
 * scimd embedded: the whole server in your own process.
 *
 * ```ts
 * import { createScimd } from 'scimd';
 *
 * const scimd = await createScimd({ database: 'scimd.db' });
 * const { token } = await scimd.createToken({ name: 'okta', idp: 'okta' });
 * Bun.serve({ fetch: scimd.fetch }); // or Deno.serve, Hono, a Next.js route, or:
 * const { url } = await scimd.listen({ port: 8080 });
 * ```
 */

import { applyRules } from './directory/access-rules.ts';
import { Connections, defaultSilentHours } from './directory/connections.ts';
import { embeddedAccess, type ScimdAccess } from './directory/embedded-access.ts';
import { embeddedTokens, type NewToken, type ScimdTokens } from './directory/embedded-tokens.ts';
import { checkName, checkWhole } from './directory/embedder-arguments.ts';
import type { GuardNews, GuardOptions } from './directory/guard.ts';
import type { Hooks, Proposal, ProposedMembers, TenantChange } from './directory/hooks.ts';
import { defaultRetentionDays, Retention } from './directory/retention.ts';
import type { Event } from './events/event.ts';
import { Follower } from './events/follower.ts';
import { watchLags } from './events/lag.ts';
import { EventReader, recordsOf } from './events/reader.ts';
import { shownAs } from './events/shown.ts';
import { SigningKeys } from './events/streams/signing-keys.ts';
import { Streams } from './events/streams/streams.ts';
import { type Delivery, startDelivery } from './events/webhook/delivery.ts';
import { embeddedWebhooks } from './events/webhook/embedded.ts';
import { Endpoints } from './events/webhook/endpoints.ts';
import type { Webhooks } from './events/webhook/management.ts';
import { embeddedHistory, type ScimdHistory } from './history/embedded-history.ts';
import { EvidenceError } from './history/evidence-form.ts';
import { HistoryError } from './history/report.ts';
import { LiveApplication } from './http/application.ts';
import {
  type EmbeddedQuery,
  type EmbeddedResource,
  type EmbeddedResources,
  embeddedResources,
} from './http/embedded-resources.ts';
import type { EmbedderPrincipal, EmbedderRequest } from './http/embedder-authentication.ts';
import { belowBase, fetchWith } from './http/fetch.ts';
import { type NodeHandler, nodeHandler } from './http/node-handler.ts';
import type {
  HttpOptions,
  JwtAlgorithm,
  JwtOptions,
  Limits,
  Log,
  RunningServer,
  TlsIdentity,
} from './http/options.ts';
import { startServer } from './http/server.ts';
import { suggestion } from './nearest.ts';
import { ConfigurationError } from './ops/configuration-error.ts';
import { checkLibraryOptions } from './ops/library-options.ts';
import { readAccessRules } from './query/access-rules.ts';
import { configuredRegistry, DefinitionError, type DefinitionProblem } from './scim/custom-schemas.ts';
import type { ResourceTypeDefinition, SchemaDefinition } from './scim/definitions.ts';
import { type AccessRule, type AccessRuleForm, RulesError } from './scim/roles.ts';
import type { Idp } from './scim/tolerances.ts';
import type {
  AnyTablesOptions,
  Scimd,
  ScimdOptions,
  ScimdStreams,
  ScimdTenants,
  TablesScimdOptions,
} from './scimd.ts';
import type { Actor, Cause, LastState, RecordedEdit } from './store/change.ts';
import type { Lock } from './store/grants.ts';
import type { GuardAlert, GuardReason, GuardState, MassLoss } from './store/guard.ts';
import { openStore } from './store/open.ts';
import { gapAt } from './store/restored.ts';
import { loadedAddon } from './store/sqlite/addon-file.ts';
import type { Scope, Store, Tenant, Token } from './store/store.ts';
import { MapError, type TablesReport } from './store/tables/compile.ts';
import type { RunSql, SqlDatabase } from './store/tables/database.ts';
import {
  type ColumnOptions,
  type ColumnSource,
  type MembersMap,
  members,
  type TableMap,
  type TableSource,
  table,
} from './store/tables/define.ts';
import { type PrismaSql, type SqlConnection, sql, type TablesSource } from './store/tables/drivers.ts';
import type { TablesExplanation } from './store/tables/explain.ts';
import { openTables } from './store/tables/index.ts';
import type { Link } from './store/tables/links.ts';
import { migrationOf } from './store/tables/migration.ts';
import { type TableChange, withinSteps } from './store/tables/within.ts';

export { type DoctorOptions, type DoctorReport, doctor } from './doctor/in-process.ts';
export { type ErrorBody, ScimError, type ScimType } from './error.ts';
export type {
  AccessRule,
  AccessRuleForm,
  Actor,
  Cause,
  EmbeddedQuery,
  EmbeddedResource,
  EmbeddedResources,
  EmbedderPrincipal,
  EmbedderRequest,
  Event,
  GuardAlert,
  GuardNews,
  GuardOptions,
  GuardReason,
  GuardState,
  Hooks,
  HttpOptions,
  Idp,
  JwtAlgorithm,
  JwtOptions,
  LastState,
  Limits,
  Lock,
  Log,
  MassLoss,
  NewToken,
  NodeHandler,
  Proposal,
  ProposedMembers,
  RecordedEdit,
  ResourceTypeDefinition,
  RunningServer,
  SchemaDefinition,
  Scimd,
  ScimdAccess,
  ScimdHistory,
  ScimdOptions,
  ScimdStreams,
  ScimdTenants,
  ScimdTokens,
  Scope,
  TablesScimdOptions,
  Tenant,
  TenantChange,
  TlsIdentity,
  Token,
  Webhooks,
};
export {
  type ColumnOptions,
  type ColumnSource,
  ConfigurationError,
  DefinitionError,
  type DefinitionProblem,
  EvidenceError,
  HistoryError,
  type Link,
  MapError,
  type MembersMap,
  members,
  migrationOf,
  type PrismaSql,
  RulesError,
  type RunSql,
  type SqlConnection,
  type SqlDatabase,
  sql,
  type TableChange,
  type TableMap,
  type TableSource,
  type TablesExplanation,
  type TablesReport,
  type TablesSource,
  table,
};

/** Makes a server of your tables. @throws MapError where the map does not fit them, with every problem and its place. */
export async function createScimd<Transaction, Waits extends boolean>(
  options: TablesScimdOptions<Transaction, Waits>,
): Promise<Scimd>;
/**
 * Opens the database and makes a server of it.
 * @throws ConfigurationError where an option is unknown or wrong, with every problem.
 * @throws DefinitionError where schemas or resource types are wrong, with every problem and its place.
 * @throws StoreError where the database cannot be opened.
 */
export async function createScimd(options: ScimdOptions): Promise<Scimd>;
export async function createScimd(options: ScimdOptions | AnyTablesOptions): Promise<Scimd> {
  checkLibraryOptions(options);
  const { database, schemas, resourceTypes, retentionDays, silentHours, before, after, ...others } = options;
  const given = { ...noTables, ...others };
  const {
    store: source,
    within,
    link,
    migrate,
    containsIndex,
    roles,
    entitlements,
    profile,
    ...more
  } = given;
  const { basePath = '/scim/v2', ...http } = more;
  const configured = configuredRegistry({ schemas, resourceTypes, containsIndex, profile });
  const rules =
    roles === undefined && entitlements === undefined
      ? undefined
      : readAccessRules({ roles, entitlements }, configured);
  const { clock = () => new Date(), sensitiveAttributes: sensitive = [] } = http;
  const own =
    source === undefined
      ? undefined
      : await openTables({
          ...{ database: source.database, tables: source.tables, registry: configured, clock, link },
          migrate: migrate ?? true,
          within: within === undefined ? undefined : withinSteps(within as (...given: unknown[]) => unknown),
        });
  const store: Store =
    own ??
    (await openStore(database as string, {
      ...{ registry: configured, clock, sensitive },
      onNotice: ({ kind, ...notice }) => {
        const { path: attribute, ...rest } = { path: undefined, ...notice };
        const fields = attribute === undefined ? rest : { ...rest, attribute };
        http.log?.info(fields, `opening the database: ${kind}`);
      },
    }));
  const { registry } = store;
  const hooks: Hooks = {
    ...(before === undefined ? {} : { before }),
    ...(within === undefined || own !== undefined ? {} : { within: within as Hooks['within'] & object }),
  };
  const connections = new Connections(store, {
    silentHours: silentHours ?? defaultSilentHours,
    clock,
    onError: (error) => http.log?.error({ err: error }, 'the connections could not be looked at'),
  });
  const { privateReceivers: allowPrivate = false } = http;
  const beside: { delivery?: Delivery } = {};
  const httpOptions: HttpOptions = {
    ...{ ...http, basePath, store, hooks },
    pages: (asked, base) => beside.delivery?.pages(asked, base),
    onDeadToken: (token, reason) => connections.failing(token, reason),
  };
  const start = async (): Promise<LiveApplication> => {
    if (rules !== undefined) await applyRules(store, rules, embedder);
    return LiveApplication.start(httpOptions);
  };
  const application = await start().catch(async (error) => {
    await store.close();
    throw error;
  });
  const shown = shownAs(registry, basePath, http.baseUrl);
  const reader = new EventReader(recordsOf(store), store.feed, shown);
  const follower =
    after &&
    (await Follower.start(store, reader, {
      onEvent: after,
      onError: (error) => http.log?.error({ err: error }, 'the hook after a change failed'),
      onTrouble: (error) =>
        http.log?.error({ err: error }, 'events for the hook after a change cannot be read'),
    }));
  const signingKeys = new SigningKeys(store.streams, clock);
  const streams = new Streams(store, signingKeys, { shown, allowPrivate, clock });
  const endpoints = new Endpoints(store, reader, clock, shown.urlOf);
  const delivery: Delivery = startDelivery({
    store,
    thread: {
      // Over tables of the embedder's own it is done in this thread too.
      ...{ database: database ?? ':memory:', basePath, baseUrl: http.baseUrl, addon: loadedAddon() },
      definitions: { schemas, resourceTypes, containsIndex, profile },
    },
    onNotice(notice) {
      if (notice.kind === 'failing')
        http.log?.error({ reason: notice.message }, 'webhooks cannot be delivered at the moment');
      else
        http.log?.warn(
          { endpoint: notice.endpoint, reason: notice.reason },
          notice.kind === 'gap'
            ? 'a webhook endpoint was away for too long'
            : 'a webhook endpoint is disabled',
        );
    },
  });
  beside.delivery = delivery;
  const retention = new Retention(store, {
    days: retentionDays ?? defaultRetentionDays,
    clock,
    onError: (error) => http.log?.error({ err: error }, 'old changes could not be removed'),
  });
  retention.start();
  connections.start();
  const stopWatching = watchLags(store, clock);
  const tenantNamed = async (name: string): Promise<Tenant | undefined> =>
    (await store.tenants()).find((each) => each.name === name);
  const existing = async (name: string): Promise<number> => {
    const names = (await store.tenants()).map((each) => each.name);
    const tenant = await tenantNamed(name);
    if (tenant === undefined) throw new RangeError(`there is no tenant ${name}${suggestion(name, names)}`);
    return tenant.number;
  };
  /** The number of the tenant of that name, made if there is none. */
  const tenantMade = async (name: string): Promise<number> =>
    ((await tenantNamed(checkName('tenant', name))) ?? (await store.createTenant(name))).number;
  const { create, ...tokens } = embeddedTokens(store, { existing, made: tenantMade }, clock);
  const answer = belowBase(application.answer, basePath, registry);
  const embedded = (name: string): EmbeddedResources =>
    embeddedResources(
      { directory: application.directory, numberOf: existing, base: http.baseUrl ?? basePath },
      name,
    );
  return {
    fetch: (request, given) => {
      const address = given !== undefined && 'remoteAddress' in given ? given.remoteAddress : undefined;
      return fetchWith(answer, request, typeof address === 'string' ? address : undefined);
    },
    handler: nodeHandler(answer),
    get users() {
      return embedded('User');
    },
    get groups() {
      return embedded('Group');
    },
    resources: embedded,
    listen: ({ host = '127.0.0.1', ...where }) =>
      startServer({ ...httpOptions, ...where, host, application }),
    createToken: create,
    tokens,
    tenants: {
      list: async () => store.tenants(),
      create: async (name) => store.createTenant(checkName('tenants.create: name', name)),
      delete: async (name) => store.deleteTenant(name, { kind: 'embedder' }),
    },
    noteRestored: () => store.noteRestored({ kind: 'embedder' }),
    async changes({ tenant: name = 'default', after: last, limit = 100 } = {}) {
      checkWhole({ 'changes: after': last, 'changes: limit': limit });
      const tenant = await existing(name);
      const { oldest, newest } = await store.changeRange(tenant);
      if (last !== undefined && last < oldest - 1)
        throw new RangeError(
          `changes up to ${oldest - 1} of tenant ${name} are gone: the oldest that is kept is ${oldest}`,
        );
      const gap = await gapAt((asked) => store.changes(asked), tenant, last ?? 0, newest);
      if (gap !== undefined)
        throw new RangeError(
          `the database was restored, and what tenant ${name} had between ${gap.kept} and ${last} is taken back`,
        );
      const changes = await store.changes({ tenant, after: last ?? 0, limit });
      await store.durable();
      return changes.map((change) => ({ ...change, tenant: name }));
    },
    access: embeddedAccess(store, existing, clock, embedder),
    history: embeddedHistory(store, existing, embedder, {
      ...{ hooks, sensitive, uniqueDisplayName: http.uniqueDisplayName ?? false },
      ...(httpOptions.guard === undefined ? {} : { guard: httpOptions.guard }),
    }),
    webhooks: embeddedWebhooks(endpoints, { existing, clock }),
    streams: {
      list: async (tenant) => streams.list(tenant === undefined ? undefined : await existing(tenant)),
      show: (id) => streams.show(id),
      pause: (id, reason) => streams.pause(id, reason),
      resume: (id) => streams.resume(id),
      delete: (id) => streams.delete(id),
      rotateKey: async ({ revoke = false } = {}) => (await signingKeys.rotate(revoke)).id,
    },
    report: own?.report,
    async explain(filter, type = 'User') {
      if (own === undefined)
        throw new RangeError('only filters over tables of your own are explained: see scimd explain');
      return own.explain(type, filter);
    },
    async close() {
      retention.stop();
      connections.stop();
      stopWatching();
      application.endWaiting();
      await follower?.stop();
      await delivery.stop();
      await store.close();
    },
  };
}

/** Options that one of the two forms does not have. */
const noTables = { store: undefined, link: undefined, migrate: undefined, containsIndex: undefined };

const embedder: Actor = { kind: 'embedder' };
