/** One resource with what an answer shows beside its text: its groups, its members. */

import type { StoredTypes } from '../layout/stored-type.ts';
import { mostMembersAtOnce } from '../sql/membership.ts';
import type { Awaitable, FoundResource, ResourceQuery, StoredResource } from '../store.ts';
import { type HeldSnapshots, readBeforehand } from './held-snapshots.ts';
import type { Reads } from './reads.ts';

type Get = (query: ResourceQuery) => Awaitable<FoundResource | undefined>;

/** Compiles the read of one resource with what is asked for beside it; `held` is undefined for a database in memory. */
export function getter(types: StoredTypes, reads: Reads, held: HeldSnapshots | undefined): Get {
  const withGroups = (
    from: Reads,
    { tenant, type, groups }: ResourceQuery,
    resource: StoredResource,
  ): FoundResource => {
    if (!groups || !resource.grouped || types.of(type).layout.groups === undefined) return resource;
    const its = from.groupsOf(tenant, resource.id);
    return its === undefined ? resource : { ...resource, groups: its };
  };
  const onHeld = async (query: ResourceQuery, snapshots: HeldSnapshots) => {
    const snapshot = await snapshots.open();
    try {
      const found = snapshot.read(({ reads: from }) => {
        const row = from.get(query.tenant, query.type, query.id);
        return row === undefined ? undefined : { row, resource: withGroups(from, query, row.resource) };
      });
      if (found !== undefined)
        return { ...found.resource, members: snapshot.members(found.row.rid, query.base) };
    } catch (error) {
      snapshot.end();
      throw error;
    }
    snapshot.end();
    return undefined;
  };
  return (query) => {
    const { tenant, type, id, base, members } = query;
    const row = reads.get(tenant, type, id);
    if (row === undefined) return undefined;
    const { rid } = row;
    if (!members || types.of(type).layout.members === undefined)
      return withGroups(reads, query, row.resource);
    const isLarge = reads.hasMoreMembers(rid, mostMembersAtOnce);
    if (isLarge && held !== undefined) return onHeld(query, held);
    return {
      ...withGroups(reads, query, row.resource),
      members: isLarge
        ? readBeforehand(reads, rid, base)
        : reads.members(rid, base, mostMembersAtOnce + 1).text,
    };
  };
}
