/** What endpoints are made with, and what is told of them. */
import type { Attempt } from '../../store/attempts.ts';
import type { Endpoint, StoredDelivery } from '../../store/outbox.ts';

/** What an endpoint answered, or why it did not. Only 2xx is success; a redirect is none, and is not followed. */
export interface Answer {
  readonly status?: number;
  /** Why there was no answer, in words. */
  readonly error?: string;
  /** The first bytes of the answer's body. */
  readonly body: string;
  readonly milliseconds: number;
  /** The receiver says that this message is none, and that it will not be one the next time. */
  readonly isRefused?: boolean;
  /** Milliseconds that the receiver asked to wait. */
  readonly retryAfter?: number | undefined;
  /** Seconds by which the receiver's clock is ahead of ours, from its Date field. */
  readonly clockDifference?: number | undefined;
}

export function succeeded({ status }: Answer): boolean {
  return status !== undefined && status >= 200 && status < 300;
}

export interface NewEndpoint {
  /** The number of the tenant. */
  readonly tenant: number;
  readonly url: string;
  /** Types of events, `user.*` for all of users; all without it. */
  readonly types?: readonly string[] | undefined;
  /** How many events one message may have; 1 without it. */
  readonly batch?: number | undefined;
  /** May it be at a private address, and without TLS? */
  readonly allowPrivate?: boolean | undefined;
  /** Is an ed25519 key to sign beside the secret? */
  readonly ed25519?: boolean | undefined;
  /** `now` without it, `oldest` for all that is kept, or a position. */
  readonly from?: string | undefined;
}

/** An endpoint without what its messages are signed with. */
export type ShownEndpoint = Omit<Endpoint, 'secrets' | 'signingKeys' | 'stream'>;

/** An endpoint with what a receiver verifies with: told when it is made and when it is rotated, and no more. */
export interface EndpointSecrets<Shown extends ShownEndpoint = ShownEndpoint> {
  readonly endpoint: Shown;
  readonly secret: string;
  readonly publicKey?: string;
}

/** What has come of an endpoint. */
export interface EndpointState<Shown extends ShownEndpoint = ShownEndpoint> {
  readonly endpoint: Shown;
  /** The last ones, newest first. */
  readonly attempts: readonly Attempt[];
  /** What waits to be sent again. */
  readonly waiting: readonly StoredDelivery[];
  /** How many changes there are behind its position. */
  readonly behind: number;
}

/** What `scimd webhook` does, for a tenant by its name. Throws an error that says what cannot be, and why. */
export interface Webhooks {
  create(endpoint: Omit<NewEndpoint, 'tenant'> & { readonly tenant?: string }): Promise<EndpointSecrets>;
  list(tenant?: string): Promise<readonly ShownEndpoint[]>;
  /** With its last attempts, newest first, and what waits to be sent again. */
  show(id: string): Promise<EndpointState>;
  /** Sends an `endpoint.test` now; what it answered. */
  test(id: string): Promise<Answer>;
  pause(id: string): Promise<ShownEndpoint>;
  /** Goes on where it was. */
  resume(id: string): Promise<ShownEndpoint>;
  /** A new secret; the old one is valid beside it until then, a day from now without it. */
  rotate(id: string, until?: Date): Promise<EndpointSecrets>;
  /** Sends events from one position to another once more; how many there are. */
  replay(id: string, from: string, to?: string): Promise<number>;
  delete(id: string): Promise<void>;
}
