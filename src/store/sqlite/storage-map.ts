/**
 * Tells the query compiler where the keys of a type's attributes are. The outer query calls the resource `r`; what
 * else the conditions turn out to need, the map joins in.
 */
import { quoteText } from '../../query/dialect.ts';
import type { ColumnStorage, SqlFragment, Storage, StorageMap, TableStorage } from '../../query/storage.ts';
import { fold } from '../../scim/comparison.ts';
import type { Attribute } from '../../scim/registry.ts';
import type { Kind, Kinds } from './kinds.ts';
import { type Entry, elementColumn, type Place } from './layout.ts';
import { requestTable } from './request.ts';
import { matchOf, mayContain } from './trigrams.ts';

/** The map for one query: it notes which tables the compiled conditions turn out to need. */
export interface QueryMap extends StorageMap {
  /** JOIN clauses, behind `resource r`, of what was resolved and of `more`. */
  joins(...more: string[]): string;
}

const base = `(SELECT base FROM ${requestTable})`;

function column(sql: string, indexed = false): ColumnStorage {
  return { kind: 'column', sql, indexed };
}

/** `'/Users/'`, as an SQL literal. */
function folder(kind: Kind): string {
  return quoteText(`${kind.type.endpoint}/`);
}

function rowColumn(kind: Kind, of: (Place & { kind: 'row' })['of']): ColumnStorage {
  switch (of) {
    case 'id':
      return column('r.id', true);
    case 'resourceType':
      return column(quoteText(kind.type.name));
    case 'created':
      return column('r.created');
    case 'lastModified':
      return column('r.modified', true);
    case 'version':
      return column(`('W/"' || r.version || '"')`);
    case 'location':
      return column(`(${base} || ${folder(kind)} || r.id)`);
  }
}

function elementTable(
  kind: Kind,
  attribute: Attribute,
  tenant: number,
  trigrams: string[] | undefined,
): TableStorage {
  return {
    kind: 'table',
    from: 'element e',
    key: 'e.rid',
    where: {
      sql: 'e.tenant = ? AND e.attribute = ?',
      parameters: [tenant, kind.attributeNumber(attribute)],
    },
    order: 'e."primary" DESC, e.ordinal',
    column(sub) {
      const name = elementColumn(sub);
      return withTrigrams(
        kind,
        sub,
        'e.rid',
        trigrams,
        name === undefined
          ? { kind: 'json', document: 'e.rest', path: [sub.name.toLowerCase()] }
          : column(`e."${name}"`, name === 'value'),
      );
    },
  };
}

/** Where the trigram index has the attribute of the resource `rid`, that too; what it is asked for is noted. */
function withTrigrams<S extends Storage>(
  kind: Kind,
  attribute: Attribute,
  rid: string,
  noted: string[] | undefined,
  storage: S,
): S {
  if (noted === undefined || !kind.layout.containsIndex.includes(attribute)) return storage;
  const containing = (needle: string): SqlFragment | undefined => {
    const match = matchOf(needle);
    if (match === undefined) return undefined;
    noted.push(match);
    return mayContain(rid, match);
  };
  return { ...storage, containing };
}

/** `CASE m.kind WHEN 1 THEN … END` over the types that the store knows. */
function byKind(kinds: Kinds, operand: string, text: (kind: Kind) => string, otherwise: string): string {
  const cases = kinds.all.map((kind) => `WHEN ${kind.number} THEN ${text(kind)}`).join(' ');
  return `CASE ${operand} ${cases} ELSE ${otherwise} END`;
}

/** `/Users/` for the number of its type, NULL for an unknown one. */
export function endpointOf(kinds: Kinds, kind: string): string {
  return byKind(kinds, kind, folder, 'NULL');
}

/** The name of a member's type as it is answered. */
export function memberTypeName(kinds: Kinds): string {
  return byKind(kinds, 'm.kind', (kind) => quoteText(kind.type.name), 'm.type');
}

/** The column of an edge for a sub-attribute of `members`, in `member m`. */
function memberColumn(kinds: Kinds, sub: Attribute): ColumnStorage | undefined {
  switch (sub.name) {
    case 'value':
      return column('m.value', true);
    case 'display':
      return column(sub.caseExact ? 'm.display' : 'm.display_key');
    case 'type': {
      if (sub.caseExact) return column(memberTypeName(kinds));
      return column(byKind(kinds, 'm.kind', (kind) => quoteText(fold(kind.type.name)), 'm.type_key'));
    }
    case '$ref':
      return column(`(${base} || ${endpointOf(kinds, 'm.kind')} || m.value)`);
    default:
      return undefined;
  }
}

function memberTable(kinds: Kinds, tenant: number): TableStorage {
  return {
    kind: 'table',
    from: 'member m',
    key: 'm.owner',
    where: { sql: 'm.tenant = ?', parameters: [tenant] },
    column: (sub) => memberColumn(kinds, sub),
  };
}

/** Numbers of the types that have members now: what owned edges under another configuration owns none. */
export function ownerKinds(kinds: Kinds): string {
  const owners = kinds.all.filter(({ layout }) => layout.members !== undefined);
  return `(${owners.map(({ number }) => number).join(', ')})`;
}

/** Every membership of the tenant, through nested groups too. UNION drops what was met before, so cycles end. */
const memberships = (owners: string) => `(
  WITH RECURSIVE up (value, owner, depth) AS (
    SELECT m.value, m.owner, 0 FROM ${requestTable} q CROSS JOIN member m ON m.tenant = q.tenant WHERE m.kind IS NOT NULL
    UNION
    SELECT up.value, m.owner, 1
    FROM up CROSS JOIN resource o ON o.rid = up.owner AND o.type IN ${owners}
    CROSS JOIN member m ON m.tenant = o.tenant AND m.value = o.id
  )
  SELECT u.rid, o.id AS value, o.display_key, o.type AS kind,
    CASE min(up.depth) WHEN 0 THEN 'direct' ELSE 'indirect' END AS type
  FROM up
  JOIN resource o ON o.rid = up.owner AND o.type IN ${owners}
  JOIN resource u ON u.tenant = o.tenant AND u.id = up.value
  GROUP BY u.rid, o.rid
) g`;

function groupTable(kinds: Kinds, tenant: number): TableStorage {
  const owners = ownerKinds(kinds);
  return {
    kind: 'table',
    from: memberships(owners),
    key: 'g.rid',
    where: { sql: '', parameters: [] },
    column(sub) {
      switch (sub.name) {
        case 'value':
          return column('g.value', true);
        case 'display':
          return column('g.display_key');
        case 'type':
          return column('g.type');
        case '$ref':
          return column(`(${base} || ${endpointOf(kinds, 'g.kind')} || g.value)`);
        default:
          return undefined;
      }
    },
    equals: (sub, key): SqlFragment | undefined =>
      sub.name !== 'value'
        ? undefined
        : {
            sql: `WITH RECURSIVE down (value, kind) AS (
  SELECT m.value, m.kind FROM resource o CROSS JOIN member m ON m.owner = o.rid WHERE o.tenant = ? AND o.id = ? AND o.type IN ${owners}
  UNION
  SELECT m.value, m.kind FROM down
  CROSS JOIN resource o ON o.tenant = ? AND o.id = down.value CROSS JOIN member m ON m.owner = o.rid
  WHERE down.kind IN ${owners}
)
SELECT u.rid FROM down CROSS JOIN resource u ON u.tenant = ? AND u.id = down.value`,
            parameters: [tenant, key, tenant, tenant],
          },
  };
}

/** What brings `document d` into a query. */
export const documentJoin = 'JOIN document d ON d.rid = r.rid';

/** Makes the map of a type for one query of a tenant. `trigrams` notes what the trigram index is asked for; without it, it is not. */
export function queryMap(kinds: Kinds, kind: Kind, tenant: number, trigrams?: string[]): QueryMap {
  const joined = new Set<string>();
  const storageOf = ({ attribute, place }: Entry): Storage => {
    switch (place.kind) {
      case 'column':
        return column(`r.${place.column}`, place.column !== 'active');
      case 'row':
        return rowColumn(kind, place.of);
      case 'keys': {
        joined.add('JOIN document_keys k ON k.rid = r.rid');
        return { kind: attribute.multiValued ? 'jsonArray' : 'json', document: 'k.keys', path: place.path };
      }
      case 'body':
        joined.add(documentJoin);
        return { kind: 'jsonArray', document: 'd.body', path: place.path };
      case 'element': {
        if (attribute.multiValued) return elementTable(kind, attribute, tenant, trigrams);
        const number = kind.attributeNumber(attribute);
        joined.add(
          `LEFT JOIN element s${number} ON s${number}.rid = r.rid AND s${number}.attribute = ${number} AND s${number}.tenant = r.tenant AND s${number}.ordinal = 0`,
        );
        return column(`s${number}.value`, true);
      }
      case 'members':
        return memberTable(kinds, tenant);
      case 'groups':
        return groupTable(kinds, tenant);
    }
  };
  return {
    key: 'r.rid',
    resolve(attribute) {
      const entry = kind.layout.entries.get(attribute.path);
      return entry === undefined
        ? undefined
        : withTrigrams(kind, attribute, 'r.rid', trigrams, storageOf(entry));
    },
    joins: (...more) => [...new Set([...joined, ...more])].join(' '),
  };
}

/** The map within a group's edges, for the value filter of a PATCH path: `members[type eq "User"]`. */
export function memberMap(kinds: Kinds): StorageMap {
  return { key: 'm.value', resolve: (attribute) => memberColumn(kinds, attribute) };
}
