/** Units of commands as steps of one transaction: rows of the embedder's tables, memberships, and the change record. */
import { invalidValue, ScimError } from '../../error.ts';
import { instantKey, textKey } from '../../scim/comparison.ts';
import { type Document, secretAttribute } from '../../scim/document.ts';
import { isAllowedId } from '../../scim/representation.ts';
import type { RecordedEdit } from '../change.ts';
import type { GuardAlert } from '../guard.ts';
import { withId, withoutPaths } from '../layout/command-parts.ts';
import { instantAfter, instantText, keyOfTime } from '../layout/instant.ts';
import type { Bases } from '../sql/access-watch.ts';
import { recordedEdits } from '../sql/change-row.ts';
import { GuardedError } from '../sql/command-watch.ts';
import type {
  Command,
  CreateCommand,
  DeleteCommand,
  RestoreCommand,
  Result,
  Unit,
  UpdateCommand,
} from '../store.ts';
import { one, type Steps, statement } from './database.ts';
import { watchOf } from './grants.ts';
import { History } from './history.ts';
import type { Column } from './mapping.ts';
import { MemberEdits } from './member-edits.ts';
import { removeMemberships } from './memberships.ts';
import { idText } from './names.ts';
import type { Row, RowHead, ServedType } from './reading.ts';
import { Rows, touched } from './rows.ts';
import type { NewChange, Turn } from './turn.ts';
import { RefusedUnit, type UnitAtWork, type WritingTools } from './unit-at-work.ts';
import { IgnoredByDatabase, refusedBy, violationOf } from './violations.ts';

export class Writing {
  readonly #tools: WritingTools;
  readonly #rows: Rows;
  readonly #members: MemberEdits;
  readonly #history: History;
  readonly #bases: Bases = new Map();

  constructor(tools: WritingTools) {
    this.#tools = tools;
    this.#rows = new Rows(tools);
    this.#members = new MemberEdits(tools);
    this.#history = new History(tools, this.#rows, this.#members);
  }

  /** Carries all commands out, and answers what is to be recorded of them. @throws RefusedUnit; ScimError. */
  *unit(
    unit: Unit,
    transaction: string,
    links: ReadonlyMap<number, unknown>,
    turn: Turn,
  ): Steps<{
    readonly results: readonly Result[];
    readonly entries: readonly NewChange[];
    readonly alerts: readonly GuardAlert[];
  }> {
    const coming = new Set(
      unit.commands.flatMap((command) => (command.kind === 'create' ? (command.id ?? []) : [])),
    );
    const { clock, holders, rules } = this.#tools;
    const begun = { ...unit, transaction, entries: [] };
    turn.entries = begun.entries;
    turn.watch ??= watchOf({ clock, holders, rules, bases: this.#bases }, turn);
    const access = turn.watch;
    const work: UnitAtWork = { ...begun, access, links, coming, documents: new Map(), waiting: [] };
    const results: Result[] = [];
    for (const [index, command] of unit.commands.entries()) {
      try {
        results.push(yield* this.#command(work, command, index));
      } catch (error) {
        this.#bases.clear();
        if (error instanceof RefusedUnit) throw error;
        if (error instanceof GuardedError)
          throw new RefusedUnit({ outcome: 'guarded', command: index, reason: error.reason });
        this.#refuseViolation(error, command, index, work.documents.get(index));
        throw error;
      }
    }
    yield* this.#addWaiting(work);
    return { results, entries: work.entries, alerts: access.takeAlerts() };
  }

  *#addWaiting(work: UnitAtWork): Steps<void> {
    for (const { mapped, row, id, added } of work.waiting) {
      yield* this.#members.add(work, mapped, row, [id], added, new Set());
      try {
        yield* this.#tools.holders.run(work.access.joined(work, id));
      } catch (error) {
        if (!(error instanceof GuardedError)) throw error;
        const command = work.commands.findIndex((each) => each.kind === 'create' && each.id === id);
        throw new RefusedUnit({ outcome: 'guarded', command, reason: error.reason });
      }
    }
  }

  #command(work: UnitAtWork, command: Command, index: number): Steps<Result> {
    switch (command.kind) {
      case 'create':
        return this.#create(work, command, index);
      case 'update':
        return this.#update(work, command, index);
      case 'delete':
        return this.#delete(work, command, index);
      case 'restore':
        return this.#history.restore(work, command, index, (served, document) =>
          this.#refuseNamesake(work.tenant, command, served, undefined, document, index),
        );
      case 'erase':
        return this.#history.erase(work, command, index, (deletion) => this.#delete(work, deletion, index));
    }
  }

  /** What the database refuses is told by the attribute that it is about. */
  #refuseViolation(error: unknown, command: Command, index: number, document: Document | undefined): void {
    const isEnd = command.kind === 'delete' || command.kind === 'erase';
    if (error instanceof IgnoredByDatabase && isEnd && error.status === 400)
      throw new ScimError(409, undefined, error.message);
    const { table, documents } = this.#tools.reading.served(command.type);
    const values = document === undefined ? undefined : documents.toRow(document).values;
    const violation = violationOf(error, table, values);
    if (violation === undefined) return;
    const { kind, field, name, isId } = violation;
    if (kind === 'unique') {
      if (isId) throw new RefusedUnit({ outcome: 'taken', command: index, path: 'id', value: command.id });
      const value = field === undefined ? undefined : values?.get(field);
      throw new RefusedUnit({
        outcome: 'taken',
        command: index,
        path: field?.path ?? name,
        value: value ?? null,
      });
    }
    if (kind === 'a trigger' || kind === 'a policy') throw refusedBy(kind, name, isEnd ? 409 : 400);
    if (kind === 'it refers to no row that is there' && isEnd)
      throw new ScimError(
        409,
        undefined,
        `${command.type.name} ${command.id} cannot be deleted: rows of other tables refer to it (${name})`,
      );
    throw invalidValue(`${field?.path ?? name} is refused by the database: ${kind}`);
  }

  *#create(work: UnitAtWork, command: CreateCommand, index: number): Steps<Result> {
    const { reading, clock, newId, holders } = this.#tools;
    const { tenant, context, transaction } = work;
    const served = reading.served(command.type);
    const { table } = served;
    const id = command.id ?? newId();
    if (command.id !== undefined && !isAllowedId(id))
      throw new RefusedUnit({ outcome: 'invalid-id', command: index });
    if (!reading.isPossible(table, id))
      throw invalidValue(`id must be a UUID in lower case here, not ${JSON.stringify(id)}`);
    const document = withId(command.document, id);
    work.documents.set(index, document);
    yield* this.#refuseNamesake(tenant, command, served, undefined, document, index);
    const created = keyOfTime(clock().getTime());
    const values = served.documents.toRow(document);
    const link = work.links.get(index);
    if (link === undefined) yield* this.#rows.insert(served, tenant, id, created, values);
    else yield* this.#rows.adopt(served, tenant, { id, created, key: link }, values, index);
    yield* this.#rows.noteBeside(table, id, { created, modified: created });
    if (command.credential !== undefined) yield* this.#rows.setCredential(table, id, command.credential);
    const made = yield* reading.find(command.type, tenant, id);
    if (made === undefined) throw new IgnoredByDatabase(`INSERT of ${table.facts.name}`);
    const { added } = yield* this.#members.edit(work, command.members, served, made.row, index);
    work.entries.push({
      ...{ tenant, type: command.type.name, id, operation: 'create', version: made.resource.version },
      ...{ at: created, context, transaction, added },
    });
    // A row that was linked may be in groups of the application's own.
    const { grouped } = made.resource;
    const target = { kind: served, rid: id, id };
    yield* holders.run(work.access.created(work, target, made.document, added, grouped));
    return { outcome: 'created', resource: made.resource };
  }

  *#update(work: UnitAtWork, command: UpdateCommand, index: number): Steps<Result> {
    const { reading, clock, holders } = this.#tools;
    const { tenant, context, transaction } = work;
    const { id, operation } = command;
    const document = command.document?.difference.edits.length === 0 ? undefined : command.document;
    const served = reading.served(command.type);
    const { table } = served;
    const target = { kind: served, rid: id, id };
    // Of what was read before, and has not changed since, the head is enough.
    const found =
      document === undefined
        ? yield* this.#current(tenant, command, index)
        : yield* this.#head(tenant, command, index);
    const { row } = found;
    const { version: past, modified: since } = 'resource' in found ? found.resource : found;
    const version = past + 1;
    const modified = instantAfter(clock(), instantKey(since) as string);
    if (document !== undefined) {
      work.documents.set(index, document.after);
      yield* this.#refuseNamesake(tenant, command, served, document.before, document.after, index);
      yield* holders.run(work.access.changing(work, target, document));
      yield* this.#rows.write(served, row, document, { version, modified });
    }
    const { added, removed } = yield* this.#members.edit(work, command.members, served, row, index);
    const newCredential = yield* this.#rows.editCredential(table, id, command.credential);
    const isSame = document === undefined && !newCredential && added.size === 0 && removed.size === 0;
    const counted =
      command.countMembers === undefined
        ? {}
        : { memberCount: yield* this.#countMembers(served, row, command.countMembers) };
    if (isSame && 'resource' in found)
      return { outcome: 'unchanged', resource: { ...found.resource, ...counted } };
    if (document === undefined) yield* this.#rows.set(table, row, touched(table, version, modified));
    yield* this.#rows.noteBeside(table, id, { modified });
    const edits: RecordedEdit[] = [
      ...recordedEdits(document?.difference.edits ?? [], command.sensitive),
      ...(newCredential
        ? [{ path: secretAttribute(command.type)?.path ?? 'password', omitted: 'sensitive' } as const]
        : []),
    ];
    work.entries.push({
      ...{ tenant, type: command.type.name, id, operation, version, at: modified, context, transaction },
      ...{ edits, added, removed },
    });
    if (document !== undefined)
      yield* holders.run(
        work.access.changed(work, target, {
          ...{ difference: document.difference, after: withId(document.after, id) },
        }),
      );
    const watched = work.access.membersChanged(work, target, { added, removed });
    if (watched !== undefined) yield* holders.run(watched);
    if ('resource' in found)
      return {
        outcome: 'updated',
        resource: { ...found.resource, ...counted, version, modified: instantText(modified) },
      };
    const after = yield* reading.get({ tenant, type: command.type, id, groups: command.groups });
    if (after === undefined) throw new IgnoredByDatabase(`UPDATE of ${table.facts.name}`);
    return { outcome: 'updated', resource: { ...after, ...counted } };
  }

  /** How many members the group in that row has, up to so many: it is held, and is not looked for again. */
  *#countMembers({ table }: ServedType, row: unknown, most: number): Steps<number> {
    const mapped = this.#tools.memberships.of(table.facts.name);
    return mapped === undefined ? 0 : yield* this.#tools.reading.membersOfRow(mapped, row, most);
  }

  *#delete(work: UnitAtWork, command: DeleteCommand, index: number): Steps<Result> {
    const { reading, memberships, clock, holders } = this.#tools;
    const { tenant, context, transaction } = work;
    const { id, type } = command;
    const served = reading.served(type);
    const { table } = served;
    const before = yield* this.#current(tenant, command, index);
    const now = clock();
    const own = memberships.of(table.facts.name);
    const members = own === undefined ? [] : yield* this.#members.of(own, before.row);
    const ids = members.map(({ value }) => value);
    const target = { kind: served, rid: id, id };
    const deleted = yield* holders.run(work.access.deleting(work, target, before.document, ids));
    const cause = { operation: 'delete', type: type.name, id } as const;
    const groups: { value: string; display?: string }[] = [];
    for (const mapped of memberships.with(table.facts.name)) {
      const { owner, people, facts, member, nested } = mapped;
      const column = people.table === table ? member : (nested as Column);
      const rows = yield statement(
        `SELECT ${idText(owner.table, 'g')} AS id FROM ${facts.sql} m JOIN ${owner.table.facts.sql} g ON g.${owner.table.row.sql} = m.${mapped.group.sql} WHERE m.${column.sql} = ${table.row.parameter} ORDER BY 1`,
        table.row.bind(before.row),
      );
      for (const { id: ownerId } of rows) {
        const group = yield* reading.find(owner.table.type, tenant, String(ownerId), true);
        if (group === undefined) continue;
        const display = group.document.displayName;
        groups.push({ value: group.resource.id, ...(typeof display === 'string' ? { display } : {}) });
        if (group.resource.id === id && owner.table === table) continue;
        const at = instantAfter(now, instantKey(group.resource.modified) as string);
        const version = group.resource.version + 1;
        yield* this.#rows.set(owner.table, group.row, touched(owner.table, version, at));
        yield* this.#rows.noteBeside(owner.table, group.resource.id, { modified: at });
        work.entries.push({
          ...{ tenant, type: owner.table.type.name, id: group.resource.id, operation: 'patch', version, at },
          ...{ context, transaction, removed: new Set([id]), cause },
        });
      }
      yield* removeMemberships(mapped, `${column.sql} = ${table.row.parameter}`, table.row.bind(before.row));
    }
    yield* this.#history.removeReferences(work, command, now);
    if (own !== undefined)
      yield* removeMemberships(own, `${own.group.sql} = ${table.row.parameter}`, table.row.bind(before.row));
    if (table.onDelete === undefined) yield* this.#rows.remove(table, before.row);
    else
      yield* this.#rows.set(
        table,
        before.row,
        table.onDelete.map(({ column, value }) => [
          column,
          typeof value === 'function' ? (value as (document: Document) => unknown)(before.document) : value,
        ]),
      );
    yield statement('DELETE FROM scimd_resource WHERE type = ? AND id = ?', type.name, id);
    const version = before.resource.version + 1;
    const at = instantAfter(now, instantKey(before.resource.modified) as string);
    work.entries.push({
      ...{ tenant, type: type.name, id, operation: 'delete', version, at, context, transaction },
      removed: new Set(ids),
      last: {
        document: withoutPaths(type, before.document, command.sensitive),
        created: before.resource.created,
        groups,
      },
    });
    if (type.name === 'Group')
      yield statement('DELETE FROM scimd_access_grant WHERE tenant = ? AND group_id = ?', tenant, id);
    if (deleted !== undefined) yield* holders.run(deleted());
    return { outcome: 'deleted' };
  }

  *#current(tenant: number, command: UpdateCommand | DeleteCommand, index: number): Steps<Row> {
    const row = yield* this.#tools.reading.find(command.type, tenant, command.id, true);
    refuseOther(row?.resource, command, index);
    return row as Row;
  }

  /** The same where what it held is known already. */
  *#head(tenant: number, command: UpdateCommand, index: number): Steps<RowHead> {
    const head = yield* this.#tools.reading.head(command.type, tenant, command.id);
    refuseOther(head, command, index);
    return head as RowHead;
  }

  *#refuseNamesake(
    tenant: number,
    { uniqueDisplayName }: CreateCommand | UpdateCommand | RestoreCommand,
    served: ServedType,
    before: Document | undefined,
    after: Document,
    index: number,
  ): Steps<void> {
    const { display, conditions, table } = served;
    if (!uniqueDisplayName || display === undefined) return;
    const key = keyText(display, after.displayName);
    if (key === undefined || key === keyText(display, before?.displayName)) return;
    const sql = conditions.keyOf(display, 't');
    if (sql === undefined) return;
    const { reading } = this.#tools;
    // No index holds names apart here: nobody else of the tenant writes until this unit has ended.
    yield* reading.foldTexts(sql);
    const within = reading.within(served, tenant);
    const found = yield* one(
      `SELECT 1 AS found FROM ${table.facts.sql} t WHERE ${within.text} AND ${sql} = ? LIMIT 1`,
      ...within.parameters,
      key,
    );
    if (found !== undefined)
      throw new RefusedUnit({
        outcome: 'taken',
        command: index,
        path: display.path,
        value: after.displayName,
      });
  }
}

/** @throws RefusedUnit for a resource that is not there, or has another version than was expected. */
function refuseOther(
  found: { readonly version: number } | undefined,
  { expected }: UpdateCommand | DeleteCommand,
  command: number,
): void {
  if (found === undefined) throw new RefusedUnit({ outcome: 'missing', command });
  if (expected !== undefined && expected !== found.version)
    throw new RefusedUnit({ outcome: 'conflict', command });
}

function keyText(attribute: Parameters<typeof textKey>[0], value: unknown): string | undefined {
  return typeof value === 'string' ? textKey(attribute)(value) : undefined;
}
