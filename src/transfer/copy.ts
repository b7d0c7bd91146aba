/**
 * Copies a database to another one, whatever their engines: all rows, as they were at one moment. Each step is durable with
 * how far it came, so that a copy that was killed goes on; at the end everything is read again and compared.
 */
import { bucketHashes, peopleDigest } from '../events/feed.ts';
import { CommandError } from '../ops/command-error.ts';
import type { Registry } from '../scim/registry.ts';
import type { ChainReport } from '../store/chain.ts';
import {
  type CopiedTable,
  type CopySource,
  type CopyState,
  type CopyTarget,
  copiedTables,
  lastingTables,
  type Row,
  type RowReader,
  RowSum,
  rowText,
} from '../store/copy.ts';
import { layOut, withoutContainsIndex } from '../store/layout/layout.ts';
import { changeReader } from '../store/sql/chain-check.ts';
import type { Store } from '../store/store.ts';

/** @throws CommandError where rows of the source are not as this configuration has them. */
export async function refuseOtherConfiguration(from: CopySource, registry: Registry): Promise<void> {
  const types = (await from.rows('resource_type', ['number', 'name', 'layout'], null, most)).rows;
  const counted = (await from.rows('counter', ['type', 'total'], null, most)).rows;
  for (const [number, name, layout] of types as readonly [number, string, string][]) {
    const type = registry.resourceTypes.find((each) => each.name === name);
    const hasAny = counted.some(([of, total]) => of === number && Number(total) > 0);
    if (type === undefined || !hasAny) continue;
    if (withoutContainsIndex(layout) === layOut(type, new Set()).signature) continue;
    throw new CommandError(
      `${from.shown} was last served with a different definition of ${name} than the one configured here`,
      'Give the configuration that the server uses: --config FILE. After a change of it, start the server first.',
    );
  }
}

const most = Number.MAX_SAFE_INTEGER;

/**
 * Do both tell applications the same of everybody? As `GET /events/digest` does; undefined where the source has changed
 * since.
 */
export async function sameDigests(from: Store, to: Store): Promise<boolean | undefined> {
  for (const { number } of await to.tenants()) {
    const [one, other] = [await peopleDigest(from.feed, number), await peopleDigest(to.feed, number)];
    if (one.sequence !== other.sequence) return undefined;
    for (const what of ['groups', 'roles'] as const)
      if (bucketHashes(one.buckets, what).join() !== bucketHashes(other.buckets, what).join()) return false;
  }
  return true;
}

/** Is told how many rows of a table there are by now. */
export type CopyProgress = (step: 'copying' | 'verifying', table: CopiedTable, rows: number) => void;

export interface CopyOptions {
  readonly from: CopySource;
  readonly to: CopyTarget;
  /** Is it right that the source goes on being written to? */
  readonly isLive: boolean;
  readonly progress: CopyProgress;
  /** Is told where it goes on, or that it begins anew. */
  readonly note: (text: string) => void;
}

export interface CopyReport {
  /** Rows by table. */
  readonly rows: Readonly<Record<CopiedTable, number>>;
  /** The chain of the change record of each tenant, as the target has it. */
  readonly chains: readonly (ChainReport & { readonly tenant: string })[];
  /** Changes that were made in the source meanwhile, and are not in the copy. */
  readonly later: number;
}

/** Rows of a step to begin with, and the size that steps are then brought to. */
const firstStep = 1000;
const mostRows = 10_000;
const stepCharacters = 4_000_000;

/** @throws CommandError, StoreError; what was copied by then stays, and the next call goes on behind it. */
export async function copyDatabase(options: CopyOptions): Promise<CopyReport> {
  const { from, to, isLive } = options;
  if ((await from.place()) === (await to.place()))
    throw new CommandError('--from and --to are the same database', 'Name another one to copy to.');
  let state = await stateOf(options);
  if (state === 'full')
    return { rows: await rowsOf(to), chains: await verifyRows(options, undefined), later: 0 };
  if (!state.isVerified) {
    state = await copyRows(options, state);
    const chains = await verifyRows(options, state.sums);
    const later = await laterChanges(from);
    if (later > 0 && !isLive)
      throw new CommandError(
        `${later} changes were made in ${from.shown} while it was copied, and are not in the copy`,
        'Stop its writes, and run the same command again; or give --live where a copy of an earlier moment will do.',
      );
    await to.finish({ ...state, isVerified: true }, await from.drawn());
    return { rows: countsOf(state), chains, later };
  }
  // It was killed at its very end, when it had been verified.
  const chains = await verifyRows(options, undefined);
  await to.finish(state, await from.drawn());
  return { rows: countsOf(state), chains, later: await laterChanges(from) };
}

async function laterChanges(from: CopySource): Promise<number> {
  const { rows } = await from.rows('change_counter', ['tenant', 'sequence'], null, most);
  const then = new Map(rows.map(([tenant, sequence]) => [Number(tenant), Number(sequence)]));
  let sum = 0;
  for (const [tenant, sequence, pruned] of await from.countersNow())
    sum += sequence - (then.get(tenant) ?? pruned);
  return sum;
}

function countsOf({ sums }: CopyState): Record<CopiedTable, number> {
  const counts = copiedTables.map((table) => [table, sums[table]?.[0] ?? 0]);
  return Object.fromEntries(counts) as Record<CopiedTable, number>;
}

/** Where the copy goes on, or its beginning. */
async function stateOf({ from, to, note }: CopyOptions): Promise<CopyState | 'full'> {
  const [source, head] = [await from.identity(), await from.head()];
  const before = to.state;
  if (before === 'full') {
    const isCopy = (await to.identity()) === source && (await sequencesOf(to)) === (await sequencesOf(from));
    if (!isCopy)
      throw new CommandError(
        `${to.shown} is not empty, and nothing of it may be lost`,
        'Give a file that is not there yet, or an empty database or ?schema=.',
      );
    note(`${to.shown} is a copy of ${from.shown} already`);
    return 'full';
  }
  if (before !== undefined && before.source !== source)
    throw new CommandError(
      `${to.shown} is the copy of another database than ${from.shown}, and has not come to its end`,
      'Go on with that one; or drop what is there.',
    );
  if (before !== undefined && before.head === head) {
    const table = copiedTables[before.tables];
    note(
      `going on with the copy that was interrupted${table === undefined ? '' : `, at the table ${table}`}`,
    );
    return before;
  }
  if (before !== undefined) note(`${from.shown} has changed since the copy was interrupted: it begins anew`);
  const state: CopyState = {
    ...{ source, head, tables: 0, after: null, sums: {}, isVerified: false },
  };
  await to.begin(state);
  return state;
}

async function sequencesOf(reader: RowReader): Promise<string> {
  return JSON.stringify((await reader.rows('change_counter', ['tenant', 'sequence'], null, most)).rows);
}

async function rowsOf(reader: RowReader): Promise<Record<CopiedTable, number>> {
  const counts: [CopiedTable, number][] = [];
  for (const table of copiedTables) {
    let count = 0;
    for (let after: Row | null | undefined = null; after !== undefined; ) {
      const { rows, last } = await reader.rows(table, [], after, mostRows);
      count += rows.length;
      after = last;
    }
    counts.push([table, count]);
  }
  return Object.fromEntries(counts) as Record<CopiedTable, number>;
}

/** The columns that are copied: those of the target, which the source must have, and none beside. */
async function columnsOf(table: CopiedTable, from: RowReader, to: RowReader): Promise<readonly string[]> {
  const [ours, theirs] = [await from.columns(table), await to.columns(table)];
  const missing = theirs.stored.filter((name) => ![...ours.stored, ...ours.derived].includes(name));
  const lost = ours.stored.filter((name) => ![...theirs.stored, ...theirs.derived].includes(name));
  if (missing.length + lost.length > 0)
    throw new Error(`columns of ${table} differ: ${[...missing, ...lost].join(', ')}`);
  return theirs.stored.toSorted();
}

async function copyRows(options: CopyOptions, before: CopyState): Promise<CopyState> {
  const { from, to, progress } = options;
  let state = before;
  if (state.tables >= lastingTables.length) {
    // What goes on beside the change record may be another by now.
    const sums = Object.entries(state.sums).filter(([table]) =>
      (lastingTables as readonly string[]).includes(table),
    );
    state = { ...state, tables: lastingTables.length, after: null, sums: Object.fromEntries(sums) };
    await to.clearPassing(state);
  }
  for (; state.tables < copiedTables.length; ) {
    const table = copiedTables[state.tables] as CopiedTable;
    const columns = await columnsOf(table, from, to);
    const sum = new RowSum(state.sums[table]);
    const textOf = rowText(table, columns);
    let limit = firstStep;
    let reading = from.rows(table, columns, state.after, limit);
    for (;;) {
      const { rows, last } = await reading;
      let characters = 0;
      for (const row of rows) characters += sum.add(textOf(row));
      state = {
        ...state,
        ...(last === undefined ? { tables: state.tables + 1, after: null } : { after: last }),
        sums: { ...state.sums, [table]: sum.text },
      };
      limit = stepOf(rows.length, characters);
      const writing = to.write(table, columns, rows, state);
      // The next rows are read while these are written.
      if (last !== undefined) reading = from.rows(table, columns, last, limit);
      await settled(writing, reading);
      progress('copying', table, sum.count);
      if (last === undefined) break;
    }
  }
  return state;
}

/** Waits for both, so that a failure of one leaves nothing of the other behind. */
async function settled(writing: Promise<void>, reading: Promise<unknown>): Promise<void> {
  const [written, read] = await Promise.allSettled([writing, reading]);
  if (written.status === 'rejected') throw written.reason;
  if (read.status === 'rejected') throw read.reason;
}

function stepOf(rows: number, characters: number): number {
  if (rows === 0) return firstStep;
  return Math.max(1, Math.min(mostRows, Math.floor((stepCharacters * rows) / Math.max(characters, 1))));
}

/** Reads the target from end to end. @throws CommandError that says which tables differ, or what is wrong with a chain. */
async function verifyRows(
  options: CopyOptions,
  expected: CopyState['sums'] | undefined,
): Promise<CopyReport['chains']> {
  const { from, to, progress } = options;
  const wrong: string[] = [];
  const chains = await changeReader(to);
  for (const table of expected === undefined ? (['change'] as const) : copiedTables) {
    const columns = await columnsOf(table, from, to);
    const sum = new RowSum();
    const textOf = rowText(table, columns);
    let limit = firstStep;
    for (let after: Row | null | undefined = null; after !== undefined; ) {
      const { rows, last } = await to.rows(table, columns, after, limit);
      let characters = 0;
      for (const row of rows) characters += sum.add(textOf(row));
      if (table === 'change') chains.add(columns, rows);
      limit = stepOf(rows.length, characters);
      after = last;
      progress('verifying', table, sum.count);
    }
    if (expected === undefined) continue;
    const [count, digest] = expected[table] ?? [0, ''];
    const [found, foundDigest] = sum.text;
    if (found !== count) wrong.push(`${table}: ${found} rows instead of ${count}`);
    else if (foundDigest !== digest && count > 0) wrong.push(`${table}: other values in ${count} rows`);
  }
  const reports = chains.end();
  for (const { tenant, problems } of reports)
    for (const { sequence, problem } of problems)
      wrong.push(`change ${sequence} of the tenant ${tenant} ${problem}`);
  if (wrong.length > 0)
    throw new CommandError(
      `the copy is not what was read from ${from.shown}:\n${wrong.map((line) => `  ${line}`).join('\n')}`,
      'Check the source first: scimd verify. Then drop what was copied, and begin anew.',
    );
  return reports;
}
