/** What events are made of, beside the change record: resources as they are now, of whatever type, by their ids. */
import { type Granted, grantsThrough } from '../scim/roles.ts';
import type { Awaitable, StoredResource } from './stored-resource.ts';

/** A group that a resource is in, by itself or by another group. */
export interface GroupOf {
  readonly group: string;
  readonly externalId?: string;
  readonly display?: string;
  /** What it gives by the rules in force; absent if that is nothing. */
  readonly gives?: readonly Granted[];
}

export interface FeedReads {
  /** The numbers of a tenant's first record that is still kept and of its last one; `newest` is 0 if there was none. */
  extent(tenant: number): Awaitable<{ readonly oldest: number; readonly newest: number }>;
  /** The number of the last record of each tenant; of deleted ones too for as long as somebody may hear of it. */
  newest(): Awaitable<ReadonlyMap<number, number>>;
  /** Those that are there, with how many members each has, and whether their access is blocked here. */
  resources(tenant: number, ids: Iterable<string>): Awaitable<ReadonlyMap<string, FoundPresent>>;
  /** All groups of each, direct and nested ones; who is in none is left out. */
  groupsOf(tenant: number, ids: Iterable<string>): Awaitable<ReadonlyMap<string, readonly GroupOf[]>>;
  /** The ids of all users in a group, by groups in it too, in their order. */
  people(tenant: number, group: string): Awaitable<readonly string[]>;

  /** People behind an id, in the order of ids: what they may do. Groups and roles only of those who are active. */
  accessOf(tenant: number, after: string, limit: number): Awaitable<readonly PersonAccess[]>;
  /** All resources of a tenant at one moment. To be closed. */
  snapshot(tenant: number): Awaitable<FeedSnapshot>;
}

/** A resource as it is now. */
export interface FoundPresent {
  readonly resource: StoredResource;
  readonly memberCount: number;
  readonly locked: boolean;
}

export interface PersonAccess {
  readonly id: string;
  readonly version: number;
  /** By their provider, and not locked here. */
  readonly active: boolean;
  /** The ids of all groups, direct and nested ones. */
  readonly groups: readonly string[];
  /** The names of what these give by the rules in force. */
  readonly roles: readonly string[];
}

/** `groups`: none of who is not active. */
export function personAccess(
  person: Pick<PersonAccess, 'id' | 'version' | 'active'>,
  groups: readonly GroupOf[] = [],
): PersonAccess {
  return {
    ...person,
    groups: groups.map(({ group }) => group),
    roles: grantsThrough(groups).flatMap(({ kind, name }) => (kind === 'role' ? [name] : [])),
  };
}

export interface FeedSnapshot {
  /** The number of the last change that is in it. */
  readonly sequence: number;
  /** How many resources there are of each type. */
  readonly counts: Readonly<Record<string, number>>;
  /** The next ones, none at the end: users first. */
  next(): Awaitable<readonly SnapshotEntry[]>;
  close(): void;
}

export interface SnapshotEntry {
  readonly resource: StoredResource;
  /** Of a group, as a JSON array. */
  readonly members: string | undefined;
  readonly groups: readonly GroupOf[];
  readonly locked: boolean;
}
