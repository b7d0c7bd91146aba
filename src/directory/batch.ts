/** Ways to the store: a unit by itself, or together with those of others. */
import type { Outcome, Store, Unit } from '../store/store.ts';

/** `undone`: another unit that was to be done with this one, or not at all, could not be done. */
export type Submitted = Outcome | { readonly outcome: 'undone' };

/** Gives a unit to the store. */
export type Submit = (unit: Unit) => Promise<Submitted>;

/** A unit by itself. */
export function submitTo(store: Store): Submit {
  return (unit) => store.commit([unit]).then(([outcome]) => outcome as Outcome);
}

interface Slot {
  unit?: Unit;
  resolve?: (submitted: Submitted) => void;
  reject?: (error: unknown) => void;
}

/**
 * Writers that run together: the first unit of each is given to the store in one call, in the order of the writers,
 * however long each takes to prepare its own. So the outcome is that of one after the other, and they share a commit.
 */
export class Batch {
  readonly #store: Store;
  readonly #atomic: boolean;
  readonly #slots: readonly Slot[];
  #waiting: number;

  /** For so many writers; `atomic`: their units are done all or none, as one. */
  constructor(store: Store, writers: number, atomic = false) {
    this.#store = store;
    this.#atomic = atomic;
    this.#slots = Array.from({ length: writers }, () => ({}));
    this.#waiting = writers;
  }

  /**
   * Runs the writer of this number. Its first unit waits for those of the others; what it has to write after that goes
   * by itself. Every number must be run, or the others wait for ever.
   */
  async run<T>(writer: number, work: (submit: Submit) => Promise<T>): Promise<T> {
    const slot = this.#slots[writer] as Slot;
    let settled = false;
    const alone = submitTo(this.#store);
    const submit: Submit = (unit) => {
      if (settled) return alone(unit);
      settled = true;
      return new Promise((resolve, reject) => {
        Object.assign(slot, { unit, resolve, reject });
        this.#settle();
      });
    };
    try {
      return await work(submit);
    } finally {
      if (!settled) {
        settled = true;
        this.#settle();
      }
    }
  }

  #settle(): void {
    this.#waiting--;
    if (this.#waiting > 0) return;
    const slots = this.#slots.filter(({ unit }) => unit !== undefined);
    if (slots.length === 0) return;
    const committed = this.#atomic ? this.#commitAsOne(slots) : this.#commitEach(slots);
    committed.catch((error: unknown) => {
      for (const { reject } of slots) reject?.(error);
    });
  }

  async #commitEach(slots: readonly Slot[]): Promise<void> {
    const outcomes = await this.#store.commit(slots.map(({ unit }) => unit as Unit));
    slots.forEach(({ resolve }, index) => {
      resolve?.(outcomes[index] as Outcome);
    });
  }

  async #commitAsOne(slots: readonly Slot[]): Promise<void> {
    if (slots.length < this.#slots.length) {
      for (const { resolve } of slots) resolve?.({ outcome: 'undone' });
      return;
    }
    const units = slots.map(({ unit }) => unit as Unit);
    const [outcome] = await this.#store.commit([
      { ...(units[0] as Unit), commands: units.flatMap(({ commands }) => commands) },
    ]);
    let first = 0;
    for (const [index, { resolve }] of slots.entries()) {
      const { length } = (units[index] as Unit).commands;
      resolve?.(partOf(outcome as Outcome, first, length, index === 0));
      first += length;
    }
  }
}

/** What became of the commands of one unit, from the outcome of several as one. */
function partOf(outcome: Outcome, first: number, length: number, isFirst: boolean): Submitted {
  if (outcome.outcome === 'done') {
    const results = outcome.results.slice(first, first + length);
    // Whoever is first tells what the guard has to say of all.
    return isFirst ? { ...outcome, results } : { outcome: 'done', results };
  }
  if (outcome.outcome === 'failed') return outcome;
  const command = outcome.command - first;
  return command >= 0 && command < length ? { ...outcome, command } : { outcome: 'undone' };
}
