/**
 * The SQL of a list. One arm for each resource type, `(rid, key)` where key is what is sorted by; the page is cut
 * from the arms' union, and only then are the documents of its rows joined in.
 *
 * The order is total: by key, unassigned ones last, then by row; descending is its exact reverse.
 */
import type { Parameter } from '../../query/dialect.ts';
import { type Plan, termsOf } from '../../query/plan.ts';
import { compileSort } from '../../query/sort.ts';
import { type CompiledSql, compilePlan } from '../../query/sql.ts';
import type { Storage, StorageMap } from '../../query/storage.ts';
import type { Attribute } from '../../scim/registry.ts';
import type { StoredType, StoredTypes } from '../layout/stored-type.ts';
import type { Position, Query } from '../store.ts';
import { documentJoin, jsonDocuments, queryMap } from './attribute-map.ts';
import { allOf, type Sql, type StoreDialect, tenantOf, tenantOfRequest } from './dialect.ts';
import type { PageSql } from './list-job.ts';
import { columnsWith } from './resource.ts';

/** One resource type's part of the result. */
export interface Arm {
  /** The number of the type. */
  readonly type: number;
  readonly tenant: number;
  /** `FROM … WHERE …`, the filter included. */
  readonly from: Sql;
  /** The same with `document d`, if the filter leaves one resource at most. */
  readonly single: Sql | undefined;
  readonly filtered: boolean;
  /** An index finds what the filter selects. */
  readonly selective: boolean;
  /** Are few rows looked at for a page and for the total, however many resources there are? */
  readonly quick: boolean;
  /** What the text index is asked for, if it is. */
  readonly matches: readonly string[];
  /** Undefined: the type does not have the attribute. */
  readonly key: Sql | undefined;
  /** The document, or as much of it as is wanted. */
  readonly body: string;
}

/** `withTextIndex` false leaves the text index alone. */
export function compileArms(
  dialect: StoreDialect,
  types: StoredTypes,
  { tenant, targets }: Query,
  withTextIndex = true,
): Arm[] {
  return targets.map(({ type, plan, sort, shown }) => {
    const stored = types.of(type);
    const matches: string[] = [];
    const map = queryMap({ dialect, types, tenant, ...(withTextIndex ? { matches } : {}) }, stored);
    const key = sort === undefined ? undefined : compileSort(sort, map, dialect.query);
    const filter = plan === undefined ? undefined : compilePlan(plan, map, dialect.query);
    const isScan = filter !== undefined ? filter.unindexed.length > 0 : key !== undefined && !key.indexed;
    const conditions = isScan ? counted(dialect, map, { plan, filter, key }) : filter && [inBrackets(filter)];
    const where = `WHERE ${allOf('r.tenant = ?', 'r.type = ?', ...(conditions ?? []).map(({ text }) => text))}`;
    const parameters = [
      ...[tenant, stored.number],
      ...(conditions ?? []).flatMap((condition) => condition.parameters),
    ];
    const single = plan !== undefined && findsOne(plan, stored);
    return {
      type: stored.number,
      tenant,
      from: { text: `FROM resource r ${map.joins()} ${where}`, parameters },
      single: single
        ? { text: `FROM resource r ${map.joins(documentJoin(dialect))} ${where}`, parameters }
        : undefined,
      filtered: filter !== undefined,
      selective: filter !== undefined && filter.unindexed.length === 0,
      matches,
      body: (shown === undefined ? undefined : dialect.partOfBody?.(shown)) ?? 'd.body',
      quick: single || (plan === undefined ? (key?.indexed ?? true) : findsFew(plan, map.resolve)),
      key:
        key === undefined
          ? undefined
          : {
              text: key.sql.replace(/ (?:ASC|DESC)(?: NULLS (?:FIRST|LAST))?$/, ''),
              parameters: key.parameters,
            },
    };
  });
}

interface Scan {
  readonly plan: Plan | undefined;
  readonly filter: CompiledSql | undefined;
  readonly key: { readonly sql: string } | undefined;
}

/** The conditions of a filter for which every resource is read, each of which is counted. */
function counted(dialect: StoreDialect, map: StorageMap, { plan, filter, key }: Scan): Sql[] {
  const { counting } = dialect;
  if (counting === undefined) return filter === undefined ? [] : [inBrackets(filter)];
  const terms = plan === undefined ? 1 : termsOf(plan);
  const count = allOf(counting.resource('r.rid', terms), ...jsonCounts(dialect, filter, key));
  if (plan === undefined || filter === undefined)
    return [{ text: counting.before(count, ''), parameters: [] }];
  const before = (compiled: CompiledSql): Sql => {
    const { text, parameters } = inBrackets(compiled);
    return { text: counting.before(count, text), parameters };
  };
  if (!counting.findsByTable) return [before(filter)];
  const isByTable = (each: Plan): boolean =>
    each.kind === 'anyElement' && map.resolve(each.attribute)?.kind === 'table';
  const all = plan.kind === 'and' ? plan.plans : [plan];
  const byTable = all.filter(isByTable);
  if (byTable.length === 0) return [before(filter)];
  const compile = (each: Plan): CompiledSql => compilePlan(each, map, dialect.query);
  const others = all.filter((each) => !byTable.includes(each));
  return [
    ...byTable.map((each) => inBrackets(compile(each))),
    ...(others.length === 0 ? [] : [before(compile({ kind: 'and', plans: others }))]),
  ];
}

function inBrackets({ sql, parameters }: CompiledSql): Sql {
  return { text: `(${sql})`, parameters };
}

/** A condition for each JSON text that the others read, by how often they do. */
function jsonCounts(
  { counting }: StoreDialect,
  ...conditions: readonly ({ readonly sql: string } | undefined)[]
): string[] {
  if (counting === undefined) return [];
  const sql = conditions.map((condition) => condition?.sql ?? '').join(' ');
  return Object.values(jsonDocuments).flatMap((document) => {
    const terms = sql.split(document).length - 1;
    return terms === 0 ? [] : [counting.document(document, terms)];
  });
}

/** Names the filter one resource, by its id or by its value of the unique column? */
function findsOne(plan: Plan, stored: StoredType): boolean {
  if (plan.kind === 'and') return plan.plans.some((each) => findsOne(each, stored));
  if (plan.kind !== 'compare' || plan.operator !== 'eq') return false;
  return plan.attribute === stored.layout.uniqueColumn || plan.attribute.path === 'id';
}

/** Does an index find, by one value, what the filter selects? Many have the same beginning, few the same value. */
function findsFew(plan: Plan, resolve: (attribute: Attribute) => Storage | undefined): boolean {
  switch (plan.kind) {
    case 'compare': {
      const storage = resolve(plan.attribute);
      return plan.operator === 'eq' && storage?.kind === 'column' && storage.indexed;
    }
    case 'anyElement': {
      const storage = resolve(plan.attribute);
      // What is computed, memberships, is as much as the largest group.
      return (
        storage?.kind === 'table' && storage.equals === undefined && findsFew(plan.predicate, storage.column)
      );
    }
    case 'and':
      return plan.plans.some((each) => findsFew(each, resolve));
    case 'or':
      return plan.plans.every((each) => findsFew(each, resolve));
    default:
      return false;
  }
}

export function countSql({ type, tenant, from, filtered }: Arm): Sql {
  return filtered
    ? { text: `SELECT count(*) ${from.text}`, parameters: from.parameters }
    : { text: 'SELECT total FROM counter WHERE tenant = ? AND type = ?', parameters: [tenant, type] };
}

/** A further condition on the arms: which part of the order is wanted. */
export type Phase =
  | { readonly kind: 'all' }
  | { readonly kind: 'assigned' }
  | { readonly kind: 'unassigned'; readonly beyond?: number }
  | { readonly kind: 'beyond'; readonly key: string | number; readonly row: number };

/** The sort key at a place of the order, null when unassigned or when nothing is sorted by, and the row there. */
export type KeysetPosition = readonly [key: string | number | null, row: number];

export function writePosition([key, row]: KeysetPosition): Position {
  return key === null ? `[null,${row}]` : JSON.stringify([key, row]);
}

function readPosition(position: Position): KeysetPosition {
  return JSON.parse(position);
}

/**
 * The parts of the order that lie beyond a position, one after the other: each is a range of one index, where the
 * condition as a whole would be an OR that reads everything from the start.
 */
export function phasesBeyond(position: Position, backwards: boolean): Phase[] {
  const [key, row] = readPosition(position);
  if (key === null) {
    const rest: Phase = { kind: 'unassigned', beyond: row };
    return backwards ? [rest, { kind: 'assigned' }] : [rest];
  }
  const rest: Phase = { kind: 'beyond', key, row };
  return backwards ? [rest] : [rest, { kind: 'unassigned' }];
}

function phaseCondition(key: Sql | undefined, phase: Phase, beyond: '<' | '>'): Sql {
  const { text, parameters } = key ?? { text: 'NULL', parameters: [] };
  switch (phase.kind) {
    case 'all':
      return { text: '', parameters: [] };
    case 'assigned':
      return { text: ` AND ${text} IS NOT NULL`, parameters };
    case 'unassigned':
      if (phase.beyond === undefined) return { text: ` AND ${text} IS NULL`, parameters };
      if (key === undefined) return { text: ` AND r.rid ${beyond} ?`, parameters: [phase.beyond] };
      return {
        text: ` AND ${text} IS NULL AND r.rid ${beyond} ?`,
        parameters: [...parameters, phase.beyond],
      };
    case 'beyond':
      return {
        text: ` AND (${text}, r.rid) ${beyond} (?, ?)`,
        parameters: [...parameters, phase.key, phase.row],
      };
  }
}

/**
 * The rows of a phase in walking order: `key`, `rid` and the columns of a resource. Parameters end with LIMIT and OFFSET, but
 * where `length`, which is LIMIT, stands in the statement.
 * With `mostBytes` a larger document is null, and is read by itself (see {@link documentSql}). Where nothing is filtered,
 * sorted or skipped (`skips` is false), the rows are read in their order: shown by the workload `list` of npm run bench.
 */
export function pageSql(
  dialect: StoreDialect,
  arms: readonly Arm[],
  phase: Phase,
  backwards: boolean,
  mostBytes?: number,
  skips = false,
  length?: number,
): PageSql {
  const { joinEach, unindexed, isMember, bytes, plansByLength } = dialect;
  const document = joinEach('document', 'd', { rid: 'r.rid', ...tenantOf(dialect, 'r') });
  const [first] = arms;
  if (arms.length === 1 && first?.single !== undefined && phase.kind === 'all')
    return onlySql(first, first.single);
  const direction = backwards ? 'DESC' : 'ASC';
  const nulls = phase.kind !== 'all' ? '' : backwards ? ' NULLS FIRST' : ' NULLS LAST';
  const keyed = phase.kind !== 'unassigned' && arms.some(({ key }) => key !== undefined);
  const order = (alias: string): string =>
    keyed ? `${alias}key ${direction}${nulls}, ${alias}rid ${direction}` : `${alias}rid ${direction}`;
  const parameters: Parameter[] = mostBytes === undefined ? [] : [mostBytes];
  const body = bodyOf(arms);
  const bounded = plansByLength === true && length !== undefined;
  const limit = bounded ? length : '? OFFSET ?';
  const more = bounded ? { bounded } : {};
  const columns = columnsWith(
    mostBytes === undefined ? body : `CASE WHEN ${bytes('d.body')} <= ? THEN ${body} END`,
    isMember,
  );
  if (arms.length === 1 && first !== undefined && !first.filtered && first.key === undefined && !skips) {
    const condition = phaseCondition(undefined, phase, backwards ? '<' : '>');
    const order = `r.rid ${direction}`;
    const rest = `WHERE r.tenant = ? AND r.type = ?${condition.text} ORDER BY ${order} LIMIT ${limit}`;
    const bound = [first.tenant, first.type, ...condition.parameters];
    const from = { text: `FROM resource r ${rest}`, parameters: bound };
    return {
      text: `SELECT NULL AS key, r.rid, ${columns} FROM resource r ${document}\n${rest}`,
      parameters: [...parameters, ...bound],
      ...(bounded ? { bounded, plain: { from, order } } : {}),
    };
  }
  const selects = arms.map(({ key, from, selective }) => {
    const condition = phaseCondition(key, phase, backwards ? '<' : '>');
    parameters.push(...(key?.parameters ?? []), ...from.parameters, ...condition.parameters);
    // Or SQLite walks the whole order to find the few rows that another index finds at once.
    const read = selective ? unindexed : (expression: string) => expression;
    return `SELECT ${read('r.rid')} AS rid, ${key === undefined ? 'NULL' : read(key.text)} AS key ${from.text}${condition.text}`;
  });
  return {
    text: `SELECT p.key, p.rid, ${columns}
FROM (${selects.join('\nUNION ALL ')}
ORDER BY ${order('')} LIMIT ${limit}) p
${joinEach('resource', 'r', { rid: 'p.rid', ...tenantOfRequest(dialect) })} ${document}
ORDER BY ${order('p.')}`,
    parameters,
    ...more,
  };
}

/** Bytes of a document that is read with its row: all of a page's together are no more than the page may have. */
export function pageShare({ bytes, limit }: Query): number | undefined {
  return bytes === undefined ? undefined : Math.floor(bytes / (limit + 1));
}

/** The document of one row, by its number, as much of it as is wanted. */
export function documentSql(dialect: StoreDialect, arms: readonly Arm[]): string {
  const { tenant } = tenantOfRequest(dialect);
  return `SELECT ${bodyOf(arms)} FROM resource r ${documentJoin(dialect)}
WHERE ${allOf('r.rid = ?', tenant && `r.tenant = ${tenant}`)}`;
}

function bodyOf(arms: readonly Arm[]): string {
  const [first] = arms;
  if (first === undefined || arms.every(({ body }) => body === first.body)) return first?.body ?? 'd.body';
  return `CASE r.type ${arms.map(({ type, body }) => `WHEN ${type} THEN ${body}`).join(' ')} END`;
}

/** The page of an arm that has one row at most needs no order, and so no table to sort it in, and no LIMIT. */
function onlySql({ key, body }: Arm, { text, parameters }: Sql): PageSql {
  return {
    text: `SELECT ${key?.text ?? 'NULL'} AS key, r.rid, ${columnsWith(body)} ${text}`,
    parameters: [...(key?.parameters ?? []), ...parameters],
    single: true,
  };
}
