/**
 * Hands a connection from a transaction that commits to the next one of its tenant, which begins behind that commit without
 * waiting for its answer: the server goes on with it at once, and one way there and back is saved. Shown by the workload
 * `member-10000` of npm run bench -- --postgres.
 */
import type { Connection } from './driver.ts';
import type { Pool } from './pool.ts';

interface Lease {
  readonly connection: Connection;
  /** Transactions of which it is not known yet how they ended. */
  users: number;
}

export class Relay {
  readonly #pool: Pool;
  /** Its last transaction has sent its commit. */
  #committing: Lease | undefined;

  constructor(pool: Pool) {
    this.#pool = pool;
  }

  /** `action` sends nothing more once it has called `handOver`: another transaction may have begun. */
  async run<T>(action: (connection: Connection, handOver: () => void) => Promise<T>): Promise<T> {
    const lease = this.#handedOver() ?? { connection: await this.#pool.take(), users: 0 };
    lease.users++;
    try {
      return await action(lease.connection, () => {
        this.#committing = lease;
      });
    } finally {
      lease.users--;
      if (lease.users === 0) {
        if (this.#committing === lease) this.#committing = undefined;
        this.#pool.give(lease.connection);
      }
    }
  }

  /** Whoever waits for a connection, of another tenant say, has it first. */
  #handedOver(): Lease | undefined {
    const lease = this.#committing;
    this.#committing = undefined;
    return lease === undefined || lease.connection.isLost || this.#pool.isAwaited ? undefined : lease;
  }
}
