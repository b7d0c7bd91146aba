/** Rows that a transaction is about to write: they come together, and go in few statements. */
import type { KeyColumn } from '../layout/layout.ts';
import { type Statement, updatesSql, writeSql } from './statements.ts';
import { type Columns, columnsOf, type NewMember, type Touched } from './unit-rows.ts';

/** Rows that wait to be inserted. */
const insertions = ['resources', 'documents', 'keys', 'elements', 'uniques', 'contained', 'members'] as const;

/**
 * Of each row one change waits at most, since they go as one statement: whoever adds a second one sends what waits first, as
 * the methods that answer a boolean tell.
 */
export class PendingRows {
  readonly #tenant: number;
  #rows = noRows();
  /** New resources. */
  readonly #new = new Set<number>();
  readonly #touches = new Map<number, Touched>();
  readonly #updates = new Updates();
  /** Members that come and that go, by `owner value`. */
  readonly #come = new Set<string>();
  readonly #gone = new Map<string, readonly [owner: number, value: string]>();

  constructor(tenant: number) {
    this.#tenant = tenant;
  }

  insert(table: Exclude<(typeof insertions)[number], 'resources' | 'members'>, row: Columns): void {
    this.#rows[table].push(row);
  }

  insertResource(rid: number, row: Columns): void {
    this.#new.add(rid);
    this.#rows.resources.push([rid, ...row]);
  }

  /** Is it new, or is its document? */
  isWritten(rid: number): boolean {
    return this.#new.has(rid) || this.#updates.has(rid);
  }

  /** Not of one that {@link isWritten}. */
  update(...update: Parameters<Updates['add']>): void {
    this.#touches.delete(update[0]);
    this.#updates.add(...update);
  }

  /** Not of one that {@link isWritten}. */
  touch(rid: number, touched: Touched): void {
    this.#touches.set(rid, touched);
  }

  forgetTouch(rid: number): void {
    this.#touches.delete(rid);
  }

  comes(edge: string): boolean {
    return this.#come.has(edge);
  }

  goes(edge: string): boolean {
    return this.#gone.has(edge);
  }

  /** Not of an edge that {@link goes}. */
  addMember(edge: string, { owner, value, kind, display, type, displayKey, typeKey }: NewMember): void {
    this.#come.add(edge);
    this.#rows.members.push([owner, value, this.#tenant, kind, display, type, displayKey, typeKey]);
  }

  /** Not of an edge that {@link comes}. */
  removeMember(edge: string, owner: number, value: string): void {
    this.#gone.set(edge, [owner, value]);
  }

  /** The statements, for {@link asOne}; then nothing waits. */
  take(): Statement[] {
    const statements: Statement[] = [];
    if (this.#gone.size > 0)
      statements.push([writeSql.removeMembers, [...columnsOf([...this.#gone.values()]), this.#tenant]]);
    for (const table of insertions) {
      const rows = this.#rows[table];
      if (rows.length > 0) statements.push([writeSql[table], columnsOf(rows)]);
    }
    if (this.#touches.size > 0) {
      const touches = Array.from(this.#touches, ([rid, { version, modified }]) => [rid, version, modified]);
      statements.push([writeSql.touches, [...columnsOf(touches), this.#tenant]]);
    }
    for (const [text, rows] of this.#updates.take())
      statements.push([text, [...columnsOf(rows), this.#tenant]]);
    if (statements.length > 0) this.clear();
    return statements;
  }

  clear(): void {
    this.#new.clear();
    this.#touches.clear();
    this.#updates.clear();
    this.#come.clear();
    this.#gone.clear();
    this.#rows = noRows();
  }
}

/** Documents that change, to be written in few statements. */
class Updates {
  readonly #resources = new Map<
    string,
    { readonly columns: readonly KeyColumn[]; readonly rows: Columns[] }
  >();
  readonly #rids = new Set<number>();
  #documents: Columns[] = [];
  #keys: Columns[] = [];

  has(rid: number): boolean {
    return this.#rids.has(rid);
  }

  /** `values` are the version, the time, and what is now in the columns. */
  add(
    rid: number,
    columns: readonly KeyColumn[],
    values: Columns,
    { body, keys }: { readonly body: string; readonly keys: string | undefined },
  ): void {
    this.#rids.add(rid);
    const name = columns.join();
    const known = this.#resources.get(name) ?? { columns, rows: [] };
    this.#resources.set(name, known);
    known.rows.push([rid, ...values]);
    this.#documents.push([rid, body]);
    if (keys !== undefined) this.#keys.push([rid, keys]);
  }

  /** The statements, each of which takes the columns of its rows and the tenant; then there are none. */
  take(): (readonly [text: string, rows: readonly Columns[]])[] {
    if (this.#rids.size === 0) return [];
    const all = [
      ...Array.from(this.#resources.values(), ({ columns, rows }) => [updatesSql(columns), rows] as const),
      [writeSql.documentsOf, this.#documents] as const,
      [writeSql.keysOf, this.#keys] as const,
    ];
    this.clear();
    return all.filter(([, rows]) => rows.length > 0);
  }

  clear(): void {
    this.#rids.clear();
    this.#resources.clear();
    this.#documents = [];
    this.#keys = [];
  }
}

/** The rows that wait: none. */
function noRows(): Record<(typeof insertions)[number], Columns[]> {
  return { resources: [], documents: [], keys: [], elements: [], uniques: [], contained: [], members: [] };
}
