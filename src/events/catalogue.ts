/** The events as schemas: what is checked in tests, and published as JSON Schema 2020-12. */
import { toJsonSchema, toJsonSchemaDefs } from '@valibot/to-json-schema';
import * as v from 'valibot';
import type { Event, EventType } from './event.ts';

const text = v.string();
const whole = v.pipe(v.number(), v.integer(), v.minValue(0));
/** Of a change: in a restored database it needs more than 32 bits. */
const long = v.number();
const sequence = v.pipe(long, v.integer(), v.minValue(0));
const instant = v.pipe(v.string(), v.isoTimestamp());
const resource = v.pipe(v.record(v.string(), v.unknown()), v.readonly());
const list = <Item extends v.GenericSchema>(item: Item) => v.pipe(v.array(item), v.readonly());

const actor = v.strictObject({
  kind: text,
  id: v.optional(text),
  name: v.optional(text),
  idp: v.optional(text),
});
const subject = v.strictObject({
  type: text,
  id: text,
  externalId: v.optional(text),
  userName: v.optional(text),
  version: v.optional(whole),
});
const change = v.strictObject({ path: text, from: v.optional(v.unknown()), to: v.optional(v.unknown()) });
const group = v.strictObject({ group: text, externalId: v.optional(text), display: v.optional(text) });
const role = v.strictObject({ role: text, by: list(group) });
const entitlement = v.strictObject({ entitlement: text, by: list(group) });
const access = v.strictObject({
  active: v.boolean(),
  locked: v.boolean(),
  roles: list(role),
  entitlements: list(entitlement),
  groups: list(group),
  gained: list(group),
  lost: list(group),
});
const cause = v.strictObject({ operation: text, type: text, id: text });
const member = v.strictObject({
  id: text,
  type: v.optional(text),
  externalId: v.optional(text),
  userName: v.optional(text),
});

const envelope = {
  id: v.pipe(v.string(), v.regex(/^evt_[0-9A-HJKMNP-TV-Z]{26}$/)),
  sequence,
  position: v.pipe(v.string(), v.regex(/^\d+(\.\d+)?$/)),
  timestamp: instant,
  tenant: text,
  transaction: v.optional(text),
  request: v.optional(text),
  actor,
  priority: v.optional(v.literal('leaver')),
};
const leaver = { priority: v.literal('leaver') };
const ofResource = {
  ...envelope,
  subject,
  changes: list(change),
  data: v.nullable(resource),
  url: v.optional(text),
};
const ofDeleted = { ...envelope, subject, data: v.null(), previous: v.optional(resource) };

const ofToken = {
  ...envelope,
  subject,
  token: v.strictObject({ id: text, name: text, idp: text, scope: text }),
};
const endpoint = v.strictObject({ id: text, url: text });

const event = <const Type extends EventType, const Entries extends v.ObjectEntries>(
  type: Type,
  entries: Entries,
) => v.strictObject({ type: v.literal(type), ...entries });

/** One schema for each type of event. */
export const eventSchema = v.variant('type', [
  event('user.created', ofResource),
  event('user.updated', ofResource),
  event('user.deactivated', { ...ofResource, ...leaver, access }),
  event('user.reactivated', ofResource),
  event('user.deleted', { ...ofDeleted, ...leaver }),
  event('user.restored', ofResource),
  event('user.erased', { ...envelope, subject, data: v.null() }),
  event('user.access_changed', { ...envelope, subject, access, cause }),
  event('group.created', ofResource),
  event('group.updated', ofResource),
  event('group.deleted', ofDeleted),
  event('group.restored', ofResource),
  event('group.members_changed', {
    ...envelope,
    subject,
    added: list(member),
    removed: list(member),
    part: v.strictObject({ index: whole, of: whole }),
    data: v.nullable(resource),
    url: v.optional(text),
  }),
  event('resource.created', ofResource),
  event('resource.updated', ofResource),
  event('resource.deleted', ofDeleted),
  event('resource.restored', ofResource),
  event('connection.first_request', { ...ofToken, lastRequest: instant }),
  event('connection.silent', { ...ofToken, lastRequest: instant }),
  event('connection.failing', {
    ...ofToken,
    reason: v.picklist(['expired', 'revoked']),
    lastRequest: v.optional(instant),
  }),
  event('token.expiring', { ...ofToken, expires: instant, days: whole, lastRequest: v.optional(instant) }),
  event('tenant.deleted', {
    ...envelope,
    ...leaver,
    subject,
    data: v.null(),
    counts: v.pipe(v.record(text, whole), v.readonly()),
  }),
  event('database.restored', { ...envelope, subject, kept: sequence }),
  event('endpoint.disabled', { ...envelope, subject, endpoint, reason: text }),
  event('endpoint.lagging', {
    ...envelope,
    subject,
    endpoint: v.optional(endpoint),
    consumer: v.optional(text),
    since: instant,
  }),
  event('guard.tripped', {
    ...envelope,
    subject,
    mode: v.picklist(['alert', 'hold']),
    loss: v.picklist(['left', 'removed']),
    people: whole,
    of: whole,
    minutes: whole,
  }),
  event('guard.refused', {
    ...envelope,
    subject,
    reason: v.picklist(['keep', 'seats', 'protected']),
    role: v.optional(text),
    entitlement: v.optional(text),
    keep: v.optional(whole),
    left: v.optional(whole),
    seats: v.optional(whole),
    userName: v.optional(text),
  }),
  event('guard.released', { ...envelope, subject, until: instant, held: v.optional(instant) }),
  event('seats.exhausted', {
    ...envelope,
    subject,
    role: v.optional(text),
    entitlement: v.optional(text),
    seats: whole,
    used: whole,
  }),
  event('endpoint.test', { ...envelope, endpoint }),
]);

/** Compiles only while schemas and published types say the same, in both directions. */
type Same<A, B> = [A] extends [B] ? ([B] extends [A] ? true : never) : never;
const same: Same<v.InferOutput<typeof eventSchema>, Event> = true;
void same;

export const eventTypes: readonly EventType[] = eventSchema.options.map(
  ({ entries }) => entries.type.literal,
);

/** What can be asked for: a type, or all of a noun, as `user.*`. */
export const eventPatterns: readonly string[] = [
  ...new Set(eventTypes.map((type) => `${type.split('.')[0]}.*`)),
  ...eventTypes,
];

/** Releases add fields: what is published refuses none. */
function open<Schema extends object>({
  additionalProperties,
  ...schema
}: Schema & { additionalProperties?: unknown }) {
  return additionalProperties === false ? schema : undefined;
}

/** JSON Schema 2020-12 of each type of event, by its name. */
export function eventJsonSchemas(): Readonly<Record<string, object>> {
  return Object.fromEntries(
    eventSchema.options.map((schema) => [
      schema.entries.type.literal,
      {
        title: schema.entries.type.literal,
        ...toJsonSchema(schema, {
          target: 'draft-2020-12',
          ignoreActions: ['readonly'],
          overrideSchema: ({ jsonSchema }) => open(jsonSchema),
        }),
      },
    ]),
  );
}

/**
 * The same, with what they share defined once, each definition under the name of its component: generators of clients
 * name a type after it. `referenceTo` is where a component of that name is found.
 */
export function eventComponents(referenceTo: (name: string) => string): {
  readonly schemas: Readonly<Record<string, object>>;
  /** Names of the components by types of events. */
  readonly byType: Readonly<Record<string, string>>;
} {
  const parts = {
    ...{ EventActor: actor, EventSubject: subject, EventChange: change, EventMember: member },
    EventCause: cause,
    ...{ EventEndpoint: endpoint, EventAccess: access, EventAccessGroup: group },
    ...{ EventRole: role, EventEntitlement: entitlement, EventResource: resource },
  };
  const byType = Object.fromEntries(eventTypes.map((type) => [type, componentName(type)]));
  const schemas = toJsonSchemaDefs(
    {
      ...parts,
      ...Object.fromEntries(
        eventSchema.options.map((each) => [componentName(each.entries.type.literal), each]),
      ),
    },
    {
      target: 'draft-2020-12',
      ignoreActions: ['readonly'],
      // Generators know no constant without a type, and no property that is of the type null.
      overrideSchema: ({ valibotSchema, jsonSchema }) => {
        if (valibotSchema === long) return { ...jsonSchema, format: 'int64' };
        if (valibotSchema.type === 'literal') return { type: 'string', ...jsonSchema };
        return valibotSchema.type === 'null' ? { const: null } : open(jsonSchema);
      },
      overrideRef: ({ referenceId }) => referenceTo(referenceId),
    },
  );
  return { schemas: { ...schemas, EventResource: resourceComponent }, byType };
}

/** Of a map without a known member, generators make no type. */
const resourceComponent = {
  type: 'object',
  description: 'As a GET of it answers, without the members of a group',
  required: ['id'],
  properties: {
    schemas: { type: 'array', items: { type: 'string' } },
    id: { type: 'string' },
    externalId: { type: 'string' },
    meta: { type: 'object', additionalProperties: true },
  },
  additionalProperties: true,
};

/** `user.access_changed` is `UserAccessChangedEvent`. */
function componentName(type: EventType): string {
  const words = type.split(/[._]/).map((word) => word[0]?.toUpperCase() + word.slice(1));
  return `${words.join('')}Event`;
}
