/**
 * The connections of one store. Single statements that are answered at once share a few, over which they follow one
 * another without waiting; transactions, and statements that may take long, have one of their own for as long as they last.
 */

import { closed, isServerFull, mayPassElsewhere, toStoreError } from '../sql/postgres-errors.ts';
import { StoreError } from '../store-error.ts';
import type { PostgresAddress } from './address.ts';
import { Connection, type RequestValues, type Value } from './driver.ts';

/** Connections that single statements share. */
const mostShared = 2;
/** Statements that wait for an answer over one of them, before another one is opened. */
const fullAt = 16;
/** Milliseconds that any other statement over a shared connection may take: reports count all people. */
const longestRead = 60_000;
/** Milliseconds that one waits for a connection of one's own. */
const longestWait = 10_000;
/** Milliseconds for which a connection of one's own is kept that nobody uses. */
const idleFor = 60_000;

interface Waiter {
  readonly resolve: (connection: Promise<Connection>) => void;
  readonly reject: (error: unknown) => void;
  readonly timer: NodeJS.Timeout;
}

export class Pool {
  readonly address: PostgresAddress;
  readonly #shared: (Promise<Connection> | undefined)[] = [];
  readonly #open: (Connection | undefined)[] = [];
  readonly #idle: { readonly connection: Connection; readonly since: number }[] = [];
  readonly #waiting: Waiter[] = [];
  readonly #sweep: NodeJS.Timeout;
  readonly #mostOwn: number;
  readonly #longestLookUp: number;
  #own = 0;
  #isClosed = false;
  #closing: Promise<void> | undefined;
  #drained: (() => void) | undefined;

  /** `longestLookUp` in milliseconds. */
  constructor(address: PostgresAddress, longestLookUp = 5000) {
    this.address = address;
    this.#longestLookUp = longestLookUp;
    this.#mostOwn = address.connections - mostShared;
    this.#sweep = setInterval(() => this.#closeIdle(), idleFor / 2).unref();
  }

  /** A few rows by their keys: where they do not come, somebody keeps the table locked, or the server is gone. */
  lookUp(sql: string, parameters: readonly Value[] = []): Promise<unknown[][]> {
    return this.read(sql, parameters, undefined, this.#longestLookUp);
  }

  /**
   * A statement that is a transaction by itself, and soon answered: within `longest` milliseconds. Run once more where the
   * connection was lost. `areTexts` as {@link Connection.run} has it.
   */
  async read(
    sql: string,
    parameters: readonly Value[] = [],
    request?: RequestValues,
    longest = longestRead,
    areTexts = false,
  ): Promise<unknown[][]> {
    for (let attempt = 0; ; attempt++) {
      let connection: Connection | undefined;
      try {
        connection = await this.#sharedConnection();
        return (await connection.run(sql, parameters, request, longest, areTexts)).rows;
      } catch (error) {
        const isWorthIt = mayPassElsewhere(error);
        if (attempt === 0 && connection !== undefined && isWorthIt && !this.#isClosed) continue;
        throw toStoreError(error);
      }
    }
  }

  /** Runs `action` with a connection that nobody else uses meanwhile. */
  async withConnection<T>(action: (connection: Connection) => Promise<T>): Promise<T> {
    const connection = await this.take();
    try {
      return await action(connection);
    } finally {
      this.give(connection);
    }
  }

  /** Does somebody wait for a connection of their own? */
  get isAwaited(): boolean {
    return this.#waiting.length > 0;
  }

  /** One to be given back. @throws StoreError `overloaded` where none is free for long. */
  async take(): Promise<Connection> {
    if (this.#isClosed) throw closed();
    try {
      const idle = this.#takeIdle();
      if (idle !== undefined) return idle;
      if (this.#own < this.#mostOwn) {
        const opened = await this.#openOwn().catch((error: unknown) => {
          // The server has no more for us: those that there are come back.
          if (isServerFull(error) && this.#own > 0) return this.#takeIdle();
          throw error;
        });
        if (opened !== undefined) return opened;
      }
      return await new Promise<Connection>((resolve, reject) => {
        const waiter: Waiter = {
          resolve,
          reject,
          timer: setTimeout(() => {
            this.#waiting.splice(this.#waiting.indexOf(waiter), 1);
            reject(overloaded(this.#mostOwn));
          }, longestWait),
        };
        this.#waiting.push(waiter);
      });
    } catch (error) {
      throw toStoreError(error);
    }
  }

  #takeIdle(): Connection | undefined {
    for (let kept = this.#idle.pop(); kept !== undefined; kept = this.#idle.pop()) {
      if (!kept.connection.isLost) return kept.connection;
      this.#own--;
    }
    return undefined;
  }

  give(connection: Connection): void {
    connection.longest = Number.POSITIVE_INFINITY;
    const waiter = this.#waiting.shift();
    if (waiter !== undefined) {
      clearTimeout(waiter.timer);
      if (!connection.isLost) waiter.resolve(Promise.resolve(connection));
      else {
        this.#own--;
        waiter.resolve(this.#openOwn());
      }
      return;
    }
    if (!connection.isLost && !this.#isClosed) {
      this.#idle.push({ connection, since: performance.now() });
      return;
    }
    this.#own--;
    void connection.close();
    if (this.#own === 0) this.#drained?.();
  }

  /** Waits for those that are in use. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    this.#isClosed = true;
    clearInterval(this.#sweep);
    for (const { reject, timer } of this.#waiting.splice(0)) {
      clearTimeout(timer);
      reject(closed());
    }
    for (const { connection } of this.#idle.splice(0)) {
      this.#own--;
      await connection.close();
    }
    if (this.#own > 0)
      await new Promise<void>((resolve) => {
        this.#drained = resolve;
        setTimeout(resolve, longestWait).unref();
      });
    for (const opening of this.#shared.splice(0))
      await opening?.then(
        (connection) => connection.close(),
        () => {},
      );
  }

  async #openOwn(): Promise<Connection> {
    this.#own++;
    try {
      return await Connection.open(this.address);
    } catch (error) {
      this.#own--;
      if (isServerFull(error) && this.#own > 0) throw error;
      // Who waits for one of those that there are waits in vain where there are none.
      for (const { reject, timer } of this.#waiting.splice(0, this.#own === 0 ? this.#waiting.length : 1)) {
        clearTimeout(timer);
        reject(toStoreError(error));
      }
      throw error;
    }
  }

  /** The one with the fewest statements under way. */
  async #sharedConnection(): Promise<Connection> {
    if (this.#isClosed) throw closed();
    let least: number | undefined;
    for (let at = 0; at < mostShared; at++) {
      const connection = this.#open[at];
      if (connection?.isLost) {
        this.#open[at] = undefined;
        this.#shared[at] = undefined;
      }
      if (this.#open[at] === undefined) continue;
      if (least === undefined || inFlightOf(this.#open[at]) < inFlightOf(this.#open[least])) least = at;
    }
    if (least !== undefined && inFlightOf(this.#open[least]) < fullAt) return this.#open[least] as Connection;
    for (let at = 0; at < mostShared; at++) {
      if (this.#open[at] !== undefined) continue;
      const opening = this.#shared[at] ?? this.#openShared(at);
      // Who has one already need not wait for another one.
      return least === undefined ? opening : (this.#open[least] as Connection);
    }
    return this.#open[least ?? 0] as Connection;
  }

  #openShared(at: number): Promise<Connection> {
    const opening = Connection.open(this.address);
    this.#shared[at] = opening;
    opening.then(
      (connection) => {
        if (this.#isClosed) void connection.close();
        else this.#open[at] = connection;
      },
      () => {
        this.#shared[at] = undefined;
      },
    );
    return opening;
  }

  #closeIdle(): void {
    const now = performance.now();
    while (this.#idle[0] !== undefined && now - this.#idle[0].since > idleFor) {
      const { connection } = this.#idle.shift() as { connection: Connection };
      this.#own--;
      void connection.close();
    }
  }
}

function inFlightOf(connection: Connection | undefined): number {
  return connection?.inFlight ?? Number.POSITIVE_INFINITY;
}

function overloaded(most: number): StoreError {
  return new StoreError(
    'overloaded',
    `all ${most} connections to the database are in use, and none was free in ${longestWait / 1000} seconds`,
    'Look for statements that take long (pg_stat_activity), or raise ?connections=N in the address.',
  );
}
