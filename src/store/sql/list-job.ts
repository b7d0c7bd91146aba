/** A list as statements, plain data that any thread with a connection can carry out. */
import { instantText } from '../layout/instant.ts';
import type { StoredTypes } from '../layout/stored-type.ts';
import type { FoundResource, MemberReader } from '../store.ts';
import type { Sql } from './dialect.ts';
import { areAll, type GroupRow, type MembersRow, toGroups } from './membership.ts';
import type { ResourceRow } from './resource.ts';
import type { Steps } from './steps.ts';

/** A part of a page. It takes LIMIT and OFFSET as its last parameters, but where one of these is set. */
export interface PageSql extends Sql {
  readonly single?: boolean;
  /** LIMIT stands in the statement, which has no OFFSET: neither is a parameter. */
  readonly bounded?: boolean;
  /** Where it is bounded, and nothing is filtered or sorted. */
  readonly plain?: PlainPage;
}

/** What a page without filter and order is cut from. */
export interface PlainPage {
  /** From `FROM resource r` to `LIMIT`. */
  readonly from: Sql;
  /** `r.rid`, with its direction. */
  readonly order: string;
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
  /**
   * Takes a JSON array of ids and the tenant; answers a {@link GroupRow} for each group that one is in. `direct` is asked
   * first: it answers those that one is directly in, and whether these are in a group.
   */
  readonly groups?: PartSql & { readonly direct?: string };
  /** As `membersSql` has it; `most` members are read of all the page's groups together. */
  readonly members?: PartSql & { readonly most: number };
  /** Takes some milliseconds at most. */
  readonly brief?: boolean;
  /** The page ends before its documents are larger together. `document` answers one that its row is too large for. */
  readonly bytes?: { readonly most: number; readonly document: string } | undefined;
}

/** Rows of a page, and where the members of its large groups are read from. */
export interface PageRead extends ListRows {
  readonly readerOf?: (rid: number) => MemberReader | undefined;
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

/**
 * A resource of a page. A class, since V8 keeps object literals of so many answers at once, and with them their texts, in
 * the part of its heap that is collected rarely: shown by the workload `list` of npm run bench.
 */
class ListedResource implements FoundResource {
  readonly id: string;
  readonly type: string;
  readonly version: number;
  readonly created: string;
  readonly modified: string;
  readonly body: string;
  readonly grouped: boolean;
  declare readonly groups?: FoundResource['groups'];
  declare readonly members?: FoundResource['members'];

  constructor(
    types: StoredTypes,
    [, , type, id, version, created, modified, body, grouped]: PageRow,
    groups: FoundResource['groups'],
    members: FoundResource['members'],
  ) {
    this.id = id;
    this.type = types.nameOf(type);
    this.version = version;
    this.created = instantText(created);
    this.modified = instantText(modified);
    this.body = body;
    this.grouped = Boolean(grouped);
    if (groups !== undefined) this.groups = groups;
    if (members !== undefined) this.members = members;
  }
}

/** The resources of a page, with what was read beside its rows. */
export function listedResources(
  types: StoredTypes,
  rows: readonly PageRow[],
  { groups, members, readerOf }: Pick<PageRead, 'groups' | 'members' | 'readerOf'>,
): FoundResource[] {
  const groupsOf = groups === undefined ? undefined : toGroups(types, groups);
  const textOf = members === 'many' ? undefined : members;
  return rows.map((row) => {
    const [, rid, , id] = row;
    const its = readerOf === undefined ? textOf?.get(rid) : readerOf(rid);
    return new ListedResource(types, row, groupsOf?.get(id), its);
  });
}

/** Where the document is in a row of a page. */
const bodyAt = 7;

/** A page ends before its resources are in more groups than this together, each of which takes some 200 bytes. */
const mostGroups = 3000;
/** Resources whose groups are read in one statement: few at first, since each may be in very many. */
const groupsAtOnce = { first: 2, most: 512 };

/** The page of a list, its total, and what is asked for beside. */
export function* listSteps(job: ListJob): Steps<ListRows> {
  const { limit, offset, fromStart, wide } = job;
  let isWide = false;
  for (const probe of wide?.probes ?? []) isWide ||= (yield* count(probe)) > (wide?.most ?? 0);
  const { pages, counts } = isWide && wide !== undefined ? wide.scan : job;
  const rows: PageRow[] = [];
  // One row more than the page has, which shows whether there is another page.
  const wanted = limit === 0 ? 0 : limit + 1;
  for (const { text, parameters, single, bounded } of pages) {
    if (rows.length === wanted) break;
    if (single && offset > 0) continue;
    const bound = single || bounded ? parameters : [...parameters, wanted - rows.length, offset];
    const found = (yield { text, parameters: bound }) as readonly PageRow[];
    rows.push(...found.slice(0, wanted - rows.length));
  }
  let more = rows.length > limit;
  if (rows.length > limit) rows.pop();
  if (job.bytes !== undefined && (yield* cutByBytes(rows, job.bytes))) more = true;
  const beside = job.groups === undefined ? undefined : yield* groupsOf(rows, job.groups, job);
  if (beside !== undefined && beside.upTo < rows.length) {
    rows.length = beside.upTo;
    more = true;
  }
  const isWhole = fromStart && !more && limit > 0 && (rows.length > 0 || offset === 0);
  let total = offset + rows.length;
  if (!isWhole) {
    total = 0;
    for (const each of counts) total += yield* count(each);
  }
  const members = job.members === undefined ? undefined : yield* membersOf(rows, job.members, job);
  return {
    rows,
    more,
    total,
    ...(beside === undefined ? {} : { groups: beside.groups }),
    ...(members === undefined ? {} : { members }),
  };
}

/** Reads the documents that are not there yet, as far as they may come; answers whether rows behind them were left out. */
function* cutByBytes(rows: PageRow[], { most, document }: NonNullable<ListJob['bytes']>): Steps<boolean> {
  let bytes = 0;
  for (const [index, row] of rows.entries()) {
    if ((row[bodyAt] as string | null) === null) {
      const [found] = (yield { text: document, parameters: [row[1]] }) as readonly (readonly [string])[];
      row[bodyAt] = found?.[0] ?? '';
    }
    bytes += row[bodyAt].length;
    if (bytes <= most || index === 0) continue;
    rows.length = index;
    return true;
  }
  return false;
}

function* count(statement: Sql): Steps<number> {
  const [row] = (yield statement) as readonly [(readonly [number])?];
  return Number(row?.[0] ?? 0);
}

/** The groups of as many rows, from the first on, as a page may have: of one at least. */
function* groupsOf(
  rows: readonly PageRow[],
  { text, types, direct }: NonNullable<ListJob['groups']>,
  { tenant }: ListJob,
): Steps<{ readonly groups: readonly GroupRow[]; readonly upTo: number }> {
  const groups: GroupRow[] = [];
  const isAsked = ([, , type, , , , , , grouped]: PageRow): boolean =>
    Boolean(grouped) && types.includes(type);
  let size = groupsAtOnce.first;
  let asked = 0;
  for (let next = 0; next < rows.length; ) {
    const ids: string[] = [];
    for (; next < rows.length && ids.length < size; next++) {
      const row = rows[next] as PageRow;
      if (isAsked(row)) ids.push(row[3]);
    }
    if (ids.length === 0) break;
    const parameters = [JSON.stringify(ids), tenant];
    const first = direct === undefined ? undefined : ((yield { text: direct, parameters }) as GroupRow[]);
    const found = first !== undefined && areAll(first) ? first : yield { text, parameters };
    for (const row of found as readonly GroupRow[]) groups.push(row);
    asked += ids.length;
    if (groups.length > mostGroups) return { groups, upTo: next };
    const each = Math.max(1, groups.length / asked);
    size = Math.min(groupsAtOnce.most, Math.max(1, Math.floor((mostGroups - groups.length) / each)));
  }
  return { groups, upTo: rows.length };
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
