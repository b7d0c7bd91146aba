import type { Awaitable } from '../store/store.ts';

/** Hands a command to the store. */
export type Write = <T>(command: () => Awaitable<T>) => Promise<T>;

/**
 * The turns of writers that run together: their writes reach the store in the order of the turns, however long each
 * takes to prepare its own. So the outcome is that of one after the other, and they still share a commit.
 */
export class WriteOrder {
  #passed: Promise<void> = Promise.resolve();

  /** The turn behind all that were taken. `done` must follow, for a writer may have nothing to write. */
  take(): { readonly write: Write; readonly done: () => void } {
    const before = this.#passed;
    const { promise, resolve: done } = Promise.withResolvers<void>();
    this.#passed = before.then(() => promise);
    return {
      async write(command) {
        await before;
        try {
          return command();
        } finally {
          done();
        }
      },
      done,
    };
  }
}
