/**
 * Fits what is stored to a configuration that it was not written under: an attribute is now declared `indexed`,
 * unique or required, an extension came or went, keys are computed in a new way. In batches, each of which is
 * durable with the position behind it, so that a start that is killed is taken up by the next one.
 */
import type { Database } from 'better-sqlite3';
import { sensitivePaths } from '../../query/sensitive.ts';
import { migrateDocument, type Quarantined } from '../../scim/migrate-document.ts';
import { type Findings, noticesOf, withFindings } from '../layout/findings.ts';
import { instantAfter } from '../layout/instant.ts';
import { sameUniqueness } from '../layout/layout.ts';
import { mostPairs, refuseShared, uniqueKeys } from '../layout/shared-values.ts';
import type { StoredType, StoredTypes } from '../layout/stored-type.ts';
import { migratedEdits } from '../sql/migrated-edits.ts';
import { resourceSql } from '../sql/resource.ts';
import { batchSql, rebuildSql, storedTypeSql } from '../sql/stored-type.ts';
import type { Document, OpeningNotice } from '../store.ts';
import { otherConfiguration, StoreError } from '../store-error.ts';
import type { ChangeLog } from './changes.ts';
import { sqliteDialect } from './dialect.ts';
import type { RowWriter } from './writer.ts';

/** What a rebuild writes with. */
export interface RebuildTools {
  readonly rows: RowWriter;
  readonly changes: ChangeLog;
  readonly clock: () => Date;
  readonly newTransaction: () => string;
  /** Attributes, in standard notation, of which the change record keeps no values. */
  readonly sensitive: readonly string[];
}

interface State {
  readonly layout: string;
  readonly cleared: number;
  readonly position: number;
  readonly findings: string;
}

/**
 * Does nothing for types whose rows are as their layout has them. Each value yielded is the end of a durable step.
 * @throws StoreError conflicting-data, with everything as it was, where resources share a value that is now unique.
 */
export function* rebuildStale(
  db: Database,
  types: StoredTypes,
  tools: RebuildTools,
): Generator<OpeningNotice> {
  for (const kind of types.all) yield* rebuild(db, kind, tools);
}

/** Throws a StoreError if there are resources whose rows would have to be built anew. */
export function refuseStale(db: Database, types: StoredTypes): void {
  const stale = types.all.find((kind) => isStale(db, kind) && resourcesOf(db, kind) > 0);
  if (stale === undefined) return;
  throw new StoreError(
    'other-configuration',
    `the database was last served with a different definition of ${stale.type.name} than the one configured here`,
    'Give the configuration that the server uses: --config FILE. After a change of it, start the server first.',
  );
}

function isStale(db: Database, { number, layout }: StoredType): boolean {
  const current = db.prepare<[number], string>(storedTypeSql.settled).pluck();
  return current.get(number) !== layout.signature;
}

function resourcesOf(db: Database, { number }: StoredType): number {
  const total = db.prepare<[number], number>(storedTypeSql.resources).pluck();
  return total.get(number) ?? 0;
}

function* rebuild(db: Database, kind: StoredType, tools: RebuildTools): Generator<OpeningNotice> {
  const { number, type, layout } = kind;
  const layoutNow = db.prepare<[number], string>(storedTypeSql.layoutOf).pluck();
  const stateNow = db.prepare<[number], State>(rebuildSql.state);
  const stop = db.prepare(rebuildSql.end);
  if (!isStale(db, kind)) return;
  const before = stateNow.get(number);

  const begin = (): State => {
    const state = stateNow.get(number);
    if (state?.layout === layout.signature) return state;
    const previous = [layoutNow.get(number) as string, ...(state === undefined ? [] : [state.layout])];
    const cleared = previous.every((each) => sameUniqueness(each, layout.signature)) ? 1 : 0;
    db.prepare(rebuildSql.begin).run(number, layout.signature, cleared);
    return stateNow.get(number) as State;
  };
  const clear = (): void => {
    db.prepare(rebuildSql.clearUnique).run(number);
    db.prepare(rebuildSql.clearColumn).run(number);
    db.prepare(rebuildSql.cleared).run(number);
  };
  const end = (): void => {
    db.prepare(storedTypeSql.setLayout).run(layout.signature, number);
    stop.run(number);
  };

  const state = db.transaction(begin).immediate();
  const total = resourcesOf(db, kind);
  let done = db
    .prepare<[number, number], number>(rebuildSql.done)
    .pluck()
    .get(number, state.position) as number;
  const progress = (): OpeningNotice => ({ kind: 'rebuilding', type: type.name, done, total });
  const readBatch = batchReader(db, kind);

  if (total > 0) yield progress();
  if (state.cleared === 0) {
    try {
      for (const _ of refuseSharedValues(db, kind, readBatch)) yield progress();
    } catch (error) {
      // Nothing was changed yet, unless an earlier rebuild was left half way.
      if (before === undefined) stop.run(number);
      throw error;
    }
    db.transaction(clear).immediate();
  }
  let { position } = state;
  let findings = JSON.parse(state.findings) as Findings;
  const write = batchWriter(db, kind, tools);
  for (let batch = readBatch(position); batch.length > 0; batch = readBatch(position)) {
    position = batch.at(-1)?.rid as number;
    const found = write(batch, position, findings);
    if (found === undefined) {
      // Another process began with another configuration, or was quicker with the same one.
      if (isStale(db, kind)) throw otherConfiguration();
      return;
    }
    findings = found;
    done += batch.length;
    yield progress();
  }
  db.transaction(end).immediate();
  if (total > 0) yield { kind: 'rebuilt', type: type.name, resources: done };
  yield* noticesOf(findings, type.name);
}

/**
 * Writes a batch, what is to be told of it and the position behind it, or nothing. Undefined, and nothing written, if
 * the rebuild is not this process's any more.
 */
function batchWriter(
  db: Database,
  kind: StoredType,
  { rows, changes, clock, newTransaction, sensitive }: RebuildTools,
): (batch: readonly StoredRow[], position: number, before: Findings) => Findings | undefined {
  const updateBody = db.prepare(resourceSql.updateDocument);
  const quarantine = db.prepare(rebuildSql.quarantine);
  const release = db.prepare(rebuildSql.release);
  const advance = db.prepare(rebuildSql.advance);
  const hidden = sensitivePaths(kind.type, sensitive);
  /** What an application sees of it, if it sees anything: another version, and a change by the system. */
  const record = (row: StoredRow, document: Document, transaction: string): void => {
    const edits = migratedEdits(kind.type, row.document, document, hidden);
    if (edits.length === 0) return;
    const touched = { version: row.version + 1, modified: instantAfter(clock(), row.modified) };
    rows.touch(row.rid, touched);
    changes.append({
      ...{
        tenant: row.tenant,
        type: kind.number,
        id: row.id,
        operation: 'migrate',
        version: touched.version,
      },
      ...{ at: touched.modified, context: { actor: system }, transaction, edits },
    });
  };
  const writeBatch = db.transaction((batch: readonly StoredRow[], position: number, before: Findings) => {
    const fitted = batch.map((row) => ({
      row,
      ...migrateDocument(kind.type, row.document, row.quarantined),
    }));
    const findings = fitted.reduce((sum, each) => withFindings(sum, each.row.id, each), before);
    const advanced = advance.run(position, JSON.stringify(findings), kind.number, kind.layout.signature);
    if (advanced.changes === 0) return undefined;
    const transaction = newTransaction();
    for (const { row, document, quarantined } of fitted) {
      if (document !== row.document) {
        updateBody.run(JSON.stringify(document), row.rid);
        record(row, document, transaction);
      }
      if (quarantined.length > 0) quarantine.run(row.rid, JSON.stringify(quarantined));
      else if (row.quarantined.length > 0) release.run(row.rid);
      rows.reindex({ tenant: row.tenant, kind, rid: row.rid }, document);
    }
    changes.write();
    return findings;
  }).immediate;
  return (...given) => {
    try {
      return writeBatch(...given);
    } catch (error) {
      changes.forget();
      throw error;
    }
  };
}

const system = { kind: 'system' } as const;

/** Resources in one transaction: few enough that a signal is soon heeded, enough to make its commit cheap. */
const batchSize = 500;

/** A resource as a rebuild reads it. */
interface StoredRow {
  readonly rid: number;
  readonly tenant: number;
  readonly id: string;
  readonly version: number;
  readonly modified: string;
  readonly body: string;
  readonly document: Document;
  readonly quarantined: readonly Quarantined[];
}

/** Reads what stands behind a position, as much as makes a batch; nothing at the end. */
type ReadBatch = (position: number) => StoredRow[];

function batchReader(db: Database, kind: StoredType): ReadBatch {
  const rows = db.prepare<
    [number, number, number],
    {
      rid: number;
      tenant: number;
      id: string;
      version: number;
      modified: string;
      body: string;
      entries: string | null;
    }
  >(batchSql(sqliteDialect));
  return (position) =>
    rows.all(position, kind.number, batchSize).map(({ entries, ...row }) => ({
      ...row,
      document: JSON.parse(row.body) as Document,
      quarantined: entries === null ? [] : (JSON.parse(entries) as Quarantined[]),
    }));
}

/** Yields after each batch. @throws StoreError conflicting-data that names the resources. */
function* refuseSharedValues(db: Database, kind: StoredType, readBatch: ReadBatch): Generator<void> {
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
  refuseShared(kind, count, pairs);
}
