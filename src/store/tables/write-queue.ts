/** Writes in their order, as many in a transaction as there are, and those that have not ended yet. */
import { ScimError } from '../../error.ts';
import type { Outcome, Store, Unit } from '../store.ts';
import type { Awaitable } from '../stored-resource.ts';
import { type SqlDatabase, type Steps, statement } from './database.ts';
import { withRetries } from './failures.ts';
import { Turn } from './turn.ts';

/** Writes that have begun and not ended. */
export class InFlight {
  readonly #check: () => void;
  #count = 0;
  #waiting: (() => void)[] = [];

  constructor(check: () => void) {
    this.#check = check;
  }

  around(write: (units: readonly Unit[]) => Promise<readonly Outcome[]>): Store['commit'] {
    return async (units) => {
      this.#count++;
      try {
        this.#check();
        return await write(units);
      } catch (error) {
        return units.map(() => ({ outcome: 'failed', error }));
      } finally {
        this.#count--;
        if (this.#count === 0) for (const resolve of this.#waiting.splice(0)) resolve();
      }
    };
  }

  none(): Promise<void> {
    return this.#count === 0 ? Promise.resolve() : new Promise((resolve) => this.#waiting.push(resolve));
  }
}

/** Work of one transaction, with what it shares with others in it, and the driver's own transaction. */
export type Work<T> = (turn: Turn, transaction: unknown) => Steps<T>;

interface Waiting {
  readonly work: Work<unknown>;
  readonly isRepeatable: boolean;
  readonly resolve: (value: never) => void;
  readonly reject: (error: unknown) => void;
}

type Done = { readonly value: unknown } | { readonly error: unknown };

/** Turns of the event loop that the first of several waits for more. */
const mostTurns = 3;

/**
 * Writes, one after the other where there is one connection (SQLite), and in PostgreSQL those of one tenant: they would
 * wait for its record all the same, each with a connection that reads could have. Those of a few turns of the event loop
 * share a transaction and a commit. Hooks may wait for something, so in PostgreSQL they have one to themselves.
 */
export class WriteQueue {
  readonly #dialect: SqlDatabase['dialect'];
  readonly #transaction: <T>(steps: (transaction: unknown) => Steps<T>) => Awaitable<T>;
  /** Those that wait, by what they follow one another in; there while one is carried out. */
  readonly #lanes = new Map<number, Waiting[]>();

  constructor(
    { dialect }: SqlDatabase,
    transaction: <T>(steps: (transaction: unknown) => Steps<T>) => Awaitable<T>,
  ) {
    this.#dialect = dialect;
    this.#transaction = transaction;
  }

  /** `isRepeatable`: it depends on the database alone, and is run again where another one in its transaction fails. */
  run<T>(
    work: Work<T>,
    { isRepeatable = false, tenant }: { readonly isRepeatable?: boolean; readonly tenant?: number } = {},
  ): Promise<T> {
    const lane = this.#dialect === 'sqlite' ? 0 : tenant;
    if (lane === undefined) return withRetries(async () => this.#alone(work));
    return withRetries(
      () =>
        new Promise<T>((resolve, reject) => {
          const others = this.#lanes.get(lane);
          const waiting = others ?? [];
          waiting.push({ work, isRepeatable, resolve, reject });
          if (others !== undefined) return;
          this.#lanes.set(lane, waiting);
          void this.#flush(lane, waiting);
        }),
    );
  }

  async #flush(lane: number, waiting: Waiting[]): Promise<void> {
    const nextTurn = () => new Promise((resolve) => setImmediate(resolve));
    for (;;) {
      await nextTurn();
      // Several wait for those that are on their way, as long as each further turn brings more.
      for (let turns = 1, before = 1; turns < mostTurns && waiting.length > before; turns++) {
        before = waiting.length;
        await nextTurn();
      }
      const batch = waiting.splice(0, this.#atOnce(waiting));
      if (batch.length === 0) break;
      const done = await this.#carryOut(batch);
      for (const [index, { resolve, reject }] of batch.entries()) {
        const each = done[index] as Done;
        if ('error' in each) reject(each.error);
        else resolve(each.value as never);
      }
    }
    this.#lanes.delete(lane);
  }

  /** How many of them share the next transaction. */
  #atOnce(waiting: readonly Waiting[]): number {
    if (this.#dialect === 'sqlite') return waiting.length;
    const hooked = waiting.findIndex(({ isRepeatable }) => !isRepeatable);
    return hooked === -1 ? waiting.length : Math.max(hooked, 1);
  }

  /**
   * Nearly always all succeed, so they run without savepoints first, which would copy the pages that several of them
   * write to. Where one fails all is taken back and done again, so that it takes back only itself.
   */
  async #carryOut(batch: readonly Waiting[]): Promise<readonly Done[]> {
    if (batch.length === 1 || batch.every(({ isRepeatable }) => isRepeatable))
      try {
        const values = await this.#together(batch, (work, turn, given) => work(turn, given));
        return values.map((value) => ({ value }));
      } catch (error) {
        if (batch.length === 1) return [{ error }];
      }
    // In PostgreSQL drivers have savepoints of their own: postgres.js takes all back once a statement has failed.
    if (this.#dialect === 'sqlite')
      try {
        return await this.#together(batch, inSavepoint);
      } catch (error) {
        if (batch.length === 1 || !(error instanceof ScimError)) return batch.map(() => ({ error }));
        // Whose constraint it was that the commit failed by is found one by one.
      }
    const done: Done[] = [];
    for (const each of batch) done.push(...(await this.#carryOut([each])));
    return done;
  }

  #alone<T>(work: Work<T>): Awaitable<T> {
    const turn = new Turn(this.#dialect);
    return this.#transaction(function* (given) {
      const value = yield* work(turn, given);
      yield* turn.end();
      return value;
    });
  }

  async #together<T>(
    batch: readonly Waiting[],
    run: (work: Work<unknown>, turn: Turn, given: unknown) => Steps<T>,
  ): Promise<readonly T[]> {
    return await this.#alone(function* (turn, given) {
      const values: T[] = [];
      for (const { work } of batch) values.push(yield* run(work, turn, given));
      return values;
    });
  }
}

function* inSavepoint(work: Work<unknown>, turn: Turn, given: unknown): Steps<Done> {
  const mark = turn.mark();
  yield statement('SAVEPOINT scimd_unit');
  let done: Done;
  try {
    done = { value: yield* work(turn, given) };
  } catch (error) {
    yield statement('ROLLBACK TO scimd_unit');
    turn.backTo(mark);
    done = { error };
  }
  yield statement('RELEASE scimd_unit');
  return done;
}
