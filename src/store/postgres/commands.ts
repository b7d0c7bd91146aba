/** Units of commands that change resources, as in SQLite's commands, but that each read is waited for. */
import { termsOf } from '../../query/plan.ts';
import { compilePlan } from '../../query/sql.ts';
import { keyOf, resourceUriKey } from '../../scim/comparison.ts';
import { isAllowedId } from '../../scim/representation.ts';
import {
  descriptionEdit,
  displayOf,
  documentChangeOf,
  passwordEdit,
  withId,
  withoutPaths,
} from '../layout/command-parts.ts';
import { instantAfter, instantText, keyOfTime } from '../layout/instant.ts';
import type { StoredType, StoredTypes } from '../layout/stored-type.ts';
import { memberMap } from '../sql/attribute-map.ts';
import { recordedEdits } from '../sql/change-row.ts';
import { GuardedError } from '../sql/command-watch.ts';
import { selectMembersSql } from '../sql/membership.ts';
import { violatedUnique } from '../sql/postgres-errors.ts';
import { joinedResourceSql, type OwnerRow, resourceSql, toResource } from '../sql/resource.ts';
import type {
  Command,
  CreateCommand,
  DeleteCommand,
  Document,
  EraseCommand,
  MemberEdit,
  Refusal,
  RestoreCommand,
  Result,
  StoredResource,
  Unit,
  UpdateCommand,
} from '../store.ts';
import { filterDialect, postgresDialect } from './dialect.ts';
import { erase } from './erase.ts';
import type { TransactionWatch } from './grants.ts';
import { type EdgeEffect, edgeWriter } from './membership.ts';
import { referenceRemover } from './references.ts';
import { restore, type TakenName } from './restore.ts';
import { writeSql } from './statements.ts';
import type { Current } from './unit-rows.ts';
import type { UnitWriter } from './unit-writer.ts';
import { withinWriteWork } from './work-limit.ts';

const joined = joinedResourceSql(postgresDialect);

export interface CommandTools {
  readonly types: StoredTypes;
  readonly clock: () => Date;
  readonly newId: () => string;
  readonly newTransaction: () => string;
}

/** A unit with the id of its transaction. */
interface Task extends Unit {
  readonly transaction: string;
  readonly watch: TransactionWatch;
  /** Is told how many values the unit's value filters have looked at. */
  readonly spent: (values: number) => void;
}

const noEffect: EdgeEffect = { added: new Set(), removed: new Set(), described: new Set() };

/** Why a command is not done; which one, its caller knows. */
type Reason = Refusal extends infer R ? (R extends Refusal ? Omit<R, 'command'> : never) : never;

export type UnitRun =
  | { readonly results: readonly Result[]; readonly refusal?: undefined }
  /** `hasWritten`: what it has written by then is the caller's to take back. */
  | { readonly refusal: Refusal; readonly hasWritten: boolean };

export interface Commands {
  /**
   * Sends what the unit's commands write. `settles`: each command waits for its statements, so that one which the
   * database refuses is known.
   */
  run(writer: UnitWriter, watch: TransactionWatch, unit: Unit, settles: boolean): Promise<UnitRun>;
}

export function commandsOf({ types, clock, newId, newTransaction }: CommandTools): Commands {
  const edges = edgeWriter(types);
  const dialect = filterDialect(false);
  const map = memberMap(dialect, types);
  /** By unit, how many values it has looked at. */
  const lookedAt = new WeakMap<Unit, number>();
  const removeReferences = referenceRemover(types);

  const create = async (writer: UnitWriter, unit: Task, command: CreateCommand): Promise<Result | Reason> => {
    const { tenant, context, transaction, watch } = unit;
    const kind = types.of(command.type);
    const isNew = command.id === undefined;
    const id = command.id ?? newId();
    // RFC 7643 §3.1: the word is reserved for references within a bulk request.
    if (!isNew && !isAllowedId(id)) return { outcome: 'invalid-id' };
    const document = withId(command.document, id);
    const namesake = await findNamesake(writer, command, kind, undefined, document);
    if (namesake !== undefined) return namesake;
    const body = JSON.stringify(document);
    const created = keyOfTime(clock().getTime());
    // A new id is in no group; one that was given may be.
    const isAwaited = !isNew && (await writer.isGrouped(id));
    const rid = writer.insert({ kind, id, created, document, body, isNew: !isAwaited });
    if (command.credential !== undefined)
      writer.send(writeSql.setCredential, [rid, tenant, command.credential]);
    if (isAwaited) edges.adopt(writer, id, kind.number, displayOf(kind, document));
    const { added, unmatched } = await editMembers(writer, unit, command.members, kind, rid);
    if (unmatched !== undefined) return { outcome: 'unmatched', detail: unmatched };
    writer.count(kind.number, 1);
    writer.append({
      ...{ tenant, type: kind.number, id, operation: 'create', version: 1, at: created },
      ...{ context, transaction, added },
    });
    const at = instantText(created);
    // It may have become a member of itself.
    const grouped = !isNew && (await writer.isGrouped(id));
    const target = { kind, rid, id };
    await watch.carryOut(watch.commands.created(unit, target, document, added, grouped));
    const resource = { id, type: kind.type.name, version: 1, created: at, modified: at, body, grouped };
    return { outcome: 'created', resource };
  };

  const update = async (writer: UnitWriter, unit: Task, command: UpdateCommand): Promise<Result | Reason> => {
    const { tenant, context, transaction, watch } = unit;
    const { id, operation } = command;
    const document = documentChangeOf(command);
    const kind = types.of(command.type);
    const before = await currentOf(writer, kind, command);
    if ('outcome' in before) return before;
    const { rid } = before;
    const touched = { version: before.version + 1, modified: instantAfter(clock(), before.modified) };
    const target = { kind, rid, id };
    let { body } = before;
    if (document !== undefined) {
      await watch.carryOut(watch.commands.changing(unit, target, document));
      const isNamed = document.difference.members.has('displayName');
      const namesake = isNamed
        ? await findNamesake(writer, command, kind, document.before, document.after)
        : undefined;
      if (namesake !== undefined) return namesake;
      body = document.inText?.body ?? JSON.stringify(document.after);
      writer.update(before, kind, document, body, touched);
      if (isNamed) edges.rename(writer, id, displayOf(kind, document.after));
    }
    const { added, removed, described, unmatched } = await editMembers(
      writer,
      unit,
      command.members,
      kind,
      rid,
    );
    if (unmatched !== undefined) return { outcome: 'unmatched', detail: unmatched };
    const newCredential = await editCredential(writer, rid, command.credential);
    const resourceAt = (version: number, modified: string): StoredResource =>
      writer.known.withCount(
        toResource(types, [kind.number, id, version, before.created, modified, body, before.grouped]),
        command.countMembers,
      );
    const membersChanged = added.size > 0 || removed.size > 0 || described.size > 0;
    if (document === undefined && !newCredential && !membersChanged)
      return { outcome: 'unchanged', resource: resourceAt(before.version, before.modified) };
    const { version, modified } = touched;
    if (document === undefined) writer.touch(rid, id, touched);
    const edits = [
      ...recordedEdits(document?.difference.edits ?? [], command.sensitive),
      ...(newCredential ? [passwordEdit(kind)] : []),
      ...Array.from(described, descriptionEdit),
    ];
    writer.append({
      ...{ tenant, type: kind.number, id, operation, version, at: modified },
      ...{ context, transaction, edits, added, removed },
    });
    if (document !== undefined) await watch.carryOut(watch.commands.changed(unit, target, document));
    const watched = watch.commands.membersChanged(unit, target, { added, removed });
    if (watched !== undefined) await watch.carryOut(watched);
    return { outcome: 'updated', resource: resourceAt(version, modified) };
  };

  const remove = async (writer: UnitWriter, unit: Task, command: DeleteCommand): Promise<Result | Reason> => {
    const { tenant, context, transaction, watch } = unit;
    const { id } = command;
    const kind = types.of(command.type);
    const before = await currentOf(writer, kind, command);
    if ('outcome' in before) return before;
    const now = clock();
    const document = JSON.parse(before.body) as Document;
    const members =
      kind.layout.members === undefined
        ? []
        : ((await writer.query(writeSql.memberIds, [before.rid, tenant])) as [string][]).map(
            ([value]) => value,
          );
    const target = { kind, rid: before.rid, id };
    const deleted = await watch.carryOut(watch.commands.deleting(unit, target, document, members));
    const cause = { operation: 'delete', type: kind.type.name, id } as const;
    const groups: { value: string; display?: string }[] = [];
    for (const row of before.grouped ? await writer.query(joined.groupsWith, [tenant, id]) : []) {
      const [rid, ownerKind, owner, version, modified, display] = row as OwnerRow;
      groups.push({ value: owner, ...(display === null ? {} : { display }) });
      if (rid === before.rid) continue;
      const at = instantAfter(now, modified);
      writer.touch(rid, owner, { version: version + 1, modified: at });
      writer.append({
        ...{ tenant, type: ownerKind, id: owner, operation: 'patch', version: version + 1, at },
        ...{ context, transaction, removed: new Set([id]), cause },
      });
    }
    const { sensitive, sensitiveOf } = command;
    await removeReferences(writer, {
      ...{ type: kind.type.name, id, now, context, transaction },
      sensitiveOf: (of) => (of === kind ? sensitive : sensitiveOf?.(of.type)),
    });
    if (before.grouped) writer.leaveGroups(id);
    writer.remove(before);
    writer.count(kind.number, -1);
    writer.append({
      ...{ tenant, type: kind.number, id, operation: 'delete', version: before.version + 1 },
      ...{ at: instantAfter(now, before.modified), context, transaction, removed: new Set(members) },
      last: {
        document: withoutPaths(kind.type, document, sensitive),
        created: instantText(before.created),
        groups,
      },
    });
    if (deleted !== undefined) await watch.carryOut(deleted());
    return { outcome: 'deleted' };
  };

  const eraseOne = async (
    writer: UnitWriter,
    unit: Task,
    command: EraseCommand,
  ): Promise<Result | Reason> => {
    const removed = await remove(writer, unit, { ...command, kind: 'delete' });
    if (!isDone(removed) && removed.outcome !== 'missing') return removed;
    const { context, transaction } = unit;
    const kind = types.of(command.type);
    return erase(writer, { context, transaction, kind, id: command.id, now: clock() });
  };

  const currentOf = async (
    writer: UnitWriter,
    kind: StoredType,
    { id, expected }: UpdateCommand | DeleteCommand,
  ): Promise<Current | Reason> => {
    const current = await writer.current(id);
    if (current === undefined || current.type !== kind.number) return { outcome: 'missing' };
    if (expected !== undefined && expected !== current.version) return { outcome: 'conflict' };
    return current;
  };

  const editMembers = async (
    writer: UnitWriter,
    { base, work, spent }: Task,
    edits: readonly MemberEdit[] | undefined,
    kind: StoredType,
    rid: number,
  ): Promise<EdgeEffect> => {
    if (edits === undefined || edits.length === 0) return noEffect;
    if (kind.layout.members === undefined) throw new Error(`resource type ${kind.type.name} has no members`);
    return edges.apply(writer, rid, edits, async (plan) => {
      work?.check();
      const { sql, parameters, unindexed } = compilePlan(plan, map, dialect.query);
      const text = selectMembersSql(dialect, sql, termsOf(plan), unindexed.length > 0);
      const request = { tenant: writer.tenant, base: resourceUriKey(base ?? '') };
      const rows = await withinWriteWork(work, writer, spent, () =>
        writer.query(text, [rid, ...parameters], request),
      );
      return (rows as [string][]).map(([value]) => value);
    });
  };

  /** Is the name new to the resource, and has another one of the type it? */
  const findNamesake = async (
    writer: UnitWriter,
    { uniqueDisplayName }: CreateCommand | UpdateCommand | RestoreCommand,
    kind: StoredType,
    before: Document | undefined,
    after: Document,
  ): Promise<TakenName | undefined> => {
    if (!uniqueDisplayName) return undefined;
    const { attribute, location } = kind.layout.entries.get('displayName') ?? {};
    if (attribute === undefined || location?.kind !== 'column' || location.column !== 'display_key')
      return undefined;
    const key = keyOf(attribute, after.displayName);
    if (key === undefined || key === keyOf(attribute, before?.displayName)) return undefined;
    const found = await writer.query(resourceSql.namesake, [writer.tenant, kind.number, key]);
    return found.length === 0
      ? undefined
      : { outcome: 'taken', path: attribute.path, value: after.displayName };
  };

  const editCredential = async (
    writer: UnitWriter,
    rid: number,
    credential: string | null | undefined,
  ): Promise<boolean> => {
    if (credential === undefined) return false;
    if (credential !== null) {
      writer.send(writeSql.setCredential, [rid, writer.tenant, credential]);
      return true;
    }
    const gone = await writer.query(`${writeSql.deleteCredential} RETURNING 1`, [rid, writer.tenant]);
    return gone.length > 0;
  };

  const runOne = (writer: UnitWriter, unit: Task, command: Command): Promise<Result | Reason> => {
    switch (command.kind) {
      case 'create':
        return create(writer, unit, command);
      case 'update':
        return update(writer, unit, command);
      case 'delete':
        return remove(writer, unit, command);
      case 'restore':
        return restore(writer, types, edges, {
          ...{ context: unit.context, transaction: unit.transaction, command, clock },
          check: (kind, document) => findNamesake(writer, command, kind, undefined, document),
          restored: (target, document, added, grouped) =>
            unit.watch.carryOut(unit.watch.commands.created(unit, target, document, added, grouped)),
        });
      case 'erase':
        return eraseOne(writer, unit, command);
    }
  };

  return {
    async run(writer, watch, unit, settles) {
      // Where the transaction is begun again, what it looked at before does not count.
      unit.work?.noteInWrites(-(lookedAt.get(unit) ?? 0));
      lookedAt.delete(unit);
      const spent = (values: number): void => {
        lookedAt.set(unit, (lookedAt.get(unit) ?? 0) + values);
      };
      const transaction = unit.context.transaction ?? newTransaction();
      const task: Task = { ...unit, transaction, watch, spent };
      const results: Result[] = [];
      for (let index = 0; index < unit.commands.length; index++) {
        const command = unit.commands[index] as Command;
        let result: Result | Reason;
        let hasWritten = index > 0;
        try {
          result = await runOne(writer, task, command);
          if (settles) await writer.settle();
        } catch (error) {
          const reason =
            error instanceof GuardedError
              ? ({ outcome: 'guarded', reason: error.reason } as const)
              : settles
                ? takenBy(types, writer, command, error)
                : undefined;
          if (reason === undefined) throw error;
          result = reason;
          hasWritten = true;
        }
        if (!isDone(result)) {
          const refusal = { ...result, command: index } as Refusal;
          return { refusal, hasWritten: hasWritten || result.outcome === 'unmatched' };
        }
        results.push(result);
      }
      return { results };
    },
  };
}

function isDone(result: Result | Reason): result is Result {
  return ['created', 'updated', 'unchanged', 'deleted', 'restored', 'erased'].includes(result.outcome);
}

/** What the database has refused as a value that another resource has; undefined where it is another error. */
function takenBy(
  types: StoredTypes,
  { tenant, written }: UnitWriter,
  command: Command,
  error: unknown,
): Reason | undefined {
  const constraint = violatedUnique(error);
  if (constraint === undefined || command.kind === 'delete' || command.kind === 'erase') return undefined;
  const kind = types.of(command.type);
  if (constraint === 'resource_id') return { outcome: 'taken', path: 'id', value: command.id };
  if (constraint === 'resource_unique') {
    const attribute = kind.layout.uniqueColumn;
    return attribute && { outcome: 'taken', path: attribute.path, value: written[attribute.name] };
  }
  if (constraint !== 'unique_value_pkey') return undefined;
  // In whatever language: … (tenant, attribute, key)=(1, 7, N1) …
  const { detail = '' } = error as { readonly detail?: string };
  const row = kind
    .indexRows(written)
    .unique.find(({ attribute, key }) => detail.includes(`=(${tenant}, ${attribute}, ${key})`));
  return row && { outcome: 'taken', path: row.path, value: row.shown };
}
