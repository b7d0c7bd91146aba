/** Places for those who want more than there are: owners take turns, and none has more than its share at once. */
import { ended, type Work } from './work.ts';

interface Waiting {
  readonly start: () => void;
  readonly refuse: (error: unknown) => void;
}

export class FairQueue<Owner> {
  readonly #places: number;
  readonly #share: number;
  readonly #waiting = new Map<Owner, Set<Waiting>>();
  readonly #running = new Map<Owner, number>();
  #taken = 0;
  #closed: (() => unknown) | undefined;

  /** So many places, of which one owner has at most `share`. */
  constructor(places: number, share: number) {
    this.#places = places;
    this.#share = share;
  }

  /**
   * Runs `action` when there is a place for the owner.
   * @throws WorkError where the work is over before.
   */
  async run<T>(owner: Owner, action: () => Promise<T>, work?: Work): Promise<T> {
    if (this.#closed !== undefined) throw this.#closed();
    // What has a place begins at once, and not a moment later.
    const place = this.#place(owner, work);
    if (place !== undefined) await place;
    try {
      work?.check();
      return await action();
    } finally {
      this.#leave(owner);
    }
  }

  /** Whoever waits, and whoever comes, is refused with this error. */
  close(error: () => unknown): void {
    this.#closed = error;
    for (const waiting of this.#waiting.values()) for (const { refuse } of waiting) refuse(error());
    this.#waiting.clear();
  }

  #place(owner: Owner, work: Work | undefined): Promise<void> | undefined {
    if (this.#taken < this.#places && this.#has(owner) < this.#share) {
      this.#take(owner);
      return undefined;
    }
    if (work?.isEnded) return Promise.reject(ended());
    return new Promise((resolve, reject) => {
      const line = this.#waiting.get(owner) ?? new Set<Waiting>();
      this.#waiting.set(owner, line);
      const forget = work?.onEnd((why) => {
        line.delete(one);
        if (line.size === 0 && this.#waiting.get(owner) === line) this.#waiting.delete(owner);
        reject(why);
      });
      const one: Waiting = {
        start: () => {
          forget?.();
          resolve();
        },
        refuse: (error) => {
          forget?.();
          reject(error);
        },
      };
      line.add(one);
    });
  }

  #has(owner: Owner): number {
    return this.#running.get(owner) ?? 0;
  }

  #take(owner: Owner): void {
    this.#taken++;
    this.#running.set(owner, this.#has(owner) + 1);
  }

  #leave(owner: Owner): void {
    this.#taken--;
    const left = this.#has(owner) - 1;
    if (left === 0) this.#running.delete(owner);
    else this.#running.set(owner, left);
    this.#next();
  }

  /** Owners stand in the order in which they had their last turn. */
  #next(): void {
    for (const [owner, line] of this.#waiting) {
      if (this.#taken >= this.#places) return;
      if (this.#has(owner) >= this.#share) continue;
      const [first] = line as Iterable<Waiting>;
      if (first === undefined) continue;
      line.delete(first);
      this.#waiting.delete(owner);
      if (line.size > 0) this.#waiting.set(owner, line);
      this.#take(owner);
      first.start();
    }
  }
}
