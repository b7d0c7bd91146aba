/** Writes a group's edges; every edit costs what it changes, whatever the size of the group. */
import type { Database } from 'better-sqlite3';
import type { Plan } from '../../query/plan.ts';
import { fold } from '../../scim/comparison.ts';
import type { Member, MemberEdit } from '../store.ts';
import type { Kinds } from './kinds.ts';

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
  /** A resource's displayName changed. */
  rename(tenant: number, id: string, display: string | undefined): void;
  /** A resource came into being under an id that groups may hold as unknown. */
  adopt(tenant: number, id: string, kind: number, display: string | undefined): void;
}

/** The group whose edges are edited. */
export interface Owner {
  readonly tenant: number;
  readonly rid: number;
  /** Of the request's URLs, which a plan may compare with. */
  readonly base: string | undefined;
}

/** Finds the members that a plan over the attribute `members` selects. */
export type SelectMembers = (owner: Owner, plan: Plan) => readonly string[];

function keyOrNull(text: string | undefined): string | null {
  return text === undefined ? null : fold(text);
}

export function edgeWriter(db: Database, kinds: Kinds, select: SelectMembers): EdgeWriter {
  const find = db
    .prepare<[number, string], [kind: number, display: string | null]>(
      `SELECT r.type, d.body ->> '$.displayName'
       FROM resource r JOIN document d ON d.rid = r.rid WHERE r.tenant = ? AND r.id = ?`,
    )
    .raw();
  const insert = db.prepare(
    `INSERT INTO member (owner, value, tenant, kind, display, type, display_key, type_key)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`,
  );
  const remove = db.prepare('DELETE FROM member WHERE owner = ? AND value = ?');
  const unknown = db
    .prepare<[number], [value: string, type: string | null, display: string | null]>(
      'SELECT value, type, display FROM member WHERE owner = ? AND kind IS NULL',
    )
    .raw();
  const redescribe = db.prepare(
    'UPDATE member SET display = ?, type = ?, display_key = ?, type_key = ? WHERE owner = ? AND value = ?',
  );
  const values = db.prepare<[number], string>('SELECT value FROM member WHERE owner = ?').pluck();
  const any = db.prepare<[number]>('SELECT 1 FROM member WHERE owner = ? LIMIT 1');
  const rename = db.prepare('UPDATE member SET display = ?, display_key = ? WHERE tenant = ? AND value = ?');
  const adopt = db.prepare(
    'UPDATE member SET kind = ?, display = ?, display_key = ?, type = NULL, type_key = NULL WHERE tenant = ? AND value = ?',
  );
  const namedKinds = new Set(
    kinds.all
      .filter(({ layout }) => layout.entries.get('displayName')?.attribute.type === 'string')
      .map(({ number }) => number),
  );

  /** The columns that say what the member is: `kind`, `display`, `type`, and the keys of both. */
  const describe = ({ tenant }: Owner, { value, display, type }: Member): (string | number | null)[] => {
    const known = find.get(tenant, value);
    if (known === undefined)
      return [null, display ?? null, type ?? null, keyOrNull(display), keyOrNull(type)];
    const [kind, named] = known;
    const shown = namedKinds.has(kind) ? named : null;
    return [kind, shown, null, keyOrNull(shown ?? undefined), null];
  };

  const add = (owner: Owner, member: Member): boolean =>
    insert.run(owner.rid, member.value, owner.tenant, ...describe(owner, member)).changes > 0;

  return {
    apply(owner, edits) {
      const added = new Set<string>();
      const removed = new Set<string>();
      const described = new Set<string>();
      const addOne = (member: Member): void => {
        if (add(owner, member) && !removed.delete(member.value)) added.add(member.value);
      };
      const removeOne = (value: string): void => {
        if (remove.run(owner.rid, value).changes > 0 && !added.delete(value)) removed.add(value);
      };
      for (const edit of edits) {
        switch (edit.kind) {
          case 'add':
            edit.members.forEach(addOne);
            break;
          case 'remove':
            edit.values.forEach(removeOne);
            break;
          case 'removeWhere':
            select(owner, edit.plan).forEach(removeOne);
            break;
          case 'require': {
            const isMet =
              (edit.orEmpty && any.get(owner.rid) === undefined) || select(owner, edit.plan).length > 0;
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
              described.add(value);
            }
            for (const value of values.all(owner.rid)) if (!wanted.delete(value)) removeOne(value);
            wanted.forEach(addOne);
          }
        }
      }
      return { added, removed, described };
    },
    rename(tenant, id, display) {
      rename.run(display ?? null, keyOrNull(display), tenant, id);
    },
    adopt(tenant, id, kind, display) {
      adopt.run(kind, display ?? null, keyOrNull(display), tenant, id);
    },
  };
}
