/**
 * Group commit: units of one tenant that arrive together, or while those before them are on their way, share one
 * transaction. Its statements go in two round trips mostly: the tenant's lock and what the units begin with, and what they
 * write with the commit behind it. Tenants do not wait for each other.
 *
 * Units nearly always succeed, so they run without savepoints first. Where one fails all is taken back and done again, each
 * behind a savepoint and each statement waited for, so that a failing unit takes back only itself.
 */
import { setTimeout as wait } from 'node:timers/promises';
import type { StoredTypes } from '../layout/stored-type.ts';
import { type ChangeHead, noLink } from '../sql/change-row.ts';
import { guardSql } from '../sql/guard.ts';
import {
  closed,
  isConnectionLost,
  isForgottenStatement,
  isTransient,
  toStoreError,
  violatedUnique,
} from '../sql/postgres-errors.ts';
import type { Outcome, Unit } from '../store.ts';
import type { Commands } from './commands.ts';
import type { Connection } from './driver.ts';
import { foresee } from './foresee.ts';
import type { GrantRules, TransactionWatch } from './grants.ts';
import type { Show } from './shown.ts';
import { writeSql } from './statements.ts';
import type { LayoutCheck } from './stored-types.ts';
import { noTenant, type Transactions } from './transactions.ts';
import { UnitWriter } from './unit-writer.ts';

/** What one transaction takes: more makes nothing faster, and the others of the tenant wait longer. */
const mostUnits = 200;
const mostCommands = 1000;
/** How often a transaction is begun that was given up in favour of others, or whose connection was lost. */
const mostAttempts = 4;
/** How often, and after how many milliseconds, it is looked whether a commit was made whose answer was lost. */
const mostLooks = 20;
const lookEvery = 250;

export interface GroupCommitTools {
  readonly transactions: Transactions;
  readonly types: StoredTypes;
  readonly commands: Commands;
  readonly checkLayout: LayoutCheck;
  readonly grants: GrantRules;
  readonly show: Show;
  readonly clock: () => Date;
  /** Is told that something was written, before who wrote it is. */
  readonly written: () => void;
}

interface Job {
  readonly unit: Unit;
  readonly resolve: (outcome: Outcome) => void;
}

interface Queue {
  jobs: Job[];
  running: boolean;
}

/** The transaction was begun, but whether it was ended is not known. */
class CommitLost extends Error {
  override readonly name = 'CommitLost';
  readonly head: Readonly<ChangeHead>;
  readonly outcomes: readonly Outcome[];

  constructor(cause: unknown, head: Readonly<ChangeHead>, outcomes: readonly Outcome[]) {
    super('the connection was lost within the commit', { cause });
    this.head = { ...head };
    this.outcomes = outcomes;
  }
}

/** Some unit cannot be done as long as the others are in the same breath. */
const again = Symbol('again');

export class GroupCommit {
  readonly #tools: GroupCommitTools;
  readonly #queues = new Map<number, Queue>();
  readonly #running = new Set<Promise<void>>();
  #isClosed = false;

  constructor(tools: GroupCommitTools) {
    this.#tools = tools;
  }

  run(unit: Unit): Promise<Outcome> {
    if (this.#isClosed) return Promise.resolve({ outcome: 'failed', error: closed() });
    return new Promise((resolve) => {
      const queue = this.#queues.get(unit.tenant) ?? { jobs: [], running: false };
      this.#queues.set(unit.tenant, queue);
      queue.jobs.push({ unit, resolve });
      if (queue.running) return;
      queue.running = true;
      setImmediate(() => {
        const running = this.#drain(unit.tenant, queue).finally(() => this.#running.delete(running));
        this.#running.add(running);
      });
    });
  }

  /** Carries out what waits, and refuses what comes later. */
  async close(): Promise<void> {
    this.#isClosed = true;
    while (this.#queues.size > 0) {
      await new Promise((resolve) => setImmediate(resolve));
      await Promise.all(this.#running);
    }
  }

  async #drain(tenant: number, queue: Queue): Promise<void> {
    while (queue.jobs.length > 0) {
      const jobs = takeSome(queue);
      const outcomes = await this.#carryOut(tenant, jobs).then(
        (done) => {
          this.#tools.transactions.note();
          return done;
        },
        (error: unknown) => {
          this.#tools.transactions.note(error);
          return jobs.map((): Outcome => ({ outcome: 'failed', error }));
        },
      );
      if (outcomes.some(({ outcome }) => outcome === 'done')) this.#tools.written();
      for (const [index, { resolve }] of jobs.entries()) resolve(outcomes[index] as Outcome);
    }
    queue.running = false;
    this.#queues.delete(tenant);
  }

  async #carryOut(tenant: number, jobs: readonly Job[]): Promise<readonly Outcome[]> {
    // What runs within the transaction must not run twice.
    const once = jobs.some(({ unit }) => unit.within !== undefined);
    let apart = once;
    for (let attempt = 1; ; ) {
      try {
        const outcomes = await this.#transaction(tenant, jobs, apart);
        if (outcomes !== again) return outcomes;
        apart = true;
      } catch (thrown) {
        if (thrown instanceof CommitLost && (await this.#isCommitted(tenant, thrown))) return thrown.outcomes;
        const error = thrown instanceof CommitLost ? thrown.cause : thrown;
        const mayPass = isTransient(error) || isConnectionLost(error) || isForgottenStatement(error);
        if (!mayPass || once || attempt === mostAttempts) throw toStoreError(error);
        attempt++;
      }
    }
  }

  /**
   * Is the tenant's change of that number ours? Its link is over random bytes, and nobody else has the same.
   * @throws StoreError, of which the outcome is unknown, where the server does not come back soon.
   */
  async #isCommitted(tenant: number, { head, cause }: CommitLost): Promise<boolean> {
    const { transactions } = this.#tools;
    for (let attempt = 0; attempt < mostLooks; attempt++) {
      try {
        return await transactions.pool.withConnection(async (connection) => {
          await connection.script(transactions.beginning);
          try {
            // The session that was lost may be about to commit still: it is waited for.
            await connection.run(writeSql.lock, [tenant]);
            const { rows } = await connection.run(
              'SELECT link FROM change WHERE tenant = ? AND sequence = ?',
              [tenant, head.sequence],
            );
            const [found] = rows as [Buffer | null][];
            return found?.[0]?.equals(head.link) === true;
          } finally {
            await connection.script('ROLLBACK').catch(() => connection.discard());
          }
        });
      } catch {
        await wait(lookEvery);
      }
    }
    throw toStoreError(cause, true);
  }

  async #transaction(
    tenant: number,
    jobs: readonly Job[],
    apart: boolean,
  ): Promise<readonly Outcome[] | typeof again> {
    return this.#tools.transactions.pool.withConnection(async (connection) => {
      try {
        return await this.#within(connection, tenant, jobs, apart);
      } catch (error) {
        // Behind a standby, or a server that ends, there is nothing to be gone on with.
        if (isConnectionLost(error)) connection.discard();
        else connection.script('ROLLBACK').catch(() => connection.discard());
        throw error;
      }
    });
  }

  async #within(
    connection: Connection,
    tenant: number,
    jobs: readonly Job[],
    apart: boolean,
  ): Promise<readonly Outcome[] | typeof again> {
    const { commands, show } = this.#tools;
    const { writer, watch } = await this.#begin(connection, tenant, jobs);
    const outcomes: Outcome[] = [];
    for (const { unit } of jobs) {
      const before = writer.changeCount;
      const mark = apart ? writer.mark() : undefined;
      let outcome: Outcome;
      let isUndone = false;
      if (apart) await connection.script('SAVEPOINT unit');
      try {
        unit.work?.check();
        watch.commands.takeAlerts();
        const run = await commands.run(writer, watch, unit, apart);
        if (run.refusal !== undefined) {
          if (!apart && run.hasWritten) return await giveUp(connection);
          outcome = run.refusal;
          isUndone = run.hasWritten;
        } else {
          const isWatched = unit.within !== undefined || unit.reports === true;
          const changes = isWatched ? writer.changesAfter(before) : undefined;
          if (changes !== undefined) unit.within?.(changes);
          const { results } = run;
          const alerts = watch.commands.takeAlerts();
          outcome = {
            ...{ outcome: 'done', results },
            ...(alerts.length === 0 ? {} : { alerts }),
            ...(changes === undefined ? {} : { changes }),
          };
        }
      } catch (error) {
        if (isConnectionLost(error) || isTransient(error)) throw error;
        if (!apart) return await giveUp(connection);
        outcome = { outcome: 'failed', error: toStoreError(error) };
        isUndone = true;
      }
      if (isUndone && mark !== undefined) {
        await connection.script('ROLLBACK TO SAVEPOINT unit');
        writer.backTo(mark);
        watch.commands.forget();
      }
      outcomes.push(outcome);
    }
    try {
      writer.sendRest();
      const isWritten = writer.changeCount > 0;
      if (apart) await writer.settle();
      const units = jobs.map(({ unit }) => unit);
      const shown = show(connection, units, outcomes);
      shown.catch(() => {});
      const committed = connection.script('COMMIT');
      committed.catch(() => {});
      await writer.settle();
      await committed.catch((error: unknown) => {
        throw isConnectionLost(error) && isWritten ? new CommitLost(error, writer.head, outcomes) : error;
      });
      return await shown;
    } catch (error) {
      if (!(error instanceof CommitLost) && isConnectionLost(error) && writer.changeCount > 0)
        throw new CommitLost(error, writer.head, outcomes);
      // A value that is taken shows when the rows that waited are written.
      if (!apart && violatedUnique(error) !== undefined) return again;
      throw error;
    }

    function giveUp(of: Connection): Promise<typeof again> {
      return of.script('ROLLBACK').then(
        () => again,
        () => again,
      );
    }
  }

  /** Takes the tenant's lock, and reads what the units begin with. */
  async #begin(
    connection: Connection,
    tenant: number,
    jobs: readonly Job[],
  ): Promise<{ readonly writer: UnitWriter; readonly watch: TransactionWatch }> {
    const { transactions, checkLayout, types, grants } = this.#tools;
    const foreseen = foresee(jobs.map(({ unit }) => unit));
    const begun = connection.script(transactions.beginning);
    const ids = [...foreseen.current];
    const given = [...foreseen.given];
    const members = [...foreseen.members];
    const pairs = foreseen.edges;
    const none = { rows: [] as unknown[][] };
    // All of it is on its way before the first answer is there.
    const [, head, beginning, state, grouped, current, described, edges] = await settledAll([
      begun,
      connection.run(writeSql.lock, [tenant]),
      connection.run(writeSql.beginning, [foreseen.creations]),
      foreseen.loses ? connection.run(guardSql.state, [tenant]) : none,
      given.length === 0 ? none : connection.run(writeSql.grouped, [given, tenant]),
      ids.length === 0 ? none : connection.run(writeSql.current, [tenant, ids]),
      members.length === 0 ? none : connection.run(writeSql.described, [tenant, members]),
      pairs.length === 0
        ? none
        : connection.run(writeSql.edgesOfIds, [
            pairs.map(([id]) => id),
            pairs.map(([, value]) => value),
            tenant,
          ]),
    ] as const);
    const [row] = head.rows as [number, Buffer | null][];
    if (row === undefined) throw noTenant(tenant);
    const { rules, hashes, rids } = toBeginning(beginning.rows);
    checkLayout(hashes);
    const [sequence, link] = row;
    const writer = new UnitWriter(connection, tenant, types.nameOf, { sequence, link: link ?? noLink }, rids);
    writer.known.note(ids, current.rows);
    writer.known.noteGrouped(given, grouped.rows);
    writer.known.noteDescribed(members, described.rows);
    const rowOf = new Map((current.rows as [number, number, string][]).map(([rid, , id]) => [id, rid]));
    writer.known.noteEdges(
      pairs.flatMap(([id, value]) => {
        const rid = rowOf.get(id);
        return rid === undefined ? [] : [[rid, value] as const];
      }),
      edges.rows,
    );
    const watch = grants.watch({
      ...{ writer, rules },
      state: foreseen.loses ? state.rows : undefined,
    });
    return { writer, watch };
  }
}

/** Rows of `writeSql.beginning`. */
function toBeginning(rows: readonly unknown[][]): {
  readonly rules: [rule: string][];
  readonly hashes: [type: string, hash: string][];
  readonly rids: number[];
} {
  const [[rules, hashes, rids] = []] = rows as (string | null)[][];
  const parsed = (text: string | null | undefined) => (text == null ? [] : JSON.parse(text));
  return {
    rules: parsed(rules).map((rule: string) => [rule]),
    hashes: parsed(hashes),
    rids: parsed(rids),
  };
}

/** All of them, or the error of the first that failed, once none is under way any more. */
async function settledAll<const T extends readonly unknown[]>(
  promises: T,
): Promise<{ -readonly [K in keyof T]: Awaited<T[K]> }> {
  const settled = await Promise.allSettled(promises);
  for (const each of settled) if (each.status === 'rejected') throw each.reason;
  return settled.map((each) => (each as PromiseFulfilledResult<unknown>).value) as {
    -readonly [K in keyof T]: Awaited<T[K]>;
  };
}

function takeSome(queue: Queue): Job[] {
  let commands = 0;
  let count = 0;
  for (const { unit } of queue.jobs) {
    commands += unit.commands.length;
    if (count > 0 && (count >= mostUnits || commands > mostCommands)) break;
    count++;
  }
  return queue.jobs.splice(0, count);
}
