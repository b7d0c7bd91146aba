/** Roles, entitlements and locks in SQLite. */
import type { Database } from 'better-sqlite3';
import { type CompiledRule, compileRule } from '../../query/access-rules.ts';
import type { Registry } from '../../scim/registry.ts';
import type { AccessRule, Granted } from '../../scim/roles.ts';
import type { Actor } from '../change.ts';
import type { Grants, Lock } from '../grants.ts';
import type { StoredTypes } from '../layout/stored-type.ts';
import { accessNotices } from '../sql/access-notices.ts';
import { grantSql, holderSql } from '../sql/grants.ts';
import { rulesEffect, type TenantEffect } from '../sql/rules-effect.ts';
import { runSteps, type Steps } from '../sql/steps.ts';
import { tenantSql } from '../sql/tenant.ts';
import type { NewNotice, Tenant } from '../store.ts';
import { sqliteDialect } from './dialect.ts';
import type { DataVersion } from './snapshot.ts';
import { Statements } from './statements.ts';

export interface GrantTools {
  readonly db: Database;
  readonly types: StoredTypes;
  readonly registry: Registry;
  readonly others: DataVersion;
}

/** What the commands of resources need of it, within their transaction. */
export class GrantTable {
  readonly sql: ReturnType<typeof holderSql>;
  readonly #tools: GrantTools;
  readonly #statements: Statements;
  #isKnown = false;
  #text = '';
  #rules: readonly AccessRule[] = [];
  #compiled: readonly CompiledRule[] | undefined;

  constructor(tools: GrantTools) {
    this.#tools = tools;
    this.#statements = new Statements(tools.db);
    this.sql = holderSql(sqliteDialect, tools.types);
    tools.others.onWrite(() => this.forget());
  }

  /** The rules may be others now. */
  forget(): void {
    this.#isKnown = false;
  }

  get rules(): readonly AccessRule[] {
    if (this.#isKnown) return this.#rules;
    const texts = this.#all<[string]>(grantSql.rules).map(([rule]) => rule);
    const text = texts.join('\n');
    // Mostly they are the same: then what was made of them is too.
    if (text !== this.#text) {
      this.#text = text;
      this.#rules = texts.map((rule) => JSON.parse(rule) as AccessRule);
      this.#compiled = undefined;
    }
    this.#isKnown = true;
    return this.#rules;
  }

  /** Those that can be asked: a rule whose attributes the schemas have no more gives to whom it gave. */
  get compiled(): readonly CompiledRule[] {
    const { rules } = this;
    this.#compiled ??= rules
      .map((rule) => compileRule(rule, this.#tools.registry))
      .filter((each) => 'rule' in each);
    return this.#compiled;
  }

  run<Result>(steps: Steps<Result>): Result {
    return runSteps(steps, ({ text, parameters }) => {
      const statement = this.#statements.get(text);
      if (statement.reader) return statement.all(...parameters);
      statement.run(...parameters);
      return [];
    });
  }

  /** What a group with this document gives that it did not, and does not any more. */
  regranting(
    tenant: number,
    rid: number,
    document: { readonly [name: string]: unknown },
  ): { readonly gained: readonly Granted[]; readonly lost: readonly Granted[] } {
    const [[name]] = this.#all<[string]>(tenantSql.name, tenant) as [[string]];
    const before = this.#all<[Granted['kind'], string]>(grantSql.ofGroup, rid);
    const had = ({ kind, name: role }: Granted): boolean =>
      before.some(([known, given]) => known === kind && given === role);
    const of = (rules: readonly CompiledRule[]): Granted[] =>
      rules.map(({ rule }) => ({ kind: rule.kind, name: rule.name }));
    return {
      gained: of(this.compiled.filter(({ rule, gives }) => !had(rule) && gives(name, document))),
      lost: of(this.compiled.filter(({ rule, gives }) => had(rule) && !gives(name, document))),
    };
  }

  /** Makes it so. */
  regrant(tenant: number, rid: number, document: { readonly [name: string]: unknown }): void {
    const { gained, lost } = this.regranting(tenant, rid, document);
    for (const { kind, name } of gained) this.#do(grantSql.insert, rid, kind, name, tenant);
    for (const { kind, name } of lost) this.#do(grantSql.delete, rid, kind, name);
  }

  /** Ids of those who have it. */
  holders(tenant: number, { kind, name }: Granted): string[] {
    return this.#all<[string]>(this.sql.holders, tenant, kind, name).map(([id]) => id);
  }

  effect(rules: readonly AccessRule[]): TenantEffect[] {
    const compiled = rules.map((rule) => {
      const made = compileRule(rule, this.#tools.registry);
      if ('problem' in made) throw new Error(`the rule of ${rule.name} ${made.problem}`);
      return made;
    });
    const tenants = this.#tools.db.prepare<[], Pick<Tenant, 'number' | 'name'>>(tenantSql.list).all();
    return tenants.map((tenant) => this.run(rulesEffect(this.sql, tenant, compiled)));
  }

  put(rules: readonly AccessRule[], effects: readonly TenantEffect[]): void {
    this.#do(grantSql.deleteRules);
    for (const rule of rules) this.#do(grantSql.insertRule, rule.kind, rule.name, JSON.stringify(rule));
    this.#do(grantSql.deleteAll);
    for (const { rid, kind, name, tenant } of effects.flatMap(({ grants }) => grants))
      this.#do(grantSql.insert, rid, kind, name, tenant);
    this.forget();
  }

  #all<Row>(text: string, ...parameters: readonly (string | number | boolean)[]): Row[] {
    return this.#statements.get(text).all(...parameters) as Row[];
  }

  #do(text: string, ...parameters: readonly (string | number | null)[]): number {
    return this.#statements.get(text).run(...parameters).changes;
  }
}

export interface GrantsTools {
  readonly db: Database;
  readonly clock: () => Date;
  readonly table: GrantTable;
  readonly read: <T>(action: () => T) => T;
  readonly write: <T>(action: () => T) => Promise<T>;
  /** Records a notice, in the transaction. */
  readonly note: (notice: NewNotice) => unknown;
}

export function grantsOver({ db, clock, table, read, write, note }: GrantsTools): Grants {
  const lock = db.prepare(grantSql.lock);
  const unlock = db.prepare(grantSql.unlock);
  const locks = db.prepare<[number], { id: string; since: string; reason: string | null }>(grantSql.locks);
  const noteLock = (tenant: number, id: string, actor: Actor, data: object): unknown =>
    note({ tenant, event: 'user.access_changed', subject: { type: 'User', id }, actor, data: { ...data } });
  return {
    rules: () => read(() => table.rules),
    check: (rules) => read(() => table.effect(rules).map(({ effect }) => effect)),
    apply: (rules, actor, refuse) =>
      write(() => {
        const effects = table.effect(rules);
        const all = effects.map(({ effect }) => effect);
        const refused = refuse?.(all);
        if (refused !== undefined) throw refused;
        table.put(rules, effects);
        for (const { number, effect } of effects)
          for (const notice of accessNotices(number, effect.changes, { actor })) note(notice);
        return all;
      }),
    people: (tenant) =>
      read(() =>
        table.rules.map(({ kind, name }) => ({
          ...{ kind, name },
          people: table.holders(tenant, { kind, name }).length,
        })),
      ),
    lock: (tenant, id, actor, reason) =>
      write(() => {
        if (lock.run(tenant, id, clock().toISOString(), reason ?? null).changes === 0) return false;
        noteLock(tenant, id, actor, { locked: true, ...(reason === undefined ? {} : { reason }) });
        return true;
      }),
    unlock: (tenant, id, actor) =>
      write(() => {
        if (unlock.run(tenant, id).changes === 0) return false;
        noteLock(tenant, id, actor, { locked: false });
        return true;
      }),
    locks: (tenant) =>
      read(() =>
        locks
          .all(tenant)
          .map(({ id, since, reason }): Lock => ({ id, since, ...(reason === null ? {} : { reason }) })),
      ),
  };
}
