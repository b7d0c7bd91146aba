/** The guard: what keeps a provider's mistake from taking everybody's access, or the last one of a role. */
import type { GrantKind } from '../scim/roles.ts';
import type { Actor } from './change.ts';
import type { Awaitable } from './stored-resource.ts';

/** How many people may lose access within a time, and who may not at all. */
export interface GuardPolicy {
  /** `off` counts nobody; protected people, `keep` and `seats` hold all the same. */
  readonly mode: 'off' | 'alert' | 'hold';
  /** It acts on so many people and, of the tenant's active people, so large a share (from 0 to 1): both must be reached. */
  readonly people: number;
  readonly share: number;
  /** Those of the last minutes count together. */
  readonly minutes: number;
  /** Ids, externalIds and userNames, with their case folded, of people who are neither deactivated nor deleted. */
  readonly protectedPeople: ReadonlySet<string>;
  /** A change that a person makes here by hand: it counts, and is not held back. */
  readonly byHand?: boolean;
}

/** `left`: were deactivated or deleted. `removed`: were taken out of a group, or their group was deleted. */
export type Loss = 'left' | 'removed';

/** So many people, of so many who were active, within so many minutes. */
export interface MassLoss {
  readonly loss: Loss;
  readonly people: number;
  readonly of: number;
  readonly minutes: number;
}

/** Why the guard does not let a unit pass. */
export type GuardReason =
  /** It would reach the limit of the policy. */
  | ({ readonly kind: 'mass' } & MassLoss)
  /** The tenant's losses are held back since then. */
  | { readonly kind: 'held'; readonly since: string }
  | { readonly kind: 'protected'; readonly id: string; readonly userName?: string | undefined }
  /** Fewer would have it than must. */
  | {
      readonly kind: 'keep';
      readonly grant: GrantKind;
      readonly name: string;
      readonly keep: number;
      readonly left: number;
    }
  /** More would have it than may. */
  | { readonly kind: 'seats'; readonly grant: GrantKind; readonly name: string; readonly seats: number };

/** Something that passed, and that somebody should know. */
export type GuardAlert =
  | ({ readonly kind: 'mass' } & MassLoss)
  /** The last seat is taken. */
  | {
      readonly kind: 'seats';
      readonly grant: GrantKind;
      readonly name: string;
      readonly seats: number;
    };

/** What the guard of a tenant does now. Times are RFC 3339 in UTC with milliseconds. */
export interface GuardState {
  readonly tenant: number;
  /** Since when losses are held back. */
  readonly held?: string | undefined;
  /** When it raised the alarm last. */
  readonly tripped?: string | undefined;
  /** Until when it lets everything pass. */
  readonly released?: string | undefined;
  /** What it was that time. */
  readonly reason?: MassLoss | undefined;
}

export interface Guards {
  /** Of all tenants whose guard ever did something. */
  states(): Awaitable<readonly GuardState[]>;
  /** Holds losses of the tenant back; false if they are already, or the guard is released. */
  hold(tenant: number, loss: MassLoss, actor: Actor, request: string | undefined): Promise<boolean>;
  /** Records that something was refused, unless the same was within the last hour. */
  refused(
    tenant: number,
    reason: Exclude<GuardReason, { kind: 'mass' | 'held' }>,
    actor: Actor,
    request: string | undefined,
  ): Promise<void>;
  /** Lets everything of a tenant pass until then. */
  release(tenant: number, until: Date, actor: Actor): Promise<GuardState>;
}
