/** One request to one answer: who asks, what is there, what it says; errors become answers here and are logged. */
import { Directory } from '../directory/directory.ts';
import { ScimError } from '../error.ts';
import type { Tolerated } from '../scim/tolerances.ts';
import { accessWith } from './access.ts';
import { baseUrlOf } from './base-url.ts';
import { readJson } from './body.ts';
import { Cursors } from './cursor.ts';
import { ListHandlers } from './listing.ts';
import type { Exchange, HttpRequest, HttpResponse } from './message.ts';
import { defaultLimits, type HttpOptions, type Log } from './options.ts';
import { probes } from './probes.ts';
import { parseQuery } from './query-string.ts';
import { RateLimit } from './rate-limit.ts';
import { requestIdOf } from './request-id.ts';
import { errorResponse, isExpected } from './responses.ts';
import { createRoutes, dispatch } from './routes.ts';
import { sensitiveCheck } from './sensitive.ts';
import { networkOf, TrustedProxies } from './trusted-proxies.ts';

/** Below the base path. */
const tokenRoute = '/oauth/token';

/** Answers SCIM requests; never rejects. */
export type Application = (request: HttpRequest) => Promise<HttpResponse>;

const silent: Log = { debug() {}, info() {}, warn() {}, error() {}, isLevelEnabled: () => false };

const safeMethods = new Set(['GET', 'HEAD', 'OPTIONS']);

/** The parts of an exchange that the log tells of. */
interface Known {
  principal?: Exchange['principal'];
  tolerated?: Tolerated;
  route?: string;
}

export async function createApplication(options: HttpOptions): Promise<Application> {
  const { store, basePath } = options;
  const limits = { ...defaultLimits, ...options.limits };
  const log = options.log ?? silent;
  const clock = options.clock ?? (() => new Date());
  const proxies = new TrustedProxies(options.trustedProxies);
  const baseOf = baseUrlOf(options, proxies);
  const databaseKey = await store.cursorKey();
  const { filterCharacters: characters, filterDepth: depth, filterTerms: terms } = limits;
  const directory = new Directory(store, { characters, depth, terms });
  const lists = new ListHandlers(
    directory,
    limits,
    new Cursors(databaseKey, limits.cursorSeconds, clock),
    sensitiveCheck(options.sensitiveAttributes ?? [], store.registry.resourceTypes),
  );
  const routes = createRoutes(options, limits, directory, lists);

  const { authenticate, giveToken } = await accessWith(options, {
    limits,
    clock,
    proxies,
    databaseKey,
  });
  const perAddress = new RateLimit(limits.requestsPerAddress, clock);
  const perToken = new RateLimit(limits.requestsPerSecond, clock);

  const handle = async (request: HttpRequest, known: Known): Promise<HttpResponse> => {
    if (limits.requestsPerAddress > 0) perAddress.take(networkOf(proxies.clientOf(request)));
    if (giveToken !== undefined && request.path === basePath + tokenRoute) {
      known.route = tokenRoute;
      return giveToken(request);
    }
    const base = baseOf(request);
    const query = parseQuery(request.search);
    const below = request.path === basePath || request.path.startsWith(`${basePath}/`);
    const match = below ? routes(request.path) : undefined;
    if (match !== undefined) known.route = match.endpoint.route;
    const body = () => readJson(request, limits, match?.endpoint.bodyBytes ?? limits.bodyBytes);
    if (
      match?.endpoint.open &&
      safeMethods.has(request.method) &&
      request.header('authorization') === undefined
    ) {
      return dispatch(match, { request, query, base, body, ...anonymous() });
    }
    if (!below) throw noSuchPath(request);
    const { principal, tolerated } = await authenticate(request, query, clock());
    known.principal = principal;
    known.tolerated = tolerated;
    perToken.take(principal.actor.token ?? '');
    if (match === undefined) throw noSuchPath(request);
    for (const used of match.spelling) {
      if (!tolerated.enabled.has(used)) throw noSuchPath(request);
      tolerated.used.add(used);
    }
    return dispatch(match, { request, query, principal, tolerated, base, body });
  };

  const probe = probes(options, authenticate, clock);
  return async (request) => {
    const probed = probe(request);
    if (probed !== undefined) return probed;
    const started = performance.now();
    const requestId = requestIdOf(request);
    const known: Known = {};
    const failed = (error: unknown): HttpResponse => {
      if (!isExpected(error))
        log.error({ requestId, err: error, method: request.method, path: request.path }, 'request failed');
      return errorResponse(error, requestId);
    };
    let response: HttpResponse;
    try {
      response = await handle(request, known);
    } catch (error) {
      response = failed(error);
    }
    // Nobody is told of what a power cut could still undo, were it that something is gone.
    const durable = store.durable();
    if (durable !== undefined) response = await durable.then(() => response, failed);
    const seconds = (performance.now() - started) / 1000;
    options.observe?.({
      method: request.method,
      route: known.route ?? 'unknown',
      status: response.status,
      seconds,
      tolerances: known.tolerated?.used ?? [],
    });
    if (log.isLevelEnabled?.('info') ?? true)
      log.info({ requestId, ...record(request, response, known, seconds * 1000) }, 'request');
    const { status, body } = response;
    const headers = [...response.headers, 'X-Request-Id', requestId];
    return body === undefined || request.method === 'HEAD' ? { status, headers } : { status, headers, body };
  };
}

/** Who reads what is open to all. */
function anonymous(): Pick<Exchange, 'principal' | 'tolerated'> {
  return {
    principal: { tenant: 0, scope: 'read', actor: { origin: 'http' }, subject: undefined },
    tolerated: { enabled: new Set(), used: new Set() },
  };
}

/** What the log says of a request: no query (it holds names and addresses), no body. `ms` is milliseconds. */
function record(request: HttpRequest, response: HttpResponse, known: Known, ms: number): object {
  const tolerances = known.tolerated === undefined ? [] : [...known.tolerated.used];
  return {
    method: request.method,
    path: request.path,
    status: response.status,
    ms: Math.round(ms * 100) / 100,
    ...(known.principal === undefined
      ? {}
      : { tenant: known.principal.tenant, tokenId: known.principal.actor.token }),
    ...(tolerances.length === 0 ? {} : { tolerances }),
  };
}

function noSuchPath(request: HttpRequest): ScimError {
  const version = /\/v(\d+)(?:\/|$)/.exec(request.path)?.[1];
  if (version !== undefined && version !== '2') {
    return new ScimError(400, 'invalidVers', `SCIM version v${version} is not supported; this is v2`);
  }
  return new ScimError(404, undefined, `There is no endpoint ${request.path}`);
}
