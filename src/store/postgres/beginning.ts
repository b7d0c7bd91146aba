/** Where a transaction of units begins: it takes the tenant's lock, and reads what the units begin with. */
import type { StoredTypes } from '../layout/stored-type.ts';
import { noLink } from '../sql/change-row.ts';
import type { Unit } from '../store.ts';
import type { Change } from './computed.ts';
import type { Connection } from './driver.ts';
import { foresee } from './foresee.ts';
import type { GrantRules, TransactionWatch } from './grants.ts';
import { writeSql } from './statements.ts';
import type { LayoutCheck } from './stored-types.ts';
import { noTenant, type Transactions } from './transactions.ts';
import { UnitWriter } from './unit-writer.ts';

export interface BeginningTools {
  readonly transactions: Transactions;
  readonly types: StoredTypes;
  readonly checkLayout: LayoutCheck;
  readonly grants: GrantRules;
}

/** What units are carried out with. */
export interface Begun {
  readonly writer: UnitWriter;
  readonly watch: TransactionWatch;
}

/** Row of `writeSql.beginning`: JSON. */
type BeginningRow = [
  rules: string | null,
  hashes: string | null,
  rids: string | null,
  guard: string | null,
  lost: string | null,
];

export async function begin(
  connection: Connection,
  tenant: number,
  work: readonly (Unit | Change)[],
  { transactions, checkLayout, types, grants }: BeginningTools,
): Promise<Begun> {
  const foreseen = foresee(work);
  const begun = transactions.begin(connection);
  const ids = [...foreseen.current];
  const given = [...foreseen.given];
  const members = [...foreseen.members];
  const pairs = foreseen.edges;
  const since = foreseen.loses ? grants.lostSince(tenant) : undefined;
  const none = { rows: [] as unknown[][] };
  // All of it is on its way before the first answer is there.
  const [, head, beginning, grouped, current, described, edges] = await settledAll([
    begun,
    connection.run(writeSql.lock, [tenant]),
    connection.run(writeSql.beginning, [foreseen.creations, tenant, tenant, since ?? null]),
    given.length === 0 ? none : connection.run(writeSql.grouped, [given, tenant]),
    ids.length === 0 ? none : connection.run(writeSql.current, [foreseen.counted, tenant, ids]),
    members.length === 0 ? none : connection.run(writeSql.described, [tenant, members]),
    pairs.length === 0
      ? none
      : connection.run(writeSql.edgesOfIds, [
          pairs.map(([id]) => id),
          pairs.map(([, value]) => value),
          tenant,
        ]),
  ] as const);
  const [row] = head.rows as [number, Buffer | null][];
  if (row === undefined) throw noTenant(tenant);
  const [[rules, hashes, rids, guard, lost]] = beginning.rows as [BeginningRow];
  checkLayout(parsed(hashes));
  const [sequence, link] = row;
  const writer = new UnitWriter(
    connection,
    tenant,
    types.nameOf,
    { sequence, link: link ?? noLink },
    parsed<number>(rids),
  );
  writer.known.note(ids, current.rows, foreseen.counted);
  writer.known.noteGrouped(given, grouped.rows);
  writer.known.noteDescribed(members, described.rows);
  const rowOf = new Map((current.rows as [number, number, string][]).map(([rid, , id]) => [id, rid]));
  writer.known.noteEdges(
    pairs.flatMap(([id, value]) => {
      const rid = rowOf.get(id);
      return rid === undefined ? [] : [[rid, value] as const];
    }),
    edges.rows,
  );
  const watch = grants.watch({
    writer,
    rules: parsed<string>(rules).map((rule) => [rule]),
    state: guard === null ? [] : [parsed<string | null>(guard)],
    lost: since === undefined ? undefined : { since, people: new Map(parsed<[string, number]>(lost)) },
  });
  return { writer, watch };
}

function parsed<T>(text: string | null): T[] {
  return text === null ? [] : (JSON.parse(text) as T[]);
}

/** All of them, or the error of the first that failed, once none is under way any more. */
async function settledAll<const T extends readonly unknown[]>(
  promises: T,
): Promise<{ -readonly [K in keyof T]: Awaited<T[K]> }> {
  const settled = await Promise.allSettled(promises);
  for (const each of settled) if (each.status === 'rejected') throw each.reason;
  return settled.map((each) => (each as PromiseFulfilledResult<unknown>).value) as {
    -readonly [K in keyof T]: Awaited<T[K]>;
  };
}
