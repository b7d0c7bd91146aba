/**
 * Connections over which nothing comes any more: somebody holds a lock on a whole table, or the way to the server has gone
 * without a word, as with a host that is switched off. The system would notice that after a quarter of an hour.
 */

/** Milliseconds between two looks. */
const lookEvery = 500;

/** Milliseconds more than a statement may take, in which the server would have said that it took too long. */
export const silence = 10_000;

/** Something that waits for answers, which come in their order. */
export interface Answered {
  /** How many there were. */
  readonly answers: number;
  /** Milliseconds that the next one may take; undefined where none is waited for. */
  readonly patience: number | undefined;
  giveUp(patience: number): void;
}

interface Seen {
  answers: number;
  /** Looks since the one that saw it wait first. They are counted, since this process may have stood still itself. */
  looks: number;
}

class Stalls {
  readonly #all = new Map<Answered, Seen>();
  #timer: NodeJS.Timeout | undefined;

  watch(each: Answered): void {
    this.#all.set(each, { answers: -1, looks: 0 });
    this.#timer ??= setInterval(() => this.#look(), lookEvery).unref();
  }

  forget(each: Answered): void {
    this.#all.delete(each);
    if (this.#all.size > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  #look(): void {
    for (const [each, seen] of [...this.#all]) {
      const { answers, patience } = each;
      seen.looks = patience === undefined ? -1 : answers === seen.answers ? seen.looks + 1 : 0;
      seen.answers = answers;
      if (patience === undefined || seen.looks * lookEvery < patience) continue;
      this.forget(each);
      each.giveUp(patience);
    }
  }
}

export const stalls = new Stalls();
