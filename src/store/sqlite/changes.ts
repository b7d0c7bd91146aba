/** The change record: dense numbers per tenant, and a chain of digests over all that is recorded. */
import { hash, randomBytes } from 'node:crypto';
import type { Database, Statement } from 'better-sqlite3';
import type { AttributeEdit } from '../../scim/difference.ts';
import type { Actor, Cause, Change, ChangeRange, LastState, RecordedEdit } from '../change.ts';
import { instantText, keyOfTime } from '../layout/instant.ts';
import type { StoredTypes } from '../layout/stored-type.ts';
import { type ChangeRow, changeMemberSql, changeSql } from '../sql/change.ts';
import type { SensitivePaths, WriteContext } from '../store.ts';
import { sqliteDialect } from './dialect.ts';

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
}

/** Where the record of a tenant ends. */
interface Head {
  sequence: number;
  link: Uint8Array;
}

/** The link before the first one. */
const noLink = new Uint8Array(32);

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

function linkOver(before: Uint8Array, digest: Uint8Array): Buffer {
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

export class ChangeLog {
  readonly #types: StoredTypes;
  readonly #insert: Statement;
  readonly #list: Statement<[number, number, number], ChangeRow>;
  readonly #listOfOne: Statement<[number, number, string, number], ChangeRow>;
  readonly #head: Statement<[number], [number, Uint8Array | null]>;
  readonly #setHead: Statement<[number, Uint8Array, number]>;
  readonly #range: Statement<[number], [number, number]>;
  readonly #tenants: Statement<[], number>;
  readonly #oldest: Statement<[number, number], [number, string, Uint8Array | null]>;
  readonly #prune: Statement<[number, number]>;
  readonly #setPruned: Statement<[number, Uint8Array | null, number]>;
  readonly #insertMembers: Statement<[tenant: number, sequence: number, ids: string]>;
  readonly #pruneMembers: Statement<[number, number, number, number, number, number]>;
  /** By tenant, within one transaction. */
  readonly #heads = new Map<number, Head>();

  constructor(db: Database, types: StoredTypes) {
    this.#types = types;
    this.#insert = db.prepare(changeSql.insert);
    this.#list = db.prepare<[number, number, number], ChangeRow>(changeSql.list).raw();
    this.#listOfOne = db.prepare<[number, number, string, number], ChangeRow>(changeSql.listOfOne).raw();
    this.#head = db.prepare<[number], [number, Uint8Array | null]>(changeSql.head).raw();
    this.#setHead = db.prepare(changeSql.setHead);
    this.#range = db.prepare<[number], [number, number]>(changeSql.range).raw();
    this.#tenants = db.prepare<[], number>(changeSql.tenants).pluck();
    this.#oldest = db.prepare<[number, number], [number, string, Uint8Array | null]>(changeSql.oldest).raw();
    this.#prune = db.prepare(changeSql.prune);
    this.#setPruned = db.prepare(changeSql.setPruned);
    const members = changeMemberSql(sqliteDialect);
    this.#insertMembers = db.prepare(members.insert);
    this.#pruneMembers = db.prepare(members.prune);
  }

  append(entry: ChangeEntry): void {
    const { tenant, type, id, version, operation, at, context, transaction } = entry;
    const head = this.#headOf(tenant);
    const sequence = head.sequence + 1;
    const actor = actorText(context.actor);
    const { request = null } = context;
    const edits = editsText(entry.edits);
    const added = listText(entry.added);
    const removed = listText(entry.removed);
    const last = entry.last === undefined ? null : JSON.stringify(entry.last);
    const tolerances = listText(context.tolerances);
    const by = entry.cause ?? context.cause;
    const cause = by === undefined ? null : JSON.stringify(by);
    const salt = newSalt();
    // Each part is JSON, or has no line break, so that no other change has this text.
    const content = `${salt}\n${sequence}\n${this.#types.nameOf(type)}\n${JSON.stringify(id)}\n${version}\n${operation}\n${at}\n${JSON.stringify(transaction)}\n${JSON.stringify(request)}\n${actor}\n${edits}\n${added}\n${removed}\n${last}\n${tolerances}\n${cause}`;
    const digest = sha256(content);
    const link = linkOver(head.link, digest);
    this.#insert.run(
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
    );
    if (added !== null) this.#insertMembers.run(tenant, sequence, added);
    if (removed !== null) this.#insertMembers.run(tenant, sequence, removed);
    head.sequence = sequence;
    head.link = link;
  }

  /** The number of the tenant's last change, within the transaction. */
  last(tenant: number): number {
    return this.#headOf(tenant).sequence;
  }

  /** Writes where the records of the transaction end, before it does. */
  write(): void {
    for (const [tenant, { sequence, link }] of this.#heads) this.#setHead.run(sequence, link, tenant);
    this.#heads.clear();
  }

  /** The transaction, or the unit's part of it, was taken back. */
  forget(): void {
    this.#heads.clear();
  }

  read({
    tenant,
    after = 0,
    id,
    limit,
  }: {
    readonly tenant: number;
    readonly after?: number;
    readonly id?: string;
    readonly limit: number;
  }): Change[] {
    const rows =
      id === undefined ? this.#list.all(tenant, after, limit) : this.#listOfOne.all(tenant, after, id, limit);
    return rows.map((row) => this.#toChange(tenant, row));
  }

  range(tenant: number): ChangeRange {
    const [pruned, newest] = this.#range.get(tenant) ?? [0, 0];
    return { oldest: pruned + 1, newest };
  }

  /** Answers how many changes it removed. */
  prune(before: Date, limit: number): number {
    const end = keyOfTime(before.getTime());
    let sum = 0;
    for (const tenant of this.#tenants.all()) {
      let last: readonly [sequence: number, link: Uint8Array | null] | undefined;
      for (const [sequence, at, link] of this.#oldest.all(tenant, limit)) {
        if (at >= end) break;
        last = [sequence, link];
      }
      if (last === undefined) continue;
      const [sequence, link] = last;
      this.#pruneMembers.run(tenant, sequence, tenant, sequence, tenant, sequence);
      sum += this.#prune.run(tenant, sequence).changes;
      this.#setPruned.run(sequence, link, tenant);
    }
    return sum;
  }

  #headOf(tenant: number): Head {
    const known = this.#heads.get(tenant);
    if (known !== undefined) return known;
    const [sequence, link] = this.#head.get(tenant) ?? [0, null];
    const head: Head = { sequence, link: link ?? noLink };
    this.#heads.set(tenant, head);
    return head;
  }

  #toChange(tenant: number, row: ChangeRow): Change {
    const [sequence, type, id, version, operation, at, txn, request, actor, edits, added, removed] = row;
    const [, , , , , , , , , , , , last, tolerances, cause, digest, link] = row;
    return {
      sequence,
      tenant,
      ...(txn === null ? {} : { transaction: txn }),
      ...(request === null ? {} : { request }),
      at: instantText(at),
      operation: operation as Change['operation'],
      type: this.#types.nameOf(type),
      id,
      version,
      actor: JSON.parse(actor),
      edits: edits === null ? [] : JSON.parse(edits),
      ...(added === null ? {} : { added: JSON.parse(added) }),
      ...(removed === null ? {} : { removed: JSON.parse(removed) }),
      ...(last === null ? {} : { last: JSON.parse(last) }),
      ...(tolerances === null ? {} : { tolerances: JSON.parse(tolerances) }),
      ...(cause === null ? {} : { cause: JSON.parse(cause) }),
      ...(digest === null ? {} : { digest: hexOf(digest) }),
      ...(link === null ? {} : { link: hexOf(link) }),
    };
  }
}

function hexOf(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}
