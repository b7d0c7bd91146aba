/** Brings what a source gives into the store, in batches that share a commit, and tells what became of each. */
import { type Given, type Importer, keysOf, type Outcome, type Stranger } from './importer.ts';

/** One resource of a source, or what is wrong with what stands in its place. */
export interface Item<P> {
  /** `users.ndjson:17` */
  readonly place: string;
  readonly found: Given | { readonly problem: string };
  /** About how much memory it takes. */
  readonly bytes: number;
  /** Where the source goes on once this item is done; absent where it cannot stop. */
  readonly position?: P;
  /** How much of the source is done with it, from 0 to 1. */
  readonly part?: number;
}

export interface Counts {
  created: number;
  replaced: number;
  same: number;
  skipped: number;
  refused: number;
}

export interface LoadOptions<P> {
  readonly importer: Importer;
  /** Stop at the first conflict? */
  readonly stopAtConflict: boolean;
  readonly stop: AbortSignal;
  report(place: string, outcome: Outcome): void;
  /** A member that is kept although nobody here has its id; at the end, when all that could come is there. */
  reportStranger(place: string, stranger: Stranger): void;
  /** After each batch, which is durable then. */
  progressed(position: P | undefined, part: number | undefined, counts: Counts): void;
}

export interface Loaded {
  readonly counts: Counts;
  /** Why not all was taken. */
  readonly stopped: 'conflict' | 'signal' | undefined;
}

/** Few enough that a server beside it, which waits for the write lock meanwhile, hardly notices. */
const batchItems = 200;
const batchBytes = 1024 * 1024;

const countOf = {
  created: 'created',
  replaced: 'replaced',
  same: 'same',
  skipped: 'skipped',
  conflict: 'refused',
  refused: 'refused',
} as const;

/** What waits for members that are named is kept in memory: so much of it, and so many unknown members. */
const mostWaiting = 16 * 1024 * 1024;
const mostStrangers = 100_000;

export async function load<P>(source: AsyncIterable<Item<P>>, options: LoadOptions<P>): Promise<Loaded> {
  const loading = new Loading(options);
  for await (const batch of batches(source)) {
    const stopped = await loading.take(batch);
    if (stopped !== undefined) return { counts: loading.counts, stopped };
  }
  const stopped = await loading.takeWaiting();
  await loading.reportStrangers();
  return { counts: loading.counts, stopped };
}

class Loading<P> {
  readonly counts: Counts = { created: 0, replaced: 0, same: 0, skipped: 0, refused: 0 };
  readonly #options: LoadOptions<P>;
  #waiting: (Item<P> & { readonly found: Given })[] = [];
  #waitingBytes = 0;
  readonly #strangers: (Stranger & { readonly place: string })[] = [];

  constructor(options: LoadOptions<P>) {
    this.#options = options;
  }

  /** Takes what shares a commit. Answers why nothing more is to be taken, if so. */
  async take(batch: readonly Item<P>[]): Promise<Loaded['stopped']> {
    const { importer, progressed, stop } = this.#options;
    const last = this.#waitingBytes > mostWaiting;
    const taken = await takeAll(batch, importer, last);
    let position: P | undefined;
    let part: number | undefined;
    for (const [index, item] of batch.entries()) {
      const { outcome, strangers } = taken[index] as Taken;
      if (outcome === 'waiting') this.#wait(item);
      else if (!this.#report(item, outcome, strangers)) {
        progressed(position, part, this.counts);
        return 'conflict';
      }
      // What waits is not done: an import that goes on later must come by it again.
      if (this.#waiting.length === 0) position = item.position ?? position;
      part = item.part;
    }
    progressed(position, part, this.counts);
    return stop.aborted ? 'signal' : undefined;
  }

  /** Those that name members of other lines, until none of them finds any more. */
  async takeWaiting(): Promise<Loaded['stopped']> {
    for (let last = false; this.#waiting.length > 0; ) {
      const items = this.#waiting;
      this.#waiting = [];
      for (const item of items) {
        const strangers: Stranger[] = [];
        const outcome = await this.#options.importer.takeAlone(item.found, last, strangers);
        if (outcome === 'waiting') this.#waiting.push(item);
        else if (!this.#report(item, outcome, strangers)) return 'conflict';
        if (this.#options.stop.aborted) return 'signal';
      }
      last = this.#waiting.length === items.length;
    }
    return undefined;
  }

  async reportStrangers(): Promise<void> {
    for (const { place, ...stranger } of this.#strangers)
      if (!(await this.#options.importer.isKnown(stranger.member)))
        this.#options.reportStranger(place, stranger);
  }

  #wait(item: Item<P>): void {
    if ('problem' in item.found) return;
    this.#waiting.push({ ...item, found: item.found });
    this.#waitingBytes += item.bytes;
  }

  /** False where the import is to stop at it. */
  #report({ place }: Item<P>, outcome: Outcome, strangers: readonly Stranger[]): boolean {
    this.counts[countOf[outcome.kind]]++;
    this.#options.report(place, outcome);
    for (const stranger of strangers.slice(0, mostStrangers - this.#strangers.length))
      this.#strangers.push({ ...stranger, place });
    return outcome.kind !== 'conflict' || !this.#options.stopAtConflict;
  }
}

/** What is done in one commit. Resources that share a key are done one after the other, in their order. */
async function* batches<P>(source: AsyncIterable<Item<P>>): AsyncGenerator<Item<P>[]> {
  let batch: Item<P>[] = [];
  let bytes = 0;
  const taken = new Set<string>();
  for await (const item of source) {
    const keys = 'problem' in item.found ? [] : keysOf(item.found.type, item.found.body);
    if (batch.length >= batchItems || bytes >= batchBytes || keys.some((key) => taken.has(key))) {
      yield batch;
      batch = [];
      bytes = 0;
      taken.clear();
    }
    batch.push(item);
    bytes += item.bytes;
    for (const key of keys) taken.add(key);
  }
  if (batch.length > 0) yield batch;
}

interface Taken {
  readonly outcome: Outcome | 'waiting';
  readonly strangers: readonly Stranger[];
}

/** Together first; those that met each other then one by one, in their order. */
async function takeAll<P>(batch: readonly Item<P>[], importer: Importer, last: boolean): Promise<Taken[]> {
  const together = importer.batch(batch.length);
  const settled = await Promise.allSettled(
    batch.map(({ found }, index) =>
      together.run(index, async (submit): Promise<Partial<Taken>> => {
        if ('problem' in found)
          return { outcome: { kind: 'refused', name: '', reason: found.problem }, strangers: [] };
        const strangers: Stranger[] = [];
        const outcome = await importer.take(found, last, strangers, submit);
        return outcome === undefined ? {} : { outcome, strangers };
      }),
    ),
  );
  const taken: Taken[] = [];
  for (const [index, result] of settled.entries()) {
    if (result.status === 'rejected') throw result.reason;
    const { outcome, strangers = [] } = result.value;
    const { found } = batch[index] as Item<P>;
    if (outcome !== undefined) taken.push({ outcome, strangers });
    else if (!('problem' in found)) {
      const own: Stranger[] = [];
      taken.push({ outcome: await importer.takeAlone(found, last, own), strangers: own });
    }
  }
  return taken;
}
