/** Lists: a page, its total, and the positions from which one can go on. */
import type { Database } from 'better-sqlite3';
import type { Awaitable, Page, Position, Query, StoredResource } from '../store.ts';
import type { Kinds } from './kinds.ts';
import { type ListJob, type ListRows, type ListSql, type PageRow, runListJob } from './list-job.ts';
import { type Arm, compileArms, countSql, type Phase, pageSql, phasesBeyond, probeSql } from './list-sql.ts';
import { lookUp } from './look-up.ts';
import type { PageStarts } from './page-starts.ts';
import { runner, type SetRequest } from './request.ts';
import { toResource } from './row.ts';
import { type ScanThread, ScanThreadFailure } from './scan-thread.ts';
import type { Snapshot } from './snapshot.ts';
import type { Statements } from './statements.ts';

export type List = (query: Query) => Awaitable<Page>;

/** Measured: looking at a row that trigrams found costs as much as to look at so many in their order. */
const scanAdvantage = 16;

/** So many matches are no matter, whatever part of all resources they are. */
const fewMatches = 1000;

export interface ListTools {
  readonly db: Database;
  readonly kinds: Kinds;
  readonly statements: Statements;
  readonly setRequest: SetRequest;
  readonly starts: PageStarts;
  readonly read: Snapshot['read'];
  /** Undefined where there can be only one connection to the database: one in memory. */
  readonly scans: ScanThread | undefined;
}

export function lister({ db, kinds, statements, setRequest, starts, read, scans }: ListTools): List {
  const find = lookUp(db, kinds);
  const totalOf = db
    .prepare<[number, number], number>('SELECT total FROM counter WHERE tenant = ? AND type = ?')
    .pluck();

  const resourcesOf = ({ tenant }: Query, arms: readonly Arm[]): number =>
    arms.reduce((sum, { kind }) => sum + (totalOf.get(tenant, kind) ?? 0), 0);

  /** Does it look at more rows than `few`? */
  const isLong = (few: number, query: Query, arms: readonly Arm[], skipped: number): boolean =>
    (skipped > few || arms.some((arm) => !arm.quick)) && resourcesOf(query, arms) > few;

  /** What is done where trigrams find too many. */
  const wideSearch = (
    query: Query,
    arms: readonly Arm[],
    sqlOf: (arms: readonly Arm[]) => ListSql,
  ): Pick<ListJob, 'wide'> => {
    const trigrams = arms.flatMap((arm) => arm.trigrams);
    if (trigrams.length === 0) return {};
    const most = Math.max(fewMatches, Math.ceil(resourcesOf(query, arms) / scanAdvantage));
    const probes = trigrams.map((match) => probeSql(match, most));
    return { wide: { probes, most, scan: sqlOf(compileArms(kinds, query, false)) } };
  };

  return (query) => {
    const found = find(query);
    if (found !== undefined) return found;
    const arms = compileArms(kinds, query);
    const position = query.after ?? query.before;
    const turned = query.after === undefined && query.before !== undefined;
    const backwards = turned !== (query.descending ?? false);
    const offset = query.offset ?? 0;
    const fromStart = position === undefined;
    const start = fromStart && offset > 0 ? starts.find(nameOf(query, arms), offset) : undefined;
    const from = position ?? start;
    const phases: readonly Phase[] = from === undefined ? [{ kind: 'all' }] : phasesBeyond(from, backwards);
    const skipped = start === undefined ? offset : 0;
    const sqlOf = (of: readonly Arm[]): ListSql => ({
      pages: query.limit === 0 ? [] : phases.map((phase) => pageSql(of, phase, backwards)),
      counts: of.map(countSql),
    });
    const job: ListJob = {
      ...sqlOf(arms),
      ...wideSearch(query, arms, sqlOf),
      limit: query.limit,
      offset: skipped,
      fromStart: fromStart && start === undefined,
      tenant: query.tenant,
      base: query.base,
    };
    const generation = starts.generation();
    const toPage = ({ rows: found, more, total }: ListRows): Page => {
      const rows = turned ? [...found].reverse() : found;
      const [first, last] = [rows.at(0), rows.at(-1)];
      if (fromStart && more && last !== undefined && generation === starts.generation()) {
        starts.note(nameOf(query, arms), offset + rows.length, positionOf(last));
      }
      return {
        total,
        resources: rows.map(([, , ...row]): StoredResource => toResource(kinds, row)),
        ...(first === undefined || last === undefined
          ? {}
          : { first: positionOf(first), last: positionOf(last) }),
        more,
      };
    };
    const runHere = (): Page => toPage(runListJob(job, runner(statements, setRequest, query)));
    if (scans === undefined || !isLong(scans.few, query, arms, skipped)) return runHere();
    return scans.list(job).then(toPage, (error) => {
      // Slower for those beside it is better than not at all.
      if (error instanceof ScanThreadFailure) return read(runHere);
      throw error;
    });
  };
}

/** What makes two lists the same but for the page. */
function nameOf({ descending, base }: Query, arms: readonly Arm[]): string {
  return JSON.stringify([descending ?? false, base, arms]);
}

function positionOf([key, row]: PageRow): Position {
  return { key, row };
}
