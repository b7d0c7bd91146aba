/**
 * Takes a resource out of what is stored of it, within the transaction of a unit. What PostgreSQL keeps of the rows before
 * goes with its next VACUUM, and what its WAL and backups have of them with those.
 */
import { withoutAnswers } from '../attempts.ts';
import type { LastState } from '../change.ts';
import { blankEdits, erasedMessage, namesIn } from '../erased-text.ts';
import { instantAfter } from '../layout/instant.ts';
import type { StoredType } from '../layout/stored-type.ts';
import { changeSql } from '../sql/change.ts';
import { grantSql } from '../sql/grants.ts';
import type { Result, WriteContext } from '../store.ts';
import type { UnitWriter } from './unit-writer.ts';

type ErasableRow = [
  sequence: number,
  version: number,
  at: string,
  operation: string,
  edits: string | null,
  last: string | null,
];

export interface Erasure {
  readonly context: WriteContext;
  readonly transaction: string;
  readonly kind: StoredType;
  readonly id: string;
  readonly now: Date;
}

/** Of a resource that is deleted by now. */
export async function erase(
  writer: UnitWriter,
  { context, transaction, kind, id, now }: Erasure,
): Promise<Result | { readonly outcome: 'missing' }> {
  const { tenant } = writer;
  // The deletion may be one of this transaction.
  writer.flushChanges();
  const rows = (await writer.query(changeSql.erasable, [tenant, id, kind.number])) as ErasableRow[];
  const [, version, at, operation] = rows.at(-1) ?? [];
  if (version === undefined || at === undefined || operation === 'erase') return { outcome: 'missing' };
  const names = new Set<string>([id]);
  for (const [sequence, , , , edits, last] of rows) {
    if (last !== null) for (const name of namesIn(JSON.parse(last) as LastState)) names.add(name);
    writer.send(changeSql.blank, [edits === null ? null : blankEdits(edits), tenant, sequence]);
  }
  writer.send(changeSql.blankNotices, [tenant, id]);
  writer.send(grantSql.unlock, [tenant, id]);
  const deliveries = (await writer.query(changeSql.deliveries, [tenant])) as [
    endpoint: string,
    message: string,
    subjects: string,
    body: string,
  ][];
  for (const [endpoint, message, subjects, body] of deliveries) {
    const left = erasedMessage(body, subjects, id);
    if (left !== undefined) writer.send(changeSql.setDeliveryBody, [left, endpoint, message]);
  }
  const sequences = new Set(rows.map(([sequence]) => sequence));
  const batches = (await writer.query(changeSql.attempts, [tenant])) as [number, string][];
  for (const [number, attempts] of batches) {
    const blank = withoutAnswers(
      attempts,
      (sequence, answer) => sequences.has(sequence) || names.values().some((name) => answer.includes(name)),
    );
    if (blank !== undefined) writer.send(changeSql.setAttempts, [blank, number]);
  }
  writer.append({
    ...{ tenant, type: kind.number, id, operation: 'erase', version: version + 1 },
    ...{ at: instantAfter(now, at), context, transaction },
  });
  return { outcome: 'erased' };
}
