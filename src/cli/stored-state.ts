/** Looks at what is stored for the metrics: when they are read, and not more often than the answer can change much. */
import { stat } from 'node:fs/promises';
import { DEFAULT_LIMITS } from '../../grammar/index.ts';
import { Filters } from '../directory/filters.ts';
import type { StoredState } from '../ops/stored-metrics.ts';
import { toleratedFor } from '../scim/tolerances.ts';
import type { Store, Token } from '../store/store.ts';

/** Milliseconds: who reads more often gets the same again. */
const keptFor = 10_000;
const day = 24 * 60 * 60 * 1000;
/** Tokens that ended are told for so long, so that an alarm about them is seen. */
const endedFor = 30 * day;
/** Changes that are read together; others have their turn in between. */
const pageSize = 200;

type Read = Pick<Store, 'registry' | 'list' | 'tenants' | 'listTokens' | 'changes' | 'changeRange'>;

export class StoredStateReader {
  readonly #store: Read;
  readonly #file: string | undefined;
  readonly #filters = new Filters(DEFAULT_LIMITS);
  /** By tenant: up to where changes are counted. */
  readonly #counted = new Map<number, number>();
  #lookedAt = Number.NEGATIVE_INFINITY;
  #looking: Promise<void> | undefined;

  /** `file` is the database's; undefined where it is none. */
  constructor(store: Read, file: string | undefined) {
    this.#store = store;
    this.#file = file;
  }

  /** Changes are counted from here on. */
  async start(): Promise<void> {
    for (const { number } of await this.#store.tenants())
      this.#counted.set(number, (await this.#store.changeRange(number)).newest);
  }

  /** Tells how things are, unless it was told a moment ago. */
  async refresh(tell: (state: StoredState) => void): Promise<void> {
    if (performance.now() - this.#lookedAt < keptFor) return;
    this.#looking ??= this.#look()
      .then((state) => {
        this.#lookedAt = performance.now();
        tell(state);
      })
      .finally(() => {
        this.#looking = undefined;
      });
    await this.#looking;
  }

  async #look(): Promise<StoredState> {
    const tenants = await this.#store.tenants();
    let [people, inactive, groups] = [0, 0, 0];
    const changes = new Map<string, { type: string; operation: string; count: number }>();
    for (const { number } of tenants) {
      people += await this.#count(number, 'User');
      inactive += await this.#count(number, 'User', 'active eq false');
      groups += await this.#count(number, 'Group');
      await this.#countChanges(number, changes);
    }
    const tokens = (await this.#store.listTokens()).filter((token) => isTold(token, Date.now()));
    return {
      ...{ active: people - inactive, inactive, groups, changes: changes.values() },
      tokens: tokens.map(({ tenantName: tenant, name, id, expires, lastUsed }) => ({
        ...{ tenant, name, id },
        ...(expires === undefined ? {} : { expires: Date.parse(expires) / 1000 }),
        ...(lastUsed === undefined ? {} : { lastRequest: Date.parse(lastUsed) / 1000 }),
      })),
      ...(this.#file === undefined ? {} : { files: await sizesOf(this.#file) }),
    };
  }

  async #count(tenant: number, name: string, filter?: string): Promise<number> {
    const type = this.#store.registry.resourceTypes.find((each) => each.name === name);
    if (type === undefined) return 0;
    const plan =
      filter === undefined ? undefined : this.#filters.plan(type, filter, false, toleratedFor('generic'));
    const target = plan === undefined ? { type } : { type, plan };
    return (await this.#store.list({ tenant, targets: [target], limit: 0 })).total;
  }

  async #countChanges(
    tenant: number,
    counts: Map<string, { type: string; operation: string; count: number }>,
  ): Promise<void> {
    for (;;) {
      // A tenant that is new has all of its changes in front of it.
      const after = this.#counted.get(tenant) ?? 0;
      const page = await this.#store.changes({ tenant, after, limit: pageSize });
      for (const { type, operation, sequence } of page) {
        this.#counted.set(tenant, sequence);
        if (operation === 'notice') continue;
        const key = `${type} ${operation}`;
        const known = counts.get(key) ?? { type, operation, count: 0 };
        known.count++;
        counts.set(key, known);
      }
      if (page.length < pageSize) return;
      await new Promise((resolve) => setImmediate(resolve));
    }
  }
}

function isTold({ revoked, expires }: Token, now: number): boolean {
  if (revoked !== undefined && Date.parse(revoked) <= now) return false;
  return expires === undefined || Date.parse(expires) > now - endedFor;
}

async function sizesOf(file: string): Promise<{ database: number; wal: number }> {
  const sizeOf = (name: string): Promise<number> =>
    stat(name).then(
      ({ size }) => size,
      () => 0,
    );
  return { database: await sizeOf(file), wal: await sizeOf(`${file}-wal`) };
}
