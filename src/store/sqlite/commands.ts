/** Units of commands that change resources: synchronous steps within a transaction. */
import type { Statement } from 'better-sqlite3';
import { type Key, keyOf } from '../../scim/comparison.ts';
import { isAllowedId } from '../../scim/representation.ts';
import {
  computedFrom,
  descriptionEdit,
  displayOf,
  documentChangeOf,
  passwordEdit,
  withId,
  withoutPaths,
} from '../layout/command-parts.ts';
import { instantAfter, instantText, keyOfTime } from '../layout/instant.ts';
import type { StoredType } from '../layout/stored-type.ts';
import { recordedEdits } from '../sql/change-row.ts';
import { GuardedError } from '../sql/command-watch.ts';
import { joinedResourceSql, type OwnerRow, resourceSql } from '../sql/resource.ts';
import type {
  Command,
  Computed,
  CreateCommand,
  DeleteCommand,
  Document,
  MemberEdit,
  Outcome,
  Refusal,
  ResourceQuery,
  RestoreCommand,
  Result,
  StoredResource,
  Unit,
  UpdateCommand,
} from '../store.ts';
import { type Current, CurrentResources, resourceOf } from './current.ts';
import { sqliteDialect } from './dialect.ts';
import { Eraser } from './erase.ts';
import { type EdgeEffect, UnmatchedError } from './membership.ts';
import { References } from './references.ts';
import { Restorer } from './restore.ts';
import { carryOutWatched } from './steps.ts';
import type { Tools, UnitAtWork } from './unit-at-work.ts';
import { TakenError } from './writer.ts';

export type Done = Extract<Outcome, { readonly outcome: 'done' }>;

/** Thrown where a unit is refused after it has written something, which is to be taken back. */
class RefusedUnit extends Error {
  override readonly name = 'RefusedUnit';
  readonly refusal: Refusal;

  constructor(refusal: Refusal) {
    super(refusal.outcome);
    this.refusal = refusal;
  }
}

/** What became of a unit that ended with this error. */
export function outcomeOf(error: unknown): Outcome {
  return error instanceof RefusedUnit ? error.refusal : { outcome: 'failed', error };
}

const noEffect: EdgeEffect = { added: new Set(), removed: new Set(), described: new Set() };

export class Commands {
  readonly #tools: Tools;
  readonly #currents: CurrentResources;
  readonly #ownersOf: Statement<[number, string], OwnerRow>;
  readonly #membersOf: Statement<[number], string>;
  readonly #isMember: Statement<[number, string]>;
  readonly #dropMember: Statement<[number, string]>;
  readonly #setCredential: Statement<[number, string]>;
  readonly #dropCredential: Statement<[number]>;
  readonly #references: References;
  readonly #restorer: Restorer;
  readonly #eraser: Eraser;
  readonly #namesake: Statement<[tenant: number, kind: number, key: Key]>;

  constructor(tools: Tools) {
    const { db } = tools;
    this.#tools = tools;
    this.#currents = new CurrentResources(db, tools.rows);
    this.#ownersOf = db
      .prepare<[number, string], OwnerRow>(joinedResourceSql(sqliteDialect).groupsWith)
      .raw();
    this.#membersOf = db.prepare<[number], string>(resourceSql.memberIds).pluck();
    this.#isMember = db.prepare(resourceSql.isMember);
    this.#dropMember = db.prepare(resourceSql.leaveGroups);
    this.#setCredential = db.prepare(resourceSql.setCredential);
    this.#dropCredential = db.prepare(resourceSql.deleteCredential);
    this.#namesake = db.prepare(resourceSql.namesake);
    this.#references = new References(db, tools.types, tools.rows, tools.changes);
    this.#restorer = new Restorer(db, tools);
    this.#eraser = new Eraser(db, tools);
  }

  /**
   * Carries out all commands of the unit; answers why not where that shows before anything is written. `current`: the
   * resource of its only command, an update, where it has been read within the transaction.
   * @throws RefusedUnit where it shows later: what the unit has written by then is the caller's to take back.
   */
  run(unit: Unit, current?: Current): Done | Refusal {
    const { commands } = unit;
    this.#tools.changing();
    const transaction = unit.context.transaction ?? this.#tools.newTransaction();
    const work: UnitAtWork = { ...unit, transaction };
    const results = new Array<Result>(commands.length);
    this.#tools.access.takeAlerts();
    const { within } = unit;
    const after = within === undefined ? 0 : this.#tools.changes.last(unit.tenant);
    for (let index = 0; index < commands.length; index++) {
      const result = this.#runOne(work, commands[index] as Command, index, current);
      if (!('command' in result)) results[index] = result;
      else if (index === 0) return result;
      else throw new RefusedUnit(result);
    }
    const alerts = this.#tools.access.takeAlerts();
    if (within !== undefined) {
      this.#currents.settle();
      within(this.#tools.changes.read({ tenant: unit.tenant, after, limit: Number.MAX_SAFE_INTEGER }));
    }
    return alerts.length === 0 ? { outcome: 'done', results } : { outcome: 'done', results, alerts };
  }

  /** Runs the update that is computed from the resource as it is, unless that is one of `large`; as {@link run}. */
  change(
    { tenant, type, id }: Pick<ResourceQuery, 'tenant' | 'type' | 'id'>,
    compute: (stored: StoredResource) => Computed,
    large: { has(unit: Unit): boolean } | undefined,
  ): Outcome {
    const kind = this.#tools.types.of(type);
    const current = this.#current(tenant, kind, { id }, 0);
    if ('command' in current) return current;
    const computed = computedFrom(resourceOf(id, current), compute);
    if ('outcome' in computed) return computed;
    if (large?.has(computed)) return { outcome: 'conflict', command: 0 };
    return this.run(computed, current);
  }

  /** Writes what commands have left to be written, before something else does, and before the transaction ends. */
  settle(): void {
    this.#currents.settle();
    this.#tools.edges.forgetCounts();
  }

  /** The transaction, or the part of it that a unit was, was taken back. */
  forget(): void {
    this.#currents.forget();
    this.#tools.edges.forgetCounts();
  }

  #runOne(unit: UnitAtWork, command: Command, index: number, current?: Current): Result | Refusal {
    if (command.kind !== 'update') this.settle();
    try {
      switch (command.kind) {
        case 'create':
          return this.#create(unit, command, index);
        case 'update':
          return this.#update(unit, command, index, current);
        case 'delete':
          return this.#delete(unit, command, index);
        case 'restore':
          return this.#restorer.run(unit, command, index, (kind, document) =>
            this.#refuseNamesake(unit.tenant, command, kind, undefined, document),
          );
        case 'erase':
          return this.#eraser.run(unit, command, index, () =>
            this.#delete(unit, { ...command, kind: 'delete' }, index),
          );
      }
    } catch (error) {
      if (error instanceof UnmatchedError)
        throw new RefusedUnit({ outcome: 'unmatched', command: index, detail: error.message });
      if (error instanceof GuardedError)
        throw new RefusedUnit({ outcome: 'guarded', command: index, reason: error.reason });
      if (!(error instanceof TakenError)) throw error;
      const { path, value } = error;
      throw new RefusedUnit({ outcome: 'taken', command: index, path, value });
    }
  }

  #create(unit: UnitAtWork, command: CreateCommand, index: number): Result | Refusal {
    const { types, clock, rows, edges, counts, changes, statements, access } = this.#tools;
    const { tenant, context, transaction } = unit;
    const kind = types.of(command.type);
    const id = command.id ?? this.#tools.newId();
    // RFC 7643 §3.1: the word is reserved for references within a bulk request.
    if (command.id !== undefined && !isAllowedId(id)) return { outcome: 'invalid-id', command: index };
    const document = withId(command.document, id);
    this.#refuseNamesake(tenant, command, kind, undefined, document);
    const body = JSON.stringify(document);
    const created = keyOfTime(clock().getTime());
    const rid = rows.insert({ tenant, kind, id, created, document, body });
    if (command.credential !== undefined) this.#setCredential.run(rid, command.credential);
    if (command.id !== undefined) edges.adopt(tenant, id, kind.number, displayOf(kind, document));
    const { added } = this.#editMembers(unit, command.members, kind, rid);
    counts.add(tenant, kind.number, 1);
    changes.append({
      tenant,
      type: kind.number,
      id,
      operation: 'create',
      version: 1,
      at: created,
      context,
      transaction,
      added,
    });
    const at = instantText(created);
    // A new id is in no group; one that was given may be.
    const grouped = command.id !== undefined && this.#isMember.get(tenant, id) !== undefined;
    carryOutWatched(statements, counts, access.created(unit, { kind, rid, id }, document, added, grouped));
    const resource = { id, type: kind.type.name, version: 1, created: at, modified: at, body, grouped };
    return { outcome: 'created', resource };
  }

  #update(unit: UnitAtWork, command: UpdateCommand, index: number, current?: Current): Result | Refusal {
    const { types, clock, rows, edges, counts, changes, statements, access } = this.#tools;
    const { tenant, context, transaction } = unit;
    const { id, operation } = command;
    const document = documentChangeOf(command);
    const kind = types.of(command.type);
    const before = current ?? this.#current(tenant, kind, command, index);
    if ('command' in before) return before;
    const { rid } = before;
    const target = { kind, rid, id };
    const touched = { version: before.version + 1, modified: instantAfter(clock(), before.modified) };
    let { body } = before;
    if (document !== undefined) {
      this.#currents.settle();
      const isNamed = document.difference.members.has('displayName');
      if (isNamed) this.#refuseNamesake(tenant, command, kind, document.before, document.after);
      carryOutWatched(statements, counts, access.changing(unit, target, document));
      body = document.inText?.body ?? JSON.stringify(document.after);
      rows.update({ tenant, kind, rid }, document, body, touched);
      if (isNamed) edges.rename(tenant, id, displayOf(kind, document.after));
    }
    const { added, removed, described } = this.#editMembers(unit, command.members, kind, rid);
    const newCredential = this.#editCredential(rid, command.credential);
    const { countMembers } = command;
    const resourceAt = (version: number, modified: string): StoredResource => {
      const { created, grouped } = before;
      const count = countMembers === undefined ? undefined : edges.count(rid, countMembers);
      return resourceOf(id, { kind, rid, version, created, modified, body, grouped }, count);
    };
    const membersChanged = added.size > 0 || removed.size > 0 || described.size > 0;
    if (document === undefined && !newCredential && !membersChanged)
      return { outcome: 'unchanged', resource: resourceAt(before.version, before.modified) };
    const { version, modified } = touched;
    if (document === undefined) this.#currents.touch(tenant, id, before, touched);
    // It is in a group now, or in one less.
    if (added.has(id) || removed.has(id)) this.#currents.settle();
    const edits =
      document === undefined ? [] : [...recordedEdits(document.difference.edits, command.sensitive)];
    if (newCredential) edits.push(passwordEdit(kind));
    for (const member of described) edits.push(descriptionEdit(member));
    changes.append({
      tenant,
      type: kind.number,
      id,
      operation,
      version,
      at: modified,
      context,
      transaction,
      edits,
      added,
      removed,
    });
    if (document !== undefined) carryOutWatched(statements, counts, access.changed(unit, target, document));
    const watched = access.membersChanged(unit, target, { added, removed });
    if (watched !== undefined) carryOutWatched(statements, counts, watched);
    return { outcome: 'updated', resource: resourceAt(version, modified) };
  }

  #delete(unit: UnitAtWork, command: DeleteCommand, index: number): Result | Refusal {
    const { types, clock, rows, counts, changes, statements, access } = this.#tools;
    const { tenant, context, transaction } = unit;
    const { id } = command;
    const kind = types.of(command.type);
    const before = this.#current(tenant, kind, command, index);
    if ('command' in before) return before;
    const now = clock();
    const document = JSON.parse(before.body) as Document;
    const members = kind.layout.members === undefined ? [] : this.#membersOf.all(before.rid);
    const target = { kind, rid: before.rid, id };
    const deleted = carryOutWatched(statements, counts, access.deleting(unit, target, document, members));
    const cause = { operation: 'delete', type: kind.type.name, id } as const;
    const groups: { value: string; display?: string }[] = [];
    for (const [rid, ownerKind, owner, version, modified, display] of this.#ownersOf.all(tenant, id)) {
      groups.push({ value: owner, ...(display === null ? {} : { display }) });
      if (rid === before.rid) continue;
      const at = instantAfter(now, modified);
      rows.touch(rid, { version: version + 1, modified: at });
      changes.append({
        tenant,
        type: ownerKind,
        id: owner,
        operation: 'patch',
        version: version + 1,
        at,
        context,
        transaction,
        removed: new Set([id]),
        cause,
      });
    }
    const { sensitive, sensitiveOf } = command;
    this.#references.remove({
      ...{ tenant, type: kind.type.name, id, now, context, transaction },
      sensitiveOf: (of) => (of === kind ? sensitive : sensitiveOf?.(of.type)),
    });
    this.#dropMember.run(tenant, id);
    rows.remove(kind, before.rid);
    counts.add(tenant, kind.number, -1);
    changes.append({
      tenant,
      type: kind.number,
      id,
      operation: 'delete',
      version: before.version + 1,
      at: instantAfter(now, before.modified),
      context,
      transaction,
      removed: new Set(members),
      last: {
        document: withoutPaths(kind.type, document, sensitive),
        created: instantText(before.created),
        groups,
      },
    });
    if (deleted !== undefined) carryOutWatched(statements, counts, deleted());
    return { outcome: 'deleted' };
  }

  #current(
    tenant: number,
    kind: StoredType,
    { id, expected }: Pick<UpdateCommand, 'id' | 'expected'>,
    index: number,
  ): Current | Refusal {
    const current = this.#currents.find(tenant, kind, id);
    if (current === undefined) return { outcome: 'missing', command: index };
    if (expected !== undefined && expected !== current.version)
      return { outcome: 'conflict', command: index };
    return current;
  }

  #editMembers(
    { tenant, base, work }: Unit,
    edits: readonly MemberEdit[] | undefined,
    kind: StoredType,
    rid: number,
  ): EdgeEffect {
    if (edits === undefined || edits.length === 0) return noEffect;
    if (kind.layout.members === undefined) throw new Error(`resource type ${kind.type.name} has no members`);
    return this.#tools.edges.apply({ tenant, rid, base, work }, edits);
  }

  /** @throws TakenError where the name is new to the resource and another one of the type has it. */
  #refuseNamesake(
    tenant: number,
    { uniqueDisplayName }: CreateCommand | UpdateCommand | RestoreCommand,
    kind: StoredType,
    before: Document | undefined,
    after: Document,
  ): void {
    if (!uniqueDisplayName) return;
    const { attribute, location } = kind.layout.entries.get('displayName') ?? {};
    if (attribute === undefined || location?.kind !== 'column' || location.column !== 'display_key') return;
    const key = keyOf(attribute, after.displayName);
    if (key === undefined || key === keyOf(attribute, before?.displayName)) return;
    if (this.#namesake.get(tenant, kind.number, key) !== undefined)
      throw new TakenError(attribute.path, after.displayName);
  }

  #editCredential(rid: number, credential: string | null | undefined): boolean {
    if (credential === undefined) return false;
    if (credential === null) return this.#dropCredential.run(rid).changes > 0;
    this.#setCredential.run(rid, credential);
    return true;
  }
}
