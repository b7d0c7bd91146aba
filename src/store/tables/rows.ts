/** Rows of mapped tables as they are written: no more than what differs. */
import { textKey } from '../../scim/comparison.ts';
import { type Document, equalValues } from '../../scim/document.ts';
import { instantText } from '../layout/instant.ts';
import { one, type SqlValue, type Steps, statement } from './database.ts';
import type { RowValues } from './document.ts';
import type { Column, Field, MappedTable } from './mapping.ts';
import type { ServedType } from './reading.ts';
import { exactKey } from './row-key.ts';
import { RefusedUnit, type WritingTools } from './unit-at-work.ts';
import { IgnoredByDatabase } from './violations.ts';

export class Rows {
  readonly #tools: WritingTools;

  constructor(tools: WritingTools) {
    this.#tools = tools;
  }

  *insert(
    served: ServedType,
    tenant: number,
    id: string,
    created: string,
    { values, rest }: RowValues,
  ): Steps<void> {
    const { table } = served;
    const columns: Column[] = [];
    const parameters: SqlValue[] = [];
    const set = (column: Column | undefined, value: unknown): void => {
      if (column === undefined || column.fact.generated || columns.includes(column)) return;
      if (value === null && column.fact.required && column.fact.hasDefault) return;
      columns.push(column);
      parameters.push(column.bind(value));
    };
    set(table.id, id);
    set(table.tenant, table.tenant === undefined ? null : this.#tools.tenantName(tenant));
    set(table.version, 1);
    set(table.created, timeOf(created));
    set(table.modified, timeOf(created));
    for (const [column, value] of columnValues(values)) set(column, value);
    set(table.rest, rest ?? null);
    const done = yield statement(
      `INSERT INTO ${table.facts.sql} (${columns.map(({ sql }) => sql).join(', ')}) VALUES (${columns.map(({ parameter }) => parameter).join(', ')}) RETURNING 1 AS done`,
      ...parameters,
    );
    if (done.length === 0) throw new IgnoredByDatabase(`INSERT of ${table.facts.name}`);
  }

  /** A row that is there becomes a resource; what the request does not speak of stays as it is in the row. */
  *adopt(
    served: ServedType,
    tenant: number,
    { id, created, key }: { readonly id: string; readonly created: string; readonly key: unknown },
    { values, rest }: RowValues,
    index: number,
  ): Steps<void> {
    const { table } = served;
    const { row, tenant: tenantColumn } = table;
    exactKey(table, key);
    const within = tenantColumn === undefined ? '' : ` AND t.${tenantColumn.sql} = ${tenantColumn.parameter}`;
    const parameters = [
      row.bind(key),
      ...(tenantColumn === undefined ? [] : [tenantColumn.bind(this.#tools.tenantName(tenant))]),
    ];
    const lock = this.#tools.database.dialect === 'postgres' ? ' FOR UPDATE' : '';
    const known = yield* one(
      `SELECT t.${table.id.sql} AS id, t.${table.version.sql} AS version FROM ${table.facts.sql} t WHERE t.${row.sql} = ${row.parameter}${within}${lock}`,
      ...parameters,
    );
    if (known === undefined) throw new Error(`link: ${table.facts.name} has no row ${String(key)}`);
    if (known.id !== null && known.id !== undefined) {
      const live = yield* this.#tools.reading.find(table.type, tenant, String(known.id));
      if (live !== undefined)
        throw new RefusedUnit({
          outcome: 'taken',
          command: index,
          path: 'externalId',
          value: live.document.externalId ?? null,
        });
    }
    const given = new Map([...values].filter(([, value]) => value !== undefined));
    const sets: [Column, unknown][] = [
      [table.id, id],
      [table.version, Number(known.version ?? 0) + 1],
      ...columnValues(given),
      ...(table.modified === undefined ? [] : ([[table.modified, timeOf(created)]] as [Column, unknown][])),
      ...(table.rest === undefined ? [] : ([[table.rest, rest]] as [Column, unknown][])),
      ...(table.onDelete ?? []).map(({ column }): [Column, unknown] => [column, null]),
    ];
    yield* this.set(table, key, sets);
  }

  *set(table: MappedTable, row: unknown, sets: readonly (readonly [Column, unknown])[]): Steps<void> {
    const texts: string[] = [];
    const parameters: SqlValue[] = [];
    for (const [{ sql, parameter, fact, bind }, value] of sets) {
      if (fact.generated) continue;
      // What was left out when the row was made got the default too.
      const preset = value === null && fact.required ? fact.preset : undefined;
      texts.push(`${sql} = ${preset ?? parameter}`);
      if (preset === undefined) parameters.push(bind(value));
    }
    const done = yield statement(
      `UPDATE ${table.facts.sql} SET ${texts.join(', ')} WHERE ${table.row.sql} = ${table.row.parameter} RETURNING 1 AS done`,
      ...parameters,
      table.row.bind(row),
    );
    // The row was read, and is held.
    if (done.length === 0) throw new IgnoredByDatabase(`UPDATE of ${table.facts.name}`);
  }

  *remove({ facts, row: key }: MappedTable, row: unknown): Steps<void> {
    const done = yield statement(
      `DELETE FROM ${facts.sql} WHERE ${key.sql} = ${key.parameter} RETURNING 1 AS done`,
      key.bind(row),
    );
    if (done.length === 0) throw new IgnoredByDatabase(`DELETE of ${facts.name}`, { status: 409 });
  }

  /** Only what differs is written: the row may have changed otherwise since it was read. */
  *write(
    { table, documents }: ServedType,
    row: unknown,
    { before, after }: { readonly before: Document; readonly after: Document },
    { version, modified }: { readonly version: number; readonly modified: string },
  ): Steps<void> {
    const alone = documents.changedFields(before, after);
    if (alone !== undefined) {
      yield* this.set(table, row, [...columnValues(alone), ...touched(table, version, modified)]);
      return;
    }
    const from = documents.toRow(before);
    const to = documents.toRow(after);
    const changed = new Map(
      [...to.values].filter(([field, value]) => !equalValues(value, from.values.get(field))),
    );
    const sets = [...columnValues(changed)];
    if (table.rest !== undefined && !equalValues(from.rest, to.rest)) sets.push([table.rest, to.rest]);
    yield* this.set(table, row, [...sets, ...touched(table, version, modified)]);
  }

  /** The row of a resource that was deleted and stayed. */
  *keptRow({ table }: ServedType, tenant: number, id: string): Steps<unknown> {
    if (table.onDelete === undefined) return undefined;
    const { tenant: column } = table;
    const within = column === undefined ? '' : ` AND ${column.sql} = ${column.parameter}`;
    const row = yield* one(
      `SELECT ${table.row.sql} AS row_key FROM ${table.facts.sql} WHERE ${table.id.sql} = ${table.id.parameter}${within}`,
      table.id.bind(id),
      ...(column === undefined ? [] : [column.bind(this.#tools.tenantName(tenant))]),
    );
    return exactKey(table, row?.row_key);
  }

  /** The row of a deleted resource stays, since rows of the embedder's refer to it: without what the map names. */
  *blankRow({ table }: ServedType, row: unknown): Steps<void> {
    const sets = new Map<Column, unknown>();
    for (const { column, alias } of table.fields)
      if (alias === undefined && !column.fact.required) sets.set(column, null);
    for (const { folded } of table.fields)
      if (typeof folded === 'object' && !folded.fact.required) sets.set(folded, null);
    for (const { column, alias, leaf, write } of table.fields) {
      if (alias !== undefined || !column.fact.required || leaf.type === 'boolean') continue;
      const { preset } = column.fact;
      const isUnique = table.facts.indexes.some(({ unique, keys }) => unique && keys.includes(column.name));
      // What stands for nothing keeps the rules of the table, unless it would stand there twice.
      const blank = write(undefined) ?? (preset === undefined ? undefined : null);
      sets.set(column, isUnique || blank === undefined ? `erased ${String(row)}` : blank);
    }
    for (const { folded } of table.fields)
      if (typeof folded === 'object' && folded.fact.required) sets.set(folded, `erased ${String(row)}`);
    if (table.rest !== undefined) sets.set(table.rest, table.rest.fact.required ? {} : null);
    yield* this.set(table, row, [...sets]);
  }

  /** What the type has no column for. */
  *noteBeside(
    { type, created: hasCreated, modified: hasModified }: MappedTable,
    id: string,
    { created, modified }: { readonly created?: string; readonly modified: string },
  ): Steps<void> {
    if (hasCreated !== undefined && hasModified !== undefined) return;
    yield statement(
      'INSERT INTO scimd_resource (type, id, created, modified) VALUES (?, ?, ?, ?) ON CONFLICT (type, id) DO UPDATE SET modified = excluded.modified',
      type.name,
      id,
      created === undefined ? null : instantText(created),
      instantText(modified),
    );
  }

  *setCredential({ type }: MappedTable, id: string, credential: string): Steps<void> {
    yield statement(
      'INSERT INTO scimd_resource (type, id, credential) VALUES (?, ?, ?) ON CONFLICT (type, id) DO UPDATE SET credential = excluded.credential',
      type.name,
      id,
      credential,
    );
  }

  *editCredential(table: MappedTable, id: string, credential: string | null | undefined): Steps<boolean> {
    if (credential === undefined) return false;
    if (credential !== null) {
      yield* this.setCredential(table, id, credential);
      return true;
    }
    const cleared = yield statement(
      'UPDATE scimd_resource SET credential = NULL WHERE type = ? AND id = ? AND credential IS NOT NULL RETURNING 1 AS done',
      table.type.name,
      id,
    );
    return cleared.length > 0;
  }
}

function timeOf(key: string): Date {
  return new Date(instantText(key));
}

export function touched(
  { version: column, modified: changed }: MappedTable,
  version: number,
  modified: string,
): [Column, unknown][] {
  return [
    [column, version],
    ...(changed === undefined ? [] : ([[changed, timeOf(modified)]] as [Column, unknown][])),
  ];
}

/** What is written of these fields: of several with one column the first, and folded text beside it. */
export function columnValues(values: ReadonlyMap<Field, unknown>): [Column, unknown][] {
  return [...values].flatMap(([field, value]): [Column, unknown][] => {
    if (field.alias !== undefined) return [];
    const { column, folded, leaf } = field;
    const own: [Column, unknown] = [column, field.write(value)];
    if (typeof folded !== 'object') return [own];
    return [own, [folded, typeof value === 'string' ? (textKey(leaf)(value) ?? null) : null]];
  });
}
