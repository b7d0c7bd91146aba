/** Tells code in this process of every event, in its order, from now on: what `createScimd({ after })` is made of. */
import type { FeedReads } from '../store/feed.ts';
import type { Store } from '../store/store.ts';
import type { Event } from './event.ts';
import type { Position } from './position.ts';
import type { EventReader } from './reader.ts';

/** Milliseconds between looks for what another process wrote. */
const lookEvery = 250;
/** About so many events are made together. */
const pageSize = 100;
/** Milliseconds for what is told to the end when it is stopped. */
const endWithin = 5000;

export interface Told {
  /** Is called for one event after the other: for the next when its promise has settled. */
  readonly onEvent: (event: Event) => unknown;
  /** What it threw. Nothing depends on it. */
  readonly onError: (error: unknown) => void;
  /** The events of a tenant cannot be read; told once until they can be again. */
  readonly onTrouble: (error: unknown) => void;
}

export type FollowedStore = Pick<Store, 'onCommit' | 'tenant' | 'durable'> & {
  readonly feed: Pick<FeedReads, 'newest'>;
};

export class Follower {
  readonly #store: FollowedStore;
  readonly #reader: EventReader;
  readonly #told: Told;
  readonly #positions = new Map<number, Position>();
  readonly #timer: NodeJS.Timeout;
  readonly #forget: () => void;
  #running: Promise<void> | undefined;
  #again = false;
  /** Tenants, and 0: all of them. */
  readonly #troubled = new Set<number>();
  #ended = false;

  private constructor(store: FollowedStore, reader: EventReader, told: Told) {
    this.#store = store;
    this.#reader = reader;
    this.#told = told;
    this.#forget = store.onCommit(() => this.#look());
    this.#timer = setInterval(() => this.#look(), lookEvery).unref();
  }

  /** Tells of all that is committed from now on. */
  static async start(store: FollowedStore, reader: EventReader, told: Told): Promise<Follower> {
    const newest = await store.feed.newest();
    const follower = new Follower(store, reader, told);
    for (const [tenant, sequence] of newest) follower.#positions.set(tenant, { sequence });
    return follower;
  }

  /** Resolves when all that is committed has been told; after five seconds in any case. */
  async stop(): Promise<void> {
    this.#forget();
    clearInterval(this.#timer);
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, endWithin);
    });
    await Promise.race([this.#tellRest(), late]);
    clearTimeout(timer);
    this.#ended = true;
  }

  async #tellRest(): Promise<void> {
    do {
      this.#look();
      await this.#running;
      // What was under way may have looked before the last commit.
    } while (this.#again);
  }

  #look(): void {
    this.#again = true;
    this.#running ??= this.#run().finally(() => {
      this.#running = undefined;
    });
  }

  async #run(): Promise<void> {
    while (this.#again && !this.#ended) {
      this.#again = false;
      while (await this.#attempt(0, () => this.#round()));
    }
  }

  /** False where it fails: the next look tries again. */
  async #attempt(tenant: number, work: () => Promise<boolean>): Promise<boolean> {
    try {
      const isMore = await work();
      this.#troubled.delete(tenant);
      return isMore;
    } catch (error) {
      if (!this.#troubled.has(tenant)) this.#told.onTrouble(error);
      this.#troubled.add(tenant);
      return false;
    }
  }

  /** A page of each tenant, so that none waits for all of another one; is there more? */
  async #round(): Promise<boolean> {
    let isMore = false;
    for (const [number, newest] of await this.#store.feed.newest()) {
      const position = this.#positions.get(number) ?? { sequence: 0 };
      if (newest <= position.sequence && position.unit === undefined) continue;
      if (await this.#attempt(number, () => this.#tell(number, position))) isMore = true;
      if (this.#ended) return false;
    }
    return isMore;
  }

  async #tell(number: number, after: Position): Promise<boolean> {
    const tenant = await this.#store.tenant(number);
    if (tenant === undefined) return false;
    const { made, position, more } = await this.#reader.read(tenant, after, { limit: pageSize });
    // What can be read may not be on the disk yet.
    await this.#store.durable();
    for (const { text } of made) {
      if (this.#ended) return false;
      try {
        // Its own: what the hook does with one is nobody else's matter.
        await this.#told.onEvent(JSON.parse(text));
      } catch (error) {
        this.#told.onError(error);
      }
    }
    this.#positions.set(number, position);
    return more;
  }
}
