/** Plans about what no row has as the schema has it, in terms of what it has. */
import { eq } from '../../../grammar/index.ts';
import { bindFilter } from '../../query/bind.ts';
import { matchElement } from '../../query/match.ts';
import { type AnyElementPlan, always, not, or, type Plan } from '../../query/plan.ts';
import type { Attribute } from '../../scim/registry.ts';
import type { MappedTable } from './mapping.ts';

/** The schemas of a row are that of its type, and those of the extensions of which it has something (RFC 7643 §3). */
export function ofSchemas(
  { type, rest, fields }: MappedTable,
  { attribute, predicate }: AnyElementPlan,
): Plan {
  const matches = matchElement(predicate, attribute);
  if (matches(type.schema.id)) return always;
  const kept = [...type.extensions.values()].filter(
    ({ schema }) =>
      matches(schema.id) &&
      (rest !== undefined || fields.some((field) => field.attribute.extension === schema.id)),
  );
  return or(kept.map(({ schema }) => not(bindFilter(eq(schema.id, null), type))));
}

/** The value of a simple attribute of several values stands for itself. */
export function inElement(plan: Plan, attribute: Attribute, standIn: Attribute): Plan {
  switch (plan.kind) {
    case 'and':
    case 'or':
    case 'anyPart':
      return { ...plan, plans: plan.plans.map((each) => inElement(each, attribute, standIn)) };
    case 'not':
      return { ...plan, plan: inElement(plan.plan, attribute, standIn) };
    case 'compare':
    case 'assigned':
      return plan.attribute === attribute ? { ...plan, attribute: standIn } : plan;
    default:
      return plan;
  }
}
