/** Which handler answers a request: paths to handlers, methods to 405, errors to answers. */
import { type IRequest, IttyRouter } from 'itty-router';
import { ScimError } from '../error.ts';
import type { ResourceType } from '../scim/registry.ts';
import { type Tolerated, tolerate } from '../scim/tolerances.ts';
import type { Store } from '../store/store.ts';
import { authenticate } from './authenticate.ts';
import { baseUrlOf } from './base-url.ts';
import { readJson } from './body.ts';
import { DiscoveryHandlers } from './discovery.ts';
import { ListHandlers } from './listing.ts';
import type { Exchange, HttpRequest, HttpResponse } from './message.ts';
import { defaultLimits, type HttpOptions, type Log } from './options.ts';
import { decodePart, parseQuery } from './query-string.ts';
import { ResourceHandlers } from './resources.ts';
import { emptyResponse, errorResponse, isExpected, methodNotAllowed } from './responses.ts';

type Handler = (exchange: Exchange) => HttpResponse | Promise<HttpResponse>;

/** What a path answers: a handler for each method, and whether a token is needed. */
interface Resource {
  readonly methods: Readonly<Record<string, Handler>>;
  /** May be read without a token. */
  readonly open: boolean;
}

/** What the router gets to see, and what it adds. */
interface Routed {
  readonly tolerated: Tolerated;
  readonly params: { readonly [name: string]: string };
}

/** Answers SCIM requests; never rejects. */
export type Application = (request: HttpRequest) => Promise<HttpResponse>;

const silent: Log = { debug() {}, info() {}, warn() {}, error() {} };

export function createApplication(options: HttpOptions): Application {
  const { store, basePath } = options;
  const limits = { ...defaultLimits, ...options.limits };
  const log = options.log ?? silent;
  const clock = options.clock ?? (() => new Date());
  const baseOf = baseUrlOf(options);
  const find = resourceFinder(
    options,
    store,
    new ListHandlers(store, limits),
    new ResourceHandlers(store, limits),
  );

  const handle = async (request: HttpRequest, record: Partial<Exchange>): Promise<HttpResponse> => {
    const base = baseOf(request);
    const query = parseQuery(request.search);
    if (!(request.path === basePath || request.path.startsWith(`${basePath}/`))) throw noSuchPath(request);
    // Looked up before the token is known, with any spelling; the token's tolerances decide below.
    const spelling: Tolerated = { enabled: new Set(['endpointCase']), used: new Set() };
    const resource = await find(request, spelling);
    const open =
      resource?.open &&
      (request.method === 'GET' || request.method === 'HEAD' || request.method === 'OPTIONS');
    if (open && request.header('authorization') === undefined)
      return dispatch(resource, { request, query, base } as Exchange);
    const { principal, tolerated } = await authenticate(store, request, query, clock());
    Object.assign(record, { principal, tolerated });
    if (resource === undefined) throw noSuchPath(request);
    for (const used of spelling.used) {
      if (!tolerated.enabled.has(used)) throw noSuchPath(request);
      tolerated.used.add(used);
    }
    return dispatch(resource, {
      request,
      query,
      principal,
      tolerated,
      base,
      body: () => readJson(request, limits),
    });
  };

  return async (request) => {
    const started = performance.now();
    const record: Partial<Exchange> = {};
    let response: HttpResponse;
    try {
      response = await handle(request, record);
    } catch (error) {
      response = errorResponse(error);
      if (!isExpected(error))
        log.error({ err: error, method: request.method, path: request.path }, 'request failed');
    }
    const tolerances = record.tolerated === undefined ? [] : [...record.tolerated.used];
    log.info(
      {
        method: request.method,
        path: request.path,
        status: response.status,
        ms: Math.round((performance.now() - started) * 100) / 100,
        ...(record.principal === undefined
          ? {}
          : { tenant: record.principal.tenant, token: record.principal.actor.token }),
        ...(tolerances.length === 0 ? {} : { tolerances }),
      },
      'request',
    );
    return request.method === 'HEAD' ? { status: response.status, headers: response.headers } : response;
  };
}

function noSuchPath(request: HttpRequest): ScimError {
  const version = /\/v(\d+)(?:\/|$)/.exec(request.path)?.[1];
  if (version !== undefined && version !== '2') {
    return new ScimError(400, 'invalidVers', `SCIM version v${version} is not supported; this is v2`);
  }
  return new ScimError(404, undefined, `There is no endpoint ${request.path}`);
}

function dispatch(resource: Resource, exchange: Exchange): HttpResponse | Promise<HttpResponse> {
  const { method } = exchange.request;
  const handler = resource.methods[method] ?? (method === 'HEAD' ? resource.methods.GET : undefined);
  if (handler !== undefined) return handler(exchange);
  const allowed = Object.keys(resource.methods).flatMap((name) =>
    name === 'GET' ? ['GET', 'HEAD'] : [name],
  );
  allowed.push('OPTIONS');
  if (method !== 'OPTIONS') throw methodNotAllowed(exchange.request, allowed);
  const acceptPatch =
    resource.methods.PATCH === undefined ? [] : ['Accept-Patch', 'application/scim+json, application/json'];
  return emptyResponse(204, ['Allow', allowed.join(', '), ...acceptPatch]);
}

function methods(handlers: Readonly<Record<string, Handler>>, open = false): Resource {
  return { methods: handlers, open };
}

/** The paths below the base, as a router that answers what is there. */
function resourceFinder(
  options: HttpOptions,
  store: Store,
  lists: ListHandlers,
  resources: ResourceHandlers,
): (request: HttpRequest, tolerated: Tolerated) => Promise<Resource | undefined> {
  const limits = { ...defaultLimits, ...options.limits };
  const discovery = new DiscoveryHandlers(store.registry, {
    documentationUri: options.documentationUri,
    bulk: { supported: false, maxOperations: 0, maxPayloadSize: 0 },
    maxResults: limits.maxPageSize,
    pagination: undefined,
  });
  const open = options.publicDiscovery ?? false;
  const endpoints = store.registry.resourceTypes.map((type) => type.endpoint);
  const typeOf = (routed: Routed): ResourceType | undefined => {
    const asked = `/${decodePart(routed.params.endpoint ?? '', 'The path')}`;
    const endpoint = endpoints.includes(asked)
      ? asked
      : tolerate(routed.tolerated, 'endpointCase', asked, endpoints);
    return store.registry.resourceTypes.find((type) => type.endpoint === endpoint);
  };
  const id = (routed: Routed) => decodePart(routed.params.id ?? '', 'The path');
  const router = IttyRouter<IRequest & Routed>({ base: options.basePath });
  router
    .all('/ServiceProviderConfig', () =>
      methods({ GET: ({ base }) => discovery.serviceProviderConfig(base) }, true),
    )
    .all('/Schemas', () => methods({ GET: ({ base, query }) => discovery.schemas(base, query) }, open))
    .all('/Schemas/:id', (routed) => methods({ GET: ({ base }) => discovery.schema(base, id(routed)) }, open))
    .all('/ResourceTypes', () =>
      methods({ GET: ({ base, query }) => discovery.resourceTypes(base, query) }, open),
    )
    .all('/ResourceTypes/:id', (routed) =>
      methods({ GET: ({ base }) => discovery.resourceType(base, id(routed)) }, open),
    )
    .all('/:endpoint/:id', (routed) => {
      const type = typeOf(routed);
      if (type === undefined) return undefined;
      return methods({
        GET: (exchange) => resources.get(exchange, type, id(routed)),
        PUT: (exchange) => resources.replace(exchange, type, id(routed)),
        PATCH: (exchange) => resources.patch(exchange, type, id(routed)),
        DELETE: (exchange) => resources.delete(exchange, type, id(routed)),
      });
    })
    .all('/:endpoint', (routed) => {
      const type = typeOf(routed);
      if (type === undefined) return undefined;
      return methods({
        GET: (exchange) => lists.get(exchange, [type]),
        POST: (exchange) => resources.create(exchange, type),
      });
    });
  return (request, tolerated) =>
    router.fetch({ method: request.method, url: `http://localhost${request.path}`, tolerated }) as Promise<
      Resource | undefined
    >;
}
