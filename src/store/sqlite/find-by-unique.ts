/**
 * The list that providers ask for before each create, `userName eq "x"`, without compiling it to SQL each time. Shown by the
 * workload `username` of npm run bench.
 */
import type { StoredTypes } from '../layout/stored-type.ts';
import { writePosition } from '../sql/list.ts';
import type { Page, Query } from '../store.ts';
import type { Reads } from './reads.ts';

/** Undefined where the query asks for something else. */
export function findByUnique(
  types: StoredTypes,
  reads: Reads,
  { tenant, targets, offset = 0, limit, after, before, groups, members }: Query,
): Page | undefined {
  const [target, second] = targets;
  if (target === undefined || second !== undefined || target.sort !== undefined) return undefined;
  if (offset > 0 || limit === 0 || after !== undefined || before !== undefined) return undefined;
  const { type, plan } = target;
  if (plan?.kind !== 'compare' || plan.operator !== 'eq') return undefined;
  const stored = types.of(type);
  const { layout } = stored;
  if (plan.attribute !== layout.uniqueColumn) return undefined;
  if (members && layout.members !== undefined) return undefined;
  const found = reads.findByUnique(tenant, stored, plan.key);
  if (found === undefined) return { total: 0, resources: [], more: false };
  const { rid, resource } = found;
  const position = writePosition([null, rid]);
  const its =
    groups && resource.grouped && layout.groups !== undefined
      ? reads.groupsOf(tenant, resource.id)
      : undefined;
  return {
    total: 1,
    resources: [its === undefined ? resource : { ...resource, groups: its }],
    first: position,
    last: position,
    more: false,
  };
}
