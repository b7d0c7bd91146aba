/**
 * Keeps a server from reading and writing rows that another process has built anew for another configuration: during
 * an update, say, in which the new server starts before the old one has ended.
 */
import type { Database } from 'better-sqlite3';
import type { StoredTypes } from '../layout/stored-type.ts';
import { storedTypeSql } from '../sql/stored-type.ts';
import { StoreError } from '../store-error.ts';
import type { DataVersion } from './data-version.ts';

/** Within a transaction: throws a StoreError if the rows are not as this process has them. */
export type LayoutGuard = () => void;

export function otherConfiguration(): StoreError {
  return new StoreError(
    'other-configuration',
    'another process has opened the database with other schemas or resource types, and made its rows so',
    'Stop the servers of this database but one, or give all the same configuration; then start this one again.',
  );
}

export function layoutGuard(db: Database, types: StoredTypes, others: DataVersion): LayoutGuard {
  const layouts = db.prepare<[], [name: string, layout: string]>(storedTypeSql.layouts).raw();
  let same = true;
  others.onWrite(() => {
    const stored = new Map(layouts.all());
    same = types.all.every(({ type, layout }) => stored.get(type.name) === layout.signature);
  });
  return () => {
    others.check();
    if (!same) throw otherConfiguration();
  };
}
