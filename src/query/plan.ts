/**
 * The plan algebra: a filter with every question of schema answered (RFC 7643 §2, RFC 7644 §3.4.2.2). What a node
 * means is stated in two-valued logic over comparison keys, so the matcher and SQL cannot read it differently.
 *
 * Inside `anyElement(a, p)` the sub-attributes of `a` are those of the SAME element; where `a` is simple, `a`
 * itself stands for the element's value.
 */
import type { CompareOperator, Range } from '../../grammar/index.ts';
import type { Key } from '../scim/comparison.ts';
import type { Attribute } from '../scim/registry.ts';

/** The attribute's one value has a key and the operator holds for it; `ne` too is false where there is no value. */
export interface ComparePlan {
  readonly kind: 'compare';
  readonly operator: CompareOperator;
  readonly attribute: Attribute;
  readonly key: Key;
  readonly range: Range;
}

/** The attribute has a value; with `nonEmpty` one that is not `""` (`pr`). Never about complex attributes. */
export interface AssignedPlan {
  readonly kind: 'assigned';
  readonly attribute: Attribute;
  readonly nonEmpty: boolean;
  readonly range: Range;
}

/** Some element of a multi-valued attribute satisfies the whole predicate. */
export interface AnyElementPlan {
  readonly kind: 'anyElement';
  readonly attribute: Attribute;
  readonly predicate: Plan;
  readonly range: Range;
}

/**
 * One of the things that a complex value or an extension consists of is there: an `or` that the schema wrote and
 * not the client. Parts that a storage does not keep are left out of it; it must keep one of them.
 */
export interface AnyPartPlan {
  readonly kind: 'anyPart';
  /** The path of the complex attribute, or the URI of the extension. */
  readonly path: string;
  readonly plans: readonly Plan[];
  readonly range: Range;
}

export interface AndPlan {
  readonly kind: 'and';
  readonly plans: readonly Plan[];
}

export interface OrPlan {
  readonly kind: 'or';
  readonly plans: readonly Plan[];
}

export interface NotPlan {
  readonly kind: 'not';
  readonly plan: Plan;
}

export interface ConstantPlan {
  readonly kind: 'constant';
  readonly value: boolean;
}

export type Plan =
  | ComparePlan
  | AssignedPlan
  | AnyElementPlan
  | AnyPartPlan
  | AndPlan
  | OrPlan
  | NotPlan
  | ConstantPlan;

export const always: ConstantPlan = { kind: 'constant', value: true };
export const never: ConstantPlan = { kind: 'constant', value: false };

export function compare(
  operator: CompareOperator,
  attribute: Attribute,
  key: Key,
  range: Range,
): ComparePlan {
  return { kind: 'compare', operator, attribute, key, range };
}

export function assigned(attribute: Attribute, nonEmpty: boolean, range: Range): AssignedPlan {
  return { kind: 'assigned', attribute, nonEmpty, range };
}

export function anyElement(attribute: Attribute, predicate: Plan, range: Range): Plan {
  return predicate === never ? never : { kind: 'anyElement', attribute, predicate, range };
}

export function anyPart(path: string, plans: readonly Plan[], range: Range): AnyPartPlan {
  return { kind: 'anyPart', path, plans, range };
}

export function and(plans: readonly Plan[]): Plan {
  return join('and', plans, always, never);
}

export function or(plans: readonly Plan[]): Plan {
  return join('or', plans, never, always);
}

export function not(plan: Plan): Plan {
  if (plan.kind === 'not') return plan.plan;
  if (plan.kind === 'constant') return plan.value ? never : always;
  return { kind: 'not', plan };
}

/** Flattens, drops the neutral constant and stops at the absorbing one. */
function join(
  kind: 'and' | 'or',
  plans: readonly Plan[],
  neutral: ConstantPlan,
  absorbing: ConstantPlan,
): Plan {
  const kept: Plan[] = [];
  for (const plan of plans) {
    if (plan === absorbing) return absorbing;
    if (plan.kind === kind) for (const operand of plan.plans) kept.push(operand);
    else if (plan !== neutral) kept.push(plan);
  }
  if (kept.length < 2) return kept[0] ?? neutral;
  return { kind, plans: kept };
}

/** Whether the predicate holds for a value of which nothing is assigned. */
export function holdsForNothing(plan: Plan): boolean {
  switch (plan.kind) {
    case 'compare':
    case 'assigned':
    case 'anyElement':
    case 'anyPart':
      return false;
    case 'and':
      return plan.plans.every(holdsForNothing);
    case 'or':
      return plan.plans.some(holdsForNothing);
    case 'not':
      return !holdsForNothing(plan.plan);
    case 'constant':
      return plan.value;
  }
}

/** How many comparisons a filter makes of a resource, if each attribute has one value. */
export function termsOf(plan: Plan): number {
  switch (plan.kind) {
    case 'and':
    case 'or':
    case 'anyPart':
      return plan.plans.reduce((sum, each) => sum + termsOf(each), 0);
    case 'not':
      return termsOf(plan.plan);
    case 'anyElement':
      return termsOf(plan.predicate);
    default:
      return 1;
  }
}
