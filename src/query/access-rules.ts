/** Rules of access, read from the configuration and compiled: which roles and entitlements a group gives. */
import * as v from 'valibot';
import { ScimFilterError } from '../../grammar/index.ts';
import { DefinitionError, type DefinitionProblem } from '../scim/custom-schemas.ts';
import { definitionForms } from '../scim/definition-forms.ts';
import { membersAttribute } from '../scim/document.ts';
import type { Registry, ResourceType } from '../scim/registry.ts';
import { type AccessRule, grantKinds, rulesKey } from '../scim/roles.ts';
import { readFilter } from './compile.ts';
import { matchResource } from './match.ts';
import type { Plan } from './plan.ts';
import type { JsonObject } from './read.ts';

/** The rules as the configuration has them, unchecked. */
export interface ConfiguredRules {
  readonly roles?: unknown;
  readonly entitlements?: unknown;
}

export interface CompiledRule {
  readonly rule: AccessRule;
  /** Does a group give it? `tenant` is the name of the group's tenant. */
  gives(tenant: string, group: JsonObject): boolean;
  /** Attributes that say what a group is called: whoever renames one gives or takes. */
  readonly readsName: boolean;
}

/** The resource type whose resources give roles; undefined if the registry has none. */
function groupTypeOf({ resourceTypes }: Registry): ResourceType | undefined {
  return resourceTypes.find((type) => type.name === 'Group' && membersAttribute(type) !== undefined);
}

/**
 * The rules of the configuration.
 * @throws DefinitionError with every problem and its place: `roles.billing_admin.groups`.
 */
export function readAccessRules(configured: ConfiguredRules, registry: Registry): AccessRule[] {
  const problems: DefinitionProblem[] = [];
  const rules: AccessRule[] = [];
  for (const kind of grantKinds) {
    const key = rulesKey[kind];
    const given = configured[key] ?? {};
    // An array has no names.
    const result = v.safeParse(definitionForms[key], Array.isArray(given) ? null : given);
    if (!result.success) {
      for (const issue of result.issues) {
        const path = (issue.path ?? []).map((part) => part.key as string | number);
        problems.push({ path: [key, ...path], reason: issue.message });
      }
      continue;
    }
    for (const [name, { display, type, keep, seats, tenants, groups }] of Object.entries(result.output)) {
      if (keep !== undefined && seats !== undefined && keep > seats)
        problems.push({ path: [key, name, 'keep'], reason: `must not exceed seats, which is ${seats}` });
      const rule = { kind, name, groups, display, type, keep, seats, tenants };
      rules.push(
        Object.fromEntries(Object.entries(rule).filter(([, value]) => value !== undefined)) as never,
      );
    }
  }
  for (const rule of problems.length === 0 ? rules : []) {
    const compiled = compileRule(rule, registry);
    if ('problem' in compiled)
      problems.push({ path: [rulesKey[rule.kind], rule.name, 'groups'], reason: compiled.problem });
  }
  if (problems.length > 0) throw new DefinitionError(problems);
  return rules;
}

/** A rule ready to be asked, or why it cannot be: then it is in words. */
export function compileRule(
  rule: AccessRule,
  registry: Registry,
): CompiledRule | { readonly problem: string } {
  const type = groupTypeOf(registry);
  if (type === undefined) return { problem: 'needs the resource type Group' };
  let plan: Plan;
  try {
    ({ plan } = readFilter(rule.groups, type));
  } catch (error) {
    if (!(error instanceof ScimFilterError)) throw error;
    return { problem: `is no filter of groups: ${error.message}` };
  }
  const read = attributesIn(plan);
  const other = [...read].find((path) => /^(members|meta|groups|password)(\.|$)/.test(path));
  if (other !== undefined)
    return { problem: `cannot be by ${other}: only by what the group itself is, such as id or externalId` };
  const matches = matchResource(plan);
  const { tenants } = rule;
  return {
    rule,
    gives: (tenant, group) => (tenants === undefined || tenants.includes(tenant)) && matches(group),
    readsName: read.has('displayName'),
  };
}

/** The paths of the attributes that a plan reads. */
function attributesIn(plan: Plan, found = new Set<string>()): Set<string> {
  switch (plan.kind) {
    case 'compare':
    case 'assigned':
      return found.add(plan.attribute.path);
    case 'anyElement':
      found.add(plan.attribute.path);
      return attributesIn(plan.predicate, found);
    case 'not':
      return attributesIn(plan.plan, found);
    case 'and':
    case 'or':
    case 'anyPart':
      for (const each of plan.plans) attributesIn(each, found);
      return found;
    case 'constant':
      return found;
  }
}
