/** A list as statements, plain data that any thread with a connection can carry out. */
import type { Sql } from './dialect.ts';
import type { GroupRow, MembersRow } from './membership.ts';
import type { ResourceRow } from './resource.ts';

/**
 * What is done in several statements: each is yielded and answered with its rows. Who has a connection carries them
 * out, at once or not, within one transaction.
 */
export type Steps<Result> = Generator<Sql, Result, readonly unknown[]>;

/** Carries steps out where statements are answered at once. */
export function runSteps<Result>(steps: Steps<Result>, run: (statement: Sql) => readonly unknown[]): Result {
  for (let step = steps.next(); ; ) {
    if (step.done) return step.value;
    step = steps.next(run(step.value));
  }
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

/** The page of a list, its total, and what is asked for beside. */
export function* listSteps(job: ListJob): Steps<ListRows> {
  const { limit, offset, fromStart, wide } = job;
  let isWide = false;
  for (const probe of wide?.probes ?? []) isWide ||= (yield* count(probe)) > (wide?.most ?? 0);
  const { pages, counts } = isWide && wide !== undefined ? wide.scan : job;
  const rows: PageRow[] = [];
  // One row more than the page has, which shows whether there is another page.
  const wanted = limit === 0 ? 0 : limit + 1;
  for (const { text, parameters, single } of pages) {
    if (rows.length === wanted) break;
    const bound = single ? parameters : [...parameters, wanted - rows.length, offset];
    const found = yield { text, parameters: bound };
    rows.push(...((single && offset > 0 ? [] : found) as PageRow[]));
  }
  const more = rows.length > limit;
  if (more) rows.pop();
  const isWhole = fromStart && !more && limit > 0 && (rows.length > 0 || offset === 0);
  let total = offset + rows.length;
  if (!isWhole) {
    total = 0;
    for (const each of counts) total += yield* count(each);
  }
  const groups = job.groups === undefined ? undefined : yield* groupsOf(rows, job.groups, job);
  const members = job.members === undefined ? undefined : yield* membersOf(rows, job.members, job);
  return {
    rows,
    more,
    total,
    ...(groups === undefined ? {} : { groups }),
    ...(members === undefined ? {} : { members }),
  };
}

function* count(statement: Sql): Steps<number> {
  const [row] = (yield statement) as readonly [(readonly [number])?];
  return Number(row?.[0] ?? 0);
}

function* groupsOf(
  rows: readonly PageRow[],
  { text, types }: PartSql,
  { tenant }: ListJob,
): Steps<readonly GroupRow[]> {
  const ids = rows
    .filter(([, , type, , , , , , grouped]) => grouped === 1 && types.includes(type))
    .map(([, , , id]) => id);
  if (ids.length === 0) return [];
  return (yield { text, parameters: [JSON.stringify(ids), tenant] }) as readonly GroupRow[];
}

function* membersOf(
  rows: readonly PageRow[],
  { text, types, most }: NonNullable<ListJob['members']>,
  { base = '' }: ListJob,
): Steps<ReadonlyMap<number, string> | 'many'> {
  const members = new Map<number, string>();
  let left = most;
  for (const [, rid, type] of rows) {
    if (!types.includes(type)) continue;
    const found = yield { text, parameters: [base, rid, '', left + 1] };
    const [[its, , count]] = found as readonly [MembersRow];
    if (count > left) return 'many';
    left -= count;
    members.set(rid, its ?? '');
  }
  return members;
}
