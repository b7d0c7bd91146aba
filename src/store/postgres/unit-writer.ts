/**
 * What one transaction writes in one tenant, under that tenant's lock: nobody else changes what it has read. Rows come
 * together and go in few statements, which are sent without waiting for the answer to the one before.
 */
import type { Change } from '../change.ts';
import type { DocumentChange } from '../document-change.ts';
import type { ElementRow, IndexRows, UniqueRow } from '../layout/index-rows.ts';
import { elementDifference, uniqueDifference } from '../layout/row-difference.ts';
import type { StoredType } from '../layout/stored-type.ts';
import {
  type ChangeEntry,
  type ChangeHead,
  type NewChangeRow,
  nextChange,
  readRow,
  toChange,
} from '../sql/change-row.ts';
import { guardSql } from '../sql/guard.ts';
import { resourceSql } from '../sql/resource.ts';
import type { Document } from '../store.ts';
import type { Connection, RequestValues, Value } from './driver.ts';
import { KnownRows } from './known-rows.ts';
import { PendingRows } from './pending-rows.ts';
import { asOne, type Statement, writeSql } from './statements.ts';
import {
  type Current,
  columnsOf,
  type Described,
  keyColumns,
  LossCounts,
  type Mark,
  membersOf,
  type NewMember,
  type NewResource,
  type Touched,
} from './unit-rows.ts';

export class UnitWriter {
  readonly tenant: number;
  readonly #nameOf: (type: number) => string;
  /** The document that was written last. */
  written: Document = {};
  readonly #connection: Connection;
  readonly #head: ChangeHead;
  readonly #rids: number[];
  /** What was read beforehand is noted here. */
  readonly known = new KnownRows();
  readonly #changes: NewChangeRow[] = [];
  /** How many of them were sent. */
  #sentChanges = 0;
  readonly #counts = new Map<number, number>();
  readonly #pending: PendingRows;
  /** How many people lose something, by these units. */
  losses = new LossCounts();
  #sent: Promise<unknown>[] = [];
  #failure: unknown;

  constructor(
    connection: Connection,
    tenant: number,
    nameOf: (type: number) => string,
    head: ChangeHead,
    rids: readonly number[],
  ) {
    this.#connection = connection;
    this.tenant = tenant;
    this.#pending = new PendingRows(tenant);
    this.#nameOf = nameOf;
    this.#head = head;
    this.#rids = [...rids];
  }

  /** Is some group's member of this id? The resource itself may not be there yet. */
  async isGrouped(id: string): Promise<boolean> {
    if (!this.known.grouped.has(id))
      this.known.noteGrouped([id], await this.query(writeSql.grouped, [[id], this.tenant]));
    return this.known.grouped.get(id) === true;
  }

  async current(id: string): Promise<Current | undefined> {
    const known = this.known.current.get(id);
    if (known !== undefined) return known ?? undefined;
    this.known.note([id], await this.query(writeSql.current, [0, this.tenant, [id]]));
    return this.known.current.get(id) ?? undefined;
  }

  /** What each is; those that are no resource of the tenant are left out. */
  async describe(ids: readonly string[]): Promise<ReadonlyMap<string, Described | null>> {
    const unknown = [...new Set(ids)].filter((id) => !this.known.described.has(id));
    if (unknown.length > 0)
      this.known.noteDescribed(unknown, await this.query(writeSql.described, [this.tenant, unknown]));
    return this.known.described;
  }

  /** Which of these are members of the group? */
  async membersAmong(owner: number, values: readonly string[]): Promise<ReadonlySet<string>> {
    const unknown = values.filter((value) => !this.known.edges.has(`${owner} ${value}`));
    if (unknown.length > 0) {
      const rows = await this.query(writeSql.edges, [unknown.map(() => owner), unknown, this.tenant]);
      this.known.noteEdges(
        unknown.map((value) => [owner, value] as const),
        rows,
      );
    }
    return new Set(values.filter((value) => this.known.edges.get(`${owner} ${value}`) === true));
  }

  /** Sends what waits, and then this; answers its rows. */
  async query(sql: string, parameters: readonly Value[], request?: RequestValues): Promise<unknown[][]> {
    this.flush();
    try {
      return (await this.#connection.run(sql, parameters, request)).rows;
    } catch (error) {
      // A statement fails mostly because one before it did.
      await Promise.all(this.#sent);
      throw this.#failure ?? error;
    }
  }

  /** Sends what waits, and then this, and waits for neither. */
  send(sql: string, parameters: readonly Value[]): void {
    this.flush();
    this.#send(sql, parameters);
  }

  insert({ kind, id, created, document, body, isNew }: NewResource): number {
    const { tenant } = this;
    const rid = this.#rids.shift();
    if (rid === undefined) throw new Error('no row number was drawn for the resource');
    this.written = document;
    const { columns, keys, elements, unique, text } = kind.indexRows(document);
    const { external_id, unique_key, display_key, active } = columns;
    this.#pending.insertResource(rid, [
      ...([tenant, kind.number, id, external_id, unique_key, display_key, active] as const),
      ...([created, created, 1] as const),
    ]);
    this.#pending.insert('documents', [rid, tenant, body]);
    this.#pending.insert('keys', [rid, tenant, keys]);
    this.#addElements(rid, elements);
    this.#addUnique(rid, unique);
    if (text !== '') this.#pending.insert('contained', [rid, tenant, text]);
    this.known.described.delete(id);
    const current = { rid, type: kind.number, id, version: 1, created, modified: created, body };
    if (isNew) this.known.current.set(id, { ...current, grouped: false });
    else this.known.current.delete(id);
    return rid;
  }

  /** A document, with the index rows and columns of the members that changed; `body` is its text from now on. */
  update(
    target: Pick<Current, 'rid' | 'id'>,
    kind: StoredType,
    change: DocumentChange,
    body: string,
    { version, modified }: Touched,
  ): void {
    const { rid, id } = target;
    const { members: changed } = change.difference;
    const { before, after } = change.inText ?? change;
    this.written = after;
    const from = kind.indexRows(before, changed);
    const to = kind.indexRows(after, changed);
    const columns = keyColumns.filter((column) => from.columns[column] !== to.columns[column]);
    // One row at most of each resource in a statement; and a name goes from one to another in the order of the commands.
    const isNamed = columns.includes('unique_key');
    if (isNamed || this.#pending.isWritten(rid)) this.flush();
    this.#pending.update(rid, columns, [version, modified, ...columns.map((column) => to.columns[column])], {
      body,
      keys: from.keys === to.keys ? undefined : kind.indexRows(change.after).keys,
    });
    if (isNamed) this.flush();
    this.#updateElements(rid, from, to);
    this.#updateUnique(rid, from, to);
    if (from.text !== to.text) this.#putText(rid, kind.indexRows(change.after).text);
    const known = this.known.current.get(id);
    if (known !== undefined && known !== null)
      this.known.current.set(id, { ...known, version, modified, body });
    this.known.described.delete(id);
  }

  /** All index rows anew, whatever there is. */
  reindex(rid: number, kind: StoredType, document: Document): void {
    const { tenant } = this;
    const { columns, keys, elements, unique, text } = kind.indexRows(document);
    const { external_id, unique_key, display_key, active } = columns;
    this.send(
      'UPDATE resource SET external_id = ?, unique_key = ?, display_key = ?, active = ? WHERE rid = ? AND tenant = ?',
      [external_id, unique_key, display_key, active, rid, tenant],
    );
    this.send(writeSql.updateKeys, [keys, rid, tenant]);
    this.send('DELETE FROM element WHERE rid = ? AND tenant = ?', [rid, tenant]);
    this.send('DELETE FROM unique_value WHERE rid = ? AND tenant = ?', [rid, tenant]);
    this.#putText(rid, text);
    this.#addElements(rid, elements);
    this.#addUnique(rid, unique);
  }

  touch(rid: number, id: string, touched: Touched): void {
    if (this.#pending.isWritten(rid)) this.flush();
    this.#pending.touch(rid, touched);
    const known = this.known.current.get(id);
    if (known !== undefined && known !== null) this.known.current.set(id, { ...known, ...touched });
  }

  remove({ rid, id }: Current): void {
    this.#pending.forgetTouch(rid);
    this.send('DELETE FROM resource WHERE rid = ? AND tenant = ?', [rid, this.tenant]);
    this.known.current.set(id, null);
    this.known.described.set(id, null);
    this.known.edges.clear();
    this.known.grouped.clear();
  }

  addMembers(members: readonly NewMember[]): void {
    for (const member of members) {
      const { owner, value } = member;
      const edge = `${owner} ${value}`;
      if (this.#pending.goes(edge)) this.flush();
      this.#pending.addMember(edge, member);
      this.known.edges.set(edge, true);
      if (this.known.grouped.has(value)) this.known.grouped.set(value, true);
      const known = this.known.current.get(value);
      if (known !== undefined && known !== null) this.known.current.set(value, { ...known, grouped: true });
    }
  }

  removeMembers(owner: number, values: readonly string[]): void {
    for (const value of values) {
      const edge = `${owner} ${value}`;
      if (this.#pending.comes(edge)) this.flush();
      this.#pending.removeMember(edge, owner, value);
      this.known.edges.set(edge, false);
      this.known.current.delete(value);
      this.known.grouped.delete(value);
    }
  }

  /** It is in no group any more. */
  leaveGroups(id: string): void {
    this.send(resourceSql.leaveGroups, [this.tenant, id]);
    this.known.edges.clear();
    this.known.grouped.delete(id);
  }

  count(type: number, difference: 1 | -1): void {
    this.#counts.set(type, (this.#counts.get(type) ?? 0) + difference);
  }

  /** Sends how many lose something, and how many resources came or went, before either is asked for. */
  sendTotals(): void {
    this.#sendAsOne(this.#takeTotals());
  }

  #takeTotals(): Statement[] {
    const { tenant } = this;
    const losses = this.losses.take().map((lost): Statement => [guardSql.count, [tenant, ...lost]]);
    const counts = [...this.#counts].filter(([, count]) => count !== 0);
    this.#counts.clear();
    if (counts.length === 0) return losses;
    const columns = [counts.map(([type]) => type), counts.map(([, count]) => count), tenant];
    return [...losses, [writeSql.counts, columns]];
  }

  /** `typeName` is what a notice is about, which has no number. */
  append(entry: ChangeEntry, typeName = this.#nameOf(entry.type)): void {
    this.#changes.push(nextChange(this.#head, entry, typeName));
  }

  get changeCount(): number {
    return this.#changes.length;
  }

  /** The changes behind so many. */
  changesAfter(count: number): Change[] {
    return this.#changes.slice(count).map((row) => toChange(this.tenant, readRow(row), this.#nameOf));
  }

  /** The number of the last change, and its link. */
  get head(): Readonly<ChangeHead> {
    return this.#head;
  }

  mark(): Mark {
    const { sequence, link } = this.#head;
    return {
      sequence,
      link,
      changes: this.#changes.length,
      counts: new Map(this.#counts),
      losses: this.losses.copy(),
    };
  }

  /** What came since then was taken back in the database. */
  backTo({ sequence, link, changes, counts, losses }: Mark): void {
    this.#head.sequence = sequence;
    this.#head.link = link;
    this.#changes.length = changes;
    this.#sentChanges = Math.min(this.#sentChanges, changes);
    this.#counts.clear();
    for (const [type, count] of counts) this.#counts.set(type, count);
    this.#pending.clear();
    this.losses = losses.copy();
    this.known.clear();
    this.#sent = [];
    this.#failure = undefined;
  }

  /** Sends the rows that wait. */
  flush(): void {
    this.#sendAsOne(this.#pending.take());
  }

  /** Sends the changes that wait, for whoever reads the record within the transaction. */
  flushChanges(): void {
    this.#sendAsOne(this.#takeChanges());
  }

  #takeChanges(): Statement[] {
    const rows = this.#changes.slice(this.#sentChanges);
    if (rows.length === 0) return [];
    this.#sentChanges = this.#changes.length;
    const members = rows.flatMap(membersOf);
    const columns = [this.tenant, members.map(([id]) => id), members.map(([, sequence]) => sequence)];
    return [
      [writeSql.changes, columnsOf(rows)],
      ...(members.length === 0 ? [] : [[writeSql.changedMembers, columns] as const]),
    ];
  }

  /** Waits for all that was sent. @throws the first error of the server. */
  async settle(): Promise<void> {
    this.flush();
    const sent = this.#sent;
    this.#sent = [];
    await Promise.all(sent);
    if (this.#failure !== undefined) throw this.#failure;
  }

  /** Sends what waits, and what is written once for all units: changes, how many resources there are, where the record ends. */
  sendRest(): void {
    const { sequence, link } = this.#head;
    const hasChanged = this.#changes.length > 0;
    this.#sendAsOne([
      ...this.#pending.take(),
      ...this.#takeTotals(),
      ...this.#takeChanges(),
      ...(hasChanged ? [[writeSql.setHead, [sequence, link, this.tenant]] as const] : []),
    ]);
  }

  #sendAsOne(statements: readonly Statement[]): void {
    if (statements.length > 0) this.#send(...asOne(statements));
  }

  #send(sql: string, parameters: readonly Value[]): void {
    this.#sent.push(
      this.#connection.run(sql, parameters).catch((error: unknown) => {
        this.#failure ??= error;
      }),
    );
  }

  #addElements(rid: number, elements: readonly ElementRow[]): void {
    for (const { attribute, ordinal, value, number, type, display, primary, rest } of elements)
      this.#pending.insert('elements', [
        ...[rid, attribute, ordinal, this.tenant],
        ...[value, number, type, display, primary, rest],
      ]);
  }

  #addUnique(rid: number, unique: readonly UniqueRow[]): void {
    for (const { attribute, key } of unique)
      this.#pending.insert('uniques', [this.tenant, attribute, key, rid]);
  }

  #putText(rid: number, text: string): void {
    const target = [rid, this.tenant];
    if (text === '') this.send(writeSql.deleteContained, target);
    else this.send(writeSql.putContained, [...target, text]);
  }

  #updateElements(rid: number, before: IndexRows, after: IndexRows): void {
    const { gone, added } = elementDifference(before.elements, after.elements);
    if (gone.length > 0)
      this.send(writeSql.deleteElements, [
        gone.map(({ attribute }) => attribute),
        gone.map(({ ordinal }) => ordinal),
        ...[rid, this.tenant],
      ]);
    this.#addElements(rid, added);
  }

  #updateUnique(rid: number, before: IndexRows, after: IndexRows): void {
    const { gone, added } = uniqueDifference(before.unique, after.unique);
    for (const row of gone) this.send(resourceSql.deleteUnique, [this.tenant, row.attribute, row.key]);
    this.#addUnique(rid, added);
  }
}
