/** Reads by id over one connection; whoever calls keeps the transaction that makes several reads one snapshot. */
import type { Database, Statement } from 'better-sqlite3';
import type { ResourceType } from '../../scim/registry.ts';
import type { GroupReference, StoredResource } from '../store.ts';
import type { Kinds } from './kinds.ts';
import { type GroupRow, groupsOfOneSql, type MembersRow, membersSql, toGroups } from './members.ts';
import { type ResourceRow, resourceColumns, toResource } from './row.ts';

/** A resource, and the number of its row. */
export interface ReadRow {
  readonly rid: number;
  readonly resource: StoredResource;
}

/** Some members of a group. */
export interface MembersPart {
  readonly text: string;
  /** After which it goes on; undefined behind the last. */
  readonly next: string | undefined;
}

export class Reads {
  readonly #kinds: Kinds;
  readonly #get: Statement<[number, string, number], [rid: number, ...ResourceRow]>;
  readonly #byRow: Statement<[number], ResourceRow>;
  readonly #credential: Statement<[number, string], string>;
  readonly #count: Statement<[number, string, number], number>;
  readonly #beyond: Statement<[number, number], number>;
  readonly #members: Statement<[string, number, string, number], MembersRow>;
  readonly #groups: Statement<[number, string], GroupRow>;

  constructor(db: Database, kinds: Kinds) {
    this.#kinds = kinds;
    this.#get = db
      .prepare<[number, string, number], [rid: number, ...ResourceRow]>(
        `SELECT r.rid, ${resourceColumns} FROM resource r JOIN document d ON d.rid = r.rid
         WHERE r.tenant = ? AND r.id = ? AND r.type = ?`,
      )
      .raw();
    this.#byRow = db
      .prepare<[number], ResourceRow>(
        `SELECT ${resourceColumns} FROM resource r JOIN document d ON d.rid = r.rid WHERE r.rid = ?`,
      )
      .raw();
    this.#credential = db
      .prepare<[number, string], string>(
        'SELECT c.hash FROM resource r JOIN credential c ON c.rid = r.rid WHERE r.tenant = ? AND r.id = ?',
      )
      .pluck();
    this.#count = db
      .prepare<[number, string, number], number>(
        `SELECT count(*) FROM (
           SELECT 1 FROM member WHERE owner = (SELECT rid FROM resource WHERE tenant = ? AND id = ?) LIMIT ?)`,
      )
      .pluck();
    this.#beyond = db
      .prepare<[number, number], number>('SELECT 1 FROM member WHERE owner = ? LIMIT 1 OFFSET ?')
      .pluck();
    this.#members = db.prepare<[string, number, string, number], MembersRow>(membersSql(kinds)).raw();
    this.#groups = db.prepare<[number, string], GroupRow>(groupsOfOneSql(kinds)).raw();
  }

  get(tenant: number, type: ResourceType, id: string): ReadRow | undefined {
    const found = this.#get.get(tenant, id, this.#kinds.of(type).number);
    if (found === undefined) return undefined;
    const [rid, ...row] = found;
    return { rid, resource: toResource(this.#kinds, row) };
  }

  rowOf(rid: number): ResourceRow | undefined {
    return this.#byRow.get(rid);
  }

  groupsOf(tenant: number, id: string): readonly GroupReference[] | undefined {
    return toGroups(this.#kinds, this.#groups.all(tenant, id)).get(id);
  }

  hasMoreMembers(rid: number, than: number): boolean {
    return this.#beyond.get(rid, than) !== undefined;
  }

  members(rid: number, base: string | undefined, most: number, after = ''): MembersPart {
    const [text, last, count] = this.#members.get(base ?? '', rid, after, most) as MembersRow;
    return { text: text ?? '', next: count === most && last !== null ? last : undefined };
  }

  memberCount(tenant: number, group: string, most: number): number {
    return this.#count.get(tenant, group, most) ?? 0;
  }

  credential(tenant: number, id: string): string | undefined {
    return this.#credential.get(tenant, id);
  }
}
