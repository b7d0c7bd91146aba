/**
 * All that a database holds, row by row, in a form that is the same for SQLite and PostgreSQL: what `scimd copy` reads from
 * one and writes to another.
 */
import { hash } from 'node:crypto';
import { StoreError } from './store-error.ts';

/** A value of a column; JSON is its text. */
export type Cell = string | number | null | Uint8Array;
export type Row = readonly Cell[];

/** Tables that have rows from the beginning, or by a first start. */
export const tablesMadeAtOnce = [
  'tenant',
  'resource_type',
  'attribute',
  'secret',
  'access_rule',
  'change_counter',
  'counter',
] as const;

/**
 * Tables that change only with the change record, the configuration or the list of tenants, each behind those that it
 * refers to. Those that have come to the target once are still right as long as {@link CopySource.head} is the same.
 */
export const lastingTables = [
  ...tablesMadeAtOnce,
  ...(['resource', 'document', 'document_keys', 'set_aside', 'element', 'unique_value', 'member'] as const),
  ...(['credential', 'access_grant', 'change', 'change_member'] as const),
] as const;

/** Tables of what goes on beside: read in one go, at the end. */
export const passingTables = [
  ...([
    'access_lock',
    'guard',
    'guard_count',
    'token',
    'client_key',
    'used_assertion',
    'signing_key',
  ] as const),
  ...([
    'consumer',
    'endpoint',
    'delivery',
    'attempt_batch',
    'stream_removed',
    'stream_acknowledged',
  ] as const),
  ...(['confirmation', 'admin_grant', 'admin_action'] as const),
] as const;

export type CopiedTable = (typeof lastingTables)[number] | (typeof passingTables)[number];

export const copiedTables: readonly CopiedTable[] = [...lastingTables, ...passingTables];

/** `rebuild` must be empty, and the others are made from the documents where the target has them. */
export const tablesNotCopied = ['rebuild', 'contains_text', 'trigram'] as const;

/** Columns that hold JSON which PostgreSQL does not keep as it was written. */
const normalised = new Set(['document_keys.keys', 'element.rest']);

/** Columns that are numbered by the database: what was drawn last must not be drawn again. */
export const drawnNumbers = [
  'tenant',
  'resource_type',
  'attribute',
  'attempt_batch',
  'admin_action',
] as const;
/** The last numbers by table; `resource` is the row number of resources. */
export type DrawnNumbers = Readonly<Record<(typeof drawnNumbers)[number] | 'resource', number>>;

/** How far a copy has come, as the target keeps it in the transaction of each step. */
export interface CopyState {
  /** The source that it is of, by {@link CopySource.identity}. */
  readonly source: string;
  readonly head: string;
  /** Tables that are done; `after` is the key of the last row of the next one that is there. */
  readonly tables: number;
  readonly after: Row | null;
  /** Of the rows that were read, by table. */
  readonly sums: Readonly<Record<string, RowSumText>>;
  /** Is all there, and verified? */
  readonly isVerified: boolean;
}

/** How many rows, and the sum of their digests. */
export type RowSumText = readonly [count: number, sum: string];

/** Rows of a table in the order of its key. */
export interface RowReader {
  /** The database for people, without a password. */
  readonly shown: string;
  /** Columns of the table that are stored; and, as `derived`, those that can be told of its rows. */
  columns(
    table: CopiedTable,
  ): Promise<{ readonly stored: readonly string[]; readonly derived: readonly string[] }>;
  /** At most so many behind a key, and the key of the last one; without it there are no more. */
  rows(
    table: CopiedTable,
    columns: readonly string[],
    after: Row | null,
    limit: number,
  ): Promise<{ readonly rows: readonly Row[]; readonly last: Row | undefined }>;
  /** Where it is, whatever name leads there. */
  place(): Promise<string>;
  /** Tells the database from every other one; a copy has that of what it is a copy of. */
  identity(): Promise<string>;
  close(): Promise<void>;
}

/** Where the record of a tenant is, and what of it is kept no longer. */
export type Counter = readonly [tenant: number, sequence: number, pruned: number];

export const countersSql = 'SELECT tenant, sequence, pruned FROM change_counter';

export interface CopySource extends RowReader {
  /** A text that is another one after any change of {@link lastingTables}. */
  head(): Promise<string>;
  /** {@link countersSql} now, and not when the reading began. */
  countersNow(): Promise<readonly Counter[]>;
  drawn(): Promise<DrawnNumbers>;
}

export interface CopyTarget extends RowReader {
  /** Of a copy that was left half way; `full`: there is a database; undefined where there is nothing yet. */
  readonly state: CopyState | 'full' | undefined;
  /** Empties it, and begins. */
  begin(state: CopyState): Promise<void>;
  /** Writes rows with the state that is reached by them. @throws StoreError `busy` where another copy writes too. */
  write(
    table: CopiedTable,
    columns: readonly string[],
    rows: readonly Row[],
    state: CopyState,
  ): Promise<void>;
  /** Removes what was copied of the passing tables. */
  clearPassing(state: CopyState): Promise<void>;
  /** Makes a database of it that can be served; the index for `co` is made when it is opened. */
  finish(state: CopyState, drawn: DrawnNumbers): Promise<void>;
}

/** Counts rows, and adds their digests up, in whatever order they come. */
export class RowSum {
  count: number;
  readonly #lanes = new Uint32Array(8);

  constructor([count, sum]: RowSumText = [0, '']) {
    this.count = count;
    const bytes = Buffer.from(sum, 'hex');
    for (let lane = 0; lane * 4 < bytes.length; lane++) this.#lanes[lane] = bytes.readUInt32LE(lane * 4);
  }

  /** Answers how long the row is as a text. */
  add(text: string): number {
    this.count++;
    const digest = hash('sha256', text, 'buffer');
    for (let lane = 0; lane < 8; lane++)
      this.#lanes[lane] = (this.#lanes[lane] as number) + digest.readUInt32LE(lane * 4);
    return text.length;
  }

  get text(): RowSumText {
    const bytes = Buffer.alloc(32);
    for (let lane = 0; lane < 8; lane++) bytes.writeUInt32LE(this.#lanes[lane] as number, lane * 4);
    return [this.count, bytes.toString('hex')];
  }
}

/** What is digested of a row: the same in both engines. */
export function rowText(table: CopiedTable, columns: readonly string[]): (row: Row) => string {
  const isNormalised = columns.map((column) => normalised.has(`${table}.${column}`));
  const hasNormalised = isNormalised.includes(true);
  return (row) => {
    const cells = row.map((cell, index) => {
      if (typeof cell === 'string') {
        // PostgreSQL has no text with NUL.
        if (cell.includes('\0')) return cell.replaceAll('\0', '\ufffd');
        return hasNormalised && isNormalised[index] ? sortedJson(JSON.parse(cell)) : cell;
      }
      return cell instanceof Uint8Array ? [Buffer.from(cell).toString('hex')] : cell;
    });
    return JSON.stringify(cells);
  };
}

function sortedJson(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sortedJson);
  if (typeof value !== 'object' || value === null) return value;
  return Object.entries(value)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, each]) => [name, sortedJson(each)]);
}

/** The same for all that tells whether lasting tables are as they were. */
export function headOf(rows: readonly (readonly unknown[])[]): string {
  const texts = rows.map((row) =>
    row.map((cell) => (cell instanceof Uint8Array ? Buffer.from(cell).toString('hex') : cell)),
  );
  return hash('sha256', JSON.stringify(texts), 'hex');
}

/** What {@link headOf} is told, each with its name; the same text for both engines. */
export const headSql = [
  'SELECT tenant, sequence, link, pruned FROM change_counter ORDER BY tenant',
  'SELECT number, name, created, was, deleted, paused FROM tenant ORDER BY number',
  'SELECT number, name, layout FROM resource_type ORDER BY number',
  'SELECT number, type, path FROM attribute ORDER BY number',
  'SELECT kind, name, rule FROM access_rule ORDER BY kind, name',
] as const;

export function olderSource(shown: string, version: number, current: number): StoreError {
  return new StoreError(
    'cannot-open',
    `${shown} has database version ${version}, and this release copies version ${current}`,
    'Bring it up to date first: scimd migrate.',
  );
}

export function unfinishedRebuild(shown: string): StoreError {
  return new StoreError(
    'busy',
    `the indexes of ${shown} are being rebuilt`,
    'Wait until that is done; if no server does it, start one, or run scimd migrate.',
  );
}

export function otherCopy(shown: string): StoreError {
  return new StoreError(
    'busy',
    `another scimd copy writes to ${shown} at the same time`,
    'Let one of them go on. If none runs, start it again: it goes on where it was.',
  );
}
