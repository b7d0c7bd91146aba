/** Members of a group that are too many to be read with it. */
import type { MemberReader } from '../store.ts';
import type { Awaitable } from '../stored-resource.ts';
import type { MappedMembers } from './memberships.ts';

const membersInPart = 250;

/** Members of a group that are read after it. */
export interface LaterMembers {
  readonly mapped: MappedMembers;
  readonly ids: readonly string[];
}

/** Reads the members of a large group part by part: those that it had when it was read, as far as they are still there. */
export function memberReader(
  { ids }: LaterMembers,
  read: (ids: readonly string[]) => Awaitable<string>,
): MemberReader {
  let next = 0;
  return {
    async next() {
      for (;;) {
        const some = ids.slice(next, next + membersInPart);
        if (some.length === 0) return undefined;
        next += some.length;
        const part = await read(some);
        // Others have their turn in between.
        await new Promise((resolve) => setImmediate(resolve));
        if (part !== '') return part;
      }
    },
    close() {
      next = ids.length;
    },
  };
}
