/** The rules of roles and entitlements, and the rows that say which group gives what by them: plain steps, for any database. */
import { type CompiledRule, compileRule } from '../../query/access-rules.ts';
import type { Registry } from '../../scim/registry.ts';
import { type AccessRule, type Granted, grantedText } from '../../scim/roles.ts';
import type { RulesEffect } from '../grants.ts';
import type { Document, Tenant } from '../store.ts';
import type { GrantSql, HolderSql } from './grants.ts';
import type { Steps } from './steps.ts';

export interface RulesInForce {
  readonly rules: readonly AccessRule[];
  /** Those that can be asked: a rule whose attributes the schemas have no more gives to whom it gave. */
  readonly compiled: readonly CompiledRule[];
  /** Those that limit how many people have something. */
  readonly limits: readonly AccessRule[];
}

/** What a group gives that it did not, and does not any more. */
export interface Regranting {
  readonly gained: readonly Granted[];
  readonly lost: readonly Granted[];
}

/** Groups are named by what the statements call `group`: their rows, or their ids. */
export class AccessRules {
  readonly grants: GrantSql;
  readonly holderSql: HolderSql;
  readonly #registry: Registry;
  #text = '';
  #known: RulesInForce = { rules: [], compiled: [], limits: [] };

  constructor(registry: Registry, grants: GrantSql, holderSql: HolderSql) {
    this.#registry = registry;
    this.grants = grants;
    this.holderSql = holderSql;
  }

  *inForce(): Steps<RulesInForce> {
    return this.of(yield { text: this.grants.rules, parameters: [] });
  }

  /** Those in force, by the rows of the statement that asks for them. */
  of(rows: readonly unknown[]): RulesInForce {
    const texts = (rows as readonly [string][]).map(([rule]) => rule);
    const text = texts.join('\n');
    // Mostly they are the same: then what was made of them is too.
    if (text !== this.#text) {
      const rules = texts.map((rule) => JSON.parse(rule) as AccessRule);
      this.#text = text;
      this.#known = {
        rules,
        compiled: rules.map((rule) => compileRule(rule, this.#registry)).filter((each) => 'rule' in each),
        limits: rules.filter(({ keep = 0, seats }) => keep > 0 || seats !== undefined),
      };
    }
    return this.#known;
  }

  /** What a group with this document gives that it did not, and does not any more. */
  *regranting(
    { compiled }: RulesInForce,
    tenant: number,
    group: number | string,
    document: Document,
  ): Steps<Regranting> {
    const { tenantName } = this.holderSql;
    const [row] = (yield { text: tenantName, parameters: [tenant] }) as readonly [string][];
    const name = row?.[0] ?? '';
    const before = (yield { text: this.grants.ofGroup, parameters: [group, tenant] }) as readonly [
      string,
      string,
    ][];
    const had = (granted: Granted): boolean =>
      before.some(([kind, given]) => kind === granted.kind && given === granted.name);
    const of = (rules: readonly CompiledRule[]): Granted[] =>
      rules.map(({ rule }) => ({ kind: rule.kind, name: rule.name }));
    return {
      gained: of(compiled.filter(({ rule, gives }) => !had(rule) && gives(name, document))),
      lost: of(compiled.filter(({ rule, gives }) => had(rule) && !gives(name, document))),
    };
  }

  /** Makes it so. */
  *regrant(tenant: number, group: number | string, { gained, lost }: Regranting): Steps<void> {
    for (const { kind, name } of gained)
      yield { text: this.grants.insert, parameters: [group, kind, name, tenant] };
    for (const { kind, name } of lost)
      yield { text: this.grants.delete, parameters: [group, tenant, kind, name] };
  }

  /** Ids of those who have it. */
  *holders(tenant: number, { kind, name }: Granted): Steps<readonly string[]> {
    const rows = yield { text: this.holderSql.holders, parameters: [tenant, kind, name] };
    return (rows as readonly [string][]).map(([id]) => id);
  }

  /** What other rules would change, tenant by tenant. */
  *effect(rules: readonly AccessRule[]): Steps<readonly TenantEffect[]> {
    const compiled = rules.map((rule) => {
      const made = compileRule(rule, this.#registry);
      if ('problem' in made) throw new Error(`the rule of ${rule.name} ${made.problem}`);
      return made;
    });
    const tenants = (yield { text: this.holderSql.tenants, parameters: [] }) as readonly [
      Tenant['number'],
      Tenant['name'],
    ][];
    const effects: TenantEffect[] = [];
    for (const [number, name] of tenants)
      effects.push(yield* rulesEffect(this.holderSql, { number, name }, compiled));
    return effects;
  }

  /** Puts them in force. */
  *put(rules: readonly AccessRule[], effects: readonly TenantEffect[]): Steps<void> {
    const { deleteRules, insertRule, deleteAll, insert } = this.grants;
    yield { text: deleteRules, parameters: [] };
    for (const rule of rules)
      yield { text: insertRule, parameters: [rule.kind, rule.name, JSON.stringify(rule)] };
    yield { text: deleteAll, parameters: [] };
    for (const { rid, kind, name, tenant } of effects.flatMap(({ grants }) => grants))
      yield { text: insert, parameters: [rid, kind, name, tenant] };
  }
}

type GroupRow = [rid: number | string, id: string, body: string, hasMembers: number | boolean];

/** A group, by its row, gives it. */
interface NewGrant extends Granted {
  readonly tenant: number;
  readonly rid: number | string;
}

export interface TenantEffect {
  readonly number: number;
  readonly effect: RulesEffect;
  readonly grants: readonly NewGrant[];
}

/** What the rules change in a tenant, and which groups give what by them. */
function* rulesEffect(
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
