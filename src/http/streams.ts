/**
 * Streams of security event tokens: discovery, keys, management (Shared Signals Framework 1.0) and polling (RFC 8936),
 * for tokens of scope `events`. A receiver has the streams that were made with a token of its name.
 */
import type { Principal } from '../directory/caller.ts';
import { ScimError } from '../error.ts';
import { TooManyWaiting } from '../events/hub.ts';
import type { TenantName } from '../events/reader.ts';
import { type Stream, StreamError, statusOf } from '../events/streams/management.ts';
import type { Polls } from '../events/streams/poll.ts';
import type { SigningKeys } from '../events/streams/signing-keys.ts';
import type { Streams } from '../events/streams/streams.ts';
import { namedSubject } from '../events/streams/subject.ts';
import { AddressError } from '../events/webhook/address.ts';
import { type Authenticate, insufficientScope } from './authenticate.ts';
import type { BaseUrl } from './base-url.ts';
import { readJson } from './body.ts';
import type { HttpRequest, HttpResponse, QueryParameters } from './message.ts';
import { actorKey, anybody, type Mount, mount, type Visit } from './mounts.ts';
import type { Limits } from './options.ts';
import { parseQuery } from './query-string.ts';
import { methodNotAllowed, problem } from './responses.ts';
import {
  configurationOf,
  deliveryOf,
  invalid,
  newStreamMessage,
  pollMethod,
  pushMethod,
  readChange,
  readMessage,
  readPoll,
  statusMessage,
  streamChangeMessage,
  subjectMessage,
  verificationMessage,
} from './stream-messages.ts';

export interface StreamsParts {
  readonly streams: Streams;
  readonly polls: Polls;
  readonly keys: SigningKeys;
  readonly limits: Limits;
  readonly authenticate: Authenticate;
  readonly baseOf: BaseUrl;
  readonly tenantOf: (number: number) => Promise<TenantName | undefined>;
  /** The ids of users that a filter finds, two at most. */
  readonly usersBy: (tenant: number, filter: string) => Promise<readonly string[]>;
}

const json = ['Content-Type', 'application/json'];
const noStore = ['Cache-Control', 'no-store', 'X-Content-Type-Options', 'nosniff', 'Vary', 'Authorization'];
/** Of a message about a stream, and of a poll, which names tokens by the thousand. */
const largestMessage = 64 * 1024;
const largestPoll = 1024 * 1024;

interface Asked {
  readonly tenant: TenantName;
  /** Undefined for who may see those of all receivers. */
  readonly receiver: string | undefined;
  readonly name: string;
  readonly query: QueryParameters;
  /** What this server is called in tokens: its origin. */
  readonly issuer: string;
}

type Handler = (visit: Visit, asked: Asked) => Promise<HttpResponse>;

export function streamMounts(parts: StreamsParts): Mount[] {
  const { keys, authenticate, baseOf, tenantOf } = parts;
  const issuerOf = (request: HttpRequest): string => new URL(baseOf(request)).origin;
  const handlers = streamHandlers(parts);

  const management = mount<Asked>({
    path: '/ssf',
    below: true,
    endpoints: Object.entries(handlers).map(([route, methods]) => ({ route, methods: Object.keys(methods) })),
    headers: noStore,
    recorded: true,
    async authenticate(visit) {
      const { request } = visit;
      const query = parseQuery(request.search);
      const principal = await signIn(authenticate, visit, query);
      const { scope, actor } = principal;
      const tenant = await tenantOf(principal.tenant);
      if (tenant === undefined) throw new ScimError(404, undefined, 'The tenant of this token is gone');
      // A token that replaces another has its name.
      const name = actor.kind === 'token' && actor.name !== undefined ? actor.name : actorKey(actor);
      return {
        ...{ tenant, name, query, issuer: issuerOf(request) },
        receiver: scope === 'admin' ? undefined : name,
      };
    },
    async answer(visit, asked) {
      const { request } = visit;
      const path = request.path.slice('/ssf'.length);
      const route = path.startsWith('/poll/') && path.length > '/poll/'.length ? '/poll/:id' : path;
      const methods = Object.hasOwn(handlers, route) ? handlers[route] : undefined;
      if (methods === undefined) throw new ScimError(404, undefined, `There is no endpoint ${request.path}`);
      visit.route = `/ssf${route}`;
      const handler = methods[request.method === 'HEAD' ? 'GET' : request.method];
      if (handler === undefined) throw methodNotAllowed(request, allowedIn(methods));
      return handler(visit, asked);
    },
    refuse: refusalOf,
  });

  return [
    management,
    mount({
      path: '/.well-known/ssf-configuration',
      route: '/.well-known/ssf-configuration',
      methods: ['GET', 'HEAD'],
      headers: ['Cache-Control', 'public, max-age=300', 'X-Content-Type-Options', 'nosniff'],
      recorded: true,
      authenticate: anybody,
      answer: ({ request }) => ok(transmitter(issuerOf(request))),
    }),
    mount({
      path: '/jwks.json',
      route: '/jwks.json',
      methods: ['GET', 'HEAD'],
      headers: ['Cache-Control', 'public, max-age=300', 'X-Content-Type-Options', 'nosniff'],
      recorded: true,
      authenticate: anybody,
      async answer() {
        const body = JSON.stringify(await keys.published());
        return { status: 200, headers: ['Content-Type', 'application/jwk-set+json'], body };
      },
    }),
  ];
}

/** SSF 1.0 §7.1. */
function transmitter(issuer: string): object {
  return {
    spec_version: '1_0',
    issuer,
    jwks_uri: `${issuer}/jwks.json`,
    delivery_methods_supported: [pushMethod, pollMethod],
    configuration_endpoint: `${issuer}/ssf/streams`,
    status_endpoint: `${issuer}/ssf/status`,
    add_subject_endpoint: `${issuer}/ssf/subjects/add`,
    remove_subject_endpoint: `${issuer}/ssf/subjects/remove`,
    verification_endpoint: `${issuer}/ssf/verify`,
    authorization_schemes: [{ spec_urn: 'urn:ietf:rfc:6749' }, { spec_urn: 'urn:ietf:rfc:6750' }],
    default_subjects: 'ALL',
  };
}

/** Throws 401 where the token is none, or has ended, and 403 where it is for something else. */
async function signIn(authenticate: Authenticate, visit: Visit, query: QueryParameters): Promise<Principal> {
  const { principal } = await authenticate(visit.request, query, visit.clock());
  visit.identity = principal;
  if (principal.scope !== 'events' && principal.scope !== 'admin')
    throw insufficientScope('Streams need a token with the scope events', 'events');
  return principal;
}

/** By path below `/ssf`, and method. */
function streamHandlers(parts: StreamsParts): Record<string, Record<string, Handler>> {
  const { streams, polls, limits, usersBy } = parts;

  const shown = (stream: Stream): Readonly<Record<string, unknown>> =>
    configurationOf(stream, `${stream.stream.issuer}/ssf/poll/${stream.id}`);
  const find = ({ tenant, receiver }: Asked, id: string): Promise<Stream> =>
    streams.find(id, tenant.number, receiver);
  const bodyOf = ({ request }: Visit): Promise<unknown> => readJson(request, limits, largestMessage);
  const named = ({ query }: Asked): string => {
    const id = query.get('stream_id');
    if (id === undefined) throw invalid('stream_id is missing in the query');
    return id;
  };

  const create: Handler = async (visit, asked) => {
    const { tenant, name, issuer } = asked;
    const message = readMessage(newStreamMessage, await bodyOf(visit));
    const delivery = deliveryOf(message.delivery);
    const stream = await streams.create({
      ...{ tenant: tenant.number, receiver: name, issuer, delivery },
      audience: `${issuer}/ssf/receivers/${encodeURIComponent(tenant.name)}/${encodeURIComponent(name)}`,
      ...(message.events_requested === undefined ? {} : { requested: message.events_requested }),
      ...(message.description === undefined ? {} : { description: message.description }),
    });
    return ok(shown(stream), 201);
  };

  const read: Handler = async (_visit, asked) => {
    const { tenant, receiver, query } = asked;
    const id = query.get('stream_id');
    if (id !== undefined) return ok(shown(await find(asked, id)));
    return ok((await streams.list(tenant.number, receiver)).map(shown));
  };

  const change =
    (isReplacement: boolean): Handler =>
    async (visit, asked) => {
      const message = readMessage(streamChangeMessage, await bodyOf(visit));
      const stream = await find(asked, message.stream_id);
      const wanted = readChange(stream, message, isReplacement, shown(stream));
      return ok(shown(await streams.reconfigure(stream, wanted)));
    };

  const status = (stream: Stream): object => ({
    stream_id: stream.id,
    status: statusOf(stream),
    ...(stream.reason === undefined ? {} : { reason: stream.reason }),
  });

  const setSubject =
    (isRemoved: boolean): Handler =>
    async (visit, asked) => {
      const message = readMessage(subjectMessage, await bodyOf(visit));
      const stream = await find(asked, message.stream_id);
      const subject = namedSubject(message.subject, stream.stream.issuer);
      if (subject === undefined)
        throw invalid(
          'subject must be of the format scim, email, opaque, iss_sub of this issuer, or complex',
        );
      const ids = 'id' in subject ? [subject.id] : await usersBy(stream.tenant, subject.filter);
      const [id] = ids;
      if (id === undefined) throw new StreamError('missing', 'There is no such subject');
      if (ids.length > 1) throw invalid('subject names several people; name one by the format scim');
      await streams.setSubject(stream, id, isRemoved, 'path' in subject ? subject.path : undefined);
      return { status: isRemoved ? 204 : 200, headers: [] };
    };

  return {
    '/streams': {
      POST: create,
      GET: read,
      PATCH: change(false),
      PUT: change(true),
      async DELETE(_visit, asked) {
        const { id } = await find(asked, named(asked));
        await streams.delete(id);
        return { status: 204, headers: [] };
      },
    },
    '/status': {
      /** Without `stream_id` those of all streams of the receiver. */
      async GET(_visit, asked) {
        const { tenant, receiver, query } = asked;
        if (query.has('stream_id')) return ok(status(await find(asked, named(asked))));
        return ok((await streams.list(tenant.number, receiver)).map(status));
      },
      async POST(visit, asked) {
        const message = readMessage(statusMessage, await bodyOf(visit));
        const stream = await find(asked, message.stream_id);
        return ok(status(await streams.setStatus(stream, message.status, message.reason)));
      },
    },
    '/subjects/add': { POST: setSubject(false) },
    '/subjects/remove': { POST: setSubject(true) },
    '/verify': {
      async POST(visit, asked) {
        const message = readMessage(verificationMessage, await bodyOf(visit));
        await streams.verify(await find(asked, message.stream_id), message.state);
        return { status: 204, headers: [] };
      },
    },
    '/poll/:id': {
      async POST(visit, asked) {
        const { request } = visit;
        const stream = await find(asked, request.path.slice('/ssf/poll/'.length));
        if (stream.kind !== 'poll') throw invalid('The tokens of this stream are pushed, not polled');
        const message = readPoll(await readJson(request, limits, largestPoll));
        const answer = await polls.poll(stream, message, request.waits ?? request.end);
        // The token may have ended while the poll waited.
        await signIn(parts.authenticate, visit, asked.query);
        return ok(answer);
      },
    },
  };
}

function allowedIn(methods: object): string[] {
  return Object.keys(methods).flatMap((method) => (method === 'GET' ? ['GET', 'HEAD'] : [method]));
}

/** What cannot be, in the form of the other errors. */
function refusalOf(error: unknown): HttpResponse | undefined {
  if (error instanceof AddressError) return problem(400, `delivery.endpoint_url: ${error.message}`);
  if (error instanceof TooManyWaiting)
    return problem(429, 'Too many wait for events of this tenant at once: 100 may', {}, ['Retry-After', '5']);
  if (!(error instanceof StreamError)) return undefined;
  if (error.code === 'missing') return problem(404, error.message);
  return problem(429, error.message, {}, ['Retry-After', '60']);
}

function ok(body: object, status = 200): HttpResponse {
  return { status, headers: json, body: JSON.stringify(body) };
}
