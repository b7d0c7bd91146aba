/**
 * States of the database that are held while answers are read from them: a transaction each, of one connection. Few at
 * once, and not for long, since PostgreSQL keeps the rows of meanwhile for them.
 */

import { membersInPart } from '../sql/membership.ts';
import { closed, mayPassElsewhere, toStoreError } from '../sql/postgres-errors.ts';
import type { MemberReader } from '../store.ts';
import { StoreError } from '../store-error.ts';
import { budgetSetting } from './counting.ts';
import type { Connection } from './driver.ts';
import type { Pool } from './pool.ts';
import type { MembersOf, Reads, Run } from './reads.ts';
import { silence } from './stalls.ts';

/** Milliseconds that one waits for others to end. */
const longestWait = 10_000;

export interface SnapshotOptions {
  /** How long one may be held, in milliseconds. */
  readonly longest: number;
  /** Milliseconds that one waits for who keeps a table locked. */
  readonly lockMilliseconds: number;
}

/** What each statement of a snapshot may take, and what all of them may look at. */
export interface Allowed {
  readonly milliseconds?: number;
  readonly values?: number;
}

export class Snapshots {
  readonly #pool: Pool;
  readonly #longest: number;
  readonly #lock: number;
  readonly #mostHeld: number;
  readonly #held = new Set<Snapshot>();
  readonly #waiting: (() => void)[] = [];
  #isClosed = false;

  constructor(pool: Pool, { longest, lockMilliseconds }: SnapshotOptions) {
    this.#pool = pool;
    this.#longest = longest;
    this.#lock = lockMilliseconds;
    // The others are for those who write.
    this.#mostHeld = Math.max(1, Math.floor((pool.address.connections - 2) / 2));
  }

  /**
   * Reads with `action`, which may keep the snapshot for longer. Statements do no more than is allowed; run once more where
   * the connection was lost.
   */
  async read<T>(allowed: Allowed, action: (snapshot: Snapshot) => Promise<T>): Promise<T> {
    for (let attempt = 0; ; attempt++) {
      const snapshot = await this.open(allowed);
      try {
        const result = await action(snapshot);
        if (!snapshot.isKept) snapshot.end();
        return result;
      } catch (error) {
        snapshot.end();
        const isWorthIt = mayPassElsewhere(error);
        if (attempt > 0 || !isWorthIt || this.#isClosed) throw toStoreError(error);
      }
    }
  }

  /** @throws StoreError `overloaded` where as many as there may be are held for longer than one waits. */
  async open(allowed: Allowed = {}): Promise<Snapshot> {
    if (this.#held.size >= this.#mostHeld) await this.#turn();
    if (this.#isClosed) throw closed();
    const connection = await this.#pool.take();
    const snapshot = new Snapshot(connection, this.#longest, () => {
      this.#held.delete(snapshot);
      this.#pool.give(connection);
      this.#waiting.shift()?.();
    });
    this.#held.add(snapshot);
    snapshot.begin(allowed, this.#lock);
    return snapshot;
  }

  /** Ends those that are held too: their readers are told that the store is closed. */
  close(): void {
    this.#isClosed = true;
    for (const snapshot of [...this.#held]) snapshot.end(closed());
    for (const go of this.#waiting.splice(0)) go();
  }

  #turn(): Promise<void> {
    return new Promise((resolve, reject) => {
      const go = (): void => {
        clearTimeout(timer);
        resolve();
      };
      const timer = setTimeout(() => {
        this.#waiting.splice(this.#waiting.indexOf(go), 1);
        reject(overloaded(this.#mostHeld));
      }, longestWait);
      this.#waiting.push(go);
    });
  }
}

export class Snapshot {
  readonly #connection: Connection;
  readonly #longest: number;
  readonly #release: () => void;
  readonly #keepers = new Set<object>();
  #timer: NodeJS.Timeout | undefined;
  #begun: Promise<void> = Promise.resolve();
  #ended = false;
  #reason: StoreError | undefined;

  constructor(connection: Connection, longest: number, release: () => void) {
    this.#connection = connection;
    this.#longest = longest;
    this.#release = release;
  }

  begin({ milliseconds = Number.POSITIVE_INFINITY, values }: Allowed, lockMilliseconds: number): void {
    this.#connection.longest = Math.min(milliseconds, this.#longest) + silence;
    const limits = [
      `; SET LOCAL lock_timeout = ${lockMilliseconds}`,
      ...(Number.isFinite(milliseconds)
        ? [`; SET LOCAL statement_timeout = ${Math.max(1, Math.ceil(milliseconds))}`]
        : []),
      ...(values === undefined ? [] : [`; ${budgetSetting(values)}`]),
    ];
    this.#begun = this.#connection.script(
      `BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY${limits.join('')}`,
    );
    this.#begun.catch(() => {});
    this.#timer = setTimeout(() => this.end(expired(this.#longest)), this.#longest).unref();
  }

  /** Sends a statement, and waits for no other. */
  readonly run: Run = async (sql, parameters, request) => {
    if (this.#ended) throw this.#reason ?? closed();
    const [rows] = await Promise.all([this.#connection.run(sql, parameters, request), this.#begun]);
    return rows;
  };

  /** Asks the server to end what is under way. */
  cancel(): void {
    if (!this.#ended) this.#connection.cancel();
  }

  get isKept(): boolean {
    return this.#keepers.size > 0;
  }

  /** Holds it until what is answered is called. */
  keep(): () => void {
    const keeper = {};
    this.#keepers.add(keeper);
    return () => {
      if (this.#keepers.delete(keeper) && this.#keepers.size === 0) this.end();
    };
  }

  /** Members of a group, from the first on; the snapshot is kept for them. */
  members(reads: Reads, group: MembersOf): MemberReader {
    const release = this.keep();
    let after: string | undefined = '';
    const close = (): void => {
      after = undefined;
      release();
    };
    return {
      next: async () => {
        if (after === undefined) return undefined;
        try {
          const { text, next } = await reads.membersIn(this.run, group, membersInPart, after);
          // It may have been closed meanwhile.
          if (after === undefined) return undefined;
          after = next;
          if (next === undefined) close();
          return text === '' ? undefined : text;
        } catch (error) {
          close();
          throw toStoreError(error);
        }
      },
      close,
    };
  }

  /** `reason` is what is told to whoever reads on. */
  end(reason?: StoreError): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#reason = reason;
    clearTimeout(this.#timer);
    // Nobody waits for it: there is nothing to be lost.
    if (this.#connection.inFlight === 0)
      this.#connection.script('COMMIT').catch(() => this.#connection.discard());
    else {
      this.#connection.cancel();
      this.#connection.discard();
    }
    this.#release();
  }
}

function expired(longest: number): StoreError {
  return new StoreError(
    'snapshot-expired',
    `a client took longer than ${longest / 1000} seconds to read a group, and its answer was broken off: the database keeps old rows for as long as it lasts`,
    'If clients are that slow, let them exclude members, or read fewer groups at once.',
  );
}

function overloaded(most: number): StoreError {
  return new StoreError(
    'overloaded',
    `${most} lists or large groups are being read, and none was done in ${longestWait / 1000} seconds`,
    'Look for clients that read slowly, or that ask for large groups again and again; or raise ?connections=N in the address.',
  );
}
