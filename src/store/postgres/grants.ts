/** Roles and the guard in PostgreSQL, watched in a transaction that has the tenant's lock. */
import type { Registry } from '../../scim/registry.ts';
import type { Loss } from '../guard.ts';
import type { StoredTypes } from '../layout/stored-type.ts';
import { AccessRules } from '../sql/access-rules.ts';
import { AccessWatch, type Bases } from '../sql/access-watch.ts';
import { CommandWatch } from '../sql/command-watch.ts';
import { grantSql, holderSql } from '../sql/grants.ts';
import { activePeopleSql, guardSql } from '../sql/guard.ts';
import type { Steps } from '../sql/steps.ts';
import { postgresDialect } from './dialect.ts';
import { append, carryOut, type RunSql, runBy } from './steps.ts';
import type { UnitWriter } from './unit-writer.ts';

export interface WatchedTransaction {
  readonly writer: UnitWriter;
  /** The rows of `grantSql.rules`, and those of `guardSql.state`. */
  readonly rules: readonly unknown[][];
  readonly state: readonly unknown[][];
  /** How many people had lost what since a minute, where that was asked for beforehand. */
  readonly lost: { readonly since: number; readonly people: ReadonlyMap<string, number> } | undefined;
}

/** What commands of one transaction mean for who has access, and how its steps are carried out. */
export interface TransactionWatch {
  readonly commands: CommandWatch;
  readonly carryOut: <Result>(steps: Steps<Result>) => Promise<Result>;
}

export class GrantRules {
  readonly rules: AccessRules;
  readonly #types: StoredTypes;
  readonly #clock: () => Date;
  readonly #activePeople: string;
  /** What outlives a transaction. */
  readonly #bases: Bases = new Map();
  /** By tenant, within how many minutes losses were counted last. */
  readonly #minutes = new Map<number, number>();
  /** By tenant and loss, up to which minute what was counted has been removed. */
  readonly #forgotten = new Map<string, number>();

  constructor(types: StoredTypes, registry: Registry, clock: () => Date) {
    this.rules = new AccessRules(registry, grantSql, holderSql(postgresDialect, types));
    this.#types = types;
    this.#clock = clock;
    this.#activePeople = activePeopleSql(types);
  }

  /** The minute behind which losses of the tenant will be asked for, if any are, as far as that can be told. */
  lostSince(tenant: number): number | undefined {
    const minutes = this.#minutes.get(tenant);
    return minutes === undefined ? undefined : this.#minute() - minutes;
  }

  #minute(): number {
    return Math.floor(this.#clock().getTime() / 60_000);
  }

  /** With the rules as they are under the tenant's lock. */
  watch({ writer, rules: rows, state, lost }: WatchedTransaction): TransactionWatch {
    const { rules } = this;
    const { holderSql: sql } = rules;
    const inForce = rules.of(rows);
    const byWriter = runBy(writer);
    let known: typeof state | undefined = state;
    let counted = lost;
    const run: RunSql = async (text, parameters) => {
      if (text === guardSql.state && known !== undefined) {
        const asked = known;
        known = undefined;
        return asked;
      }
      if (text === guardSql.count) {
        // Of all commands together: each by itself is a round trip.
        const [, loss, minute, people] = parameters as [number, Loss, number, number];
        writer.losses.add(loss, minute, people);
        return [];
      }
      if (text === guardSql.forget) {
        // Once a minute is enough: a sum is of the minutes that it is asked for.
        const [tenant, loss, until] = parameters as [number, Loss, number];
        const key = `${tenant} ${loss}`;
        if (this.#forgotten.get(key) === until) return [];
        this.#forgotten.set(key, until);
      }
      if (text === guardSql.sum) {
        const [tenant, loss, since] = parameters as [number, Loss, number];
        if (counted?.since === since) return [[(counted.people.get(loss) ?? 0) + writer.losses.sum(loss)]];
        this.#minutes.set(tenant, this.#minute() - since);
      }
      if (text === guardSql.sum || text === this.#activePeople) {
        counted = undefined;
        writer.sendTotals();
      }
      if (text === sql.isPerson) {
        const id = parameters[1] as string;
        const [type, , isActive] = (await writer.describe([id])).get(id) ?? [];
        // What is known of the only one need not be asked for.
        if (type !== undefined) return [[this.#types.nameOf(type) === 'User', isActive]];
      }
      return byWriter(text, parameters);
    };
    return {
      commands: new CommandWatch({
        rules,
        watch: new AccessWatch(
          { sql, guard: guardSql, activePeople: this.#activePeople },
          this.#clock,
          this.#bases,
        ),
        // biome-ignore lint/correctness/useYield: they were read when the transaction began.
        *inForce() {
          return inForce;
        },
        limits: () => inForce.limits,
        note: (notice, transaction) => append(writer, notice, this.#clock(), transaction),
      }),
      carryOut: (steps) => carryOut(run, steps),
    };
  }
}
