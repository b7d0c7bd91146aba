/**
 * Tells the query compiler where the keys of a type's attributes are. The outer query calls the resource `r`; what
 * else the conditions turn out to need, the map joins in.
 */
import { quoteText } from '../../query/dialect.ts';
import type {
  ColumnStorage,
  JsonStorage,
  SqlFragment,
  Storage,
  StorageMap,
  TableStorage,
} from '../../query/storage.ts';
import { fold } from '../../scim/comparison.ts';
import type { Attribute } from '../../scim/registry.ts';
import { type AttributeLocation, type Entry, elementColumn } from '../layout/layout.ts';
import type { StoredType, StoredTypes } from '../layout/stored-type.ts';
import { allOf, type StoreDialect, sameTenant, tenantColumn } from './dialect.ts';
import { pathSegment } from './path-segment.ts';

/** The map for one query: it notes which tables the compiled conditions turn out to need. */
export interface QueryMap extends StorageMap {
  /** JOIN clauses, behind `resource r`, of what was resolved and of `more`. */
  joins(...more: string[]): string;
}

function column(sql: string, indexed = false): ColumnStorage {
  return { kind: 'column', sql, indexed };
}

/** `'/Users/'`, as an SQL literal. */
function folder({ type }: StoredType): string {
  return quoteText(`${type.endpoint}/`);
}

function rowColumn(
  { query, request: { base } }: StoreDialect,
  stored: StoredType,
  of: (AttributeLocation & { kind: 'row' })['of'],
): ColumnStorage {
  switch (of) {
    case 'id':
      return column('r.id', true);
    case 'resourceType':
      return column(quoteText(stored.type.name));
    case 'created':
      return column('r.created');
    case 'lastModified':
      return column('r.modified', true);
    case 'version':
      return column(`('W/"' || r.version || '"')`);
    case 'location':
      return column(`(${base} || ${folder(stored)} || ${pathSegment(query.name, 'r.id')})`);
  }
}

/** Counts each value that a condition looks at. */
function eachValue(
  { counting }: StoreDialect,
  ...number: readonly [resource?: string, place?: string]
): NonNullable<TableStorage['each']> {
  return (terms, condition, isScanned) => {
    if (counting === undefined) return condition;
    const count = counting.value(terms, ...number);
    return isScanned ? counting.before(count, condition) : counting.beforeIndexed(count, condition);
  };
}

function elementTable(query: MapQuery, stored: StoredType, attribute: Attribute): TableStorage {
  return {
    kind: 'table',
    from: 'element e',
    key: 'e.rid',
    where: {
      sql: 'e.tenant = ? AND e.attribute = ?',
      parameters: [query.tenant, stored.attributeNumber(attribute)],
    },
    each: eachValue(query.dialect, 'e.rid', 'e.ordinal'),
    order: 'e."primary" DESC NULLS LAST, e.ordinal',
    column(sub) {
      const name = elementColumn(sub, attribute);
      const storage: ColumnStorage | JsonStorage =
        name === undefined
          ? { kind: 'json', document: 'e.rest', path: [sub.name.toLowerCase()] }
          : column(`e."${name}"`, name === 'value' || name === 'number');
      return withTextIndex(query, stored, sub, 'e', storage);
    },
  };
}

/** Where the text index has the attribute of the resource of `row`, that too; what it is asked for is noted. */
function withTextIndex<S extends Storage>(
  { dialect: { textIndex }, matches }: MapQuery,
  stored: StoredType,
  attribute: Attribute,
  row: string,
  storage: S,
): S {
  if (textIndex === undefined || matches === undefined) return storage;
  if (!stored.layout.containsIndex.includes(attribute)) return storage;
  const containing = (needle: string): SqlFragment | undefined => {
    const match = textIndex.match(needle);
    if (match === undefined) return undefined;
    matches.push(match);
    return { sql: textIndex.condition(row), parameters: [match] };
  };
  return { ...storage, containing };
}

/** `CASE m.kind WHEN 1 THEN … END` over the types that the store knows. */
function byType(
  types: StoredTypes,
  operand: string,
  text: (stored: StoredType) => string,
  otherwise: string,
): string {
  const cases = types.all.map((stored) => `WHEN ${stored.number} THEN ${text(stored)}`).join(' ');
  return `CASE ${operand} ${cases} ELSE ${otherwise} END`;
}

/** `/Users/` for the number of its type, NULL for an unknown one. */
export function endpointOf(types: StoredTypes, kind: string): string {
  return byType(types, kind, folder, 'NULL');
}

/** The name of a member's type as it is answered. */
export function memberTypeName(types: StoredTypes): string {
  return byType(types, 'm.kind', ({ type }) => quoteText(type.name), 'm.type');
}

/** The column of a membership for a sub-attribute of `members`, in `member m`. */
function memberColumn(
  { query, request: { base } }: StoreDialect,
  types: StoredTypes,
  sub: Attribute,
): ColumnStorage | undefined {
  switch (sub.name) {
    case 'value':
      return column('m.value', true);
    case 'display':
      return column(sub.caseExact ? 'm.display' : 'm.display_key');
    case 'type': {
      if (sub.caseExact) return column(memberTypeName(types));
      return column(byType(types, 'm.kind', ({ type }) => quoteText(fold(type.name)), 'm.type_key'));
    }
    case '$ref':
      return column(`(${base} || ${endpointOf(types, 'm.kind')} || ${pathSegment(query.name, 'm.value')})`);
    default:
      return undefined;
  }
}

function memberTable({ dialect, types, tenant }: MapQuery): TableStorage {
  return {
    kind: 'table',
    from: 'member m',
    key: 'm.owner',
    where: { sql: 'm.tenant = ?', parameters: [tenant] },
    each: eachValue(dialect),
    column: (sub) => memberColumn(dialect, types, sub),
  };
}

/** Numbers of the types that have members now: what had some under another configuration has none. */
export function ownerTypes(types: StoredTypes): string {
  const owners = types.all.filter(({ layout }) => layout.members !== undefined);
  return `(${owners.map(({ number }) => number).join(', ') || 'NULL'})`;
}

/** Every membership of the tenant, through nested groups too. UNION drops what was met before, so cycles end. */
const memberships = (dialect: StoreDialect, owners: string) => {
  const { join, request, counting } = dialect;
  const ofTenant = (row?: string): string => tenantColumn(dialect, row);
  return `(
  WITH RECURSIVE up (value, owner, depth${ofTenant()}) AS (
    SELECT m.value, m.owner, 0${ofTenant('m')} FROM member m WHERE ${allOf(`m.tenant = ${request.tenant}`, 'm.kind IS NOT NULL', counting?.membership('direct'))}
    UNION
    SELECT up.value, m.owner, 1${ofTenant('m')}
    FROM up ${join} resource o ON ${allOf('o.rid = up.owner', sameTenant(dialect, 'o', 'up'), `o.type IN ${owners}`)}
    ${join} member m ON ${allOf('m.tenant = o.tenant', 'm.value = o.id', counting?.membership('indirect'))}
  ), nearest (value, owner, depth${ofTenant()}) AS (
    SELECT up.value, up.owner, min(up.depth)${ofTenant('up')} FROM up GROUP BY up.value, up.owner${ofTenant('up')}
  )
  SELECT u.rid, o.id AS value, o.display_key, o.type AS kind,
    CASE n.depth WHEN 0 THEN 'direct' ELSE 'indirect' END AS type
  FROM nearest n
  JOIN resource o ON ${allOf('o.rid = n.owner', sameTenant(dialect, 'o', 'n'), `o.type IN ${owners}`)}
  JOIN resource u ON u.tenant = o.tenant AND u.id = n.value
) g`;
};

function groupTable({ dialect, types, tenant }: MapQuery): TableStorage {
  const owners = ownerTypes(types);
  const { join, request } = dialect;
  const membersOf = `${join} member m ON ${allOf('m.owner = o.rid', sameTenant(dialect, 'm', 'o'))}`;
  return {
    kind: 'table',
    from: memberships(dialect, owners),
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
          return column(
            `(${request.base} || ${endpointOf(types, 'g.kind')} || ${pathSegment(dialect.query.name, 'g.value')})`,
          );
        default:
          return undefined;
      }
    },
    equals: (sub, key): SqlFragment | undefined =>
      sub.name !== 'value'
        ? undefined
        : {
            sql: `WITH RECURSIVE down (value, kind) AS (
  SELECT m.value, m.kind FROM resource o ${membersOf} WHERE o.tenant = ? AND o.id = ? AND o.type IN ${owners}
  UNION
  SELECT m.value, m.kind FROM down
  ${join} resource o ON o.tenant = ? AND o.id = down.value ${membersOf}
  WHERE down.kind IN ${owners}
)
SELECT u.rid FROM down ${join} resource u ON u.tenant = ? AND u.id = down.value`,
            parameters: [tenant, key, tenant, tenant],
          },
  };
}

/** What conditions read JSON from. */
export const jsonDocuments = { keys: 'k.keys', body: 'd.body' } as const;

/** What brings `document d` into a query. */
export function documentJoin(dialect: StoreDialect): string {
  return `JOIN document d ON ${allOf('d.rid = r.rid', sameTenant(dialect, 'd', 'r'))}`;
}

/** One query of a tenant. */
export interface MapQuery {
  readonly dialect: StoreDialect;
  readonly types: StoredTypes;
  readonly tenant: number;
  /** Notes what the text index is asked for; without it, it is not. */
  readonly matches?: string[];
}

/** Makes the map of a type for one query. */
export function queryMap(query: MapQuery, stored: StoredType): QueryMap {
  const joined = new Set<string>();
  const { dialect } = query;
  const each = (terms: number, condition: string, alias: string): string =>
    eachValue(dialect, 'r.rid', `${alias}.key`)(terms, condition, true);
  const storageOf = ({ attribute, location }: Entry): Storage => {
    switch (location.kind) {
      case 'column':
        return column(`r.${location.column}`, location.column !== 'active');
      case 'row':
        return rowColumn(dialect, stored, location.of);
      case 'keys': {
        joined.add(`JOIN document_keys k ON ${allOf('k.rid = r.rid', sameTenant(dialect, 'k', 'r'))}`);
        return {
          ...{ document: jsonDocuments.keys, path: location.path },
          ...(attribute.multiValued ? { kind: 'jsonArray', each } : { kind: 'json' }),
        };
      }
      case 'body':
        joined.add(documentJoin(dialect));
        return {
          kind: 'jsonArray',
          document: dialect.document(jsonDocuments.body),
          path: location.path,
          each,
        };
      case 'element': {
        if (attribute.multiValued) return elementTable(query, stored, attribute);
        const number = stored.attributeNumber(attribute);
        joined.add(
          `LEFT JOIN element s${number} ON s${number}.rid = r.rid AND s${number}.attribute = ${number} AND s${number}.tenant = r.tenant AND s${number}.ordinal = 0`,
        );
        return column(`s${number}.${elementColumn(attribute, attribute)}`, true);
      }
      case 'members':
        return memberTable(query);
      case 'groups':
        return groupTable(query);
    }
  };
  return {
    key: 'r.rid',
    resolve(attribute) {
      const entry = stored.layout.entries.get(attribute.path);
      return entry === undefined ? undefined : withTextIndex(query, stored, attribute, 'r', storageOf(entry));
    },
    joins: (...more) => [...new Set([...joined, ...more])].join(' '),
  };
}

/** The map within a group's members, for the value filter of a PATCH path: `members[type eq "User"]`. */
export function memberMap(dialect: StoreDialect, types: StoredTypes): StorageMap {
  return { key: 'm.value', resolve: (attribute) => memberColumn(dialect, types, attribute) };
}
