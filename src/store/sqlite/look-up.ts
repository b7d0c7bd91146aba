/** The list that providers ask for before each create, `userName eq "x"`, without compiling it to SQL each time. */
import type { Database } from 'better-sqlite3';
import type { Key } from '../../scim/comparison.ts';
import type { Page, Query } from '../store.ts';
import type { Kinds } from './kinds.ts';
import type { Reads } from './reads.ts';
import { type ResourceRow, resourceColumns, toResource } from './row.ts';

/** Answers undefined where the query asks for something else. */
export type LookUp = (query: Query) => Page | undefined;

export function lookUp(db: Database, kinds: Kinds, reads: Reads): LookUp {
  const find = db
    .prepare<[number, number, Key], [rid: number, ...ResourceRow]>(
      `SELECT r.rid, ${resourceColumns} FROM resource r JOIN document d ON d.rid = r.rid
       WHERE r.tenant = ? AND r.type = ? AND r.unique_key = ?`,
    )
    .raw();
  return ({ tenant, targets, offset = 0, limit, after, before, groups, members }) => {
    const [target, second] = targets;
    if (target === undefined || second !== undefined || target.sort !== undefined) return undefined;
    if (offset > 0 || limit === 0 || after !== undefined || before !== undefined) return undefined;
    const { type, plan } = target;
    if (plan?.kind !== 'compare' || plan.operator !== 'eq') return undefined;
    const kind = kinds.of(type);
    const { layout } = kind;
    if (plan.attribute !== layout.uniqueColumn) return undefined;
    if (members && layout.members !== undefined) return undefined;
    const found = find.get(tenant, kind.number, plan.key);
    if (found === undefined) return { total: 0, resources: [], more: false };
    const [rid, ...row] = found;
    const position = { key: null, row: rid };
    const resource = toResource(kinds, row);
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
  };
}
