/** The groups that resources are in: read with their rows, or after them. */
import type { FoundResource, GroupReference } from '../store.ts';
import type { SqlDatabase, SqlRow, Steps } from './database.ts';
import type { MappedMembers, Memberships, Served } from './memberships.ts';

/** A resource to which its groups are added where they are read after it. */
export type ShownResource = { -readonly [Name in keyof FoundResource]: FoundResource[Name] } & {
  groups?: GroupReference[] | undefined;
};

/** A row as it is shown. */
export interface ShownRow {
  readonly resource: ShownResource;
  /** What other tables refer to. */
  readonly row: unknown;
}

/** Reads the groups of these rows, and adds them, direct ones first. */
export function* addGroups(
  memberships: Memberships,
  dialect: SqlDatabase['dialect'],
  { table }: Served,
  rows: readonly ShownRow[],
): Steps<void> {
  if (rows.length === 0) return;
  const { name } = table.facts;
  const resources = new Map(rows.map(({ row, resource }) => [String(row), resource]));
  const keys = rows.map(({ row }) => row);
  const add = (member: unknown, reference: GroupReference): void => {
    const resource = resources.get(String(member));
    if (resource !== undefined) addGroup(resource, reference);
  };
  for (const mapped of memberships.with(name)) {
    if (dialect !== 'sqlite') {
      for (const { member, value, display, depth } of yield memberships.groupsSql(mapped, name, keys))
        add(member, referenceTo(mapped, value, display, depth));
      continue;
    }
    // Where a statement costs no way to a server, the few groups of a page are read once: the workload `list`.
    const edges = yield memberships.edgesSql(mapped, name, keys);
    if (edges.length === 0) continue;
    const members = new Map<string, SqlRow[]>();
    for (const edge of edges) {
      const its = members.get(String(edge.grp));
      if (its === undefined) members.set(String(edge.grp), [edge]);
      else its.push(edge);
    }
    const owners = [...members.values()].map(([edge]) => edge?.grp);
    const groups = yield memberships.ownersSql(mapped, owners);
    for (const isDirect of [true, false])
      for (const { grp, value, display } of groups) {
        const reference = referenceTo(mapped, value, display, isDirect ? 0 : 1);
        for (const { member, depth } of members.get(String(grp)) ?? [])
          if ((Number(depth) === 0) === isDirect) add(member, reference);
      }
  }
}

/** Adds the groups that rows have in columns of their own; answers those of which that is not known. */
export function addListed(
  memberships: Memberships,
  { table }: Served,
  shown: readonly ShownRow[],
  rows: readonly SqlRow[],
): readonly ShownRow[] {
  const all = memberships.with(table.facts.name);
  return shown.filter(({ resource }, index) => {
    const row = rows[index];
    for (let nth = 0; nth < all.length; nth++) {
      const listed = row?.[groupsColumn(nth)];
      if (typeof listed !== 'string') continue;
      const groups = JSON.parse(listed) as [value: unknown, display: unknown, depth: unknown][];
      for (const [value, display, depth] of groups)
        addGroup(resource, referenceTo(all[nth] as MappedMembers, value, display, depth));
    }
    return row?.grouped !== undefined && resource.grouped;
  });
}

/** Where a row has its groups by the n-th table of memberships. */
export function groupsColumn(nth: number): string {
  return `g${nth}`;
}

function addGroup(resource: ShownResource, reference: GroupReference): void {
  if (resource.groups !== undefined) resource.groups.push(reference);
  else resource.groups = [reference];
  resource.grouped = true;
}

function referenceTo(
  { owner }: MappedMembers,
  value: unknown,
  display: unknown,
  depth: unknown,
): GroupReference {
  return {
    value: String(value),
    display: textOf(owner, display),
    type: Number(depth) === 0 ? 'direct' : 'indirect',
    resourceType: owner.table.type.name,
  };
}

/** The text of a name as it is stored. */
export function textOf({ table, display }: Served, stored: unknown): string | undefined {
  if (stored === null || stored === undefined) return undefined;
  const field = display === undefined ? undefined : table.byLeaf.get(display);
  const value = field === undefined ? stored : field.read(stored);
  return typeof value === 'string' ? value : undefined;
}
