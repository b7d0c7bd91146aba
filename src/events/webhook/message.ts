/** Events as the messages that endpoints get. */
import type { Endpoint } from '../../store/outbox.ts';
import type { Event, EventType } from '../event.ts';
import { eventId, type Made } from '../events-of.ts';

/** A message on its way to one endpoint. */
export interface Message {
  readonly id: string;
  readonly events: readonly Made[];
  /** What order is kept of: ids of people, groups and others. */
  readonly subjects: readonly string[];
  readonly sequence: number;
  /** The order among messages of one sequence number. */
  readonly place: number;
  readonly leaver: boolean;
  /** What is sent, the same on every try; undefined: it is in the outbox. */
  readonly body: string | undefined;
  /** How often it was tried. */
  readonly tries: number;
}

/** Larger events go without `data`, and say where it is. */
const largest = 64 * 1024;

/** What an event is about: order is kept of it. */
export function subjectOf(event: Event): string {
  return 'subject' in event ? event.subject.id : event.endpoint.id;
}

function isUrgent({ priority }: Event): boolean {
  return priority === 'leaver';
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

/** One message of these events, in their order. `urlOf` is where a resource can be read. */
export function messageOf(
  events: readonly [Made, ...Made[]],
  batch: boolean,
  urlOf: (type: string, id: string) => string | undefined,
): Message {
  const [first] = events;
  const texts = events.map(({ event }) => eventText(event, urlOf));
  return {
    id: batch ? eventId(events.map(({ event }) => event.id)).replace('evt', 'msg') : first.event.id,
    events,
    subjects: [...new Set(events.map(({ event }) => subjectOf(event)))],
    sequence: first.event.sequence,
    place: first.unit,
    leaver: events.some(({ event }) => isUrgent(event)),
    body: batch ? `{"type":"batch","events":[${texts.join(',')}]}` : (texts[0] ?? ''),
    tries: 0,
  };
}

function eventText(event: Event, urlOf: (type: string, id: string) => string | undefined): string {
  const text = JSON.stringify(event);
  if (Buffer.byteLength(text) <= largest || !('data' in event)) return text;
  const url = urlOf(event.subject.type, event.subject.id);
  return JSON.stringify({ ...event, data: null, ...(url === undefined ? {} : { url }) });
}
