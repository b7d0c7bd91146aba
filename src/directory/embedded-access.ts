/** Roles, locks and the guard for who embeds the server, by names of tenants. */
import type { AccessRule } from '../scim/roles.ts';
import type { Actor } from '../store/change.ts';
import type { Lock } from '../store/grants.ts';
import type { GuardState } from '../store/guard.ts';
import type { Store } from '../store/store.ts';
import { checkName } from './embedder-arguments.ts';

/** Of a tenant by its name, `default` unless given. */
interface OfTenant {
  readonly tenant?: string;
}

/** What {@link Scimd.access} can do. */
export interface ScimdAccess {
  /** The rules in force, each with how many active people of the tenant have it. */
  list(options?: OfTenant): Promise<readonly (AccessRule & { readonly people: number })[]>;
  /**
   * Blocks somebody's access whatever the provider says, which sees nothing of it; false if it is blocked already.
   * `id` is the user's.
   */
  lock(id: string, options?: OfTenant & { readonly reason?: string }): Promise<boolean>;
  /** False if it was not blocked. */
  unlock(id: string, options?: OfTenant): Promise<boolean>;
  locks(options?: OfTenant): Promise<readonly Lock[]>;
  /** What the guard holds back, tenant by tenant. */
  guard(): Promise<readonly GuardState[]>;
  /** Lets everything pass until then, an hour from now unless given. */
  release(options?: OfTenant & { readonly until?: Date }): Promise<GuardState>;
}

const hour = 3_600_000;

/** `numberOf` answers a tenant's number by its name, and throws where there is none. */
export function embeddedAccess(
  store: Pick<Store, 'grants' | 'guards'>,
  numberOf: (tenant: string) => Promise<number>,
  clock: () => Date,
  actor: Actor,
): ScimdAccess {
  return {
    async list({ tenant = 'default' } = {}) {
      const people = await store.grants.people(await numberOf(tenant));
      return (await store.grants.rules())
        .filter(({ tenants }) => tenants === undefined || tenants.includes(tenant))
        .map((rule) => ({
          ...rule,
          people: people.find(({ kind, name }) => kind === rule.kind && name === rule.name)?.people ?? 0,
        }));
    },
    lock: async (id, { tenant = 'default', reason } = {}) =>
      store.grants.lock(await numberOf(tenant), checkName('access.lock: id', id), actor, reason),
    unlock: async (id, { tenant = 'default' } = {}) =>
      store.grants.unlock(await numberOf(tenant), checkName('access.unlock: id', id), actor),
    locks: async ({ tenant = 'default' } = {}) => store.grants.locks(await numberOf(tenant)),
    guard: async () => store.guards.states(),
    release: async ({ tenant = 'default', until = new Date(clock().getTime() + hour) } = {}) =>
      store.guards.release(await numberOf(tenant), until, actor),
  };
}
