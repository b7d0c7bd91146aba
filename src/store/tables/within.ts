/** What the embedder's own code is told of a change within its transaction: of the resource, and of each person whose access it changes. */
import { grantsThrough } from '../../scim/roles.ts';
import type { Change } from '../change.ts';
import type { GroupOf } from '../feed.ts';
import type { Steps } from './database.ts';
import type { FeedSteps } from './feed.ts';
import type { Reading, ServedType } from './reading.ts';
import { peopleIn } from './steps.ts';

/** A group that gives something. */
type GivingGroup = Omit<GroupOf, 'gives'>;

/** What a person may do from now on, as events have it: complete, so that to set it again changes nothing. */
export interface Access {
  /** By their provider, and not locked here. */
  readonly active: boolean;
  /** Blocked here, whatever the provider says. */
  readonly locked: boolean;
  /** By the rules in force, each with the groups that give it; none of somebody who is not active. */
  readonly roles: readonly { readonly role: string; readonly by: readonly GivingGroup[] }[];
  readonly entitlements: readonly { readonly entitlement: string; readonly by: readonly GivingGroup[] }[];
  /** All groups, by other groups too. */
  readonly groups: readonly GivingGroup[];
}

/** A change of a resource, or of the access that a person has by it; or the deletion of a tenant. */
export interface TableChange extends Omit<Change, 'tenant'> {
  /** Name of the tenant. */
  readonly tenant: string;
  /** Whom it is about: the resource itself, or a person who joined or left a group; `Tenant` with its name. */
  readonly subject: { readonly type: string; readonly id: string };
  /** Present where what a person may do changes: it begins or ends, groups come and go, or what they give. */
  readonly access?: Access;
}

/** The embedder's own code, which is told of changes within their transaction. */
export interface Within {
  /** Of a change, and of the people whose access changes by it. */
  change(change: Change, reads: WithinReads): Steps<void>;
  /** Of the access of these people. */
  access(change: Change, people: readonly string[], reads: WithinReads): Steps<void>;
  /** Of a tenant that is gone, and of the people who were in it. */
  tenantDeleted(change: Change, people: readonly string[], reads: WithinReads): Steps<void>;
}

/** What a hook may have to know of people. */
export interface WithinReads {
  readonly feed: FeedSteps;
  readonly reading: Reading;
  readonly users: ServedType | undefined;
  readonly tenantName: (tenant: number) => string;
}

/** Calls `hook` for the resource that changed, then for the people whose access changes by it. */
export function withinSteps(hook: (transaction: unknown, change: TableChange) => unknown): Within {
  return {
    *change(change, reads) {
      if (change.operation === 'notice') {
        yield* this.access(change, peopleIn(change), reads);
        return;
      }
      const { tenant: number, type, id, edits } = change;
      const about = { ...change, tenant: reads.tenantName(number) };
      const subject = { type, id };
      const isUser = type === 'User';
      const touches = change.operation !== 'patch' && change.operation !== 'replace';
      if (isUser && (touches || edits.some(({ path }) => path === 'active')))
        yield called(hook, { ...about, subject, access: yield* accessOf(number, id, reads) });
      else yield called(hook, { ...about, subject });
      for (const member of [...(change.added ?? []), ...(change.removed ?? [])])
        yield* this.access({ ...change, edits: [] }, yield* peopleBehind(number, member, reads), reads);
    },
    *access(change, people, reads) {
      const about = { ...change, tenant: reads.tenantName(change.tenant) };
      for (const id of people)
        yield called(hook, {
          ...about,
          subject: { type: 'User', id },
          access: yield* accessOf(change.tenant, id, reads),
        });
    },
    *tenantDeleted(change, people, reads) {
      const { type, id } = change;
      yield called(hook, { ...change, tenant: reads.tenantName(change.tenant), subject: { type, id } });
      yield* this.access(change, people, reads);
    },
  };
}

function called(hook: (transaction: unknown, change: TableChange) => unknown, change: TableChange) {
  return { call: (transaction: unknown) => hook(transaction, change) };
}

/** The person of that id, or all who are in the group of that id. */
function* peopleBehind(
  tenant: number,
  id: string,
  { feed, reading, users }: WithinReads,
): Steps<readonly string[]> {
  if (users === undefined) return [];
  if ((yield* reading.find(users.type, tenant, id)) !== undefined) return [id];
  return yield* feed.people(tenant, id);
}

function* accessOf(tenant: number, id: string, { feed, reading, users }: WithinReads): Steps<Access> {
  const row = users === undefined ? undefined : yield* reading.find(users.type, tenant, id);
  const locked = row !== undefined && (yield* feed.locked(tenant, [id])).has(id);
  const active = row !== undefined && row.document.active !== false && !locked;
  const groups = active ? ((yield* feed.groupsOf(tenant, [id])).get(id) ?? []) : [];
  const plain = ({ gives: _, ...group }: GroupOf): GivingGroup => group;
  const grants = grantsThrough(groups).map(({ kind, name, by }) => ({ kind, name, by: by.map(plain) }));
  return {
    active,
    locked,
    roles: grants.flatMap(({ kind, name, by }) => (kind === 'role' ? [{ role: name, by }] : [])),
    entitlements: grants.flatMap(({ kind, name, by }) =>
      kind === 'entitlement' ? [{ entitlement: name, by }] : [],
    ),
    groups: groups.map(plain),
  };
}
