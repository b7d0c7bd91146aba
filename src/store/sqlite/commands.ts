/** Units of commands that change resources: synchronous steps within a transaction. */
import type { Database, Statement } from 'better-sqlite3';
import { type Key, keyOf } from '../../scim/comparison.ts';
import { instantAfter, instantText, keyOfTime } from '../layout/instant.ts';
import type { StoredType as Kind, StoredTypes as Kinds } from '../layout/stored-type.ts';
import { type ResourceRow, resourceColumns, toResource } from '../sql/resource.ts';
import type {
  Command,
  CreateCommand,
  DeleteCommand,
  Document,
  MemberEdit,
  Refusal,
  Result,
  StoredResource,
  Unit,
  UpdateCommand,
} from '../store.ts';
import type { ChangeLog } from './changes.ts';
import type { Counters } from './counters.ts';
import { type EdgeEffect, type EdgeWriter, UnmatchedError } from './membership.ts';
import { type RowWriter, TakenError } from './writer.ts';

export interface Tools {
  readonly db: Database;
  readonly kinds: Kinds;
  readonly rows: RowWriter;
  readonly edges: EdgeWriter;
  readonly changes: ChangeLog;
  readonly counts: Counters;
  readonly clock: () => Date;
  readonly newId: () => string;
}

/** Thrown where a unit is refused after it has written something, which is to be taken back. */
export class RefusedUnit extends Error {
  override readonly name = 'RefusedUnit';
  readonly refusal: Refusal;

  constructor(refusal: Refusal) {
    super(refusal.outcome);
    this.refusal = refusal;
  }
}

/** The resource as it is when a command begins. */
interface Current {
  readonly kind: Kind;
  readonly rid: number;
  readonly version: number;
  readonly created: string;
  readonly modified: string;
  readonly body: string;
  readonly grouped: 0 | 1;
}

const noEffect: EdgeEffect = { added: new Set(), removed: new Set(), described: new Set() };

/** The id stands behind `schemas`, where readers of the answer look for it. */
function withId({ schemas, id: _, ...rest }: Document, id: string): Document {
  return schemas === undefined ? { id, ...rest } : { schemas, id, ...rest };
}

function displayOf(kind: Kind, document: Document): string | undefined {
  const display = kind.layout.entries.get('displayName') === undefined ? undefined : document.displayName;
  return typeof display === 'string' ? display : undefined;
}

type Owner = [rid: number, kind: number, id: string, version: number, modified: string];

export class Commands {
  readonly #tools: Tools;
  readonly #find: Statement<[number, string, number], [number, ...ResourceRow]>;
  readonly #ownersOf: Statement<[number, string], Owner>;
  readonly #isMember: Statement<[number, string]>;
  readonly #dropMember: Statement<[number, string]>;
  readonly #setCredential: Statement<[number, string]>;
  readonly #dropCredential: Statement<[number]>;
  readonly #namesake: Statement<[tenant: number, kind: number, key: Key]>;

  constructor(tools: Tools) {
    const { db } = tools;
    this.#tools = tools;
    this.#find = db
      .prepare<[number, string, number], [number, ...ResourceRow]>(
        `SELECT r.rid, ${resourceColumns} FROM resource r JOIN document d ON d.rid = r.rid
         WHERE r.tenant = ? AND r.id = ? AND r.type = ?`,
      )
      .raw();
    this.#ownersOf = db
      .prepare<[number, string], Owner>(
        `SELECT r.rid, r.type, r.id, r.version, r.modified
         FROM member m JOIN resource r ON r.rid = m.owner WHERE m.tenant = ? AND m.value = ?`,
      )
      .raw();
    this.#isMember = db.prepare('SELECT 1 FROM member WHERE tenant = ? AND value = ? LIMIT 1');
    this.#dropMember = db.prepare('DELETE FROM member WHERE tenant = ? AND value = ?');
    this.#setCredential = db.prepare(
      'INSERT INTO credential (rid, hash) VALUES (?, ?) ON CONFLICT DO UPDATE SET hash = excluded.hash',
    );
    this.#dropCredential = db.prepare('DELETE FROM credential WHERE rid = ?');
    this.#namesake = db.prepare(
      'SELECT 1 FROM resource WHERE tenant = ? AND type = ? AND display_key = ? LIMIT 1',
    );
  }

  /**
   * Carries out all commands of the unit; answers why not where that shows before anything is written.
   * @throws RefusedUnit where it shows later: what the unit has written by then is the caller's to take back.
   */
  run(unit: Unit): Result[] | Refusal {
    const { commands } = unit;
    const results: Result[] = [];
    for (let index = 0; index < commands.length; index++) {
      const result = this.#runOne(unit, commands[index] as Command, index);
      if (!('command' in result)) results.push(result);
      else if (index === 0) return result;
      else throw new RefusedUnit(result);
    }
    return results;
  }

  #runOne(unit: Unit, command: Command, index: number): Result | Refusal {
    try {
      switch (command.kind) {
        case 'create':
          return this.#create(unit, command, index);
        case 'update':
          return this.#update(unit, command, index);
        case 'delete':
          return this.#delete(unit, command, index);
      }
    } catch (error) {
      if (error instanceof UnmatchedError)
        throw new RefusedUnit({ outcome: 'unmatched', command: index, detail: error.message });
      if (!(error instanceof TakenError)) throw error;
      const { path, value } = error;
      throw new RefusedUnit({ outcome: 'taken', command: index, path, value });
    }
  }

  #create(unit: Unit, command: CreateCommand, index: number): Result | Refusal {
    const { kinds, clock, rows, edges, counts, changes } = this.#tools;
    const { tenant, context } = unit;
    const kind = kinds.of(command.type);
    const id = command.id ?? this.#tools.newId();
    // RFC 7643 §3.1: the word is reserved for references within a bulk request.
    if (command.id !== undefined && (id === '' || id.includes('bulkId')))
      return { outcome: 'invalid-id', command: index };
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
      kind: kind.number,
      id,
      operation: 'create',
      version: 1,
      at: created,
      actor: context.actor,
      added,
    });
    const at = instantText(created);
    // A new id is in no group; one that was given may be.
    const grouped = command.id !== undefined && this.#isMember.get(tenant, id) !== undefined;
    const resource = { id, type: kind.type.name, version: 1, created: at, modified: at, body, grouped };
    return { outcome: 'created', resource };
  }

  #update(unit: Unit, command: UpdateCommand, index: number): Result | Refusal {
    const { kinds, clock, rows, edges, changes } = this.#tools;
    const { tenant, context } = unit;
    const { id, operation } = command;
    const document = command.document?.difference.edits.length === 0 ? undefined : command.document;
    const kind = kinds.of(command.type);
    const before = this.#current(tenant, kind, command, index);
    if ('command' in before) return before;
    const { rid } = before;
    const touched = { version: before.version + 1, modified: instantAfter(clock(), before.modified) };
    let { body } = before;
    if (document !== undefined) {
      const { after, difference } = document;
      this.#refuseNamesake(tenant, command, kind, document.before, after);
      body = JSON.stringify(withId(after, id));
      rows.update({ tenant, kind, rid }, document.before, after, difference.members, body, touched);
      const display = displayOf(kind, after);
      if (display !== displayOf(kind, document.before)) edges.rename(tenant, id, display);
    }
    const { added, removed, described } = this.#editMembers(unit, command.members, kind, rid);
    const newCredential = this.#editCredential(rid, command.credential);
    const resourceAt = (version: number, modified: string): StoredResource =>
      toResource(kinds, [kind.number, id, version, before.created, modified, body, before.grouped]);
    const membersChanged = added.size > 0 || removed.size > 0 || described.size > 0;
    if (document === undefined && !newCredential && !membersChanged)
      return { outcome: 'unchanged', resource: resourceAt(before.version, before.modified) };
    const { version, modified } = touched;
    if (document === undefined) rows.touch(rid, touched);
    const attributes = [
      ...(document?.difference.edits.map(({ path }) => path) ?? []),
      ...(newCredential ? ['password'] : []),
      ...(membersChanged ? ['members'] : []),
    ];
    changes.append({
      tenant,
      kind: kind.number,
      id,
      operation,
      version,
      at: modified,
      actor: context.actor,
      attributes,
      added,
      removed,
    });
    return { outcome: 'updated', resource: resourceAt(version, modified) };
  }

  #delete({ tenant, context }: Unit, command: DeleteCommand, index: number): Result | Refusal {
    const { kinds, clock, rows, counts, changes } = this.#tools;
    const { actor } = context;
    const { id } = command;
    const kind = kinds.of(command.type);
    const before = this.#current(tenant, kind, command, index);
    if ('command' in before) return before;
    const now = clock();
    for (const [rid, ownerKind, owner, version, modified] of this.#ownersOf.all(tenant, id)) {
      if (rid === before.rid) continue;
      const at = instantAfter(now, modified);
      rows.touch(rid, { version: version + 1, modified: at });
      changes.append({
        tenant,
        kind: ownerKind,
        id: owner,
        operation: 'patch',
        version: version + 1,
        at,
        actor,
        attributes: ['members'],
        removed: new Set([id]),
      });
    }
    this.#dropMember.run(tenant, id);
    rows.remove(kind, before.rid);
    counts.add(tenant, kind.number, -1);
    changes.append({
      tenant,
      kind: kind.number,
      id,
      operation: 'delete',
      version: before.version + 1,
      at: instantAfter(now, before.modified),
      actor,
    });
    return { outcome: 'deleted' };
  }

  #current(
    tenant: number,
    kind: Kind,
    { id, expected }: UpdateCommand | DeleteCommand,
    index: number,
  ): Current | Refusal {
    const row = this.#find.get(tenant, id, kind.number);
    if (row === undefined) return { outcome: 'missing', command: index };
    const [rid, , , version, created, modified, body, grouped] = row;
    if (expected !== undefined && expected !== version) return { outcome: 'conflict', command: index };
    return { kind, rid, version, created, modified, body, grouped };
  }

  #editMembers(
    { tenant, base }: Unit,
    edits: readonly MemberEdit[] | undefined,
    kind: Kind,
    rid: number,
  ): EdgeEffect {
    if (edits === undefined || edits.length === 0) return noEffect;
    if (kind.layout.members === undefined) throw new Error(`resource type ${kind.type.name} has no members`);
    return this.#tools.edges.apply({ tenant, rid, base }, edits);
  }

  /** @throws TakenError where the name is new to the resource and another one of the type has it. */
  #refuseNamesake(
    tenant: number,
    { uniqueDisplayName }: CreateCommand | UpdateCommand,
    kind: Kind,
    before: Document | undefined,
    after: Document,
  ): void {
    if (!uniqueDisplayName) return;
    const { attribute, location: place } = kind.layout.entries.get('displayName') ?? {};
    if (attribute === undefined || place?.kind !== 'column' || place.column !== 'display_key') return;
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
