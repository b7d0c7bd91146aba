/** Brings deleted resources back from the record of their deletion, within the transaction of a unit. */
import { instantKey } from '../../scim/comparison.ts';
import { migrateDocument } from '../../scim/migrate-document.ts';
import type { Cause, LastState } from '../change.ts';
import { displayOf, withId } from '../layout/command-parts.ts';
import { instantAfter, instantText, keyOfTime } from '../layout/instant.ts';
import type { StoredType, StoredTypes } from '../layout/stored-type.ts';
import { changeSql, knownMembersSql } from '../sql/change.ts';
import type { Target } from '../sql/command-watch.ts';
import type { Document, RestoreCommand, Result, WriteContext } from '../store.ts';
import { postgresDialect } from './dialect.ts';
import type { EdgeWriter } from './membership.ts';
import { writeSql } from './statements.ts';
import type { UnitWriter } from './unit-writer.ts';

type DeletionRow = [version: number, at: string, last: string | null, removed: string | null];

export interface Restoration {
  readonly context: WriteContext;
  readonly transaction: string;
  readonly command: RestoreCommand;
  readonly clock: () => Date;
  /** What refuses a document whose name is another one's. */
  readonly check: (kind: StoredType, document: Document) => Promise<TakenName | undefined>;
  /** Is told when the resource is there, with its members and in its groups. */
  readonly restored: (
    target: Target,
    document: Document,
    added: ReadonlySet<string>,
    grouped: boolean,
  ) => Promise<void>;
}

export interface TakenName {
  readonly outcome: 'taken';
  readonly path: string;
  readonly value: unknown;
}

const known = knownMembersSql(postgresDialect);

/** No edit of these selects. */
const selectNone = async (): Promise<readonly string[]> => [];

export async function restore(
  writer: UnitWriter,
  types: StoredTypes,
  edges: EdgeWriter,
  { context, transaction, command, clock, check, restored }: Restoration,
): Promise<Result | TakenName | { readonly outcome: 'present' | 'missing' }> {
  const { tenant } = writer;
  const { id } = command;
  const kind = types.of(command.type);
  if ((await writer.current(id)) !== undefined) return { outcome: 'present' };
  const [row] = (await writer.query(changeSql.deletion, [tenant, id, kind.number])) as DeletionRow[];
  if (row === undefined || row[2] === null) return { outcome: 'missing' };
  const [deleted, deletedAt, lastText, removed] = row;
  const last = JSON.parse(lastText) as LastState;
  // The schemas may have changed since.
  const { document: migrated, quarantined } = migrateDocument(
    kind.type,
    command.document ?? last.document,
    [],
  );
  const document = withId(migrated, id);
  const namesake = await check(kind, document);
  if (namesake !== undefined) return namesake;
  const body = JSON.stringify(document);
  const created = instantKey(last.created) ?? keyOfTime(clock().getTime());
  const version = deleted + 1;
  const modified = instantAfter(clock(), deletedAt);
  const rid = writer.insert({ kind, id, created, document, body, isNew: false });
  writer.flush();
  writer.touch(rid, id, { version, modified });
  if (quarantined.length > 0) writer.send(writeSql.quarantine, [rid, tenant, JSON.stringify(quarantined)]);
  edges.adopt(writer, id, kind.number, displayOf(kind, document));
  writer.count(kind.number, 1);
  let added: ReadonlySet<string> = new Set();
  if (removed !== null && kind.layout.members !== undefined) {
    const rows = (await writer.query(known, [removed, tenant, tenant])) as [string][];
    const members = rows.map(([value]) => ({ value }));
    ({ added } = await edges.apply(writer, rid, [{ kind: 'add', members }], selectNone));
  }
  writer.append({
    ...{ tenant, type: kind.number, id, operation: 'restore', version, at: modified },
    ...{ context, transaction, added },
  });
  const cause: Cause = { operation: 'restore', type: kind.type.name, id };
  for (const { value: group } of last.groups) {
    const owner = await writer.current(group);
    if (owner === undefined) continue;
    const joined = await edges.apply(
      writer,
      owner.rid,
      [{ kind: 'add', members: [{ value: id }] }],
      selectNone,
    );
    if (joined.added.size === 0) continue;
    const touched = { version: owner.version + 1, modified: instantAfter(clock(), owner.modified) };
    writer.touch(owner.rid, group, touched);
    writer.append({
      ...{ tenant, type: owner.type, id: group, operation: 'patch', version: touched.version },
      ...{ at: touched.modified, context, transaction, added: joined.added, cause },
    });
  }
  const grouped = last.groups.length > 0;
  await restored({ kind, rid, id }, document, added, grouped);
  const resource = {
    ...{ id, type: kind.type.name, version, body, grouped },
    ...{ created: instantText(created), modified: instantText(modified) },
  };
  return { outcome: 'restored', resource };
}
