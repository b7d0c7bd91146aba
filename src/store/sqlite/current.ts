/**
 * Resources as commands find them. Many changes of one group come together: of those in one transaction only the last one's
 * version and time are written, and the first alone reads the row. Shown by the workload `member-10000` of npm run bench.
 */
import type { Database, Statement } from 'better-sqlite3';
import { instantText } from '../layout/instant.ts';
import type { StoredType } from '../layout/stored-type.ts';
import { joinedResourceSql, type ResourceRow } from '../sql/resource.ts';
import type { StoredResource } from '../store.ts';
import { sqliteDialect } from './dialect.ts';
import type { RowWriter, Touched } from './writer.ts';

/** The resource as it is when a command begins. */
export interface Current extends Touched {
  readonly kind: StoredType;
  readonly rid: number;
  readonly created: string;
  readonly body: string;
  readonly grouped: ResourceRow[6];
}

/** As answers have it. */
export function resourceOf(id: string, current: Current, memberCount?: number): StoredResource {
  const { kind, version, body } = current;
  const type = kind.type.name;
  const created = instantText(current.created);
  const modified = instantText(current.modified);
  const grouped = Boolean(current.grouped);
  return memberCount === undefined
    ? { id, type, version, created, modified, body, grouped }
    : { id, type, version, created, modified, body, grouped, memberCount };
}

export class CurrentResources {
  readonly #find: Statement<[number, string, number], [number, ...ResourceRow]>;
  readonly #rows: RowWriter;
  /** The one that was touched last, whose row is not written yet. */
  #last: { readonly tenant: number; readonly id: string; readonly current: Current } | undefined;

  constructor(db: Database, rows: RowWriter) {
    this.#find = db
      .prepare<[number, string, number], [number, ...ResourceRow]>(joinedResourceSql(sqliteDialect).get)
      .raw();
    this.#rows = rows;
  }

  /** Undefined if there is none of the type. */
  find(tenant: number, kind: StoredType, id: string): Current | undefined {
    const last = this.#last;
    if (last?.id === id && last.tenant === tenant && last.current.kind === kind) return last.current;
    this.settle();
    const row = this.#find.get(tenant, id, kind.number);
    if (row === undefined) return undefined;
    const [rid, , , version, created, modified, body, grouped] = row;
    return { kind, rid, version, created, modified, body, grouped };
  }

  /** After a change of something else than the document, of what was found last. */
  touch(tenant: number, id: string, before: Current, { version, modified }: Touched): void {
    const { kind, rid, created, body, grouped } = before;
    this.#last = { tenant, id, current: { kind, rid, version, created, modified, body, grouped } };
  }

  /** Writes what is to be written, before rows are written or read otherwise, and before the transaction ends. */
  settle(): void {
    if (this.#last === undefined) return;
    const { current } = this.#last;
    this.#last = undefined;
    this.#rows.touch(current.rid, current);
  }

  /** The transaction, or the command's part of it, was taken back. */
  forget(): void {
    this.#last = undefined;
  }
}
