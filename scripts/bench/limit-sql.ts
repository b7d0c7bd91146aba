/** The statements of the limits, those of scimd where it has the same, and the numbers that rows name things by. */
import type { Registry } from '../../src/scim/registry.ts';
import type { StoredType, StoredTypes } from '../../src/store/layout/stored-type.ts';
import { changeMemberSql, changeSql } from '../../src/store/sql/change.ts';
import { guardSql } from '../../src/store/sql/guard.ts';
import { membershipSql } from '../../src/store/sql/membership.ts';
import {
  insertElementsSql,
  joinedResourceSql,
  mostElements,
  resourceColumns,
  resourceSql,
  updateSql,
} from '../../src/store/sql/resource.ts';
import { sqliteDialect } from '../../src/store/sqlite/dialect.ts';

const joined = joinedResourceSql(sqliteDialect);

export function limitSql(types: StoredTypes) {
  const membership = membershipSql(sqliteDialect, types);
  return {
    ...{ get: joined.get, byUnique: joined.findByUnique, total: resourceSql.total },
    /** As `get`: so many of a type from the first on, by type and number. */
    page: `SELECT r.rid, ${resourceColumns} FROM resource r CROSS JOIN document d ON d.rid = r.rid
WHERE r.tenant = 1 AND r.type = ? ORDER BY r.rid LIMIT ?`,
    /** The same of one, by row number. */
    row: `SELECT r.rid, ${resourceColumns} FROM resource r JOIN document d ON d.rid = r.rid WHERE r.rid = ?`,
    /** Row numbers by the number of the attribute, the type of the value, and what is in it. */
    byElement: `SELECT DISTINCT rid FROM element WHERE tenant = 1 AND attribute = ? AND type = ? AND instr(value, ?) > 0`,
    groupsOfSome: membership.directGroupsOfSome,
    insertResource: resourceSql.insert,
    insertDocument: resourceSql.insertDocument,
    insertKeys: resourceSql.insertKeys,
    /** By how many rows they take, from one on. */
    insertElements: Array.from({ length: mostElements }, (_, index) => insertElementsSql(index + 1)),
    insertText: 'INSERT INTO trigram (rowid, keys) VALUES (?, ?)',
    setActive: updateSql(['active']),
    setBody: resourceSql.updateDocument,
    ...{ place: resourceSql.place, touch: resourceSql.touch },
    ...{ findMember: membership.find, insertMember: membership.insert, deleteMember: membership.delete },
    ...{ count: resourceSql.count, countLosses: guardSql.count },
    insertChange: changeSql.insert,
    insertChangeMember: changeMemberSql(sqliteDialect).insertOne,
    ...{ head: changeSql.head, setHead: changeSql.setHead },
  } as const;
}

/** What the limits know of the registry. */
export function limitTypes(registry: Registry, types: StoredTypes): { user: StoredType; group: StoredType } {
  const [user, group] = registry.resourceTypes.map((type) => types.of(type));
  if (user === undefined || group === undefined) throw new Error('no users or no groups in the registry');
  return { user, group };
}

/** The number of an attribute of which each value is a row of `element`. */
export function elementNumber({ layout, attributeNumber }: StoredType, path: string): number {
  const found = [...layout.entries.values()].find(({ attribute }) => attribute.path === path);
  if (found === undefined) throw new Error(`${layout.type.name} has no ${path}`);
  return attributeNumber(found.attribute);
}
