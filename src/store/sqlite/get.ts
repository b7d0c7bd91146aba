/** One resource with what an answer shows beside its text: its groups, its members. */
import type { StoredTypes } from '../layout/stored-type.ts';
import type { ListJob } from '../sql/list-job.ts';
import { membershipSql, mostMembersAtOnce, toGroups } from '../sql/membership.ts';
import { resourceColumns, toResource } from '../sql/resource.ts';
import type { Awaitable, FoundResource, ResourceQuery, StoredResource } from '../store.ts';
import { sqliteDialect } from './dialect.ts';
import { type HeldSnapshots, readBeforehand } from './held-snapshots.ts';
import { type Meter, mostHere, shortAllowanceOf, TooLongHere } from './meter.ts';
import type { Reads } from './reads.ts';
import type { ScanThreads } from './scan-threads.ts';

export interface GetTools {
  readonly meter: Meter;
  /** Undefined for a database in memory. */
  readonly scans: ScanThreads | undefined;
}

const oneSql = `SELECT NULL, r.rid, ${resourceColumns} FROM resource r JOIN document d ON d.rid = r.rid
WHERE r.tenant = ? AND r.id = ? AND r.type = ?`;

type Get = (query: ResourceQuery) => Awaitable<FoundResource | undefined>;

/** Compiles the read of one resource with what is asked for beside it; `held` is undefined for a database in memory. */
export function getter(
  types: StoredTypes,
  reads: Reads,
  held: HeldSnapshots | undefined,
  { meter, scans }: GetTools,
): Get {
  const { groupsOfSome, directGroupsOfSome } = membershipSql(sqliteDialect, types);
  /** The same in a thread: the resource may be in very many groups. */
  const inThread = async ({ tenant, type, id, work }: ResourceQuery, threads: ScanThreads) => {
    const { number } = types.of(type);
    const job: ListJob = {
      ...{ pages: [{ text: oneSql, parameters: [tenant, id, number], single: true }], counts: [] },
      ...{ fromStart: true, tenant, base: undefined, limit: 1, offset: 0 },
      groups: { text: groupsOfSome, direct: directGroupsOfSome, types: [number] },
    };
    const { rows, groups = [] } = await threads.list(job, work);
    const [found] = rows;
    if (found === undefined) return undefined;
    const [, , ...row] = found;
    const resource = toResource(types, row);
    const its = toGroups(types, groups).get(id);
    return its === undefined ? resource : { ...resource, groups: its };
  };
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
    if (!members || types.of(type).layout.members === undefined) {
      if (scans === undefined || !query.groups || !row.resource.grouped)
        return withGroups(reads, query, row.resource);
      const allowance = shortAllowanceOf(query.work, mostHere);
      try {
        return meter.run(allowance, () => withGroups(reads, query, row.resource));
      } catch (error) {
        if (error instanceof TooLongHere) return inThread(query, scans);
        throw error;
      }
    }
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
