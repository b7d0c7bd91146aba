/**
 * The store contract. What is written comes in units: each is done whole or not at all, and units are carried out in
 * their order. No `transaction(callback)`: a synchronous SQLite transaction cannot span an `await`, and other engines
 * retry. Contract tests run against every implementation.
 */
import type { Plan } from '../query/plan.ts';
import type { SensitivePaths } from '../query/sensitive.ts';
import type { Attribute, Registry, ResourceType } from '../scim/registry.ts';
import type { AccessStore, Scope, Tenant, Token } from './access-store.ts';
import type { AdminStore } from './admin.ts';
import type { Actor, Cause, Change, ChangeRange, DeletedResource, Notice } from './change.ts';
import type { DocumentChange } from './document-change.ts';
import type { FeedReads } from './feed.ts';
import type { Grants } from './grants.ts';
import type { GuardAlert, GuardPolicy, GuardReason, Guards } from './guard.ts';
import type { OpeningNotice } from './opening-notice.ts';
import type { Outbox } from './outbox.ts';
import type { PastReads } from './past.ts';
import type { Awaitable, StoredResource } from './stored-resource.ts';
import type { StreamStore } from './streams.ts';
import type { Work } from './work.ts';

export type {
  AccessStore,
  Awaitable,
  DeletedResource,
  OpeningNotice,
  Scope,
  SensitivePaths,
  StoredResource,
  Tenant,
  Token,
};

/** A validated resource under its registered names, without `meta`, `password` and edges (members, groups). */
export type Document = Readonly<Record<string, unknown>>;

/** Which of the parts are read that a resource's text does not have. */
export interface Parts {
  readonly groups?: boolean | undefined;
  readonly members?: boolean | undefined;
}

/** One resource by its id. */
export interface ResourceQuery extends Parts {
  readonly tenant: number;
  readonly type: ResourceType;
  readonly id: string;
  /** As in {@link Query}: what `$ref` of members begins with. */
  readonly base?: string;
  /** As in {@link Query}. */
  readonly work?: Work | undefined;
}

/** A resource as it was read, with the parts that were asked for: all of one snapshot. */
export interface FoundResource extends StoredResource {
  /** The groups that it is in, direct ones first; absent if it is in none. */
  readonly groups?: readonly GroupReference[] | undefined;
  /**
   * Its members: JSON objects with commas between them, empty if there are none. Those of a large group are read part by
   * part, and whoever was given a reader closes it.
   */
  readonly members?: string | MemberReader | undefined;
}

/** Reads the members of one group to their end from the snapshot that the group was read from. */
export interface MemberReader {
  /**
   * JSON objects with commas between them; undefined behind the last, or once it was closed. Other requests have their
   * turn in between. Rejects with StoreError `snapshot-expired` where the snapshot was held for too long.
   */
  next(): Promise<string | undefined>;
  /** Lets go of the snapshot, which holds up the store's housekeeping. At the end it has done so itself. */
  close(): void;
}

/** One value of Group.members. `type` and `display` are the store's to know for resources that it holds. */
export interface Member {
  readonly value: string;
  readonly type?: string;
  readonly display?: string;
}

/** Edits of a group's members, carried out in order at the cost of the change, not of the group. */
export type MemberEdit =
  | { readonly kind: 'add'; readonly members: readonly Member[] }
  | { readonly kind: 'remove'; readonly values: readonly string[] }
  /** Removes the members that the plan, bound to the `members` attribute, selects. */
  | { readonly kind: 'removeWhere'; readonly plan: Plan }
  /**
   * Changes nothing: the plan must select a member at this point, or with `orEmpty` there must be none at all. Else the
   * command is refused as `unmatched`, with `detail`.
   */
  | {
      readonly kind: 'require';
      readonly plan: Plan;
      readonly orEmpty: boolean;
      readonly detail: string;
    }
  /** The exact new set; empty removes all. */
  | { readonly kind: 'replace'; readonly members: readonly Member[] };

/** What a unit tells the change record of itself. */
export interface WriteContext {
  readonly actor: Actor;
  /** The id of the request, as its answer and the log have it. */
  readonly request?: string | undefined;
  /** Of all that is to be known as one, such as a bulk request; absent: the unit has one of its own. */
  readonly transaction?: string | undefined;
  /** Names of the tolerances that were needed to read what is written. */
  readonly tolerances?: readonly string[] | undefined;
  readonly cause?: Cause;
}

/** A notice that is to be recorded. */
export interface NewNotice extends Notice {
  readonly tenant: number;
  readonly subject: { readonly type: string; readonly id: string };
  /** `system` without it. */
  readonly actor?: Actor;
  readonly request?: string;
  readonly cause?: Cause;
  /** RFC 3339: if the same was recorded of the same subject since then, by whatever server, it is not recorded again. */
  readonly unlessSince?: string;
  /** Its number, where that is behind the last one; it says which one was the last before (see restored.ts). */
  readonly leap?: number;
}

/** A command that can give a resource its displayName. */
interface NamingCommand {
  readonly type: ResourceType;
  /**
   * Is a displayName that another resource of the type and tenant has, by its comparison key, refused as `taken`? One
   * that stays as it was is not looked at.
   */
  readonly uniqueDisplayName?: boolean;
}

export interface CreateCommand extends NamingCommand {
  readonly kind: 'create';
  /** Without `id`: the store assigns it and puts it in its place. */
  readonly document: Document;
  readonly members?: readonly MemberEdit[];
  /** A password hash (PHC string), kept apart from the document. */
  readonly credential?: string;
  /** Assigned beforehand, by an import that keeps ids. */
  readonly id?: string;
}

export interface UpdateCommand extends NamingCommand {
  readonly kind: 'update';
  readonly id: string;
  readonly operation: 'replace' | 'patch';
  /** Compare and swap: the version that the change was computed from. Absent: whatever is there. */
  readonly expected?: number;
  /** Absent if nothing of the document changes; what was before is as read at `expected`, which must be given with it. */
  readonly document?: DocumentChange | undefined;
  readonly members?: readonly MemberEdit[] | undefined;
  /** A new password hash; null clears it. */
  readonly credential?: string | null | undefined;
  readonly sensitive?: SensitivePaths | undefined;
  /**
   * Are its groups wanted with it, and its members counted behind the change, up to so many? A store may leave the groups to
   * be read; and it may answer the members where they are fewer.
   */
  readonly groups?: boolean | undefined;
  readonly countMembers?: number | undefined;
}

export interface DeleteCommand {
  readonly kind: 'delete';
  readonly type: ResourceType;
  readonly id: string;
  readonly expected?: number;
  readonly sensitive?: SensitivePaths;
  /** The same of other types, of which a resource may have referred to this one. */
  readonly sensitiveOf?: (type: ResourceType) => SensitivePaths | undefined;
}

/** Brings a deleted resource back, with its id, in the groups that it was in, and a group with its members. */
export interface RestoreCommand extends NamingCommand {
  readonly kind: 'restore';
  readonly id: string;
  /** In place of the document that the record of its deletion has. */
  readonly document?: Document;
}

/**
 * Takes a resource out of everything that is stored of it, its own changes included, and deletes it first if it is
 * there. Of what stays the numbers, times, ids and digests are as they were.
 */
export interface EraseCommand extends Pick<DeleteCommand, 'sensitive' | 'sensitiveOf'> {
  readonly kind: 'erase';
  readonly type: ResourceType;
  readonly id: string;
}

export type Command = CreateCommand | UpdateCommand | DeleteCommand | RestoreCommand | EraseCommand;

/** Commands of one tenant that are done all or none, in their order. */
export interface Unit {
  readonly tenant: number;
  readonly context: WriteContext;
  /** As in {@link Query}: for an edit of members that selects by `$ref`. */
  readonly base?: string;
  readonly commands: readonly Command[];
  /**
   * Runs in the unit's transaction, with its changes, when all commands are done. What it throws takes the unit back,
   * which then has `failed` with it.
   */
  readonly within?: ((changes: readonly Change[]) => void) | undefined;
  /** Of the request that it is a part of; without it there is no limit. Past it the outcome is `failed`, with a WorkError. */
  readonly work?: Work | undefined;
  /** What the guard lets pass; without it everything but what `keep` and `seats` of roles refuse. */
  readonly guard?: GuardPolicy;
}

/** What is to be done with a resource as it is: one update; nothing; or what cannot be told at once. */
export type Computed = Unit | 'unchanged' | 'apart';

/** What a command did. `unchanged`: the edits turned out to have no effect. */
export type Result =
  | {
      readonly outcome: 'created' | 'updated' | 'unchanged' | 'restored';
      readonly resource: FoundResource;
    }
  | { readonly outcome: 'deleted' | 'erased' };

/** Why nothing of a unit was done; `command` is the index of the command that could not be. */
export type Refusal = { readonly command: number } & (
  | {
      /**
       * `missing`: there is no such resource; or nothing of its deletion to restore it from, nothing to erase. `present`:
       * what is to be restored is there. `conflict`: its version was not `expected`, or its change is to be told apart.
       * `invalid-id`: an id must not be empty and must not contain `bulkId` (RFC 7643 §3.1), and is no way up in a URL.
       */
      readonly outcome: 'missing' | 'present' | 'conflict' | 'invalid-id';
    }
  /** A `require` of {@link MemberEdit} is not met. */
  | { readonly outcome: 'unmatched'; readonly detail: string }
  /** Another resource has the value of a unique attribute, or the id. */
  | { readonly outcome: 'taken'; readonly path: string; readonly value: unknown }
  | { readonly outcome: 'guarded'; readonly reason: GuardReason }
);

/** `failed`: the store could not do it, mostly a StoreError; nothing of the unit was done. */
export type Outcome =
  | {
      readonly outcome: 'done';
      readonly results: readonly Result[];
      /** What the guard has to say of it, if anything. */
      readonly alerts?: readonly GuardAlert[];
    }
  | Refusal
  | { readonly outcome: 'failed'; readonly error: unknown };

/**
 * A place in an ordered result, from which the next or the previous page goes on: text that only the store that made it
 * can read.
 */
export type Position = string;

export interface Query extends Parts {
  readonly tenant: number;
  /** Absolute base of the request's URLs, as answered: what `meta.location` and `$ref` are compared with. */
  readonly base?: string;
  /** The types searched and the filter as bound to each; `sort` is where each type has the sortBy attribute. */
  readonly targets: readonly {
    readonly type: ResourceType;
    readonly plan?: Plan;
    readonly sort?: Attribute;
    /** Names of the members of the document that are wanted, if not all are: of large ones no others are read. */
    readonly shown?: readonly string[] | undefined;
  }[];
  readonly descending?: boolean;
  /** How many results to skip (index pagination). */
  readonly offset?: number;
  /** Page size; 0 counts only. */
  readonly limit: number;
  /** Keyset pagination: the page after, or before, this position, at constant cost. */
  readonly after?: Position;
  readonly before?: Position;
  /** Of the request that it is a part of; without it there is no limit. Past it, or when the request ends, it rejects with a WorkError. */
  readonly work?: Work | undefined;
  /** A page ends before its documents are larger than so many bytes together, but has one at least (RFC 7644 §3.4.2.4). */
  readonly bytes?: number | undefined;
}

/** All of one snapshot. */
export interface Page {
  readonly total: number;
  readonly resources: readonly FoundResource[];
  /** Of the first and the last resource of the page; absent on an empty one. */
  readonly first?: Position;
  readonly last?: Position;
  /** Is there a page behind the last resource (or, with `before`, ahead of the first)? */
  readonly more: boolean;
}

/** One value of User.groups (RFC 7643 §4.1.2): `type` is `direct` or `indirect`. */
export interface GroupReference {
  readonly value: string;
  readonly display: string | undefined;
  readonly type: 'direct' | 'indirect';
  /** The name of the group's resource type. */
  readonly resourceType: string;
}

export interface Store extends AccessStore {
  readonly registry: Registry;
  readonly feed: FeedReads;
  readonly outbox: Outbox;
  readonly streams: StreamStore;
  readonly grants: Grants;
  readonly guards: Guards;
  readonly past: PastReads;
  readonly admin: AdminStore;

  /** Is told after each write that is durable; answers what forgets the listener. */
  onCommit(listener: () => void): () => void;

  /** An identifier that no resource has had and none will have, for {@link CreateCommand.id}. */
  newId(): string;
  /** 32 random bytes of this store's own, with which cursors are encrypted and access tokens signed. */
  secretKey(): Awaitable<Uint8Array>;

  get(query: ResourceQuery): Awaitable<FoundResource | undefined>;
  list(query: Query): Awaitable<Page>;
  /** How many members a group has, counted up to `most`. */
  memberCount(tenant: number, group: string, most: number): Awaitable<number>;
  /** The password hash of a resource. */
  credential(tenant: number, id: string): Awaitable<string | undefined>;

  /**
   * Carries units out in their order, each whole or not at all, and answers what became of each, in the same order.
   * Settles when what was done is durable.
   */
  commit(units: readonly Unit[]): Promise<readonly Outcome[]>;

  /**
   * Carries out an update that is computed from the resource as it is in the transaction that writes it: it is read once,
   * and nothing comes in between. Absent where a store cannot hold others off meanwhile. What `compute` throws is the outcome
   * `failed`; it may be called again for another attempt, unless `once`. Shown by the workload `patch` of npm run bench.
   */
  readonly change?: (
    what: Pick<ResourceQuery, 'tenant' | 'type' | 'id'> & { readonly once: boolean },
    compute: (stored: StoredResource) => Computed,
  ) => Promise<Outcome>;

  /** Records notices in their order; answers how many were new. */
  note(notices: readonly NewNotice[]): Promise<number>;

  /**
   * Resolves when all that can have been read by now is on disk; undefined if it is. Rejects with a StoreError if it
   * cannot be brought there. Writes have waited for their own part of it. `id`: nothing was read but the resource of that
   * id, with its groups, which has no members.
   */
  durable(id?: string): Promise<void> | undefined;

  /** Changes of a tenant in their order, those after a number. */
  changes(options: {
    readonly tenant: number;
    readonly after?: number;
    readonly id?: string;
    readonly limit: number;
  }): Awaitable<readonly Change[]>;
  /** The last deletion of a resource that can be restored; undefined if it is there, or nothing of it is kept. */
  deletion(options: {
    readonly tenant: number;
    readonly type: ResourceType;
    readonly id: string;
  }): Awaitable<DeletedResource | undefined>;
  /** What was deleted and can be restored, the latest deletion first; those before a number of the change record. */
  deletions(options: {
    readonly tenant: number;
    readonly type: ResourceType;
    readonly before?: number;
    readonly limit: number;
  }): Awaitable<readonly DeletedResource[]>;
  changeRange(tenant: number): Awaitable<ChangeRange>;
  /**
   * Removes the oldest changes of each tenant as far as they are older than `before`, at most so many of each.
   * Answers how many there were.
   */
  pruneChanges(before: Date, limit: number): Promise<number>;
}
