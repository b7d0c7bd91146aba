/** What happened at an endpoint and is not in the outbox yet. */
import { type AttemptBatch, attemptBatches, type TriedOnce } from '../../store/attempts.ts';
import type { Progress, StoredDelivery } from '../../store/outbox.ts';

type Put = StoredDelivery & { readonly body: string };
type Retried = Progress['retried'][number];
type Fields = Pick<Progress, 'failingSince' | 'state' | 'reason'>;

export class Unstored {
  readonly #endpoint: string;
  #position: string;
  #fields: Fields = {};
  #put: Put[] = [];
  #retried: Retried[] = [];
  #removed: string[] = [];
  #attempts: TriedOnce[] = [];
  /** Earlier ones, which could not be stored. */
  #batches: readonly AttemptBatch[] = [];
  /** What is being stored. */
  #taken: Progress | undefined;
  /** By message, until the outbox has it. */
  readonly #bodies = new Map<string, string>();

  /** `position` is what is stored. */
  constructor(endpoint: string, position: string) {
    this.#endpoint = endpoint;
    this.#position = position;
  }

  /** Undefined where the outbox has it. */
  body(message: string): string | undefined {
    return this.#bodies.get(message);
  }

  put(delivery: Put): void {
    this.#put.push(delivery);
    this.#bodies.set(delivery.message, delivery.body);
  }

  retry(retried: Retried): void {
    this.#retried.push(retried);
  }

  /** Messages that are to be taken out of the outbox, and are in it still. */
  removals(): string[] {
    return [...this.#removed, ...(this.#taken?.removed ?? [])];
  }

  remove(id: string): void {
    this.#bodies.delete(id);
    this.#put = this.#put.filter(({ message }) => message !== id);
    this.#removed.push(id);
  }

  attempt(attempt: TriedOnce): void {
    this.#attempts.push(attempt);
  }

  set(fields: Fields): void {
    this.#fields = { ...this.#fields, ...fields };
  }

  /** All of it, if there is anything; from now on it counts as stored. */
  take(position: string): Progress | undefined {
    const [put, retried, removed] = [this.#put, this.#retried, this.#removed];
    const attempts = [...this.#batches, ...attemptBatches(this.#attempts)];
    const isEmpty = [put, retried, removed, attempts].every(({ length }) => length === 0);
    if (isEmpty && position === this.#position && Object.keys(this.#fields).length === 0) return undefined;
    const progress = { endpoint: this.#endpoint, position, put, retried, removed, attempts, ...this.#fields };
    this.#position = position;
    this.#fields = {};
    [this.#put, this.#retried, this.#removed, this.#attempts] = [[], [], [], []];
    this.#batches = [];
    this.#taken = progress;
    return progress;
  }

  stored({ put }: Progress): void {
    this.#taken = undefined;
    for (const { message, body } of put) if (this.#bodies.get(message) === body) this.#bodies.delete(message);
  }

  /** It could not be stored. */
  giveBack({ put, retried, removed, attempts, failingSince, state, reason }: Progress): void {
    this.#taken = undefined;
    const gone = new Set(this.#removed);
    this.#put = [...put.filter(({ message }) => !gone.has(message)), ...this.#put];
    this.#retried = [...retried, ...this.#retried];
    this.#removed = [...removed, ...this.#removed];
    this.#batches = [...attempts, ...this.#batches];
    this.#fields = {
      ...(failingSince === undefined ? {} : { failingSince }),
      ...(state === undefined ? {} : { state }),
      ...(reason === undefined ? {} : { reason }),
      ...this.#fields,
    };
    this.#position = '';
  }
}
