/** Paths to handlers (RFC 7644 §3.2 table 2). */
import { type IRequest, IttyRouter, type IttyRouterType } from 'itty-router';
import type { Directory } from '../directory/directory.ts';
import { ScimError } from '../error.ts';
import type { ResourceType } from '../scim/registry.ts';
import { grantTypes } from '../scim/role-types.ts';
import { grantKinds } from '../scim/roles.ts';
import { type ToleranceName, type Tolerated, tolerate } from '../scim/tolerances.ts';
import { BulkHandler } from './bulk.ts';
import { DiscoveryHandlers } from './discovery.ts';
import type { ListHandlers } from './listing.ts';
import type { Exchange, HttpResponse, OpenExchange } from './message.ts';
import type { HttpOptions, Limits } from './options.ts';
import { decodePart } from './query-string.ts';
import { locationOf } from './render.ts';
import { ResourceHandlers } from './resources.ts';
import { emptyResponse, errorResponse, fieldUri, isExpected, methodNotAllowed } from './responses.ts';
import { RoleHandlers } from './roles.ts';
import { searchOf } from './search.ts';

/** `id` is the resource that the path names; empty where it names none. */
type Handler<E = Exchange> = (exchange: E, id: string) => HttpResponse | Promise<HttpResponse>;

/** A handler for each method. */
type Methods<E = Exchange> = Readonly<Record<string, Handler<E>>>;

/** What a path is. */
interface Endpoint {
  /** The path as metrics name it: `/Users/:id`. */
  readonly route: string;
  readonly methods: Methods;
  /** The same without a token, where it may be read so. */
  readonly openMethods?: Methods<OpenExchange>;
  /** The largest body that it takes, in bytes. */
  readonly bodyBytes: number;
}

/** What is at a path, and what it needed to be found there. */
export interface Match {
  readonly endpoint: Endpoint;
  readonly id: string;
  /** Tolerances that another spelling of the path needs, whether the client has them or not. */
  readonly spelling: ReadonlySet<ToleranceName>;
}

/** What the router gets to see. */
interface Routed {
  readonly tolerated: Tolerated;
  readonly params: { readonly [name: string]: string };
}

/** Finds what is at a path; undefined if nothing is. `endpoints` are all that there are. */
export type Routes = ((path: string) => Match | undefined) & { readonly endpoints: readonly Endpoint[] };

/** Answers a request with the method's handler, or with what is allowed (RFC 9110 §15.5.6). */
export function dispatch<E extends OpenExchange>(
  methods: Methods<E>,
  exchange: E,
  id: string,
): HttpResponse | Promise<HttpResponse> {
  const { method } = exchange.request;
  const handler = Object.hasOwn(methods, method)
    ? methods[method]
    : method === 'HEAD'
      ? methods.GET
      : undefined;
  if (handler !== undefined) return handler(exchange, id);
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
  directory: Directory,
  lists: ListHandlers,
  clock: () => Date,
): Routes {
  const { registry } = directory;
  const resources = new ResourceHandlers(directory);
  const types = registry.resourceTypes;
  const discovery = new DiscoveryHandlers(
    registry,
    {
      documentationUri: options.documentationUri,
      authentication: {
        jwt: options.jwt !== undefined,
        basic: options.basicAuth ?? false,
        clientCredentials: options.tokenEndpoint !== undefined || registry.profile !== undefined,
      },
      bulk: { supported: true, maxOperations: limits.bulkOperations, maxPayloadSize: limits.bulkBytes },
      maxResults: limits.maxPageSize,
      pagination: {
        cursor: true,
        defaultPageSize: limits.defaultPageSize,
        cursorTimeout: limits.cursorSeconds,
      },
      profile: registry.profile,
    },
    directory.uniqueDisplayName,
  );
  const roles = new RoleHandlers(directory.store, limits);
  const open = options.publicDiscovery ?? false;
  const endpoints = types.map((type) => type.endpoint);
  const all: Endpoint[] = [];
  const at = (route: string, methods: Methods, bodyBytes = limits.bodyBytes): Endpoint => {
    const endpoint = { route, methods, bodyBytes };
    all.push(endpoint);
    return endpoint;
  };
  const readable = (route: string, isOpen: boolean, GET: Handler<OpenExchange>): Endpoint => ({
    ...at(route, { GET }),
    ...(isOpen ? { openMethods: { GET } } : {}),
  });
  const typeAt = ({ params, tolerated }: Routed): ResourceType | undefined => {
    const asked = `/${decodePart(params.endpoint ?? '', 'The path')}`;
    const endpoint = endpoints.includes(asked)
      ? asked
      : tolerate(tolerated, 'endpointCase', asked, endpoints);
    return types.find((type) => type.endpoint === endpoint);
  };
  const resource = (type: ResourceType): Methods => ({
    GET: (exchange, id) => resources.get(exchange, type, id),
    PUT: (exchange, id) => resources.replace(exchange, type, id),
    PATCH: (exchange, id) => resources.patch(exchange, type, id),
    DELETE: (exchange, id) => resources.delete(exchange, type, id),
  });
  const search = (searched: readonly ResourceType[]): Handler => {
    return async (exchange) =>
      lists.list(exchange, searched, searchOf(await exchange.body(), exchange.tolerated));
  };
  const ofTypes = new Map(
    types.map((type) => [
      type,
      {
        search: at(`${type.endpoint}/.search`, { POST: search([type]) }),
        one: at(`${type.endpoint}/:id`, resource(type)),
        all: at(type.endpoint, {
          GET: (exchange) => lists.get(exchange, [type]),
          POST: (exchange) => resources.create(exchange, type),
        }),
      },
    ]),
  );
  const bulk = new BulkHandler(directory, limits, options.log, (endpoint, tolerated) =>
    typeAt({ tolerated, params: { endpoint } }),
  );

  const router = IttyRouter<IRequest & Routed>({ base: options.basePath });
  const always = (path: string, endpoint: Endpoint): void => void router.all(path, () => endpoint);
  const ofType = (path: string, kind: 'search' | 'one' | 'all'): void =>
    void router.all(path, (routed) => {
      const type = typeAt(routed);
      return type === undefined ? undefined : ofTypes.get(type)?.[kind];
    });
  // What is asked for most comes first: no resource type has the name of another endpoint.
  ofType('/:endpoint/.search', 'search');
  ofType('/:endpoint/:id', 'one');
  ofType('/:endpoint', 'all');
  const discover = (path: string, isOpen: boolean, handler: Handler<OpenExchange>): void =>
    always(path, readable(path, isOpen, handler));
  // A type of the operator's own goes before what rules give.
  const given = async () =>
    (await roles.kinds()).filter((kind) => !endpoints.includes(grantTypes[kind].endpoint));
  discover('/ServiceProviderConfig', true, async ({ base, query }) => {
    const hasReceivers = await directory.store.streams.hasReceivers(clock());
    return discovery.serviceProviderConfig(base, query, await given(), hasReceivers);
  });
  discover('/Schemas', open, async ({ base, query }) => discovery.schemas(base, query, await given()));
  discover('/Schemas/:id', open, async ({ base, query }, id) =>
    discovery.schema(base, id, query, await given()),
  );
  discover('/ResourceTypes', open, async ({ base, query }) =>
    discovery.resourceTypes(base, query, await given()),
  );
  discover('/ResourceTypes/:id', open, async ({ base, query }, id) =>
    discovery.resourceType(base, id, query, await given()),
  );
  for (const kind of grantKinds) {
    const { endpoint } = grantTypes[kind];
    always(endpoint, at(endpoint, { GET: (exchange) => roles.list(exchange, kind) }));
    always(
      `${endpoint}/:id`,
      at(`${endpoint}/:id`, { GET: (exchange, id) => roles.get(exchange, kind, id) }),
    );
  }
  always('/Bulk', at('/Bulk', { POST: (exchange) => bulk.post(exchange) }, limits.bulkBytes));
  always('/Me', at('/Me', meMethods(types, resource)));
  always('/.search', at('/.search', { POST: search(types) }));
  always('/', at('/', { GET: (exchange) => lists.get(exchange, types) }));
  const byPath = new Map([...ofTypes].map(([type, its]) => [`${options.basePath}${type.endpoint}`, its]));
  const roots = [...new Set(all.map(({ route }) => route.replace(/(?<=.)\/.*/, '')))];
  /** With the first part as it is spelled here, whatever its letter case. */
  const respelled = (path: string, tolerated: Tolerated): string => {
    const { basePath } = options;
    const [asked = ''] = /^\/[^/]+/.exec(path.slice(basePath.length)) ?? [];
    const root = roots.includes(asked) ? asked : (tolerate(tolerated, 'endpointCase', asked, roots) ?? asked);
    return basePath + root + path.slice(basePath.length + asked.length);
  };
  const find = (path: string): Match | undefined => {
    const usual = usualMatch(byPath, path);
    if (usual !== undefined) return usual;
    if (dotSegment.test(path)) return undefined;
    // The token's tolerances are not known yet: any spelling is looked up, and judged later.
    const tolerated: Tolerated = { enabled: spellings, used: new Set() };
    const below = path.slice(options.basePath.length);
    const plain =
      below.endsWith('/') || below.includes('//')
        ? options.basePath + (tolerate(tolerated, 'extraSlash', below) ?? below)
        : path;
    const found = routed(router, plain, tolerated) ?? routed(router, respelled(plain, tolerated), tolerated);
    return found === undefined ? undefined : { ...found, spelling: tolerated.used };
  };
  return Object.assign(find, { endpoints: all });
}

const spellings: ReadonlySet<ToleranceName> = new Set(['extraSlash', 'endpointCase']);
const asWritten: ReadonlySet<ToleranceName> = new Set();

/**
 * A resource type's path, or a resource's with an identifier of letters, digits and hyphens: most of what is asked for,
 * found without the router's patterns. Shown by the workload `get` of npm run bench.
 */
function usualMatch(
  byPath: ReadonlyMap<string, { readonly all: Endpoint; readonly one: Endpoint }>,
  path: string,
): Match | undefined {
  const all = byPath.get(path)?.all;
  if (all !== undefined) return { endpoint: all, id: '', spelling: asWritten };
  const slash = path.lastIndexOf('/');
  const endpoint = byPath.get(path.slice(0, slash))?.one;
  if (endpoint === undefined) return undefined;
  const id = path.slice(slash + 1);
  return plainId.test(id) ? { endpoint, id, spelling: asWritten } : undefined;
}

const plainId = /^[\w-]+$/;

/** The router's own `fetch` would make a URL, with a map of its query, and a promise of each request. */
function routed(
  router: IttyRouterType<IRequest & Routed>,
  path: string,
  tolerated: Tolerated,
): Omit<Match, 'spelling'> | undefined {
  for (const [, pattern, handlers] of router.routes) {
    const match = pattern.exec(path);
    if (match === null) continue;
    const params = match.groups ?? {};
    for (const handler of handlers) {
      const endpoint = handler({ params, tolerated } as never) as Endpoint | undefined;
      if (endpoint === undefined) continue;
      return { endpoint, id: params.id === undefined ? '' : decodePart(params.id, 'The path') };
    }
  }
  return undefined;
}

/** What URL parsers resolve in silence: no path of ours, and no identifier. */
const dotSegment = /\/(?:\.|%2e){1,2}(?:\/|$)|\\/i;

/** /Me is the user that the token stands for, at its permanent location (RFC 7644 §3.11, reading A-53). */
function meMethods(types: readonly ResourceType[], resource: (type: ResourceType) => Methods): Methods {
  const user = types.find((type) => type.endpoint === '/Users');
  const me = (method: string): Handler => {
    return async (exchange) => {
      const { subject } = exchange.principal;
      if (user === undefined || subject === undefined) {
        throw new ScimError(
          404,
          undefined,
          'This token is not associated with a user; see scimd token create --subject',
        );
      }
      const handler = resource(user)[method] as Handler;
      return located(
        await settled(() => handler(exchange, subject)),
        locationOf(exchange.base, user, subject),
      );
    };
  };
  return {
    GET: me('GET'),
    PUT: me('PUT'),
    PATCH: me('PATCH'),
    DELETE: me('DELETE'),
    POST: () => {
      throw new ScimError(
        501,
        undefined,
        'Self-registration through POST /Me is not supported; use POST /Users',
      );
    },
  };
}

/** An error that a client is told of is an answer like another. */
async function settled(answer: () => HttpResponse | Promise<HttpResponse>): Promise<HttpResponse> {
  try {
    return await answer();
  } catch (error) {
    if (isExpected(error)) return errorResponse(error);
    throw error;
  }
}

/** `Location` is in every answer, errors too, but for that there is no such resource. */
function located(response: HttpResponse, location: string): HttpResponse {
  if (response.status === 404 || response.headers.includes('Location')) return response;
  return { ...response, headers: [...response.headers, 'Location', fieldUri(location)] };
}
