/**
 * Plan → SQL, one compiler for every dialect. A compiled condition is TRUE exactly when the plan holds; where it does
 * not, it may be FALSE or NULL, so a negation is written `IS NOT TRUE`. Values are always parameters; every other
 * piece of the text is the program's own.
 */
import { type Range, ScimFilterError } from '../../grammar/index.ts';
import type { Key } from '../scim/comparison.ts';
import type { Attribute } from '../scim/registry.ts';
import type { Dialect, KeyKind, Parameter } from './dialect.ts';
import type { AnyElementPlan, AnyPartPlan, AssignedPlan, ComparePlan, Plan } from './plan.ts';
import { prefixEnd } from './prefix-end.ts';
import type {
  ColumnStorage,
  JsonArrayStorage,
  JsonStorage,
  SqlFragment,
  StorageMap,
  TableStorage,
} from './storage.ts';

export interface CompiledSql {
  /** A condition for a WHERE clause; put it in parentheses where it is joined with others. */
  readonly sql: string;
  readonly parameters: readonly Parameter[];
  /** The attributes for which every row has to be read, since no index serves them; empty if none is. */
  readonly unindexed: readonly string[];
}

export interface SqlOptions {
  /** Parameters that stand before these in the statement: placeholders count on from it. Default 0. */
  readonly offset?: number;
  /** Refuses a filter that no index serves. */
  readonly indexedOnly?: boolean;
  /** The text that was parsed, for the caret frame of errors. */
  readonly source?: string;
}

/**
 * Compiles a plan over the tables that `map` describes.
 * @throws ScimFilterError `invalidFilter` for an attribute that the map does not have (`unmappedAttribute`) and,
 * with `indexedOnly`, for one that would need a scan (`unindexed`).
 */
export function compilePlan(
  plan: Plan,
  map: StorageMap,
  dialect: Dialect,
  options: SqlOptions = {},
): CompiledSql {
  const compiler = new SqlCompiler(map, dialect, options);
  const { sql, scans } = compiler.compile(plan, undefined);
  const [scan] = scans;
  if (options.indexedOnly && scan !== undefined) throw compiler.scanRefused(scan);
  return { sql, parameters: compiler.parameters, unindexed: [...new Set(scans.map(({ path }) => path))] };
}

export function keyKind(attribute: Attribute): KeyKind {
  switch (attribute.type) {
    case 'boolean':
      return 'boolean';
    case 'integer':
    case 'decimal':
      return 'number';
    case 'dateTime':
      return 'instant';
    default:
      return 'text';
  }
}

/** What no index serves, and where the filter asks for it. */
interface Scan {
  readonly path: string;
  readonly range: Range;
}

interface Condition {
  readonly sql: string;
  /** How tightly the outermost operator binds. */
  readonly binds: 'or' | 'and' | 'atom';
  readonly scans: readonly Scan[];
}

/** The element that sub-attributes belong to: a row of a table, or an element of a JSON array. */
type Scope =
  | { readonly kind: 'row'; readonly table: TableStorage }
  | {
      readonly kind: 'json';
      readonly alias: string;
      readonly attribute: Attribute;
      readonly array: JsonArrayStorage;
    };

const symbols = { eq: '=', ne: '<>', gt: '>', ge: '>=', lt: '<', le: '<=' } as const;
/** SQLite parses `a AND b AND c …` to a tree as deep as the chain is long, and stops at 1000. */
const CHAIN = 8;

class SqlCompiler {
  readonly parameters: Parameter[] = [];
  private readonly map: StorageMap;
  private readonly dialect: Dialect;
  private readonly options: SqlOptions;
  private aliases = 0;

  constructor(map: StorageMap, dialect: Dialect, options: SqlOptions) {
    this.map = map;
    this.dialect = dialect;
    this.options = options;
  }

  compile(plan: Plan, scope: Scope | undefined): Condition {
    switch (plan.kind) {
      case 'compare':
        return this.compare(plan, scope);
      case 'assigned':
        return this.assigned(plan, scope);
      case 'anyElement':
        return this.anyElement(plan, scope);
      case 'anyPart':
        return this.anyPart(plan, scope);
      case 'and': {
        const conditions = plan.plans.map((operand) => this.compile(operand, scope));
        // One operand that an index serves finds the rows; the others are only checked on them.
        const served = conditions.some(({ scans }) => scans.length === 0);
        return { ...chain(conditions, 'and'), scans: served ? [] : conditions.flatMap(({ scans }) => scans) };
      }
      case 'or': {
        const conditions = plan.plans.map((operand) => this.compile(operand, scope));
        return { ...chain(conditions, 'or'), scans: conditions.flatMap(({ scans }) => scans) };
      }
      case 'not':
        return this.not(plan.plan, scope);
      case 'constant':
        return atom(plan.value ? 'TRUE' : 'FALSE', []);
    }
  }

  scanRefused({ path, range }: Scan): ScimFilterError {
    return this.error('unindexed', `no index serves ${path} in this filter`, range);
  }

  private not(plan: Plan, scope: Scope | undefined): Condition {
    const scans = scansOf(plan);
    if (plan.kind === 'compare' && plan.operator === 'eq') {
      const column = this.read(plan.attribute, scope, plan.range);
      return atom(`${column.sql} IS DISTINCT FROM ${this.key(plan.key, plan.attribute, column)}`, scans);
    }
    if (plan.kind === 'assigned' && !plan.nonEmpty) {
      return atom(`${this.read(plan.attribute, scope, plan.range).sql} IS NULL`, scans);
    }
    return atom(`(${this.compile(plan, scope).sql}) IS NOT TRUE`, scans);
  }

  private compare(plan: ComparePlan, scope: Scope | undefined): Condition {
    const { attribute, key, operator, range } = plan;
    const { dialect } = this;
    const column = this.read(attribute, scope, range);
    const scans = [{ path: attribute.path, range }];
    const served = column.indexed ? [] : scans;
    switch (operator) {
      case 'eq':
        return atom(`${column.sql} = ${this.key(key, attribute, column)}`, served);
      case 'ne':
        return atom(`${column.sql} <> ${this.key(key, attribute, column)}`, scans);
      case 'gt':
      case 'ge':
      case 'lt':
      case 'le':
        return atom(
          `${ordered(dialect, attribute, column)} ${symbols[operator]} ${this.key(key, attribute, column)}`,
          served,
        );
      case 'sw': {
        const text = ordered(dialect, attribute, column);
        const from = `${text} >= ${this.key(key, attribute, column)}`;
        const end = prefixEnd(String(key));
        if (end === undefined) return atom(from, served);
        return {
          sql: `${from} AND ${text} < ${this.key(end, attribute, column)}`,
          binds: 'and',
          scans: served,
        };
      }
      case 'ew': {
        const length = this.parameter([...String(key)].length);
        return atom(`${dialect.suffix(column.sql, length)} = ${this.key(key, attribute, column)}`, scans);
      }
      case 'co': {
        const narrowed = column.containing?.(String(key));
        const first = narrowed === undefined ? undefined : atom(this.fragment(narrowed), []);
        const exact = atom(dialect.contains(column.sql, this.key(key, attribute, column)), scans);
        return first === undefined ? exact : { ...chain([first, exact], 'and'), scans: [] };
      }
    }
  }

  private assigned(plan: AssignedPlan, scope: Scope | undefined): Condition {
    const { attribute, range } = plan;
    const { sql } = this.read(attribute, scope, range);
    // Numbers, booleans and instants are never empty.
    const emptiable = plan.nonEmpty && keyKind(attribute) === 'text';
    return atom(emptiable ? `${sql} <> ''` : `${sql} IS NOT NULL`, [{ path: attribute.path, range }]);
  }

  private anyPart(plan: AnyPartPlan, scope: Scope | undefined): Condition {
    const kept = plan.plans.filter((part) => this.isKept(part, scope));
    if (kept.length === 0) throw this.unmapped(plan.path, plan.range);
    const conditions = kept.map((part) => this.compile(part, scope));
    return { ...chain(conditions, 'or'), scans: [{ path: plan.path, range: plan.range }] };
  }

  private anyElement(plan: AnyElementPlan, scope: Scope | undefined): Condition {
    const { attribute, predicate, range } = plan;
    const storage = this.elements(attribute, scope);
    if (storage === undefined) throw this.unmapped(attribute.path, range);
    if (storage.kind === 'jsonArray') {
      const alias = `e${++this.aliases}`;
      const from = this.dialect.jsonElements(storage.document, storage.path, alias);
      const inner = this.compile(predicate, { kind: 'json', alias, attribute, array: storage });
      return atom(`EXISTS (SELECT 1 FROM ${from} WHERE ${inner.sql})`, scansOf(plan));
    }
    if (predicate.kind === 'compare' && predicate.operator === 'eq') {
      const short = storage.equals?.(predicate.attribute, predicate.key);
      if (short !== undefined) return atom(`${this.map.key} IN (${this.fragment(short)})`, []);
    }
    const where = this.fragment(storage.where);
    const inner = this.compile(predicate, { kind: 'row', table: storage });
    const condition =
      where === '' ? inner.sql : `${where} AND ${inner.binds === 'or' ? `(${inner.sql})` : inner.sql}`;
    return atom(
      `${this.map.key} IN (SELECT ${storage.key} FROM ${storage.from} WHERE ${condition})`,
      inner.scans,
    );
  }

  /** Whether the storage has a place for this part of a complex value or extension. */
  private isKept(plan: Plan, scope: Scope | undefined): boolean {
    switch (plan.kind) {
      case 'assigned':
        return this.place(plan.attribute, scope) !== undefined;
      case 'anyElement':
        return this.elements(plan.attribute, scope) !== undefined;
      case 'anyPart':
        return plan.plans.some((part) => this.isKept(part, scope));
      default:
        return true;
    }
  }

  private elements(
    attribute: Attribute,
    scope: Scope | undefined,
  ): TableStorage | JsonArrayStorage | undefined {
    const storage = scope === undefined ? this.map.resolve(attribute) : this.place(attribute, scope);
    if (storage === undefined || storage.kind === 'table' || storage.kind === 'jsonArray') return storage;
    if (storage.kind === 'json') {
      const { document, path, ...value } = storage;
      return { kind: 'jsonArray', document, path, value };
    }
    throw new Error(`the storage of ${attribute.path} is one column, but it is multi-valued`);
  }

  private place(attribute: Attribute, scope: Scope | undefined): ColumnStorage | JsonStorage | undefined {
    if (scope === undefined) {
      const storage = this.map.resolve(attribute);
      if (storage?.kind === 'table' || storage?.kind === 'jsonArray') {
        throw new Error(`the storage of ${attribute.path} holds several values, but it is singular`);
      }
      return storage;
    }
    if (scope.kind === 'row') return scope.table.column(attribute);
    const { array, alias } = scope;
    const document = `${alias}.value`;
    if (attribute === scope.attribute) return { kind: 'json', document, path: [], ...array.value };
    const member =
      array.member === undefined ? { name: attribute.name.toLowerCase() } : array.member(attribute);
    if (member === undefined) return undefined;
    const { name, ...reading } = member;
    return { kind: 'json', document, path: [name], ...reading };
  }

  private read(attribute: Attribute, scope: Scope | undefined, range: Range): ColumnStorage {
    const storage = this.place(attribute, scope);
    if (storage === undefined) throw this.unmapped(attribute.path, range);
    if (storage.kind === 'column') return storage;
    const { document, path, typed, wrap } = storage;
    const sql = this.dialect.json(document, path, keyKind(attribute), typed);
    return {
      kind: 'column',
      sql: wrap === undefined ? sql : wrap(sql),
      indexed: storage.indexed ?? false,
      ...(typed === undefined ? {} : { typed }),
    };
  }

  private key(key: Key, attribute: Attribute, { typed }: ColumnStorage): string {
    const kind = keyKind(attribute);
    return this.dialect.cast(this.parameter(this.dialect.parameter(key, kind, typed)), key, kind, typed);
  }

  private parameter(value: Parameter): string {
    this.parameters.push(value);
    return this.dialect.placeholder((this.options.offset ?? 0) + this.parameters.length);
  }

  private fragment({ sql, parameters }: SqlFragment): string {
    const pieces = sql.split('?');
    if (pieces.length !== parameters.length + 1)
      throw new Error(`${parameters.length} parameters for: ${sql}`);
    return pieces.reduce((text, piece, index) => text + this.parameter(parameters[index - 1]!) + piece);
  }

  private unmapped(path: string, range: Range): ScimFilterError {
    return this.error('unmappedAttribute', `${path} cannot be filtered by here`, range);
  }

  private error(code: string, detail: string, range: Range): ScimFilterError {
    const { source } = this.options;
    return new ScimFilterError({ code, detail, range, ...(source === undefined ? {} : { source }) });
  }
}

function atom(sql: string, scans: readonly Scan[]): Condition {
  return { sql, binds: 'atom', scans };
}

function ordered(dialect: Dialect, attribute: Attribute, column: ColumnStorage): string {
  const kind = keyKind(attribute);
  const isText = (kind === 'text' || kind === 'instant') && column.typed === undefined;
  return isText ? dialect.byCodePoint(column.sql) : column.sql;
}

/** Joins conditions by `AND` or `OR`, a long row of them as a balanced tree. */
function chain(conditions: readonly Condition[], operator: 'and' | 'or'): Condition {
  if (conditions.length === 1) return conditions[0]!;
  if (conditions.length > CHAIN) {
    const half = conditions.length >> 1;
    return chain(
      [group(conditions.slice(0, half), operator), group(conditions.slice(half), operator)],
      operator,
    );
  }
  const text = conditions.map(({ sql, binds }) => (binds === 'or' && operator === 'and' ? `(${sql})` : sql));
  return { sql: text.join(operator === 'and' ? ' AND ' : ' OR '), binds: operator, scans: [] };
}

function group(conditions: readonly Condition[], operator: 'and' | 'or'): Condition {
  const { sql, binds } = chain(conditions, operator);
  return atom(binds === 'atom' ? sql : `(${sql})`, []);
}

/** Everything that a plan asks for, when no index can help with how it is asked. */
function scansOf(plan: Plan): Scan[] {
  switch (plan.kind) {
    case 'compare':
    case 'assigned':
      return [{ path: plan.attribute.path, range: plan.range }];
    case 'anyPart':
      return [{ path: plan.path, range: plan.range }];
    case 'anyElement':
      return scansOf(plan.predicate);
    case 'and':
    case 'or':
      return plan.plans.flatMap(scansOf);
    case 'not':
      return scansOf(plan.plan);
    case 'constant':
      return [];
  }
}
