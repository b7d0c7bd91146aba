/**
 * Rows of the change record: numbered densely in their tenant, and chained by digests over all that is recorded. Whoever
 * writes them holds the tenant's head, which nobody else moves meanwhile.
 */
import { hash, randomBytes } from 'node:crypto';
import type { AttributeEdit } from '../../scim/difference.ts';
import type { Actor, Cause, Change, LastState, Notice, RecordedEdit } from '../change.ts';
import { instantText } from '../layout/instant.ts';
import { numberBehind } from '../restored.ts';
import type { DeletedResource, NewNotice, SensitivePaths, WriteContext } from '../store.ts';
import type { ChangeRow } from './change.ts';

/** A change as it is written; `at` is the instant's key. */
export interface ChangeEntry {
  readonly tenant: number;
  /** The number of the resource type. */
  readonly type: number;
  readonly id: string;
  readonly operation: Change['operation'];
  readonly version: number;
  readonly at: string;
  readonly context: WriteContext;
  readonly transaction: string;
  readonly edits?: readonly RecordedEdit[];
  readonly added?: ReadonlySet<string>;
  readonly removed?: ReadonlySet<string>;
  readonly last?: LastState;
  readonly cause?: Cause;
  readonly notice?: StoredNotice;
  /** As that of {@link NewNotice}. */
  readonly leap?: number;
}

/** A notice as it is stored: with the type of what it is about, which has no number. */
type StoredNotice = Notice & { readonly type: string };

/** Stands where a change has the number of its resource type. */
const noType = 0;

const system: Actor = { kind: 'system' };

/** A notice as it is written, at the instant's key. */
export function noticeEntry(
  { tenant, subject, event, data, actor = system, request, cause, leap }: NewNotice,
  at: string,
  transaction: string,
): ChangeEntry {
  return {
    ...{ tenant, type: noType, id: subject.id, operation: 'notice', version: 0, at, transaction },
    context: { actor, ...(request === undefined ? {} : { request }) },
    notice: { event, type: subject.type, data },
    ...(cause === undefined ? {} : { cause }),
    ...(leap === undefined ? {} : { leap }),
  };
}

/** Is the stored one, of the same subject, of the same event? */
export function isNoticeOf(stored: string, { event }: Notice): boolean {
  return (JSON.parse(stored) as StoredNotice).event === event;
}

/** Where the record of a tenant ends. */
export interface ChangeHead {
  sequence: number;
  link: Uint8Array;
}

/** The link before the first one. */
export const noLink = new Uint8Array(32);

/** Digits of a salt, in base 64: 132 bits. */
const saltLength = 22;
let salts = '';
let used = 0;

/** Drawn from the system in larger lots. */
function newSalt(): string {
  if (used + saltLength > salts.length) {
    salts = randomBytes((saltLength * 256 * 3) / 4).toString('base64url');
    used = 0;
  }
  used += saltLength;
  return salts.slice(used - saltLength, used);
}

function listText(values: Iterable<string> | undefined): string | null {
  if (values === undefined) return null;
  const list = [...values];
  return list.length === 0 ? null : JSON.stringify(list);
}

function editsText(edits: readonly RecordedEdit[] | undefined): string | null {
  return edits === undefined || edits.length === 0 ? null : JSON.stringify(edits);
}

/** The edits as they are recorded. */
export function recordedEdits(
  edits: readonly AttributeEdit[],
  sensitive: SensitivePaths | undefined,
): readonly RecordedEdit[] {
  if (sensitive === undefined || sensitive.size === 0) return edits;
  return edits.map((edit) => (sensitive.has(edit.path) ? { path: edit.path, omitted: 'sensitive' } : edit));
}

/** Measured: to have the bytes as a text, and those of it, takes half the time of a buffer of their own. */
function sha256(data: string | Uint8Array): Buffer {
  return Buffer.from(hash('sha256', data, 'binary'), 'binary');
}

const pair = new Uint8Array(64);

/** The link of a change: the SHA-256 of the link before it and its digest. */
export function linkOver(before: Uint8Array, digest: Uint8Array): Uint8Array {
  pair.set(before, 0);
  pair.set(digest, 32);
  return sha256(pair);
}

/** A caller often has the same actor for many changes. */
const actorTexts = new WeakMap<Actor, string>();

function actorText(actor: Actor): string {
  let text = actorTexts.get(actor);
  if (text === undefined) {
    const { kind, id, name, idp, address } = actor;
    text = JSON.stringify({ kind, id, name, idp, address });
    actorTexts.set(actor, text);
  }
  return text;
}

/** What a row of `change` has, in the order of `changeSql.insert`. */
export type NewChangeRow = readonly [
  tenant: number,
  sequence: number,
  type: number,
  id: string,
  version: number,
  operation: Change['operation'],
  at: string,
  txn: string,
  request: string | null,
  actor: string,
  edits: string | null,
  added: string | null,
  removed: string | null,
  last: string | null,
  tolerances: string | null,
  cause: string | null,
  salt: string,
  digest: Uint8Array,
  link: Uint8Array,
  notice: string | null,
];

/** What is digested of a row beside its number and its type. */
export type DigestedParts = readonly [
  id: string,
  version: number,
  operation: string,
  at: string,
  txn: string | null,
  request: string | null,
  actor: string,
  edits: string | null,
  added: string | null,
  removed: string | null,
  last: string | null,
  tolerances: string | null,
  cause: string | null,
  notice: string | null,
];

/** The salted SHA-256 of a row. Each part is JSON, or has no line break, so that no other row has this text. */
export function digestOf(salt: string, sequence: number, typeName: string, parts: DigestedParts): Uint8Array {
  const [
    id,
    version,
    operation,
    at,
    txn,
    request,
    actor,
    edits,
    added,
    removed,
    last,
    tolerances,
    cause,
    notice,
  ] = parts;
  return sha256(
    `${salt}\n${sequence}\n${typeName}\n${JSON.stringify(id)}\n${version}\n${operation}\n${at}\n${JSON.stringify(txn)}\n${JSON.stringify(request)}\n${actor}\n${edits}\n${added}\n${removed}\n${last}\n${tolerances}\n${cause}${notice === null ? '' : `\n${notice}`}`,
  );
}

function noticeText({ data, ...notice }: StoredNotice, more: Notice['data']): string {
  return JSON.stringify({ ...notice, data: { ...data, ...more } });
}

/** The row that comes next, behind which the head stands from now on. */
export function nextChange(head: ChangeHead, entry: ChangeEntry, typeName: string): NewChangeRow {
  const { tenant, type, id, version, operation, at, context, transaction, leap } = entry;
  const kept = head.sequence;
  const sequence = leap === undefined ? kept + 1 : numberBehind(kept, leap);
  const actor = actorText(context.actor);
  const { request = null } = context;
  const edits = editsText(entry.edits);
  const added = listText(entry.added);
  const removed = listText(entry.removed);
  const last = entry.last === undefined ? null : JSON.stringify(entry.last);
  const tolerances = listText(context.tolerances);
  const by = entry.cause ?? context.cause;
  const cause = by === undefined ? null : JSON.stringify(by);
  const notice =
    entry.notice === undefined ? null : noticeText(entry.notice, leap === undefined ? {} : { kept });
  const salt = newSalt();
  const parts: DigestedParts = [
    id,
    version,
    operation,
    at,
    transaction,
    request,
    actor,
    edits,
    added,
    removed,
    last,
    tolerances,
    cause,
    notice,
  ];
  const digest = digestOf(salt, sequence, typeName, parts);
  const link = linkOver(head.link, digest);
  head.sequence = sequence;
  head.link = link;
  return [
    tenant,
    sequence,
    type,
    id,
    version,
    operation,
    at,
    transaction,
    request,
    actor,
    edits,
    added,
    removed,
    last,
    tolerances,
    cause,
    salt,
    digest,
    link,
    notice,
  ];
}

/** JSON of the ids of members that came, and of those that went, as far as there are any. */
export function changedMembers([, , , , , , , , , , , added, removed]: NewChangeRow): string[] {
  return [added, removed].filter((ids) => ids !== null);
}

/** The row as it is read. */
export function readRow(row: NewChangeRow): ChangeRow {
  const [, sequence, type, id, version, operation, at, txn, request, actor, edits, added] = row;
  const [, , , , , , , , , , , , removed, last, tolerances, cause, , digest, link, notice] = row;
  return [
    ...([sequence, type, id, version, operation, at, txn, request, actor, edits, added] as const),
    ...([removed, last, tolerances, cause, digest, link, notice] as const),
  ];
}

/** A row of `change` as a change of the tenant. */
export function toChange(tenant: number, row: ChangeRow, nameOf: (type: number) => string): Change {
  const [sequence, type, id, version, operation, at, txn, request, actor, edits, added, removed] = row;
  const [, , , , , , , , , , , , last, tolerances, cause, digest, link, noted] = row;
  const notice = noted === null ? undefined : (JSON.parse(noted) as StoredNotice);
  return {
    sequence,
    tenant,
    ...(txn === null ? {} : { transaction: txn }),
    ...(request === null ? {} : { request }),
    at: instantText(at),
    operation: operation as Change['operation'],
    type: notice?.type ?? nameOf(type),
    id,
    version,
    actor: JSON.parse(actor),
    edits: edits === null ? [] : JSON.parse(edits),
    ...(added === null ? {} : { added: JSON.parse(added) }),
    ...(removed === null ? {} : { removed: JSON.parse(removed) }),
    ...(last === null ? {} : { last: JSON.parse(last) }),
    ...(tolerances === null ? {} : { tolerances: JSON.parse(tolerances) }),
    ...(cause === null ? {} : { cause: JSON.parse(cause) }),
    ...(notice === undefined ? {} : { notice: { event: notice.event, data: notice.data } }),
    ...(digest === null ? {} : { digest: hexOf(digest) }),
    ...(link === null ? {} : { link: hexOf(link) }),
  };
}

/** What a stored notice is about; undefined of a change of a resource. */
export function noticeType(text: string | null): string | undefined {
  return text === null ? undefined : (JSON.parse(text) as StoredNotice).type;
}

export function hexOf(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}

export type DeletionRow = readonly [id: string, sequence: number, at: string, actor: string, last: string];

export function toDeleted([id, sequence, at, actor, last]: DeletionRow): DeletedResource {
  return { id, sequence, at: instantText(at), actor: JSON.parse(actor), last: JSON.parse(last) };
}
