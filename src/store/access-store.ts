/** Tokens and tenants: who may come in, and to whose data. */
import type { Actor } from './change.ts';
import type { Awaitable } from './stored-resource.ts';

/** `metrics` may read metrics, and nothing of people. */
export type Scope = 'scim' | 'read' | 'admin' | 'metrics' | 'events';

/** A bearer token (RFC 6750) as it is kept: without its text. */
export interface Token {
  readonly id: string;
  readonly name: string;
  readonly tenant: number;
  readonly tenantName: string;
  /** The provider whose tolerances apply: `generic`, `strict`, `okta`, … */
  readonly idp: string;
  readonly scope: Scope;
  readonly created: string;
  readonly expires: string | undefined;
  readonly revoked: string | undefined;
  /** The time of its revocation has come: it stays revoked, whatever a clock says later. */
  readonly ended?: true;
  readonly lastUsed: string | undefined;
  /** The id of the user that /Me stands for. */
  readonly subject: string | undefined;
  /** Since when its writes, or all of its tenant, are paused. */
  readonly paused?: string;
}

/** Users, groups and tokens of their own, apart from those of others. */
export interface Tenant {
  readonly number: number;
  readonly name: string;
  readonly created: string;
  /** Since when writes of its tokens are paused. */
  readonly paused?: string;
}

/** Who may come in, and whose data there is: the part of the store that knows nothing of resource types. */
/** Where the public keys of a client are (RFC 7517 §5): at a URL, or here as JSON. */
export type ClientKeys = { readonly jwksUri: string } | { readonly jwks: string };

/** Clients of the token endpoint that authenticate by an assertion (RFC 7523 §2.2). */
export interface ClientStore {
  /** By the id of its token, or by its name where only one client has it. `hash` is that of the token's text. */
  find(
    client: string,
  ): Awaitable<{ readonly token: Token; readonly hash: string; readonly keys: ClientKeys } | undefined>;
  setKeys(token: string, keys: ClientKeys): Promise<void>;
  /** False if it was used before. What has expired at `now` is forgotten; both in milliseconds since 1970. */
  useOnce(key: string, until: number, now: number): Promise<boolean>;
}

export interface AccessStore {
  readonly clients: ClientStore;
  /**
   * By the SHA-256 of the token's text, in lower-case hexadecimal digits. Revoked and expired ones are answered too:
   * the caller decides.
   */
  findToken(hash: string): Awaitable<Token | undefined>;
  createToken(token: {
    readonly hash: string;
    readonly name: string;
    readonly tenant: number;
    readonly idp: string;
    readonly scope: Scope;
    readonly expires?: string;
    readonly subject?: string;
  }): Awaitable<Token>;
  listTokens(tenant?: number): Awaitable<readonly Token[]>;
  /** Undefined if there is no such token; `at` in the future lets it live on until then. */
  revokeToken(id: string, at: string): Awaitable<Token | undefined>;

  /** Pauses what a token writes since then, or resumes it; undefined if there is no such token. */
  pauseToken(id: string, since: string | undefined): Awaitable<Token | undefined>;
  /** The same of all tokens of a tenant, and of those of other issuers. */
  pauseTenant(number: number, since: string | undefined): Awaitable<void>;

  /** Records a notice for each token of a provider that was used for the first time; answers how many tokens were looked at. */
  noteFirstUses(): Promise<number>;

  /** Is there a resource of that id, of whatever type? */
  hasResource(tenant: number, id: string): Awaitable<boolean>;

  tenants(): Awaitable<readonly Tenant[]>;
  /** @throws StoreError `tenant-exists`. */
  createTenant(name: string): Awaitable<Tenant>;
  /** By its number; one that is deleted under the name that it had, for as long as somebody may hear of it. */
  tenant(number: number): Awaitable<Tenant | undefined>;
  /**
   * Deletes the tenant and all that is its own. False if there is none of that name. Its endpoints of webhooks and its
   * tokens of scope `events` stay until {@link forgetTenants}, so that they are told: `tenant.deleted`.
   */
  deleteTenant(name: string, actor?: Actor): Awaitable<boolean>;
  /** Removes what was left of tenants that were deleted before; answers how many. */
  forgetTenants(before: Date): Promise<number>;

  /**
   * Is to be called when the database was put back to an earlier state, by whatever means: the record of each tenant goes
   * on behind all numbers that can have been given out meanwhile, and says so (see restored.ts). Answers of how many tenants.
   */
  noteRestored(actor: Actor): Promise<number>;

  /** Throws a StoreError while it cannot read, or could not write the last time and still cannot. */
  checkReady(): Awaitable<void>;

  close(): Awaitable<void>;
}
