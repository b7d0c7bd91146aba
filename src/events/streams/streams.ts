/** Streams of security event tokens as they are managed: by their receivers (Shared Signals Framework 1.0 §8), by command. */
import { randomUUID } from 'node:crypto';
import type { EndpointChange, StreamSettings } from '../../store/outbox.ts';
import type { Store } from '../../store/store.ts';
import { behindOf } from '../behind.ts';
import type { Shown } from '../shown.ts';
import { checkUrl } from '../webhook/address.ts';
import type { EndpointState } from '../webhook/management.ts';
import { streamUpdatedUri, verificationUri } from './event-uris.ts';
import {
  isStream,
  missing,
  type NewStream,
  type Stream,
  type StreamChange,
  type StreamDelivery,
  StreamError,
  type StreamStatus,
  statusOf,
} from './management.ts';
import { push } from './push.ts';
import { feedEvent, isOwn, issued, type SetClaims, streamEvent } from './security-events.ts';
import type { SigningKeys } from './signing-keys.ts';
import { scopeOf } from './token-reader.ts';

/** Streams of one tenant, and tokens about a stream that wait in it. */
const mostStreams = 50;
const mostWaiting = 100;

export class Streams {
  readonly #store: Pick<Store, 'feed' | 'outbox' | 'streams' | 'changes'>;
  readonly #keys: SigningKeys;
  readonly #shown: Shown;
  /** May tokens be pushed to private addresses, and without TLS? */
  readonly #allowPrivate: boolean;
  readonly #clock: () => Date;
  /** Told of a stream that has something new in it that is not in the change record. */
  readonly #listeners = new Set<(id: string) => void>();

  constructor(
    store: Pick<Store, 'feed' | 'outbox' | 'streams' | 'changes'>,
    keys: SigningKeys,
    {
      shown,
      allowPrivate,
      clock,
    }: { readonly shown: Shown; readonly allowPrivate: boolean; readonly clock: () => Date },
  ) {
    this.#store = store;
    this.#keys = keys;
    this.#shown = shown;
    this.#allowPrivate = allowPrivate;
    this.#clock = clock;
  }

  /** Answers what forgets the listener. */
  onToken(listener: (id: string) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** @throws StreamError, and AddressError where nothing may be sent to the URL. */
  async create(asked: NewStream): Promise<Stream> {
    const { tenant, receiver, issuer, audience, requested, description, delivery } = asked;
    const { outbox, feed } = this.#store;
    const url = this.#urlOf(delivery);
    if ((await this.list(tenant)).length >= mostStreams)
      throw new StreamError('full', `The tenant has ${mostStreams} streams already`);
    const { newest } = await feed.extent(tenant);
    // Before the first token is, so that whoever asks for the keys now gets it.
    await this.#keys.published();
    const stream: StreamSettings = {
      ...{ receiver, issuer, audience },
      ...(requested === undefined ? {} : { requested }),
      ...(description === undefined ? {} : { description }),
      ...authorizationIn(delivery),
    };
    const made = await outbox.createEndpoint({
      ...{ tenant, url, kind: delivery.kind, batch: 1, allowPrivate: this.#allowPrivate },
      ...{ secrets: [], signingKeys: [], position: String(newest), stream },
    });
    return { ...made, stream };
  }

  /** The streams of a tenant, or of all; those of one receiver only, if one is named. */
  async list(tenant?: number, receiver?: string): Promise<readonly Stream[]> {
    const endpoints = await this.#store.outbox.endpoints(tenant);
    return endpoints
      .filter(isStream)
      .filter(({ stream }) => receiver === undefined || stream.receiver === receiver);
  }

  /** @throws StreamError `missing`, also for those of other tenants and receivers. */
  async find(id: string, tenant?: number, receiver?: string): Promise<Stream> {
    const found = (await this.list(tenant, receiver)).find((each) => each.id === id);
    if (found === undefined) throw missing(id);
    return found;
  }

  /** With its last attempts, newest first, and what waits in it. @throws StreamError `missing` */
  async show(id: string, attempts = 20): Promise<EndpointState & { readonly endpoint: Stream }> {
    const endpoint = await this.find(id);
    const { outbox, feed } = this.#store;
    const { newest } = await feed.extent(endpoint.tenant);
    return {
      endpoint,
      attempts: await outbox.attempts(id, attempts),
      waiting: await outbox.deliveries(id),
      behind: await behindOf(this.#store, { tenant: endpoint.tenant, newest }, endpoint.position),
    };
  }

  /** @throws StreamError, AddressError */
  async reconfigure({ id, stream }: Stream, change: StreamChange): Promise<Stream> {
    const { receiver, issuer, audience, isDropped } = stream;
    const { requested, description, delivery } = change;
    return this.#change(id, {
      kind: delivery.kind,
      url: this.#urlOf(delivery),
      stream: {
        ...{ receiver, issuer, audience },
        ...(requested === undefined ? {} : { requested }),
        ...(description === undefined ? {} : { description }),
        ...authorizationIn(delivery),
        ...(isDropped === undefined ? {} : { isDropped }),
      },
    });
  }

  /**
   * The receiver's own wish. What happens while a stream is paused is held as long as changes are kept; while it is
   * disabled by its receiver, nothing is.
   */
  async setStatus(asked: Stream, status: StreamStatus, reason: string | undefined): Promise<Stream> {
    const { id, tenant, stream } = asked;
    const { isDropped, ...kept } = stream;
    const goesOnFromNow = status !== 'disabled' && isDropped === true;
    const { newest } = await this.#store.feed.extent(tenant);
    // What was handed out before and not acknowledged is not held either.
    if (goesOnFromNow) await this.#forgetChanges(asked);
    return this.#change(id, {
      state: status === 'enabled' ? 'active' : status,
      reason: reason ?? null,
      stream: status === 'disabled' ? { ...kept, isDropped: true } : kept,
      ...(goesOnFromNow ? { position: String(newest) } : {}),
    });
  }

  async #forgetChanges({ id }: Stream): Promise<void> {
    const isAbout = isOwn({ id });
    const waiting = await this.#store.outbox.deliveries(id);
    const ofChanges = waiting.flatMap((each) => (isAbout(each) ? [] : each.message));
    await this.#store.streams.acknowledge(id, ofChanges, [], []);
  }

  /** By the operator: the receiver is told before. @throws StreamError `missing` */
  async pause(id: string, reason = 'Paused by the operator'): Promise<Stream> {
    const stream = await this.find(id);
    if (stream.state === 'active') await this.#tellStatus(stream, 'paused', reason);
    return this.#change(id, { state: 'paused', reason });
  }

  /** By the operator: goes on where it was, and the receiver is told. @throws StreamError `missing` */
  async resume(id: string): Promise<Stream> {
    const before = await this.find(id);
    const { isDropped: _, ...stream } = before.stream;
    const resumed = await this.#change(id, { state: 'active', reason: null, stream });
    if (before.state !== 'active')
      await this.#put(resumed, (jti) =>
        streamEvent(scopeOf(resumed), jti, streamUpdatedUri, { status: 'enabled' }),
      );
    return resumed;
  }

  /** @throws StreamError `missing` */
  async delete(id: string): Promise<void> {
    await this.find(id);
    if (!(await this.#store.outbox.deleteEndpoint(id))) throw missing(id);
  }

  /** Sends a verification event, when the tokens before it are sent (SSF §8.1.4). @throws StreamError `full` */
  async verify(stream: Stream, state: string | undefined): Promise<void> {
    const payload = state === undefined ? {} : { state };
    await this.#put(stream, (jti) => streamEvent(scopeOf(stream), jti, verificationUri, payload));
  }

  /** What the stream had not got yet is not kept any more: the receiver is told, and should read all anew. */
  async tellGap(stream: Stream, from: number, to: number): Promise<void> {
    const reason = `Changes ${from} to ${to} are not kept any more and were not delivered: read all resources anew`;
    await this.#put(stream, (jti) =>
      streamEvent(scopeOf(stream), jti, streamUpdatedUri, { status: statusOf(stream), reason }),
    );
  }

  /**
   * Whether the stream gets the events of a resource, from now on (SSF §8.1.3). `path`: its URI, relative or
   * not, where it was named by one.
   * @throws StreamError `missing`, `full`
   */
  async setSubject(stream: Stream, resource: string, isRemoved: boolean, path?: string): Promise<void> {
    const found = (await this.#store.feed.resources(stream.tenant, [resource])).get(resource)?.resource;
    const uri = found === undefined ? undefined : this.#shown.pathOf(found.type, resource);
    if (uri === undefined || (path !== undefined && !`/${path}`.endsWith(uri)))
      throw new StreamError('missing', 'There is no such subject');
    const { newest } = await this.#store.feed.extent(stream.tenant);
    if (!(await this.#store.streams.setRemoved(stream.id, resource, isRemoved, newest))) return;
    await this.#put(stream, (jti) => feedEvent(scopeOf(stream), jti, uri, isRemoved));
  }

  /** Puts a token into the stream that is not of the change record. */
  async #put(stream: Stream, make: (jti: string) => SetClaims | undefined): Promise<void> {
    const { outbox, feed } = this.#store;
    const claims = make(randomUUID());
    if (claims === undefined) return;
    const waiting = await outbox.deliveries(stream.id);
    if (waiting.filter(isOwn(stream)).length >= mostWaiting)
      throw new StreamError('full', `${mostWaiting} tokens wait in the stream: take them first`);
    const { newest: sequence } = await feed.extent(stream.tenant);
    // Behind those of the same number.
    const place =
      Math.max(-1, ...waiting.filter((each) => each.sequence === sequence).map((each) => each.place)) + 1;
    const isThere = await outbox.enqueue(stream.id, [
      {
        message: claims.jti,
        ...{ sequence, place, subjects: [stream.id], leaver: false, tries: 0, next: 0 },
        body: JSON.stringify(issued(claims, this.#clock())),
      },
    ]);
    if (!isThere) throw missing(stream.id);
    for (const listener of this.#listeners) listener(stream.id);
  }

  /** A stream that is about to stop tells so itself: at once where it is pushed, and in the next answer to a poll. */
  async #tellStatus(stream: Stream, status: StreamStatus, reason: string): Promise<void> {
    const event = (jti: string): SetClaims =>
      streamEvent(scopeOf(stream), jti, streamUpdatedUri, { status, reason });
    if (stream.kind === 'poll') await this.#put(stream, event);
    // One that cannot be reached is paused as well.
    else await push(stream, await this.#keys.sign(event(randomUUID())), {});
  }

  #urlOf(delivery: StreamDelivery): string {
    return delivery.kind === 'poll' ? '' : checkUrl(delivery.url, this.#allowPrivate).href;
  }

  async #change(id: string, change: EndpointChange): Promise<Stream> {
    const changed = await this.#store.outbox.changeEndpoint(id, change);
    if (changed === undefined || !isStream(changed)) throw missing(id);
    return changed;
  }
}

function authorizationIn(delivery: StreamDelivery): { authorization?: string } {
  return delivery.kind === 'push' && delivery.authorization !== undefined
    ? { authorization: delivery.authorization }
    : {};
}
