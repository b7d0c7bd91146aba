/** What an embedded server is given, and what it can do. */
import type { ScimdAccess } from './directory/embedded-access.ts';
import type { NewToken, ScimdTokens } from './directory/embedded-tokens.ts';
import type { Hooks, TenantChange } from './directory/hooks.ts';
import type { Event } from './events/event.ts';
import type { Stream } from './events/streams/management.ts';
import type { EndpointState, Webhooks } from './events/webhook/management.ts';
import type { ScimdHistory } from './history/embedded-history.ts';
import type { EmbeddedResources } from './http/embedded-resources.ts';
import type { NodeHandler } from './http/node-handler.ts';
import type { HttpOptions, RunningServer, TlsIdentity } from './http/options.ts';
import type { ResourceTypeDefinition, SchemaDefinition } from './scim/definitions.ts';
import type { AccessRuleForm } from './scim/roles.ts';
import type { Tenant } from './store/store.ts';
import type { TablesReport } from './store/tables/compile.ts';
import type { SqlDatabase } from './store/tables/database.ts';
import type { TablesSource } from './store/tables/drivers.ts';
import type { TablesExplanation } from './store/tables/explain.ts';
import type { Link } from './store/tables/links.ts';
import type { TableChange } from './store/tables/within.ts';

/** What {@link createScimd} takes for a database of its own, in SQLite or PostgreSQL. */
export interface ScimdOptions
  extends Partial<Omit<HttpOptions, 'store' | 'hooks' | 'mounts' | 'exchangeLog' | 'onDeadToken' | 'pages'>>,
    Hooks {
  /** The SQLite file; `:memory:` lives as long as the server; or `postgres://USER:PASSWORD@HOST/DATABASE`. */
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
  /**
   * Is told of each event of the feed once it is durable, whoever made the change, from the start of the server on: in
   * their order, and of the next when what it answered has settled. What it throws is logged, and changes nothing. Several
   * servers on one database are each told of all, with the same ids.
   */
  readonly after?: (event: Event) => unknown;
  /** Hours without a request after which the connection of a provider is silent, which is an event; 72 unless given, 0: never. */
  readonly silentHours?: number;
}

/** SCIM on tables of your own, in place of a database of scimd's own. */
export interface TablesScimdOptions<Transaction, Waits extends boolean>
  extends Omit<ScimdOptions, 'database' | 'within' | 'containsIndex'> {
  /** Your tables with their database: `sql(pool, { User, Group })`. */
  readonly store: TablesSource<Transaction, Waits>;
  readonly database?: undefined;
  /** Are scimd's own tables (`scimd_…`) made where they are missing? Yes unless false: then run what `migrationOf` answers. */
  readonly migrate?: boolean;
  /** Finds the row that a new resource is to be, by its key, where it is there already. Never by e-mail. */
  readonly link?: Link;
  /**
   * Runs in the transaction of the change, with it, which is taken back if it throws; a ScimError is what the client
   * gets. Only where the driver can wait may it answer a promise.
   */
  readonly within?: (
    transaction: Transaction,
    change: TableChange,
  ) => Waits extends true ? void | Promise<void> : undefined;
}

/** The same, whatever the driver. */
export interface AnyTablesOptions extends Omit<TablesScimdOptions<never, boolean>, 'store' | 'within'> {
  readonly store: { readonly database: SqlDatabase; readonly tables: TablesSource['tables'] };
  readonly within?: (...given: never[]) => unknown;
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

/** The server in your process. */
export interface Scimd {
  /**
   * Answers a WHATWG Request; bound, so that it can be passed on by itself. `remoteAddress` is the peer's, which rate
   * limits go by; what else hosts give as a second argument is ignored.
   */
  readonly fetch: (
    request: Request,
    more?: { readonly remoteAddress?: string | undefined } | object,
  ) => Promise<Response>;
  /** Answers a request of node:http, Express, Fastify (`request.raw`, `reply.raw`), also behind a parser that has read the body. */
  readonly handler: NodeHandler;
  /** Resources without tokens and HTTP, through the same use cases, hooks and record. */
  readonly users: EmbeddedResources;
  readonly groups: EmbeddedResources;
  /** The same of another resource type by its name. @throws RangeError where there is none. */
  resources(type: string): EmbeddedResources;
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
   * @throws RangeError where changes after that number are kept no longer, or a restored database has taken them back.
   */
  changes(options?: {
    readonly tenant?: string;
    readonly after?: number;
    readonly limit?: number;
  }): Promise<readonly TenantChange[]>;
  /**
   * To be called when the database was put back to an earlier state, before anything else is written: what follows the
   * feed and was ahead of it is told to begin with a snapshot. Answers of how many tenants.
   */
  noteRestored(): Promise<number>;
  /** Who has what, whose access is blocked, and what the guard holds back. */
  readonly access: ScimdAccess;
  /** Who had access when, and the proof; deleted resources brought back, and people erased. */
  readonly history: ScimdHistory;
  /** Endpoints that are told of every event (Standard Webhooks 1.0.0). */
  readonly webhooks: Webhooks;
  /** Streams of security event tokens (RFC 9967, Shared Signals Framework 1.0). */
  readonly streams: ScimdStreams;
  /** Of tables of your own: what has no index, and what goes to `rest`. */
  readonly report: TablesReport | undefined;
  /**
   * What a filter of a resource type (`User` unless given) becomes over tables of your own, and how the database means
   * to carry it out.
   * @throws ScimFilterError where the filter is wrong, or by what has no column. RangeError without tables of your own.
   */
  explain(filter: string, type?: string): Promise<TablesExplanation>;
  /** Closes the database; close what listens first. Tables of your own stay open. */
  close(): Promise<void>;
}

/** What {@link Scimd.tenants} can do. */
export interface ScimdTenants {
  list(): Promise<readonly Tenant[]>;
  /** @throws StoreError `tenant-exists`. */
  create(name: string): Promise<Tenant>;
  /** Deletes the tenant with all that is its own; false if there is none of that name. */
  delete(name: string): Promise<boolean>;
}
