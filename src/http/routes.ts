/** Paths to handlers (RFC 7644 §3.2 table 2). */
import { type IRequest, IttyRouter } from 'itty-router';
import { ScimError } from '../error.ts';
import type { ResourceType } from '../scim/registry.ts';
import { type Tolerated, tolerate } from '../scim/tolerances.ts';
import type { Store } from '../store/store.ts';
import { BulkHandler } from './bulk.ts';
import { DiscoveryHandlers } from './discovery.ts';
import type { ListHandlers } from './listing.ts';
import type { Exchange, HttpResponse } from './message.ts';
import type { HttpOptions, Limits } from './options.ts';
import { decodePart } from './query-string.ts';
import type { ResourceHandlers } from './resources.ts';
import { emptyResponse, methodNotAllowed } from './responses.ts';
import { readSearchRequest } from './search.ts';

type Handler = (exchange: Exchange) => HttpResponse | Promise<HttpResponse>;

/** What a path is: a handler for each method, and whether it may be read without a token. */
export interface Endpoint {
  /** The path as metrics name it: `/Users/:id`. */
  readonly route: string;
  readonly methods: Readonly<Record<string, Handler>>;
  readonly open: boolean;
  /** The largest body that it takes, in bytes. */
  readonly bodyBytes: number;
}

/** What the router gets to see, and what it adds. */
interface Routed {
  readonly tolerated: Tolerated;
  readonly params: { readonly [name: string]: string };
}

/** Finds what is at a path; undefined if nothing is. */
export type Routes = (path: string, tolerated: Tolerated) => Promise<Endpoint | undefined>;

/** Answers a request with the method's handler, or with what is allowed (RFC 9110 §15.5.6). */
export function dispatch(endpoint: Endpoint, exchange: Exchange): HttpResponse | Promise<HttpResponse> {
  const { method } = exchange.request;
  const { methods } = endpoint;
  const handler = Object.hasOwn(methods, method)
    ? methods[method]
    : method === 'HEAD'
      ? methods.GET
      : undefined;
  if (handler !== undefined) return handler(exchange);
  const allowed = Object.keys(methods).flatMap((name) => (name === 'GET' ? ['GET', 'HEAD'] : [name]));
  allowed.push('OPTIONS');
  if (method !== 'OPTIONS') throw methodNotAllowed(exchange.request, allowed);
  const acceptPatch =
    methods.PATCH === undefined ? [] : ['Accept-Patch', 'application/scim+json, application/json'];
  return emptyResponse(204, ['Allow', allowed.join(', '), ...acceptPatch]);
}

export function createRoutes(
  options: HttpOptions,
  limits: Limits,
  store: Store,
  lists: ListHandlers,
  resources: ResourceHandlers,
): Routes {
  const { registry } = store;
  const types = registry.resourceTypes;
  const discovery = new DiscoveryHandlers(registry, {
    documentationUri: options.documentationUri,
    authentication: {
      jwt: options.jwt !== undefined,
      basic: options.basicAuth ?? false,
      clientCredentials: options.tokenEndpoint !== undefined,
    },
    bulk: { supported: true, maxOperations: limits.bulkOperations, maxPayloadSize: limits.bulkBytes },
    maxResults: limits.maxPageSize,
    pagination: {
      cursor: true,
      defaultPageSize: limits.defaultPageSize,
      cursorTimeout: limits.cursorSeconds,
    },
  });
  const open = options.publicDiscovery ?? false;
  const endpoints = types.map((type) => type.endpoint);
  const at = (
    route: string,
    methods: Readonly<Record<string, Handler>>,
    more: Partial<Endpoint> = {},
  ): Endpoint => ({
    route,
    methods,
    open: false,
    bodyBytes: limits.bodyBytes,
    ...more,
  });
  const typeAt = ({ params, tolerated }: Routed): ResourceType | undefined => {
    const asked = `/${decodePart(params.endpoint ?? '', 'The path')}`;
    const endpoint = endpoints.includes(asked)
      ? asked
      : tolerate(tolerated, 'endpointCase', asked, endpoints);
    return types.find((type) => type.endpoint === endpoint);
  };
  const idIn = ({ params }: Routed): string => decodePart(params.id ?? '', 'The path');
  const resource = (type: ResourceType, id: string): Readonly<Record<string, Handler>> => ({
    GET: (exchange) => resources.get(exchange, type, id),
    PUT: (exchange) => resources.replace(exchange, type, id),
    PATCH: (exchange) => resources.patch(exchange, type, id),
    DELETE: (exchange) => resources.delete(exchange, type, id),
  });
  const search = (searched: readonly ResourceType[]): Handler => {
    return async (exchange) => lists.list(exchange, searched, readSearchRequest(await exchange.body()));
  };
  const bulk = new BulkHandler(store, limits, options.log, async (exchange, newId) => {
    const { request, tolerated } = exchange;
    const [, endpoint = '', id] = request.path.split('/');
    const type = typeAt({ tolerated, params: { endpoint } });
    if (type === undefined) throw new ScimError(404, undefined, `There is no resource type at /${endpoint}`);
    return id === undefined
      ? resources.create(exchange, type, newId)
      : (resource(type, decodePart(id, 'The path'))[request.method] as Handler)(exchange);
  });

  const router = IttyRouter<IRequest & Routed>({ base: options.basePath });
  router
    .all('/ServiceProviderConfig', () =>
      at(
        '/ServiceProviderConfig',
        { GET: ({ base }) => discovery.serviceProviderConfig(base) },
        { open: true },
      ),
    )
    .all('/Schemas', () =>
      at('/Schemas', { GET: ({ base, query }) => discovery.schemas(base, query) }, { open }),
    )
    .all('/Schemas/:id', (routed) =>
      at('/Schemas/:id', { GET: ({ base }) => discovery.schema(base, idIn(routed)) }, { open }),
    )
    .all('/ResourceTypes', () =>
      at('/ResourceTypes', { GET: ({ base, query }) => discovery.resourceTypes(base, query) }, { open }),
    )
    .all('/ResourceTypes/:id', (routed) =>
      at('/ResourceTypes/:id', { GET: ({ base }) => discovery.resourceType(base, idIn(routed)) }, { open }),
    )
    .all('/Bulk', () =>
      at('/Bulk', { POST: (exchange) => bulk.post(exchange) }, { bodyBytes: limits.bulkBytes }),
    )
    .all('/Me', () => at('/Me', meMethods(types, resource)))
    .all('/.search', () => at('/.search', { POST: search(types) }))
    .all('/', () => at('/', { GET: (exchange) => lists.get(exchange, types) }))
    .all('/:endpoint/.search', (routed) => {
      const type = typeAt(routed);
      return type === undefined ? undefined : at(`${type.endpoint}/.search`, { POST: search([type]) });
    })
    .all('/:endpoint/:id', (routed) => {
      const type = typeAt(routed);
      return type === undefined ? undefined : at(`${type.endpoint}/:id`, resource(type, idIn(routed)));
    })
    .all('/:endpoint', (routed) => {
      const type = typeAt(routed);
      if (type === undefined) return undefined;
      return at(type.endpoint, {
        GET: (exchange) => lists.get(exchange, [type]),
        POST: (exchange) => resources.create(exchange, type),
      });
    });
  return async (path, tolerated) => {
    if (dotSegment.test(path)) return undefined;
    const { basePath } = options;
    const below = path.slice(basePath.length);
    const plain = basePath + (tolerate(tolerated, 'extraSlash', below) ?? below);
    return router.fetch({ method: 'GET', url: urlOf(plain), tolerated } as never);
  };
}

/** What the router's URL parser would resolve in silence: no path of ours, and no identifier. */
const dotSegment = /\/(?:\.|%2e){1,2}(?:\/|$)|\\/i;

/** The router wants an absolute URL; the query is read elsewhere. */
function urlOf(path: string): string {
  return `http://localhost${path}`;
}

/** /Me is the user that the token stands for, at its permanent location (RFC 7644 §3.11, reading A-53). */
function meMethods(
  types: readonly ResourceType[],
  resource: (type: ResourceType, id: string) => Readonly<Record<string, Handler>>,
): Readonly<Record<string, Handler>> {
  const user = types.find((type) => type.endpoint === '/Users');
  const me = (method: string): Handler => {
    return (exchange) => {
      const { subject } = exchange.principal;
      if (user === undefined || subject === undefined) {
        throw new ScimError(
          404,
          undefined,
          'This token stands for no user; see scimd token create --subject',
        );
      }
      return (resource(user, subject)[method] as Handler)(exchange);
    };
  };
  return {
    GET: me('GET'),
    PUT: me('PUT'),
    PATCH: me('PATCH'),
    DELETE: me('DELETE'),
    POST: () => {
      throw new ScimError(501, undefined, 'Users do not create themselves here; POST to /Users');
    },
  };
}
