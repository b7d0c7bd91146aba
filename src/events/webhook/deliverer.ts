/**
 * Delivers to all webhook endpoints of a database that no other server delivers to. Sockets are bounded, 20 in all and 2
 * an endpoint; endpoints whose last answer was a failure share half of them, and have one each as those that have not
 * answered yet, so that those which hang harm nobody else.
 */
import type { FeedReads } from '../../store/feed.ts';
import type { Endpoint, Outbox, Progress } from '../../store/outbox.ts';
import { parsePosition } from '../position.ts';
import { push } from '../streams/push.ts';
import type { SetClaims } from '../streams/security-events.ts';
import { Connections } from './connections.ts';
import { Lane, type LaneTools } from './lane.ts';
import { type SourceTools, sourceOf } from './lane-source.ts';
import type { Answer } from './management.ts';
import { type Message, sentId } from './message.ts';
import { leaseOf, newOwner } from './owner.ts';
import type { SendOptions } from './send.ts';
import { SharedPages } from './shared-pages.ts';
import { sendSigned } from './signed-message.ts';

const mostSockets = 20;
const mostSocketsOfFailing = 10;
const socketsOfEndpoint = 2;
/** Milliseconds: an endpoint that takes longer gets nothing else meanwhile. */
const slow = 1000;
/** Milliseconds: how long a lease holds, how often it is renewed. Both together are the longest pause after a server died. */
const leaseTime = 6500;
const renewEvery = 2000;
/** Milliseconds between looks for what other processes wrote. */
const lookEvery = 250;
/** Milliseconds between writes of what was delivered, unless the options say otherwise. */
const defaultStoreEvery = 100;

export interface DelivererOptions
  extends Omit<LaneTools, 'sourceOf' | 'leaversBehind'>,
    Omit<SourceTools, 'pages' | 'clock'> {
  readonly outbox: Outbox;
  /** Signs the tokens of streams. */
  readonly sign: (claims: SetClaims) => Promise<string>;
  /** Is asked for what other processes wrote. */
  readonly extent?: FeedReads['extent'];
  readonly clock?: () => Date;
  /** Milliseconds between writes of what was delivered. */
  readonly storeEvery?: number;
  /** Of the system's resolver, authorities and time limit, for tests and closed networks. */
  readonly sending?: Pick<SendOptions, 'resolve' | 'authorities' | 'timeout'>;
  /** Is called often, and may let others have the processor for a moment. */
  readonly giveWay?: () => void;
  /** Told of what an operator should know. */
  readonly onNotice?: (notice: DeliveryNotice) => void;
}

export type DeliveryNotice =
  | { readonly kind: 'disabled'; readonly endpoint: Endpoint; readonly reason: string }
  /** What it had not got yet is not kept any more: it goes on behind that. */
  | { readonly kind: 'gap'; readonly endpoint: Endpoint; readonly reason: string }
  | { readonly kind: 'failing'; readonly error: unknown };

interface Runner {
  readonly lane: Lane;
  readonly connections: Connections;
  readonly gone: AbortController;
  filling: boolean;
}

export class Deliverer {
  readonly #options: DelivererOptions;
  readonly #owner = newOwner();
  readonly #pages: SharedPages;
  readonly #clock: () => Date;
  readonly #runners = new Map<string, Runner>();
  #sockets = 0;
  #socketsOfFailing = 0;
  #stopped = false;
  /** Could the outbox not be written the last time? Nothing new is begun until it can. */
  #blocked = false;
  #renewal: NodeJS.Timeout | undefined;
  #storing: Promise<void> | undefined;
  #storeTimer: NodeJS.Timeout | undefined;
  #retryTimer: NodeJS.Timeout | undefined;
  #lookTimer: NodeJS.Timeout | undefined;
  /** What endpoints there were when they were taken the last time. */
  #known = '';
  /** By tenant: the newest number that was seen. */
  readonly #newest = new Map<number, number>();
  /** Settles when nothing is sent. */
  readonly #sends = new Set<Promise<void>>();

  constructor(options: DelivererOptions) {
    this.#options = options;
    this.#pages = new SharedPages(options.reader, options.records, (tenant) => this.#readersOf(tenant));
    this.#clock = options.clock ?? (() => new Date());
  }

  /** Takes what endpoints there are, and begins. */
  async start(): Promise<void> {
    await this.#renew();
    if (this.#options.extent !== undefined) this.#lookSoon(this.#options.extent);
  }

  #endpoints(): Endpoint[] {
    return [...this.#runners.values()].map(({ lane }) => lane.endpoint);
  }

  /** How many endpoints read a tenant's events. */
  #readersOf(tenant: number): number {
    return this.#endpoints().filter((each) => each.tenant === tenant && each.stream === undefined).length;
  }

  #lookSoon(extent: FeedReads['extent']): void {
    if (this.#stopped) return;
    this.#lookTimer = setTimeout(async () => {
      try {
        // Who pauses an endpoint, or changes its secret, does not wait for the next renewal.
        if ((await this.#options.outbox.leasable(this.#owner)) !== this.#known && !this.#stopped)
          await this.#renew();
        for (const tenant of new Set(this.#endpoints().map((each) => each.tenant))) {
          const { newest } = await extent(tenant);
          if (newest === this.#newest.get(tenant)) continue;
          this.#newest.set(tenant, newest);
          this.#wakeAll(tenant);
        }
      } catch (error) {
        this.#options.onNotice?.({ kind: 'failing', error });
      }
      this.#lookSoon(extent);
    }, lookEvery);
  }

  /** Something was committed, or an endpoint was changed with `endpoints`. */
  wake(endpoints = false): void {
    if (this.#stopped) return;
    if (endpoints) void this.#renew();
    this.#wakeAll();
  }

  /** Those of a tenant; without one all. */
  #wakeAll(tenant?: number): void {
    this.#pages.wake();
    for (const runner of this.#runners.values()) {
      if (tenant !== undefined && runner.lane.endpoint.tenant !== tenant) continue;
      runner.lane.wake();
      this.#pump(runner);
    }
  }

  /** What is being sent gets so many milliseconds; then leases are given back. */
  async stop(patience = 1000): Promise<void> {
    if (this.#stopped) return;
    this.#stopped = true;
    clearTimeout(this.#renewal);
    clearTimeout(this.#storeTimer);
    clearTimeout(this.#retryTimer);
    clearTimeout(this.#lookTimer);
    const patienceOver = new Promise((resolve) => setTimeout(resolve, patience).unref());
    await Promise.race([Promise.all(this.#sends), patienceOver]);
    for (const { gone } of this.#runners.values()) gone.abort(new Error('the server is stopping'));
    await Promise.all(this.#sends);
    try {
      await this.#store();
      await this.#options.outbox.release(this.#owner);
    } catch (error) {
      this.#options.onNotice?.({ kind: 'failing', error });
    }
    for (const runner of this.#runners.values()) this.#drop(runner);
  }

  async #renew(): Promise<void> {
    clearTimeout(this.#renewal);
    try {
      this.#known = await this.#options.outbox.leasable(this.#owner);
      const endpoints = await leaseOf(this.#options.outbox, this.#owner, this.#clock().getTime(), leaseTime);
      const mine = new Set(endpoints.map(({ id }) => id));
      const lost = [...this.#runners.values()].filter(({ lane }) => !mine.has(lane.endpoint.id));
      // What they have got already is noted first, or it comes again.
      if (lost.length > 0) await this.#store().catch(() => {});
      for (const runner of lost) if (this.#isCurrent(runner)) this.#drop(runner);
      for (const endpoint of endpoints) await this.#admit(endpoint);
      this.#blocked = false;
    } catch (error) {
      this.#blocked = true;
      this.#options.onNotice?.({ kind: 'failing', error });
    }
    if (this.#stopped) return;
    clearTimeout(this.#renewal);
    this.#renewal = setTimeout(() => void this.#renew(), renewEvery).unref();
    for (const runner of this.#runners.values()) this.#pump(runner);
  }

  async #admit(endpoint: Endpoint): Promise<void> {
    const before = this.#runners.get(endpoint.id);
    before?.lane.expectOpen();
    const open = await this.#options.outbox.deliveries(endpoint.id);
    const known = this.#runners.get(endpoint.id);
    // It came and went meanwhile: the next look has it.
    if (known !== before) return;
    const { url, tenant } = known?.lane.endpoint ?? {};
    // A lane goes on, but not to another address, and not with another record: that of a tenant which is deleted.
    if (known !== undefined && url === endpoint.url && tenant === endpoint.tenant) {
      known.lane.reconfigure(endpoint);
      known.lane.addOpen(open);
      return;
    }
    if (known !== undefined) this.#drop(known);
    else await this.#tellGap(endpoint);
    const connections = new Connections(socketsOfEndpoint);
    const tools: LaneTools = {
      ...this.#options,
      sourceOf: (each) => sourceOf(each, { ...this.#options, clock: this.#clock, pages: this.#pages }),
      leaversBehind: (tenant, after) => this.#pages.leaversBehind(tenant, after),
    };
    const lane = new Lane(endpoint, open, tools);
    this.#runners.set(endpoint.id, { lane, connections, gone: new AbortController(), filling: false });
  }

  async #tellGap(endpoint: Endpoint): Promise<void> {
    const { oldest } = (await this.#options.extent?.(endpoint.tenant)) ?? { oldest: 1 };
    const next = (parsePosition(endpoint.position)?.sequence ?? 0) + 1;
    if (next >= oldest) return;
    const reason = `changes ${next} to ${oldest - 1} are not kept any more, and were not delivered`;
    this.#options.onNotice?.({ kind: 'gap', endpoint, reason });
  }

  #drop(runner: Runner): void {
    this.#runners.delete(runner.lane.endpoint.id);
    runner.gone.abort(new Error('the endpoint is not ours any more'));
    runner.connections.close();
  }

  #isCurrent(runner: Runner): boolean {
    return !this.#stopped && this.#runners.get(runner.lane.endpoint.id) === runner;
  }

  /** Begins what can be begun. */
  #pump(runner: Runner): void {
    const { lane } = runner;
    while (this.#isCurrent(runner) && !this.#blocked && this.#hasSocket(lane)) {
      const failing = lane.hasFailed();
      const message = lane.next(this.#clock().getTime());
      if (message === undefined) break;
      this.#sockets++;
      if (failing) this.#socketsOfFailing++;
      const sent = this.#send(runner, message).finally(() => {
        this.#sockets--;
        if (failing) this.#socketsOfFailing--;
        this.#sends.delete(sent);
        this.#pumpAll(runner);
      });
      this.#sends.add(sent);
    }
    if (this.#isCurrent(runner)) void this.#fill(runner);
    this.#storeSoon();
    this.#retrySoon();
  }

  /** The one that has a socket again last, so that others have their turn. */
  #pumpAll(last: Runner): void {
    if (this.#sockets >= mostSockets - 1 || last.lane.hasFailed())
      for (const runner of this.#runners.values()) if (runner !== last) this.#pump(runner);
    this.#pump(last);
  }

  #hasSocket(lane: Lane): boolean {
    if (this.#sockets >= mostSockets) return false;
    if (lane.hasFailed()) return lane.inFlight < 1 && this.#socketsOfFailing < mostSocketsOfFailing;
    if (lane.inFlight === 0) return true;
    return lane.inFlight < socketsOfEndpoint && lane.isProven() && performance.now() - lane.lastBegun < slow;
  }

  async #fill(runner: Runner): Promise<void> {
    if (runner.filling) return;
    runner.filling = true;
    let came = false;
    try {
      came = await runner.lane.fill();
    } catch (error) {
      this.#options.onNotice?.({ kind: 'failing', error });
    }
    runner.filling = false;
    if (came) this.#pump(runner);
  }

  async #send({ lane, connections, gone }: Runner, message: Message): Promise<void> {
    this.#options.giveWay?.();
    const { endpoint } = lane;
    const at = this.#clock();
    let { body } = message;
    try {
      body ??= await this.#options.outbox.deliveryBody(endpoint.id, message.id);
    } catch (error) {
      this.#options.onNotice?.({ kind: 'failing', error });
      lane.postpone(message, at.getTime() + renewEvery);
      return;
    }
    if (body === undefined) {
      lane.abandon(message);
      return;
    }
    if (lane.isKept(message) && !(await this.#keep(lane, message, gone.signal))) return;
    const options = { ...this.#options.sending, signal: gone.signal, connections };
    let answer: Answer;
    try {
      answer =
        endpoint.stream === undefined
          ? await sendSigned(endpoint, sentId(message.id), body, at, options)
          : // The claims were stored; they are signed anew on each try, with the key of now. Rejects while there is none.
            await push(endpoint, await this.#options.sign(JSON.parse(body)), options);
    } catch (error) {
      this.#options.onNotice?.({ kind: 'failing', error });
      lane.postpone({ ...message, body }, at.getTime() + renewEvery);
      return;
    }
    if (gone.signal.aborted && answer.status === undefined) {
      // Cut off by us: that says nothing of the endpoint.
      lane.postpone({ ...message, body }, at.getTime());
      return;
    }
    const reason = lane.settle({ ...message, body: message.body }, answer, at);
    if (reason === undefined) return;
    this.#options.onNotice?.({ kind: 'disabled', endpoint, reason });
    await this.#store().catch(() => {});
    const runner = this.#runners.get(endpoint.id);
    if (runner?.lane === lane) this.#drop(runner);
  }

  /** Brings the outbox up to date before a message is sent; false where it cannot be, or is not ours to send any more. */
  async #keep(lane: Lane, message: Message, gone: AbortSignal): Promise<boolean> {
    const isStored = await this.#store().then(
      () => true,
      () => false,
    );
    if (isStored && !gone.aborted) return true;
    lane.postpone(message, this.#clock().getTime() + renewEvery);
    return false;
  }

  #storeSoon(): void {
    if (this.#storeTimer !== undefined || this.#stopped) return;
    this.#storeTimer = setTimeout(() => {
      this.#storeTimer = undefined;
      void this.#store().catch(() => {});
    }, this.#options.storeEvery ?? defaultStoreEvery);
  }

  /** One write for all endpoints. */
  async #store(): Promise<void> {
    await this.#storing?.catch(() => {});
    const taken: [Lane, Progress][] = [];
    for (const { lane } of this.#runners.values()) {
      const progress = lane.takeProgress();
      if (progress !== undefined) taken.push([lane, progress]);
    }
    if (taken.length === 0) return;
    this.#storing = this.#storeAll(taken);
    await this.#storing;
  }

  async #storeAll(taken: readonly (readonly [Lane, Progress])[]): Promise<void> {
    try {
      const outcomes = await this.#options.outbox.progress(
        this.#owner,
        taken.map(([, progress]) => progress),
      );
      this.#blocked = false;
      for (const [index, [lane, progress]] of taken.entries()) {
        lane.stored(progress, true);
        const runner = this.#runners.get(lane.endpoint.id);
        if (outcomes[index] === false && runner?.lane === lane) this.#drop(runner);
      }
    } catch (error) {
      this.#blocked = true;
      for (const [lane, progress] of taken) lane.stored(progress, false);
      this.#options.onNotice?.({ kind: 'failing', error });
      throw error;
    }
  }

  #retrySoon(): void {
    clearTimeout(this.#retryTimer);
    if (this.#stopped) return;
    const times = [...this.#runners.values()].flatMap(({ lane }) => lane.due() ?? []);
    if (times.length === 0) return;
    const pause = Math.max(50, Math.min(...times) - this.#clock().getTime());
    this.#retryTimer = setTimeout(
      () => {
        for (const runner of this.#runners.values()) this.#pump(runner);
      },
      Math.min(pause, 60_000),
    );
  }
}
