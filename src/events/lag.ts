/** How long leavers wait until applications have heard of them: those that acknowledge, and endpoints of webhooks. */
import type { NewNotice, Store } from '../store/store.ts';
import { isLeaver } from './change-record.ts';
import { parsePosition } from './position.ts';
import { sentId } from './webhook/message.ts';

/** An application that has not heard of a leaver yet. */
export interface Lag {
  /** The name of a consumer, or the id of an endpoint. */
  readonly name: string;
  readonly kind: 'consumer' | 'endpoint';
  /** The number of the tenant. */
  readonly tenant: number;
  /** Of an endpoint. */
  readonly url?: string;
  /** Since when the first one waits. */
  readonly since: Date;
}

const lookEvery = 15_000;
/** OpenID IPSIE AL1: an application should have revoked access within five minutes. */
const longest = 5 * 60_000;
/** Milliseconds before it is told again of the same application that others wait for. */
const againAfter = 60 * 60_000;

/**
 * Looks again and again how long leavers wait, and whether endpoints were disabled; records notices of both. Answers
 * what ends it. A database that cannot be read is told of by whoever needs it.
 */
export function watchLags(
  store: Pick<Store, 'outbox' | 'changes' | 'tenants' | 'note'>,
  clock: () => Date,
  onLook: (lags: readonly Lag[], late: readonly Lag[], now: number) => void = () => {},
): () => void {
  const watch = new LagWatch(store);
  const look = async (): Promise<void> => {
    await store.outbox.noteDisabled();
    const now = clock().getTime();
    const lags = await watch.look();
    const late = lags.filter(({ since }) => now - since.getTime() > longest);
    onLook(lags, late, now);
    if (late.length > 0) await store.note(late.map((lag) => noticeOf(lag, now)));
  };
  const timer = setInterval(() => void look().catch(() => {}), lookEvery).unref();
  return () => clearInterval(timer);
}

/** The alarm that somebody left long ago and an application has not heard of it. */
export function noticeOf({ kind, name, url = '', tenant, since }: Lag, now: number): NewNotice {
  const which = kind === 'consumer' ? { consumer: name } : { endpoint: { id: name, url } };
  return {
    ...{ tenant, event: 'endpoint.lagging' },
    subject: { type: kind === 'consumer' ? 'Consumer' : 'Endpoint', id: name },
    data: { ...which, since: since.toISOString() },
    unlessSince: new Date(Math.min(since.getTime(), now - againAfter)).toISOString(),
  };
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
    const add = async (
      { kind, tenant, name, url }: Omit<Lag, 'since'>,
      position: string,
      failed?: number,
    ): Promise<void> => {
      const key = `${tenant} ${kind} ${name}`;
      seen.add(key);
      const leaver =
        (failed === undefined ? undefined : await this.#leaverAt(tenant, failed)) ??
        (await this.#firstLeaver(key, tenant, parsePosition(position)?.sequence ?? 0));
      if (leaver !== undefined)
        lags.push({ kind, tenant, name, ...(url === undefined ? {} : { url }), since: new Date(leaver) });
    };
    for (const { number } of await this.#store.tenants())
      for (const { name, position } of await outbox.consumers(number))
        await add({ kind: 'consumer', tenant: number, name }, position);
    for (const { id, tenant, url, position } of await outbox.endpoints())
      await add({ kind: 'endpoint', tenant, name: id, url }, position, await this.#failedLeaver(id));
    for (const key of this.#looked.keys()) if (!seen.has(key)) this.#looked.delete(key);
    return lags;
  }

  /**
   * The first leaver among the messages of an endpoint that failed, or that wait behind such a one: its position is
   * behind them. What is replayed was heard of before.
   */
  async #failedLeaver(endpoint: string): Promise<number | undefined> {
    const waiting = await this.#store.outbox.deliveries(endpoint);
    const leavers = waiting.filter(({ leaver, message }) => leaver && sentId(message) === message);
    return leavers.length === 0 ? undefined : Math.min(...leavers.map(({ sequence }) => sequence));
  }

  /** When that change was committed, if it is kept still. */
  async #leaverAt(tenant: number, sequence: number): Promise<string | undefined> {
    const [record] = await this.#store.changes({ tenant, after: sequence - 1, limit: 1 });
    return record?.sequence === sequence ? record.at : undefined;
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
