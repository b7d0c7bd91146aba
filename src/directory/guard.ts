/** The guard as it is configured, and what it tells those whom it does not let pass. */
import { fold } from '../scim/comparison.ts';
import type { Actor } from '../store/change.ts';
import type { GuardAlert, GuardPolicy, GuardReason, MassLoss } from '../store/guard.ts';
import { DirectoryError } from './directory-error.ts';

/** When losses of access are too many at once, and who is never to lose theirs. */
export interface GuardOptions {
  /** `alert` tells of it, `hold` refuses it until an operator releases it, `off` does neither; `alert` unless given. */
  readonly mode?: 'off' | 'alert' | 'hold';
  /** From which part of a tenant's active people on, in percent; 20 unless given. */
  readonly percent?: number;
  /** And from how many people on; 20 unless given. */
  readonly people?: number;
  /** Within how many minutes; 60 unless given. */
  readonly minutes?: number;
  /** Ids, externalIds and userNames of people who are never deactivated or deleted. */
  readonly protectedPeople?: readonly string[];
}

/** What the guard did, with the number of the tenant. */
export type GuardNews = { readonly tenant: number } & (
  | ({ readonly kind: 'held' } & MassLoss)
  | { readonly kind: 'refused'; readonly reason: GuardReason }
  | { readonly kind: 'alert'; readonly alert: GuardAlert }
);

export type GuardPolicies = Readonly<Record<'ofProviders' | 'byHand', GuardPolicy>>;

/** How the guard treats what providers, imports and programs write, and what people change here by hand. */
export function guardPolicies(options: GuardOptions): GuardPolicies {
  const { mode = 'alert', percent = 20, people = 20, minutes = 60, protectedPeople = [] } = options;
  const ofProviders: GuardPolicy = {
    ...{ mode, people, minutes, share: percent / 100 },
    protectedPeople: new Set(protectedPeople.map(fold)),
  };
  return { ofProviders, byHand: { ...ofProviders, byHand: true } };
}

export function policyFor({ ofProviders, byHand }: GuardPolicies, { kind }: Actor): GuardPolicy {
  return kind === 'cli' || kind === 'admin' ? byHand : ofProviders;
}

const losses = {
  left: 'deactivated or deleted',
  removed: 'taken out of groups',
} as const;

/** Whoever reads it administers the provider, and knows nothing of this program. */
export function guardError(reason: GuardReason): DirectoryError {
  switch (reason.kind) {
    case 'mass':
      return new DirectoryError(
        'held',
        `Held back, nothing was changed: with this ${reason.people} of ${reason.of} people would be ${losses[reason.loss]} within ${reason.minutes} minutes, which is more than this application accepts unasked. If it was not meant, correct the assignments or the scope in your identity provider. If it was, ask the operator of the application to let it pass ("scimd guard release"); your identity provider then sends it again.`,
      );
    case 'held':
      return new DirectoryError(
        'held',
        `Held back, nothing was changed: too many people would lose access at once, and since ${reason.since} this application holds back whoever is deactivated, deleted or taken out of a group. If it was not meant, correct the assignments or the scope in your identity provider. If it was, ask the operator of the application to let it pass ("scimd guard release"); your identity provider then sends it again.`,
      );
    case 'protected':
      return new DirectoryError(
        'protected',
        `${reason.userName ?? reason.id} is protected in this application and is neither deactivated nor deleted; nothing was changed. Assign the application to this person again in your identity provider, or ask the operator of the application to end the protection (guard.protectedPeople).`,
      );
    case 'keep':
      return new DirectoryError(
        'protected',
        `At least ${reason.keep} active ${reason.keep === 1 ? 'person' : 'people'} must have the ${reason.grant} ${reason.name} in this application, and with this change ${reason.left === 0 ? 'nobody' : `only ${reason.left}`} would; nothing was changed. First give it to somebody else, by a group that grants it, then repeat this change.`,
      );
    case 'seats':
      return new DirectoryError(
        'no-seats',
        `There is no seat left: ${reason.seats} ${reason.seats === 1 ? 'person' : 'people'} may have the ${reason.grant} ${reason.name} in this application, and as many have it; nothing was changed. Take somebody else out of the group that grants it first, or ask the operator of the application for more seats.`,
      );
  }
}
