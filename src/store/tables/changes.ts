/** The change record in scimd's own tables: dense numbers per tenant, and the chain of digests over all of it. */
import { withoutAnswers } from '../attempts.ts';
import type { Actor, Change, ChangeRange, LastState, RecordedEdit } from '../change.ts';
import { erasedMessage } from '../erased-text.ts';
import { instantText, keyOfTime } from '../layout/instant.ts';
import type { ChainEnds, ChainRow } from '../sql/chain-check.ts';
import {
  hexOf,
  isNoticeOf,
  type NewChangeRow,
  nextChange,
  noticeEntry,
  noticeType,
  readRow,
  toChange,
} from '../sql/change-row.ts';
import { confirmationSqlOf } from '../sql/confirmation.ts';
import type { DeletedResource, NewNotice } from '../store.ts';
import { one, type SqlRow, type Steps, statement } from './database.ts';
import type { NewChange, Turn } from './turn.ts';

const columns =
  'sequence, type, id, version, operation, at, txn, request, actor, edits, added, removed, last, tolerances, cause, digest, link, notice';

const insertion = `INSERT INTO scimd_change (tenant, ${columns}, salt) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`;

/** Records notices; answers those that were new, as changes. */
export function* note(
  notices: readonly NewNotice[],
  now: Date,
  transaction: string,
  turn: Turn,
): Steps<readonly Change[]> {
  const made: Change[] = [];
  for (const notice of notices) {
    const { tenant, subject, unlessSince } = notice;
    // Whoever holds the head is the only one to look and to write.
    yield* turn.head(tenant);
    if (unlessSince !== undefined) {
      const known = yield statement(
        'SELECT notice FROM scimd_change WHERE tenant = ? AND id = ? AND notice IS NOT NULL AND at >= ?',
        ...[tenant, subject.id, keyOfTime(Date.parse(unlessSince))],
      );
      if (known.some((row) => isNoticeOf(String(row.notice), notice))) continue;
    }
    const entry = noticeEntry(notice, keyOfTime(now.getTime()), transaction);
    made.push(...(yield* append(tenant, [{ ...entry, type: subject.type }], turn))());
  }
  return made;
}

/** Appends changes of one tenant, in their order; what it answers makes them of the rows. */
export function* append(
  tenant: number,
  entries: readonly NewChange[],
  turn: Turn,
): Steps<() => readonly Change[]> {
  if (entries.length === 0) return () => [];
  const head = yield* turn.head(tenant);
  turn.moved(tenant);
  const rows: { readonly row: NewChangeRow; readonly type: string }[] = [];
  for (const { type, ...entry } of entries) {
    const row = nextChange(head, { ...entry, type: 0 }, type);
    const [, sequence, , id, version, operation, at, txn, request, actor, edits, added, removed] = row;
    const [, , , , , , , , , , , , , last, tolerances, cause, salt, digest, link, notice] = row;
    yield statement(
      insertion,
      ...[tenant, sequence, type, id, version, operation, at, txn, request, actor, edits, added, removed],
      ...[last, tolerances, cause, hexOf(digest), hexOf(link), notice, salt],
    );
    rows.push({ row, type });
  }
  return () => rows.map(({ row, type }) => toChange(tenant, readRow(row), () => type));
}

export function* readChanges({
  tenant,
  after = 0,
  id,
  limit,
}: {
  readonly tenant: number;
  readonly after?: number;
  readonly id?: string;
  readonly limit: number;
}): Steps<Change[]> {
  const rows = yield statement(
    `SELECT ${columns} FROM scimd_change WHERE tenant = ? AND sequence > ?${id === undefined ? '' : ' AND id = ?'} ORDER BY sequence LIMIT ?`,
    ...[tenant, after, ...(id === undefined ? [] : [id]), limit],
  );
  return rows.map((row) => changeOf(tenant, row));
}

const textOrNull = (value: unknown): string | null => (typeof value === 'string' ? value : null);
const bytesOrNull = (value: unknown): Uint8Array | null =>
  typeof value === 'string' ? Buffer.from(value, 'hex') : null;

function changeOf(tenant: number, row: SqlRow): Change {
  return toChange(
    tenant,
    [
      ...([Number(row.sequence), 0, String(row.id), Number(row.version), String(row.operation)] as const),
      ...([String(row.at), textOrNull(row.txn), textOrNull(row.request), String(row.actor)] as const),
      ...([textOrNull(row.edits), textOrNull(row.added), textOrNull(row.removed)] as const),
      ...([textOrNull(row.last), textOrNull(row.tolerances), textOrNull(row.cause)] as const),
      ...([bytesOrNull(row.digest), bytesOrNull(row.link), textOrNull(row.notice)] as const),
    ],
    () => String(row.type),
  );
}

/** Changes of a resource and of groups that it joined or left, oldest first. */
export function* changesAbout(tenant: number, id: string): Steps<Change[]> {
  const quoted = JSON.stringify(id);
  const rows = yield statement(
    `SELECT ${columns} FROM scimd_change WHERE tenant = ? AND (id = ? OR added IS NOT NULL OR removed IS NOT NULL) ORDER BY sequence`,
    ...[tenant, id],
  );
  return rows
    .filter((row) => row.id === id || `${row.added}${row.removed}`.includes(quoted))
    .map((row) => changeOf(tenant, row));
}

/** Where the counter says that the record begins and ends. */
export function* chainEnds(tenant: number): Steps<ChainEnds> {
  const row = yield* one(
    'SELECT sequence, link, pruned, pruned_link FROM scimd_change_counter WHERE tenant = ?',
    tenant,
  );
  return {
    sequence: Number(row?.sequence ?? 0),
    link: bytesOrNull(row?.link),
    pruned: Number(row?.pruned ?? 0),
    prunedLink: bytesOrNull(row?.pruned_link),
  };
}

/** What is digested of changes behind a number, with their salts. */
export function* digestedChanges(tenant: number, after: number, limit: number): Steps<ChainRow[]> {
  const rows = yield statement(
    `SELECT ${columns}, salt FROM scimd_change WHERE tenant = ? AND sequence > ? ORDER BY sequence LIMIT ?`,
    ...[tenant, after, limit],
  );
  return rows.map((row) => ({
    sequence: Number(row.sequence),
    typeName: noticeType(textOrNull(row.notice)) ?? String(row.type),
    parts: [
      ...([String(row.id), Number(row.version), String(row.operation), String(row.at)] as const),
      ...([textOrNull(row.txn), textOrNull(row.request), String(row.actor), textOrNull(row.edits)] as const),
      ...([textOrNull(row.added), textOrNull(row.removed), textOrNull(row.last)] as const),
      ...([textOrNull(row.tolerances), textOrNull(row.cause), textOrNull(row.notice)] as const),
    ],
    salt: textOrNull(row.salt),
    digest: bytesOrNull(row.digest),
    link: bytesOrNull(row.link),
  }));
}

export function* changeRange(tenant: number): Steps<ChangeRange> {
  const row = yield* one('SELECT pruned, sequence FROM scimd_change_counter WHERE tenant = ?', tenant);
  return { oldest: Number(row?.pruned ?? 0) + 1, newest: Number(row?.sequence ?? 0) };
}

/** Of each tenant, by its number. */
export function* newestChanges(): Steps<ReadonlyMap<number, number>> {
  const rows = yield statement('SELECT tenant, sequence FROM scimd_change_counter ORDER BY tenant');
  return new Map(rows.map(({ tenant, sequence }) => [Number(tenant), Number(sequence)]));
}

const confirmationStatements = confirmationSqlOf('scimd_');

/** Answers how many changes it removed. */
export function* pruneChanges(before: Date, limit: number): Steps<number> {
  const end = keyOfTime(before.getTime());
  let sum = 0;
  for (const { tenant } of yield statement('SELECT tenant FROM scimd_change_counter ORDER BY tenant')) {
    const rows = yield statement(
      'SELECT sequence, at, link FROM scimd_change WHERE tenant = ? ORDER BY sequence LIMIT ?',
      Number(tenant),
      limit,
    );
    const first = rows.findIndex(({ at }) => String(at) >= end);
    const last = rows[(first === -1 ? rows.length : first) - 1];
    if (last === undefined) continue;
    const removed = yield statement(
      'DELETE FROM scimd_change WHERE tenant = ? AND sequence <= ? RETURNING 1 AS done',
      Number(tenant),
      Number(last.sequence),
    );
    sum += removed.length;
    yield statement(confirmationStatements.prune, Number(tenant), Number(last.sequence));
    yield statement(
      'UPDATE scimd_change_counter SET pruned = ?, pruned_link = ? WHERE tenant = ?',
      Number(last.sequence),
      typeof last.link === 'string' ? last.link : null,
      Number(tenant),
    );
  }
  return sum;
}

const deletedColumns = 'c.id, c.sequence, c.version, c.at, c.actor, c.last, c.removed';
/** Deletions that have not been undone or erased. */
const undone = `FROM scimd_change c WHERE c.tenant = ? AND c.type = ? AND c.operation = 'delete' AND c.last IS NOT NULL
AND NOT EXISTS (SELECT 1 FROM scimd_change n WHERE n.tenant = c.tenant AND n.id = c.id AND n.type = c.type AND n.operation <> 'notice' AND n.sequence > c.sequence)`;

interface Deletion extends Omit<DeletedResource, 'at'> {
  readonly version: number;
  /** The instant's key. */
  readonly at: string;
  readonly removed: readonly string[];
}

function toDeletion(row: SqlRow): Deletion {
  return {
    id: String(row.id),
    sequence: Number(row.sequence),
    version: Number(row.version),
    at: String(row.at),
    actor: JSON.parse(String(row.actor)) as Actor,
    last: JSON.parse(String(row.last)) as LastState,
    removed: typeof row.removed === 'string' ? (JSON.parse(row.removed) as string[]) : [],
  };
}

export function deleted({ id, sequence, at, actor, last }: Deletion): DeletedResource {
  return { id, sequence, at: instantText(at), actor, last };
}

export function* deletionOf(tenant: number, type: string, id: string): Steps<Deletion | undefined> {
  const row = yield* one(`SELECT ${deletedColumns} ${undone} AND c.id = ?`, tenant, type, id);
  return row === undefined ? undefined : toDeletion(row);
}

export function* deletions(
  tenant: number,
  type: string,
  before: number | undefined,
  limit: number,
): Steps<readonly DeletedResource[]> {
  const rows = yield statement(
    `SELECT ${deletedColumns} ${undone} AND c.sequence < ? ORDER BY c.sequence DESC LIMIT ?`,
    ...[tenant, type, before ?? Number.MAX_SAFE_INTEGER, limit],
  );
  return rows.map((row) => deleted(toDeletion(row)));
}

/** That an attribute changed is left, and when. */
export function erasedEdit({ path, omitted }: RecordedEdit): RecordedEdit {
  return { path, omitted: omitted === 'sensitive' ? omitted : 'erased' };
}

/** Takes the content out of all changes of a resource, and out of messages that speak of it; answers its latest change. */
export function* eraseChanges(
  tenant: number,
  type: string,
  id: string,
): Steps<{ readonly version: number; readonly at: string; readonly operation: string } | undefined> {
  const rows = yield statement(
    'SELECT sequence, version, at, operation, edits FROM scimd_change WHERE tenant = ? AND id = ? AND type = ? AND operation <> ? ORDER BY sequence',
    ...[tenant, id, type, 'notice'],
  );
  for (const { sequence, edits } of rows) {
    const blank =
      typeof edits === 'string'
        ? JSON.stringify((JSON.parse(edits) as readonly RecordedEdit[]).map(erasedEdit))
        : null;
    yield statement(
      'UPDATE scimd_change SET edits = ?, last = NULL, salt = NULL WHERE tenant = ? AND sequence = ?',
      ...[blank, tenant, Number(sequence)],
    );
  }
  yield statement(
    'UPDATE scimd_change SET notice = NULL, salt = NULL WHERE tenant = ? AND id = ? AND notice IS NOT NULL',
    tenant,
    id,
  );
  const ours = 'endpoint IN (SELECT id FROM scimd_endpoint WHERE tenant = ?)';
  for (const { endpoint, message, subjects, body } of yield statement(
    `SELECT endpoint, message, subjects, body FROM scimd_delivery WHERE ${ours}`,
    tenant,
  )) {
    const left = erasedMessage(String(body), String(subjects), id);
    if (left !== undefined)
      yield statement(
        'UPDATE scimd_delivery SET body = ? WHERE endpoint = ? AND message = ?',
        ...[left, String(endpoint), String(message)],
      );
  }
  const sequences = new Set(rows.map(({ sequence }) => Number(sequence)));
  for (const batch of yield statement(`SELECT id, attempts FROM scimd_attempt_batch WHERE ${ours}`, tenant)) {
    const blank = withoutAnswers(
      String(batch.attempts),
      (sequence, answer) => sequences.has(sequence) || answer.includes(id),
    );
    if (blank !== undefined)
      yield statement('UPDATE scimd_attempt_batch SET attempts = ? WHERE id = ?', blank, String(batch.id));
  }
  const latest = rows.at(-1);
  if (latest === undefined) return undefined;
  return { version: Number(latest.version), at: String(latest.at), operation: String(latest.operation) };
}
