/** What the embedder's own code is told of a change within its transaction: of the resource, and of each person whose access it changes. */
import type { Change } from '../change.ts';
import type { GroupOf } from '../feed.ts';
import type { Steps } from './database.ts';
import type { Within, WithinReads } from './index.ts';

/** What a person may do from now on: complete, so that to set it again changes nothing. */
export interface Access {
  readonly active: boolean;
  /** All groups, by other groups too. */
  readonly groups: readonly GroupOf[];
}

/** A change of a resource, or of the access that a person has by it. */
export interface TableChange extends Omit<Change, 'tenant'> {
  /** Name of the tenant. */
  readonly tenant: string;
  /** Whom it is about: the resource itself, or a person who joined or left a group. */
  readonly subject: { readonly type: string; readonly id: string };
  /** Present where what a person may do changes: it begins or ends, or groups come and go. */
  readonly access?: Access;
}

/** Calls `hook` for the resource that changed, then for the people whose access changes by it. */
export function withinSteps(hook: (transaction: unknown, change: TableChange) => unknown): Within {
  return function* (_transaction, change, reads) {
    const { tenant: number, type, id, edits } = change;
    const about = { ...change, tenant: reads.tenantName };
    const call = (told: TableChange) => ({ call: (transaction: unknown) => hook(transaction, told) });
    const subject = { type, id };
    const isUser = type === 'User';
    const touches = change.operation !== 'patch' && change.operation !== 'replace';
    if (isUser && (touches || edits.some(({ path }) => path === 'active')))
      yield call({ ...about, subject, access: yield* accessOf(number, id, reads) });
    else yield call({ ...about, subject });
    for (const member of [...(change.added ?? []), ...(change.removed ?? [])])
      for (const person of yield* peopleBehind(number, member, reads))
        yield call({
          ...about,
          ...{ subject: { type: 'User', id: person }, edits: [] },
          access: yield* accessOf(number, person, reads),
        });
  };
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
  if (row === undefined) return { active: false, groups: [] };
  const groups = (yield* feed.groupsOf(tenant, [id])).get(id) ?? [];
  return { active: row.document.active !== false, groups };
}
