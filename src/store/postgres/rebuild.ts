/**
 * Fits what is stored to a configuration that it was not written under, as in SQLite: in batches, each of which is durable
 * with the position behind it. Servers of the old configuration write nothing from its beginning on.
 */
import { sensitivePaths } from '../../query/sensitive.ts';
import { migrateDocument, type Quarantined } from '../../scim/migrate-document.ts';
import { type Findings, noticesOf, withFindings } from '../layout/findings.ts';
import { instantAfter } from '../layout/instant.ts';
import { sameUniqueness } from '../layout/layout.ts';
import { mostPairs, refuseShared, uniqueKeys } from '../layout/shared-values.ts';
import type { StoredType, StoredTypes } from '../layout/stored-type.ts';
import { migratedEdits } from '../sql/migrated-edits.ts';
import { rebuildSql, storedTypeSql } from '../sql/stored-type.ts';
import type { Document, OpeningNotice } from '../store.ts';
import { otherConfiguration, StoreError } from '../store-error.ts';
import type { Connection } from './driver.ts';
import { writeSql } from './statements.ts';
import { lockedWriter, type Transactions } from './transactions.ts';

type State = [layout: string, cleared: number, position: number, findings: string];

/** Resources in one transaction. */
const batchSize = 500;

/** Does nothing for types whose rows are as their layout has them. Yields at the end of each durable step. */
export async function* rebuildStale(
  transactions: Transactions,
  connection: Connection,
  types: StoredTypes,
  record: RebuildRecord,
): AsyncGenerator<OpeningNotice> {
  for (const kind of types.all) yield* rebuild(transactions, connection, types, kind, record);
}

/** What the changes of a rebuild are recorded with. */
export interface RebuildRecord {
  readonly clock: () => Date;
  readonly newTransaction: () => string;
  /** Attributes, in standard notation, of which the change record keeps no values. */
  readonly sensitive: readonly string[];
}

/** Throws a StoreError if there are resources whose rows would have to be built anew. */
export async function refuseStale(connection: Connection, types: StoredTypes): Promise<void> {
  for (const kind of types.all) {
    if (!(await isStale(connection, kind)) || (await resourcesOf(connection, kind)) === 0) continue;
    throw new StoreError(
      'other-configuration',
      `the database was last served with a different definition of ${kind.type.name} than the one configured here`,
      'Give the configuration that the server uses: --config FILE. After a change of it, start the server first.',
    );
  }
}

async function isStale(connection: Connection, { number, layout }: StoredType): Promise<boolean> {
  const { rows } = await connection.run(storedTypeSql.settled, [number]);
  return (rows as [string][])[0]?.[0] !== layout.signature;
}

async function resourcesOf(connection: Connection, { number }: StoredType): Promise<number> {
  const { rows } = await connection.run(storedTypeSql.resources, [number]);
  return (rows as [number | null][])[0]?.[0] ?? 0;
}

async function* rebuild(
  transactions: Transactions,
  connection: Connection,
  types: StoredTypes,
  kind: StoredType,
  record: RebuildRecord,
): AsyncGenerator<OpeningNotice> {
  const { number, type, layout } = kind;
  if (!(await isStale(connection, kind))) return;
  const before = await stateOf(connection, kind);
  const state = await transactions.run(async (within) => {
    const known = await stateOf(within, kind);
    if (known?.[0] === layout.signature) return known;
    const { rows } = await within.run(storedTypeSql.layoutOf, [number]);
    const [[stored]] = rows as [[string]];
    const previous = [stored, ...(known === undefined ? [] : [known[0]])];
    const cleared = previous.every((each) => sameUniqueness(each, layout.signature)) ? 1 : 0;
    await within.run(rebuildSql.begin, [number, layout.signature, cleared]);
    return (await stateOf(within, kind)) as State;
  });
  // Who had begun to write before has ended, and whoever begins now finds the type being rebuilt.
  await transactions.run((within) =>
    within.run('SELECT tenant FROM change_counter ORDER BY tenant FOR UPDATE'),
  );
  const total = await resourcesOf(connection, kind);
  let [, cleared, position, findingsText] = state;
  const { rows: doneRows } = await connection.run(rebuildSql.done, [number, position]);
  let done = (doneRows as [number][])[0]?.[0] ?? 0;
  const progress = (): OpeningNotice => ({ kind: 'rebuilding', type: type.name, done, total });
  if (total > 0) yield progress();
  if (cleared === 0) {
    try {
      await refuseSharedValues(transactions, kind);
    } catch (error) {
      // Nothing was changed yet, unless an earlier rebuild was left half way.
      if (before === undefined) await transactions.run((within) => within.run(rebuildSql.end, [number]));
      throw error;
    }
    await transactions.run(async (within) => {
      await within.run(rebuildSql.clearUnique, [number]);
      await within.run(rebuildSql.clearColumn, [number]);
      await within.run(rebuildSql.cleared, [number]);
    });
    cleared = 1;
  }
  let findings = JSON.parse(findingsText) as Findings;
  for (;;) {
    const batch = await transactions.run((within) =>
      writeBatch(within, types, kind, position, findings, record),
    );
    if (batch === 'taken') {
      // Another process began with another configuration, or was quicker with the same one.
      if (await isStale(connection, kind)) throw otherConfiguration();
      return;
    }
    if (batch.count === 0) break;
    ({ position, findings } = batch);
    done += batch.count;
    yield progress();
  }
  await transactions.run(async (within) => {
    await within.run(storedTypeSql.setLayout, [layout.signature, number]);
    await within.run(rebuildSql.end, [number]);
  });
  if (total > 0) yield { kind: 'rebuilt', type: type.name, resources: done };
  yield* noticesOf(findings, type.name);
}

async function stateOf(connection: Connection, { number }: StoredType): Promise<State | undefined> {
  const { rows } = await connection.run(rebuildSql.state, [number]);
  return (rows as State[])[0];
}

interface Batch {
  readonly count: number;
  readonly position: number;
  readonly findings: Findings;
}

/** `taken`, and nothing written, if the rebuild is not this process's any more. */
async function writeBatch(
  connection: Connection,
  types: StoredTypes,
  kind: StoredType,
  after: number,
  before: Findings,
  { clock, newTransaction, sensitive }: RebuildRecord,
): Promise<Batch | 'taken'> {
  const batch = await readBatch(connection, kind, after);
  if (batch.length === 0) return { count: 0, position: after, findings: before };
  const position = (batch.at(-1) as StoredRow).rid;
  const migrated = batch.map((row) => ({
    row,
    ...migrateDocument(kind.type, row.document, row.quarantined),
  }));
  const findings = migrated.reduce((sum, each) => withFindings(sum, each.row.id, each), before);
  const { count } = await connection.run(rebuildSql.advance, [
    ...[position, JSON.stringify(findings), kind.number, kind.layout.signature],
  ]);
  if (count === 0) return 'taken';
  const [hidden, transaction] = [sensitivePaths(kind.type, sensitive), newTransaction()];
  const byTenant = Map.groupBy(migrated, ({ row }) => row.tenant);
  for (const [tenant, rows] of [...byTenant].sort(([a], [b]) => a - b)) {
    const writer = await lockedWriter(connection, tenant, types.nameOf);
    if (writer === undefined) continue;
    for (const { row, document, quarantined } of rows) {
      if (document !== row.document) {
        writer.send(writeSql.updateDocument, [JSON.stringify(document), row.rid, tenant]);
        // What an application sees of it, if it sees anything: another version, and a change by the system.
        const edits = migratedEdits(kind.type, row.document, document, hidden);
        if (edits.length > 0) {
          const touched = { version: row.version + 1, modified: instantAfter(clock(), row.modified) };
          writer.touch(row.rid, row.id, touched);
          writer.append({
            ...{ tenant, type: kind.number, id: row.id, operation: 'migrate', version: touched.version },
            ...{ at: touched.modified, context: { actor: system }, transaction, edits },
          });
        }
      }
      if (quarantined.length > 0)
        writer.send(writeSql.quarantine, [row.rid, tenant, JSON.stringify(quarantined)]);
      else if (row.quarantined.length > 0) writer.send(writeSql.release, [row.rid, row.tenant]);
      writer.reindex(row.rid, kind, document);
    }
    writer.sendRest();
    await writer.settle();
  }
  return { count: batch.length, position, findings };
}

const system = { kind: 'system' } as const;

/** A resource as a rebuild reads it. */
interface StoredRow {
  readonly rid: number;
  readonly tenant: number;
  readonly id: string;
  readonly version: number;
  readonly modified: string;
  readonly document: Document;
  readonly quarantined: readonly Quarantined[];
}

const batchSql = `SELECT r.rid, r.tenant, r.id, r.version, r.modified, d.body, s.entries
FROM resource r JOIN document d ON d.rid = r.rid AND d.tenant = r.tenant
LEFT JOIN set_aside s ON s.rid = r.rid AND s.tenant = r.tenant
WHERE r.rid > ? AND r.type = ? ORDER BY r.rid LIMIT ${batchSize}`;

async function readBatch(connection: Connection, kind: StoredType, after: number): Promise<StoredRow[]> {
  const { rows } = await connection.run(batchSql, [after, kind.number]);
  return (rows as [number, number, string, number, string, string, string | null][]).map(
    ([rid, tenant, id, version, modified, body, entries]) => ({
      ...{ rid, tenant, id, version, modified, document: JSON.parse(body) as Document },
      quarantined: entries === null ? [] : (JSON.parse(entries) as Quarantined[]),
    }),
  );
}

/** @throws StoreError conflicting-data that names the resources. */
async function refuseSharedValues(transactions: Transactions, kind: StoredType): Promise<void> {
  const pairs: string[] = [];
  let count = 0;
  await transactions.run(async (connection) => {
    pairs.length = 0;
    count = 0;
    // Of the session's own schema, and gone with the transaction.
    await connection.script(
      'CREATE TEMP TABLE scimd_seen (tenant BIGINT, attribute BIGINT, key TEXT COLLATE "C", id TEXT, PRIMARY KEY (tenant, attribute, key)) ON COMMIT DROP',
    );
    for (let after = 0; ; ) {
      const batch = await readBatch(connection, kind, after);
      if (batch.length === 0) break;
      after = (batch.at(-1) as StoredRow).rid;
      for (const row of batch)
        for (const { attribute, key, path } of uniqueKeys(kind, row)) {
          const inserted = await connection.run(
            'INSERT INTO pg_temp.scimd_seen VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING RETURNING 1',
            [row.tenant, attribute, key, row.id],
          );
          if (inserted.rows.length > 0) continue;
          count++;
          if (pairs.length >= mostPairs) continue;
          const { rows } = await connection.run(
            'SELECT id FROM pg_temp.scimd_seen WHERE tenant = ? AND attribute = ? AND key = ?',
            [row.tenant, attribute, key],
          );
          pairs.push(`${(rows as [string][])[0]?.[0]} and ${row.id} share a value of ${path}`);
        }
    }
  });
  refuseShared(kind, count, pairs);
}
