/** The three commands that change resources, each a synchronous step within a transaction. */
import type { Database } from 'better-sqlite3';
import { ScimError } from '../../error.ts';
import { type Key, keyOf } from '../../scim/comparison.ts';
import { equalValues } from '../../scim/resource.ts';
import type {
  CreateCommand,
  DeleteCommand,
  DeleteResult,
  Document,
  StoredResource,
  UpdateCommand,
  UpdateResult,
} from '../store.ts';
import type { ChangeLog } from './changes.ts';
import type { Counters } from './counters.ts';
import type { EdgeEffect, EdgeWriter } from './edges.ts';
import { instantAfter, instantText, keyOfTime } from './instant.ts';
import type { Kind, Kinds } from './kinds.ts';
import { type ResourceRow, resourceColumns, toResource } from './row.ts';
import { type RowWriter, type Touched, taken } from './writer.ts';

export interface Commands {
  create(command: CreateCommand): StoredResource;
  update(command: UpdateCommand): UpdateResult;
  delete(command: DeleteCommand): DeleteResult;
}

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

/** Names of the members, `id` apart, that are there in one document only, or not the same in both. */
function changedMembers(before: Document, after: Document): Set<string> {
  const changed = new Set(Object.keys(before).filter((name) => !Object.hasOwn(after, name)));
  for (const name of Object.keys(after)) {
    if (before[name] !== after[name] && !equalValues(before[name], after[name])) changed.add(name);
  }
  // A document may come without it: it is the resource's own, and is written back by withId.
  changed.delete('id');
  return changed;
}

function checkId(id: string): void {
  // RFC 7643 §3.1: the word is reserved for references within a bulk request.
  if (id === '' || id.includes('bulkId')) {
    throw new ScimError(400, 'invalidValue', 'id must not be empty and must not contain "bulkId"');
  }
}

export function commands({ db, kinds, rows, edges, changes, counts, clock, newId }: Tools): Commands {
  const find = db
    .prepare<[number, string, number], [number, ...ResourceRow]>(
      `SELECT r.rid, ${resourceColumns} FROM resource r JOIN document d ON d.rid = r.rid
       WHERE r.tenant = ? AND r.id = ? AND r.type = ?`,
    )
    .raw();
  const ownersOf = db
    .prepare<[number, string], [rid: number, kind: number, id: string, version: number, modified: string]>(
      `SELECT r.rid, r.type, r.id, r.version, r.modified
       FROM member m JOIN resource r ON r.rid = m.owner WHERE m.tenant = ? AND m.value = ?`,
    )
    .raw();
  const isMember = db.prepare<[number, string]>(
    'SELECT 1 FROM member WHERE tenant = ? AND value = ? LIMIT 1',
  );
  const dropEdges = db.prepare('DELETE FROM member WHERE tenant = ? AND value = ?');
  const setCredential = db.prepare(
    'INSERT INTO credential (rid, hash) VALUES (?, ?) ON CONFLICT DO UPDATE SET hash = excluded.hash',
  );
  const dropCredential = db.prepare('DELETE FROM credential WHERE rid = ?');

  const namesake = db.prepare<[tenant: number, kind: number, key: Key]>(
    'SELECT 1 FROM resource WHERE tenant = ? AND type = ? AND display_key = ? LIMIT 1',
  );

  /** Throws 409 where the name is new to the resource and another one of the type has it. */
  const refuseNamesake = (
    { tenant, uniqueDisplayName }: CreateCommand | UpdateCommand,
    kind: Kind,
    before: Document | undefined,
    after: Document,
  ): void => {
    if (!uniqueDisplayName) return;
    const { attribute, place } = kind.layout.entries.get('displayName') ?? {};
    if (attribute === undefined || place?.kind !== 'column' || place.column !== 'display_key') return;
    const key = keyOf(attribute, after.displayName);
    if (key === undefined || key === keyOf(attribute, before?.displayName)) return;
    if (namesake.get(tenant, kind.number, key) !== undefined) throw taken(attribute.path, after.displayName);
  };

  const displayOf = (kind: Kind, document: Document): string | undefined => {
    const display = kind.layout.entries.get('displayName') === undefined ? undefined : document.displayName;
    return typeof display === 'string' ? display : undefined;
  };

  const current = (tenant: number, kind: Kind, id: string): Current | undefined => {
    const row = find.get(tenant, id, kind.number);
    if (row === undefined) return undefined;
    const [rid, , , version, created, modified, body, grouped] = row;
    return { kind, rid, version, created, modified, body, grouped };
  };

  const editEdges = (command: CreateCommand | UpdateCommand, kind: Kind, rid: number): EdgeEffect => {
    if (command.edges === undefined || command.edges.length === 0) return noEffect;
    if (kind.layout.members === undefined) throw new Error(`resource type ${kind.type.name} has no members`);
    return edges.apply({ tenant: command.tenant, rid, base: command.base }, command.edges);
  };

  /** Answers whether anything changed. */
  const editDocument = (
    command: UpdateCommand,
    { kind, rid, version, body }: Current,
    text: string,
    touched: Touched,
  ): boolean => {
    if (command.document === undefined) return false;
    const { after } = command.document;
    // Without an expected version the document may have been read earlier than what is stored now.
    const before: Document = command.expected === version ? command.document.before : JSON.parse(body);
    if (text === body) return false;
    const changed = changedMembers(before, after);
    if (changed.size === 0) return false;
    refuseNamesake(command, kind, before, after);
    rows.update({ tenant: command.tenant, kind, rid }, before, after, changed, text, touched);
    const display = displayOf(kind, after);
    if (display !== displayOf(kind, before)) edges.rename(command.tenant, command.id, display);
    return true;
  };

  const editCredential = (rid: number, credential: string | null | undefined): boolean => {
    if (credential === undefined) return false;
    if (credential === null) return dropCredential.run(rid).changes > 0;
    setCredential.run(rid, credential);
    return true;
  };

  return {
    create(command) {
      const { tenant, type, actor } = command;
      const kind = kinds.of(type);
      const id = command.id ?? newId();
      if (command.id !== undefined) checkId(command.id);
      const document = withId(command.document, id);
      refuseNamesake(command, kind, undefined, document);
      const body = JSON.stringify(document);
      const created = keyOfTime(clock().getTime());
      const rid = rows.insert({ tenant, kind, id, created, document, body });
      if (command.credential !== undefined) setCredential.run(rid, command.credential);
      if (command.id !== undefined) edges.adopt(tenant, id, kind.number, displayOf(kind, document));
      const { added } = editEdges(command, kind, rid);
      counts.add(tenant, kind.number, 1);
      changes.append({
        tenant,
        kind: kind.number,
        id,
        operation: 'create',
        version: 1,
        at: created,
        actor,
        added,
      });
      const at = instantText(created);
      // A new id is in no group; one that was given may be.
      const grouped = command.id !== undefined && isMember.get(tenant, id) !== undefined;
      return { id, type: type.name, version: 1, created: at, modified: at, body, grouped };
    },

    update(command) {
      const { tenant, id } = command;
      const kind = kinds.of(command.type);
      const before = current(tenant, kind, id);
      if (before === undefined) return { outcome: 'missing' };
      if (command.expected !== undefined && command.expected !== before.version)
        return { outcome: 'conflict' };
      const body =
        command.document === undefined ? before.body : JSON.stringify(withId(command.document.after, id));
      const touched = {
        version: before.version + 1,
        modified: instantAfter(clock(), before.modified),
      };
      const documentChanged = editDocument(command, before, body, touched);
      const { added, removed, described } = editEdges(command, kind, before.rid);
      const credentialChanged = editCredential(before.rid, command.credential);
      const edgesChanged = added.size > 0 || removed.size > 0 || described.size > 0;
      if (!documentChanged && !credentialChanged && !edgesChanged) {
        const { version, created, modified, grouped } = before;
        const row: ResourceRow = [kind.number, id, version, created, modified, before.body, grouped];
        return { outcome: 'unchanged', resource: toResource(kinds, row) };
      }
      const { version, modified } = touched;
      if (!documentChanged) rows.touch(before.rid, touched);
      const { operation, actor, attributes } = command;
      changes.append({
        tenant,
        kind: kind.number,
        id,
        operation,
        version,
        at: modified,
        actor,
        attributes,
        added,
        removed,
      });
      const row: ResourceRow = [
        kind.number,
        id,
        version,
        before.created,
        modified,
        documentChanged ? body : before.body,
        before.grouped,
      ];
      return { outcome: 'updated', resource: toResource(kinds, row) };
    },

    delete(command) {
      const { tenant, id, actor } = command;
      const kind = kinds.of(command.type);
      const before = current(tenant, kind, id);
      if (before === undefined) return { outcome: 'missing' };
      if (command.expected !== undefined && command.expected !== before.version)
        return { outcome: 'conflict' };
      const now = clock();
      for (const [rid, ownerKind, owner, version, modified] of ownersOf.all(tenant, id)) {
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
      dropEdges.run(tenant, id);
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
    },
  };
}
