/** Reads events from the change record: in pages, of one tenant, made with what is there at that moment. */
import type { FeedReads } from '../store/feed.ts';
import { type Gap, gapAt } from '../store/restored.ts';
import type { Awaitable, Store } from '../store/store.ts';
import type { ChangeRecord } from './change-record.ts';
import type { Event, EventResource } from './event.ts';
import { eventsOf, idsIn, type Made, type Present, type PresentResource } from './events-of.ts';
import type { Position } from './position.ts';
import { documentOf, type Shown, visibleOf } from './shown.ts';
import { unitsOf } from './units.ts';

export interface TenantName {
  readonly number: number;
  readonly name: string;
}

/** Records of one tenant in their order, behind a sequence number; of one resource with `id`. */
export type Records = (options: {
  readonly tenant: number;
  readonly after: number;
  readonly limit: number;
  readonly id?: string;
}) => Awaitable<readonly ChangeRecord[]>;

/** The records of a store. */
export function recordsOf(store: Pick<Store, 'changes'>): Records {
  return (options) => store.changes(options);
}

export interface EventPage {
  readonly made: readonly Made[];
  /** Behind the last event, and behind what was left out. */
  readonly position: Position;
  /** Is there more behind it? */
  readonly more: boolean;
}

export interface ReadOptions {
  /** About so many events: one change of a group in a group may bring more. */
  readonly limit: number;
  readonly wants?: ((event: Event) => boolean) | undefined;
}

/** Records that are read together, and units whose events are made together. */
const mostRecords = 100;
const mostUnits = 500;
/** So many records are looked through for one page. */
const longestLook = 2000;

export class EventReader {
  readonly #records: Records;
  readonly #feed: FeedReads;
  readonly #shown: Shown;
  readonly #giveWay: () => void;

  /** `giveWay` is called often, and may let others have the processor for a moment. */
  constructor(records: Records, feed: FeedReads, shown: Shown, giveWay: () => void = () => {}) {
    this.#records = records;
    this.#feed = feed;
    this.#shown = shown;
    this.#giveWay = giveWay;
  }

  /** The events behind a position. */
  async read(tenant: TenantName, after: Position, { limit, wants }: ReadOptions): Promise<EventPage> {
    const made: Made[] = [];
    let position = after;
    for (let looked = 0; looked < longestLook; ) {
      const first = position.unit === undefined ? position.sequence : position.sequence - 1;
      const records = await this.#records({
        tenant: tenant.number,
        after: first,
        limit: Math.min(mostRecords, Math.max(1, limit - made.length)) + 1,
      });
      const more = records.length > Math.min(mostRecords, Math.max(1, limit - made.length));
      const slices = slicesOf(more ? records.slice(0, -1) : records, position);
      if (slices.length === 0) return { made, position, more: false };
      const present = await this.#presentOf(tenant, slices);
      for (const { record, from, to } of slices) {
        this.#giveWay();
        for (const each of eventsOf(record, present, from, to))
          if (wants === undefined || wants(each.event)) made.push(each);
      }
      const { record, to, whole } = slices.at(-1) as Slice;
      position = { sequence: record.sequence, unit: whole ? undefined : to };
      looked += slices.length;
      const isMore = more || !whole || record !== records.at(-1);
      if (!isMore) return { made, position, more: false };
      if (made.length >= limit) return { made, position, more: true };
    }
    return { made, position, more: true };
  }

  /** What a restored database has taken back around a position; undefined where it is of the record that there is. */
  gapAt(tenant: number, { sequence }: Position, newest: number): Promise<Gap | undefined> {
    return gapAt(this.#records, tenant, sequence, newest);
  }

  /** All events of one record. */
  async all(tenant: TenantName, record: ChangeRecord): Promise<Made[]> {
    const slice = { record, from: 0, to: Infinity, whole: true };
    return eventsOf(record, await this.#presentOf(tenant, [slice]));
  }

  async #presentOf(tenant: TenantName, slices: readonly Slice[]): Promise<Present> {
    const ids = new Set(slices.flatMap(({ record, from, to }) => [...idsIn(record, from, to)]));
    const found = new Map(await this.#feed.resources(tenant.number, ids));
    const people = new Map<string, readonly string[]>();
    for (const { record, from, to } of slices) {
      for (const unit of unitsOf(record).slice(from, to)) {
        if (unit.kind !== 'access' || found.get(unit.member)?.resource.type !== 'Group') continue;
        const all = await this.#feed.people(tenant.number, unit.member);
        people.set(unit.member, all);
        const unknown = all.filter((id) => !found.has(id));
        for (const [id, one] of await this.#feed.resources(tenant.number, unknown)) found.set(id, one);
      }
    }
    const users = [...found].flatMap(([id, { resource }]) => (resource.type === 'User' ? [id] : []));
    const groups = await this.#feed.groupsOf(tenant.number, users);
    const deleted = await this.#deletedIn(tenant, slices);
    const made = new Map<string, PresentResource>();
    return {
      tenant: tenant.name,
      visible: (type, document) => visibleOf(this.#shown, type, document),
      resource: (id) => {
        const known = made.get(id);
        const stored = found.get(id);
        if (known !== undefined || stored === undefined) return known;
        const { resource, memberCount } = stored;
        const fresh = {
          type: resource.type,
          locked: stored.locked,
          document: documentOf(this.#shown, resource, memberCount, groups.get(id)),
        };
        made.set(id, fresh);
        return fresh;
      },
      groups: (id) => groups.get(id) ?? [],
      people: (group) => people.get(group) ?? [],
      deleted: (record) => deleted.get(deletionKey(record)),
    };
  }

  /** Last documents of those whose deletion changed a group: the next record of them in the same transaction. */
  async #deletedIn(
    { number: tenant }: TenantName,
    slices: readonly Slice[],
  ): Promise<ReadonlyMap<string, EventResource | undefined>> {
    const found = new Map<string, EventResource | undefined>();
    for (const { record } of slices) {
      const { cause, sequence: after } = record;
      const key = deletionKey(record);
      if (cause?.operation !== 'delete' || found.has(key)) continue;
      const [next] = await this.#records({ tenant, id: cause.id, after, limit: 1 });
      found.set(key, next?.operation === 'delete' ? next.last?.document : undefined);
    }
    return found;
  }
}

function deletionKey({ transaction, cause }: ChangeRecord): string {
  return `${transaction} ${cause?.id}`;
}

/** Units of one record that are read together. */
interface Slice {
  readonly record: ChangeRecord;
  readonly from: number;
  readonly to: number;
  /** Are these the last units of the record? */
  readonly whole: boolean;
}

function slicesOf(records: readonly ChangeRecord[], after: Position): Slice[] {
  const slices: Slice[] = [];
  let left = mostUnits;
  for (const record of records) {
    const from = record.sequence === after.sequence ? (after.unit ?? 0) : 0;
    const { length } = unitsOf(record);
    const to = Math.min(length, from + left);
    slices.push({ record, from, to, whole: to === length });
    left -= to - from;
    if (left <= 0) break;
  }
  return slices;
}
