/**
 * Requests and answers as the handlers see them: light objects that node:http and the WHATWG fetch form are both
 * adapted to. (Native Request and Response cost three times as much per request.)
 */
import type { Tolerated } from '../scim/tolerances.ts';
import type { Actor, Scope } from '../store/store.ts';
import type { Write } from './write-order.ts';

export interface HttpRequest {
  readonly method: string;
  /** Path as sent, percent-encoded, without the query. */
  readonly path: string;
  /** What follows the first `?`, percent-encoded; empty if there is none. */
  readonly search: string;
  /** A header field by its lower-cased name; repeated fields are joined as HTTP says. */
  readonly header: (name: string) => string | undefined;
  /** The peer's address, if known. */
  readonly remoteAddress: string | undefined;
  readonly secure: boolean;
  /** The whole body as sent. Rejects with 413 as soon as it is larger than `limit` bytes. */
  readonly body: (limit: number) => Promise<Uint8Array>;
}

export interface HttpResponse {
  readonly status: number;
  /** Alternating names and values, as node:http takes them. */
  readonly headers: readonly string[];
  /** A text, or pieces of one that are sent as they come. */
  readonly body?: string | AsyncIterable<string>;
}

/** Who asks: what the token says. */
export interface Principal {
  readonly tenant: number;
  readonly scope: Scope;
  readonly actor: Actor;
  /** The id of the user that /Me stands for. */
  readonly subject: string | undefined;
}

/** What a handler of an authenticated request gets. */
export interface Exchange {
  readonly request: HttpRequest;
  readonly query: QueryParameters;
  readonly principal: Principal;
  readonly tolerated: Tolerated;
  /** Absolute base of this request's URLs: `https://id.example.com/scim/v2`. */
  readonly base: string;
  /** The request's JSON body. */
  readonly body: () => Promise<unknown>;
  /** For one of several requests that run together: keeps their writes in order. */
  readonly write?: Write;
}

/** Query parameters by name; each stands once. */
export type QueryParameters = ReadonlyMap<string, string>;
