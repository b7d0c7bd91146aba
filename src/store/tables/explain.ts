/** What a filter becomes over an embedder's tables, and how the database means to carry it out. */
import { parseFilter } from '../../../grammar/index.ts';
import { bindFilter } from '../../query/bind.ts';
import { type SqlDatabase, type SqlRow, type Statement, type Steps, statement } from './database.ts';
import { isOfPage, isOfTransaction, type Listing } from './listing.ts';
import type { ServedType } from './reading.ts';

/** What a filter (RFC 7644 §3.4.2.2) becomes over tables of your own. */
export interface TablesExplanation {
  /** The statement for one page, with its parameters. */
  readonly sql: string;
  readonly parameters: readonly unknown[];
  /** What the database says of it: EXPLAIN QUERY PLAN of SQLite, EXPLAIN of PostgreSQL. */
  readonly steps: readonly string[];
  /** Attributes that no index finds; empty where an index serves the filter. */
  readonly unindexed: readonly string[];
}

/** @throws ScimFilterError where the filter is wrong, or by what has no place. */
export function* explainFilter(
  dialect: SqlDatabase['dialect'],
  listing: Listing,
  served: ServedType,
  { tenant, base, filter }: { readonly tenant: number; readonly base: string; readonly filter: string },
): Steps<TablesExplanation> {
  const { type } = served;
  const plan = bindFilter(parseFilter(filter), type);
  const { unindexed } = served.conditions.compile(plan);
  const query = { tenant, base, limit: 100, targets: [{ type, plan }] };
  let page: Statement | undefined;
  const steps = listing.list(query, (_, count) => count());
  for (let step = steps.next(); !step.done; ) {
    const asked = step.value;
    if ('text' in asked && isOfPage(dialect, asked.text)) page = asked;
    const isNeeded = 'text' in asked && page === undefined && !isOfTransaction(asked.text);
    step = steps.next(isNeeded ? yield asked : []);
  }
  if (page === undefined) throw new Error('a list has no statement of a page');
  const explained = yield statement(
    `${dialect === 'sqlite' ? 'EXPLAIN QUERY PLAN' : 'EXPLAIN'} ${page.text}`,
    ...page.parameters,
  );
  return {
    ...{ sql: page.text, parameters: page.parameters, unindexed: [...new Set(unindexed)] },
    steps: explained.map((row: SqlRow) => String(row.detail ?? row['QUERY PLAN'])),
  };
}
