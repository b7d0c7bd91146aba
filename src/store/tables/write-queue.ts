/** Writes in their order, as many in a transaction as there are, and those that have not ended yet. */

import type { Outcome, Store, Unit } from '../store.ts';
import type { Awaitable } from '../stored-resource.ts';
import { type SqlDatabase, type Steps, statement } from './database.ts';

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

interface Waiting {
  readonly steps: (transaction: unknown) => Steps<unknown>;
  readonly resolve: (value: never) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Writes, one after the other where there is one connection (SQLite): those of one turn of the event loop share a
 * transaction, each with a savepoint of its own, and a commit. PostgreSQL has its own order, and a transaction for each.
 */
export class WriteQueue {
  readonly #isShared: boolean;
  readonly #transaction: <T>(steps: (transaction: unknown) => Steps<T>) => Awaitable<T>;
  #waiting: Waiting[] = [];
  #running: Promise<void> | undefined;

  constructor(
    database: SqlDatabase,
    transaction: <T>(steps: (transaction: unknown) => Steps<T>) => Awaitable<T>,
  ) {
    this.#isShared = database.dialect === 'sqlite';
    this.#transaction = transaction;
  }

  async run<T>(steps: (transaction: unknown) => Steps<T>): Promise<T> {
    if (!this.#isShared) return this.#transaction(steps);
    return new Promise<T>((resolve, reject) => {
      this.#waiting.push({ steps, resolve, reject });
      this.#running ??= this.#flush();
    });
  }

  async #flush(): Promise<void> {
    for (;;) {
      await new Promise((resolve) => setImmediate(resolve));
      const batch = this.#waiting;
      this.#waiting = [];
      if (batch.length === 0) break;
      await this.#carryOut(batch);
    }
    this.#running = undefined;
  }

  async #carryOut(batch: readonly Waiting[]): Promise<void> {
    type Done = { readonly value: unknown } | { readonly error: unknown };
    const together = function* (given: unknown): Steps<Done[]> {
      const done: Done[] = [];
      for (const { steps } of batch) {
        yield statement('SAVEPOINT scimd_unit');
        try {
          done.push({ value: yield* steps(given) });
        } catch (error) {
          yield statement('ROLLBACK TO scimd_unit');
          done.push({ error });
        }
        yield statement('RELEASE scimd_unit');
      }
      return done;
    };
    let done: readonly Done[];
    try {
      done = await this.#transaction(together);
    } catch (error) {
      done = batch.map(() => ({ error }));
    }
    for (const [index, { resolve, reject }] of batch.entries()) {
      const each = done[index] as Done;
      if ('error' in each) reject(each.error);
      else resolve(each.value as never);
    }
  }
}
