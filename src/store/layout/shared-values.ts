/** Values that a configuration wants unique and that stored resources share. */
import { migrateDocument, type Quarantined } from '../../scim/migrate-document.ts';
import type { Document } from '../store.ts';
import { StoreError } from '../store-error.ts';
import type { UniqueRow } from './index-rows.ts';
import type { StoredType } from './stored-type.ts';

/** As many pairs are told as a person would look at. */
export const mostPairs = 20;

type UniqueKey = Pick<UniqueRow, 'attribute' | 'key' | 'path'>;

/** The keys that no other resource may have once this one is as the configuration wants it; attribute 0 is the type's own. */
export function uniqueKeys(
  kind: StoredType,
  { document, quarantined }: { readonly document: Document; readonly quarantined: readonly Quarantined[] },
): UniqueKey[] {
  const { columns, unique } = kind.indexRows(migrateDocument(kind.type, document, quarantined).document);
  const { uniqueColumn } = kind.layout;
  if (uniqueColumn === undefined || columns.unique_key === null) return [...unique];
  return [...unique, { attribute: 0, key: String(columns.unique_key), path: uniqueColumn.path }];
}

/** `count` pairs were found, of which these are told. @throws StoreError conflicting-data if there is any */
export function refuseShared({ type }: StoredType, count: number, pairs: readonly string[]): void {
  if (count === 0) return;
  const lines = count > pairs.length ? [...pairs, `and ${count - pairs.length} more`] : pairs;
  throw new StoreError(
    'conflicting-data',
    `the configuration now wants values of ${type.name} unique that resources share:\n${lines
      .map((line) => `  ${line}`)
      .join('\n')}`,
    'Nothing was changed. Start with the previous configuration, change or delete these resources, and start again with the new one.',
  );
}
