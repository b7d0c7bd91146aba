/**
 * What is at which path of the server: SCIM, the token endpoint, probes, pages. Each mount has an authentication and
 * headers of its own; what all of them share (limits, request ids, log, metrics) is in application.ts.
 */
import type { Tolerated } from '../scim/tolerances.ts';
import type { Actor } from '../store/change.ts';
import type { Token } from '../store/store.ts';
import type { HttpRequest, HttpResponse } from './message.ts';
import { methodNotAllowed } from './responses.ts';

/** Who asks, as the log and the rate limits know them. Not everybody belongs to one tenant. */
export interface Identity {
  /** The number of the tenant; undefined for who belongs to none, or to all. */
  readonly tenant: number | undefined;
  readonly tenantName?: string;
  readonly actor: Actor;
}

/** What stands for the actor in the log and for rate limits: a token's id, or the subject of a JWT. */
export function actorKey({ kind, id }: Actor): string {
  return kind === 'token' && id !== undefined ? id : id === undefined ? kind : `${kind}:${id}`;
}

/** One request on its way through a mount, and what is known of it so far. */
export interface Visit {
  readonly request: HttpRequest;
  readonly clock: () => Date;
  /** Undefined where requests are not recorded. */
  readonly requestId: string | undefined;
  /** The form of the path, as metrics name it: `/Users/:id`; `unknown` where nothing is. */
  route: string;
  identity: Identity | undefined;
  tolerated: Tolerated | undefined;
  /** The body that was read, of a mount whose bodies the exchange log keeps. */
  sent?: string;
  /** A known token that was refused, since it has ended. */
  refused?: Token;
}

/** How a mount is written. `Who` is what its authentication answers, and is its own matter. */
export interface MountDefinition<Who> {
  /** From the root of the server, without a slash at its end; empty for the root itself. */
  readonly path: string;
  /** Does everything below the path belong to it too? */
  readonly below?: boolean;
  /** The form of the path for metrics, if there is one for the whole mount. */
  readonly route?: string;
  /** What is allowed; 405 for others. Absent: the mount looks at the method itself. */
  readonly methods?: readonly string[];
  /** What is below the path: the form of each path from there (`/Users/:id`), with its methods. */
  readonly endpoints?: readonly { readonly route: string; readonly methods: readonly string[] }[];
  /** On every answer, errors too; alternating names and values, none of them of the connection. */
  readonly headers: readonly string[];
  /** Is each request limited, counted, logged and given an id? Balancers probe every second, and are not. */
  readonly recorded: boolean;
  /** Is each request in the exchange log, with its bodies or without? Absent: it is not. */
  readonly exchanges?: 'with bodies' | 'without bodies';
  /** Throws 401 where it is not known who asks, and 403 where they may not. */
  readonly authenticate: (visit: Visit) => Who | Promise<Who>;
  readonly answer: (visit: Visit, who: Who) => HttpResponse | Promise<HttpResponse>;
  /** The answer to an error in the mount's own form; undefined leaves it to the others' form. */
  readonly refuse?: (error: unknown, visit: Visit) => HttpResponse | undefined;
}

export interface Mount extends Omit<MountDefinition<unknown>, 'authenticate' | 'answer'> {
  /** Authenticates and answers; may throw instead of rejecting. */
  readonly handle: (visit: Visit) => HttpResponse | Promise<HttpResponse>;
}

/** The authentication of what is for everybody. */
export function anybody(): undefined {}

export function mount<Who>({ authenticate, answer, ...more }: MountDefinition<Who>): Mount {
  const { methods } = more;
  return {
    ...more,
    handle(visit) {
      const { request } = visit;
      if (methods !== undefined && !methods.includes(request.method))
        throw methodNotAllowed(request, methods);
      const who = authenticate(visit);
      return who instanceof Promise ? who.then((known) => answer(visit, known)) : answer(visit, who);
    },
  };
}

/**
 * Finds the mount of a path; undefined if there is none. Of several the one with the longest path has it, of several
 * with one path the first.
 */
export function mountTable(mounts: readonly Mount[]): (path: string) => Mount | undefined {
  const exact = new Map<string, Mount>();
  for (const each of mounts) {
    const path = each.path === '' ? '/' : each.path;
    if (!exact.has(path)) exact.set(path, each);
  }
  const prefixes = mounts
    .filter(({ below }) => below)
    .map((each) => ({ prefix: `${each.path}/`, each }))
    .sort((a, b) => b.prefix.length - a.prefix.length);
  return (path) => exact.get(path) ?? prefixes.find(({ prefix }) => path.startsWith(prefix))?.each;
}
