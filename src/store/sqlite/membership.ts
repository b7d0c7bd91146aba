/** Writes a group's edges; every edit costs what it changes, whatever the size of the group. */
import type { Database } from 'better-sqlite3';
import type { Plan } from '../../query/plan.ts';
import { fold } from '../../scim/comparison.ts';
import type { StoredTypes } from '../layout/stored-type.ts';
import { membershipSql } from '../sql/membership.ts';
import { resourceSql } from '../sql/resource.ts';
import type { Member, MemberEdit } from '../store.ts';
import type { Work } from '../work.ts';
import { sqliteDialect } from './dialect.ts';

/** A `require` of the edits is not met. */
export class UnmatchedError extends Error {
  override readonly name = 'UnmatchedError';
}

/** The net effect of edits: a member that came and went again is in neither. */
export interface EdgeEffect {
  readonly added: ReadonlySet<string>;
  readonly removed: ReadonlySet<string>;
  /** Members that the store does not hold, of which now something else is said than before. */
  readonly described: ReadonlySet<string>;
}

export interface EdgeWriter {
  apply(owner: Owner, edits: readonly MemberEdit[]): EdgeEffect;
  /** How many members there are, up to `most`. */
  count(rid: number, most: number): number;
  /** The transaction has ended, or somebody else than `apply` has changed who is in groups. */
  forgetCounts(): void;
  /** A resource's displayName changed. */
  rename(tenant: number, id: string, display: string | undefined): void;
  /** A resource came into being under an id that groups may hold as unknown. */
  adopt(tenant: number, id: string, kind: number, display: string | undefined): void;
}

const nobody: ReadonlySet<string> = new Set();

/** Most edits let one member come or go, and need one set. */
class NetEffect implements EdgeEffect {
  #added: Set<string> | undefined;
  #removed: Set<string> | undefined;
  #described: Set<string> | undefined;

  get added(): ReadonlySet<string> {
    return this.#added ?? nobody;
  }

  get removed(): ReadonlySet<string> {
    return this.#removed ?? nobody;
  }

  get described(): ReadonlySet<string> {
    return this.#described ?? nobody;
  }

  add(value: string): void {
    if (this.#removed?.delete(value) === true) return;
    this.#added ??= new Set();
    this.#added.add(value);
  }

  remove(value: string): void {
    if (this.#added?.delete(value) === true) return;
    this.#removed ??= new Set();
    this.#removed.add(value);
  }

  describe(value: string): void {
    this.#described ??= new Set();
    this.#described.add(value);
  }
}

/** The group whose edges are edited. */
export interface Owner {
  readonly tenant: number;
  readonly rid: number;
  /** Of the request's URLs, which a plan may compare with. */
  readonly base: string | undefined;
  readonly work: Work | undefined;
}

/** Finds the members that a plan over the attribute `members` selects. */
export type SelectMembers = (owner: Owner, plan: Plan) => readonly string[];

function keyOrNull(text: string | undefined): string | null {
  return text === undefined ? null : fold(text);
}

export function edgeWriter(db: Database, types: StoredTypes, select: SelectMembers): EdgeWriter {
  const sql = membershipSql(sqliteDialect, types);
  const find = db.prepare<[number, string], [type: number, display: string | null]>(sql.find).raw();
  const insert = db.prepare(sql.insert);
  const remove = db.prepare(sql.delete);
  const unknown = db
    .prepare<[number], [value: string, type: string | null, display: string | null]>(sql.unknown)
    .raw();
  const redescribe = db.prepare(sql.redescribe);
  const values = db.prepare<[number], string>(resourceSql.memberIds).pluck();
  const beyond = db.prepare<[number, number]>(sql.beyond);
  const count = db.prepare<[number, number], number>(sql.countOf).pluck();
  const rename = db.prepare(sql.rename);
  const adopt = db.prepare(sql.adopt);
  // Of many changes of one group in a transaction only the first ones are counted: shown by the workload `member-10000` of npm
  // run bench.
  const counted = new Map<number, { members: number; readonly isAll: boolean }>();
  const namedTypes = new Set(
    types.all
      .filter(({ layout }) => layout.entries.get('displayName')?.attribute.type === 'string')
      .map(({ number }) => number),
  );

  /** The columns that say what the member is: `kind`, `display`, `type`, and the keys of both. */
  const describe = ({ tenant }: Owner, { value, display, type }: Member): (string | number | null)[] => {
    const known = find.get(tenant, value);
    if (known === undefined)
      return [null, display ?? null, type ?? null, keyOrNull(display), keyOrNull(type)];
    const [number, named] = known;
    const shown = namedTypes.has(number) ? named : null;
    return [number, shown, null, keyOrNull(shown ?? undefined), null];
  };

  const addOne = (owner: Owner, member: Member, effect: NetEffect): void => {
    const { changes } = insert.run(owner.rid, member.value, owner.tenant, ...describe(owner, member));
    if (changes > 0) effect.add(member.value);
  };

  const removeOne = (owner: Owner, value: string, effect: NetEffect): void => {
    if (remove.run(owner.rid, value).changes > 0) effect.remove(value);
  };

  return {
    apply(owner, edits) {
      const effect = new NetEffect();
      for (const edit of edits) {
        switch (edit.kind) {
          case 'add':
            for (const member of edit.members) addOne(owner, member, effect);
            break;
          case 'remove':
            for (const value of edit.values) removeOne(owner, value, effect);
            break;
          case 'removeWhere':
            for (const value of select(owner, edit.plan)) removeOne(owner, value, effect);
            break;
          case 'require': {
            const isMet =
              (edit.orEmpty && beyond.get(owner.rid, 0) === undefined) || select(owner, edit.plan).length > 0;
            if (!isMet) throw new UnmatchedError(edit.detail);
            break;
          }
          case 'replace': {
            const wanted = new Map(edit.members.map((member) => [member.value, member]));
            for (const [value, type, display] of unknown.all(owner.rid)) {
              const member = wanted.get(value);
              if (member === undefined) continue;
              if ((member.type ?? null) === type && (member.display ?? null) === display) continue;
              const [, ...columns] = describe(owner, member);
              redescribe.run(...columns, owner.rid, value);
              effect.describe(value);
            }
            for (const value of values.all(owner.rid))
              if (!wanted.delete(value)) removeOne(owner, value, effect);
            for (const member of wanted.values()) addOne(owner, member, effect);
          }
        }
      }
      const known = counted.get(owner.rid);
      if (known !== undefined) known.members += effect.added.size - effect.removed.size;
      return effect;
    },
    count(rid, most) {
      const known = counted.get(rid);
      if (known !== undefined && (known.isAll || known.members >= most)) return Math.min(known.members, most);
      const upTo = known === undefined ? most : 2 * most;
      const members = count.get(rid, upTo) ?? 0;
      counted.set(rid, { members, isAll: members < upTo });
      return Math.min(members, most);
    },
    forgetCounts: () => counted.clear(),
    rename(tenant, id, display) {
      rename.run(display ?? null, keyOrNull(display), tenant, id);
    },
    adopt(tenant, id, kind, display) {
      adopt.run(kind, display ?? null, keyOrNull(display), tenant, id);
    },
  };
}
