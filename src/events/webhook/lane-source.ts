/** What an endpoint gets, read from the change record: events as messages of webhooks, or security event tokens. */
import type { Endpoint } from '../../store/outbox.ts';
import type { ChangeRecord } from '../change-record.ts';
import type { Position } from '../position.ts';
import type { EventReader } from '../reader.ts';
import type { TokenReader } from '../streams/token-reader.ts';
import { type Carried, carriedEvent, carriedToken, wantedBy } from './message.ts';
import type { SharedPages } from './shared-pages.ts';

export interface LaneSource {
  /** About so many behind a position. */
  read(
    after: Position,
    limit: number,
  ): Promise<{ readonly carried: readonly Carried[]; readonly position: Position; readonly more: boolean }>;
  /** All of one record. */
  all(record: ChangeRecord): Promise<readonly Carried[]>;
}

export interface SourceTools {
  readonly reader: EventReader;
  /** The same events, read together with other endpoints. */
  readonly pages: SharedPages;
  readonly tokens: TokenReader;
  /** Where a resource can be read; undefined where no address is known. */
  readonly urlOf: (type: string, id: string) => string | undefined;
  readonly clock: () => Date;
}

export function sourceOf(
  endpoint: Endpoint,
  { reader, pages, tokens, urlOf, clock }: SourceTools,
): LaneSource {
  const { stream } = endpoint;
  if (stream !== undefined) {
    const read = { ...endpoint, stream };
    return {
      async read(after, limit) {
        const { made, ...page } = await tokens.read(read, after, limit);
        return { ...page, carried: made.map((each) => carriedToken(each, clock)) };
      },
      all: async (record) => (await tokens.all(read, record)).map((each) => carriedToken(each, clock)),
    };
  }
  const tenant = { number: endpoint.tenant, name: endpoint.tenantName };
  const wants = wantedBy(endpoint);
  return {
    async read(after) {
      const { made, ...page } = await pages.read(tenant, after);
      const wanted = made.filter(({ event }) => wants(event));
      return { ...page, carried: wanted.map((each) => carriedEvent(each, urlOf)) };
    },
    async all(record) {
      const made = await reader.all(tenant, record);
      return made.filter(({ event }) => wants(event)).map((each) => carriedEvent(each, urlOf));
    },
  };
}
