/** What groups gave by the rules of access that were in force at a time. */
import type { TenantName } from '../events/reader.ts';
import { compileRule } from '../query/access-rules.ts';
import { type AccessRule, rulesOf } from '../scim/roles.ts';
import { rulesReplaced } from '../store/grants.ts';
import type { Store } from '../store/store.ts';
import type { RolesOf } from './people.ts';

/** Those after the change of this number, which is the last of a state. */
export async function rulesAfter(
  store: Pick<Store, 'grants' | 'registry' | 'changes'>,
  tenant: TenantName,
  sequence: number,
): Promise<{ readonly rules: readonly AccessRule[]; readonly rolesOf: RolesOf }> {
  const { name } = tenant;
  // Before the record is asked: rules that come meanwhile are in it then.
  const present = await store.grants.rules();
  const rules = rulesOf(name, (await replacedAfter(store, tenant, sequence)) ?? present);
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

/** The rules that the first change of them after that one has replaced; undefined where there was none. */
async function replacedAfter(
  store: Pick<Store, 'changes'>,
  { number: tenant }: TenantName,
  after: number,
): Promise<readonly AccessRule[] | undefined> {
  const { event, subject } = rulesReplaced;
  const [next] = await store.changes({ tenant, after, limit: 1, id: subject.id });
  return next?.notice?.event === event ? (next.notice.data.before as readonly AccessRule[]) : undefined;
}
