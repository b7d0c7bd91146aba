/** What is asked of the feed, and its answer as text, as they go from thread to thread. */
import type { Position } from './position.ts';
import type { TenantName } from './reader.ts';

/** Which events are asked for. */
export interface EventFilter {
  /** Types of events, `user.*` for all of users; absent: all. */
  readonly types?: readonly string[] | undefined;
  /** A resource type, and the id of one resource. */
  readonly resource?: readonly [type: string, id?: string] | undefined;
}

/** A page as the text that is sent. */
export interface PageText {
  readonly position: Position;
  readonly more: boolean;
  /** How many events. */
  readonly count: number;
  readonly json: string;
}

export interface PageAsked {
  readonly tenant: TenantName;
  readonly after: Position;
  readonly limit: number;
  readonly filter: EventFilter;
}

/** Makes pages elsewhere. Undefined where that cannot be done: nobody is there, or they have another base of URLs. */
export type PagesElsewhere = (
  asked: PageAsked,
  baseUrl: string | undefined,
) => Promise<PageText | undefined> | undefined;
