/** What one request may cost: its commands and queries share a budget of values looked at, and a deadline. */

/** `too-much`: over the budget; `too-long`: past the deadline; `ended`: nobody waits for it any more. */
export type WorkErrorCode = 'too-much' | 'too-long' | 'ended';

/** The request is not carried out any further. `message` says which limit it met, and may be shown to the client. */
export class WorkError extends Error {
  override readonly name = 'WorkError';
  readonly code: WorkErrorCode;

  constructor(code: WorkErrorCode, message: string) {
    super(message);
    this.code = code;
  }
}

export interface WorkLimits {
  /** Values compared by a filter, each with each term: 256 terms over 1000 users are 256,000 at least. */
  readonly values: number;
  /** The same where others wait for it: what a PATCH compares before it writes. */
  readonly valuesInWrites: number;
  readonly seconds: number;
}

/** How a request is told that nobody waits for it any more. */
export interface RequestEnd {
  /** Has it ended already? */
  readonly isEnded: boolean;
  /** Calls the listener once when it ends; answers what forgets it. */
  onEnd(listener: () => void): () => void;
}

/**
 * Each is called once. An array: V8 puts a table of its own in place of that of a Set with every few changes, and whatever was in
 * the one before is collected no sooner than the Set's first table, which is old.
 */
export class Listeners {
  #all: (() => void)[] = [];

  /** Answers what forgets it. */
  add(listener: () => void): () => void {
    this.#all.push(listener);
    return () => {
      const index = this.#all.indexOf(listener);
      if (index >= 0) this.#all.splice(index, 1);
    };
  }

  call(): void {
    const all = this.#all;
    this.#all = [];
    for (const listener of all) listener();
  }
}

/** Told when the first of two ends comes. */
export function eitherOf(one: RequestEnd, other: RequestEnd): RequestEnd {
  return {
    get isEnded() {
      return one.isEnded || other.isEnded;
    },
    onEnd(listener) {
      const forgets = [one.onEnd(listener), other.onEnd(listener)];
      return () => {
        for (const forget of forgets) forget();
      };
    },
  };
}

/** The server begins to stop: what only waits for something to happen waits no longer. */
export class Stopping implements RequestEnd {
  isEnded = false;
  readonly #listeners = new Listeners();

  onEnd(listener: () => void): () => void {
    return this.#listeners.add(listener);
  }

  end(): void {
    this.isEnded = true;
    this.#listeners.call();
  }
}

export class Work {
  readonly limits: WorkLimits;
  readonly #end: RequestEnd | undefined;
  #deadline: number;
  #spent = 0;
  #spentInWrites = 0;

  constructor(limits: WorkLimits, end?: RequestEnd) {
    this.limits = limits;
    this.#end = end;
    this.#deadline = performance.now() + limits.seconds * 1000;
  }

  /** The time begins anew: what came before was the client's. */
  restart(): void {
    this.#deadline = performance.now() + this.limits.seconds * 1000;
  }

  /** Values that are left. */
  get left(): number {
    return this.limits.values - this.#spent;
  }

  get leftInWrites(): number {
    return this.limits.valuesInWrites - this.#spentInWrites;
  }

  /** Values that were compared within writes. */
  get spentInWrites(): number {
    return this.#spentInWrites;
  }

  /** Milliseconds that are left. */
  get milliseconds(): number {
    return this.#deadline - performance.now();
  }

  get isEnded(): boolean {
    return this.#end?.isEnded ?? false;
  }

  /** Notes what was spent, which another thread may have counted. */
  note(values: number): void {
    this.#spent += values;
  }

  noteInWrites(values: number): void {
    this.#spentInWrites += values;
  }

  /** Before values are compared within a write. @throws WorkError `too-much`. */
  spendInWrites(values: number): void {
    this.#spentInWrites += values;
    if (this.#spentInWrites > this.limits.valuesInWrites) throw this.tooMuchInWrites();
  }

  /** @throws WorkError `too-long` or `ended`. */
  check(): void {
    if (this.isEnded) throw ended();
    if (this.milliseconds < 0) throw this.tooLong();
  }

  tooMuch(): WorkError {
    return new WorkError(
      'too-much',
      `The request would compare more than ${this.limits.values} values (limits.comparedValues); use a narrower filter, or attributes that have an index`,
    );
  }

  tooMuchInWrites(): WorkError {
    return new WorkError(
      'too-much',
      `The value filters of the request would compare more than ${this.limits.valuesInWrites} values (limits.patchedValues); name values by their identifier, or send fewer operations`,
    );
  }

  tooLong(): WorkError {
    return new WorkError(
      'too-long',
      `The request took longer than ${this.limits.seconds} s (limits.answerSeconds)`,
    );
  }

  /** Calls the listener when the request ends or its time is over; answers what forgets it. */
  onEnd(listener: (why: WorkError) => void): () => void {
    const timer = setTimeout(() => listener(this.tooLong()), Math.max(0, this.milliseconds)).unref();
    const forget = this.#end?.onEnd(() => listener(ended()));
    return () => {
      clearTimeout(timer);
      forget?.();
    };
  }
}

export function ended(): WorkError {
  return new WorkError('ended', 'The request was ended');
}
