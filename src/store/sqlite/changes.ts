/** The change record: dense numbers per tenant, and a chain of digests over all that is recorded. */
import type { Database, Statement } from 'better-sqlite3';
import type { Change, ChangeRange } from '../change.ts';
import { keyOfTime } from '../layout/instant.ts';
import type { StoredTypes } from '../layout/stored-type.ts';
import { type ChangeRow, changeMemberSql, changeSql } from '../sql/change.ts';
import {
  type ChangeEntry,
  type ChangeHead,
  changedMembers,
  type DeletionRow,
  isNoticeOf,
  type NewChangeRow,
  nextChange,
  noLink,
  noticeEntry,
  toChange,
  toDeleted,
} from '../sql/change-row.ts';
import { confirmationSql } from '../sql/confirmation.ts';
import { pastSql } from '../sql/past.ts';
import type { DeletedResource, NewNotice } from '../store.ts';
import { sqliteDialect } from './dialect.ts';

export class ChangeLog {
  readonly #types: Pick<StoredTypes, 'nameOf'>;
  readonly #insert: Statement;
  readonly #list: Statement<[number, number, number], ChangeRow>;
  readonly #listOfOne: Statement<[number, number, string, number], ChangeRow>;
  readonly #noticesSince: Statement<[tenant: number, id: string, since: string], string>;
  readonly #about: Statement<[number, number, string, number, string], ChangeRow>;
  readonly #deletions: Statement<[tenant: number, type: number, before: number, limit: number], DeletionRow>;
  readonly #deletionOf: Statement<[tenant: number, type: number, id: string], DeletionRow>;
  readonly #head: Statement<[number], [number, Uint8Array | null]>;
  readonly #setHead: Statement<[number, Uint8Array, number]>;
  readonly #range: Statement<[number], [number, number]>;
  readonly #tenants: Statement<[], number>;
  readonly #oldest: Statement<[number, number], [number, string, Uint8Array | null]>;
  readonly #prune: Statement<[number, number]>;
  readonly #setPruned: Statement<[number, Uint8Array | null, number]>;
  readonly #insertMember: Statement<[tenant: number, id: string, sequence: number]>;
  readonly #insertMembers: Statement<[tenant: number, sequence: number, ids: string]>;
  readonly #pruneMembers: Statement<[number, number, number, number, number, number]>;
  readonly #pruneConfirmations: Statement<[number, number]>;
  /** By tenant, within one transaction. */
  readonly #heads = new Map<number, ChangeHead>();
  /** The last number that this connection has given out, by tenant. */
  readonly #own = new Map<number, number>();

  constructor(db: Database, types: Pick<StoredTypes, 'nameOf'>) {
    this.#types = types;
    this.#insert = db.prepare(changeSql.insert);
    this.#list = db.prepare<[number, number, number], ChangeRow>(changeSql.list).raw();
    this.#listOfOne = db.prepare<[number, number, string, number], ChangeRow>(changeSql.listOfOne).raw();
    this.#noticesSince = db.prepare<[number, string, string], string>(changeSql.noticesSince).pluck();
    this.#about = db.prepare<[number, number, string, number, string], ChangeRow>(pastSql.changesAbout).raw();
    this.#deletions = db.prepare<[number, number, number, number], DeletionRow>(changeSql.deletions).raw();
    this.#deletionOf = db.prepare<[number, number, string], DeletionRow>(changeSql.deletionOf).raw();
    this.#head = db.prepare<[number], [number, Uint8Array | null]>(changeSql.head).raw();
    this.#setHead = db.prepare(changeSql.setHead);
    this.#range = db.prepare<[number], [number, number]>(changeSql.range).raw();
    this.#tenants = db.prepare<[], number>(changeSql.tenants).pluck();
    this.#oldest = db.prepare<[number, number], [number, string, Uint8Array | null]>(changeSql.oldest).raw();
    this.#prune = db.prepare(changeSql.prune);
    this.#setPruned = db.prepare(changeSql.setPruned);
    const members = changeMemberSql(sqliteDialect);
    this.#insertMember = db.prepare(members.insertOne);
    this.#insertMembers = db.prepare(members.insert);
    this.#pruneMembers = db.prepare(members.prune);
    this.#pruneConfirmations = db.prepare(confirmationSql.prune);
  }

  append(entry: ChangeEntry): void {
    this.#append(entry, this.#types.nameOf(entry.type));
  }

  /** Records a notice at the instant's key; false if its like was recorded since it was to be. */
  note(notice: NewNotice, at: string, transaction: string): boolean {
    const { tenant, subject, unlessSince } = notice;
    if (unlessSince !== undefined) {
      const known = this.#noticesSince.all(tenant, subject.id, keyOfTime(Date.parse(unlessSince)));
      if (known.some((text) => isNoticeOf(text, notice))) return false;
    }
    this.#append(noticeEntry(notice, at, transaction), subject.type);
    return true;
  }

  #append(entry: ChangeEntry, typeName: string): void {
    const { tenant } = entry;
    const row = nextChange(this.#headOf(tenant), entry, typeName);
    this.#insert.run(...row);
    this.#appendMembers(entry, row);
  }

  /** One id is mostly all: it needs no JSON. */
  #appendMembers({ tenant, added, removed }: ChangeEntry, row: NewChangeRow): void {
    const [, sequence] = row;
    if ((added?.size ?? 0) + (removed?.size ?? 0) > 1) {
      for (const ids of changedMembers(row)) this.#insertMembers.run(tenant, sequence, ids);
      return;
    }
    for (const id of added ?? []) this.#insertMember.run(tenant, id, sequence);
    for (const id of removed ?? []) this.#insertMember.run(tenant, id, sequence);
  }

  /** The number of the tenant's last change, within the transaction. */
  last(tenant: number): number {
    return this.#headOf(tenant).sequence;
  }

  /** Writes where the records of the transaction end, before it does. */
  write(): void {
    for (const [tenant, { sequence, link }] of this.#heads) {
      this.#setHead.run(sequence, link, tenant);
      this.#own.set(tenant, sequence);
    }
    this.#heads.clear();
  }

  /** Has another connection recorded a change of a tenant since this one last did? */
  hasOthers(): boolean {
    for (const [tenant, sequence] of this.#own)
      if (this.#head.get(tenant)?.[0] !== sequence) {
        this.#own.clear();
        return true;
      }
    return false;
  }

  /** The transaction, or the unit's part of it, was taken back. */
  forget(): void {
    this.#heads.clear();
    this.#own.clear();
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
    return rows.map((row) => toChange(tenant, row, this.#types.nameOf));
  }

  /** Changes of a resource, and of groups that it joined or left, oldest first. */
  about(tenant: number, id: string): Change[] {
    return this.#about
      .all(tenant, tenant, id, tenant, id)
      .map((row) => toChange(tenant, row, (type) => this.#types.nameOf(type)));
  }

  /** What was deleted and can be restored, the latest first. */
  deletions(tenant: number, type: number, before: number, limit: number): DeletedResource[] {
    return this.#deletions.all(tenant, type, before, limit).map(toDeleted);
  }

  deletion(tenant: number, type: number, id: string): DeletedResource | undefined {
    const row = this.#deletionOf.get(tenant, type, id);
    return row === undefined ? undefined : toDeleted(row);
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
      this.#pruneConfirmations.run(tenant, sequence);
      sum += this.#prune.run(tenant, sequence).changes;
      this.#setPruned.run(sequence, link, tenant);
    }
    return sum;
  }

  #headOf(tenant: number): ChangeHead {
    const known = this.#heads.get(tenant);
    if (known !== undefined) return known;
    const [sequence, link] = this.#head.get(tenant) ?? [0, null];
    const head: ChangeHead = { sequence, link: link ?? noLink };
    this.#heads.set(tenant, head);
    return head;
  }
}
