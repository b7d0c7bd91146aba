/** Puts the configured rules of access in force: what they change, what is wrong about that, and what to be wary of. */
import { compileRule } from '../query/access-rules.ts';
import type { Registry } from '../scim/registry.ts';
import { type AccessRule, grantedText, RulesError } from '../scim/roles.ts';
import type { Actor } from '../store/change.ts';
import type { RulesEffect } from '../store/grants.ts';
import type { Store } from '../store/store.ts';

/** Nothing wrong, but probably not meant. */
export function ruleWarnings(rules: readonly AccessRule[], registry: Registry): string[] {
  return rules.flatMap((rule) => {
    const compiled = compileRule(rule, registry);
    return 'rule' in compiled && compiled.readsName
      ? [
          `the ${grantedText(rule)} goes by displayName: whoever renames a group in the provider gives it or takes it away; name the group by id or externalId`,
        ]
      : [];
  });
}

/** Rules that take people from a role which must keep more, in words. */
export function keepProblems(rules: readonly AccessRule[], effects: readonly RulesEffect[]): string[] {
  const isOf = (rule: AccessRule, { kind, name }: Pick<AccessRule, 'kind' | 'name'>): boolean =>
    rule.kind === kind && rule.name === name;
  return effects.flatMap(({ tenant, changes, people }) =>
    rules.flatMap((rule) => {
      const { keep = 0 } = rule;
      const left = people.find((each) => isOf(rule, each))?.people ?? 0;
      const lost = changes.find((each) => isOf(rule, each))?.lost.length ?? 0;
      return lost > 0 && left < keep
        ? [`in tenant ${tenant} ${left} would have the ${grantedText(rule)}, which must keep ${keep}`]
        : [];
    }),
  );
}

/** Limits that are passed as it is: nobody loses anything, but nobody else gets it. */
export function seatProblems(rules: readonly AccessRule[], { people }: RulesEffect): string[] {
  return people.flatMap(({ kind, name, people: used }) => {
    const { seats } = rules.find((rule) => rule.kind === kind && rule.name === name) ?? {};
    return seats !== undefined && used > seats
      ? [`${used} have the ${grantedText({ kind, name })}, which has ${seats} seats`]
      : [];
  });
}

export function sameRules(some: readonly AccessRule[], others: readonly AccessRule[]): boolean {
  return rulesText(some) === rulesText(others);
}

function rulesText(rules: readonly AccessRule[]): string {
  const texts = rules.map(({ kind, name, groups, display, type, keep, seats, tenants }) =>
    JSON.stringify([kind, name, groups, display, type, keep, seats, tenants]),
  );
  return texts.sort().join('\n');
}

/**
 * Puts rules in force. Undefined if they are already.
 * @throws RulesError unless `force`, where a role that must keep people would lose them; then nothing is done.
 */
export async function applyRules(
  store: Pick<Store, 'grants'>,
  rules: readonly AccessRule[],
  actor: Actor,
  force = false,
): Promise<readonly RulesEffect[] | undefined> {
  if (sameRules(await store.grants.rules(), rules)) return undefined;
  return store.grants.apply(rules, actor, (effects) => {
    const problems = force ? [] : keepProblems(rules, effects);
    return problems.length === 0 ? undefined : new RulesError(problems);
  });
}
