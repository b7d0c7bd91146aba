/**
 * Requests and answers as the handlers see them: light objects that node:http and the WHATWG fetch form are both
 * adapted to. (Native Request and Response cost three times as much per request.)
 */

import type { Caller } from '../directory/caller.ts';
import type { RequestEnd } from '../store/work.ts';

export interface HttpRequest {
  readonly method: string;
  /** Path as sent, percent-encoded, without the query. */
  readonly path: string;
  /** What follows the first `?`, percent-encoded; empty if there is none. */
  readonly search: string;
  /** A header field by its lower-cased name; repeated fields are joined as HTTP says. */
  header(name: string): string | undefined;
  /** The peer's address, if known. */
  readonly remoteAddress: string | undefined;
  readonly secure: boolean;
  /** Tells when nobody waits for the answer any more; absent where that cannot be known. */
  readonly end?: RequestEnd;
  /** The whole body as sent. Rejects with 413 as soon as it is larger than `limit` bytes. */
  body(limit: number): Promise<Uint8Array>;
  /** As `end`, and when the server begins to stop: for what only waits for something to happen. Absent: as `end`. */
  readonly waits?: RequestEnd;
}

/** A body that is read as it is sent. */
export interface BodyPieces extends AsyncIterable<string> {
  /** Whoever was given it calls this when he reads no more, or never began to: it lets go of what it is read from. */
  close(): void;
}

export interface HttpResponse {
  readonly status: number;
  /** Alternating names and values, as node:http takes them. */
  readonly headers: readonly string[];
  /** A text, or pieces of one that are sent as they come. */
  readonly body?: string | BodyPieces | undefined;
  /** The id of the only resource, one without members, of which it tells; undefined where it may tell of others. */
  readonly about?: string | undefined;
}

/**
 * An answer that waits to be sent. A class, since V8 makes literals of which many wait at once in the part of its heap that
 * is collected rarely, and keeps their texts with them: shown by the workload `list` of npm run bench.
 */
export class Answer implements HttpResponse {
  readonly status: number;
  /** Headers of its own, and those that all answers of the same place have: one array for all of them. */
  readonly own: readonly string[];
  readonly shared: readonly string[];
  readonly body: string | BodyPieces | undefined;
  readonly about: string | undefined;

  constructor(
    status: number,
    own: readonly string[],
    shared: readonly string[],
    body: string | BodyPieces | undefined,
  ) {
    this.status = status;
    this.own = own;
    this.shared = shared;
    this.body = body;
    this.about = undefined;
  }

  get headers(): readonly string[] {
    return [...this.own, ...this.shared];
  }
}

/** The answer is not sent, or not to its end. */
export function discard({ body }: HttpResponse): void {
  if (typeof body === 'object') body.close();
}

/** What a handler of an authenticated request gets; `base` is the absolute base of this request's URLs. */
export interface Exchange extends Caller {
  readonly request: HttpRequest;
  readonly query: QueryParameters;
  /** The request's JSON body. */
  readonly body: () => Promise<unknown>;
}

/** What a handler gets of a request that needs no authentication. */
export type OpenExchange = Omit<Exchange, 'principal' | 'tolerated'>;

/** Query parameters by name; each stands once. */
export type QueryParameters = ReadonlyMap<string, string>;
