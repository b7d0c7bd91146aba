/** Roles, entitlements and locks. */
import { type CompiledRule, compileRule } from '../../query/access-rules.ts';
import type { Registry } from '../../scim/registry.ts';
import type { AccessRule, Granted } from '../../scim/roles.ts';
import type { Actor } from '../change.ts';
import type { Grants, Lock } from '../grants.ts';
import { keyOfTime } from '../layout/instant.ts';
import type { StoredTypes } from '../layout/stored-type.ts';
import { accessNotices } from '../sql/access-notices.ts';
import { noticeEntry } from '../sql/change-row.ts';
import { grantSql, holderSql } from '../sql/grants.ts';
import { rulesEffect, type TenantEffect } from '../sql/rules-effect.ts';
import { runStepsAsync, type Steps } from '../sql/steps.ts';
import { tenantSql } from '../sql/tenant.ts';
import type { NewNotice } from '../store.ts';
import { postgresDialect } from './dialect.ts';
import type { Connection, Value } from './driver.ts';
import type { Pool } from './pool.ts';
import { lockedWriter, type Transactions } from './transactions.ts';

/** Runs a statement, in whatever transaction. */
export type RunSql = (text: string, parameters: readonly Value[]) => Promise<unknown[][]>;

/** The statements of who has what, with the rules compiled. */
export class GrantRules {
  readonly sql: ReturnType<typeof holderSql>;
  readonly #registry: Registry;
  #known: {
    readonly text: string;
    readonly rules: readonly AccessRule[];
    readonly compiled: readonly CompiledRule[];
  };

  constructor(types: StoredTypes, registry: Registry) {
    this.sql = holderSql(postgresDialect, types);
    this.#registry = registry;
    this.#known = { text: '[]', rules: [], compiled: [] };
  }

  /** Those in force, by the rows of `grantSql.rules`. Compiled are those that can be asked: others give to whom they gave. */
  of(rows: readonly unknown[][]): {
    readonly rules: readonly AccessRule[];
    readonly compiled: readonly CompiledRule[];
  } {
    const text = JSON.stringify(rows);
    if (text !== this.#known.text) {
      const rules = (rows as [string][]).map(([rule]) => JSON.parse(rule) as AccessRule);
      const compiled = rules
        .map((rule) => compileRule(rule, this.#registry))
        .filter((each) => 'rule' in each);
      this.#known = { text, rules, compiled };
    }
    return this.#known;
  }

  async effect(run: RunSql, rules: readonly AccessRule[]): Promise<TenantEffect[]> {
    const compiled = rules.map((rule) => {
      const made = compileRule(rule, this.#registry);
      if ('problem' in made) throw new Error(`the rule of ${rule.name} ${made.problem}`);
      return made;
    });
    const tenants = (await run(tenantSql.list, [])) as [number, string][];
    const effects: TenantEffect[] = [];
    for (const [number, name] of tenants)
      effects.push(await carryOut(run, rulesEffect(this.sql, { number, name }, compiled)));
    return effects;
  }
}

/** Steps, each waited for. */
export function carryOut<Result>(run: RunSql, steps: Steps<Result>): Promise<Result> {
  return runStepsAsync(steps, ({ text, parameters }) => run(text, parameters));
}

export interface GrantsTools {
  readonly pool: Pool;
  readonly transactions: Transactions;
  readonly clock: () => Date;
  readonly newId: () => string;
  readonly rules: GrantRules;
}

export function grantsOver({ pool, transactions, clock, newId, rules: known }: GrantsTools): Grants {
  const read: RunSql = (text, parameters) => pool.read(text, parameters);
  const within =
    (connection: Connection): RunSql =>
    async (text, parameters) =>
      (await connection.run(text, parameters)).rows;
  const inForce = async (): Promise<readonly AccessRule[]> => known.of(await read(grantSql.rules, [])).rules;
  /** Records notices of one tenant, under its lock. */
  const note = async (
    connection: Connection,
    tenant: number,
    notices: readonly NewNotice[],
  ): Promise<void> => {
    if (notices.length === 0) return;
    const writer = await lockedWriter(connection, tenant, String);
    for (const notice of notices)
      writer?.append(noticeEntry(notice, keyOfTime(clock().getTime()), newId()), notice.subject.type);
    writer?.sendRest();
    await writer?.settle();
  };
  const holders = async (tenant: number, { kind, name }: Granted): Promise<number> =>
    (await read(known.sql.holders, [tenant, kind, name])).length;
  const changeLock = (
    sql: string,
    parameters: readonly Value[],
    {
      tenant,
      id,
      actor,
      data,
    }: { tenant: number; id: string; actor: Actor; data: Readonly<Record<string, unknown>> },
  ): Promise<boolean> =>
    transactions.run(async (connection) => {
      const { count } = await connection.run(sql, parameters);
      if (count === 0) return false;
      const subject = { type: 'User', id };
      await note(connection, tenant, [{ tenant, event: 'user.access_changed', subject, actor, data }]);
      return true;
    });

  return {
    rules: inForce,
    check: async (rules) => (await known.effect(read, rules)).map(({ effect }) => effect),
    apply: (rules, actor, refuse) =>
      transactions.run(async (connection) => {
        // Nobody changes a group meanwhile, of whatever tenant.
        await connection.run('SELECT 1 FROM change_counter ORDER BY tenant FOR UPDATE');
        const effects = await known.effect(within(connection), rules);
        const all = effects.map(({ effect }) => effect);
        const refused = refuse?.(all);
        if (refused !== undefined) throw refused;
        await connection.run(grantSql.deleteRules);
        for (const rule of rules)
          await connection.run(grantSql.insertRule, [rule.kind, rule.name, JSON.stringify(rule)]);
        await connection.run(grantSql.deleteAll);
        await Promise.all(
          effects
            .flatMap(({ grants }) => grants)
            .map(({ rid, kind, name, tenant }) => connection.run(grantSql.insert, [rid, kind, name, tenant])),
        );
        for (const { number, effect } of effects)
          await note(connection, number, accessNotices(number, effect.changes, { actor }));
        return all;
      }),
    async people(tenant) {
      const found = [];
      for (const { kind, name } of await inForce())
        found.push({ kind, name, people: await holders(tenant, { kind, name }) });
      return found;
    },
    lock: (tenant, id, actor, reason) =>
      changeLock(grantSql.lock, [tenant, id, clock().toISOString(), reason ?? null], {
        ...{ tenant, id, actor },
        data: { locked: true, ...(reason === undefined ? {} : { reason }) },
      }),
    unlock: (tenant, id, actor) =>
      changeLock(grantSql.unlock, [tenant, id], { tenant, id, actor, data: { locked: false } }),
    async locks(tenant) {
      const rows = (await read(grantSql.locks, [tenant])) as [string, string, string | null][];
      return rows.map(([id, since, reason]): Lock => ({ id, since, ...(reason === null ? {} : { reason }) }));
    },
  };
}
