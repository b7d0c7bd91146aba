/** Looks, before anything is changed, whether resources share a value that the configuration now wants unique. */
import type { Database } from 'better-sqlite3';
import { conform } from '../../scim/conform.ts';
import type { UniqueRow } from '../layout/index-rows.ts';
import type { StoredType } from '../layout/stored-type.ts';
import { StoreError } from '../store-error.ts';
import type { ReadBatch, StoredRow } from './stored-rows.ts';

/** As many pairs are told as a person would look at. */
const mostPairs = 20;

/** Yields after each batch. @throws StoreError conflicting-data that names the resources. */
export function* refuseSharedValues(db: Database, kind: StoredType, readBatch: ReadBatch): Generator<void> {
  db.exec(`DROP TABLE IF EXISTS temp.seen;
    CREATE TEMP TABLE seen (tenant, attribute, key, id, PRIMARY KEY (tenant, attribute, key)) WITHOUT ROWID`);
  const insert = db.prepare('INSERT OR IGNORE INTO temp.seen VALUES (?, ?, ?, ?)');
  const first = db
    .prepare<[number, number, string | number], string>(
      'SELECT id FROM temp.seen WHERE tenant = ? AND attribute = ? AND key = ?',
    )
    .pluck();
  const pairs: string[] = [];
  let count = 0;
  try {
    for (let batch = readBatch(0); batch.length > 0; batch = readBatch(batch.at(-1)?.rid as number)) {
      for (const row of batch) {
        for (const { attribute, key, path } of uniqueKeys(kind, row)) {
          if (insert.run(row.tenant, attribute, key, row.id).changes > 0) continue;
          count++;
          if (pairs.length < mostPairs)
            pairs.push(`${first.get(row.tenant, attribute, key)} and ${row.id} share a value of ${path}`);
        }
      }
      yield;
    }
  } finally {
    db.exec('DROP TABLE temp.seen');
  }
  if (count === 0) return;
  const more = count > pairs.length ? [`and ${count - pairs.length} more`] : [];
  throw new StoreError(
    'conflicting-data',
    `the configuration now wants values of ${kind.type.name} unique that resources share:\n${[
      ...pairs,
      ...more,
    ]
      .map((line) => `  ${line}`)
      .join('\n')}`,
    'Nothing was changed. Start with the previous configuration, change or delete these resources, and start again with the new one.',
  );
}

type UniqueKey = Pick<UniqueRow, 'attribute' | 'key' | 'path'>;

function uniqueKeys(kind: StoredType, row: StoredRow): UniqueKey[] {
  const { columns, unique } = kind.indexRows(conform(kind.type, row.document, row.setAside).document);
  const { uniqueColumn } = kind.layout;
  if (uniqueColumn === undefined || columns.unique_key === null) return [...unique];
  return [...unique, { attribute: 0, key: String(columns.unique_key), path: uniqueColumn.path }];
}
