/** What streams are made with, and what is told of them. */
import type { Endpoint, StreamSettings } from '../../store/outbox.ts';

/** What is asked of a stream cannot be; the message says why, and what can. */
export class StreamError extends Error {
  override readonly name = 'StreamError';
  readonly code: 'missing' | 'full';

  constructor(code: StreamError['code'], message: string) {
    super(message);
    this.code = code;
  }
}

export type Stream = Endpoint & { readonly stream: StreamSettings };

/** As Shared Signals Framework names it. */
export type StreamStatus = 'enabled' | 'paused' | 'disabled';

/** How tokens get to the receiver: `url` is where they are pushed to. */
export type StreamDelivery =
  | { readonly kind: 'poll' }
  | { readonly kind: 'push'; readonly url: string; readonly authorization?: string };

export interface NewStream {
  /** The number of the tenant. */
  readonly tenant: number;
  readonly receiver: string;
  readonly issuer: string;
  readonly audience: string;
  readonly requested?: readonly string[];
  readonly description?: string;
  readonly delivery: StreamDelivery;
}

/** What a receiver can change; undefined clears what need not be. */
export interface StreamChange {
  readonly requested: readonly string[] | undefined;
  readonly description: string | undefined;
  readonly delivery: StreamDelivery;
}

export function isStream(endpoint: Endpoint): endpoint is Stream {
  return endpoint.stream !== undefined;
}

export function statusOf({ state }: Endpoint): StreamStatus {
  return state === 'active' ? 'enabled' : state;
}

export function missing(id: string): StreamError {
  return new StreamError('missing', `There is no stream ${id}`);
}
