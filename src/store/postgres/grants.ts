/** Roles, the guard and locks in PostgreSQL: steps, each waited for, under the tenant's lock where they write. */
import type { Registry } from '../../scim/registry.ts';
import type { Loss } from '../guard.ts';
import { keyOfTime } from '../layout/instant.ts';
import type { StoredTypes } from '../layout/stored-type.ts';
import type { AccessPort, Noted } from '../sql/access-over.ts';
import { AccessRules } from '../sql/access-rules.ts';
import { AccessWatch, type Bases } from '../sql/access-watch.ts';
import { noticeEntry } from '../sql/change-row.ts';
import { CommandWatch } from '../sql/command-watch.ts';
import { grantSql, holderSql } from '../sql/grants.ts';
import { activePeopleSql, guardSql } from '../sql/guard.ts';
import { runStepsAsync, type Steps } from '../sql/steps.ts';
import type { NewNotice } from '../store.ts';
import { postgresDialect } from './dialect.ts';
import type { Value } from './driver.ts';
import { lockedWriter, noTenant, type Transactions } from './transactions.ts';
import type { UnitWriter } from './unit-writer.ts';

/** Runs a statement, in whatever transaction. */
type RunSql = (text: string, parameters: readonly Value[]) => Promise<readonly unknown[][]>;

/** Steps, each waited for. */
function carryOut<Result>(run: RunSql, steps: Steps<Result>): Promise<Result> {
  return runStepsAsync(steps, ({ text, parameters }) => run(text, parameters));
}

/** A statement that answers nothing is not waited for. */
function runBy(writer: UnitWriter): RunSql {
  return async (text, parameters) => {
    if (/^(?:SELECT|WITH)|RETURNING/.test(text)) return writer.query(text, parameters);
    writer.send(text, parameters);
    return [];
  };
}

export interface WatchedTransaction {
  readonly writer: UnitWriter;
  /** The rows of `grantSql.rules`, and those of `guardSql.state` where they were asked for beforehand. */
  readonly rules: readonly unknown[][];
  readonly state: readonly unknown[][] | undefined;
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

  constructor(types: StoredTypes, registry: Registry, clock: () => Date) {
    this.rules = new AccessRules(registry, grantSql, holderSql(postgresDialect, types));
    this.#types = types;
    this.#clock = clock;
    this.#activePeople = activePeopleSql(types);
  }

  /** With the rules as they are under the tenant's lock. */
  watch({ writer, rules: rows, state }: WatchedTransaction): TransactionWatch {
    const { rules } = this;
    const { holderSql: sql } = rules;
    const inForce = rules.of(rows);
    const byWriter = runBy(writer);
    let known = state;
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
      if (text === guardSql.sum) writer.sendLosses();
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
        note: (notice, transaction) => append(writer, notice, this.#clock(), transaction),
      }),
      carryOut: (steps) => carryOut(run, steps),
    };
  }
}

function append(writer: UnitWriter, notice: NewNotice, now: Date, transaction: string): void {
  writer.append(noticeEntry(notice, keyOfTime(now.getTime()), transaction), notice.subject.type);
}

export interface GrantsTools {
  readonly transactions: Transactions;
  readonly rules: AccessRules;
  readonly clock: () => Date;
  readonly newId: () => string;
  readonly note: (notices: readonly NewNotice[]) => Promise<unknown>;
}

export function accessPort({ transactions, rules, clock, newId, note }: GrantsTools): AccessPort {
  const ofTenant = async <Result>(tenant: number, steps: () => Steps<Noted<Result>>): Promise<Result> => {
    const done = await transactions.inTenant(tenant, String, async (writer) => {
      const { result, notices } = await carryOut(runBy(writer), steps());
      for (const notice of notices) append(writer, notice, clock(), newId());
      return { result };
    });
    if (done === undefined) throw noTenant(tenant);
    return done.result;
  };
  const ofAll = <Result>(steps: () => Steps<Noted<Result>>): Promise<Result> =>
    transactions.run(async (connection) => {
      await connection.run('SELECT 1 FROM change_counter ORDER BY tenant FOR UPDATE');
      const sent: Promise<unknown>[] = [];
      const run: RunSql = async (text, parameters) => {
        const answered = connection.run(text, parameters);
        if (/^(?:SELECT|WITH)/.test(text)) return (await answered).rows;
        answered.catch(() => {});
        sent.push(answered);
        return [];
      };
      const { result, notices } = await carryOut(run, steps());
      await Promise.all(sent);
      for (const tenant of new Set(notices.map((notice) => notice.tenant))) {
        const writer = await lockedWriter(connection, tenant, String);
        for (const notice of notices)
          if (notice.tenant === tenant && writer !== undefined) append(writer, notice, clock(), newId());
        writer?.sendRest();
        await writer?.settle();
      }
      return result;
    });
  return {
    ...{ rules, guard: guardSql, clock },
    read: (steps) => carryOut((text, parameters) => transactions.pool.read(text, parameters), steps()),
    write: (tenant, steps) => (tenant === 'all' ? ofAll(steps) : ofTenant(tenant, steps)),
    note: (notice) => note([notice]),
  };
}
