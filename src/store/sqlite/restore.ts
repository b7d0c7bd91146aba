/** Brings deleted resources back from the record of their deletion, within the transaction of a unit. */
import type { Database, Statement } from 'better-sqlite3';
import { instantKey } from '../../scim/comparison.ts';
import { migrateDocument } from '../../scim/migrate-document.ts';
import type { Cause, LastState } from '../change.ts';
import { displayOf, withId } from '../layout/command-parts.ts';
import { instantAfter, instantText, keyOfTime } from '../layout/instant.ts';
import type { StoredType } from '../layout/stored-type.ts';
import { changeSql, knownMembersSql } from '../sql/change.ts';
import { resourceSql } from '../sql/resource.ts';
import { rebuildSql } from '../sql/stored-type.ts';
import type { Document, Refusal, RestoreCommand, Result } from '../store.ts';
import { sqliteDialect } from './dialect.ts';
import { carryOutWatched } from './steps.ts';
import type { Tools, UnitAtWork } from './unit-at-work.ts';

type DeletionRow = [version: number, at: string, last: string | null, removed: string | null];
type GroupRow = [rid: number, kind: number, version: number, modified: string];

export class Restorer {
  readonly #tools: Tools;
  readonly #exists: Statement<[number, string]>;
  readonly #deletion: Statement<[tenant: number, id: string, kind: number], DeletionRow>;
  readonly #knownMembers: Statement<[ids: string, tenant: number, tenant: number], string>;
  readonly #group: Statement<[number, string], GroupRow>;
  readonly #quarantine: Statement<[number, string]>;

  constructor(db: Database, tools: Tools) {
    this.#tools = tools;
    this.#exists = db.prepare(resourceSql.exists);
    this.#deletion = db.prepare<[number, string, number], DeletionRow>(changeSql.deletion).raw();
    this.#knownMembers = db.prepare<[string, number, number], string>(knownMembersSql(sqliteDialect)).pluck();
    this.#group = db.prepare<[number, string], GroupRow>(resourceSql.place).raw();
    this.#quarantine = db.prepare(rebuildSql.quarantine);
  }

  /** `check` refuses a document whose name is another one's. */
  run(
    unit: UnitAtWork,
    command: RestoreCommand,
    index: number,
    check: (kind: StoredType, document: Document) => void,
  ): Result | Refusal {
    const { types, clock, rows, edges, counts, changes, statements, access } = this.#tools;
    const { tenant, context, transaction } = unit;
    const { id } = command;
    const kind = types.of(command.type);
    if (this.#exists.get(tenant, id) !== undefined) return { outcome: 'present', command: index };
    const [deleted, deletedAt, lastText, removed] = this.#deletion.get(tenant, id, kind.number) ?? [];
    if (deleted === undefined || lastText == null) return { outcome: 'missing', command: index };
    const last = JSON.parse(lastText) as LastState;
    // The schemas may have changed since.
    const { document: migrated, quarantined } = migrateDocument(
      kind.type,
      command.document ?? last.document,
      [],
    );
    const document = withId(migrated, id);
    check(kind, document);
    const body = JSON.stringify(document);
    const created = instantKey(last.created) ?? keyOfTime(clock().getTime());
    const version = deleted + 1;
    const modified = instantAfter(clock(), deletedAt ?? created);
    const rid = rows.insert({ tenant, kind, id, created, document, body });
    rows.touch(rid, { version, modified });
    if (quarantined.length > 0) this.#quarantine.run(rid, JSON.stringify(quarantined));
    edges.adopt(tenant, id, kind.number, displayOf(kind, document));
    counts.add(tenant, kind.number, 1);
    const added = this.#bringMembers(unit, kind, rid, removed ?? null);
    changes.append({
      ...{ tenant, type: kind.number, id, operation: 'restore', version, at: modified },
      ...{ context, transaction, added },
    });
    const cause: Cause = { operation: 'restore', type: kind.type.name, id };
    for (const { value } of last.groups) this.#joinGroup(unit, value, id, cause);
    const grouped = last.groups.length > 0;
    carryOutWatched(statements, counts, access.created(unit, { kind, rid, id }, document, added, grouped));
    const resource = {
      ...{ id, type: kind.type.name, version, body, grouped },
      ...{ created: instantText(created), modified: instantText(modified) },
    };
    return { outcome: 'restored', resource };
  }

  /** Those of its members that are there, and those that the provider has and this store never had. */
  #bringMembers(
    { tenant }: UnitAtWork,
    { layout }: StoredType,
    rid: number,
    removed: string | null,
  ): ReadonlySet<string> {
    if (removed === null || layout.members === undefined) return new Set();
    const members = this.#knownMembers.all(removed, tenant, tenant).map((value) => ({ value }));
    const owner = { tenant, rid, base: undefined, work: undefined };
    return this.#tools.edges.apply(owner, [{ kind: 'add', members }]).added;
  }

  /** If the group is still there. */
  #joinGroup({ tenant, context, transaction }: UnitAtWork, group: string, id: string, cause: Cause): void {
    const { clock, rows, edges, changes } = this.#tools;
    const [rid, kind, version, modified] = this.#group.get(tenant, group) ?? [];
    if (rid === undefined || kind === undefined || version === undefined || modified === undefined) return;
    const owner = { tenant, rid, base: undefined, work: undefined };
    const { added } = edges.apply(owner, [{ kind: 'add', members: [{ value: id }] }]);
    if (added.size === 0) return;
    const touched = { version: version + 1, modified: instantAfter(clock(), modified) };
    rows.touch(rid, touched);
    changes.append({
      ...{ tenant, type: kind, id: group, operation: 'patch', version: touched.version },
      ...{ at: touched.modified, context, transaction, added, cause },
    });
  }
}
