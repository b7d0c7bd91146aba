/** Who has which role and entitlement, by rules over groups, and whose access is blocked here. */
import type { AccessRule, Granted } from '../scim/roles.ts';
import type { Actor } from './change.ts';
import type { Awaitable } from './stored-resource.ts';

/** What rules change in a tenant, against those that are in force. */
export interface RulesEffect {
  /** Name of the tenant. */
  readonly tenant: string;
  /** Active people who gain and lose something, by their ids; only of what somebody gains or loses. */
  readonly changes: readonly (Granted & {
    readonly gained: readonly string[];
    readonly lost: readonly string[];
  })[];
  /** Rules that no group matches. */
  readonly unmatched: readonly Granted[];
  /** Groups that give nothing: those that somebody is in, and how many. */
  readonly idle: readonly { readonly group: string; readonly display?: string | undefined }[];
  /** How many active people have each, under the rules. */
  readonly people: readonly (Granted & { readonly people: number })[];
}

/** Somebody's access, blocked here; the provider does not see it. */
export interface Lock {
  readonly id: string;
  /** RFC 3339 in UTC with milliseconds. */
  readonly since: string;
  readonly reason?: string | undefined;
}

/**
 * What the record of a tenant has of a change of its rules: as `before` those that were in force until then. So the rules of a
 * past time are those that the first one after it names, and where there is none those in force.
 */
export const rulesReplaced = {
  event: 'rules.replaced',
  subject: { type: 'Rules', id: 'access-rules' },
} as const;

export interface Grants {
  /** The rules in force: those that were applied last. */
  rules(): Awaitable<readonly AccessRule[]>;
  /** What the rules would change, tenant by tenant. */
  check(rules: readonly AccessRule[]): Awaitable<readonly RulesEffect[]>;
  /**
   * Puts the rules in force, and records for exactly those who gain or lose something that their access changed. It
   * answers what it did; where `refuse` finds something in that, nothing is done.
   */
  apply(
    rules: readonly AccessRule[],
    actor: Actor,
    refuse?: (effect: readonly RulesEffect[]) => Error | undefined,
  ): Promise<readonly RulesEffect[]>;
  /** How many active people have each of what the rules in force give in the tenant. */
  people(tenant: number): Awaitable<readonly (Granted & { readonly people: number })[]>;

  /** Blocks somebody's access; false if it is blocked. */
  lock(tenant: number, id: string, actor: Actor, reason?: string): Promise<boolean>;
  /** False if it was not blocked. */
  unlock(tenant: number, id: string, actor: Actor): Promise<boolean>;
  locks(tenant: number): Awaitable<readonly Lock[]>;
}
