/** References to a resource that is deleted (RFC 7644 §3.6): what names it as `manager` does not name it any more. */
import { keyOf } from '../../scim/comparison.ts';
import { differenceOf } from '../../scim/difference.ts';
import type { Cause } from '../change.ts';
import { instantAfter } from '../layout/instant.ts';
import { referencesOf, withoutReference } from '../layout/reference.ts';
import type { StoredType, StoredTypes } from '../layout/stored-type.ts';
import { recordedEdits } from '../sql/change-row.ts';
import { joinedResourceSql } from '../sql/resource.ts';
import type { Document, SensitivePaths, WriteContext } from '../store.ts';
import { postgresDialect } from './dialect.ts';
import type { UnitWriter } from './unit-writer.ts';

const joined = joinedResourceSql(postgresDialect);

type ReferringRow = [rid: number, id: string, version: number, modified: string, body: string];

/** The deletion that takes the references away. */
export interface Deletion {
  readonly type: string;
  readonly id: string;
  readonly now: Date;
  readonly context: WriteContext;
  readonly transaction: string;
  readonly sensitiveOf: (kind: StoredType) => SensitivePaths | undefined;
}

/** Takes them away, each recorded with the deletion as its cause. */
export type RemoveReferences = (writer: UnitWriter, deletion: Deletion) => Promise<void>;

export function referenceRemover(types: StoredTypes): RemoveReferences {
  const references = referencesOf(types);
  return async (writer, { type, id, now, context, transaction, sensitiveOf }) => {
    const { tenant } = writer;
    const cause: Cause = { operation: 'delete', type, id };
    for (const { kind, value, parent } of references) {
      if (!parent.subAttributes.get('$ref')?.referenceTypes.includes(type)) continue;
      const key = keyOf(value, id);
      if (key === undefined) continue;
      const rows = await writer.query(joined.referring, [tenant, kind.attributeNumber(value), key]);
      for (const [rid, referring, version, modified, body] of rows as ReferringRow[]) {
        if (referring === id) continue;
        const before = JSON.parse(body) as Document;
        const after = withoutReference(kind, before, parent);
        const difference = differenceOf(kind.type, before, after);
        const touched = { version: version + 1, modified: instantAfter(now, modified) };
        const text = JSON.stringify(after);
        writer.update({ rid, id: referring }, kind, { before, after, difference }, text, touched);
        writer.append({
          ...{ tenant, type: kind.number, id: referring, operation: 'patch', version: touched.version },
          ...{ at: touched.modified, context, transaction, cause },
          edits: recordedEdits(difference.edits, sensitiveOf(kind)),
        });
      }
    }
  };
}
