/** Reads security event tokens from the change record: in pages, for one stream. */
import type { FeedReads } from '../../store/feed.ts';
import type { Endpoint, StreamSettings } from '../../store/outbox.ts';
import type { Removal, StreamStore } from '../../store/streams.ts';
import { type ChangeRecord, isLeaver } from '../change-record.ts';
import type { EventResource } from '../event.ts';
import type { Position } from '../position.ts';
import type { Records } from '../reader.ts';
import { documentOf, type Shown } from '../shown.ts';
import { deliveredUris } from './event-uris.ts';
import { restoredToken, type SetClaims, type StreamScope, tokensOf } from './security-events.ts';

/** A token on its way: what a lane looks at, and what is signed. */
export interface SecurityEvent {
  /** Its `jti`. */
  readonly id: string;
  readonly sequence: number;
  /** The id of the resource that it is about. */
  readonly subject: string;
  readonly leaver: boolean;
  readonly claims: SetClaims;
}

export interface TokenPage {
  readonly made: readonly { readonly event: SecurityEvent; readonly unit: number }[];
  readonly position: Position;
  /** Is there more behind it? */
  readonly more: boolean;
}

/** A stream as it is read for. */
export type ReadStream = Pick<Endpoint, 'id' | 'tenant'> & { readonly stream: StreamSettings };

/** Records that are read together, and those that are looked through for one page. */
const mostRecords = 200;
const longestLook = 2000;

export function scopeOf({ id, stream }: Pick<ReadStream, 'id' | 'stream'>): StreamScope {
  const { issuer, audience, requested } = stream;
  return { id, issuer, audience, delivered: new Set(deliveredUris(requested)) };
}

export class TokenReader {
  readonly #records: Records;
  readonly #feed: FeedReads;
  readonly #streams: Pick<StreamStore, 'removals'>;
  readonly #shown: Shown;

  constructor(records: Records, feed: FeedReads, streams: Pick<StreamStore, 'removals'>, shown: Shown) {
    this.#records = records;
    this.#feed = feed;
    this.#streams = streams;
    this.#shown = shown;
  }

  /** The tokens behind a position, about so many: one change makes three at most. */
  async read(stream: ReadStream, after: Position, limit: number): Promise<TokenPage> {
    const made: { event: SecurityEvent; unit: number }[] = [];
    let position = after;
    for (let looked = 0; looked < longestLook; ) {
      const first = position.unit === undefined ? position.sequence : position.sequence - 1;
      const wanted = Math.min(mostRecords, Math.max(1, limit - made.length));
      const found = await this.#records({ tenant: stream.tenant, after: first, limit: wanted + 1 });
      const records = found.slice(0, wanted);
      looked += records.length;
      const present = await this.#presentOf(stream, records);
      for (const record of records) {
        for (const each of this.#tokensOf(stream, record, present))
          if (record.sequence !== position.sequence || each.unit >= (position.unit ?? Infinity))
            made.push(each);
        position = { sequence: record.sequence };
      }
      const more = found.length > wanted;
      if (!more || made.length >= limit) return { made, position, more };
    }
    return { made, position, more: true };
  }

  /** All tokens of one record. */
  async all(stream: ReadStream, record: ChangeRecord): Promise<TokenPage['made']> {
    return this.#tokensOf(stream, record, await this.#presentOf(stream, [record]));
  }

  async #presentOf({ id, tenant }: ReadStream, records: readonly ChangeRecord[]): Promise<Present> {
    const ids = [...new Set(records.map((record) => record.id))];
    if (ids.length === 0) return { removals: [], documents: new Map() };
    const removals = await this.#streams.removals(id, ids);
    const documents = new Map<string, EventResource>();
    for (const [key, { resource, memberCount }] of await this.#feed.resources(tenant, ids))
      documents.set(key, documentOf(this.#shown, resource, memberCount));
    return { removals, documents };
  }

  #tokensOf(stream: ReadStream, record: ChangeRecord, { removals, documents }: Present): TokenPage['made'] {
    const { sequence } = record;
    const restored = record.notice && restoredToken(record, scopeOf(stream));
    if (restored !== undefined) {
      const { place: unit, claims } = restored;
      return [{ unit, event: { id: claims.jti, sequence, subject: stream.id, leaver: false, claims } }];
    }
    const uri = this.#shown.pathOf(record.type, record.id);
    // What is no resource, or of a type that is not configured any more, has no address.
    if (uri === undefined || removals.some((each) => isRemoved(record, each))) return [];
    const resource = { uri, document: documents.get(record.id) };
    return tokensOf(record, resource, scopeOf(stream)).map(({ place, claims }) => ({
      unit: place,
      event: {
        id: claims.jti,
        sequence,
        subject: record.id,
        leaver: isLeaver(record),
        claims,
      },
    }));
  }
}

interface Present {
  readonly removals: readonly Removal[];
  readonly documents: ReadonlyMap<string, EventResource>;
}

function isRemoved({ id, sequence }: ChangeRecord, { resource, since, until }: Removal): boolean {
  return resource === id && sequence > since && (until === null || sequence <= until);
}
