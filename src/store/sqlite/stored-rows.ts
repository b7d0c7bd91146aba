/** Reads all resources of a type, batch by batch in the order of their rows. */
import type { Database } from 'better-sqlite3';
import type { SetAside } from '../../scim/conform.ts';
import type { Document } from '../store.ts';
import type { Kind } from './kinds.ts';

/** Resources in one transaction: few enough that a signal is soon heeded, enough to make its commit cheap. */
const batchSize = 500;

/** A resource as a rebuild reads it. */
export interface StoredRow {
  readonly rid: number;
  readonly tenant: number;
  readonly id: string;
  readonly body: string;
  readonly document: Document;
  readonly setAside: readonly SetAside[];
}

/** Reads what stands behind a position, as much as makes a batch; nothing at the end. */
export type ReadBatch = (position: number) => StoredRow[];

export function batchReader(db: Database, kind: Kind): ReadBatch {
  const rows = db.prepare<
    [number, number],
    { rid: number; tenant: number; id: string; body: string; entries: string | null }
  >(
    `SELECT r.rid, r.tenant, r.id, d.body, s.entries
     FROM resource r CROSS JOIN document d ON d.rid = r.rid LEFT JOIN set_aside s ON s.rid = r.rid
     WHERE r.rid > ? AND +r.type = ? ORDER BY r.rid LIMIT ${batchSize}`,
  );
  return (position) =>
    rows.all(position, kind.number).map(({ entries, ...row }) => ({
      ...row,
      document: JSON.parse(row.body) as Document,
      setAside: entries === null ? [] : (JSON.parse(entries) as SetAside[]),
    }));
}
