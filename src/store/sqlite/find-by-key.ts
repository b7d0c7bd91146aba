/**
 * The lists that providers ask for before each create, `userName eq "x"` and `externalId eq "x"`, without compiling them to
 * SQL each time. Shown by the workload `username` of npm run bench, and by scimd import, which asks both for each person.
 */
import type { ComparePlan } from '../../query/plan.ts';
import type { StoredType, StoredTypes } from '../layout/stored-type.ts';
import { writePosition } from '../sql/list.ts';
import type { Page, Query } from '../store.ts';
import type { ReadRow, Reads } from './reads.ts';

/** Undefined where the query asks for something else, or several have the value. */
export function findByKey(
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
  if (members && layout.members !== undefined) return undefined;
  const found = onlyOne(reads, tenant, stored, plan);
  if (found === 'ask') return undefined;
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

/** The one that has the key, undefined if none has; `ask` where there may be more, or no column has the attribute. */
function onlyOne(
  reads: Reads,
  tenant: number,
  stored: StoredType,
  { attribute, key }: ComparePlan,
): ReadRow | undefined | 'ask' {
  const location = stored.layout.entries.get(attribute.path)?.location;
  if (location?.kind !== 'column') return 'ask';
  if (location.column === 'unique_key') return reads.findByUnique(tenant, stored, key);
  if (location.column !== 'external_id') return 'ask';
  const [found, another] = reads.findByExternal(tenant, stored, key);
  return another === undefined ? found : 'ask';
}
