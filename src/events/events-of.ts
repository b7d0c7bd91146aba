/** The events that a change record makes. Pure: what is beside the record comes in as {@link Present}. */
import { hash } from 'node:crypto';
import * as v from 'valibot';
import { accessState, type GivingGroup, plainGroup } from './access.ts';
import { eventSchema } from './catalogue.ts';
import { type ChangeRecord, isLeaver, mayEndAccess } from './change-record.ts';
import type {
  Access,
  Event,
  EventCause,
  EventChange,
  EventGroup,
  EventMember,
  EventResource,
  EventSubject,
} from './event.ts';
import { type Position, positionBefore, positionText } from './position.ts';
import { type Unit, unitsOf } from './units.ts';

/** A resource as it is now. */
export interface PresentResource {
  readonly type: string;
  /** As SCIM shows it, with meta; a user with its groups, a group with `memberCount` and without its members. */
  readonly document: EventResource;
  /** Is this person's access blocked here? */
  readonly locked: boolean;
}

/** What there is now; of what the units name, and not older than the record. */
export interface Present {
  /** The tenant's name. */
  readonly tenant: string;
  resource(id: string): PresentResource | undefined;
  /** What of a document of the type is shown. */
  visible(type: string, document: EventResource): EventResource;
  /** All groups of a person, direct and nested ones. */
  groups(id: string): readonly GivingGroup[];
  /** All people in a group, by groups in it too. */
  people(group: string): readonly string[];
  /** The last document of whose deletion made the record. */
  deleted(record: ChangeRecord): EventResource | undefined;
}

/** An event, and the unit of its record that it is of. */
export class Made {
  readonly event: Event;
  readonly unit: number;
  /** Behind all events of its unit. */
  readonly behind: Position;
  /** Is it of a change that may end somebody's access? */
  readonly mayEndAccess: boolean;
  #text: string | undefined;

  constructor(event: Event, unit: number, behind: Position, mayEndAccess: boolean) {
    this.event = event;
    this.unit = unit;
    this.behind = behind;
    this.mayEndAccess = mayEndAccess;
  }

  /** The event as JSON, made once for all who get it. */
  get text(): string {
    this.#text ??= JSON.stringify(this.event);
    return this.#text;
  }
}

/**
 * The events of the units from `from` on up to `to`, all by default. What happened to a resource that is gone since is
 * still told; whose access a group changed, only of people who are there.
 */
export function eventsOf(record: ChangeRecord, present: Present, from = 0, to = Infinity): Made[] {
  const units = unitsOf(record);
  const made: Made[] = [];
  const mayEnd = mayEndAccess(record);
  const { length } = units;
  for (let index = from; index < Math.min(length, to); index++) {
    const { sequence } = record;
    const behind: Position = { sequence, unit: index + 1 === length ? undefined : index + 1 };
    const unit = units[index] as Unit;
    const places = { behind: positionText(behind), before: positionText(positionBefore(sequence, index)) };
    for (const event of eventsOfUnit(record, present, unit, places))
      made.push(new Made(event, index, behind, mayEnd));
  }
  return made;
}

/** The ids of whose present state the events of the units say something. */
export function idsIn(record: ChangeRecord, from: number, to: number): Set<string> {
  const ids = new Set([record.id]);
  for (const unit of unitsOf(record).slice(from, to)) {
    if (unit.kind === 'access') {
      ids.add(unit.member);
      for (const { value } of record.last?.groups ?? []) ids.add(value);
    }
    if (unit.kind === 'members') for (const id of [...unit.added, ...unit.removed]) ids.add(id);
  }
  return ids;
}

/** Where to go on behind the last event of a unit, and behind one that others of it follow: all of them come again. */
interface Places {
  readonly behind: string;
  readonly before: string;
}

function eventsOfUnit(record: ChangeRecord, present: Present, unit: Unit, places: Places): Event[] {
  const { behind: position } = places;
  switch (unit.kind) {
    case 'notice':
      return noticeEvents(record, present, position);
    case 'resource':
      return [resourceEvent(record, present, unit, position)];
    case 'members': {
      const { cause } = record;
      const memberOf = (id: string): EventMember => {
        const found = present.resource(id);
        if (found === undefined && cause?.operation === 'delete' && cause.id === id)
          return { id, type: cause.type, ...names(present.deleted(record)) };
        return { id, ...given('type', found?.type), ...names(found?.document) };
      };
      return [
        {
          ...envelope(record, present, 'group.members_changed', record.id, String(unit.index), position),
          type: 'group.members_changed',
          subject: subjectOf(record, present),
          added: unit.added.map(memberOf),
          removed: unit.removed.map(memberOf),
          part: { index: unit.index, of: unit.of },
          data: present.resource(record.id)?.document ?? null,
        },
      ];
    }
    case 'access':
      return accessEvents(record, present, unit, places);
  }
}

/** None of what another release has recorded and this one does not know. */
function noticeEvents(record: ChangeRecord, present: Present, position: string): Event[] {
  const { notice, type, id } = record;
  if (notice === undefined) return [];
  const head = envelope(record, present, notice.event, id, '', position);
  const parsed = v.safeParse(eventSchema, {
    ...head,
    ...{ type: notice.event, subject: { type, id } },
    ...notice.data,
  });
  return parsed.success ? [parsed.output] : [];
}

function resourceEvent(
  record: ChangeRecord,
  present: Present,
  { type, edits }: Extract<Unit, { kind: 'resource' }>,
  position: string,
): Event {
  const subject = subjectOf(record, present);
  const head = envelope(record, present, type, record.id, '', position);
  const changes = edits.map(
    (edit): EventChange =>
      edit.omitted === undefined
        ? { path: edit.path, ...given('from', edit.from), ...given('to', edit.to) }
        : { path: edit.path },
  );
  const data = present.resource(record.id)?.document ?? null;
  switch (type) {
    case 'user.deleted':
      return { ...head, type, priority: 'leaver', subject, data: null, ...previousOf(record, present) };
    case 'group.deleted':
    case 'resource.deleted':
      return { ...head, type, subject, data: null, ...previousOf(record, present) };
    case 'user.deactivated': {
      const access = accessOf(record, present, record.id, undefined);
      return { ...head, type, priority: 'leaver', subject, changes, access, data };
    }
    case 'user.erased':
      return { ...head, type, subject: { type: record.type, id: record.id }, data: null };
    case 'user.created':
    case 'user.updated':
    case 'user.reactivated':
    case 'user.restored':
    case 'group.created':
    case 'group.updated':
    case 'group.restored':
    case 'resource.created':
    case 'resource.updated':
    case 'resource.restored':
      return { ...head, type, subject, changes, data };
    default:
      throw new Error(`${type} is no event of a resource`);
  }
}

function accessEvents(
  record: ChangeRecord,
  present: Present,
  unit: Extract<Unit, { kind: 'access' }>,
  { behind, before }: Places,
): Event[] {
  const eventFor = (id: string, isLast = true): Event => ({
    ...envelope(record, present, 'user.access_changed', id, '', isLast ? behind : before),
    type: 'user.access_changed',
    ...(unit.group === undefined && isLeaver(record) ? { priority: 'leaver' } : {}),
    subject: id === record.id ? subjectOf(record, present) : personOf(present, id),
    access: accessOf(record, present, id, unit.group),
    cause: causeOf(record),
  });
  if (unit.group === undefined) return [eventFor(unit.member)];
  const found = present.resource(unit.member);
  if (found?.type === 'User') return [eventFor(unit.member)];
  if (found?.type !== 'Group') return [];
  return present.people(unit.member).map((id, index, { length }) => eventFor(id, index + 1 === length));
}

/** What made the change; of a lock and of rules, which change no resource, what they are called. */
function causeOf({ cause, operation, type, id, notice }: ChangeRecord): EventCause {
  if (cause !== undefined) return cause;
  if (notice === undefined) return { operation, type, id };
  const { locked } = notice.data;
  return { operation: locked === undefined ? 'rules' : locked === true ? 'lock' : 'unlock', type, id };
}

/** The desired state of a person now, and what this change did to it. */
function accessOf(
  record: ChangeRecord,
  present: Present,
  id: string,
  change: 'gained' | 'lost' | 'rules' | undefined,
): Access {
  const { document, locked = false } = present.resource(id) ?? {};
  const had: readonly GivingGroup[] =
    document === undefined
      ? (record.last?.groups ?? []).map(({ value, display }) => ({
          group: value,
          ...given('externalId', names(present.resource(value)?.document).externalId),
          ...given('display', display),
        }))
      : present.groups(id);
  const state = accessState(document !== undefined && document.active !== false, locked, had);
  if (change === undefined)
    return { ...state, gained: state.groups, lost: state.active ? [] : had.map(plainGroup) };
  if (change === 'rules') return { ...state, gained: [], lost: [] };
  const of = groupOf(record, present);
  const isIn = had.some(({ group }) => group === of.group);
  return {
    ...state,
    gained: change === 'gained' && state.active && isIn ? [of] : [],
    lost: change === 'lost' && !isIn ? [of] : [],
  };
}

/** The group whose change it is. */
function groupOf(record: ChangeRecord, present: Present): EventGroup {
  const { displayName, externalId } = present.resource(record.id)?.document ?? record.last?.document ?? {};
  return {
    group: record.id,
    ...(typeof externalId === 'string' ? { externalId } : {}),
    ...(typeof displayName === 'string' ? { display: displayName } : {}),
  };
}

type Head = Omit<Event, 'type' | 'priority'>;

function envelope(
  record: ChangeRecord,
  present: Present,
  type: string,
  subject: string,
  part: string,
  position: string,
): Head {
  const { sequence, at, transaction, request, actor } = record;
  const { kind, id, name, idp } = actor;
  return {
    id: eventId([present.tenant, String(sequence), at, type, subject, part]),
    sequence,
    position,
    timestamp: at,
    tenant: present.tenant,
    ...given('transaction', transaction),
    ...given('request', request),
    actor: { kind, ...given('id', id), ...given('name', name), ...given('idp', idp) },
  };
}

const digits = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';

/** `evt_` and 26 digits of Crockford's base 32: the same parts make the same id. */
export function eventId(parts: readonly string[]): string {
  const bytes = hash('sha256', parts.join('\n'), 'buffer');
  let bits = 0;
  let held = 0;
  let text = 'evt_';
  for (let at = 0; text.length < 30; ) {
    if (held < 5) {
      bits = ((bits << 8) | (bytes[at++] ?? 0)) & 0xfff;
      held += 8;
    }
    held -= 5;
    text += digits[(bits >> held) & 31];
  }
  return text;
}

function subjectOf(record: ChangeRecord, present: Present): EventSubject {
  const { type, id, version, last } = record;
  const document = present.resource(id)?.document ?? last?.document;
  // A lock makes no version.
  return { type, id, ...names(document), ...(version === 0 ? {} : { version }) };
}

function personOf(present: Present, id: string): EventSubject {
  return { type: 'User', id, ...names(present.resource(id)?.document) };
}

function names(document: EventResource | undefined): { externalId?: string; userName?: string } {
  const { externalId, userName } = document ?? {};
  return {
    ...(typeof externalId === 'string' ? { externalId } : {}),
    ...(typeof userName === 'string' ? { userName } : {}),
  };
}

function previousOf({ last, type }: ChangeRecord, present: Present): { previous?: EventResource } {
  if (last === undefined) return {};
  const previous = present.visible(type, last.document);
  return { previous: type === 'User' ? { ...previous, groups: last.groups } : previous };
}

function given<Name extends string, Value>(
  name: Name,
  value: Value | undefined,
): { readonly [N in Name]?: Value } {
  return (value === undefined ? {} : { [name]: value }) as { readonly [N in Name]?: Value };
}
