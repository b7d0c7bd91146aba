/** What is stored, as Prometheus reads it: people, groups, changes, tokens, sizes. */
import { Counter, Gauge, type Registry } from 'prom-client';

/** How things are now. Times are seconds since 1970. */
export interface StoredState {
  readonly active: number;
  readonly inactive: number;
  readonly groups: number;
  /** Those that are in force, and those that ended within the last weeks. */
  readonly tokens: readonly {
    readonly tenant: string;
    readonly name: string;
    readonly id: string;
    readonly expires?: number;
    readonly lastRequest?: number;
  }[];
  /** Since the last time. */
  readonly changes: Iterable<{ readonly type: string; readonly operation: string; readonly count: number }>;
  /** Bytes of the files; absent where the database is no file. */
  readonly files?: { readonly database: number; readonly wal: number };
}

export class StoredMetrics {
  readonly #people: Gauge<'state'>;
  readonly #groups: Gauge;
  readonly #changes: Counter<'type' | 'operation'>;
  readonly #expiry: Gauge<'tenant' | 'token' | 'id'>;
  readonly #lastRequest: Gauge<'tenant' | 'token' | 'id'>;
  readonly #database: Gauge;
  readonly #wal: Gauge;

  constructor(registry: Registry) {
    const registers = [registry];
    this.#people = new Gauge({
      name: 'scimd_people',
      help: 'Users, by whether they are active',
      labelNames: ['state'],
      registers,
    });
    this.#groups = new Gauge({ name: 'scimd_groups', help: 'Groups', registers });
    this.#changes = new Counter({
      name: 'scimd_changes_total',
      help: 'Changes of resources, whoever made them, by type of resource and operation',
      labelNames: ['type', 'operation'],
      registers,
    });
    const labelNames = ['tenant', 'token', 'id'] as const;
    this.#expiry = new Gauge({
      name: 'scimd_token_expiry_timestamp_seconds',
      help: 'When each token ends, or has ended within the last 30 days, in seconds since 1970',
      labelNames,
      registers,
    });
    this.#lastRequest = new Gauge({
      name: 'scimd_token_last_request_timestamp_seconds',
      help: 'When each token was used the last time, in seconds since 1970; 0 if it never was',
      labelNames,
      registers,
    });
    this.#database = new Gauge({
      name: 'scimd_database_size_bytes',
      help: 'Size of the database file; 0 where it is no file',
      registers,
    });
    this.#wal = new Gauge({
      name: 'scimd_wal_size_bytes',
      help: 'Size of the write-ahead log beside the database file',
      registers,
    });
  }

  set({ active, inactive, groups, tokens, changes, files }: StoredState): void {
    this.#people.set({ state: 'active' }, active);
    this.#people.set({ state: 'inactive' }, inactive);
    this.#groups.set(groups);
    for (const { type, operation, count } of changes) this.#changes.inc({ type, operation }, count);
    // Those that are gone are told no more.
    this.#expiry.reset();
    this.#lastRequest.reset();
    for (const { tenant, name: token, id, expires, lastRequest = 0 } of tokens) {
      if (expires !== undefined) this.#expiry.set({ tenant, token, id }, expires);
      this.#lastRequest.set({ tenant, token, id }, lastRequest);
    }
    this.#database.set(files?.database ?? 0);
    this.#wal.set(files?.wal ?? 0);
  }
}
