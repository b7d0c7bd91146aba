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
import type { GuardNews, GuardOptions } from './directory/guard.ts';
import type { Hooks, Proposal, ProposedMembers, TenantChange } from './directory/hooks.ts';
import { defaultRetentionDays, Retention } from './directory/retention.ts';
import { Tokens } from './directory/tokens.ts';
import { watchLags } from './events/lag.ts';
import { EventReader, recordsOf } from './events/reader.ts';
import { shownAs } from './events/shown.ts';
import type { Stream } from './events/streams/management.ts';
import { SigningKeys } from './events/streams/signing-keys.ts';
import { Streams } from './events/streams/streams.ts';
import { type Delivery, startDelivery } from './events/webhook/delivery.ts';
import { embeddedWebhooks } from './events/webhook/embedded.ts';
import { Endpoints } from './events/webhook/endpoints.ts';
import type { EndpointState, Webhooks } from './events/webhook/management.ts';
import { LiveApplication } from './http/application.ts';
import { fetchWith } from './http/fetch.ts';
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
import { ConfigurationError } from './ops/configuration-error.ts';
import { checkLibraryOptions } from './ops/library-options.ts';
import { readAccessRules } from './query/access-rules.ts';
import { configuredRegistry, DefinitionError, type DefinitionProblem } from './scim/custom-schemas.ts';
import type { ResourceTypeDefinition, SchemaDefinition } from './scim/definitions.ts';
import { type AccessRule, type AccessRuleForm, RulesError } from './scim/roles.ts';
import type { Idp } from './scim/tolerances.ts';
import type { ClientKeys } from './store/access-store.ts';
import type { Actor, Cause, LastState, RecordedEdit } from './store/change.ts';
import type { Lock } from './store/grants.ts';
import type { GuardAlert, GuardReason, GuardState, MassLoss } from './store/guard.ts';
import { loadedAddon } from './store/sqlite/addon-file.ts';
import { openSqliteStoreAsync } from './store/sqlite/index.ts';
import type { Scope, Tenant, Token } from './store/store.ts';

export { type ErrorBody, ScimError, type ScimType } from './error.ts';
export type {
  AccessRule,
  AccessRuleForm,
  Actor,
  Cause,
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
  Proposal,
  ProposedMembers,
  RecordedEdit,
  ResourceTypeDefinition,
  RunningServer,
  SchemaDefinition,
  ScimdAccess,
  Scope,
  Tenant,
  TenantChange,
  TlsIdentity,
  Token,
};
export { ConfigurationError, DefinitionError, type DefinitionProblem, RulesError };

export interface ScimdOptions
  extends Partial<Omit<HttpOptions, 'store' | 'hooks' | 'mounts' | 'exchangeLog' | 'onDeadToken'>>,
    Hooks {
  /** The SQLite file; `:memory:` lives as long as the server. */
  readonly database: string;
  /** Schemas of your own, beside User, Group and EnterpriseUser (RFC 7643 §7). */
  readonly schemas?: readonly SchemaDefinition[];
  /** New resource types; an entry with the name of a standard type adds its `schemaExtensions` (RFC 7643 §6). */
  readonly resourceTypes?: readonly (Partial<ResourceTypeDefinition> & { readonly name: string })[];
  /** Attributes, in standard notation, with an index for `co` (RFC 7644 §3.4.2.2): worth its writes from 100,000 resources on. */
  readonly containsIndex?: readonly string[];
  /**
   * Roles and entitlements by their names, with the groups that give them. They are in force from the start on, unless
   * they would leave a role with fewer people than it must keep: then createScimd throws a RulesError.
   */
  readonly roles?: Readonly<Record<string, AccessRuleForm>>;
  readonly entitlements?: Readonly<Record<string, AccessRuleForm>>;
  /** How many days changes are kept; 400 unless given, 0 for ever. */
  readonly retentionDays?: number;
  /** Holds the server to the profile of OpenID's IPSIE. */
  readonly profile?: 'ipsie';
  /** Hours without a request after which the connection of a provider is silent, which is an event; 72 unless given, 0: never. */
  readonly silentHours?: number;
}

export interface NewToken {
  readonly name: string;
  /** Name of the tenant; `default` unless given, made if there is none. */
  readonly tenant?: string;
  /** Whose tolerances apply; `generic` unless given. */
  readonly idp?: Idp;
  readonly scope?: Scope;
  /** A year from now unless given (RFC 7644 §7.4: tokens have an end). */
  readonly expires?: Date;
  /** The id of the user that /Me stands for. */
  readonly subject?: string;
  /** With keys it is a client of the token endpoint, which authenticates by assertions (RFC 7523); its id is its client_id. */
  readonly keys?: ClientKeys;
}

/** What `scimd stream` does. Receivers make streams over HTTP, with a token of scope `events`. */
export interface ScimdStreams {
  /** All, or those of the tenant of that name. */
  list(tenant?: string): Promise<readonly Stream[]>;
  /** With its last attempts, newest first, and what waits in it. */
  show(id: string): Promise<EndpointState>;
  /** The receiver is told before. */
  pause(id: string, reason?: string): Promise<Stream>;
  /** Goes on where it was, and the receiver is told. */
  resume(id: string): Promise<Stream>;
  delete(id: string): Promise<void>;
  /** Tokens are signed with a new key from now on, whose id it answers. `revoke`: the old ones are published no longer. */
  rotateKey(options?: { readonly revoke?: boolean }): Promise<string>;
}

export interface Scimd {
  /**
   * Answers a WHATWG Request; bound, so that it can be passed on by itself. `remoteAddress` is the peer's, which rate
   * limits go by; what else hosts give as a second argument is ignored.
   */
  readonly fetch: (
    request: Request,
    more?: { readonly remoteAddress?: string | undefined } | object,
  ) => Promise<Response>;
  /** Serves on node:http, or node:https with `tls`. `port` 0 takes a free one; `host` is 127.0.0.1 unless given. */
  listen(options: {
    readonly port: number;
    readonly host?: string;
    readonly tls?: TlsIdentity;
  }): Promise<RunningServer>;
  /** The token's text is told here only. */
  createToken(token: NewToken): Promise<{ readonly id: string; readonly token: string }>;
  readonly tokens: ScimdTokens;
  readonly tenants: ScimdTenants;
  /**
   * Changes of a tenant after a number, oldest first: what came, changed and went. Without `after` from the oldest that
   * is kept; `tenant` is `default` and `limit` 100 unless given.
   * @throws RangeError where changes after that number are kept no longer.
   */
  changes(options?: {
    readonly tenant?: string;
    readonly after?: number;
    readonly limit?: number;
  }): Promise<readonly TenantChange[]>;
  /** Who has what, whose access is blocked, and what the guard holds back. */
  readonly access: ScimdAccess;
  /** Endpoints that are told of every event (Standard Webhooks 1.0.0). */
  readonly webhooks: Webhooks;
  /** Streams of security event tokens (RFC 9967, Shared Signals Framework 1.0). */
  readonly streams: ScimdStreams;
  /** Closes the database; close what listens first. */
  close(): Promise<void>;
}

const day = 24 * 60 * 60 * 1000;

/** What {@link Scimd.tokens} can do. */
export interface ScimdTokens {
  /** All, or those of the tenant of that name; revoked and expired ones too. */
  list(options?: { readonly tenant?: string }): Promise<readonly Token[]>;
  /**
   * A new token for the same use, whose text is told here only. The old one works for `overlapSeconds` more, a day
   * unless given; the new one lives as long as the old one was given, unless `expires` is.
   * @throws RangeError if there is no such token.
   */
  rotate(
    id: string,
    options?: { readonly overlapSeconds?: number; readonly expires?: Date },
  ): Promise<{ readonly id: string; readonly token: string }>;
  /**
   * Takes a token back from now on.
   * @throws RangeError if there is no such token.
   */
  revoke(id: string): Promise<Token>;
}

/** What {@link Scimd.tenants} can do. */
export interface ScimdTenants {
  list(): Promise<readonly Tenant[]>;
  /** @throws StoreError `tenant-exists`. */
  create(name: string): Promise<Tenant>;
  /** Deletes the tenant with all that is its own; false if there is none of that name. */
  delete(name: string): Promise<boolean>;
}

/** Seconds for which a token that was replaced works on. */
const overlap = day / 1000;

/**
 * Opens the database and makes a server of it.
 * @throws ConfigurationError where an option is unknown or wrong, with every problem.
 * @throws DefinitionError where schemas or resource types are wrong, with every problem and its place.
 * @throws StoreError where the database cannot be opened.
 */
export async function createScimd(options: ScimdOptions): Promise<Scimd> {
  checkLibraryOptions(options);
  const { database, schemas, resourceTypes, containsIndex, retentionDays, silentHours, ...others } = options;
  const { before, within, after, profile, ...more } = others;
  const { basePath = '/scim/v2', roles, entitlements, ...http } = more;
  const registry = configuredRegistry({ schemas, resourceTypes, containsIndex, profile });
  const rules =
    roles === undefined && entitlements === undefined
      ? undefined
      : readAccessRules({ roles, entitlements }, registry);
  const clock = http.clock ?? (() => new Date());
  const store = await openSqliteStoreAsync({
    file: database,
    registry,
    clock,
    onNotice: ({ kind, ...notice }) => {
      const { path: attribute, ...rest } = { path: undefined, ...notice };
      const fields = attribute === undefined ? rest : { ...rest, attribute };
      http.log?.info(fields, `opening the database: ${kind}`);
    },
  });
  const hooks: Hooks = {
    ...(before === undefined ? {} : { before }),
    ...(within === undefined ? {} : { within }),
    ...(after === undefined ? {} : { after }),
  };
  const connections = new Connections(store, {
    silentHours: silentHours ?? defaultSilentHours,
    clock,
    onError: (error) => http.log?.error({ err: error }, 'the connections could not be looked at'),
  });
  const { privateReceivers: allowPrivate = false } = http;
  const httpOptions: HttpOptions = {
    ...{ ...http, basePath, store, hooks },
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
  const signingKeys = new SigningKeys(store.streams, clock);
  const streams = new Streams(store, signingKeys, { shown, allowPrivate });
  const endpoints = new Endpoints(store, reader, clock, shown.urlOf);
  const delivery: Delivery = startDelivery({
    store,
    thread: {
      ...{ file: database, basePath, baseUrl: http.baseUrl, addon: loadedAddon() },
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
  const retention = new Retention(store, {
    days: retentionDays ?? defaultRetentionDays,
    clock,
    onError: (error) => http.log?.error({ err: error }, 'old changes could not be removed'),
  });
  retention.start();
  connections.start();
  const stopWatching = watchLags(store, clock);
  const tokens = new Tokens(store, clock);
  const tenantNamed = async (name: string): Promise<Tenant | undefined> =>
    (await store.tenants()).find((each) => each.name === name);
  const existing = async (name: string): Promise<number> => {
    const tenant = await tenantNamed(name);
    if (tenant === undefined) throw new RangeError(`there is no tenant ${name}`);
    return tenant.number;
  };
  /** The number of the tenant of that name, made if there is none. */
  const tenantMade = async (name: string): Promise<number> =>
    ((await tenantNamed(name)) ?? (await store.createTenant(name))).number;
  return {
    fetch: (request, given) => {
      const address = given !== undefined && 'remoteAddress' in given ? given.remoteAddress : undefined;
      return fetchWith(application, request, typeof address === 'string' ? address : undefined);
    },
    listen: ({ host = '127.0.0.1', ...where }) =>
      startServer({ ...httpOptions, ...where, host, application }),
    async createToken({ tenant = 'default', idp = 'generic', scope = 'scim', ...asked }) {
      const number = await tenantMade(tenant);
      const { token, secret } = await tokens.create({ ...asked, tenant: number, idp, scope });
      return { id: token.id, token: secret };
    },
    tokens: {
      list: async ({ tenant } = {}) =>
        store.listTokens(tenant === undefined ? undefined : await existing(tenant)),
      async rotate(id, { overlapSeconds = overlap, expires } = {}) {
        const old = (await store.listTokens()).find((each) => each.id === id);
        if (old === undefined) throw noToken(id);
        const until = new Date(clock().getTime() + overlapSeconds * 1000);
        const { token, secret } = await tokens.rotate(old, until, expires);
        return { id: token.id, token: secret };
      },
      async revoke(id) {
        const revoked = await tokens.revoke(id);
        if (revoked === undefined) throw noToken(id);
        return revoked;
      },
    },
    tenants: {
      list: async () => store.tenants(),
      create: async (name) => store.createTenant(name),
      delete: async (name) => store.deleteTenant(name, { kind: 'embedder' }),
    },
    async changes({ tenant: name = 'default', after: last, limit = 100 } = {}) {
      const tenant = await existing(name);
      const { oldest } = await store.changeRange(tenant);
      if (last !== undefined && last < oldest - 1)
        throw new RangeError(
          `changes up to ${oldest - 1} of tenant ${name} are gone: the oldest that is kept is ${oldest}`,
        );
      const changes = await store.changes({ tenant, after: last ?? 0, limit });
      await store.durable();
      return changes.map((change) => ({ ...change, tenant: name }));
    },
    access: embeddedAccess(store, existing, clock, embedder),
    webhooks: embeddedWebhooks(endpoints, { existing, made: tenantMade, clock }),
    streams: {
      list: async (tenant) => streams.list(tenant === undefined ? undefined : await existing(tenant)),
      show: (id) => streams.show(id),
      pause: (id, reason) => streams.pause(id, reason),
      resume: (id) => streams.resume(id),
      delete: (id) => streams.delete(id),
      rotateKey: async ({ revoke = false } = {}) => (await signingKeys.rotate(revoke)).id,
    },
    async close() {
      retention.stop();
      connections.stop();
      stopWatching();
      application.endWaiting();
      await delivery.stop();
      await store.close();
    },
  };
}

const embedder: Actor = { kind: 'embedder' };

function noToken(id: string): RangeError {
  return new RangeError(`there is no token ${id}`);
}
