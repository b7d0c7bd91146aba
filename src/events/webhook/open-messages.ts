/** The messages of one endpoint that are in the outbox: those that failed, those behind them, and batches on their way. */
import type { StoredDelivery } from '../../store/outbox.ts';
import { sentId } from './message.ts';
import { longestDelay } from './schedule.ts';

type Waiting = Omit<StoredDelivery, 'next'> & { next: number; inFlight: boolean };

export class OpenMessages {
  readonly #all = new Map<string, Waiting>();
  /** Delivered since the outbox began to be read; undefined while it is not. */
  #gone: Set<string> | undefined;

  get size(): number {
    return this.#all.size;
  }

  /**
   * Those that are in the outbox: of a server before, and those that are replayed. Answers those whose place a replay
   * takes, since they have not been sent yet: they are here no more.
   */
  add(stored: readonly StoredDelivery[]): string[] {
    const fresh = stored.filter(({ message }) => !this.#all.has(message) && !this.#gone?.has(message));
    this.#gone = undefined;
    for (const each of fresh) this.put(each);
    const replayed = new Set(
      fresh.flatMap(({ message }) => (sentId(message) === message ? [] : sentId(message))),
    );
    if (replayed.size === 0) return [];
    const keys = new Set(fresh.map(({ message }) => message));
    const replaced = [...this.#all.values()].flatMap(({ message, inFlight }) =>
      !inFlight && !keys.has(message) && replayed.has(sentId(message)) ? message : [],
    );
    for (const message of replaced) this.#all.delete(message);
    return replaced;
  }

  /** The outbox is about to be read: `removed`, and what is delivered meanwhile, is not to be added again. */
  expect(removed: readonly string[]): void {
    this.#gone = new Set(removed);
  }

  put(stored: StoredDelivery, inFlight = false): void {
    this.#all.set(stored.message, { ...stored, inFlight });
  }

  /** True if it was there. */
  delete(message: string): boolean {
    this.#gone?.add(message);
    return this.#all.delete(message);
  }

  /** Is there one of the subject? */
  isOf(subject: string): boolean {
    for (const { subjects } of this.#all.values()) if (subjects.includes(subject)) return true;
    return false;
  }

  /** When each is due that nobody sends right now. */
  due(): number[] {
    return [...this.#all.values()].flatMap(({ inFlight, next }) => (inFlight ? [] : next));
  }

  /** All are due now. */
  hurry(): void {
    for (const each of this.#all.values()) each.next = 0;
  }

  /** The first that is due, leavers before others, with nothing of its subjects in front of it; it counts as sent from now on. */
  take(now: number, busy: ReadonlySet<string>): StoredDelivery | undefined {
    if (this.#all.size === 0) return undefined;
    const open = [...this.#all.values()].sort((a, b) => a.sequence - b.sequence || a.place - b.place);
    const blocked = new Set(busy);
    let found: Waiting | undefined;
    for (const each of open) {
      const isFree = !each.subjects.some((subject) => blocked.has(subject));
      for (const subject of each.subjects) blocked.add(subject);
      if (!isFree || each.inFlight || !hasCome(each.next, now)) continue;
      if (found === undefined || (each.leaver && !found.leaver)) found = each;
    }
    if (found !== undefined) found.inFlight = true;
    return found;
  }
}

/** What is further away than anything is put off was set by a clock that has been set back. */
function hasCome(time: number, now: number): boolean {
  return time <= now || time - now > longestDelay;
}
