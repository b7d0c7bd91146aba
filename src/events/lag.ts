/** How long leavers wait until applications have heard of them: those that acknowledge, and endpoints of webhooks. */
import type { Store } from '../store/store.ts';
import { isLeaver } from './change-record.ts';
import { parsePosition } from './position.ts';

/** An application that has not heard of a leaver yet. */
export interface Lag {
  /** The name of a consumer, or the id of an endpoint. */
  readonly name: string;
  readonly kind: 'consumer' | 'endpoint';
  /** The number of the tenant. */
  readonly tenant: number;
  /** Since when the first one waits. */
  readonly since: Date;
}

/** Records that are looked at together. */
const pageSize = 500;

/** What is known of one application: up to where there was no leaver, and the first one behind it. */
interface Looked {
  scanned: number;
  leaver: { readonly sequence: number; readonly at: string } | undefined;
}

export class LagWatch {
  readonly #store: Pick<Store, 'outbox' | 'changes' | 'tenants'>;
  readonly #looked = new Map<string, Looked>();

  constructor(store: Pick<Store, 'outbox' | 'changes' | 'tenants'>) {
    this.#store = store;
  }

  /** Those that a leaver waits for; endpoints that are paused or disabled too. */
  async look(): Promise<Lag[]> {
    const { outbox } = this.#store;
    const lags: Lag[] = [];
    const seen = new Set<string>();
    const add = async (kind: Lag['kind'], tenant: number, name: string, position: string): Promise<void> => {
      const key = `${tenant} ${kind} ${name}`;
      seen.add(key);
      const leaver = await this.#firstLeaver(key, tenant, parsePosition(position)?.sequence ?? 0);
      if (leaver !== undefined) lags.push({ kind, tenant, name, since: new Date(leaver) });
    };
    for (const { number } of await this.#store.tenants())
      for (const { name, position } of await outbox.consumers(number))
        await add('consumer', number, name, position);
    for (const { id, tenant, position } of await outbox.endpoints())
      await add('endpoint', tenant, id, position);
    for (const key of this.#looked.keys()) if (!seen.has(key)) this.#looked.delete(key);
    return lags;
  }

  /** When the first leaver behind the position was committed. */
  async #firstLeaver(key: string, tenant: number, position: number): Promise<string | undefined> {
    const looked = this.#looked.get(key) ?? { scanned: position, leaver: undefined };
    this.#looked.set(key, looked);
    if (looked.leaver !== undefined && looked.leaver.sequence > position) return looked.leaver.at;
    looked.leaver = undefined;
    looked.scanned = Math.max(looked.scanned, position);
    for (;;) {
      const records = await this.#store.changes({ tenant, after: looked.scanned, limit: pageSize });
      for (const record of records) {
        looked.scanned = record.sequence;
        if (!isLeaver(record)) continue;
        looked.leaver = { sequence: record.sequence, at: record.at };
        return record.at;
      }
      if (records.length < pageSize) return undefined;
    }
  }
}
