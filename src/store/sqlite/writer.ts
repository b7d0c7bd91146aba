/** The statements that write a resource and its index rows; each writes only what differs. */
import type { Database, Statement } from 'better-sqlite3';
import type { Key } from '../../scim/comparison.ts';
import type { DocumentChange } from '../document-change.ts';
import type { ElementRow, IndexRows, UniqueRow } from '../layout/index-rows.ts';
import type { KeyColumn } from '../layout/layout.ts';
import { elementDifference, uniqueDifference } from '../layout/row-difference.ts';
import type { StoredType } from '../layout/stored-type.ts';
import { insertElementsSql, mostElements, resourceSql, updateSql } from '../sql/resource.ts';
import type { Document } from '../store.ts';
import { isConstraint } from './errors.ts';

/** A resource about to be written. */
export interface NewRow {
  readonly tenant: number;
  readonly kind: StoredType;
  readonly id: string;
  readonly created: string;
  readonly document: Document;
  readonly body: string;
}

export interface RowWriter {
  /** Answers the new row's number. Throws TakenError where a unique value is taken. */
  insert(row: NewRow): number;
  /** A document, whose text `body` is now, with the index rows and columns of the members that differ. */
  update(target: Target, change: DocumentChange, body: string, touched: Touched): void;
  /** All index rows anew, whatever there is. */
  reindex(target: Target, document: Document): void;
  /** A change of something else than the document. */
  touch(rid: number, touched: Touched): void;
  /** With all that hangs on it. */
  remove(kind: StoredType, rid: number): void;
}

/** The row that is changed. */
export interface Target {
  readonly tenant: number;
  readonly kind: StoredType;
  readonly rid: number;
}

/** Version and time of a change. */
export interface Touched {
  readonly version: number;
  readonly modified: string;
}

const keyColumns: readonly KeyColumn[] = ['external_id', 'unique_key', 'display_key', 'active'];

/** Another resource has this value of a unique attribute, or this id. */
export class TakenError extends Error {
  override readonly name = 'TakenError';
  readonly path: string;
  readonly value: unknown;

  constructor(path: string, value: unknown) {
    super(`${path} is taken`);
    this.path = path;
    this.value = value;
  }
}

export function rowWriter(db: Database): RowWriter {
  const insertResource = db.prepare(resourceSql.insert);
  const insertDocument = db.prepare(resourceSql.insertDocument);
  const insertKeys = db.prepare(resourceSql.insertKeys);
  /** By number of rows, prepared when they are first needed. */
  const insertElements: Statement[] = [];
  /** By the columns that they set. */
  const updates: Record<string, Statement> = {};
  const deleteElement = db.prepare(resourceSql.deleteElement);
  const deleteElements = db.prepare(resourceSql.deleteElements);
  const insertUnique = db.prepare(resourceSql.insertUnique);
  const deleteUnique = db.prepare(resourceSql.deleteUnique);
  const deleteAllUnique = db.prepare(resourceSql.deleteUniques);
  const updateBody = db.prepare(resourceSql.updateDocument);
  const updateKeys = db.prepare(resourceSql.updateKeys);
  const updateAllColumns = db.prepare(resourceSql.updateColumns);
  const touch = db.prepare(resourceSql.touch);
  const remove = db.prepare(resourceSql.delete);
  const putText = db.prepare('INSERT OR REPLACE INTO trigram (rowid, keys) VALUES (?, ?)');
  const deleteText = db.prepare('DELETE FROM trigram WHERE rowid = ?');

  /** Turns SQLite's refusal of a duplicate into the client's error. */
  const unlessTaken = <T>(kind: StoredType, id: string, document: Document, write: () => T): T => {
    try {
      return write();
    } catch (error) {
      if (isConstraint(error, 'resource.id')) throw new TakenError('id', id);
      const attribute = kind.layout.uniqueColumn;
      if (attribute !== undefined && isConstraint(error, 'resource.unique_key')) {
        throw new TakenError(attribute.path, document[attribute.name]);
      }
      throw error;
    }
  };

  const insertElementRows = (rid: number, tenant: number, rows: readonly ElementRow[]): void => {
    for (let first = 0; first < rows.length; first += mostElements) {
      const values: (Key | null)[] = [];
      const count = Math.min(rows.length - first, mostElements);
      for (let at = first; at < first + count; at++) {
        const { attribute, ordinal, value, number, type, display, primary, rest } = rows[at] as ElementRow;
        values.push(rid, attribute, ordinal, tenant, value, number, type, display, primary, rest);
      }
      insertElements[count] ??= db.prepare(insertElementsSql(count));
      insertElements[count].run(...values);
    }
  };

  const insertUniqueRow = (rid: number, tenant: number, row: UniqueRow): void => {
    try {
      insertUnique.run(tenant, row.attribute, row.key, rid);
    } catch (error) {
      throw isConstraint(error, 'unique_value.key') ? new TakenError(row.path, row.shown) : error;
    }
  };

  const updateElements = ({ rid, tenant }: Target, before: IndexRows, after: IndexRows): void => {
    if (before.elements.length + after.elements.length === 0) return;
    const { gone, added } = elementDifference(before.elements, after.elements);
    for (const row of gone) deleteElement.run(rid, row.attribute, row.ordinal);
    insertElementRows(rid, tenant, added);
  };

  const updateUnique = ({ rid, tenant }: Target, before: IndexRows, after: IndexRows): void => {
    if (before.unique.length + after.unique.length === 0) return;
    const { gone, added } = uniqueDifference(before.unique, after.unique);
    for (const row of gone) deleteUnique.run(tenant, row.attribute, row.key);
    for (const row of added) insertUniqueRow(rid, tenant, row);
  };

  const updateColumns = (
    { rid, kind }: Target,
    before: IndexRows,
    after: IndexRows,
    document: Document,
    { version, modified }: Touched,
  ): void => {
    const changed = keyColumns.filter((column) => before.columns[column] !== after.columns[column]);
    const key = changed.join();
    updates[key] ??= db.prepare(updateSql(changed));
    const update = updates[key];
    const values = changed.map((column) => after.columns[column]);
    unlessTaken(kind, '', document, () => update.run(...values, version, modified, rid));
  };

  return {
    insert({ tenant, kind, id, created, document, body }) {
      const rows = kind.indexRows(document);
      const { external_id, unique_key, display_key, active } = rows.columns;
      const { lastInsertRowid } = unlessTaken(kind, id, document, () =>
        insertResource.run(
          tenant,
          kind.number,
          id,
          external_id,
          unique_key,
          display_key,
          active,
          created,
          created,
        ),
      );
      const rid = Number(lastInsertRowid);
      insertDocument.run(rid, body);
      insertKeys.run(rid, rows.keys);
      insertElementRows(rid, tenant, rows.elements);
      for (const row of rows.unique) insertUniqueRow(rid, tenant, row);
      if (rows.text !== '') putText.run(rid, rows.text);
      return rid;
    },
    update(target, change, body, touched) {
      const { indexRows } = target.kind;
      const { members } = change.difference;
      const { before, after } = change.inText ?? change;
      const from = indexRows(before, members);
      const to = indexRows(after, members);
      updateColumns(target, from, to, after, touched);
      updateElements(target, from, to);
      updateUnique(target, from, to);
      updateBody.run(body, target.rid);
      if (from.text !== to.text) putText.run(target.rid, indexRows(change.after).text);
      if (from.keys !== to.keys) updateKeys.run(indexRows(change.after).keys, target.rid);
    },
    reindex({ tenant, kind, rid }, document) {
      const { columns, keys, elements, unique, text } = kind.indexRows(document);
      const { external_id, unique_key, display_key, active } = columns;
      unlessTaken(kind, '', document, () =>
        updateAllColumns.run(external_id, unique_key, display_key, active, rid),
      );
      updateKeys.run(keys, rid);
      deleteElements.run(rid);
      deleteAllUnique.run(rid);
      insertElementRows(rid, tenant, elements);
      for (const row of unique) insertUniqueRow(rid, tenant, row);
      if (text === '') deleteText.run(rid);
      else putText.run(rid, text);
    },
    touch(rid, { version, modified }) {
      touch.run(version, modified, rid);
    },
    remove({ layout }, rid) {
      if (layout.containsIndex.length > 0) deleteText.run(rid);
      remove.run(rid);
    },
  };
}
