/** Reads by id over one connection; whoever calls keeps the transaction that makes several reads one snapshot. */
import type { Database, Statement } from 'better-sqlite3';
import type { Key } from '../../scim/comparison.ts';
import type { ResourceType } from '../../scim/registry.ts';
import type { StoredType, StoredTypes } from '../layout/stored-type.ts';
import { areAll, type GroupRow, type MembersRow, membershipSql, toGroups } from '../sql/membership.ts';
import { joinedResourceSql, type ResourceRow, toResource } from '../sql/resource.ts';
import type { GroupReference, StoredResource } from '../store.ts';
import { sqliteDialect } from './dialect.ts';

const joined = joinedResourceSql(sqliteDialect);

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
  readonly #types: StoredTypes;
  readonly #get: Statement<[number, string, number], [rid: number, ...ResourceRow]>;
  readonly #getRow: Statement<[number], ResourceRow>;
  readonly #find: Statement<[number, number, Key], [rid: number, ...ResourceRow]>;
  readonly #findExternal: Statement<[number, number, Key], [rid: number, ...ResourceRow]>;
  readonly #credential: Statement<[number, string], string>;
  readonly #count: Statement<[number, string, number], number>;
  readonly #beyond: Statement<[number, number], number>;
  readonly #members: Statement<[string, number, string, number], MembersRow>;
  readonly #directGroups: Statement<[number, string], GroupRow>;
  readonly #groups: Statement<[number, string], GroupRow>;

  constructor(db: Database, types: StoredTypes) {
    this.#types = types;
    const sql = membershipSql(sqliteDialect, types);
    this.#get = db.prepare<[number, string, number], [rid: number, ...ResourceRow]>(joined.get).raw();
    this.#getRow = db.prepare<[number], ResourceRow>(joined.getRow).raw();
    this.#find = db.prepare<[number, number, Key], [rid: number, ...ResourceRow]>(joined.findByUnique).raw();
    this.#findExternal = db
      .prepare<[number, number, Key], [rid: number, ...ResourceRow]>(joined.findByExternal)
      .raw();
    this.#credential = db.prepare<[number, string], string>(joined.credential).pluck();
    this.#count = db.prepare<[number, string, number], number>(sql.count).pluck();
    this.#beyond = db.prepare<[number, number], number>(sql.beyond).pluck();
    this.#members = db.prepare<[string, number, string, number], MembersRow>(sql.members).raw();
    this.#directGroups = db.prepare<[number, string], GroupRow>(sql.directGroupsOfOne).raw();
    this.#groups = db.prepare<[number, string], GroupRow>(sql.groupsOfOne).raw();
  }

  get(tenant: number, type: ResourceType, id: string): ReadRow | undefined {
    return this.#found(this.#get.get(tenant, id, this.#types.of(type).number));
  }

  /** By the key of its value of the type's unique attribute. */
  findByUnique(tenant: number, { number }: StoredType, key: Key): ReadRow | undefined {
    return this.#found(this.#find.get(tenant, number, key));
  }

  /** By the key of externalId, which several may have: two of them at most. */
  findByExternal(tenant: number, { number }: StoredType, key: Key): readonly ReadRow[] {
    return this.#findExternal.all(tenant, number, key).map((row) => this.#readRow(row));
  }

  rowOf(rid: number): ResourceRow | undefined {
    return this.#getRow.get(rid);
  }

  groupsOf(tenant: number, id: string): readonly GroupReference[] | undefined {
    const direct = this.#directGroups.all(tenant, id);
    const rows = areAll(direct) ? direct : this.#groups.all(tenant, id);
    return toGroups(this.#types, rows).get(id);
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

  #found(found: [rid: number, ...ResourceRow] | undefined): ReadRow | undefined {
    return found === undefined ? undefined : this.#readRow(found);
  }

  #readRow([rid, ...row]: [rid: number, ...ResourceRow]): ReadRow {
    return { rid, resource: toResource(this.#types, row) };
  }
}
