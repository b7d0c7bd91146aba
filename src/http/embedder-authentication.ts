/** Authentication by the embedder's own code, before tokens are looked at. */
import type { Principal } from '../directory/caller.ts';
import { type Idp, toleratedFor } from '../scim/tolerances.ts';
import type { Actor } from '../store/change.ts';
import type { Store } from '../store/store.ts';
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

/** Asks the embedder's own code who it is, and where it knows nobody, `others`. */
export function embedderFirst(
  ask: EmbedderAuthenticate,
  store: Pick<Store, 'tenants'>,
  others: Authenticate,
): Authenticate {
  const numbers = new Map<string, number>();
  const known = async (request: HttpRequest): Promise<Authenticated | undefined> => {
    const { method, path, search, secure } = request;
    const header = (name: string): string | undefined => request.header(name);
    const host = header('host') ?? 'localhost';
    const url = `${secure ? 'https' : 'http'}://${host}${path}${search === '' ? '' : `?${search}`}`;
    const found = await ask({ method, url, headers: { get: (name) => header(name.toLowerCase()) ?? null } });
    if (found === undefined) return undefined;
    const { tenant = 'default', scope = 'scim', idp = 'generic', id, name, subject } = found;
    if (!numbers.has(tenant)) for (const each of await store.tenants()) numbers.set(each.name, each.number);
    const number = numbers.get(tenant);
    if (number === undefined) throw new Error(`authenticate: there is no tenant ${tenant}`);
    const actor: Actor = {
      kind: 'embedder',
      ...(id === undefined ? {} : { id }),
      ...(name === undefined ? {} : { name }),
      idp,
    };
    const principal: Principal = { tenant: number, tenantName: tenant, scope, actor, idp, subject };
    return { principal, tolerated: toleratedFor(idp) };
  };
  return async (request, query, now) => (await known(request)) ?? others(request, query, now);
}
