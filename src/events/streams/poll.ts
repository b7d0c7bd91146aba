/** Poll-based delivery (RFC 8936): what a receiver takes and acknowledges. Tokens are signed when they are handed out. */
import { attemptBatches } from '../../store/attempts.ts';
import type { StoredDelivery } from '../../store/outbox.ts';
import type { Store } from '../../store/store.ts';
import type { RequestEnd } from '../../store/work.ts';
import type { Hub } from '../hub.ts';
import { type Position, parsePosition, positionBefore, positionText, start } from '../position.ts';
import { streamUpdatedUri } from './event-uris.ts';
import { missing, type Stream } from './management.ts';
import { isOwn, issued, type SetClaims, sequenceOf } from './security-events.ts';
import type { SigningKeys } from './signing-keys.ts';
import type { Streams } from './streams.ts';
import type { TokenPage, TokenReader } from './token-reader.ts';

export interface PollRequest {
  /** Most tokens in the answer; undefined: as many as the transmitter likes. */
  readonly maxEvents: number | undefined;
  readonly returnImmediately: boolean;
  /** `jti` of tokens that the receiver has. */
  readonly ack: readonly string[];
  /** By `jti`: tokens that the receiver cannot take, and why. They do not come again. */
  readonly setErrs: ReadonlyMap<string, { readonly err: string; readonly description: string }>;
}

export interface PollAnswer {
  /** Signed tokens by `jti`. */
  readonly sets: Readonly<Record<string, string>>;
  /** Left out where there are none: some receivers read every member as an object of tokens. */
  readonly moreAvailable?: true;
}

/** Tokens in one answer, and milliseconds that a long poll waits. */
const mostTokens = 100;
const longestWait = 30_000;
/** Tokens of the change record that are looked at together. */
const windowSize = 1000;
/** Milliseconds between looks for what another server put into the stream. */
const lookEvery = 5000;

interface Ready {
  readonly claims: readonly SetClaims[];
  readonly more: boolean;
  /** Nothing was found in the changes that were read, and there are others. */
  readonly goesOn: boolean;
  /** Up to where changes are read: there is nothing new before the next one. */
  readonly sequence: number;
}

export class Polls {
  readonly #store: Pick<Store, 'outbox' | 'streams' | 'durable' | 'feed'>;
  readonly #streams: Streams;
  readonly #reader: TokenReader;
  readonly #keys: SigningKeys;
  readonly #hub: Hub;
  readonly #clock: () => Date;

  constructor(
    store: Pick<Store, 'outbox' | 'streams' | 'durable' | 'feed'>,
    { streams, reader, keys, hub, clock }: PollTools,
  ) {
    this.#store = store;
    this.#streams = streams;
    this.#reader = reader;
    this.#keys = keys;
    this.#hub = hub;
    this.#clock = clock;
  }

  /** Answers at once, or when there is a token, or after half a minute. @throws TooManyWaiting */
  async poll(stream: Stream, asked: PollRequest, end: RequestEnd | undefined): Promise<PollAnswer> {
    const { ack, setErrs, maxEvents = mostTokens, returnImmediately } = asked;
    if (ack.length + setErrs.size > 0) await this.#acknowledge(stream, asked);
    const most = Math.min(maxEvents, mostTokens);
    const started = performance.now();
    for (;;) {
      const current = await this.#withoutGap(await this.#streams.find(stream.id, stream.tenant));
      const { claims, more, goesOn, sequence } = await this.#ready(current, most);
      if (goesOn && end?.isEnded !== true) continue;
      const left = longestWait - (performance.now() - started);
      if (claims.length > 0 || more || returnImmediately || left <= 0 || end?.isEnded === true) {
        // Nobody learns of what is not on the disk.
        await this.#store.durable();
        const sets: Record<string, string> = {};
        for (const each of claims) sets[each.jti] = await this.#keys.sign(each);
        return more ? { sets, moreAvailable: more } : { sets };
      }
      await this.#wait(stream, sequence, Math.min(left, lookEvery), end);
    }
  }

  /** A stream that was not polled for longer than changes are kept goes on behind what is gone, and its receiver is told. */
  async #withoutGap(stream: Stream): Promise<Stream> {
    const { oldest } = await this.#store.feed.extent(stream.tenant);
    const next = (parsePosition(stream.position) ?? start).sequence + 1;
    if (next >= oldest || stream.state !== 'active') return stream;
    await this.#streams.tellGap(stream, next, oldest - 1);
    const position = String(oldest - 1);
    await this.#store.streams.advance(stream.id, stream.position, position, []);
    return { ...stream, position };
  }

  /** Until there is a change, or a token about the stream. */
  async #wait(
    { id, tenant }: Stream,
    sequence: number,
    milliseconds: number,
    end: RequestEnd | undefined,
  ): Promise<void> {
    let wake: (() => void) | undefined;
    const forgetToken = this.#streams.onToken((of) => {
      if (of === id) wake?.();
    });
    try {
      await this.#hub.wait(tenant, sequence, milliseconds, {
        get isEnded() {
          return end?.isEnded === true;
        },
        onEnd(listener) {
          wake = listener;
          const forgetEnd = end?.onEnd(listener);
          return () => {
            wake = undefined;
            forgetEnd?.();
          };
        },
      });
    } finally {
      forgetToken();
    }
  }

  /**
   * What is not acknowledged yet: what was handed out before, then what follows in the change record. That is kept from
   * now on as it is, so that it is the same token when it comes again, whatever becomes of its resource (RFC 8936 §2.4).
   */
  async #ready(stream: Stream, most: number): Promise<Ready> {
    const { outbox, streams } = this.#store;
    const waiting = await outbox.deliveries(stream.id);
    if (stream.state !== 'active') {
      // A stream that stopped says why, and nothing else.
      const own = await this.#claimsOf(stream, waiting.filter(isOwn(stream)));
      const told = own.filter(({ events }) => streamUpdatedUri in events);
      return { claims: told.slice(0, most), more: told.length > most, goesOn: false, sequence: Infinity };
    }
    const acknowledged = new Set(await streams.acknowledged(stream.id));
    const before = parsePosition(stream.position) ?? start;
    const again = waiting.slice(0, most);
    const limit = Math.min(windowSize, most + 1 + acknowledged.size);
    const { made, position, more } = await this.#reader.read(stream, before, limit);
    const known = new Set([...acknowledged, ...waiting.map(({ message }) => message)]);
    const open = made.filter(({ event }) => !known.has(event.id));
    const fresh = await this.#keep(stream, open.slice(0, most - again.length));
    const next = open[fresh.length];
    const reached = next === undefined ? position : positionBefore(next.event.sequence, next.unit);
    await this.#advance(stream, reached, made, acknowledged);
    const left = waiting.length - again.length + open.length - fresh.length;
    const isNone = waiting.length + open.length === 0;
    return {
      claims: [...(await this.#claimsOf(stream, again)), ...fresh],
      more: left > 0 || (more && !isNone),
      goesOn: more && isNone,
      sequence: position.sequence,
    };
  }

  async #claimsOf({ id }: Stream, waiting: readonly StoredDelivery[]): Promise<SetClaims[]> {
    const claims: SetClaims[] = [];
    for (const { message } of waiting) {
      const body = await this.#store.outbox.deliveryBody(id, message);
      if (body !== undefined) claims.push(JSON.parse(body));
    }
    return claims;
  }

  /** Puts tokens of the change record into the stream, where they wait until they are acknowledged. */
  async #keep({ id }: Stream, open: TokenPage['made']): Promise<SetClaims[]> {
    if (open.length === 0) return [];
    const now = this.#clock();
    const made = open.map(({ event, unit }) => ({ event, unit, claims: issued(event.claims, now) }));
    const isThere = await this.#store.outbox.enqueue(
      id,
      made.map(({ event: { id: message, sequence, subject, leaver }, unit, claims }) => ({
        ...{ message, sequence, place: unit, subjects: [subject], leaver, tries: 0, next: 0 },
        body: JSON.stringify(claims),
      })),
    );
    if (!isThere) throw missing(id);
    return made.map(({ claims }) => claims);
  }

  /** All before it is acknowledged, is kept, or was never for this stream. */
  async #advance(
    { id, position }: Stream,
    reached: Position,
    made: TokenPage['made'],
    acknowledged: ReadonlySet<string>,
  ): Promise<void> {
    const to = positionText(reached);
    if (to === position) return;
    const passed = made.flatMap(({ event, unit }) => {
      const isPassed =
        event.sequence < reached.sequence ||
        (event.sequence === reached.sequence && unit < (reached.unit ?? Infinity));
      return isPassed && acknowledged.has(event.id) ? [event.id] : [];
    });
    await this.#store.streams.advance(id, position, to, passed);
  }

  async #acknowledge({ id, tenant, position }: Stream, { ack, setErrs }: PollRequest): Promise<void> {
    const { outbox, feed, streams } = this.#store;
    const { newest } = await feed.extent(tenant);
    const { sequence: done, unit } = parsePosition(position) ?? start;
    const waiting = new Map((await outbox.deliveries(id)).map((each) => [each.message, each.sequence]));
    const at = this.#clock().toISOString();
    const isNew = (sequence: number): boolean =>
      sequence <= newest && (sequence > done || (sequence === done && unit !== undefined));
    const taken = [...new Set([...ack, ...setErrs.keys()])].flatMap((jti) => {
      const sequence = waiting.get(jti) ?? sequenceOf(jti, id);
      // Of another stream, of no change, or long done: nothing is to be remembered.
      if (sequence === undefined || !(waiting.has(jti) || isNew(sequence))) return [];
      return [{ jti, sequence }];
    });
    await streams.acknowledge(
      id,
      taken.flatMap(({ jti }) => (waiting.has(jti) ? jti : [])),
      // One that is kept may be in front of the position still, if the server ended in between.
      taken.flatMap(({ jti }) => {
        const sequence = sequenceOf(jti, id);
        return sequence !== undefined && isNew(sequence) ? jti : [];
      }),
      attemptBatches(
        taken.map(({ jti, sequence }) => {
          const problem = setErrs.get(jti);
          const attempt = { message: jti, sequence, try: 1, at, milliseconds: 0 };
          return problem === undefined
            ? { ...attempt, status: 202, answer: '' }
            : { ...attempt, status: 400, answer: JSON.stringify(problem).slice(0, 1024) };
        }),
      ),
    );
  }
}

interface PollTools {
  readonly streams: Streams;
  readonly reader: TokenReader;
  readonly keys: SigningKeys;
  readonly hub: Hub;
  readonly clock: () => Date;
}
