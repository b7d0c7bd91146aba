/**
 * Plan → SQL, one compiler for every dialect. A compiled condition is TRUE exactly when the plan holds; where it does
 * not, it may be FALSE or NULL, so a negation is written `IS NOT TRUE`. Values are always parameters; every other
 * piece of the text is the program's own.
 */
import type { Range } from '../../grammar/index.ts';
import type { Key } from '../scim/comparison.ts';
import type { Attribute } from '../scim/registry.ts';
import type { Dialect, Parameter } from './dialect.ts';
import { keyKind, type PlaceOptions, Places, type Scope } from './places.ts';
import {
  type AnyElementPlan,
  type AnyPartPlan,
  type AssignedPlan,
  type ComparePlan,
  type Plan,
  termsOf,
} from './plan.ts';
import type { StorageMap } from './storage.ts';

/** A filter (RFC 7644 §3.4.2.2) as SQL. */
export interface CompiledSql {
  /** A condition for a WHERE clause; put it in parentheses where it is joined with others. */
  readonly sql: string;
  readonly parameters: readonly Parameter[];
  /** The attributes for which every row has to be read, since no index serves them; empty if none is. */
  readonly unindexed: readonly string[];
}

export interface SqlOptions extends PlaceOptions {
  /** Refuses a filter that no index serves. */
  readonly indexedOnly?: boolean;
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
  const places = new Places(map, dialect, options);
  const { sql, scans } = new SqlCompiler(places).compile(plan, undefined);
  const [scan] = scans;
  if (options.indexedOnly && scan !== undefined) throw places.scanRefused(scan.path, scan.range);
  return { sql, parameters: places.parameters, unindexed: [...new Set(scans.map(({ path }) => path))] };
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

const symbols = { eq: '=', ne: '<>', gt: '>', ge: '>=', lt: '<', le: '<=' } as const;
/** SQLite parses `a AND b AND c …` to a tree as deep as the chain is long, and stops at 1000. */
const CHAIN = 8;

class SqlCompiler {
  readonly places: Places;

  constructor(places: Places) {
    this.places = places;
  }

  compile(plan: Plan, scope: Scope | undefined): Condition {
    switch (plan.kind) {
      case 'compare':
        return this.#compare(plan, scope);
      case 'assigned':
        return this.#assigned(plan, scope);
      case 'anyElement':
        return this.#anyElement(plan, scope);
      case 'anyPart':
        return this.#anyPart(plan, scope);
      case 'and': {
        const conditions = plan.plans.map((operand) => this.compile(operand, scope));
        // One operand that an index serves finds the rows; the others are only checked on them.
        const served = conditions.some(({ scans }) => scans.length === 0);
        return { ...chain(conditions, 'and'), scans: served ? [] : conditions.flatMap(({ scans }) => scans) };
      }
      case 'or': {
        const operands = scope === undefined ? this.#together(plan.plans) : plan.plans;
        const conditions = operands.map((operand) => this.compile(operand, scope));
        return { ...chain(conditions, 'or'), scans: conditions.flatMap(({ scans }) => scans) };
      }
      case 'not':
        return this.#not(plan.plan, scope);
      case 'constant':
        return atom(plan.value ? 'TRUE' : 'FALSE', []);
    }
  }

  /**
   * "Some value is this, or some value is that" is "some value is this or that", and looks at all values once. Where an index
   * finds each, they stay apart.
   */
  #together(plans: readonly Plan[]): readonly Plan[] {
    const scanned = new Map<Attribute, AnyElementPlan[]>();
    for (const plan of plans)
      if (plan.kind === 'anyElement' && this.#isScanned(plan)) {
        const others = scanned.get(plan.attribute);
        if (others === undefined) scanned.set(plan.attribute, [plan]);
        else others.push(plan);
      }
    if ([...scanned.values()].every(({ length }) => length < 2)) return plans;
    return plans.flatMap((plan): readonly Plan[] => {
      const same = plan.kind === 'anyElement' ? scanned.get(plan.attribute) : undefined;
      if (same === undefined || same.length < 2 || !same.includes(plan as AnyElementPlan)) return [plan];
      const [first] = same as [AnyElementPlan];
      if (plan !== first) return [];
      return [{ ...first, predicate: { kind: 'or', plans: same.map(({ predicate }) => predicate) } }];
    });
  }

  #isScanned({ attribute, predicate }: AnyElementPlan): boolean {
    const storage = this.places.elements(attribute, undefined);
    if (storage === undefined || storage.kind === 'jsonArray') return storage !== undefined;
    if (storage.equals === undefined) return false;
    return !(
      predicate.kind === 'compare' &&
      predicate.operator === 'eq' &&
      storage.equals(predicate.attribute, predicate.key) !== undefined
    );
  }

  #not(plan: Plan, scope: Scope | undefined): Condition {
    const scans = scansOf(plan);
    if (plan.kind === 'compare' && plan.operator === 'eq') {
      const column = this.places.read(plan.attribute, scope, plan.range, isWide(plan.key));
      return atom(
        `${column.sql} IS DISTINCT FROM ${this.places.key(plan.key, plan.attribute, column)}`,
        scans,
      );
    }
    if (plan.kind === 'assigned' && !plan.nonEmpty) {
      return atom(`${this.places.read(plan.attribute, scope, plan.range).sql} IS NULL`, scans);
    }
    return atom(`(${this.compile(plan, scope).sql}) IS NOT TRUE`, scans);
  }

  #compare(plan: ComparePlan, scope: Scope | undefined): Condition {
    const { attribute, key, operator, range } = plan;
    const { dialect } = this.places;
    const column = this.places.read(attribute, scope, range, isWide(key));
    const scans = [{ path: attribute.path, range }];
    const served = column.indexed ? [] : scans;
    switch (operator) {
      case 'eq':
        return atom(`${column.sql} = ${this.places.key(key, attribute, column)}`, served);
      case 'ne':
        return atom(`${column.sql} <> ${this.places.key(key, attribute, column)}`, scans);
      case 'gt':
      case 'ge':
      case 'lt':
      case 'le':
        return atom(
          `${this.places.ordered(attribute, column)} ${symbols[operator]} ${this.places.key(key, attribute, column)}`,
          served,
        );
      case 'sw': {
        const text = this.places.ordered(attribute, column);
        const from = `${text} >= ${this.places.key(key, attribute, column)}`;
        const end = prefixEnd(String(key));
        if (end === undefined) return atom(from, served);
        return {
          sql: `${from} AND ${text} < ${this.places.key(end, attribute, column)}`,
          binds: 'and',
          scans: served,
        };
      }
      case 'ew': {
        const length = this.places.parameter([...String(key)].length);
        return atom(
          `${dialect.suffix(column.sql, length)} = ${this.places.key(key, attribute, column)}`,
          scans,
        );
      }
      case 'co': {
        const narrowed = column.containing?.(String(key));
        const first = narrowed === undefined ? undefined : atom(this.places.fragment(narrowed), []);
        const exact = atom(dialect.contains(column.sql, this.places.key(key, attribute, column)), scans);
        return first === undefined ? exact : { ...chain([first, exact], 'and'), scans: [] };
      }
    }
  }

  #assigned(plan: AssignedPlan, scope: Scope | undefined): Condition {
    const { attribute, range } = plan;
    const { sql } = this.places.read(attribute, scope, range);
    // Numbers, booleans and instants are never empty.
    const emptiable = plan.nonEmpty && keyKind(attribute) === 'text';
    return atom(emptiable ? `${sql} <> ''` : `${sql} IS NOT NULL`, [{ path: attribute.path, range }]);
  }

  #anyPart(plan: AnyPartPlan, scope: Scope | undefined): Condition {
    const kept = plan.plans.filter((part) => this.#isKept(part, scope));
    if (kept.length === 0) throw this.places.unmapped(plan.path, plan.range);
    const conditions = kept.map((part) => this.compile(part, scope));
    return { ...chain(conditions, 'or'), scans: [{ path: plan.path, range: plan.range }] };
  }

  #anyElement(plan: AnyElementPlan, scope: Scope | undefined): Condition {
    const { attribute, predicate, range } = plan;
    const storage = this.places.elements(attribute, scope);
    if (storage === undefined) throw this.places.unmapped(attribute.path, range);
    if (storage.kind === 'jsonArray') {
      const alias = this.places.alias();
      const from = this.places.dialect.jsonElements(storage.document, storage.path, alias);
      const inner = this.compile(predicate, { kind: 'json', alias, attribute, array: storage });
      const sql = storage.each?.(termsOf(predicate), operand(inner), alias) ?? inner.sql;
      return atom(`EXISTS (SELECT 1 FROM ${from} WHERE ${sql})`, scansOf(plan));
    }
    if (predicate.kind === 'compare' && predicate.operator === 'eq') {
      const short = storage.equals?.(predicate.attribute, predicate.key);
      if (short !== undefined) return atom(`${this.places.map.key} IN (${this.places.fragment(short)})`, []);
    }
    const where = this.places.fragment(storage.where);
    const inner = this.compile(predicate, { kind: 'row', table: storage });
    const each = storage.each?.(termsOf(predicate), operand(inner), inner.scans.length > 0);
    const condition = where === '' ? (each ?? inner.sql) : `${where} AND ${each ?? operand(inner)}`;
    return atom(
      `${this.places.map.key} IN (SELECT ${storage.key} FROM ${storage.from} WHERE ${condition})`,
      inner.scans,
    );
  }

  /** Whether the storage has a place for this part of a complex value or extension. */
  #isKept(plan: Plan, scope: Scope | undefined): boolean {
    switch (plan.kind) {
      case 'assigned':
        return this.places.place(plan.attribute, scope) !== undefined;
      case 'anyElement':
        return this.places.elements(plan.attribute, scope) !== undefined;
      case 'anyPart':
        return plan.plans.some((part) => this.#isKept(part, scope));
      default:
        return true;
    }
  }
}

/** Beyond 2^53, differently written numbers stand for the same double. */
function isWide(key: Key): boolean {
  return typeof key === 'number' && Math.abs(key) > Number.MAX_SAFE_INTEGER;
}

function atom(sql: string, scans: readonly Scan[]): Condition {
  return { sql, binds: 'atom', scans };
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

/** As an operand of AND. */
function operand({ sql, binds }: Condition): string {
  return binds === 'or' ? `(${sql})` : sql;
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

/**
 * The least string, by code point, that is greater than every string with this prefix: `sw` becomes a range that an
 * index serves. Undefined if there is none.
 */
export function prefixEnd(prefix: string): string | undefined {
  const points = [...prefix];
  for (let last = points.pop(); last !== undefined; last = points.pop()) {
    const code = last.codePointAt(0) as number;
    // The last code point has no successor: the one before it takes the step.
    if (code === 0x10ffff) continue;
    return points.join('') + String.fromCodePoint(code === 0xd7ff ? 0xe000 : code + 1);
  }
  return undefined;
}
