/** What groups give by the rules of access in force: of a past time, by the rules of today over the groups of then. */
import type { TenantName } from '../events/reader.ts';
import { compileRule } from '../query/access-rules.ts';
import type { AccessRule } from '../scim/roles.ts';
import type { Store } from '../store/store.ts';
import type { RolesOf } from './people.ts';

export async function rulesInForce(
  store: Pick<Store, 'grants' | 'registry'>,
  { name }: TenantName,
): Promise<{ readonly rules: readonly AccessRule[]; readonly rolesOf: RolesOf }> {
  const rules = (await store.grants.rules()).filter(
    ({ tenants }) => tenants === undefined || tenants.includes(name),
  );
  const compiled = rules.flatMap((rule) => {
    const ready = compileRule(rule, store.registry);
    return 'rule' in ready ? [ready] : [];
  });
  const rolesOf: RolesOf = (group) =>
    compiled
      .filter(({ gives }) => gives(name, group))
      .map(({ rule }) => ({ kind: rule.kind, name: rule.name }));
  return { rules, rolesOf };
}
