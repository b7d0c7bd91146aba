/** Authentication by the embedder's own code, before tokens are looked at. */
import type { Principal } from '../directory/caller.ts';
import { checkPrincipal } from '../directory/embedder-arguments.ts';
import { type Idp, toleratedFor } from '../scim/tolerances.ts';
import type { Actor } from '../store/change.ts';
import type { Awaitable, Store, Tenant } from '../store/store.ts';
import { isPromise } from '../store/stored-resource.ts';
import type { Authenticate, Authenticated } from './authenticate.ts';
import type { HttpRequest } from './message.ts';

/** Who asks, as the embedder's own code knows them. */
export interface EmbedderPrincipal {
  /** Name of the tenant; `default` unless given. */
  readonly tenant?: string;
  /** `scim` unless given. */
  readonly scope?: Principal['scope'];
  /** Whose tolerances apply; `generic` unless given. */
  readonly idp?: Idp;
  /** For the change record. */
  readonly id?: string;
  readonly name?: string;
  /** The id of the user that /Me stands for. */
  readonly subject?: string;
}

/** What the embedder's own authentication sees of a request. */
export interface EmbedderRequest {
  readonly method: string;
  /** With path and query as they were sent. */
  readonly url: string;
  readonly headers: { get(name: string): string | null };
}

/** Undefined for who is not known: then scimd's own tokens are. */
export type EmbedderAuthenticate = (
  request: EmbedderRequest,
) => EmbedderPrincipal | undefined | Promise<EmbedderPrincipal | undefined>;

/** Tenants whose numbers are kept at most, and for how many milliseconds: another server may delete one and make it anew. */
const mostKept = 1000;
const keptFor = 2000;

/**
 * Asks the embedder's own code who it is, and where it knows nobody, `others`. At once where that code answers at once:
 * shown by the workload `tables` of npm run bench.
 */
export function embedderFirst(
  ask: EmbedderAuthenticate,
  store: Pick<Store, 'tenants'>,
  others: Authenticate,
): Authenticate {
  const numbers = new Map<string, number>();
  let staleFrom = 0;
  const numberOf = (tenant: string, now: Date): Awaitable<number> => {
    if (now.getTime() >= staleFrom) {
      numbers.clear();
      staleFrom = now.getTime() + keptFor;
    }
    const known = numbers.get(tenant);
    if (known !== undefined) return known;
    const found = (tenants: readonly Tenant[]): number => {
      if (numbers.size >= mostKept) numbers.clear();
      for (const { name, number } of tenants) if (name === tenant) numbers.set(name, number);
      const number = numbers.get(tenant);
      if (number === undefined) throw new Error(`authenticate: there is no tenant ${tenant}`);
      return number;
    };
    const tenants = store.tenants();
    return tenants instanceof Promise ? tenants.then(found) : found(tenants);
  };
  const whoIs = (found: EmbedderPrincipal, number: number): Authenticated => {
    const { tenant = 'default', scope = 'scim', idp = 'generic', id, name, subject } = found;
    const actor: Actor = {
      kind: 'embedder',
      ...(id === undefined ? {} : { id }),
      ...(name === undefined ? {} : { name }),
      idp,
    };
    const principal: Principal = { tenant: number, tenantName: tenant, scope, actor, idp, subject };
    return { principal, tolerated: toleratedFor(idp) };
  };
  return (request, query, now) => {
    const known = (found: EmbedderPrincipal | undefined | null | false): Awaitable<Authenticated> => {
      // What compilers have not seen may say no in words of its own.
      if (found === undefined || found === null || found === false) return others(request, query, now);
      checkPrincipal(found);
      const number = numberOf(found.tenant ?? 'default', now);
      return number instanceof Promise ? number.then((its) => whoIs(found, its)) : whoIs(found, number);
    };
    const asked = ask(requestOf(request));
    // Theirs may be promises of another kind.
    return isPromise(asked) ? Promise.resolve(asked).then(known) : known(asked);
  };
}

function requestOf(request: HttpRequest): EmbedderRequest {
  const { method, path, search, secure } = request;
  const host = request.header('host') ?? 'localhost';
  return {
    method,
    url: `${secure ? 'https' : 'http'}://${host}${path}${search === '' ? '' : `?${search}`}`,
    headers: { get: (name) => request.header(name.toLowerCase()) ?? null },
  };
}
