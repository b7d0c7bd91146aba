/** Brings what a source gives into the store, in batches that share a commit, and tells what became of each. */
import type { ResourceType } from '../scim/registry.ts';
import { type Importer, keysOf, type Outcome } from './importer.ts';

/** One resource of a source, or what is wrong with what stands in its place. */
export interface Item<P> {
  /** `users.ndjson:17` */
  readonly place: string;
  readonly found: { readonly type: ResourceType; readonly body: unknown } | { readonly problem: string };
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
  tell(place: string, outcome: Outcome): void;
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

export async function load<P>(source: AsyncIterable<Item<P>>, options: LoadOptions<P>): Promise<Loaded> {
  const counts: Counts = { created: 0, replaced: 0, same: 0, skipped: 0, refused: 0 };
  for await (const batch of batches(source)) {
    const outcomes = await takeAll(batch, options.importer);
    let position: P | undefined;
    let part: number | undefined;
    for (const [index, item] of batch.entries()) {
      const outcome = outcomes[index] as Outcome;
      counts[countOf[outcome.kind]]++;
      options.tell(item.place, outcome);
      if (outcome.kind === 'conflict' && options.stopAtConflict) {
        options.progressed(position, part, counts);
        return { counts, stopped: 'conflict' };
      }
      position = item.position ?? position;
      part = item.part;
    }
    options.progressed(position, part, counts);
    if (options.stop.aborted) return { counts, stopped: 'signal' };
  }
  return { counts, stopped: undefined };
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

/** Together first; those that met each other then one by one, in their order. */
async function takeAll<P>(batch: readonly Item<P>[], importer: Importer): Promise<Outcome[]> {
  const settled = await Promise.allSettled(
    batch.map(
      async ({ found }): Promise<Outcome | undefined> =>
        'problem' in found
          ? { kind: 'refused', name: '', reason: found.problem }
          : importer.take(found.type, found.body),
    ),
  );
  const outcomes: Outcome[] = [];
  for (const [index, result] of settled.entries()) {
    if (result.status === 'rejected') throw result.reason;
    const { found } = batch[index] as Item<P>;
    outcomes.push(
      result.value ??
        ('problem' in found
          ? { kind: 'refused', name: '', reason: found.problem }
          : await importer.takeAlone(found.type, found.body)),
    );
  }
  return outcomes;
}
