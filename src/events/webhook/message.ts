/** Events as the messages that endpoints get. */
import { randomUUID } from 'node:crypto';
import type { Endpoint } from '../../store/outbox.ts';
import type { Event, EventType } from '../event.ts';
import { eventId, type Made } from '../events-of.ts';
import { issued } from '../streams/security-events.ts';
import type { TokenPage } from '../streams/token-reader.ts';

/** What lanes carry: an event, and to streams a security event token. */
export interface Carried {
  readonly id: string;
  readonly sequence: number;
  /** The unit of its change. */
  readonly unit: number;
  /** What it is about: order is kept of it. */
  readonly subject: string;
  readonly leaver: boolean;
  /** Is it all that its person may do, so that a later one replaces it? */
  readonly isAccess: boolean;
  /** May its change end somebody's access? */
  readonly mayEndAccess: boolean;
  /** What is sent of it. */
  text(): string;
}

/** A message on its way to one endpoint. */
export interface Message {
  /** Its id, and where it is replayed what tells it from the delivery before: see {@link replayOf}. */
  readonly id: string;
  readonly carried: readonly Carried[];
  /** What order is kept of: ids of people, groups and others. */
  readonly subjects: readonly string[];
  readonly sequence: number;
  /** The order among messages of one sequence number. */
  readonly place: number;
  readonly leaver: boolean;
  /** May a change of it end somebody's access? True of what is in the outbox, where that is not known. */
  readonly mayEndAccess: boolean;
  /** What is sent, the same on every try; undefined: it is in the outbox. */
  readonly body: string | undefined;
  /** How often it was tried. */
  readonly tries: number;
}

/**
 * The key of a message that is sent once more: one of its own for each replay, so that the end of a delivery before is
 * not taken for its end.
 */
export function replayOf(id: string): string {
  return `${id}~${randomUUID()}`;
}

/** The `webhook-id` of a message. */
export function sentId(key: string): string {
  const end = key.indexOf('~');
  return end < 0 ? key : key.slice(0, end);
}

/** Larger events go without `data`, and say where it is. */
const largest = 64 * 1024;

/** `urlOf` is where a resource can be read. */
export function carriedEvent(made: Made, urlOf: (type: string, id: string) => string | undefined): Carried {
  const { event } = made;
  return {
    ...{ id: event.id, sequence: event.sequence, unit: made.unit, leaver: event.priority === 'leaver' },
    subject: 'subject' in event ? event.subject.id : event.endpoint.id,
    isAccess: event.type === 'user.access_changed',
    mayEndAccess: made.mayEndAccess,
    text: () => textOf(made, urlOf),
  };
}

/** A token is signed when it is sent: until then it is its claims, which are those of its first try. */
export function carriedToken({ event, unit }: TokenPage['made'][number], clock: () => Date): Carried {
  const { id, sequence, subject, leaver, claims } = event;
  const text = (): string => JSON.stringify(issued(claims, clock()));
  return { id, sequence, unit, subject, leaver, isAccess: false, mayEndAccess: true, text };
}

/** Does the endpoint want it? `user.*` stands for all of users. How its own delivery goes is not delivered to it. */
export function wantedBy({ id, types }: Pick<Endpoint, 'id' | 'types'>): (event: Event) => boolean {
  const wants = typeFilter(types);
  return (event) => wants(event.type) && !('endpoint' in event && event.endpoint?.id === id);
}

export function typeFilter(types: readonly string[] | undefined): (type: EventType) => boolean {
  if (types === undefined) return () => true;
  const names = new Set(types);
  return (type) => names.has(type) || names.has(`${type.slice(0, type.indexOf('.'))}.*`);
}

/** One message of these, in their order. */
export function messageOf(carried: readonly [Carried, ...Carried[]], batch: boolean): Message {
  const [first] = carried;
  const texts = carried.map((each) => each.text());
  return {
    id: batch ? eventId(carried.map(({ id }) => id)).replace('evt', 'msg') : first.id,
    carried,
    subjects: [...new Set(carried.map(({ subject }) => subject))],
    sequence: first.sequence,
    place: first.unit,
    leaver: carried.some(({ leaver }) => leaver),
    mayEndAccess: carried.some(({ mayEndAccess }) => mayEndAccess),
    body: batch ? `{"type":"batch","events":[${texts.join(',')}]}` : (texts[0] ?? ''),
    tries: 0,
  };
}

function textOf({ event, text }: Made, urlOf: (type: string, id: string) => string | undefined): string {
  // What is gone is nowhere else: its last document goes with the event, whatever its size.
  const hasData = 'data' in event && event.data !== null;
  if (!hasData || Buffer.byteLength(text) <= largest) return text;
  const url = urlOf(event.subject.type, event.subject.id);
  return JSON.stringify({ ...event, data: null, ...(url === undefined ? {} : { url }) });
}
