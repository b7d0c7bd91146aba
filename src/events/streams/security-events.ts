/**
 * The security event tokens that a change makes (RFC 8417, RFC 9967). Pure: what is beside the record comes in. One
 * token has all that RFC 9967 says of one change of one resource; what CAEP says of it has tokens of its own, since a
 * token of CAEP has one event (Shared Signals Framework 1.0 §4.2.1).
 */
import { isObject } from '../../scim/object.ts';
import { entityTag } from '../../scim/representation.ts';
import type { RecordedEdit } from '../../store/change.ts';
import { restoredEvent } from '../../store/restored.ts';
import { type ChangeRecord, isDeactivation, isLeaver, isReactivation } from '../change-record.ts';
import type { EventResource } from '../event.ts';
import { type EventUri, eventUri, isOfScim, streamUpdatedUri } from './event-uris.ts';

/** Payloads by the URIs of their events. */
export type EventPayloads = Readonly<Record<string, object>>;

export interface SetClaims {
  readonly jti: string;
  readonly iss: string;
  readonly aud: string;
  /** Seconds since 1970, of a token that is made: it is the same on every try. Without it, when it is signed. */
  readonly iat?: number;
  readonly txn?: string;
  /** Seconds since 1970. */
  readonly toe?: number;
  readonly sub_id: object;
  readonly events: EventPayloads;
}

/** Whom a token is for, and of what it tells. */
export interface StreamScope {
  /** The stream's id. */
  readonly id: string;
  readonly issuer: string;
  readonly audience: string;
  readonly delivered: ReadonlySet<EventUri>;
}

/** The resource of a change as it is now. */
export interface ChangedResource {
  /** Its path below the base URL: `/Users/2819c223…`. */
  readonly uri: string;
  /** As a plain GET shows it, without members; undefined if it is gone. */
  readonly document: EventResource | undefined;
}

/** More members than that are told as notice, whatever the form (RFC 9967 §5). */
const mostMembers = 500;

/** The tokens of one change, in their order; each keeps its place, whatever else the stream wants. */
export function tokensOf(
  record: ChangeRecord,
  resource: ChangedResource,
  stream: StreamScope,
): { readonly place: number; readonly claims: SetClaims }[] {
  const payloads = [
    provisioning(record, resource.document, stream.delivered),
    sessionRevoked(record, stream.delivered),
    credentialChange(record, stream.delivered),
  ];
  return payloads.flatMap((events, place) =>
    Object.keys(events).length === 0
      ? []
      : [{ place, claims: claimsOf(record, resource, stream, place, events) }],
  );
}

function claimsOf(
  record: ChangeRecord,
  resource: ChangedResource,
  { id, issuer, audience, delivered }: StreamScope,
  place: number,
  events: EventPayloads,
): SetClaims {
  return {
    jti: tokenId(record.sequence, place, id),
    iss: issuer,
    aud: audience,
    // Releases before the change record had transactions recorded none.
    txn: record.transaction ?? `${record.sequence}@${record.at}`,
    toe: secondsOf(record.at),
    sub_id: subjectOf(record, resource, delivered),
    events,
  };
}

/**
 * RFC 9967 §2.1. A receiver that asks for events of CAEP alone need not know that format: it gets one of those of the
 * CAEP Interoperability Profile 1.0 §2.5.
 */
function subjectOf(record: ChangeRecord, { uri, document }: ChangedResource, delivered: Delivered): object {
  const known = document ?? record.last?.document ?? {};
  if ([...delivered].some(isOfScim)) {
    const { externalId } = known;
    return { format: 'scim', uri, ...(typeof externalId === 'string' ? { externalId } : {}) };
  }
  const email = addressOf(known);
  return email === undefined ? { format: 'opaque', id: record.id } : { format: 'email', email };
}

/** Where a person gets mail: the primary address, or the first, or a userName that is one. */
function addressOf({ emails, userName }: EventResource): string | undefined {
  const all = Array.isArray(emails) ? emails.filter(isObject) : [];
  const { value } = all.find(({ primary }) => primary === true) ?? all[0] ?? { value: userName };
  return typeof value === 'string' && /^[^@\s]+@[^@\s]+$/.test(value) ? value : undefined;
}

/** The stream has told of changes that a restored database does not have: its receiver is to read all anew. */
export function restoredToken(
  { sequence, notice }: ChangeRecord,
  stream: StreamScope,
): { readonly place: number; readonly claims: SetClaims } | undefined {
  if (notice?.event !== restoredEvent) return undefined;
  const reason = `The database was restored, and what came after change ${notice.data.kept} is taken back: read all resources anew`;
  const payload = { status: 'enabled', reason };
  return {
    place: 0,
    claims: streamEvent(stream, tokenId(sequence, 0, stream.id), streamUpdatedUri, payload),
  };
}

/** The token as it is made, at that time. */
export function issued(claims: SetClaims, now: Date): SetClaims & { readonly iat: number } {
  return { ...claims, iat: Math.floor(now.getTime() / 1000) };
}

/** What a receiver acknowledges: names the change, the place of the token in it, and the stream. */
function tokenId(sequence: number, place: number, stream: string): string {
  return `${sequence}-${place}-${stream}`;
}

/** The number of the change whose token it is; undefined for what is no id of a token of the stream's changes. */
export function sequenceOf(jti: string, stream: string): number | undefined {
  const [, sequence, of] = /^(\d{1,15})-[0-2]-(.+)$/.exec(jti) ?? [];
  return of === stream ? Number(sequence) : undefined;
}

/** Is what waits in the stream a token about the stream itself, or a subject of it, and of no change? */
export function isOwn({ id }: Pick<StreamScope, 'id'>): (waiting: { readonly message: string }) => boolean {
  return ({ message }) => sequenceOf(message, id) === undefined;
}

function secondsOf(instant: string): number {
  return Math.floor(Date.parse(instant) / 1000);
}

type Delivered = ReadonlySet<EventUri>;

/** RFC 9967 §2.4. */
function provisioning(
  record: ChangeRecord,
  document: EventResource | undefined,
  delivered: Delivered,
): EventPayloads {
  const { operation, edits } = record;
  if (operation === 'delete') return only(delivered, { [eventUri.delete]: {} });
  const change = firstOf(delivered, formsOf(record, document));
  return {
    ...change,
    ...(edits.some(isReactivation) ? only(delivered, { [eventUri.activate]: {} }) : {}),
    ...(edits.some(isDeactivation) ? only(delivered, { [eventUri.deactivate]: {} }) : {}),
  };
}

type Form = readonly [EventUri, object];

/** In which forms a change can be told, the fullest first. */
function formsOf(record: ChangeRecord, document: EventResource | undefined): Form[] {
  const { operation, type, version, added = [], removed = [] } = record;
  const tag = entityTag(version);
  const attributes = changedAttributes(record);
  switch (operation) {
    // Whoever heard of its deletion has to have it again.
    case 'create':
    case 'restore': {
      const notice: Form = [
        eventUri.createNotice,
        { version: tag, attributes: createdAttributes(record, document) },
      ];
      if (document === undefined || added.length > mostMembers) return [notice];
      const data = representation(document);
      const members = added.length === 0 ? {} : { members: added.map((value) => ({ value })) };
      return [[eventUri.createFull, { version: tag, data: { ...data, ...members } }], notice];
    }
    case 'patch':
    case 'migrate':
    case 'replace': {
      if (attributes.length === 0) return [];
      const isPut = operation === 'replace';
      const notice: Form = [isPut ? eventUri.putNotice : eventUri.patchNotice, { version: tag, attributes }];
      // A PUT of a group names all members: told as what it changed (RFC 9967 §5).
      if (isPut && type !== 'Group')
        return document === undefined
          ? [notice]
          : [[eventUri.putFull, { version: tag, data: representation(document) }], notice];
      const isWhole =
        record.edits.every(({ omitted }) => omitted === undefined) &&
        added.length + removed.length <= mostMembers;
      const data = patchOf(record);
      return isWhole ? [[eventUri.patchFull, { version: tag, data }], notice] : [notice];
    }
    default:
      return [];
  }
}

function firstOf(delivered: Delivered, forms: readonly Form[]): EventPayloads {
  const found = forms.find(([uri]) => delivered.has(uri));
  return found === undefined ? {} : { [found[0]]: found[1] };
}

function only(delivered: Delivered, payloads: Partial<Record<EventUri, object>>): EventPayloads {
  return Object.fromEntries(
    Object.entries(payloads).filter(([uri]) => (delivered as ReadonlySet<string>).has(uri)),
  );
}

/** Paths of PATCH (RFC 7644 §3.5.2), as RFC 9967 §2.2 wants them. */
function changedAttributes({ edits, added = [], removed = [] }: ChangeRecord): string[] {
  const paths = edits.map(({ path }) => path);
  return added.length + removed.length === 0 ? paths : [...paths, 'members'];
}

/** What a resource was created with; of one that is gone since, only its id is known. */
function createdAttributes({ added = [] }: ChangeRecord, document: EventResource = {}): string[] {
  const left = new Set(['id', 'schemas', 'meta', 'groups', 'memberCount']);
  const paths = Object.entries(document).flatMap(([name, value]) => {
    if (left.has(name)) return [];
    const isExtension = name.startsWith('urn:') && typeof value === 'object' && value !== null;
    return isExtension ? Object.keys(value).map((attribute) => `${name}:${attribute}`) : [name];
  });
  return ['id', ...paths, ...(added.length > 0 ? ['members'] : [])];
}

/** As a SCIM answer has it. */
function representation({ memberCount: _, ...document }: EventResource): EventResource {
  return document;
}

/** The change as a PatchOp message (RFC 7644 §3.5.2). */
function patchOf({ edits, added = [], removed = [] }: ChangeRecord): object {
  const operations = [
    ...edits.map(operationOf),
    ...(added.length === 0 ? [] : [{ op: 'add', path: 'members', value: added.map((value) => ({ value })) }]),
    ...removed.map((value) => ({ op: 'remove', path: `members[value eq ${JSON.stringify(value)}]` })),
  ];
  return { schemas: ['urn:ietf:params:scim:api:messages:2.0:PatchOp'], Operations: operations };
}

function operationOf(edit: RecordedEdit): object {
  const { path } = edit;
  if (edit.omitted !== undefined || edit.to === undefined) return { op: 'remove', path };
  return { op: edit.from === undefined ? 'add' : 'replace', path, value: edit.to };
}

/** CAEP 1.0 §3.1: whoever is deactivated, deleted or locked has no session any more. */
function sessionRevoked(record: ChangeRecord, delivered: Delivered): EventPayloads {
  if (!isLeaver(record)) return {};
  const reasons: Readonly<Record<string, string>> = {
    delete: 'The user was deleted',
    notice: 'The user was locked',
  };
  const reason = reasons[record.operation] ?? 'The user was deactivated';
  return only(delivered, {
    [eventUri.sessionRevoked]: {
      event_timestamp: secondsOf(record.at),
      initiating_entity: record.actor.kind === 'system' ? 'system' : 'admin',
      reason_admin: { en: reason },
    },
  });
}

/** CAEP 1.0 §3.3: the password of a person who is there changed. */
function credentialChange(record: ChangeRecord, delivered: Delivered): EventPayloads {
  const { type, operation, edits } = record;
  const isChange = operation === 'patch' || operation === 'replace';
  if (type !== 'User' || !isChange || !edits.some(({ path }) => path === 'password')) return {};
  return only(delivered, {
    [eventUri.credentialChange]: {
      event_timestamp: secondsOf(record.at),
      credential_type: 'password',
      change_type: 'update',
      initiating_entity: record.actor.kind === 'system' ? 'system' : 'admin',
    },
  });
}

/** About a resource that a receiver added to its stream, or removed (RFC 9967 §2.3). */
export function feedEvent(
  stream: StreamScope,
  jti: string,
  uri: string,
  isRemoved: boolean,
): SetClaims | undefined {
  const event = isRemoved ? eventUri.feedRemove : eventUri.feedAdd;
  if (!stream.delivered.has(event)) return undefined;
  const { issuer: iss, audience: aud } = stream;
  return { jti, iss, aud, sub_id: { format: 'scim', uri }, events: { [event]: {} } };
}

/** About the stream itself (Shared Signals Framework 1.0 §8.1.4, §8.1.5). */
export function streamEvent(stream: StreamScope, jti: string, uri: string, payload: object): SetClaims {
  const { issuer: iss, audience: aud, id } = stream;
  return { jti, iss, aud, sub_id: { format: 'opaque', id }, events: { [uri]: payload } };
}
