/** What receivers of security event tokens send, read and checked; and a stream as they are shown it (SSF 1.0 §8.1). */
import * as v from 'valibot';
import { ScimError } from '../error.ts';
import { deliveredUris, supportedUris } from '../events/streams/event-uris.ts';
import type { Stream, StreamChange, StreamDelivery } from '../events/streams/management.ts';
import type { PollRequest } from '../events/streams/poll.ts';
import { issueText } from './message-issue.ts';

export const pushMethod = 'urn:ietf:rfc:8935';
export const pollMethod = 'urn:ietf:rfc:8936';

const text = (most: number) =>
  v.pipe(v.string('must be a string'), v.maxLength(most, `must have at most ${most} characters`));
const some = <Item extends v.GenericSchema>(item: Item, most: number) =>
  v.pipe(v.array(item, 'must be a list'), v.maxLength(most, `must have at most ${most} entries`));

const streamId = v.pipe(v.string('must be the id of a stream'), v.nonEmpty('must be the id of a stream'));

const delivery = v.variant(
  'method',
  [
    v.object({
      method: v.literal(pushMethod),
      endpoint_url: text(2000),
      authorization_header: v.optional(
        v.pipe(text(4000), v.regex(/^[\x20-\x7e]+$/, 'must be printable ASCII')),
      ),
    }),
    v.object({ method: v.literal(pollMethod), endpoint_url: v.optional(text(2000)) }),
  ],
  `must have a method, ${pushMethod} or ${pollMethod}; pushing needs an endpoint_url`,
);

const configuration = {
  events_requested: v.optional(some(text(500), 100)),
  description: v.optional(text(1000)),
  delivery: v.optional(delivery),
};

/** What only the transmitter decides; who sends it says what there is. */
const supplied = {
  iss: v.optional(v.string()),
  aud: v.optional(v.union([v.string(), v.array(v.string())])),
  events_supported: v.optional(v.array(v.string())),
  events_delivered: v.optional(v.array(v.string())),
  min_verification_interval: v.optional(v.unknown()),
  inactivity_timeout: v.optional(v.unknown()),
};

export const newStreamMessage = v.object(configuration);
export const streamChangeMessage = v.object({ stream_id: streamId, ...configuration, ...supplied });
export const statusMessage = v.object({
  stream_id: streamId,
  status: v.picklist(['enabled', 'paused', 'disabled'], 'must be enabled, paused or disabled'),
  reason: v.optional(text(1000)),
});
export const subjectMessage = v.object({
  stream_id: streamId,
  subject: v.record(v.string(), v.unknown(), 'must be a subject identifier'),
});
export const verificationMessage = v.object({ stream_id: streamId, state: v.optional(text(10_000)) });

const pollMessage = v.object({
  maxEvents: v.optional(
    v.pipe(v.number('must be a number'), v.integer('must be whole'), v.minValue(0, 'must not be negative')),
  ),
  returnImmediately: v.optional(v.boolean('must be true or false'), false),
  ack: v.optional(some(text(200), 10_000), []),
  setErrs: v.optional(
    v.record(
      text(200),
      v.object({ err: text(200), description: v.optional(text(4000), '') }, 'must have err and description'),
      'must be an object',
    ),
    {},
  ),
});

/** @throws ScimError 400 that says what is wrong where. */
export function readMessage<Schema extends v.GenericSchema>(
  schema: Schema,
  body: unknown,
): v.InferOutput<Schema> {
  if (Array.isArray(body)) throw invalid('The body must be an object');
  const parsed = v.safeParse(schema, body);
  if (parsed.success) return parsed.output;
  const [issue] = parsed.issues;
  throw invalid(issueText(issue));
}

export function invalid(detail: string): ScimError {
  return new ScimError(400, 'invalidValue', detail);
}

/** RFC 8936 §2.2. */
export function readPoll(body: unknown): PollRequest {
  const { maxEvents, returnImmediately, ack, setErrs } = readMessage(pollMessage, body);
  return { maxEvents, returnImmediately, ack, setErrs: new Map(Object.entries(setErrs)) };
}

/** Polling without a word of it (SSF 1.0 §8.1.1.1). */
export function deliveryOf(asked: v.InferOutput<typeof delivery> | undefined): StreamDelivery {
  if (asked === undefined || asked.method === pollMethod) return { kind: 'poll' };
  const { endpoint_url: url, authorization_header: authorization } = asked;
  return { kind: 'push', url, ...(authorization === undefined ? {} : { authorization }) };
}

/**
 * What a PATCH or PUT makes of a stream: of the first what it leaves out stays, of the second it goes.
 * @throws ScimError where it says of the transmitter's part what is not so.
 */
export function readChange(
  stream: Stream,
  message: v.InferOutput<typeof streamChangeMessage>,
  isReplacement: boolean,
  shown: Readonly<Record<string, unknown>>,
): StreamChange {
  for (const name of Object.keys(supplied) as (keyof typeof supplied)[]) {
    const said = message[name];
    if (said !== undefined && !isSame(said, shown[name]))
      throw invalid(`${name} is not the receiver’s to change`);
  }
  const poll = (shown.delivery as { endpoint_url?: unknown }).endpoint_url;
  const { delivery: asked } = message;
  if (
    asked?.method === pollMethod &&
    stream.kind === 'poll' &&
    ![undefined, poll].includes(asked.endpoint_url)
  )
    throw invalid('delivery.endpoint_url of a stream that is polled is not the receiver’s to change');
  const { requested, description } = stream.stream;
  const kept: StreamChange = isReplacement
    ? { requested: undefined, description: undefined, delivery: { kind: 'poll' } }
    : { requested, description, delivery: currentDelivery(stream) };
  return {
    requested: message.events_requested ?? kept.requested,
    description: message.description ?? kept.description,
    delivery: asked === undefined ? kept.delivery : deliveryOf(asked),
  };
}

function isSame(a: unknown, b: unknown): boolean {
  const sorted = (value: unknown): unknown => (Array.isArray(value) ? value.map(String).sort() : value);
  return JSON.stringify(sorted(a)) === JSON.stringify(sorted(b));
}

function currentDelivery({ kind, url, stream }: Stream): StreamDelivery {
  if (kind !== 'push') return { kind: 'poll' };
  const { authorization } = stream;
  return { kind, url, ...(authorization === undefined ? {} : { authorization }) };
}

/** The stream's configuration (SSF 1.0 §8.1.1). `pollUrl` is where it is polled, if it is. */
export function configurationOf(
  { id, kind, url, stream }: Stream,
  pollUrl: string,
): Readonly<Record<string, unknown>> {
  const { issuer, audience, requested, description, authorization } = stream;
  return {
    stream_id: id,
    iss: issuer,
    aud: audience,
    delivery:
      kind === 'push'
        ? {
            method: pushMethod,
            endpoint_url: url,
            ...(authorization === undefined ? {} : { authorization_header: authorization }),
          }
        : { method: pollMethod, endpoint_url: pollUrl },
    events_supported: supportedUris,
    ...(requested === undefined ? {} : { events_requested: requested }),
    events_delivered: deliveredUris(requested),
    ...(description === undefined ? {} : { description }),
  };
}
