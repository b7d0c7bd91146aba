/**
 * Builds index rows anew from the documents, for types whose attributes were kept elsewhere when their rows were
 * written: an attribute is now declared `indexed`, unique or case-exact, or keys are computed in a new way.
 */
import type { Database } from 'better-sqlite3';
import { ScimError } from '../../error.ts';
import { StoreError } from '../store-error.ts';
import type { Kind, Kinds } from './kinds.ts';
import type { RowWriter } from './writer.ts';

/** Documents read at a time. */
const chunk = 1000;

type Row = [rid: number, tenant: number, id: string, body: string];

/** Does nothing if every type's rows are as its layout has them; else all of it in one transaction. */
export function reindexStale(db: Database, kinds: Kinds, rows: RowWriter): void {
  const stale = kinds.all.filter((kind) => kind.stale);
  if (stale.length === 0) return;
  db.transaction(() => {
    for (const kind of stale) reindex(db, kind, rows);
  }).immediate();
}

function reindex(db: Database, kind: Kind, rows: RowWriter): void {
  const own = 'attribute IN (SELECT number FROM attribute WHERE type = ?)';
  db.prepare(`DELETE FROM element WHERE ${own}`).run(kind.number);
  db.prepare(`DELETE FROM unique_value WHERE ${own}`).run(kind.number);
  db.prepare('UPDATE resource SET unique_key = NULL WHERE type = ?').run(kind.number);
  const next = db
    .prepare<[number, number], Row>(
      `SELECT r.rid, r.tenant, r.id, d.body FROM resource r CROSS JOIN document d ON d.rid = r.rid
       WHERE r.rid > ? AND r.type = ? ORDER BY r.rid LIMIT ${chunk}`,
    )
    .raw();
  for (let last = 0; ; ) {
    const found = next.all(last, kind.number);
    for (const row of found) reindexRow(kind, rows, row);
    const end = found.at(-1);
    if (end === undefined) break;
    last = end[0];
  }
  db.prepare('UPDATE resource_type SET layout = ? WHERE number = ?').run(kind.layout.signature, kind.number);
}

function reindexRow(kind: Kind, rows: RowWriter, [rid, tenant, id, body]: Row): void {
  try {
    rows.reindex({ tenant, kind, rid }, JSON.parse(body));
  } catch (error) {
    if (!(error instanceof ScimError)) throw error;
    throw new StoreError(
      'conflicting-data',
      `${kind.type.name} ${id} breaks a rule that the configuration now has: ${error.message}`,
      'Start with the previous configuration, change one of the two resources, and start again with the new one.',
      { cause: error },
    );
  }
}
