/** Reads all resources of a type, batch by batch in the order of their rows. */
import type { Database } from 'better-sqlite3';
import type { SetAside } from '../../scim/conform.ts';
import type { StoredType } from '../layout/stored-type.ts';
import { batchSql } from '../sql/stored-type.ts';
import type { Document } from '../store.ts';
import { sqliteDialect } from './dialect.ts';

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

export function batchReader(db: Database, kind: StoredType): ReadBatch {
  const rows = db.prepare<
    [number, number, number],
    { rid: number; tenant: number; id: string; body: string; entries: string | null }
  >(batchSql(sqliteDialect));
  return (position) =>
    rows.all(position, kind.number, batchSize).map(({ entries, ...row }) => ({
      ...row,
      document: JSON.parse(row.body) as Document,
      setAside: entries === null ? [] : (JSON.parse(entries) as SetAside[]),
    }));
}
