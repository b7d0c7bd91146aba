/** The feed as a consumer reads it: events, snapshot, acknowledgement, digest. */
import { sha256 } from '@noble/hashes/sha2.js';
import { bytesToHex, utf8ToBytes } from '@noble/hashes/utils.js';
import type { Access, Event, EventType } from '../event.ts';
import {
  bucketHash,
  bucketOf,
  type ComparedPerson,
  type DigestOf,
  type DigestPerson,
  digestLine,
} from './digest.ts';
import { ask, askJson, type Connection, ConsumerError, type Limit } from './request.ts';

/** How the feed is followed. */
export interface ConsumeOptions extends Connection {
  /**
   * Where to go on: `event.position` of the last event that was handled, the position of a {@link snapshot}, `0` for all
   * that the server still has, `now` for what comes from now on. May be left out for a `consumer` that has acknowledged
   * something.
   */
  readonly position?: string | undefined;
  /** A name that the server knows this consumer by; goes on behind what it acknowledged, without a `position`. */
  readonly consumer?: string | undefined;
  /** Only these types. */
  readonly types?: readonly EventType[] | undefined;
  /** Seconds for which the server holds a request while nothing happens; 30 unless given. */
  readonly wait?: number | undefined;
  /** Events in one answer; 100 unless given. */
  readonly limit?: number | undefined;
}

/** Milliseconds that a page may take beyond its wait; that people may take to be counted. */
const pagePatience = 30_000;
const digestPatience = 10 * 60_000;

interface FeedPage {
  readonly events: readonly Event[];
  readonly position: string;
}

/**
 * Events one after the other, for as long as the loop runs; waits for those to come. What fails for a while is tried
 * again; at least once is every event seen, in the order of its tenant.
 *
 * ```ts
 * for await (const event of consume({ url, token, position })) {
 *   await handle(event);
 *   await store(event.position);
 * }
 * ```
 *
 * @throws PositionTooOld and ConsumerError (401, 403, 400 with what is wrong).
 */
export async function* consume(options: ConsumeOptions): AsyncGenerator<Event, void, undefined> {
  const { consumer, types, wait = 30, limit = 100, signal } = options;
  let { position } = options;
  try {
    for (;;) {
      const query = new URLSearchParams();
      if (position !== undefined) query.set('after', position);
      if (consumer !== undefined) query.set('consumer', consumer);
      if (types !== undefined) query.set('type', types.join(','));
      query.set('limit', String(limit));
      query.set('wait', `${wait}s`);
      const patience = wait * 1000 + pagePatience;
      const page = await askJson<FeedPage>(options, `/events?${query}`, { patience });
      yield* page.events;
      position = page.position;
    }
  } catch (error) {
    if (signal?.aborted !== true) throw error;
  }
}

/** One line of a snapshot: a resource as SCIM shows it; a group with all its members. */
export interface SnapshotItem {
  readonly type: 'snapshot.item';
  readonly resourceType: string;
  readonly data: { readonly [attribute: string]: unknown };
  /** Of a person: what they may do in the application. */
  readonly access?: Omit<Access, 'gained' | 'lost'> | undefined;
}

/** Everything there is at one position of the feed. */
export interface Snapshot {
  /** What the snapshot holds; to be given to {@link consume} when all items are stored. */
  readonly position: string;
  /** How many items of each resource type there are. */
  readonly counts: Readonly<Record<string, number>>;
  /** Throws at its end if anything of it is missing or changed. To be read to the end, once. */
  readonly items: AsyncGenerator<SnapshotItem, void, undefined>;
}

/** All users, groups and other resources at one moment. @throws ConsumerError */
export async function snapshot(connection: Connection): Promise<Snapshot> {
  return ask(connection, '/events/snapshot', { accept: 'application/x-ndjson' }, async (response, limit) => {
    const lines = linesOf(response, limit);
    const first = await lines.next();
    const begin = first.done === true ? undefined : (JSON.parse(first.value) as Record<string, unknown>);
    if (begin?.type !== 'snapshot.begin') throw new ConsumerError(200, 'the snapshot has no beginning');
    return {
      position: String(begin.sequence),
      counts: begin.counts as Record<string, number>,
      items: itemsOf(lines),
    };
  });
}

async function* itemsOf(lines: AsyncGenerator<string, void>): AsyncGenerator<SnapshotItem, void, undefined> {
  const sum = sha256.create();
  let items = 0;
  for await (const line of lines) {
    const item = JSON.parse(line) as SnapshotItem | { type: 'snapshot.end'; items: number; sha256: string };
    if (item.type === 'snapshot.end') {
      if (item.items !== items || item.sha256 !== bytesToHex(sum.digest()))
        throw new ConsumerError(200, 'the snapshot arrived with items that are missing or changed');
      return;
    }
    sum.update(utf8ToBytes(`${line}\n`));
    items++;
    yield item;
  }
  throw new ConsumerError(200, `the snapshot broke off after ${items} items`);
}

async function* linesOf(response: Response, limit: Limit): AsyncGenerator<string, void> {
  const decoder = new TextDecoder();
  const reader = response.body?.getReader();
  let held = '';
  try {
    for (;;) {
      limit.renew();
      const { value, done } = (await reader?.read()) ?? { value: undefined, done: true };
      limit.pause();
      held += value === undefined ? '' : decoder.decode(value, { stream: true });
      let end = held.indexOf('\n');
      let from = 0;
      for (; end !== -1; end = held.indexOf('\n', from)) {
        yield held.slice(from, end);
        from = end + 1;
      }
      held = held.slice(from);
      if (done) return;
    }
  } finally {
    limit.end();
    await reader?.cancel().catch(() => {});
  }
}

/**
 * Tells the server that all up to the event was handled: evidence of when this application knew, and its lag.
 * @throws ConsumerError
 */
export async function acknowledge(
  connection: Connection,
  { consumer, position }: { readonly consumer: string; readonly position: string },
): Promise<void> {
  const body = JSON.stringify({ consumer, sequence: position });
  await askJson(connection, '/events/ack', { method: 'POST', body });
}

/** Which people are not the same here and there, by id. */
export interface Differences {
  /** What the directory has of them; absent: they are not in it. */
  readonly theirs: ReadonlyMap<string, DigestPerson>;
  readonly ids: readonly string[];
  /** At which position the directory was compared. */
  readonly position: string;
}

/**
 * Compares the application's copy with the directory, by the groups that people are in or by the roles that these give:
 * one request if they are equal. @throws ConsumerError
 */
export async function compare<Of extends DigestOf = 'groups'>(
  connection: Connection,
  people: Iterable<ComparedPerson<NoInfer<Of>>>,
  of: Of = 'groups' as Of,
): Promise<Differences> {
  const mine: Map<string, string>[] = Array.from({ length: 256 }, () => new Map());
  for (const person of people) mine[bucketOf(person.id)]?.set(person.id, digestLine(person, of));
  const { buckets, sequence } = await askJson<{ buckets: string[]; sequence: number }>(
    connection,
    `/events/digest?of=${of}`,
    { patience: digestPatience },
  );
  const ids: string[] = [];
  const theirs = new Map<string, DigestPerson>();
  for (const [number, own] of mine.entries()) {
    if (bucketHash(own) === buckets[number]) continue;
    const { people: found } = await askJson<{ people: DigestPerson[] }>(
      connection,
      `/events/digest?of=${of}&bucket=${number}`,
      { patience: digestPatience },
    );
    for (const person of found) {
      if (own.get(person.id) !== digestLine(person, of)) {
        ids.push(person.id);
        theirs.set(person.id, person);
      }
      own.delete(person.id);
    }
    ids.push(...own.keys());
  }
  return { theirs, ids: ids.sort(), position: String(sequence) };
}
