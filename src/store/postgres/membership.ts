/** Writes a group's edges; every edit costs what it changes, whatever the size of the group. */
import type { Plan } from '../../query/plan.ts';
import { fold } from '../../scim/comparison.ts';
import type { StoredTypes } from '../layout/stored-type.ts';
import { membershipSql } from '../sql/membership.ts';
import type { Member, MemberEdit } from '../store.ts';
import { postgresDialect } from './dialect.ts';
import { writeSql } from './statements.ts';
import type { Described, NewMember } from './unit-rows.ts';
import type { UnitWriter } from './unit-writer.ts';

/** The net effect of edits: a member that came and went again is in neither. */
export interface EdgeEffect {
  readonly added: ReadonlySet<string>;
  readonly removed: ReadonlySet<string>;
  /** Members that the store does not hold, of which now something else is said than before. */
  readonly described: ReadonlySet<string>;
  /** The detail of a `require` that is not met, where nothing else counts. */
  readonly unmatched?: string;
}

export interface EdgeWriter {
  apply(
    writer: UnitWriter,
    owner: number,
    edits: readonly MemberEdit[],
    select: SelectMembers,
  ): Promise<EdgeEffect>;
  /** A resource's displayName changed. */
  rename(writer: UnitWriter, id: string, display: string | undefined): void;
  /** A resource came into being under an id that groups may hold as unknown. */
  adopt(writer: UnitWriter, id: string, kind: number, display: string | undefined): void;
}

/** Finds the members of the group that a plan over the attribute `members` selects. */
export type SelectMembers = (plan: Plan) => Promise<readonly string[]>;

/** Values that one statement takes. */
const atOnce = 5000;

function keyOrNull(text: string | null | undefined): string | null {
  return text === undefined || text === null ? null : fold(text);
}

function inLots<T>(values: readonly T[]): T[][] {
  const lots: T[][] = [];
  for (let from = 0; from < values.length; from += atOnce) lots.push(values.slice(from, from + atOnce));
  return lots;
}

export function edgeWriter(types: StoredTypes): EdgeWriter {
  const sql = membershipSql(postgresDialect, types);
  const namedTypes = new Set(
    types.all
      .filter(({ layout }) => layout.entries.get('displayName')?.attribute.type === 'string')
      .map(({ number }) => number),
  );

  const rowOf = (
    owner: number,
    { value, display, type }: Member,
    known: Described | null | undefined,
  ): NewMember => {
    if (known === undefined || known === null)
      return {
        ...{ owner, value, kind: null, display: display ?? null, type: type ?? null },
        ...{ displayKey: keyOrNull(display), typeKey: keyOrNull(type) },
      };
    const [number, named] = known;
    const shown = namedTypes.has(number) ? named : null;
    return {
      owner,
      value,
      kind: number,
      display: shown,
      type: null,
      displayKey: keyOrNull(shown),
      typeKey: null,
    };
  };

  return {
    async apply(writer, owner, edits, select) {
      const added = new Set<string>();
      const removed = new Set<string>();
      const described = new Set<string>();
      const add = async (members: readonly Member[]): Promise<void> => {
        for (const lot of inLots(members)) {
          const values = lot.map(({ value }) => value);
          const present = new Set(await writer.membersAmong(owner, values));
          const missing = lot.filter(({ value }) => !present.has(value) && present.add(value));
          const known = await writer.describe(missing.map(({ value }) => value));
          writer.addMembers(missing.map((member) => rowOf(owner, member, known.get(member.value))));
          for (const { value } of missing) if (!removed.delete(value)) added.add(value);
        }
      };
      const remove = async (values: readonly string[]): Promise<void> => {
        for (const lot of inLots([...new Set(values)])) {
          const present = [...(await writer.membersAmong(owner, lot))];
          writer.removeMembers(owner, present);
          for (const value of present) if (!added.delete(value)) removed.add(value);
        }
      };
      const replace = async (members: readonly Member[]): Promise<void> => {
        const wanted = new Map(members.map((member) => [member.value, member]));
        const unknown = await writer.query(writeSql.unknownMembers, [owner, writer.tenant]);
        const changed = (unknown as [string, string | null, string | null][]).filter(
          ([value, type, display]) => {
            const member = wanted.get(value);
            return (
              member !== undefined && ((member.type ?? null) !== type || (member.display ?? null) !== display)
            );
          },
        );
        const known = await writer.describe(changed.map(([value]) => value));
        for (const [value] of changed) {
          const row = rowOf(owner, wanted.get(value) as Member, known.get(value));
          writer.send(writeSql.redescribe, [
            ...[row.display, row.type, row.displayKey, row.typeKey],
            ...[owner, writer.tenant, value],
          ]);
          described.add(value);
        }
        const before = (await writer.query(writeSql.memberIds, [owner, writer.tenant])) as [string][];
        const gone: string[] = [];
        for (const [value] of before) if (!wanted.delete(value)) gone.push(value);
        await remove(gone);
        await add([...wanted.values()]);
      };
      for (const edit of edits) {
        switch (edit.kind) {
          case 'add':
            await add(edit.members);
            break;
          case 'remove':
            await remove(edit.values);
            break;
          case 'removeWhere':
            await remove(await select(edit.plan));
            break;
          case 'require': {
            const isEmpty =
              edit.orEmpty && (await writer.query(writeSql.hasMembers, [owner, writer.tenant])).length === 0;
            if (!isEmpty && (await select(edit.plan)).length === 0)
              return { added, removed, described, unmatched: edit.detail };
            break;
          }
          case 'replace':
            await replace(edit.members);
        }
      }
      return { added, removed, described };
    },
    rename(writer, id, display) {
      writer.send(sql.rename, [display ?? null, keyOrNull(display), writer.tenant, id]);
    },
    adopt(writer, id, kind, display) {
      writer.send(sql.adopt, [kind, display ?? null, keyOrNull(display), writer.tenant, id]);
    },
  };
}
