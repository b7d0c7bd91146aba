/** What rules change against the groups that give something now: plain steps, for any database. */
import type { CompiledRule } from '../../query/access-rules.ts';
import { type Granted, grantedText } from '../../scim/roles.ts';
import type { RulesEffect } from '../grants.ts';
import type { Tenant } from '../store.ts';
import type { HolderSql } from './grants.ts';
import type { Steps } from './steps.ts';

type GroupRow = [rid: number | string, id: string, body: string, hasMembers: number | boolean];

/** A group, by its row, gives it. */
export interface NewGrant extends Granted {
  readonly tenant: number;
  readonly rid: number | string;
}

export interface TenantEffect {
  readonly number: number;
  readonly effect: RulesEffect;
  readonly grants: readonly NewGrant[];
}

/** What the rules change in a tenant, and which groups give what by them. */
export function* rulesEffect(
  sql: HolderSql,
  { number, name }: Pick<Tenant, 'number' | 'name'>,
  rules: readonly CompiledRule[],
): Steps<TenantEffect> {
  const groups = (yield { text: sql.groups, parameters: [number] }) as readonly GroupRow[];
  const old = (yield { text: sql.ofTenant, parameters: [number] }) as readonly [
    string,
    Granted['kind'],
    string,
  ][];
  const before = new Map<string, { readonly granted: Granted; readonly groups: string[] }>();
  for (const [group, kind, role] of old) {
    const granted = { kind, name: role };
    const known = before.get(grantedText(granted));
    if (known === undefined) before.set(grantedText(granted), { granted, groups: [group] });
    else known.groups.push(group);
  }
  const grants: NewGrant[] = [];
  const after = new Map<string, { readonly granted: Granted; readonly groups: string[] }>();
  for (const { rule } of rules) {
    const granted = { kind: rule.kind, name: rule.name };
    after.set(grantedText(granted), { granted, groups: [] });
  }
  const idle: RulesEffect['idle'][number][] = [];
  for (const [rid, id, body, hasMembers] of groups) {
    const document = JSON.parse(body) as { readonly [name: string]: unknown };
    const given = rules.filter((rule) => rule.gives(name, document));
    for (const { rule } of given) {
      after.get(grantedText(rule))?.groups.push(id);
      grants.push({ tenant: number, rid, kind: rule.kind, name: rule.name });
    }
    const { displayName } = document;
    if (given.length === 0 && hasMembers)
      idle.push({ group: id, ...(typeof displayName === 'string' ? { display: displayName } : {}) });
  }
  const changes: RulesEffect['changes'][number][] = [];
  const people: RulesEffect['people'][number][] = [];
  const peopleIn = function* (ids: readonly string[]): Steps<readonly string[]> {
    if (ids.length === 0) return [];
    const rows = yield { text: sql.peopleIn, parameters: [JSON.stringify(ids), number] };
    return (rows as readonly [string][]).map(([id]) => id);
  };
  for (const key of new Set([...after.keys(), ...before.keys()])) {
    const { granted, groups: given = [] } = after.get(key) ?? {
      granted: before.get(key)?.granted as Granted,
    };
    const gave = before.get(key)?.groups ?? [];
    const has = yield* peopleIn(given);
    if (after.has(key)) people.push({ ...granted, people: has.length });
    if ([...gave].sort().join('\n') === [...given].sort().join('\n')) continue;
    const had = yield* peopleIn(gave);
    const gained = without(has, had);
    const lost = without(had, has);
    if (gained.length > 0 || lost.length > 0) changes.push({ ...granted, gained, lost });
  }
  const unmatched = [...after.values()]
    .filter((each) => each.groups.length === 0)
    .map(({ granted }) => granted);
  return { number, effect: { tenant: name, changes, unmatched, idle, people }, grants };
}

function without(some: readonly string[], others: readonly string[]): string[] {
  const left = new Set(others);
  return some.filter((id) => !left.has(id));
}
