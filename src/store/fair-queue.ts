/** Places for those who want more than there are: owners take turns, and none has more than its share at once. */
import { ended, type Work } from './work.ts';

interface Waiting {
  readonly size: number;
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

  /** So many places, of which one owner has at most `share`, which is enough for the largest action. */
  constructor(places: number, share: number) {
    this.#places = places;
    this.#share = share;
  }

  /**
   * Runs `action` when there are so many places as it takes for the owner.
   * @throws WorkError where the work is over before.
   */
  async run<T>(owner: Owner, action: () => Promise<T>, work?: Work, size = 1): Promise<T> {
    if (this.#closed !== undefined) throw this.#closed();
    // What has a place begins at once, and not a moment later.
    const place = this.#place(owner, size, work);
    if (place !== undefined) await place;
    try {
      work?.check();
      return await action();
    } finally {
      this.#leave(owner, size);
    }
  }

  /** Whoever waits, and whoever comes, is refused with this error. */
  close(error: () => unknown): void {
    this.#closed = error;
    for (const waiting of this.#waiting.values()) for (const { refuse } of waiting) refuse(error());
    this.#waiting.clear();
  }

  #place(owner: Owner, size: number, work: Work | undefined): Promise<void> | undefined {
    if (this.#isFree(size) && this.#mayHave(owner, size) && !this.#isAwaited(owner)) {
      this.#take(owner, size);
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
        size,
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

  #isFree(size: number): boolean {
    return this.#taken + size <= this.#places;
  }

  #mayHave(owner: Owner, size: number): boolean {
    return this.#has(owner) + size <= this.#share;
  }

  /** Does somebody wait who comes before the owner? */
  #isAwaited(owner: Owner): boolean {
    if (this.#waiting.has(owner)) return true;
    for (const [other, [first]] of this.#waiting)
      if (first !== undefined && this.#mayHave(other, first.size)) return true;
    return false;
  }

  #take(owner: Owner, size: number): void {
    this.#taken += size;
    this.#running.set(owner, this.#has(owner) + size);
  }

  #leave(owner: Owner, size: number): void {
    this.#taken -= size;
    const left = this.#has(owner) - size;
    if (left === 0) this.#running.delete(owner);
    else this.#running.set(owner, left);
    this.#next();
  }

  /** Owners stand in the order in which they had their last turn; none has one before the first that may have more. */
  #next(): void {
    for (const [owner, line] of this.#waiting) {
      const [first] = line as Iterable<Waiting>;
      if (first === undefined || !this.#mayHave(owner, first.size)) continue;
      if (!this.#isFree(first.size)) return;
      line.delete(first);
      this.#waiting.delete(owner);
      if (line.size > 0) this.#waiting.set(owner, line);
      this.#take(owner, first.size);
      first.start();
    }
  }
}
