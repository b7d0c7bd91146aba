/** What was deleted and can be restored. */
import type { Database, Statement } from 'better-sqlite3';
import { instantText } from '../layout/instant.ts';
import { changeSql } from '../sql/change.ts';
import type { DeletedResource } from '../store.ts';

type DeletionRow = [id: string, sequence: number, at: string, actor: string, last: string];

export class Deletions {
  readonly #list: Statement<[tenant: number, type: number, before: number, limit: number], DeletionRow>;
  readonly #of: Statement<[tenant: number, type: number, id: string], DeletionRow>;

  constructor(db: Database) {
    this.#list = db.prepare<[number, number, number, number], DeletionRow>(changeSql.deletions).raw();
    this.#of = db.prepare<[number, number, string], DeletionRow>(changeSql.deletionOf).raw();
  }

  list(
    tenant: number,
    type: number,
    before: number = Number.MAX_SAFE_INTEGER,
    limit: number,
  ): DeletedResource[] {
    return this.#list.all(tenant, type, before, limit).map(toDeleted);
  }

  of(tenant: number, type: number, id: string): DeletedResource | undefined {
    const row = this.#of.get(tenant, type, id);
    return row === undefined ? undefined : toDeleted(row);
  }
}

function toDeleted([id, sequence, at, actor, last]: DeletionRow): DeletedResource {
  return { id, sequence, at: instantText(at), actor: JSON.parse(actor), last: JSON.parse(last) };
}
