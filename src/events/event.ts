/**
 * The events of the feed, of webhooks and of hooks. Names are `noun.verb`; releases add fields and types, and take none
 * away. Plain types without imports: the published ones. `catalogue.ts` has the same as schemas, held equal by the
 * compiler.
 */

/** Who made a change. The name is the one at that time. */
export interface EventActor {
  readonly kind: string;
  readonly id?: string | undefined;
  readonly name?: string | undefined;
  /** The provider whose token it is: `okta`, `entra`, … */
  readonly idp?: string | undefined;
}

/** What an event is about. */
export interface EventSubject {
  /** The resource type: `User`, `Group`, or one of yours. */
  readonly type: string;
  readonly id: string;
  readonly externalId?: string | undefined;
  readonly userName?: string | undefined;
  /** The version that the change made; `data.meta.version` is this one or a later one. */
  readonly version?: number | undefined;
}

/** One attribute that changed. Without `from` and `to`, its values are not told: a password. */
export interface EventChange {
  /** In the notation of RFC 7644 §3.10: `title`, `name.familyName`, `urn:…:User:department`. */
  readonly path: string;
  readonly from?: unknown;
  readonly to?: unknown;
}

/** A resource as SCIM shows it (RFC 7643 §3), with `meta`; a group without its members. */
export type EventResource = { readonly [attribute: string]: unknown };

interface Envelope<Type extends string> {
  /** The same on every try and in every way of delivery: what was handled under it once is handled. */
  readonly id: string;
  readonly type: Type;
  /** The number of the change in the tenant's record. One change can make several events. */
  readonly sequence: number;
  /** Where to go on: to be stored when this event is handled, and given back as `after`. No event behind it is missed. */
  readonly position: string;
  /** When the change was committed; RFC 3339 in UTC with milliseconds. */
  readonly timestamp: string;
  readonly tenant: string;
  /** The same for all that one request changed. */
  readonly transaction?: string | undefined;
  readonly request?: string | undefined;
  readonly actor: EventActor;
  /** `leaver`: goes ahead of others in delivery, and should be handled at once. */
  readonly priority?: 'leaver' | undefined;
}

/** About a resource that is there. */
interface OfResource<Type extends string> extends Envelope<Type> {
  readonly subject: EventSubject;
  /** Empty for a new resource. */
  readonly changes: readonly EventChange[];
  /** The resource as it is now; null if it was deleted meanwhile, or is too large for a webhook: then `url` has it. */
  readonly data: EventResource | null;
  readonly url?: string | undefined;
}

/** About a resource that is gone. */
interface OfDeleted<Type extends string> extends Envelope<Type> {
  readonly subject: EventSubject;
  readonly data: null;
  /** The last document; of a user with `groups`. Absent where the change record did not keep it yet. */
  readonly previous?: EventResource | undefined;
}

/** A group that a person is in, by itself or by another group. */
export interface EventGroup {
  readonly group: string;
  readonly externalId?: string | undefined;
  readonly display?: string | undefined;
}

/** A role, and the groups that give it. */
export interface EventRole {
  readonly role: string;
  readonly by: readonly EventGroup[];
}

/** An entitlement, and the groups that give it. */
export interface EventEntitlement {
  readonly entitlement: string;
  readonly by: readonly EventGroup[];
}

/** What a person may do in the application: the whole desired state, to be applied as often as one likes. */
export interface Access {
  /** False: no sign-in, no session, no token, no key. Who is locked is not active here, whatever `data.active` is. */
  readonly active: boolean;
  /** Locked here, whatever the provider says. */
  readonly locked: boolean;
  /** From groups by the configured rules; empty without rules. */
  readonly roles: readonly EventRole[];
  readonly entitlements: readonly EventEntitlement[];
  /** All groups, nested ones too: for an application that maps them itself. Empty for who is not active. */
  readonly groups: readonly EventGroup[];
  /** Groups that this change brought, and took. */
  readonly gained: readonly EventGroup[];
  readonly lost: readonly EventGroup[];
}

/**
 * What changed somebody's access: the change of a resource (`patch` of a `Group`, `delete` of a `User`), `lock`, `unlock`, or
 * `rules` of a `Role` or an `Entitlement`, whose id is its name.
 */
export interface EventCause {
  readonly operation: string;
  readonly type: string;
  readonly id: string;
}

interface OfAccess<Type extends string> extends Envelope<Type> {
  readonly subject: EventSubject;
  readonly access: Access;
  readonly cause: EventCause;
}

/** A member that came or went. What is not known any more, of who was deleted later, is absent. */
export interface EventMember {
  readonly id: string;
  readonly type?: string | undefined;
  readonly externalId?: string | undefined;
  readonly userName?: string | undefined;
}

/** Somebody is new. */
export type UserCreated = OfResource<'user.created'>;
/** Attributes of somebody changed. */
export type UserUpdated = OfResource<'user.updated'>;
/** Somebody who was deactivated is active again. */
export type UserReactivated = OfResource<'user.reactivated'>;
/** Who was deleted is there again, as it was. */
export type UserRestored = OfResource<'user.restored'>;
/** What was kept of a person is gone, in earlier events too. */
export interface UserErased extends Envelope<'user.erased'> {
  readonly subject: EventSubject;
  readonly data: null;
}
/** Somebody is active no more: a leaver. */
export interface UserDeactivated extends OfResource<'user.deactivated'> {
  readonly priority: 'leaver';
  readonly access: Access;
}
/** Somebody was deleted: a leaver. */
export interface UserDeleted extends OfDeleted<'user.deleted'> {
  readonly priority: 'leaver';
}
/** What somebody may do changed, by their groups or by the rules. */
export type UserAccessChanged = OfAccess<'user.access_changed'>;
/** A group is new. */
export type GroupCreated = OfResource<'group.created'>;
/** Attributes of a group changed, not its members. */
export type GroupUpdated = OfResource<'group.updated'>;
/** A group was deleted. */
export type GroupDeleted = OfDeleted<'group.deleted'>;
/** A group that was deleted is there again, as it was. */
export type GroupRestored = OfResource<'group.restored'>;
/** Members came or went; of many, in parts. */
export interface GroupMembersChanged extends Envelope<'group.members_changed'> {
  readonly subject: EventSubject;
  /** At most 500 of both together in one part. */
  readonly added: readonly EventMember[];
  readonly removed: readonly EventMember[];
  readonly part: { readonly index: number; readonly of: number };
  readonly data: EventResource | null;
  readonly url?: string | undefined;
}
/** A resource of another type is new. */
export type ResourceCreated = OfResource<'resource.created'>;
/** A resource of another type changed. */
export type ResourceUpdated = OfResource<'resource.updated'>;
/** A resource of another type was deleted. */
export type ResourceDeleted = OfDeleted<'resource.deleted'>;
/** A resource of another type is there again, as it was. */
export type ResourceRestored = OfResource<'resource.restored'>;

/** What is told of nobody and nothing of a directory's own: a connection, a token, a tenant, a delivery. */
interface OfNotice<Type extends string> extends Envelope<Type> {
  /** `Token`, `Tenant`, `Endpoint`, `Consumer`, `Guard`, `Database`, `Role`, `Entitlement` or `User`, with its id, or its name where it has no other. */
  readonly subject: EventSubject;
}

/** The token of a connection. */
export interface EventToken {
  readonly id: string;
  readonly name: string;
  /** The provider whose tolerances apply: `okta`, `entra`, `generic`, … */
  readonly idp: string;
  readonly scope: string;
}

/** A provider's token was used for the first time. */
export interface ConnectionFirstRequest extends OfNotice<'connection.first_request'> {
  readonly token: EventToken;
  readonly lastRequest: string;
}
/** Nothing has come with a provider's token for longer than the setting `connections.silentHours`. */
export interface ConnectionSilent extends OfNotice<'connection.silent'> {
  readonly token: EventToken;
  readonly lastRequest: string;
}
/** A provider asks with a token that is taken no more; told once a day. */
export interface ConnectionFailing extends OfNotice<'connection.failing'> {
  readonly token: EventToken;
  readonly reason: 'expired' | 'revoked';
  /** When it was taken the last time. */
  readonly lastRequest?: string | undefined;
}
/** A token ends in 30 days, in 7 and in 1. */
export interface TokenExpiring extends OfNotice<'token.expiring'> {
  readonly token: EventToken;
  readonly expires: string;
  readonly days: number;
  readonly lastRequest?: string | undefined;
}
/** All of a tenant is gone: whoever was in it has no access any more. The last event of the tenant. */
export interface TenantDeleted extends OfNotice<'tenant.deleted'> {
  readonly priority: 'leaver';
  readonly data: null;
  /** How many there were of each type of resource. */
  readonly counts: { readonly [resourceType: string]: number };
}

/**
 * The database was put back to an earlier state: what was told with numbers between the two did not happen. Whoever may
 * have heard of it compares, or begins with a snapshot.
 */
export interface DatabaseRestored extends OfNotice<'database.restored'> {
  /** The number of the last change that is still what it was. */
  readonly kept: number;
}

/** An endpoint of webhooks. */
export interface EventEndpoint {
  readonly id: string;
  readonly url: string;
}

/** An endpoint of webhooks gets nothing any more, until it is resumed. Not told to the endpoint itself. */
export interface EndpointDisabled extends OfNotice<'endpoint.disabled'> {
  readonly endpoint: EventEndpoint;
  readonly reason: string;
}
/** Somebody left five minutes ago or longer, and an endpoint or a consumer has not heard of it. Not told to the endpoint itself. */
export interface EndpointLagging extends OfNotice<'endpoint.lagging'> {
  /** One of the two. */
  readonly endpoint?: EventEndpoint | undefined;
  readonly consumer?: string | undefined;
  /** When the first one left of whom it has not heard. */
  readonly since: string;
}

/** Many people lose their access at once. `hold`: since then such changes are refused until an operator releases them. */
export interface GuardTripped extends OfNotice<'guard.tripped'> {
  readonly mode: 'alert' | 'hold';
  /** `left`: people were deactivated or deleted. `removed`: they were taken out of groups. */
  readonly loss: 'left' | 'removed';
  /** So many people, of so many who were active, within so many minutes; `hold`: with the change that was refused. */
  readonly people: number;
  readonly of: number;
  readonly minutes: number;
}
/** A change was refused; told once an hour of the same role or person. */
export interface GuardRefused extends OfNotice<'guard.refused'> {
  /** `keep`, `seats`: a role or an entitlement has its least, or its most, people. */
  readonly reason: 'keep' | 'seats' | 'protected';
  readonly role?: string | undefined;
  readonly entitlement?: string | undefined;
  readonly keep?: number | undefined;
  /** How many people would have been left. */
  readonly left?: number | undefined;
  readonly seats?: number | undefined;
  readonly userName?: string | undefined;
}
/** An operator lets everything pass until then. */
export interface GuardReleased extends OfNotice<'guard.released'> {
  readonly until: string;
  /** Since when changes were held back, if they were. */
  readonly held?: string | undefined;
}
/** The last seat of a role or an entitlement is taken: who is to get it next is refused. */
export interface SeatsExhausted extends OfNotice<'seats.exhausted'> {
  readonly role?: string | undefined;
  readonly entitlement?: string | undefined;
  readonly seats: number;
  readonly used: number;
}

/** Sent by hand, to try an endpoint of webhooks; is not in the feed. */
export interface EndpointTest extends Envelope<'endpoint.test'> {
  readonly endpoint: EventEndpoint;
}

/** Everything that the feed and webhooks tell. */
export type Event =
  | UserCreated
  | UserUpdated
  | UserDeactivated
  | UserReactivated
  | UserDeleted
  | UserRestored
  | UserErased
  | UserAccessChanged
  | GroupCreated
  | GroupUpdated
  | GroupDeleted
  | GroupRestored
  | GroupMembersChanged
  | ResourceCreated
  | ResourceUpdated
  | ResourceDeleted
  | ResourceRestored
  | ConnectionFirstRequest
  | ConnectionSilent
  | ConnectionFailing
  | TokenExpiring
  | TenantDeleted
  | DatabaseRestored
  | EndpointDisabled
  | EndpointLagging
  | GuardTripped
  | GuardRefused
  | GuardReleased
  | SeatsExhausted
  | EndpointTest;

/** The names of the events. */
export type EventType = Event['type'];
