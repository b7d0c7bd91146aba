/** /events: the feed of a tenant, for tokens of scope `events`. */
import * as v from 'valibot';
import type { Principal } from '../directory/caller.ts';
import { ScimError } from '../error.ts';
import { eventJsonSchemas, eventPatterns } from '../events/catalogue.ts';
import { bucketHashes, type Feed, PositionError, wantedBy } from '../events/feed.ts';
import { TooManyWaiting } from '../events/hub.ts';
import type { EventFilter, PageAsked, PageText } from '../events/page-text.ts';
import { type Position, positionText } from '../events/position.ts';
import type { TenantName } from '../events/reader.ts';
import type { SnapshotLines } from '../events/snapshot.ts';
import { suggestion } from '../nearest.ts';
import { type Authenticate, insufficientScope } from './authenticate.ts';
import { readJson } from './body.ts';
import { eventStream } from './event-stream.ts';
import type { HttpResponse, QueryParameters } from './message.ts';
import { issueText } from './message-issue.ts';
import { type Mount, mount, type Visit } from './mounts.ts';
import type { Limits } from './options.ts';
import { decodePart, integerParameter, listParameter, parseQuery } from './query-string.ts';
import { methodNotAllowed, problem } from './responses.ts';

export interface EventsParts {
  readonly feed: Feed;
  /** A page of the feed, from whoever makes it. */
  readonly page: (asked: PageAsked) => Promise<PageText>;
  /** Names of those that are configured. */
  readonly resourceTypes: readonly string[];
  readonly limits: Limits;
  readonly authenticate: Authenticate;
  /** Undefined where there is no tenant of that number any more. */
  readonly tenantOf: (number: number) => Promise<TenantName | undefined>;
  /** NDJSON of all resources of the tenant. */
  readonly snapshot: (tenant: TenantName) => Promise<SnapshotLines>;
  /** Rejects while what can be read is not durable and cannot be made so. */
  readonly durable: () => Promise<void> | undefined;
}

const json = ['Content-Type', 'application/json; charset=utf-8'];
const noStore = ['Cache-Control', 'no-store', 'X-Content-Type-Options', 'nosniff', 'Vary', 'Authorization'];
const longestWait = 60;
const mostEvents = 1000;
const mostSnapshots = 4;
const name = /^[\p{L}\p{N}][\p{L}\p{N}._@+-]{0,63}$/u;

interface Asked {
  readonly tenant: TenantName;
  readonly query: QueryParameters;
}

export function eventsMount(parts: EventsParts): Mount {
  const { feed, limits, authenticate, tenantOf, resourceTypes } = parts;

  const signIn = async (visit: Visit, query: QueryParameters): Promise<Principal> => {
    const { principal } = await authenticate(visit.request, query, visit.clock());
    visit.identity = principal;
    if (principal.scope !== 'events' && principal.scope !== 'admin')
      throw insufficientScope('Events need a token with the scope events', 'events');
    return principal;
  };

  /** May who asked be told still? A token may end while its request waits. False where its tenant is gone meanwhile. */
  const mayHear = async (visit: Visit, { tenant, query }: Asked): Promise<boolean> =>
    (await signIn(visit, query)).tenant === tenant.number;

  const page = async (visit: Visit, asked: Asked): Promise<HttpResponse> => {
    const { request } = visit;
    const { tenant, query } = asked;
    const filter = filterOf(query, resourceTypes);
    const limit = between(integerParameter(query, 'limit') ?? 100, 1, mostEvents, 'limit');
    const wait = waitOf(query);
    const isStream = /(?:^|[,\s])text\/event-stream\b/i.test(request.header('accept') ?? '');
    // Browsers send none for an empty one.
    const last = isStream ? request.header('last-event-id') || undefined : undefined;
    const after = last ?? query.get('after') ?? (isStream && !query.has('consumer') ? 'now' : undefined);
    if (isStream)
      return eventStream({
        feed,
        tenant,
        after,
        consumer: query.get('consumer'),
        wants: wantedBy(filter),
        durable: parts.durable,
        mayHear: () => mayHear(visit, asked).catch(() => false),
        request,
      });
    const start = performance.now();
    const from = await feed.positionOf(tenant.number, after, query.get('consumer'));
    let found: PageText = emptyPage(from);
    // Who is behind by more than a page does not wait. The others are told together of what comes fast.
    let isBehind = wait === 0 || (await feed.isBehind(tenant.number, from, limit));
    for (let isWoken = false; ; isWoken = true) {
      if (isBehind) {
        found = await parts.page({ tenant, after: found.position, limit, filter });
        if (found.count > 0 || found.more) {
          if (isWoken && !(await mayHear(visit, asked))) return sent(emptyPage(from));
          if (isWoken) await feed.hub.turn();
          return sent(found);
        }
      }
      const left = wait - (performance.now() - start);
      if (left <= 0) return sent(found);
      const { sequence } = found.position;
      const woken = await feed.hub.wait(tenant.number, sequence, left, request.waits ?? request.end);
      if (woken !== 'changed') return sent(found);
      isBehind = true;
    }
  };

  const acknowledge = async ({ request }: Visit, { tenant }: Asked): Promise<HttpResponse> => {
    const body = await readJson(request, limits, 4096);
    const parsed = v.safeParse(acknowledgement, body);
    if (!parsed.success) {
      const [issue] = parsed.issues;
      throw invalid(`${issueText(issue)}. Send {"consumer": NAME, "sequence": POSITION}`);
    }
    const { consumer, sequence } = parsed.output;
    return ok(await feed.acknowledge(tenant.number, consumer, String(sequence)));
  };

  // Each holds the state of the database at its beginning, which costs the more the longer it does.
  let snapshots = 0;
  const snapshot = async (tenant: TenantName): Promise<HttpResponse> => {
    if (snapshots >= mostSnapshots)
      return problem(429, `Only ${mostSnapshots} snapshots can be read at once`, {}, ['Retry-After', '10']);
    snapshots++;
    let open = true;
    const ended = (): void => {
      if (open) snapshots--;
      open = false;
    };
    try {
      const lines = await parts.snapshot(tenant);
      const body = {
        [Symbol.asyncIterator]: () => lines[Symbol.asyncIterator](),
        close() {
          ended();
          lines.close();
        },
      };
      return { status: 200, headers: ['Content-Type', 'application/x-ndjson; charset=utf-8'], body };
    } catch (error) {
      ended();
      throw error;
    }
  };

  const digest = async (_visit: Visit, { tenant, query }: Asked): Promise<HttpResponse> => {
    const bucket = integerParameter(query, 'bucket');
    if (bucket !== undefined) between(bucket, 0, 255, 'bucket');
    const of = query.get('of') ?? 'groups';
    if (of !== 'groups' && of !== 'roles')
      throw new ScimError(400, 'invalidValue', `of must be groups or roles, not ${JSON.stringify(of)}`);
    const { sequence, buckets } = await feed.digest(tenant.number);
    if (bucket === undefined) return ok({ sequence, buckets: bucketHashes(buckets, of) });
    return ok({ sequence, bucket, people: [...(buckets[bucket]?.values() ?? [])] });
  };

  const answers: Record<
    string,
    Record<string, (visit: Visit, asked: Asked) => Promise<HttpResponse> | HttpResponse>
  > = {
    '': { GET: page },
    '/snapshot': { GET: (_visit, { tenant }) => snapshot(tenant) },
    '/digest': { GET: digest },
    '/types': { GET: () => ok(eventJsonSchemas()) },
    '/ack': { POST: acknowledge },
    '/consumers': {
      GET: async (_visit, { tenant }) => ok({ consumers: await feed.consumers(tenant.number) }),
    },
  };
  const consumers = '/consumers/';
  const one = {
    DELETE: async ({ request }: Visit, { tenant }: Asked): Promise<HttpResponse> => {
      const part = request.path.slice('/events/consumers/'.length);
      const which = decodePart(part, JSON.stringify(part));
      if (await feed.forget(tenant.number, which)) return { status: 204, headers: [] };
      throw new ScimError(404, undefined, `There is no consumer ${JSON.stringify(which)}`);
    },
  };

  return mount<Asked>({
    path: '/events',
    below: true,
    endpoints: [
      ...Object.entries(answers).map(([route, methods]) => ({ route, methods: Object.keys(methods) })),
      { route: '/consumers/:name', methods: Object.keys(one) },
    ],
    headers: noStore,
    recorded: true,
    exchanges: 'without bodies',
    async authenticate(visit) {
      const query = parseQuery(visit.request.search);
      const principal = await signIn(visit, query);
      const tenant = await tenantOf(principal.tenant);
      if (tenant === undefined) throw new ScimError(404, undefined, 'The tenant of this token is gone');
      return { tenant, query };
    },
    async answer(visit, asked) {
      const { request } = visit;
      const path = request.path.slice('/events'.length);
      const isOne = path.startsWith(consumers) && path.length > consumers.length;
      const methods: (typeof answers)[string] | undefined = isOne ? one : answers[path];
      if (methods === undefined) throw new ScimError(404, undefined, `There is no endpoint ${request.path}`);
      visit.route = `/events${isOne ? '/consumers/:name' : path}`;
      const handler = methods[request.method === 'HEAD' ? 'GET' : request.method];
      if (handler === undefined) throw methodNotAllowed(request, allowedIn(methods));
      return handler(visit, asked);
    },
    refuse: refusalOf,
  });
}

function allowedIn(methods: object): string[] {
  return Object.keys(methods).flatMap((method) => (method === 'GET' ? ['GET', 'HEAD'] : [method]));
}

/** A position that cannot be read from, in the form of the other errors, with where to begin. */
function refusalOf(error: unknown): HttpResponse | undefined {
  if (error instanceof TooManyWaiting)
    return problem(429, 'Too many wait for events of this tenant at once: 100 may', {}, ['Retry-After', '5']);
  if (!(error instanceof PositionError)) return undefined;
  if (error.code === 'gone')
    return problem(410, error.message, { oldest: error.oldest, snapshot: '/events/snapshot' });
  return problem(400, error.message, { scimType: 'invalidValue' });
}

const acknowledgement = v.strictObject({
  consumer: v.pipe(
    v.string('must be a string'),
    v.regex(name, 'must be at most 64 letters, digits and . _ @ + -, starting with a letter or digit'),
  ),
  sequence: v.union([v.pipe(v.number(), v.integer('must be a position')), v.string()], 'must be a position'),
});

function emptyPage(position: Position): PageText {
  return {
    ...{ position, more: false, count: 0 },
    json: `{"events":[],"position":"${positionText(position)}","more":false}`,
  };
}

function sent({ json: body }: PageText): HttpResponse {
  return { status: 200, headers: json, body };
}

function ok(body: object): HttpResponse {
  return { status: 200, headers: json, body: JSON.stringify(body) };
}

function invalid(detail: string): ScimError {
  return new ScimError(400, 'invalidValue', detail);
}

function between(number: number, least: number, most: number, what: string): number {
  if (number >= least && number <= most) return number;
  throw invalid(`${what} must be from ${least} to ${most}, not ${number}`);
}

/** Milliseconds. */
function waitOf(query: QueryParameters): number {
  const text = query.get('wait');
  if (text === undefined) return 0;
  const seconds = Number(/^(\d{1,4})s?$/.exec(text)?.[1] ?? Number.NaN);
  if (seconds <= longestWait) return seconds * 1000;
  throw invalid(`wait must be seconds up to ${longestWait}, such as 30s, not ${JSON.stringify(text)}`);
}

/** What events of no resource are about. */
const others = ['Token', 'Tenant', 'Endpoint', 'Consumer', 'Guard', 'Role', 'Entitlement', 'Database'];

/** By `type` (`user.deactivated,group.*`) and `resource` (`User`, or `User/` and an id). */
function filterOf(query: QueryParameters, resourceTypes: readonly string[]): EventFilter {
  const types = listParameter(query, 'type');
  if (types === undefined && query.has('type'))
    throw invalid('type must name events, such as user.deactivated,group.*');
  const unknown = types?.find((each) => !eventPatterns.includes(each));
  if (unknown !== undefined)
    throw invalid(
      `type ${JSON.stringify(unknown)} is none of the events${suggestion(unknown, eventPatterns)}; GET /events/types has them`,
    );
  const resource = query.get('resource');
  if (resource === undefined) return { types };
  if (!/^[^/]+(\/[^/]+)?$/.test(resource))
    throw invalid(
      `resource must be a resource type such as User, or User/ID, not ${JSON.stringify(resource)}`,
    );
  const [type = '', id] = resource.split('/');
  const known = [...resourceTypes, ...others];
  if (!known.includes(type))
    throw invalid(
      `resource ${JSON.stringify(type)} is no resource type${suggestion(type, known)}; they are ${known.join(', ')}`,
    );
  return { types, resource: id === undefined ? [type] : [type, id] };
}
