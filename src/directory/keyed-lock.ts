/** Serialises retries per key after a lost compare-and-swap, so that no writer starves. */
export class KeyedLock {
  readonly #last = new Map<string, Promise<void>>();

  /** Does anyone wait or work there? */
  isTaken(key: string): boolean {
    return this.#last.has(key);
  }

  /** Works when all who came before are done, whatever became of them. */
  async take<Result>(key: string, work: () => Promise<Result>): Promise<Result> {
    const before = this.#last.get(key) ?? Promise.resolve();
    const mine = before.then(work);
    const done = mine.then(
      () => undefined,
      () => undefined,
    );
    this.#last.set(key, done);
    try {
      return await mine;
    } finally {
      if (this.#last.get(key) === done) this.#last.delete(key);
    }
  }
}
