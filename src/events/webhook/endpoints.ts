/** Endpoints as they are managed: by command, and by who embeds the server. */
import { setTimeout as wait } from 'node:timers/promises';
import type { Endpoint } from '../../store/outbox.ts';
import type { Store } from '../../store/store.ts';
import { behindOf } from '../behind.ts';
import { eventPatterns } from '../catalogue.ts';
import type { EndpointTest } from '../event.ts';
import { eventId } from '../events-of.ts';
import { type Position, parsePosition, positionText } from '../position.ts';
import type { EventReader } from '../reader.ts';
import type { Shown } from '../shown.ts';
import { checkUrl } from './address.ts';
import type { Answer, EndpointSecrets, EndpointState, NewEndpoint } from './management.ts';
import {
  type Carried,
  carriedEvent,
  type Message,
  messageOf,
  replayOf,
  sentId,
  wantedBy,
} from './message.ts';
import type { SendOptions } from './send.ts';
import { newWebhookKey, newWebhookSecret, publicKeyOf } from './signature.ts';
import { sendSigned } from './signed-message.ts';

/** What is asked of an endpoint cannot be; the message says why, and what can. */
export class EndpointError extends Error {
  override readonly name = 'EndpointError';
  readonly code: 'invalid' | 'missing';

  constructor(code: EndpointError['code'], message: string) {
    super(message);
    this.code = code;
  }
}

const mostBatch = 500;
/** Endpoints of one tenant. */
const mostEndpoints = 50;
/** Milliseconds within which whoever delivers sees that an endpoint is another one: it looks twice. */
const seenWithin = 500;
/** So many events are sent again by one call. */
const mostReplayed = 10_000;

export class Endpoints {
  readonly #store: Pick<Store, 'feed' | 'outbox' | 'changes'>;
  readonly #reader: EventReader;
  readonly #clock: () => Date;
  readonly #urlOf: Shown['urlOf'];

  constructor(
    store: Pick<Store, 'feed' | 'outbox' | 'changes'>,
    reader: EventReader,
    clock: () => Date,
    urlOf: Shown['urlOf'],
  ) {
    this.#store = store;
    this.#reader = reader;
    this.#clock = clock;
    this.#urlOf = urlOf;
  }

  /** @throws EndpointError, and AddressError where nothing may be sent to the URL. */
  async create(asked: NewEndpoint): Promise<EndpointSecrets<Endpoint>> {
    const { tenant, url, types, batch = 1, allowPrivate = false, ed25519 = false, from = 'now' } = asked;
    const { outbox, feed } = this.#store;
    checkTypes(types);
    if (!Number.isInteger(batch) || batch < 1 || batch > mostBatch)
      throw new EndpointError('invalid', `A message can have 1 to ${mostBatch} events, not ${batch}`);
    const normal = checkUrl(url, allowPrivate).href;
    const others = await this.list(tenant);
    if (others.length >= mostEndpoints)
      throw new EndpointError('invalid', `The tenant has ${mostEndpoints} endpoints already`);
    const position = await this.#positionIn(tenant, from, await feed.extent(tenant));
    const secret = newWebhookSecret();
    const key = ed25519 ? newWebhookKey() : undefined;
    const endpoint = await outbox.createEndpoint({
      tenant,
      url: normal,
      ...(types === undefined ? {} : { types }),
      batch,
      allowPrivate,
      secrets: [{ secret }],
      signingKeys: key === undefined ? [] : [key.privateKey],
      position: positionText(position),
    });
    return { endpoint, secret, ...(key === undefined ? {} : { publicKey: key.publicKey }) };
  }

  async list(tenant?: number): Promise<readonly Endpoint[]> {
    return (await this.#store.outbox.endpoints(tenant)).filter(({ kind }) => kind === 'webhook');
  }

  /** With its last attempts, newest first, and what waits to be sent again. @throws EndpointError `missing` */
  async show(id: string, attempts = 20): Promise<EndpointState<Endpoint>> {
    const endpoint = await this.#find(id);
    const { outbox, feed } = this.#store;
    const { newest } = await feed.extent(endpoint.tenant);
    return {
      endpoint,
      attempts: await outbox.attempts(id, attempts),
      waiting: (await outbox.deliveries(id)).map((each) => ({ ...each, message: sentId(each.message) })),
      behind: await behindOf(this.#store, { tenant: endpoint.tenant, newest }, endpoint.position),
    };
  }

  /** From then on nothing is begun to be sent. @throws EndpointError `missing` */
  async pause(id: string): Promise<Endpoint> {
    const { state } = await this.#find(id);
    const paused = await this.#change(id, { state: 'paused' });
    if (state === 'active') await wait(seenWithin);
    return paused;
  }

  /** Goes on where it was, if it was paused or disabled. @throws EndpointError `missing` */
  async resume(id: string): Promise<Endpoint> {
    return this.#change(id, { state: 'active' });
  }

  /** A new secret; the old one signs beside it until then. @throws EndpointError `missing` */
  async rotate(id: string, until: Date): Promise<EndpointSecrets<Endpoint>> {
    const { secrets, signingKeys } = await this.#find(id);
    const secret = newWebhookSecret();
    // Two are valid at a time, so one that was replaced before ends now.
    const old = secrets.find((each) => each.until === undefined);
    const endpoint = await this.#change(id, {
      secrets: [
        { secret },
        ...(old === undefined ? [] : [{ secret: old.secret, until: until.toISOString() }]),
      ],
    });
    const [key] = signingKeys;
    return { endpoint, secret, ...(key === undefined ? {} : { publicKey: publicKeyOf(key) }) };
  }

  /** From then on nothing is begun to be sent. @throws EndpointError `missing` */
  async delete(id: string): Promise<void> {
    const { state } = await this.#find(id);
    if (!(await this.#store.outbox.deleteEndpoint(id))) throw missing(id);
    if (state === 'active') await wait(seenWithin);
  }

  /**
   * Sends events from one position to another once more, whatever became of them; answers how many.
   * @throws EndpointError
   */
  async replay(id: string, from: string, to?: string): Promise<number> {
    const endpoint = await this.#find(id);
    const extent = await this.#store.feed.extent(endpoint.tenant);
    if (extent.newest < extent.oldest) throw new EndpointError('invalid', 'There is no event yet');
    // Both are events, and not what is before them.
    const at = async (text: string): Promise<number> =>
      Math.max((await this.#positionIn(endpoint.tenant, text, extent)).sequence, extent.oldest);
    const first = await at(from);
    const last = to === undefined ? first : await at(to);
    if (last < first)
      throw new EndpointError('invalid', `${to} is before ${from}: there is nothing from one to the other`);
    const carried: Carried[] = [];
    const tenant = { number: endpoint.tenant, name: endpoint.tenantName };
    let position: Position = { sequence: first - 1 };
    for (let more = true; more && position.sequence < last; ) {
      const page = await this.#reader.read(tenant, position, { limit: 500, wants: wantedBy(endpoint) });
      for (const made of page.made)
        if (made.event.sequence <= last) carried.push(carriedEvent(made, this.#urlOf));
      ({ position, more } = page);
      if (carried.length > mostReplayed)
        throw new EndpointError(
          'invalid',
          `More than ${mostReplayed} events are from ${from} to ${to}: replay them in parts`,
        );
    }
    const stored = inBatches(carried, endpoint.batch).map(
      ({ id: message, sequence, place, subjects, leaver, body = '' }) => ({
        ...{ message: replayOf(message), sequence, place, subjects, leaver, body },
        ...{ tries: 0, next: 0 },
      }),
    );
    if (!(await this.#store.outbox.enqueue(id, stored))) throw missing(id);
    return carried.length;
  }

  /** Sends an `endpoint.test` at once, and tells what it answered. @throws EndpointError `missing` */
  async test(id: string, sending: Pick<SendOptions, 'authorities'> = {}): Promise<Answer> {
    const endpoint = await this.#find(id);
    const { url, tenant, tenantName } = endpoint;
    const now = this.#clock();
    const { newest } = await this.#store.feed.extent(tenant);
    const timestamp = now.toISOString();
    const event: EndpointTest = {
      id: eventId([tenantName, id, timestamp, 'endpoint.test']),
      type: 'endpoint.test',
      sequence: newest,
      position: String(newest),
      timestamp,
      tenant: tenantName,
      actor: { kind: 'system' },
      endpoint: { id, url },
    };
    return sendSigned(endpoint, event.id, JSON.stringify(event), now, sending);
  }

  async #positionIn(tenant: number, text: string, extent: Extent): Promise<Position> {
    const position = positionIn(text, extent);
    const gap = await this.#reader.gapAt(tenant, position, extent.newest);
    if (gap === undefined) return position;
    throw new EndpointError(
      'invalid',
      `${text} is no position: the database was restored, and there is nothing between ${gap.kept} and ${gap.next}`,
    );
  }

  async #find(id: string): Promise<Endpoint> {
    const found = (await this.list()).find((each) => each.id === id);
    if (found === undefined) throw missing(id);
    return found;
  }

  async #change(id: string, change: Parameters<Store['outbox']['changeEndpoint']>[1]): Promise<Endpoint> {
    await this.#find(id);
    const changed = await this.#store.outbox.changeEndpoint(id, change);
    if (changed === undefined) throw missing(id);
    return changed;
  }
}

/** Messages of so many each: the same for the same events. */
function inBatches(carried: readonly Carried[], batch: number): Message[] {
  const messages: Message[] = [];
  for (let at = 0; at < carried.length; at += batch) {
    const [first, ...rest] = carried.slice(at, at + batch);
    if (first !== undefined) messages.push(messageOf([first, ...rest], batch > 1));
  }
  return messages;
}

function missing(id: string): EndpointError {
  return new EndpointError('missing', `There is no endpoint ${id}`);
}

function checkTypes(types: readonly string[] | undefined): void {
  if (types !== undefined && (!Array.isArray(types) || types.length === 0))
    throw new EndpointError('invalid', 'types must be a list of events, or absent for all');
  const unknown = types?.find((type) => !eventPatterns.includes(type));
  if (unknown !== undefined)
    throw new EndpointError(
      'invalid',
      `${JSON.stringify(unknown)} is none of the events: ${eventPatterns.join(', ')}`,
    );
}

interface Extent {
  readonly oldest: number;
  readonly newest: number;
}

function positionIn(text: string, { oldest, newest }: Extent): Position {
  if (text === 'now') return { sequence: newest };
  if (text === 'oldest') return { sequence: oldest - 1 };
  const position = parsePosition(text);
  if (position === undefined || position.sequence > newest || position.sequence < oldest - 1)
    throw new EndpointError(
      'invalid',
      `${JSON.stringify(text)} is no position: those from ${oldest - 1} to ${newest} are kept; or now, or oldest`,
    );
  return position;
}
