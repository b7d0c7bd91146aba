/** Lists: a page, its total, and the positions from which one can go on. */
import type { Database } from 'better-sqlite3';
import type { Layout } from '../layout/layout.ts';
import type { StoredTypes } from '../layout/stored-type.ts';
import {
  type Arm,
  compileArms,
  countSql,
  documentSql,
  type Phase,
  pageShare,
  pageSql,
  phasesBeyond,
  writePosition,
} from '../sql/list.ts';
import {
  type ListJob,
  type ListRows,
  type ListSql,
  listedResources,
  listSteps,
  type PageRead,
  type PageRow,
  type PartSql,
} from '../sql/list-job.ts';
import { membershipSql, mostMembersAtOnce } from '../sql/membership.ts';
import { resourceSql } from '../sql/resource.ts';
import { runSteps } from '../sql/steps.ts';
import type { Awaitable, Page, Query } from '../store.ts';
import { sqliteDialect, uncounted } from './dialect.ts';
import { fewValuesOf } from './few-values.ts';
import { findByKey } from './find-by-key.ts';
import { type HeldSnapshots, readBeforehand, type SnapshotConnection } from './held-snapshots.ts';
import { allowanceOf, type Meter, mostHere, shortAllowanceOf, TooLongHere } from './meter.ts';
import type { OffsetCache } from './offset-cache.ts';
import type { Reads } from './reads.ts';
import { runner, type SetRequest } from './request-context.ts';
import { ScanThreadFailure } from './scan-thread.ts';
import type { ScanThreads } from './scan-threads.ts';
import type { Snapshot } from './snapshot.ts';
import type { Statements } from './statements.ts';

export type List = (query: Query) => Awaitable<Page>;

/** Measured: looking at a row that trigrams found costs as much as to look at so many in their order. */
const scanAdvantage = 16;

/** Up to this many matches, use the index whatever its selectivity. */
const fewMatches = 1000;

/** How often a page is sought that nobody changes before its members are read. */
const mostAttempts = 3;

export interface ListTools {
  readonly db: Database;
  readonly types: StoredTypes;
  readonly statements: Statements;
  readonly setRequest: SetRequest;
  readonly offsets: OffsetCache;
  readonly read: Snapshot['read'];
  readonly reads: Reads;
  /** Undefined where there can be only one connection to the database: one in memory. */
  readonly scans: ScanThreads | undefined;
  /** The same. */
  readonly held: HeldSnapshots | undefined;
  readonly meter: Meter;
  /** What a thread has read may be newer than what is known here, and not on the disk yet. */
  readonly catchUp: () => void;
}

export function lister({
  db,
  types,
  statements,
  setRequest,
  offsets,
  read,
  reads,
  scans,
  held,
  meter,
  catchUp,
}: ListTools): List {
  const totalOf = db.prepare<[number, number], number>(resourceSql.total).pluck();
  const fewValues = fewValuesOf(db, types);
  const numbersOf = (has: (layout: Layout) => boolean): number[] =>
    types.all.filter(({ layout }) => has(layout)).map(({ number }) => number);
  const sql = membershipSql(sqliteDialect, types);
  const groupsPart = {
    text: sql.groupsOfSome,
    direct: sql.directGroupsOfSome,
    types: numbersOf(({ groups }) => groups !== undefined),
  };
  const membersPart = {
    text: sql.members,
    types: numbersOf(({ members }) => members !== undefined),
    most: mostMembersAtOnce,
  };

  const resourcesOf = ({ tenant }: Query, arms: readonly Arm[]): number =>
    arms.reduce((sum, { type }) => sum + (totalOf.get(tenant, type) ?? 0), 0);

  /** Does it look at more rows than `few`? */
  const isLong = (few: number, query: Query, arms: readonly Arm[], skipped: number): boolean =>
    (skipped > few || arms.some((arm) => !arm.quick)) && resourcesOf(query, arms) > few;

  /** What is done where trigrams find too many. */
  const wideSearch = (
    query: Query,
    arms: readonly Arm[],
    sqlOf: (arms: readonly Arm[]) => ListSql,
  ): Pick<ListJob, 'wide'> => {
    const matches = arms.flatMap((arm) => arm.matches);
    const { textIndex } = sqliteDialect;
    if (textIndex === undefined || matches.length === 0) return {};
    const most = Math.max(fewMatches, Math.ceil(resourcesOf(query, arms) / scanAdvantage));
    const probes = matches.map((match) => ({
      text: textIndex.count,
      parameters: [match, most + 1],
    }));
    return { wide: { probes, most, scan: sqlOf(compileArms(sqliteDialect, types, query, false)) } };
  };

  /** The parts that some of the query's types have. */
  const partsOf = ({ targets, groups, members }: Query): Pick<ListJob, 'groups' | 'members'> => {
    const asks = (part: PartSql): boolean =>
      targets.some(({ type }) => part.types.includes(types.of(type).number));
    return {
      ...(groups && asks(groupsPart) ? { groups: groupsPart } : {}),
      ...(members && asks(membersPart) ? { members: membersPart } : {}),
    };
  };

  const hasMembers = ([, , type]: PageRow): boolean => membersPart.types.includes(type);

  const runOn = ({ statements, setRequest }: SnapshotConnection, job: ListJob): ListRows =>
    runSteps(listSteps(job), runner(statements, setRequest, job));

  /**
   * The page once more, on a snapshot that is held until its members are read. A list that looks at many rows is not run
   * again: its resources are read from the snapshot, unless one of them has changed meanwhile.
   */
  const onHeld = async (
    job: ListJob,
    found: ListRows,
    run: ((job: ListJob) => Promise<ListRows>) | undefined,
    snapshots: HeldSnapshots,
  ): Promise<PageRead> => {
    const { members: _, ...others } = job;
    for (let attempt = 1, rows: ListRows | undefined = found; ; attempt++) {
      const snapshot = await snapshots.open();
      try {
        const page = snapshot.read((connection) =>
          run === undefined || rows === undefined
            ? runOn(connection, others)
            : sameRows(rows, connection.reads),
        );
        if (page !== undefined) {
          const readers = new Map(
            page.rows.filter(hasMembers).map(([, rid]) => [rid, snapshot.members(rid, job.base)]),
          );
          if (readers.size === 0) snapshot.end();
          return { ...page, readerOf: (rid) => readers.get(rid) };
        }
      } catch (error) {
        snapshot.end();
        throw error;
      }
      snapshot.end();
      // Where others write that much, the list is run here, however long it takes.
      rows = attempt < mostAttempts ? await run?.(others) : undefined;
    }
  };

  return (query) => {
    const found = findByKey(types, reads, query);
    if (found !== undefined) return found;
    const { work } = query;
    const valueScan = scans && work && fewValues.scanOf(query);
    const compared = valueScan && fewValues.compared(valueScan);
    // For the page, and for the total.
    const isCounted = compared === undefined || 2 * compared > (work?.left ?? 0);
    const arms = compileArms(isCounted ? sqliteDialect : uncounted, types, query);
    const looksAtAll = valueScan !== undefined && !arms[0]?.selective;
    const position = query.after ?? query.before;
    const turned = query.after === undefined && query.before !== undefined;
    const backwards = turned !== (query.descending ?? false);
    const offset = query.offset ?? 0;
    const fromStart = position === undefined;
    const name = fromStart && offset > 0 ? nameOf(query, arms) : undefined;
    const start = name === undefined ? undefined : offsets.find(name, offset);
    const from = position ?? start;
    const phases: readonly Phase[] = from === undefined ? [{ kind: 'all' }] : phasesBeyond(from, backwards);
    const skipped = start === undefined ? offset : 0;
    const sqlOf = (of: readonly Arm[]): ListSql => ({
      pages:
        query.limit === 0
          ? []
          : phases.map((phase) =>
              pageSql(sqliteDialect, of, phase, backwards, pageShare(query), skipped > 0),
            ),
      counts: of.map(countSql),
    });
    const job: ListJob = {
      ...sqlOf(arms),
      ...wideSearch(query, arms, sqlOf),
      ...partsOf(query),
      limit: query.limit,
      offset: skipped,
      brief: looksAtAll && !isCounted,
      fromStart: fromStart && start === undefined,
      tenant: query.tenant,
      base: query.base,
      bytes:
        query.bytes === undefined
          ? undefined
          : { most: query.bytes, document: documentSql(sqliteDialect, arms) },
    };
    const generation = offsets.generation();
    const toPage = (found: PageRead): Page => {
      const { more } = found;
      const rows = turned ? [...found.rows].reverse() : found.rows;
      const [first, last] = [rows.at(0), rows.at(-1)];
      if (fromStart && more && last !== undefined && generation === offsets.generation()) {
        offsets.note(name ?? nameOf(query, arms), offset + rows.length, writePosition([last[0], last[1]]));
      }
      return {
        total: found.total,
        resources: listedResources(types, rows, found),
        ...(first === undefined || last === undefined
          ? {}
          : { first: writePosition([first[0], first[1]]), last: writePosition([last[0], last[1]]) }),
        more,
      };
    };
    const note = (values: number): void => work?.note(values);
    const runHere = (of: ListJob, allowance = allowanceOf(work)): ListRows =>
      meter.run(allowance, () => runSteps(listSteps(of), runner(statements, setRequest, of)), note);
    const whole = (page: ListRows, run?: (job: ListJob) => Promise<ListRows>): Awaitable<Page> => {
      if (page.members !== 'many') return toPage(page);
      if (held !== undefined) return onHeld(job, page, run, held).then(toPage);
      const readers = new Map(
        page.rows.filter(hasMembers).map(([, rid]) => [rid, readBeforehand(reads, rid, query.base)]),
      );
      return toPage({ ...page, readerOf: (rid) => readers.get(rid) });
    };
    if (scans === undefined) return whole(runHere(job));
    const scan = (of: ListJob): Promise<ListRows> =>
      scans.list(of, work).catch((error) => {
        // Slower for those beside it is better than not at all.
        if (error instanceof ScanThreadFailure) return read(() => runHere(of));
        throw error;
      });
    const inThread = (): Promise<Page> => {
      const left = work?.left ?? 0;
      if (looksAtAll && !isCounted) note(compared);
      return scan(job).then((page) => {
        if (looksAtAll) {
          // Where the page is not all, they were compared once more for the total.
          if (isCounted) fewValues.note(valueScan, (left - (work?.left ?? 0)) / (page.more ? 2 : 1));
          else if (page.more) note(compared);
        }
        catchUp();
        return whole(page, scan);
      });
    };
    // Values that are not counted one by one are noted there; here nothing would end it either.
    if (job.brief || isLong(scans.few, query, arms, skipped)) return inThread();
    let page: ListRows;
    try {
      page = runHere(job, shortAllowanceOf(work, mostHere));
    } catch (error) {
      if (error instanceof TooLongHere) return inThread();
      throw error;
    }
    return whole(page);
  };
}

/** The rows as they are in another snapshot; undefined if one is not the same there. */
function sameRows(found: ListRows, reads: Reads): ListRows | undefined {
  const rows: PageRow[] = [];
  for (const [key, rid, ...before] of found.rows) {
    const row = reads.rowOf(rid);
    const [, , version] = before;
    if (row?.[2] !== version) return undefined;
    rows.push([key, rid, ...row]);
  }
  return { ...found, rows };
}

/** What makes two lists the same but for the page. */
function nameOf({ descending, base }: Query, arms: readonly Arm[]): string {
  return JSON.stringify([descending ?? false, base, arms]);
}
