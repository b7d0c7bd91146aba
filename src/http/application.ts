/** One request to one answer: what is mounted there answers; errors become answers here, and all of it is logged. */
import { Directory } from '../directory/directory.ts';
import type { GuardNews } from '../directory/guard.ts';
import { Hub } from '../events/hub.ts';
import type { LogFields } from '../ops/log-fields.ts';
import { withoutSource } from '../ops/redact.ts';
import { toleratedFor } from '../scim/tolerances.ts';
import type { Awaitable } from '../store/store.ts';
import { accessWith } from './access.ts';
import {
  type Authenticated,
  requireAccessToken,
  requireRead,
  type SignIn,
  WrongToken,
} from './authenticate.ts';
import { baseUrlOf } from './base-url.ts';
import { Cursors } from './cursor.ts';
import { docsPages } from './docs-pages.ts';
import { eventsParts, streamsParts } from './event-parts.ts';
import { eventsMount } from './events.ts';
import { recordExchange } from './exchange-record.ts';
import { frontPage } from './front-page.ts';
import { ListHandlers } from './listing.ts';
import { Answer, discard, type HttpRequest, type HttpResponse } from './message.ts';
import { actorKey, anybody, type Mount, mount, mountTable, type Visit } from './mounts.ts';
import { defaultLimits, type HttpOptions, type Limits, type Log } from './options.ts';
import { probes } from './probes.ts';
import { RateLimit } from './rate-limit.ts';
import { requestIdOf } from './request-id.ts';
import { errorResponse, isExpected, scimHeaders } from './responses.ts';
import { createRoutes } from './routes.ts';
import { noSuchPath, scimMount } from './scim.ts';
import { sensitiveCheck } from './sensitive.ts';
import { streamMounts } from './streams.ts';
import { networkOf, TrustedProxies } from './trusted-proxies.ts';

/** Answers requests, at once where it can; never throws or rejects. `mounts` is all that there is to ask. */
export type Application = ((request: HttpRequest) => Awaitable<HttpResponse>) & {
  readonly mounts: readonly Mount[];
  readonly directory: Directory;
  /** Answers those who wait for events: the server stops. */
  endWaiting(): void;
};

/** An application whose options can change while it answers: whoever listens for it goes over together. */
export class LiveApplication {
  #options: HttpOptions;
  #application: Application;

  private constructor(options: HttpOptions, application: Application) {
    this.#options = options;
    this.#application = application;
  }

  static async start(options: HttpOptions): Promise<LiveApplication> {
    return new LiveApplication(options, await createApplication(options));
  }

  get options(): HttpOptions {
    return this.#options;
  }

  /** Answers a request with the options that are in force when it comes. */
  readonly answer = (request: HttpRequest): Awaitable<HttpResponse> => this.#application(request);

  /** The use cases, for who asks without HTTP. */
  get directory(): Directory {
    return this.#application.directory;
  }

  /** Nobody waits for events any more. */
  endWaiting(): void {
    this.#application.endWaiting();
  }

  /** Makes what other options need; what it answers goes over to them. */
  async prepare(changes: Partial<HttpOptions>): Promise<() => void> {
    const options = { ...this.#options, ...changes };
    const application = await createApplication(options);
    return () => {
      this.#options = options;
      this.#application = application;
    };
  }
}

const silent: Log = { info() {}, warn() {}, error() {}, isLevelEnabled: () => false };

export async function createApplication(options: HttpOptions): Promise<Application> {
  const { store, basePath, exchangeLog } = options;
  const { profile } = store.registry;
  const limits = limitsOf(options, profile);
  const log = options.log ?? silent;
  const clock = options.clock ?? (() => new Date());
  const proxies = new TrustedProxies(options.trustedProxies);
  const baseOf = baseUrlOf(options, proxies);
  const secretKey = await store.secretKey();
  const { filterCharacters: characters, filterDepth: depth, filterTerms: terms } = limits;
  const directory = new Directory(store, {
    limits: { characters, depth, terms },
    uniqueDisplayName: options.uniqueDisplayName === true || profile !== undefined,
    sensitive: options.sensitiveAttributes ?? [],
    ...(options.hooks === undefined ? {} : { hooks: options.hooks }),
    ...(options.guard === undefined ? {} : { guard: options.guard }),
    onGuard(news) {
      log.warn(...guardLine(news));
      options.onGuard?.(news);
    },
  });
  const lists = new ListHandlers(
    directory,
    limits,
    new Cursors(secretKey, limits.cursorSeconds, clock),
    sensitiveCheck(options.sensitiveAttributes ?? [], store.registry.resourceTypes),
  );
  const routes = createRoutes(options, limits, directory, lists, clock);

  const { authenticate, tokenMounts } = await accessWith(options, {
    ...{ limits, clock, proxies, secretKey, baseOf },
  });
  const perAddress = new RateLimit(limits.requestsPerAddress, clock);
  const perToken = new RateLimit(limits.requestsPerSecond, clock);
  const signedIn = (visit: Visit, known: Authenticated): Authenticated => {
    visit.identity = known.principal;
    const who = profile === undefined ? known : { ...known, tolerated: toleratedFor('strict') };
    if (profile !== undefined) requireAccessToken(known);
    visit.tolerated = who.tolerated;
    requireRead(who.principal);
    if (limits.requestsPerSecond > 0) perToken.take(actorKey(who.principal.actor));
    return who;
  };
  const signIn: SignIn = (visit, query) => {
    const who = authenticate(visit.request, query, visit.clock());
    return who instanceof Promise ? who.then((known) => signedIn(visit, known)) : signedIn(visit, who);
  };
  const hub = new Hub(store);
  const events = eventsParts(options, hub);
  const mounts = [
    eventsMount({ ...events, limits, authenticate }),
    ...streamMounts({
      ...streamsParts(options, hub, directory, clock),
      ...{ limits, authenticate, baseOf, tenantOf: events.tenantOf },
    }),
    ...probes(options, authenticate),
    ...tokenMounts,
    scimMount({
      basePath,
      limits,
      routes,
      baseOf,
      signIn,
      addressOf: options.recordAddresses === true ? (request) => proxies.clientOf(request) : undefined,
    }),
    ...(options.docs === undefined ? [] : [docsPages(options.docs)]),
    frontPage(baseOf, options.docs !== undefined),
    ...(options.mounts?.({
      ...{ store, directory, authenticate, baseOf, limits, clock, log, secretKey },
      clientOf: (request) => proxies.clientOf(request),
      reader: events.reader,
      urlOf: events.urlOf,
    }) ?? []),
  ];
  const mountOf = mountTable(mounts);

  const failed = (mount: Mount, visit: Visit, error: unknown): HttpResponse => {
    const { request, requestId } = visit;
    if (error instanceof WrongToken && error.token !== undefined) visit.refused = error.token;
    const refused = mount.refuse?.(error, visit);
    if (refused !== undefined) return refused;
    if (!isExpected(error))
      log.error({ requestId, err: error, method: request.method, path: request.path }, 'request failed');
    return errorResponse(error, requestId);
  };

  const durably = (mount: Mount, visit: Visit, response: HttpResponse): Awaitable<HttpResponse> => {
    if (!mount.recorded) return response;
    // What failed tells of no state.
    if (response.status >= 500) return response;
    // Never answer, even with 404, before the state that the answer reports is durable. An answer about one person does not
    // wait for what is written of others: shown by npm run bench -- --only interference.
    const durable = store.durable(response.about);
    if (durable === undefined) return response;
    return durable.then(
      () => response,
      (error) => {
        discard(response);
        return failed(mount, visit, error);
      },
    );
  };

  /** Answers in the mount's way, and errors too; `finish` makes what is sent of what is durable. */
  const answerAt = (
    mount: Mount,
    visit: Visit,
    finish: (response: HttpResponse) => HttpResponse,
  ): Awaitable<HttpResponse> => {
    const settle = (response: HttpResponse): Awaitable<HttpResponse> => {
      const durable = durably(mount, visit, response);
      return durable instanceof Promise ? durable.then(finish) : finish(durable);
    };
    let response: Awaitable<HttpResponse>;
    try {
      if (mount.recorded && limits.requestsPerAddress > 0)
        perAddress.take(networkOf(proxies.clientOf(visit.request)));
      response = mount.handle(visit);
    } catch (error) {
      response = failed(mount, visit, error);
    }
    if (!(response instanceof Promise)) return settle(response);
    return response.then(settle, (error) => settle(failed(mount, visit, error)));
  };

  const unrecorded = (mount: Mount, visit: Visit, response: HttpResponse): HttpResponse => {
    const { method, path } = visit.request;
    // Who may not read the metrics is worth a line; who may reads them all day.
    if (response.status === 401 || response.status === 403)
      log.info({ method, path, status: response.status }, 'request');
    return finished(response, mount, visit, undefined);
  };

  /** `at` is when it came, `started` the same by the clock that measures. */
  const recorded = (
    mount: Mount,
    visit: Visit,
    response: HttpResponse,
    at: number,
    started: number,
  ): HttpResponse => {
    const { requestId = '' } = visit;
    const seconds = (performance.now() - started) / 1000;
    if (mount.exchanges !== undefined && exchangeLog !== undefined)
      recordExchange(exchangeLog, visit, response, mount.exchanges, at, seconds * 1000);
    options.observe?.({
      method: visit.request.method,
      route: visit.route,
      status: response.status,
      seconds,
      tolerances: visit.tolerated?.used ?? [],
    });
    if (log.isLevelEnabled?.('info') ?? true)
      log.info({ requestId, ...lineOf(visit, response, seconds * 1000, log.redacts ?? false) }, 'request');
    return finished(response, mount, visit, requestId);
  };

  const answer = (request: HttpRequest): Awaitable<HttpResponse> => {
    const mount = mountOf(request.path) ?? nowhere;
    const { route = 'unknown' } = mount;
    const requestId = mount.recorded ? requestIdOf(request) : undefined;
    const visit: Visit = { request, clock, requestId, route, identity: undefined, tolerated: undefined };
    if (requestId === undefined)
      return answerAt(mount, visit, (response) => unrecorded(mount, visit, response));
    const at = exchangeLog === undefined ? 0 : clock().getTime();
    const started = performance.now();
    return answerAt(mount, visit, (response) => recorded(mount, visit, response, at, started));
  };
  return Object.assign(answer, { directory, mounts, endWaiting: () => hub.stop() });
}

/** What the log says of the guard: of nobody's name. */
function guardLine(news: GuardNews): [LogFields, string] {
  const { tenant } = news;
  switch (news.kind) {
    case 'held': {
      const { people, loss } = news;
      return [
        { tenant, people, reason: loss },
        'too many people lose access at once: such changes are held back until scimd guard release',
      ];
    }
    case 'alert': {
      const { alert } = news;
      if (alert.kind === 'mass')
        return [{ tenant, people: alert.people, reason: alert.loss }, 'many people lose access at once'];
      return [{ tenant, people: alert.seats, reason: alert.name }, 'the last seat of a role is taken'];
    }
    case 'refused':
      return [{ tenant, reason: news.reason.kind }, 'the guard refused a change'];
  }
}

/** With a profile rates are limited, if the options say nothing of it. */
function limitsOf({ limits }: HttpOptions, profile: string | undefined): Limits {
  const all = { ...defaultLimits, ...limits };
  if (profile === undefined) return all;
  return {
    ...all,
    requestsPerSecond: all.requestsPerSecond || profiledRates.ofToken,
    requestsPerAddress: all.requestsPerAddress || profiledRates.ofAddress,
  };
}

/** Requests a second. A provider may come for many tenants from one address. */
const profiledRates = { ofToken: 100, ofAddress: 1000 };

/** With the headers of the mount, and without a body where HEAD asked. */
function finished(
  response: HttpResponse,
  mount: Mount,
  { request }: Visit,
  requestId: string | undefined,
): HttpResponse {
  const { status, headers, body } = response;
  const own = requestId === undefined ? headers : headers.concat('X-Request-Id', requestId);
  if (request.method !== 'HEAD') return new Answer(status, own, mount.headers, body);
  discard(response);
  return new Answer(status, own, mount.headers, undefined);
}

/** Where nothing is mounted. */
const nowhere = mount({
  path: '',
  headers: scimHeaders,
  recorded: true,
  exchanges: 'without bodies',
  authenticate: anybody,
  answer({ request }) {
    throw noSuchPath(request.path);
  },
});

/** What the log says of a request: no query (it holds names and addresses), no body. `ms` is milliseconds. */
function lineOf(
  { request, identity, tolerated, refused }: Visit,
  response: HttpResponse,
  ms: number,
  redacts: boolean,
): LogFields {
  const tolerances = tolerated === undefined ? [] : [...tolerated.used];
  const { scimType, detail } = response.status < 400 ? none : errorIn(response);
  const tenantName = identity?.tenantName ?? refused?.tenantName;
  const tokenName = identity?.actor.name ?? refused?.name;
  return {
    method: request.method,
    path: request.path,
    status: response.status,
    ms: Math.round(ms * 100) / 100,
    ...(scimType === undefined ? {} : { scimType }),
    ...(detail === undefined || response.status >= 500
      ? {}
      : { detail: redacts ? detail : withoutSource(detail) }),
    ...(identity === undefined ? {} : { tenant: identity.tenant, tokenId: actorKey(identity.actor) }),
    ...(tenantName === undefined ? {} : { tenantName }),
    ...(tokenName === undefined ? {} : { tokenName }),
    ...(tolerances.length === 0 ? {} : { tolerances }),
  };
}

const none: { readonly scimType?: string; readonly detail?: string } = {};

/** What an answer that is an error says, where it says it in SCIM's form (RFC 7644 §3.12). */
function errorIn({ body }: HttpResponse): typeof none {
  if (typeof body !== 'string' || !body.startsWith('{')) return none;
  const { scimType, detail } = JSON.parse(body) as { scimType?: unknown; detail?: unknown };
  return {
    ...(typeof scimType === 'string' ? { scimType } : {}),
    ...(typeof detail === 'string' ? { detail } : {}),
  };
}
