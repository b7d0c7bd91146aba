/** One resource with what an answer shows beside its text: its groups, its members. */
import type { StoredTypes } from '../layout/stored-type.ts';
import { membersInPart, mostMembersAtOnce } from '../sql/membership.ts';
import type { FoundResource, ResourceQuery } from '../store.ts';
import type { Reads } from './reads.ts';
import type { Snapshots } from './snapshots.ts';
import { withinWork } from './work-limit.ts';

export function getter(types: StoredTypes, reads: Reads, snapshots: Snapshots) {
  /** The resource and the first of its members in one snapshot, which is kept where there are more. */
  const inSnapshot = ({
    tenant,
    type,
    id,
    base,
    groups,
    work,
  }: ResourceQuery): Promise<FoundResource | undefined> =>
    withinWork(work, snapshots, async (snapshot) => {
      const row = await reads.getIn(snapshot.run, tenant, type, id);
      if (row === undefined) return undefined;
      const { rid, resource } = row;
      const isShown = groups && resource.grouped && types.of(type).layout.groups !== undefined;
      const its = isShown ? await reads.groupsIn(snapshot.run, tenant, id) : undefined;
      const first = await reads.membersIn(snapshot.run, { tenant, rid, base }, mostMembersAtOnce + 1);
      const members = first.next === undefined ? first.text : snapshot.members(reads, { tenant, rid, base });
      return { ...resource, ...(its === undefined ? {} : { groups: its }), members };
    });

  /** Most groups are small, and read in one statement: shown by the workload `member-10` of npm run bench -- --postgres. */
  const withMembers = async (query: ResourceQuery): Promise<FoundResource | undefined> => {
    query.work?.check();
    const found = await reads.getWithMembers(query, membersInPart + 1);
    return found === undefined || found.members !== undefined ? found : inSnapshot(query);
  };

  return (query: ResourceQuery): Promise<FoundResource | undefined> => {
    const { tenant, type, id, groups = false, members } = query;
    if (members && types.of(type).layout.members !== undefined) return withMembers(query);
    return reads.get(tenant, type, id, groups);
  };
}
