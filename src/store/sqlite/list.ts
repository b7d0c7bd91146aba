/** Lists: a page, its total, and the positions from which one can go on. */
import type { Database } from 'better-sqlite3';
import type { Page, Position, Query, StoredResource } from '../store.ts';
import type { Kinds } from './kinds.ts';
import { type Arm, compileArms, countSql, type Phase, pageSql, phasesBeyond, type Sql } from './list-sql.ts';
import type { PageStarts } from './page-starts.ts';
import type { SetRequest } from './request.ts';
import { type ResourceRow, toResource } from './row.ts';
import type { Statements } from './statements.ts';

type PageRow = [key: string | number | null, rid: number, ...ResourceRow];

export type List = (query: Query) => Page;

/** Where a page begins: behind a position, or so many rows behind the start. */
interface Start {
  readonly position: Position | undefined;
  readonly offset: number;
  readonly backwards: boolean;
}

export function lister(
  db: Database,
  kinds: Kinds,
  statements: Statements,
  setRequest: SetRequest,
  starts: PageStarts,
): List {
  const counter = db
    .prepare<[number, number], number>('SELECT total FROM counter WHERE tenant = ? AND type = ?')
    .pluck();

  const all = (query: Query, { text, parameters }: Sql, ...last: number[]): unknown[] => {
    setRequest(text, query.tenant, query.base);
    return statements.get(text).all(...parameters, ...last);
  };

  const count = (query: Query, arm: Arm): number => {
    if (!arm.filtered) return counter.get(query.tenant, arm.kind) ?? 0;
    const [[total]] = all(query, countSql(arm)) as [[number]];
    return total;
  };

  const countAll = (query: Query, arms: readonly Arm[]): number =>
    arms.reduce((total, arm) => total + count(query, arm), 0);

  /** One row more than the page has, which shows whether there is another page. */
  const rowsOf = (query: Query, arms: readonly Arm[], { position, offset, backwards }: Start): PageRow[] => {
    const wanted = query.limit + 1;
    const phases: Phase[] = position === undefined ? [{ kind: 'all' }] : phasesBeyond(position, backwards);
    const rows: PageRow[] = [];
    for (const phase of phases) {
      if (rows.length === wanted) break;
      rows.push(...(all(query, pageSql(arms, phase, backwards), wanted - rows.length, offset) as PageRow[]));
    }
    return rows;
  };

  return (query) => {
    const arms = compileArms(kinds, query);
    if (query.limit === 0) return { total: countAll(query, arms), resources: [], more: false };
    const position = query.after ?? query.before;
    const turned = query.after === undefined && query.before !== undefined;
    const backwards = turned !== (query.descending ?? false);
    const offset = query.offset ?? 0;
    const start = position === undefined && offset > 0 ? starts.find(nameOf(query, arms), offset) : undefined;
    const from = start === undefined ? { position, offset } : { position: start, offset: 0 };
    const rows = rowsOf(query, arms, { ...from, backwards });
    const more = rows.length > query.limit;
    if (more) rows.pop();
    if (turned) rows.reverse();
    const isWhole = position === undefined && !more && (rows.length > 0 || offset === 0);
    const total = isWhole ? offset + rows.length : countAll(query, arms);
    const [first, last] = [rows.at(0), rows.at(-1)];
    if (position === undefined && more && last !== undefined) {
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
}

/** What makes two lists the same but for the page. */
function nameOf({ descending, base }: Query, arms: readonly Arm[]): string {
  return JSON.stringify([descending ?? false, base, arms]);
}

function positionOf([key, row]: PageRow): Position {
  return { key, row };
}
