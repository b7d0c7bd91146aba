/** Roles, entitlements and locks beside an embedder's tables: rules, the groups that give by them, and who is locked. */
import { type CompiledRule, compileRule } from '../../query/access-rules.ts';
import type { Registry } from '../../scim/registry.ts';
import type { AccessRule, Granted } from '../../scim/roles.ts';
import type { Change } from '../change.ts';
import type { Grants, Lock } from '../grants.ts';
import { accessNotices } from '../sql/access-notices.ts';
import { grantSqlOf } from '../sql/grants.ts';
import { rulesEffect, type TenantEffect } from '../sql/rules-effect.ts';
import type { Document, NewNotice, Tenant } from '../store.ts';
import type { Awaitable } from '../stored-resource.ts';
import { type SqlDatabase, type SqlRow, type Steps, statement } from './database.ts';
import type { Holders } from './holders.ts';

/** Groups are named by their ids. */
export const grantStatements = grantSqlOf('scimd_', 'group_id');

export interface RulesInForce {
  readonly rules: readonly AccessRule[];
  /** Those that can be asked: a rule whose attributes the schemas have no more gives to whom it gave. */
  readonly compiled: readonly CompiledRule[];
}

export class GrantSteps {
  readonly #registry: Registry;
  readonly #holders: Holders;
  #text = '';
  #known: RulesInForce = { rules: [], compiled: [] };

  constructor(registry: Registry, holders: Holders) {
    this.#registry = registry;
    this.#holders = holders;
  }

  *inForce(): Steps<RulesInForce> {
    const texts = (yield statement(grantStatements.rules)).map(({ rule }) => String(rule));
    const text = texts.join('\n');
    // Mostly they are the same: then what was made of them is too.
    if (text !== this.#text) {
      const rules = texts.map((rule) => JSON.parse(rule) as AccessRule);
      const compiled = rules.map((rule) => compileRule(rule, this.#registry));
      this.#text = text;
      this.#known = { rules, compiled: compiled.filter((each) => 'rule' in each) };
    }
    return this.#known;
  }

  /** What a group with this document gives that it did not, and does not any more. */
  *regranting(
    { compiled }: RulesInForce,
    tenantName: string,
    id: string,
    document: Document,
  ): Steps<{ readonly gained: readonly Granted[]; readonly lost: readonly Granted[] }> {
    const before = yield statement(grantStatements.ofGroup, id);
    const had = ({ kind, name }: Granted): boolean =>
      before.some((known) => known.kind === kind && known.name === name);
    const of = (rules: readonly CompiledRule[]): Granted[] =>
      rules.map(({ rule }) => ({ kind: rule.kind, name: rule.name }));
    return {
      gained: of(compiled.filter(({ rule, gives }) => !had(rule) && gives(tenantName, document))),
      lost: of(compiled.filter(({ rule, gives }) => had(rule) && !gives(tenantName, document))),
    };
  }

  /** Makes it so. */
  *regrant(
    tenant: number,
    id: string,
    { gained, lost }: { readonly gained: readonly Granted[]; readonly lost: readonly Granted[] },
  ): Steps<void> {
    for (const { kind, name } of gained) yield statement(grantStatements.insert, id, kind, name, tenant);
    for (const { kind, name } of lost) yield statement(grantStatements.delete, id, kind, name);
  }

  /** Ids of those who have it. */
  *holders(tenant: number, { kind, name }: Granted): Steps<readonly string[]> {
    const { sql } = this.#holders;
    return (yield* this.#holders.ask(sql.holders, tenant, kind, name)).map(([id]) => String(id));
  }

  *effect(rules: readonly AccessRule[], tenants: readonly Tenant[]): Steps<readonly TenantEffect[]> {
    const compiled = rules.map((rule) => {
      const made = compileRule(rule, this.#registry);
      if ('problem' in made) throw new Error(`the rule of ${rule.name} ${made.problem}`);
      return made;
    });
    const effects: TenantEffect[] = [];
    for (const tenant of tenants)
      effects.push(yield* this.#holders.run(rulesEffect(this.#holders.sql, tenant, compiled)));
    return effects;
  }

  *put(rules: readonly AccessRule[], effects: readonly TenantEffect[]): Steps<void> {
    yield statement(grantStatements.deleteRules);
    for (const rule of rules)
      yield statement(grantStatements.insertRule, rule.kind, rule.name, JSON.stringify(rule));
    yield statement(grantStatements.deleteAll);
    for (const { rid, kind, name, tenant } of effects.flatMap(({ grants }) => grants))
      yield statement(grantStatements.insert, rid, kind, name, tenant);
  }
}

export interface GrantsTools {
  readonly dialect: SqlDatabase['dialect'];
  readonly clock: () => Date;
  readonly steps: GrantSteps;
  readonly read: <T>(steps: () => Steps<T>) => Awaitable<T>;
  readonly readOf: <T>(tenant: number, steps: () => Steps<T>) => Awaitable<T>;
  readonly write: <T>(steps: () => Steps<T>) => Promise<T>;
  /** Records notices in the transaction, and answers them as changes. */
  readonly note: (notices: readonly NewNotice[]) => Steps<readonly Change[]>;
  /** Tells the embedder's own code of the access of these people, within the transaction. */
  readonly tell: (change: Change, people: readonly string[]) => Steps<void>;
  /** The tenants that there are, whose names are known from then on. */
  readonly tenants: () => Steps<readonly Tenant[]>;
}

export function grantsOver({
  dialect,
  clock,
  steps,
  read,
  readOf,
  write,
  note,
  tell,
  tenants,
}: GrantsTools): Grants {
  const toLock = ({ id, since, reason }: SqlRow): Lock => ({
    id: String(id),
    since: String(since),
    ...(typeof reason === 'string' ? { reason } : {}),
  });
  const noted = function* (notice: NewNotice): Steps<void> {
    for (const change of yield* note([notice])) yield* tell(change, [change.id]);
  };
  return {
    rules: () =>
      read(function* () {
        return (yield* steps.inForce()).rules;
      }),
    check: (rules) =>
      read(function* () {
        return (yield* steps.effect(rules, yield* tenants())).map(({ effect }) => effect);
      }),
    apply: (rules, actor, refuse) =>
      write(function* () {
        // Nobody changes a group meanwhile, of whatever tenant.
        if (dialect === 'postgres')
          yield statement('SELECT tenant FROM scimd_change_counter ORDER BY tenant FOR UPDATE');
        const effects = yield* steps.effect(rules, yield* tenants());
        const all = effects.map(({ effect }) => effect);
        const refused = refuse?.(all);
        if (refused !== undefined) throw refused;
        yield* steps.put(rules, effects);
        for (const { number, effect } of effects)
          for (const change of yield* note(accessNotices(number, effect.changes, { actor })))
            yield* tell(change, peopleIn(change));
        return all;
      }),
    people: (tenant) =>
      readOf(tenant, function* () {
        const found: (Granted & { people: number })[] = [];
        for (const { kind, name } of (yield* steps.inForce()).rules)
          found.push({ kind, name, people: (yield* steps.holders(tenant, { kind, name })).length });
        return found;
      }),
    lock: (tenant, id, actor, reason) =>
      write(function* () {
        yield* tenants();
        const since = clock().toISOString();
        const rows = yield statement(
          `${grantStatements.lock} RETURNING id`,
          ...[tenant, id, since, reason ?? null],
        );
        if (rows.length === 0) return false;
        const data = { locked: true, ...(reason === undefined ? {} : { reason }) };
        yield* noted({ tenant, event: 'user.access_changed', subject: { type: 'User', id }, actor, data });
        return true;
      }),
    unlock: (tenant, id, actor) =>
      write(function* () {
        yield* tenants();
        const rows = yield statement(`${grantStatements.unlock} RETURNING id`, tenant, id);
        if (rows.length === 0) return false;
        const data = { locked: false };
        yield* noted({ tenant, event: 'user.access_changed', subject: { type: 'User', id }, actor, data });
        return true;
      }),
    locks: (tenant) =>
      read(function* () {
        return (yield statement(grantStatements.locks, tenant)).map(toLock);
      }),
  };
}

/** Whose access a notice says that changed. */
export function peopleIn({ notice }: Change): readonly string[] {
  const { gained, lost } = (notice?.data ?? {}) as {
    readonly gained?: readonly string[];
    readonly lost?: readonly string[];
  };
  return [...(gained ?? []), ...(lost ?? [])];
}
