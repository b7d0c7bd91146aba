/**
 * Binds a parsed filter to a resource type: every question of types, letter case, dates, unassigned values and
 * multi-valued attributes is answered here, once (RFC 7644 §3.4.2.2, RFC 7643 §2). The matcher and SQL only follow.
 */
import type {
  AttrPath,
  Compare,
  CompareOperator,
  CompareValue,
  Filter,
  Range,
  ValuePath,
} from '../../grammar/index.ts';
import { instantKey, type Key, numberKey, textKey, uriPart } from '../scim/comparison.ts';
import type { Attribute, ResourceType } from '../scim/registry.ts';
import { resolveAttrPath } from '../scim/registry.ts';
import { BindProblems, type ProblemOptions } from './bind-problems.ts';
import {
  always,
  and,
  anyElement,
  anyPart,
  assigned,
  compare,
  holdsForNothing,
  never,
  not,
  or,
  type Plan,
} from './plan.ts';

export interface BindOptions extends ProblemOptions {
  /**
   * What an attribute that the schemas do not define is: an error, or an attribute without value, as a search over
   * several resource types reads it (RFC 7644 §3.4.2.1). Default `error`.
   */
  readonly unknown?: 'error' | 'noValue';
  /** A tolerance: what the text means that a client compares a boolean with (`"True"`). Without it, an error. */
  readonly booleanText?: (text: string) => boolean | undefined;
}

/**
 * Binds `filter` to `type`.
 * @throws ScimFilterError `invalidFilter`, with position, where the filter asks what the schemas do not allow.
 */
export function bindFilter(filter: Filter, type: ResourceType, options: BindOptions = {}): Plan {
  return new Binder(type, undefined, options).filter(filter);
}

/**
 * Binds the filter of a PATCH value selector (RFC 7644 §3.5.2 figure 7) to the attribute whose values it selects.
 * Paths are relative to one value; `value` is the value itself where the attribute is simple.
 * @throws ScimFilterError with `options.scimType`.
 */
export function bindValueFilter(filter: Filter, attribute: Attribute, options: BindOptions = {}): Plan {
  const binder = new Binder(undefined, attribute, options);
  binder.selectable(attribute, filter.range);
  return binder.filter(filter);
}

/** Never readable, so not to be guessed by comparing either (RFC 7643 §2.2 `returned`, RFC 7644 §7.5). */
export function isHidden(attribute: Attribute): boolean {
  return (
    attribute.returned === 'never' ||
    attribute.mutability === 'writeOnly' ||
    (attribute.parent !== undefined && isHidden(attribute.parent))
  );
}

class Binder {
  readonly #type: ResourceType | undefined;
  /** The complex or multi-valued attribute whose brackets we are within. */
  readonly #element: Attribute | undefined;
  readonly #options: BindOptions;
  readonly #problems: BindProblems;

  constructor(type: ResourceType | undefined, element: Attribute | undefined, options: BindOptions) {
    this.#type = type;
    this.#element = element;
    this.#options = options;
    this.#problems = new BindProblems(type, element, options);
  }

  filter(node: Filter): Plan {
    switch (node.type) {
      case 'and':
        return and(node.filters.map((filter) => this.filter(filter)));
      case 'or':
        return or(node.filters.map((filter) => this.filter(filter)));
      case 'not':
        return not(this.filter(node.filter));
      case 'present':
        return this.#present(node.attrPath, node.range);
      case 'compare':
        return this.#compare(node);
      case 'valuePath':
        return this.#valuePath(node);
    }
  }

  #present(path: AttrPath, range: Range): Plan {
    const target = this.#resolve(path);
    if (target === undefined) return never;
    return 'subAttributes' in target
      ? this.#within(target, valued(target, true, range), range)
      : this.#extensionValued(target, true, range);
  }

  #compare(node: Compare): Plan {
    const target = this.#resolve(node.attrPath);
    const negative = node.operator === 'ne';
    if (target === undefined)
      return (node.value === null ? node.operator === 'eq' : negative) ? always : never;
    if (node.value === null) {
      if (node.operator !== 'eq' && !negative) throw this.#problems.nullOperator(node);
      const plan =
        'subAttributes' in target
          ? this.#within(target, valued(target, false, node.range), node.range)
          : this.#extensionValued(target, false, node.range);
      return negative ? plan : not(plan);
    }
    if (!('subAttributes' in target)) throw this.#problems.extension(target, node);
    return this.#compareValue(this.#implicitValue(target, node), node);
  }

  /** A complex attribute without sub-attribute means its `value` (§3.4.2.2: `emails co "example.com"`). */
  #implicitValue(attribute: Attribute, node: Compare): Attribute {
    if (attribute.type !== 'complex') return attribute;
    const value = attribute.subAttributes.get('value');
    if (value === undefined) throw this.#problems.complex(attribute, node);
    this.#refuseHidden(value, node.attrPath);
    return value;
  }

  #compareValue(attribute: Attribute, node: Compare): Plan {
    const { operator, range } = node;
    this.#problems.checkOperator(attribute, node);
    const key = literalKey(attribute, operator, node.value, this.#options.booleanText);
    if (key === undefined) throw this.#problems.literal(attribute, node);
    const negative = operator === 'ne';
    if (key === '' && (operator === 'co' || operator === 'sw' || operator === 'ew')) {
      return this.#within(attribute, assigned(attribute, false, range), range);
    }
    if (defaultsToFalse(attribute)) {
      const isTrue = compare('eq', attribute, 1, range);
      const plan = this.#within(attribute, (key === 1) !== negative ? isTrue : not(isTrue), range);
      return negative && this.#repeats(attribute) ? or([plan, this.#withoutValue(attribute, range)]) : plan;
    }
    if (!negative) return this.#within(attribute, compare(operator, attribute, key, range), range);
    // Some value differs, or there is none (RFC 7643 §2.5); of one value at most, that is "not equal".
    if (!this.#repeats(attribute))
      return not(this.#within(attribute, compare('eq', attribute, key, range), range));
    return or([
      this.#within(attribute, compare('ne', attribute, key, range), range),
      not(this.#within(attribute, assigned(attribute, false, range), range)),
    ]);
  }

  /** No element at all: an element without `primary` still compares as `false`. */
  #withoutValue(primary: Attribute, range: Range): Plan {
    const parent = primary.parent as Attribute;
    return not(anyElement(parent, valued(parent, false, range), range));
  }

  #valuePath(node: ValuePath): Plan {
    const target = this.#resolve(node.attrPath);
    if (target === undefined) return never;
    if (!('subAttributes' in target)) throw this.#problems.notSelectable(node.attrPath.range);
    const inner = new Binder(this.#type, target, this.#options);
    inner.selectable(target, node.attrPath.range);
    const selected = inner.filter(node.filter);
    const plan = node.subAttr === undefined ? selected : and([selected, inner.#tail(node, node.subAttr)]);
    return this.#within(target, existing(target, plan, node.range), node.range);
  }

  /** `emails[type eq "work"].value eq "x"`, as Entra sends it: ONE value satisfies the bracket and this. */
  #tail(node: ValuePath, name: string): Plan {
    const attrPath: AttrPath = { type: 'attrPath', name, range: node.range };
    const { operator = 'pr', range } = node;
    if (operator === 'pr') return this.#present(attrPath, range);
    return this.#compare({
      type: 'compare',
      attrPath,
      operator: operator as CompareOperator,
      value: node.value ?? null,
      raw: node.raw ?? '',
      range,
    });
  }

  /** Brackets select among values, or within a complex one. */
  selectable(attribute: Attribute, range: Range): void {
    if (attribute.type !== 'complex' && !attribute.multiValued) throw this.#problems.notSelectable(range);
  }

  /** `predicate` is about one value of `attribute`; the result is about the resource, or the element we are within. */
  #within(attribute: Attribute, predicate: Plan, range: Range): Plan {
    let plan = predicate;
    if (attribute === this.#element) return plan;
    if (attribute.multiValued) plan = anyElement(attribute, plan, range);
    const { parent } = attribute;
    if (parent?.multiValued && parent !== this.#element)
      plan = anyElement(parent, existing(parent, plan, range), range);
    return plan;
  }

  /** Whether one resource (or the element we are within) can have several values of it. */
  #repeats(attribute: Attribute): boolean {
    const { parent } = attribute;
    return (
      attribute !== this.#element &&
      (attribute.multiValued || (parent?.multiValued === true && parent !== this.#element))
    );
  }

  #extensionValued(target: ExtensionTarget, nonEmpty: boolean, range: Range): Plan {
    const parts: Plan[] = [];
    for (const attribute of target.attributes.values()) {
      if (!isHidden(attribute))
        parts.push(this.#within(attribute, valued(attribute, nonEmpty, range), range));
    }
    return anyPart(target.schema.id, parts, range);
  }

  #resolve(path: AttrPath): Attribute | ExtensionTarget | undefined {
    const target =
      this.#element === undefined ? this.#inResource(path) : this.#inElement(this.#element, path);
    if (target === undefined) {
      if (this.#options.unknown === 'noValue') return undefined;
      throw this.#problems.unknown(path);
    }
    if ('subAttributes' in target) this.#refuseHidden(target, path);
    return target;
  }

  #inResource(path: AttrPath): Attribute | ExtensionTarget | undefined {
    if (this.#type === undefined) return undefined;
    const resolved = resolveAttrPath(this.#type, path);
    return resolved?.kind === 'extension' ? resolved.extension : resolved?.attribute;
  }

  #inElement(element: Attribute, path: AttrPath): Attribute | undefined {
    if (path.schema !== undefined || path.subAttr !== undefined) return undefined;
    const name = path.name.toLowerCase();
    if (element.type !== 'complex') return name === 'value' ? element : undefined;
    return element.subAttributes.get(name);
  }

  #refuseHidden(attribute: Attribute, path: AttrPath): void {
    if (isHidden(attribute)) throw this.#problems.hidden(attribute, path);
  }
}

type ExtensionTarget = ResourceType['extensions'] extends ReadonlyMap<string, infer E> ? E : never;

/** One value of the attribute is assigned, or (with `nonEmpty`) present: for a complex one, one of its parts is. */
function valued(attribute: Attribute, nonEmpty: boolean, range: Range): Plan {
  if (attribute.type !== 'complex') return assigned(attribute, nonEmpty, range);
  const parts: Plan[] = [];
  for (const sub of attribute.subAttributes.values()) {
    if (isHidden(sub)) continue;
    const part = valued(sub, nonEmpty, range);
    parts.push(sub.multiValued ? anyElement(sub, part, range) : part);
  }
  return anyPart(attribute.path, parts, range);
}

/** A value of which nothing is assigned is no value (RFC 7643 §2.5), whatever would hold for it. */
function existing(attribute: Attribute, predicate: Plan, range: Range): Plan {
  return holdsForNothing(predicate) ? and([predicate, valued(attribute, false, range)]) : predicate;
}

/** RFC 7643 §2.4: an element's `primary` is taken to be false when it is not assigned. */
function defaultsToFalse(attribute: Attribute): boolean {
  return (
    attribute.type === 'boolean' &&
    attribute.parent?.multiValued === true &&
    attribute.name.toLowerCase() === 'primary'
  );
}

const partOperators: ReadonlySet<CompareOperator> = new Set(['co', 'sw', 'ew']);

/**
 * The comparison key of a filter's literal; undefined if the attribute's type cannot have such a value
 * (RFC 7643 §2.3). A string that UTF-8 cannot encode has no key either.
 */
function literalKey(
  attribute: Attribute,
  operator: CompareOperator,
  value: CompareValue,
  booleanText: ((text: string) => boolean | undefined) | undefined,
): Key | undefined {
  switch (attribute.type) {
    case 'reference':
      if (typeof value !== 'string' || !isStorable(value)) return undefined;
      return partOperators.has(operator) ? uriPart(attribute, value) : textKey(attribute)(value);
    case 'string':
    case 'binary':
      return typeof value === 'string' && isStorable(value) ? textKey(attribute)(value) : undefined;
    case 'dateTime':
      return typeof value === 'string' ? instantKey(value) : undefined;
    case 'integer':
    case 'decimal':
      return numberKey(value);
    case 'boolean': {
      const truth = typeof value === 'string' ? booleanText?.(value) : value;
      return typeof truth === 'boolean' ? Number(truth) : undefined;
    }
    case 'complex':
      return undefined;
  }
}

function isStorable(text: string): boolean {
  return text.isWellFormed() && !text.includes('\0');
}
