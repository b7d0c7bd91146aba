/**
 * Group commit: units of one tenant that arrive together, or while those before them are on their way, share one
 * transaction. Its statements go in two round trips mostly: the tenant's lock and what the units begin with, and what they
 * write with the commit behind it, behind which the next transaction begins. Tenants do not wait for each other.
 *
 * Units nearly always succeed, so they run without savepoints first. Where one fails all is taken back and done again, each
 * behind a savepoint and each statement waited for, so that a failing unit takes back only itself.
 */
import { setTimeout as wait } from 'node:timers/promises';
import type { ChangeHead } from '../sql/change-row.ts';
import {
  closed,
  isConnectionLost,
  isTransient,
  mayPassElsewhere,
  toStoreError,
  violatedUnique,
} from '../sql/postgres-errors.ts';
import type { Outcome, Unit } from '../store.ts';
import { type BeginningTools, begin } from './beginning.ts';
import type { Commands } from './commands.ts';
import { type Change, computedBy, isChange, runsOnce } from './computed.ts';
import type { Connection } from './driver.ts';
import { Relay } from './relay.ts';
import type { Show } from './shown.ts';
import { writeSql } from './statements.ts';

/** What one transaction takes: more makes nothing faster, and the others of the tenant wait longer. */
const mostUnits = 200;
const mostCommands = 1000;
/** How often a transaction is begun that was given up in favour of others, or whose connection was lost. */
const mostAttempts = 4;
/** For how many milliseconds, and how often, it is looked whether a commit was made whose answer was lost. */
const looksFor = 5000;
const lookEvery = 250;

export interface GroupCommitTools extends BeginningTools {
  readonly commands: Commands;
  readonly show: Show;
  /** Is told that something was written, before who wrote it is. */
  readonly written: () => void;
}

interface Job {
  readonly work: Unit | Change;
  readonly resolve: (outcome: Outcome) => void;
}

interface Queue {
  readonly jobs: Job[];
  readonly relay: Relay;
  /** Transactions of which it is not known yet how they ended. */
  underWay: number;
  /** May one begin? Not before the one before has sent its commit. */
  isFree: boolean;
}

/** What one transaction carries out. */
interface Batch {
  readonly tenant: number;
  readonly jobs: readonly Job[];
  readonly relay: Relay;
  /** Is told that the commit was sent. */
  readonly committing: () => void;
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

  run(work: Unit | Change): Promise<Outcome> {
    if (this.#isClosed) return Promise.resolve({ outcome: 'failed', error: closed() });
    return new Promise((resolve) => {
      const { tenant } = work;
      const queue = this.#queues.get(tenant) ?? {
        ...{ jobs: [], relay: new Relay(this.#tools.transactions.pool), underWay: 0, isFree: true },
      };
      this.#queues.set(tenant, queue);
      queue.jobs.push({ work, resolve });
      this.#beginNext(tenant, queue);
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

  /** Begins a transaction with what waits, and with what comes within this turn. */
  #beginNext(tenant: number, queue: Queue): void {
    if (!queue.isFree || queue.jobs.length === 0) return;
    queue.isFree = false;
    setImmediate(() => {
      const running = this.#settleNext(tenant, queue).finally(() => this.#running.delete(running));
      this.#running.add(running);
    });
  }

  async #settleNext(tenant: number, queue: Queue): Promise<void> {
    const jobs = takeSome(queue);
    let isOver = false;
    const free = (): void => {
      if (isOver) return;
      isOver = true;
      queue.isFree = true;
      this.#beginNext(tenant, queue);
    };
    queue.underWay++;
    const outcomes = await this.#carryOut({ tenant, jobs, relay: queue.relay, committing: free }).then(
      (done) => {
        this.#tools.transactions.note();
        return done;
      },
      (error: unknown) => {
        this.#tools.transactions.note(error);
        return jobs.map((): Outcome => ({ outcome: 'failed', error }));
      },
    );
    queue.underWay--;
    free();
    if (outcomes.some(({ outcome }) => outcome === 'done')) this.#tools.written();
    for (const [index, { resolve }] of jobs.entries()) resolve(outcomes[index] as Outcome);
    if (queue.underWay === 0 && queue.isFree) this.#queues.delete(tenant);
  }

  async #carryOut(batch: Batch): Promise<readonly Outcome[]> {
    // What runs within the transaction must not run twice.
    const once = batch.jobs.some(({ work }) => runsOnce(work));
    let apart = once;
    for (let attempt = 1; ; ) {
      try {
        const outcomes = await this.#transaction(batch, apart);
        if (outcomes !== again) return outcomes;
        apart = true;
      } catch (thrown) {
        if (thrown instanceof CommitLost && (await this.#isCommitted(batch.tenant, thrown)))
          return thrown.outcomes;
        const error = thrown instanceof CommitLost ? thrown.cause : thrown;
        const mayPass = isTransient(error) || mayPassElsewhere(error);
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
    const until = performance.now() + looksFor;
    while (performance.now() < until) {
      try {
        return await transactions.pool.withConnection(async (connection) => {
          await transactions.begin(connection);
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

  #transaction(batch: Batch, apart: boolean): Promise<readonly Outcome[] | typeof again> {
    return batch.relay.run(async (connection, handOver) => {
      let isEnding = false;
      const committing = (): void => {
        isEnding = true;
        handOver();
        batch.committing();
      };
      try {
        return await this.#within(connection, { ...batch, committing }, apart);
      } catch (error) {
        // Behind a standby, or a server that ends, there is nothing to be gone on with.
        if (isConnectionLost(error)) connection.discard();
        // A commit ends it in any case, and behind that one the next may have begun.
        else if (!isEnding) connection.script('ROLLBACK').catch(() => connection.discard());
        throw error;
      }
    });
  }

  async #within(
    connection: Connection,
    { tenant, jobs, committing }: Batch,
    apart: boolean,
  ): Promise<readonly Outcome[] | typeof again> {
    const { commands, show, types } = this.#tools;
    const work = jobs.map((job) => job.work);
    const { writer, watch } = await begin(connection, tenant, work, this.#tools);
    const outcomes: Outcome[] = [];
    /** Those that were carried out. */
    const units: (Unit | undefined)[] = [];
    for (const each of work) {
      const before = writer.changeCount;
      const mark = apart ? writer.mark() : undefined;
      let unit: Unit | undefined;
      let outcome: Outcome;
      let isUndone = false;
      if (apart) await connection.script('SAVEPOINT unit');
      try {
        const computed = isChange(each) ? await computedBy(writer, types, each) : each;
        if ('outcome' in computed) outcome = computed;
        else {
          unit = computed;
          unit.work?.check();
          watch.commands.takeAlerts();
          const run = await commands.run(writer, watch, unit, apart);
          if (run.refusal !== undefined) {
            if (!apart && run.hasWritten) return await giveUp(connection);
            outcome = run.refusal;
            isUndone = run.hasWritten;
          } else {
            unit.within?.(writer.changesAfter(before));
            const { results } = run;
            const alerts = watch.commands.takeAlerts();
            outcome = { outcome: 'done', results, ...(alerts.length === 0 ? {} : { alerts }) };
          }
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
      units.push(unit);
    }
    try {
      writer.sendRest();
      const isWritten = writer.changeCount > 0;
      if (apart) await writer.settle();
      const shown = show(connection, units, outcomes);
      shown.catch(() => {});
      const committed = connection.script('COMMIT');
      committed.catch(() => {});
      committing();
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
}

function takeSome(queue: Queue): Job[] {
  let commands = 0;
  let count = 0;
  for (const { work } of queue.jobs) {
    commands += isChange(work) ? 1 : work.commands.length;
    if (count > 0 && (count >= mostUnits || commands > mostCommands)) break;
    count++;
  }
  return queue.jobs.splice(0, count);
}
