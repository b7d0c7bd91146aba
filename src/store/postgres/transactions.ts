/** Transactions that write, beside those of units: begun again where others were in the way, or the connection was lost. */
import { noLink } from '../sql/change-row.ts';
import { isConnectionLost, isTransient, mayPassElsewhere, toStoreError } from '../sql/postgres-errors.ts';
import { StoreError, type StoreErrorCode } from '../store-error.ts';
import type { Connection } from './driver.ts';
import type { Pool } from './pool.ts';
import { silence } from './stalls.ts';
import { writeSql } from './statements.ts';
import { UnitWriter } from './unit-writer.ts';

/** What another attempt, a moment later, would not do away with. */
const lasting: ReadonlySet<StoreErrorCode> = new Set([
  'full',
  'readonly',
  'io',
  'corrupt',
  'cannot-open',
  'unavailable',
]);

/** How often one is begun. */
const mostAttempts = 4;

export interface WriteSettings {
  /** Milliseconds that a writer waits for another one. */
  readonly lockMilliseconds: number;
  /** Milliseconds that one statement may take, or the time between two. */
  readonly statementMilliseconds: number;
  /** Must a commit be asked to be on the disk? */
  readonly isAsynchronous: boolean;
}

export class Transactions {
  readonly pool: Pool;
  readonly #beginning: string;
  readonly #longest: number;
  readonly #written: () => void;
  #isFailing = false;

  constructor(pool: Pool, settings: WriteSettings, written: () => void) {
    const { lockMilliseconds: lock, statementMilliseconds: statement, isAsynchronous } = settings;
    this.pool = pool;
    this.#written = written;
    this.#longest = statement + silence;
    this.#beginning = [
      'BEGIN ISOLATION LEVEL READ COMMITTED',
      `SET LOCAL lock_timeout = ${lock}`,
      `SET LOCAL statement_timeout = ${statement}`,
      `SET LOCAL idle_in_transaction_session_timeout = ${statement}`,
      ...(isAsynchronous ? ['SET LOCAL synchronous_commit = on'] : []),
    ].join('; ');
  }

  /** Begins one. Settings are its own, so that a pooler may hand the next transaction to another session. */
  begin(connection: Connection): Promise<void> {
    connection.longest = this.#longest;
    return connection.script(this.#beginning);
  }

  /** Has nothing been written since the server could not, or would not, write? */
  get isFailing(): boolean {
    return this.#isFailing;
  }

  /** What became of the last transaction. */
  note(error?: unknown): void {
    if (error === undefined) this.#isFailing = false;
    else if (error instanceof StoreError && lasting.has(error.code)) this.#isFailing = true;
  }

  /** Runs `action`, perhaps several times, and commits. @throws StoreError */
  async run<T>(action: (connection: Connection) => Promise<T>): Promise<T> {
    try {
      const result = await this.#run(action);
      this.note();
      return result;
    } catch (error) {
      this.note(error);
      throw error;
    }
  }

  async #run<T>(action: (connection: Connection) => Promise<T>): Promise<T> {
    for (let attempt = 1; ; attempt++) {
      let isCommitting = false;
      try {
        const result = await this.pool.withConnection(async (connection) => {
          try {
            const [, value] = await Promise.all([this.begin(connection), action(connection)]);
            isCommitting = true;
            await connection.script('COMMIT');
            return value;
          } catch (error) {
            if (isConnectionLost(error)) connection.discard();
            else connection.script('ROLLBACK').catch(() => connection.discard());
            throw error;
          }
        });
        this.#written();
        return result;
      } catch (error) {
        const isLost = isConnectionLost(error);
        if (isLost && isCommitting) throw toStoreError(error, true);
        const isWorthIt = isTransient(error) || mayPassElsewhere(error);
        if (!isWorthIt || attempt === mostAttempts) throw toStoreError(error);
      }
    }
  }

  /** The same under the lock of a tenant; undefined where there is no such tenant any more. */
  async inTenant<T>(
    tenant: number,
    nameOf: (type: number) => string,
    action: (writer: UnitWriter) => Promise<T>,
  ): Promise<T | undefined> {
    return this.run(async (connection) => {
      const writer = await lockedWriter(connection, tenant, nameOf);
      if (writer === undefined) return undefined;
      const result = await action(writer);
      writer.sendRest();
      await writer.settle();
      return result;
    });
  }
}

/** Within a transaction: takes the tenant's lock. */
export async function lockedWriter(
  connection: Connection,
  tenant: number,
  nameOf: (type: number) => string,
): Promise<UnitWriter | undefined> {
  const { rows } = await connection.run(writeSql.lock, [tenant]);
  const [head] = rows as [number, Buffer | null][];
  if (head === undefined) return undefined;
  const [sequence, link] = head;
  return new UnitWriter(connection, tenant, nameOf, { sequence, link: link ?? noLink }, []);
}

export function noTenant(tenant: number): StoreError {
  return new StoreError(
    'no-tenant',
    `tenant ${tenant} was removed meanwhile`,
    'Ask for the tenants that there are: scimd tenant list.',
  );
}
