/** What was deleted and comes back, what is erased, and what referred to it. */
import type { Plan } from '../../query/plan.ts';
import { instantKey } from '../../scim/comparison.ts';
import { differenceOf } from '../../scim/difference.ts';
import { type Document, schemasOf } from '../../scim/document.ts';
import { migrateDocument } from '../../scim/migrate-document.ts';
import { isObject } from '../../scim/object.ts';
import type { Attribute } from '../../scim/registry.ts';
import { withId } from '../layout/command-parts.ts';
import { instantAfter, keyOfTime } from '../layout/instant.ts';
import { recordedEdits } from '../sql/change-row.ts';
import type { DeleteCommand, EraseCommand, RestoreCommand, Result } from '../store.ts';
import { deletionOf, eraseChanges, erasedEdit } from './changes.ts';
import { type Steps, statement } from './database.ts';
import { grantStatements } from './grants.ts';
import type { Column } from './mapping.ts';
import type { MemberEdits } from './member-edits.ts';
import type { ServedType } from './reading.ts';
import { columnValues, type Rows, touched } from './rows.ts';
import type { NewChange } from './turn.ts';
import { RefusedUnit, type UnitAtWork, type WritingTools } from './unit-at-work.ts';
import { IgnoredByDatabase } from './violations.ts';

export class History {
  readonly #tools: WritingTools;
  readonly #rows: Rows;
  readonly #members: MemberEdits;

  constructor(tools: WritingTools, rows: Rows, members: MemberEdits) {
    this.#tools = tools;
    this.#rows = rows;
    this.#members = members;
  }

  /** What names the deleted resource as `manager` does not name it any more (RFC 7644 §3.6). */
  *removeReferences(
    work: UnitAtWork,
    { type, id, sensitive, sensitiveOf }: DeleteCommand,
    now: Date,
  ): Steps<void> {
    const { reading, database } = this.#tools;
    const { tenant, context, transaction } = work;
    const cause = { operation: 'delete', type: type.name, id } as const;
    for (const { served, value, parent } of this.#tools.references(type)) {
      const plan: Plan = { kind: 'compare', operator: 'eq', attribute: value, key: id, range: [0, 0] };
      const condition = served.conditions.compile(plan);
      const within = reading.within(served, tenant);
      const held = database.dialect === 'postgres' ? ' FOR UPDATE OF t' : '';
      yield* reading.foldTexts(condition.sql);
      const found = yield statement(
        `SELECT ${reading.columns(served)} ${reading.from(served)} WHERE ${within.text} AND (${condition.sql})${held}`,
        ...within.parameters,
        ...condition.parameters,
      );
      for (const each of found) {
        const { resource, document: before, row } = reading.toRow(served, each);
        if (resource.id === id) continue;
        const after = without(served, before, parent);
        const { edits } = differenceOf(served.type, before, after);
        const version = resource.version + 1;
        const at = instantAfter(now, instantKey(resource.modified) as string);
        yield* this.#rows.write(served, row, { before, after }, { version, modified: at });
        yield* this.#rows.noteBeside(served.table, resource.id, { modified: at });
        work.entries.push({
          ...{ tenant, type: served.type.name, id: resource.id, operation: 'patch', version, at },
          ...{ context, transaction, cause },
          edits: recordedEdits(
            edits,
            served.type.name === type.name ? sensitive : sensitiveOf?.(served.type),
          ),
        });
      }
    }
  }

  /** Brings a deleted resource back from the record of its deletion. */
  *restore(
    work: UnitAtWork,
    command: RestoreCommand,
    index: number,
    check: (served: ServedType, document: Document) => Steps<void>,
  ): Steps<Result> {
    const { reading, clock, memberships } = this.#tools;
    const { tenant, context, transaction } = work;
    const { id, type } = command;
    const served = reading.served(type);
    const { table } = served;
    if ((yield* reading.find(type, tenant, id)) !== undefined)
      throw new RefusedUnit({ outcome: 'present', command: index });
    const deleted = yield* deletionOf(tenant, type.name, id);
    if (deleted === undefined) throw new RefusedUnit({ outcome: 'missing', command: index });
    const { last, removed, version: before, at } = deleted;
    const { document: migrated } = migrateDocument(type, command.document ?? last.document, []);
    const document = withId(migrated, id);
    work.documents.set(index, document);
    yield* check(served, document);
    const created = instantKey(last.created) ?? keyOfTime(clock().getTime());
    const version = before + 1;
    const modified = instantAfter(clock(), at);
    const values = served.documents.toRow(document);
    const kept = yield* this.#rows.keptRow(served, tenant, id);
    if (kept === undefined) yield* this.#rows.insert(served, tenant, id, created, values);
    else
      yield* this.#rows.set(table, kept, [
        ...columnValues(values.values),
        ...(table.rest === undefined ? [] : ([[table.rest, values.rest]] as [Column, unknown][])),
        ...(table.onDelete ?? []).map(({ column }): [Column, unknown] => [column, null]),
      ]);
    yield* this.#rows.noteBeside(table, id, { created, modified });
    const made = yield* reading.find(type, tenant, id);
    if (made === undefined) throw new IgnoredByDatabase(`INSERT of ${table.facts.name}`);
    yield* this.#rows.set(table, made.row, touched(table, version, modified));
    const own = memberships.of(table.facts.name);
    const added = new Set<string>();
    if (own !== undefined) {
      const found = yield* this.#members.find(tenant, own, removed);
      yield* this.#members.add(work, own, made.row, [...found.keys()], added, new Set());
    }
    work.entries.push({
      ...{
        tenant,
        type: type.name,
        id,
        operation: 'restore',
        version,
        at: modified,
        context,
        transaction,
        added,
      },
    });
    const cause = { operation: 'restore', type: type.name, id } as const;
    for (const { value } of last.groups) yield* this.#joinGroup(work, value, id, cause);
    const target = { kind: { type }, rid: id, id };
    yield* this.#tools.holders.run(
      work.access.created(work, target, document, added, last.groups.length > 0),
    );
    const after = yield* reading.find(type, tenant, id);
    return { outcome: 'restored', resource: (after ?? made).resource };
  }

  /** If the group is still there. */
  *#joinGroup(
    work: UnitAtWork,
    group: string,
    id: string,
    cause: NonNullable<NewChange['cause']>,
  ): Steps<void> {
    const { memberships, reading, clock } = this.#tools;
    const { tenant, context, transaction } = work;
    for (const mapped of memberships.all) {
      const { table } = mapped.owner;
      const found = yield* reading.find(table.type, tenant, group, true);
      if (found === undefined) continue;
      const added = new Set<string>();
      const candidates = yield* this.#members.find(tenant, mapped, [id]);
      if (candidates.size > 0) yield* this.#members.add(work, mapped, found.row, [id], added, new Set());
      if (added.size === 0) continue;
      const version = found.resource.version + 1;
      const at = instantAfter(clock(), instantKey(found.resource.modified) as string);
      yield* this.#rows.set(table, found.row, touched(table, version, at));
      yield* this.#rows.noteBeside(table, group, { modified: at });
      work.entries.push({
        ...{ tenant, type: table.type.name, id: group, operation: 'patch', version, at },
        ...{ context, transaction, added, cause },
      });
    }
  }

  /** Takes a resource out of what is recorded of it, and deletes it first if it is there. */
  *erase(
    work: UnitAtWork,
    { kind: _, ...command }: EraseCommand,
    index: number,
    remove: (command: DeleteCommand) => Steps<Result>,
  ): Steps<Result> {
    const { reading, clock } = this.#tools;
    const { tenant, context, transaction } = work;
    const { type, id } = command;
    const isThere = (yield* reading.find(type, tenant, id)) !== undefined;
    if (isThere) yield* remove({ ...command, kind: 'delete' });
    const own = work.entries.filter((entry) => entry.id === id && entry.type === type.name);
    for (const entry of own) {
      const { last: _last, edits, ...rest } = entry;
      const blank = edits === undefined ? {} : { edits: edits.map(erasedEdit) };
      work.entries.splice(work.entries.indexOf(entry), 1, { ...rest, ...blank });
    }
    const latest = yield* eraseChanges(tenant, type.name, id);
    const version = own.at(-1)?.version ?? latest?.version;
    const at = own.at(-1)?.at ?? latest?.at;
    if (version === undefined || at === undefined || (own.length === 0 && latest?.operation === 'erase'))
      throw new RefusedUnit({ outcome: 'missing', command: index });
    yield statement(grantStatements.unlock, tenant, id);
    const kept = yield* this.#rows.keptRow(reading.served(type), tenant, id);
    if (kept !== undefined) yield* this.#rows.blankRow(reading.served(type), kept);
    work.entries.push({
      ...{ tenant, type: type.name, id, operation: 'erase', version: version + 1 },
      ...{ at: instantAfter(clock(), at), context, transaction },
    });
    return { outcome: 'erased' };
  }
}

/** The document without the attribute. */
function without({ type }: ServedType, before: Document, { name, extension }: Attribute): Document {
  const after: Record<string, unknown> = { ...before };
  if (extension === undefined) delete after[name];
  else {
    const { [name]: _, ...rest } = isObject(before[extension]) ? before[extension] : {};
    if (Object.keys(rest).length === 0) delete after[extension];
    else after[extension] = rest;
  }
  return { ...after, schemas: schemasOf(type, after) };
}
