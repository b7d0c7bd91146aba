/** The feed of a tenant: pages, positions of consumers, digest. What HTTP and the command line have in common. */
import { suggestion } from '../nearest.ts';
import { type FeedReads, type FeedSnapshot, type PersonAccess, personAccess } from '../store/feed.ts';
import type { Consumer, Outbox } from '../store/outbox.ts';
import { bucketHash, bucketOf, type DigestOf, type DigestPerson, digestLine } from './consumer/digest.ts';
import type { Event } from './event.ts';
import type { Made } from './events-of.ts';
import type { Hub } from './hub.ts';
import type { EventFilter, PageAsked, PageText } from './page-text.ts';
import { comparePositions, type Position, parsePosition, positionText } from './position.ts';
import type { EventPage, EventReader, TenantName } from './reader.ts';
import { typeFilter } from './webhook/message.ts';

/** A position that cannot be read from. */
export class PositionError extends Error {
  override readonly name = 'PositionError';
  /** `gone`: changes behind it are not kept any more. `future`: there is nothing that far. */
  readonly code: 'invalid' | 'gone' | 'future' | 'none';
  /** The oldest position that can be read from, for `gone`. */
  readonly oldest: string | undefined;

  constructor(code: PositionError['code'], message: string, oldest?: string) {
    super(message);
    this.code = code;
    this.oldest = oldest;
  }
}

export interface FeedPage {
  readonly made: readonly Made[];
  readonly position: Position;
  readonly more: boolean;
}

/** Events that are made together, and kept until something new happens: many consumers ask for the same. */
const pageSize = 100;
const mostPages = 200;

export class Feed {
  readonly hub: Hub;
  readonly #reader: EventReader;
  readonly #reads: FeedReads;
  readonly #outbox: Outbox;
  readonly #pages = new Map<
    string,
    { readonly tenant: number; readonly newest: number; readonly page: Promise<EventPage> }
  >();

  constructor(reader: EventReader, reads: FeedReads, outbox: Outbox, hub: Hub) {
    this.#reader = reader;
    this.#reads = reads;
    this.#outbox = outbox;
    this.hub = hub;
  }

  /**
   * The position that `after` names: a number, `now`, `oldest`; without it where the consumer is, or `oldest`.
   * @throws PositionError
   */
  async positionOf(
    tenant: number,
    after: string | undefined,
    consumer: string | undefined,
  ): Promise<Position> {
    const { oldest, newest } = await this.#reads.extent(tenant);
    const from = after ?? (consumer === undefined ? 'oldest' : await this.#acknowledged(tenant, consumer));
    if (from === 'now') return { sequence: newest };
    if (from === 'oldest') return { sequence: oldest - 1 };
    const position = parsePosition(from);
    if (position === undefined)
      throw new PositionError(
        'invalid',
        `after must be a position such as ${newest}, or now, or oldest, not ${JSON.stringify(from)}`,
      );
    const { sequence, unit } = position;
    if (sequence > newest)
      throw new PositionError('future', `There is nothing at ${from} yet: the newest position is ${newest}`);
    if (sequence + (unit === undefined ? 1 : 0) < oldest)
      throw new PositionError(
        'gone',
        `Changes behind ${from} are not kept any more: the oldest position is ${oldest - 1}. Begin with a snapshot`,
        String(oldest - 1),
      );
    await this.#refuseTakenBack(tenant, position, { oldest, newest });
    return position;
  }

  /** What came up to there did not happen: the database was put back to what it was before. */
  async #refuseTakenBack(
    tenant: number,
    position: Position,
    { oldest, newest }: { readonly oldest: number; readonly newest: number },
  ): Promise<void> {
    const gap = await this.#reader.gapAt(tenant, position, newest);
    if (gap === undefined) return;
    throw new PositionError(
      'gone',
      `The database was restored, and what was told between ${gap.kept} and ${positionText(position)} is taken back. Begin with a snapshot`,
      String(oldest - 1),
    );
  }

  /** Is there so much behind a position, or the rest of a change, that nothing is to be waited for? */
  async isBehind(tenant: number, { sequence, unit }: Position, limit: number): Promise<boolean> {
    return unit !== undefined || (await this.#reads.extent(tenant)).newest - sequence >= limit;
  }

  async #acknowledged(tenant: number, name: string): Promise<string> {
    const consumers = await this.#outbox.consumers(tenant);
    const found = consumers.find((each) => each.name === name);
    if (found !== undefined) return found.position;
    const names = consumers.map((each) => each.name);
    throw new PositionError(
      'none',
      `The consumer ${JSON.stringify(name)} has acknowledged nothing yet: say where to begin, with after=now, after=oldest, or the position of a snapshot${suggestion(name, names)}`,
    );
  }

  /** The same as {@link page}, as text. */
  async pageText({ tenant, after, limit, filter }: PageAsked): Promise<PageText> {
    const { made, position, more } = await this.page(tenant, after, { limit, wants: wantedBy(filter) });
    const json = `{"events":[${made.map(({ text }) => text).join(',')}],"position":"${positionText(position)}","more":${more}}`;
    return { position, more, count: made.length, json };
  }

  /** The next events behind a position, if there are any. */
  async page(
    tenant: TenantName,
    after: Position,
    { limit, wants }: { readonly limit: number; readonly wants?: ((event: Event) => boolean) | undefined },
  ): Promise<FeedPage> {
    const made: Made[] = [];
    let position = after;
    for (let pages = 0; pages < 20; pages++) {
      // Most changes make two events; of what is chosen there may be little.
      const most = wants === undefined ? Math.min(pageSize, Math.ceil((limit - made.length) / 2)) : pageSize;
      const page = await this.#read(tenant, position, most);
      for (const each of page.made) {
        if (wants?.(each.event) === false) continue;
        const last = made.at(-1)?.behind;
        // One unit of a change may make several events, behind which there is one position.
        if (last !== undefined && made.length >= limit && comparePositions(last, each.behind) !== 0)
          return { made, position: last, more: true };
        made.push(each);
      }
      ({ position } = page);
      if (!page.more) return { made, position, more: false };
      if (made.length >= limit) break;
    }
    return { made, position, more: true };
  }

  async #read(tenant: TenantName, after: Position, limit: number): Promise<EventPage> {
    const { newest } = await this.#reads.extent(tenant.number);
    const key = `${tenant.number} ${positionText(after)} ${limit}`;
    const known = this.#pages.get(key);
    if (known?.newest === newest) return known.page;
    const page = this.#reader.read(tenant, after, { limit });
    // What was read before something new happened is not asked for any more.
    for (const [other, kept] of this.#pages)
      if (kept.tenant === tenant.number && kept.newest !== newest) this.#pages.delete(other);
    this.#pages.set(key, { tenant: tenant.number, newest, page });
    const [first] = this.#pages.keys();
    if (this.#pages.size > mostPages && first !== undefined) this.#pages.delete(first);
    page.catch(() => this.#pages.delete(key));
    return page;
  }

  async consumers(tenant: number): Promise<readonly Consumer[]> {
    return this.#outbox.consumers(tenant);
  }

  forget(tenant: number, name: string): Promise<boolean> {
    return this.#outbox.forgetConsumer(tenant, name);
  }

  /** @throws PositionError, where it is not known, or is before what was acknowledged. */
  async acknowledge(tenant: number, name: string, text: string): Promise<Consumer> {
    const { oldest, newest } = await this.#reads.extent(tenant);
    const position = parsePosition(text);
    if (position === undefined)
      throw new PositionError('invalid', `sequence must be a position, not ${JSON.stringify(text)}`);
    if (position.sequence > newest)
      throw new PositionError('future', `There is nothing at ${text} yet: the newest position is ${newest}`);
    await this.#refuseTakenBack(tenant, position, { oldest, newest });
    const isBehind = (known: string): boolean =>
      comparePositions(parsePosition(known) ?? { sequence: 0 }, position) <= 0;
    const stored = await this.#outbox.acknowledge(tenant, name, positionText(position), isBehind);
    if (stored !== undefined) return stored;
    throw new PositionError(
      'invalid',
      `The consumer ${JSON.stringify(name)} has acknowledged more than ${text} already; it cannot go back. Forget it first: DELETE /events/consumers/${name}`,
    );
  }

  /** As {@link peopleDigest}. */
  digest(tenant: number): Promise<PeopleDigest> {
    return peopleDigest(this.#reads, tenant);
  }
}

export interface PeopleDigest {
  readonly sequence: number;
  readonly buckets: readonly ReadonlyMap<string, DigestPerson>[];
}

/** All people of a tenant by the buckets of the digest, with the position that they are at. */
export async function peopleDigest(reads: FeedReads, tenant: number): Promise<PeopleDigest> {
  for (let attempt = 0; attempt < unchangedAttempts; attempt++) {
    const { newest } = await reads.extent(tenant);
    const buckets = await bucketsOf(peopleNow(reads, tenant));
    // Of one moment, or it says nothing.
    const { newest: sequence } = await reads.extent(tenant);
    if (sequence === newest) return { sequence, buckets };
  }
  const snapshot = await reads.snapshot(tenant);
  try {
    return { sequence: snapshot.sequence, buckets: await bucketsOf(peopleIn(snapshot)) };
  } finally {
    snapshot.close();
  }
}

/** So often people are read while changes come in; then a snapshot is, which takes twice as long. */
const unchangedAttempts = 2;

async function bucketsOf(
  steps: AsyncIterable<readonly DigestPerson[]>,
): Promise<readonly ReadonlyMap<string, DigestPerson>[]> {
  const buckets: Map<string, DigestPerson>[] = Array.from({ length: 256 }, () => new Map());
  for await (const people of steps) {
    for (const person of people) buckets[bucketOf(person.id)]?.set(person.id, person);
    // Others have their turn.
    await new Promise((resolve) => setImmediate(resolve));
  }
  return buckets;
}

async function* peopleNow(reads: FeedReads, tenant: number): AsyncGenerator<readonly PersonAccess[]> {
  let after = '';
  for (;;) {
    const people = await reads.accessOf(tenant, after, 500);
    const last = people.at(-1);
    if (last === undefined) return;
    yield people;
    after = last.id;
  }
}

async function* peopleIn(snapshot: FeedSnapshot): AsyncGenerator<readonly PersonAccess[]> {
  for (let step = await snapshot.next(); step.length > 0; step = await snapshot.next()) {
    const people = step.filter(({ resource }) => resource.type === 'User');
    // Users come first.
    if (people.length === 0) return;
    yield people.map(({ resource: { id, version, body }, groups, locked }) => {
      const active = !locked && JSON.parse(body).active !== false;
      return personAccess({ id, version, active }, active ? groups : []);
    });
  }
}

export function bucketHashes(buckets: readonly ReadonlyMap<string, DigestPerson>[], of: DigestOf): string[] {
  return buckets.map((bucket) =>
    bucketHash(new Map([...bucket].map(([id, person]) => [id, digestLine(person, of)]))),
  );
}

/** Undefined where all are wanted. */
export function wantedBy({ types, resource }: EventFilter): ((event: Event) => boolean) | undefined {
  if (types === undefined && resource === undefined) return undefined;
  const wants = typeFilter(types);
  const [type, id] = resource ?? [];
  return (event) =>
    wants(event.type) &&
    (type === undefined ||
      ('subject' in event && event.subject.type === type && (id === undefined || event.subject.id === id)));
}
