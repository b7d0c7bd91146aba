/** References to a resource that is deleted (RFC 7644 §3.6): what names it as `manager` does not name it any more. */
import type { Database, Statement } from 'better-sqlite3';
import { type Key, keyOf } from '../../scim/comparison.ts';
import { differenceOf } from '../../scim/difference.ts';
import type { Document } from '../../scim/document.ts';
import type { Cause } from '../change.ts';
import { instantAfter } from '../layout/instant.ts';
import { type Reference, referencesOf, refersTo, withoutReference } from '../layout/reference.ts';
import type { StoredType, StoredTypes } from '../layout/stored-type.ts';
import { recordedEdits } from '../sql/change-row.ts';
import { joinedResourceSql } from '../sql/resource.ts';
import type { SensitivePaths, WriteContext } from '../store.ts';
import type { ChangeLog } from './changes.ts';
import { sqliteDialect } from './dialect.ts';
import type { RowWriter } from './writer.ts';

const joined = joinedResourceSql(sqliteDialect);

type ReferringRow = [rid: number, id: string, version: number, modified: string, body: string];

/** The deletion that takes the references away. */
export interface Deletion {
  readonly tenant: number;
  readonly type: string;
  readonly id: string;
  readonly now: Date;
  readonly context: WriteContext;
  readonly transaction: string;
  readonly sensitiveOf: (kind: StoredType) => SensitivePaths | undefined;
}

export class References {
  readonly #rows: RowWriter;
  readonly #changes: ChangeLog;
  readonly #references: readonly Reference[];
  readonly #find: Statement<[tenant: number, attribute: number, value: Key], ReferringRow>;

  constructor(db: Database, types: StoredTypes, rows: RowWriter, changes: ChangeLog) {
    this.#rows = rows;
    this.#changes = changes;
    this.#find = db.prepare<[number, number, Key], ReferringRow>(joined.referring).raw();
    this.#references = referencesOf(types);
  }

  /** Takes them away, each recorded with the deletion as its cause. */
  remove({ tenant, type, id, now, context, transaction, sensitiveOf }: Deletion): void {
    const cause: Cause = { operation: 'delete', type, id };
    for (const reference of this.#references) {
      if (!refersTo(reference, type)) continue;
      const { kind, value, parent } = reference;
      const key = keyOf(value, id);
      if (key === undefined) continue;
      for (const row of this.#find.all(tenant, kind.attributeNumber(value), key)) {
        const [rid, referring, version, modified, body] = row;
        if (referring === id) continue;
        const before = JSON.parse(body) as Document;
        const after = withoutReference(kind, before, parent);
        const difference = differenceOf(kind.type, before, after);
        const touched = { version: version + 1, modified: instantAfter(now, modified) };
        const change = { before, after, difference };
        this.#rows.update({ tenant, kind, rid }, change, JSON.stringify(after), touched);
        this.#changes.append({
          ...{ tenant, type: kind.number, id: referring, operation: 'patch', version: touched.version },
          ...{ at: touched.modified, context, transaction, cause },
          edits: recordedEdits(difference.edits, sensitiveOf(kind)),
        });
      }
    }
  }
}
