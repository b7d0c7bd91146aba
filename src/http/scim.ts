/** SCIM below the base path: what a path is, who asks for it, and which deviations of theirs are taken. */
import { ScimError } from '../error.ts';
import { Work } from '../store/work.ts';
import type { Authenticated, SignIn } from './authenticate.ts';
import type { BaseUrl } from './base-url.ts';
import { readJson } from './body.ts';
import type { HttpRequest, HttpResponse, QueryParameters } from './message.ts';
import { type Mount, mount, type Visit } from './mounts.ts';
import type { Limits } from './options.ts';
import { parseQuery } from './query-string.ts';
import { scimHeaders } from './responses.ts';
import { dispatch, type Match, type Routes } from './routes.ts';

export interface ScimParts {
  readonly basePath: string;
  readonly limits: Limits;
  readonly routes: Routes;
  readonly baseOf: BaseUrl;
  readonly signIn: SignIn;
  /** The client's address, for the change record; absent where it is not kept. */
  readonly addressOf: ((request: HttpRequest) => string) | undefined;
}

/** A request that may be answered. */
interface Admitted {
  readonly match: Match | undefined;
  readonly base: string;
  readonly query: QueryParameters;
  readonly work: Work;
  /** Undefined: it reads what is open to all. */
  readonly who: Authenticated | undefined;
}

const safeMethods = new Set(['GET', 'HEAD', 'OPTIONS']);

export function scimMount({ basePath, limits, routes, baseOf, signIn, addressOf }: ScimParts): Mount {
  const workLimits = {
    values: limits.comparedValues,
    valuesInWrites: limits.patchedValues,
    seconds: limits.answerSeconds,
  };
  const admit = (visit: Visit): Admitted | Promise<Admitted> => {
    const { request } = visit;
    const base = baseOf(request);
    const query = parseQuery(request.search);
    const match = routes(request.path);
    if (match !== undefined) visit.route = match.endpoint.route;
    const work = new Work(workLimits, request.end);
    const isOpen =
      match?.endpoint.openMethods !== undefined &&
      safeMethods.has(request.method) &&
      request.header('authorization') === undefined;
    if (isOpen) return { match, base, query, work, who: undefined };
    const who = signIn(visit, query);
    return who instanceof Promise
      ? who.then((known) => ({ match, base, query, work, who: known }))
      : { match, base, query, work, who };
  };

  const answer = (
    visit: Visit,
    { match, base, query, work, who }: Admitted,
  ): HttpResponse | Promise<HttpResponse> => {
    const { request, requestId } = visit;
    if (match === undefined) throw noSuchPath(request.path);
    const { endpoint, id, spelling } = match;
    const body = () =>
      readJson(request, limits, endpoint.bodyBytes, (text) => {
        visit.sent = text;
        work.restart();
      });
    const address = addressOf?.(request);
    if (who === undefined)
      return dispatch(
        endpoint.openMethods ?? {},
        { request, query, base, body, work, requestId, address },
        id,
      );
    const { principal, tolerated } = who;
    for (const used of spelling) {
      if (!tolerated.enabled.has(used)) throw noSuchPath(request.path);
      tolerated.used.add(used);
    }
    return dispatch(
      endpoint.methods,
      { request, query, base, body, work, requestId, address, principal, tolerated },
      id,
    );
  };

  return mount({
    path: basePath,
    below: true,
    endpoints: routes.endpoints.map(({ route, methods }) => ({ route, methods: Object.keys(methods) })),
    headers: scimHeaders,
    recorded: true,
    exchanges: 'with bodies',
    authenticate: admit,
    answer,
  });
}

/** 404, or 400 where the path asks for another version of SCIM (RFC 7644 §3.13). */
export function noSuchPath(path: string): ScimError {
  const version = /\/v(\d+)(?:\/|$)/.exec(path)?.[1];
  if (version !== undefined && version !== '2') {
    return new ScimError(400, 'invalidVers', `SCIM version v${version} is not supported; this is v2`);
  }
  return new ScimError(404, undefined, `There is no endpoint ${path}`);
}
