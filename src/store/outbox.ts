/** What is stored of delivery: consumers of the feed, webhook endpoints, and messages that failed. */
import type { Attempt, AttemptBatch } from './attempts.ts';
import type { Awaitable } from './stored-resource.ts';

/** An application that follows the feed under a name. */
export interface Consumer {
  readonly name: string;
  /** Behind what it said to have handled. */
  readonly position: string;
  /** When it said so. */
  readonly acknowledged: string;
  readonly created: string;
}

/** What a stream is beside an endpoint (Shared Signals Framework 1.0 §8.1.1). */
export interface StreamSettings {
  /** The receiver that it belongs to, by the token that made it. */
  readonly receiver: string;
  /** `iss` and `aud` of its tokens. */
  readonly issuer: string;
  readonly audience: string;
  /** Event URIs; absent: those that are usual. */
  readonly requested?: readonly string[];
  readonly description?: string;
  /** Is sent as the Authorization field of each push. */
  readonly authorization?: string;
  /** The receiver has disabled it: nothing is held for it meanwhile. */
  readonly isDropped?: true;
}

/** `until`: an old secret, which signs beside the new one until then. */
export interface WebhookSecret {
  readonly secret: string;
  readonly until?: string;
}

export interface Endpoint {
  readonly id: string;
  /** `push`, `poll`: a stream of security event tokens; to the last one nothing is sent, and its `url` is empty. */
  readonly kind: 'webhook' | 'push' | 'poll';
  readonly tenant: number;
  readonly tenantName: string;
  readonly url: string;
  /** Types of events, `user.*` for all of users; absent: all. */
  readonly types?: readonly string[];
  /** How many events one message may have. */
  readonly batch: number;
  /** May it be at a private address, and without TLS? */
  readonly allowPrivate: boolean;
  readonly secrets: readonly WebhookSecret[];
  /** Ed25519 keys that sign beside the secrets. */
  readonly signingKeys: readonly string[];
  readonly state: 'active' | 'paused' | 'disabled';
  /** Why it is disabled. */
  readonly reason?: string;
  readonly created: string;
  readonly position: string;
  /** Since when there has been nothing but failures. */
  readonly failingSince?: string;
  /** Of a stream. */
  readonly stream?: StreamSettings;
}

export type EndpointChange = Partial<
  Pick<Endpoint, 'kind' | 'url' | 'types' | 'batch' | 'secrets' | 'signingKeys' | 'position' | 'stream'>
> & { readonly state?: Endpoint['state']; readonly reason?: string | null };

/** A message that is tried again, or waits behind such a one. */
export interface StoredDelivery {
  readonly message: string;
  readonly sequence: number;
  /** The order among messages of one sequence number. */
  readonly place: number;
  readonly subjects: readonly string[];
  readonly leaver: boolean;
  readonly tries: number;
  /** Milliseconds since 1970. */
  readonly next: number;
}

/** What happened at one endpoint since it was stored the last time; all of it or nothing. */
export interface Progress {
  readonly endpoint: string;
  readonly position?: string;
  readonly put: readonly (StoredDelivery & { readonly body: string })[];
  readonly retried: readonly Pick<StoredDelivery, 'message' | 'tries' | 'next'>[];
  readonly removed: readonly string[];
  readonly attempts: readonly AttemptBatch[];
  readonly failingSince?: string | null;
  readonly state?: Endpoint['state'];
  readonly reason?: string;
}

/** An application said that it has handled a change. */
export interface Confirmation {
  readonly sequence: number;
  readonly kind: 'consumer' | 'endpoint';
  /** Of a consumer its name, of an endpoint its id. */
  readonly key: string;
  /** Of an endpoint its URL. */
  readonly name: string;
  /** RFC 3339 in UTC. */
  readonly at: string;
}

export interface Outbox {
  /**
   * When applications first said that they have handled each of these changes: consumers of the feed of every change,
   * endpoints of webhooks of those that end somebody's access.
   */
  confirmations(tenant: number, sequences: readonly number[]): Awaitable<readonly Confirmation[]>;
  consumers(tenant: number): Awaitable<readonly Consumer[]>;
  /** Undefined if the consumer is further already: it does not go back. */
  acknowledge(
    tenant: number,
    name: string,
    position: string,
    isBehind: (known: string) => boolean,
  ): Promise<Consumer | undefined>;
  forgetConsumer(tenant: number, name: string): Promise<boolean>;

  endpoints(tenant?: number): Awaitable<readonly Endpoint[]>;
  createEndpoint(
    endpoint: Pick<
      Endpoint,
      | 'tenant'
      | 'url'
      | 'types'
      | 'batch'
      | 'allowPrivate'
      | 'secrets'
      | 'signingKeys'
      | 'position'
      | 'stream'
    > & { readonly kind?: Endpoint['kind'] },
  ): Promise<Endpoint>;
  /** Undefined if there is none. */
  changeEndpoint(id: string, change: EndpointChange): Promise<Endpoint | undefined>;
  deleteEndpoint(id: string): Promise<boolean>;
  /** The newest first. */
  attempts(endpoint: string, limit: number): Awaitable<readonly Attempt[]>;
  /** Messages to be sent once more, whatever became of them. False if there is no such endpoint. */
  enqueue(
    endpoint: string,
    messages: readonly (StoredDelivery & { readonly body: string })[],
  ): Promise<boolean>;

  /**
   * The endpoints that this server delivers to until `until`, in milliseconds since 1970: those that it had, and those
   * that nobody has at `now`.
   */
  lease(owner: string, now: number, until: number): Promise<readonly Endpoint[]>;
  /**
   * Ids and secrets of those that it has or nobody has, as a text to be compared: what it says is asked for often, and the
   * rest of what an endpoint is like with each lease.
   */
  leasable(owner: string): Awaitable<string>;
  /** Who has any, or had when they died. */
  owners(): Awaitable<readonly string[]>;
  /** Gives them back. */
  release(owner: string): Promise<void>;
  deliveries(endpoint: string): Awaitable<readonly StoredDelivery[]>;
  /** What is sent again; undefined if it is gone. */
  deliveryBody(endpoint: string, message: string): Awaitable<string | undefined>;
  /**
   * False where there is to be no more: the endpoint is another server's meanwhile, or gone, and nothing was stored; or it
   * is not active any more, and what was delivered until then was stored.
   */
  progress(owner: string, progress: readonly Progress[]): Promise<readonly boolean[]>;
  /** Records a notice for each endpoint that was disabled since it was active; answers how many. */
  noteDisabled(): Promise<number>;
}
