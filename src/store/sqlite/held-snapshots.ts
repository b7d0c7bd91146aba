/**
 * Snapshots that outlast a tick of the event loop: each is a read transaction on a connection of its own, held until
 * whoever reads from it has come to the end. What is held keeps SQLite from starting its WAL anew, so none is held
 * for long, and there are only so many at a time; who comes when all are taken waits a while.
 */
import type { Database } from 'better-sqlite3';
import type { StoredTypes } from '../layout/stored-type.ts';
import { membersInPart } from '../sql/membership.ts';
import type { MemberReader } from '../store.ts';
import { StoreError } from '../store-error.ts';
import { openConnection } from './connection.ts';
import { closed, toStoreError, withStoreErrors } from './errors.ts';
import { layoutGuard } from './guards.ts';
import { Reads } from './reads.ts';
import { requestSetter, type SetRequest } from './request-context.ts';
import { dataVersion } from './snapshot.ts';
import { Statements } from './statements.ts';

/** Connections that are kept open for the next ones. */
const kept = 4;
/** Snapshots at a time: a connection takes up to three megabytes. */
const mostAtOnce = 32;
/** How long one waits for another to end, in milliseconds. */
const longestWait = 5000;

export interface SnapshotConnection {
  readonly db: Database;
  readonly reads: Reads;
  readonly statements: Statements;
  readonly setRequest: SetRequest;
  /** Throws, within the transaction, if nothing may be read. */
  readonly check: () => void;
}

/** A connection for snapshots that are held: what it keeps of the database is little, since it reads it once. */
export function openSnapshotConnection(
  file: string,
  busyTimeout: number | undefined,
  types: StoredTypes,
): SnapshotConnection {
  const db = openConnection(file, busyTimeout);
  try {
    db.pragma('cache_size = -2048');
    return {
      db,
      reads: new Reads(db, types),
      statements: new Statements(db),
      setRequest: requestSetter(db),
      check: layoutGuard(db, types, dataVersion(db)),
    };
  } catch (error) {
    db.close();
    throw error;
  }
}

export interface HeldSnapshotsOptions {
  /** Opens a connection; throws a StoreError where that cannot be done. */
  readonly connect: () => SnapshotConnection;
  /** How long a snapshot may be held, in milliseconds. */
  readonly longest: number;
}

export class HeldSnapshots {
  readonly #options: HeldSnapshotsOptions;
  readonly #idle: SnapshotConnection[] = [];
  readonly #held = new Set<HeldSnapshot>();
  readonly #waiting: (() => void)[] = [];
  #isClosed = false;

  constructor(options: HeldSnapshotsOptions) {
    this.#options = options;
  }

  /**
   * Begins one with all that is committed by now. @throws StoreError `overloaded` where as many as there may be are held
   * for longer than one waits.
   */
  async open(): Promise<HeldSnapshot> {
    if (this.#held.size >= mostAtOnce) await this.#turn();
    if (this.#isClosed) throw closed();
    return withStoreErrors(() => {
      const connection = this.#idle.pop() ?? this.#options.connect();
      const release = (isWhole: boolean): void => {
        this.#held.delete(snapshot);
        if (isWhole && !this.#isClosed && this.#idle.length < kept) this.#idle.push(connection);
        else connection.db.close();
        this.#waiting.shift()?.();
      };
      const snapshot = new HeldSnapshot(connection, this.#options.longest, release);
      this.#held.add(snapshot);
      snapshot.begin();
      return snapshot;
    });
  }

  /** Ends those that are held too: their readers are told that the store is closed. */
  close(): void {
    this.#isClosed = true;
    for (const snapshot of this.#held) snapshot.end(closed());
    for (const { db } of this.#idle.splice(0)) db.close();
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
        reject(overloaded());
      }, longestWait);
      this.#waiting.push(go);
    });
  }
}

/** One snapshot; it ends when all members that are read from it were, or were closed. */
export class HeldSnapshot {
  readonly #connection: SnapshotConnection;
  readonly #release: (isWhole: boolean) => void;
  readonly #timer: NodeJS.Timeout;
  readonly #readers = new Set<object>();
  #ended = false;
  #reason: StoreError | undefined;

  constructor(connection: SnapshotConnection, longest: number, release: (isWhole: boolean) => void) {
    this.#connection = connection;
    this.#release = release;
    this.#timer = setTimeout(() => this.end(expired(longest)), longest);
    this.#timer.unref();
  }

  begin(): void {
    try {
      const { db, check } = this.#connection;
      db.exec('BEGIN');
      // SQLite takes the snapshot with the first read.
      db.exec('SELECT 1 FROM tenant LIMIT 1');
      check();
    } catch (error) {
      this.end();
      throw error;
    }
  }

  /** @throws StoreError where it has ended. */
  read<T>(action: (connection: SnapshotConnection) => T): T {
    if (this.#ended) throw this.#reason ?? closed();
    return withStoreErrors(() => action(this.#connection));
  }

  members(rid: number, base: string | undefined): MemberReader {
    const reader = new SnapshotMembers(this, rid, base, () => {
      if (this.#readers.delete(reader) && this.#readers.size === 0) this.end();
    });
    this.#readers.add(reader);
    return reader;
  }

  /** `reason` is what is told to whoever reads on. */
  end(reason?: StoreError): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#reason = reason;
    clearTimeout(this.#timer);
    const { db } = this.#connection;
    let isWhole = true;
    try {
      if (db.inTransaction) db.exec('ROLLBACK');
    } catch {
      // A damaged file: whoever read it was told.
      isWhole = false;
    }
    this.#release(isWhole);
  }
}

class SnapshotMembers implements MemberReader {
  readonly #snapshot: HeldSnapshot;
  readonly #rid: number;
  readonly #base: string | undefined;
  readonly #ended: () => void;
  #after: string | undefined = '';

  constructor(snapshot: HeldSnapshot, rid: number, base: string | undefined, ended: () => void) {
    this.#snapshot = snapshot;
    this.#rid = rid;
    this.#base = base;
    this.#ended = ended;
  }

  async next(): Promise<string | undefined> {
    if (this.#after !== undefined && this.#after !== '')
      await new Promise((resolve) => setImmediate(resolve));
    const after = this.#after;
    if (after === undefined) return undefined;
    try {
      const { text, next } = this.#snapshot.read(({ reads }) =>
        reads.members(this.#rid, this.#base, membersInPart, after),
      );
      this.#after = next;
      if (next === undefined) this.close();
      return text === '' ? undefined : text;
    } catch (error) {
      this.close();
      throw toStoreError(error);
    }
  }

  close(): void {
    this.#after = undefined;
    this.#ended();
  }
}

/** Members that were read beforehand: of a database that only one connection can see. */
export function readBeforehand(reads: Reads, rid: number, base: string | undefined): MemberReader {
  const parts: string[] = [];
  for (let after: string | undefined = ''; after !== undefined; ) {
    const part = reads.members(rid, base, membersInPart, after);
    if (part.text !== '') parts.push(part.text);
    after = part.next;
  }
  return {
    async next() {
      await new Promise((resolve) => setImmediate(resolve));
      return parts.shift();
    },
    close() {
      parts.length = 0;
    },
  };
}

function expired(longest: number): StoreError {
  return new StoreError(
    'snapshot-expired',
    `a client took longer than ${longest / 1000} seconds to read a group, and its answer was broken off: the database's WAL grows for as long as it lasts`,
    'If clients are that slow, let them exclude members, or read fewer groups at once.',
  );
}

function overloaded(): StoreError {
  return new StoreError(
    'overloaded',
    `${mostAtOnce} large groups are being read, and none was done in ${longestWait / 1000} seconds`,
    'Look for clients that read slowly, or that ask for large groups again and again; let them exclude members.',
  );
}
