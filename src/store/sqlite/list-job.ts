/** A list as statements, plain data that any thread with a connection can carry out. */
import type { Parameter } from '../../query/dialect.ts';
import type { GroupRow, MembersRow } from './members.ts';
import type { ResourceRow } from './row.ts';
import type { RunSql } from './statements.ts';

export interface Sql {
  readonly text: string;
  readonly parameters: readonly Parameter[];
}

/** A part of a page. It takes LIMIT and OFFSET as its last parameters, unless it is of one row at most. */
export interface PageSql extends Sql {
  readonly single?: boolean;
}

export interface ListSql {
  /** The parts of the page, one behind the other. */
  readonly pages: readonly PageSql[];
  /** Each answers a part of the total. */
  readonly counts: readonly Sql[];
}

/** An index that finds a large part of all rows costs more than to look at every one. */
export interface WideSearch {
  /** Each answers how many rows an index finds, and stops behind `most`. */
  readonly probes: readonly Sql[];
  readonly most: number;
  /** What is run when one finds more. */
  readonly scan: ListSql;
}

/** What is read beside the rows of a page, of the resources of these types. */
export interface PartSql {
  readonly text: string;
  readonly types: readonly number[];
}

export interface ListJob extends ListSql {
  readonly wide?: WideSearch;
  readonly limit: number;
  readonly offset: number;
  /** Does the page begin at the start of the list, but for the offset? Then a short page tells the total. */
  readonly fromStart: boolean;
  readonly tenant: number;
  readonly base: string | undefined;
  /** Takes a JSON array of ids and the tenant; answers a {@link GroupRow} for each group that one is in. */
  readonly groups?: PartSql;
  /** As `membersSql` has it; `most` members are read of all the page's groups together. */
  readonly members?: PartSql & { readonly most: number };
}

export type PageRow = [key: string | number | null, rid: number, ...ResourceRow];

export interface ListRows {
  readonly rows: readonly PageRow[];
  /** Is there a row behind them? */
  readonly more: boolean;
  readonly total: number;
  readonly groups?: readonly GroupRow[];
  /** By row number the text of its members; `many` if they are more than are read at once. */
  readonly members?: ReadonlyMap<number, string> | 'many';
}

/** Within one transaction. */
export function runListJob(job: ListJob, run: RunSql): ListRows {
  const { limit, offset, fromStart, wide } = job;
  const isWide = wide?.probes.some((probe) => countOf(probe, run) > wide.most) ?? false;
  const { pages, counts } = isWide && wide !== undefined ? wide.scan : job;
  const rows: PageRow[] = [];
  // One row more than the page has, which shows whether there is another page.
  const wanted = limit === 0 ? 0 : limit + 1;
  for (const { text, parameters, single } of pages) {
    if (rows.length === wanted) break;
    const found = run(text, single ? parameters : [...parameters, wanted - rows.length, offset]);
    rows.push(...((single && offset > 0 ? [] : found) as PageRow[]));
  }
  const more = rows.length > limit;
  if (more) rows.pop();
  const isWhole = fromStart && !more && limit > 0 && (rows.length > 0 || offset === 0);
  const total = isWhole ? offset + rows.length : counts.reduce((sum, count) => sum + countOf(count, run), 0);
  const { groups, members } = job;
  return {
    rows,
    more,
    total,
    ...(groups === undefined ? {} : { groups: groupsOf(rows, groups, job, run) }),
    ...(members === undefined ? {} : { members: membersOf(rows, members, job, run) }),
  };
}

function groupsOf(
  rows: readonly PageRow[],
  { text, types }: PartSql,
  { tenant }: ListJob,
  run: RunSql,
): GroupRow[] {
  const ids = rows
    .filter(([, , type, , , , , , grouped]) => grouped === 1 && types.includes(type))
    .map(([, , , id]) => id);
  return ids.length === 0 ? [] : (run(text, [JSON.stringify(ids), tenant]) as GroupRow[]);
}

function membersOf(
  rows: readonly PageRow[],
  { text, types, most }: NonNullable<ListJob['members']>,
  { base = '' }: ListJob,
  run: RunSql,
): ReadonlyMap<number, string> | 'many' {
  const members = new Map<number, string>();
  let left = most;
  for (const [, rid, type] of rows) {
    if (!types.includes(type)) continue;
    const [[found, , count]] = run(text, [base, rid, '', left + 1]) as [MembersRow];
    if (count > left) return 'many';
    left -= count;
    members.set(rid, found ?? '');
  }
  return members;
}

function countOf({ text, parameters }: Sql, run: RunSql): number {
  const [row] = run(text, parameters) as [[number]?];
  return row?.[0] ?? 0;
}
