/** Bearer tokens for who embeds the server, by names of tenants. */
import type { Idp } from '../scim/tolerances.ts';
import type { ClientKeys } from '../store/access-store.ts';
import type { Scope, Store, Token } from '../store/store.ts';
import { checkDate, checkNewToken, checkWhole } from './embedder-arguments.ts';
import { Tokens } from './tokens.ts';

/** A bearer token to be made (RFC 6750). */
export interface NewToken {
  readonly name: string;
  /** Name of the tenant; `default` unless given, made if there is none. */
  readonly tenant?: string;
  /** Whose tolerances apply; `generic` unless given. */
  readonly idp?: Idp;
  readonly scope?: Scope;
  /** A year from now unless given (RFC 7644 §7.4: tokens have an end). */
  readonly expires?: Date;
  /** The id of the user that /Me stands for. */
  readonly subject?: string;
  /** With keys it is a client of the token endpoint, which authenticates by assertions (RFC 7523); its id is its client_id. */
  readonly keys?: ClientKeys;
}

/** What {@link Scimd.tokens} can do. */
export interface ScimdTokens {
  /** All, or those of the tenant of that name; revoked and expired ones too. */
  list(options?: { readonly tenant?: string }): Promise<readonly Token[]>;
  /**
   * A new token for the same use, whose text is told here only. The old one works for `overlapSeconds` more, a day
   * unless given; the new one lives as long as the old one was given, unless `expires` is.
   * @throws RangeError if there is no such token.
   */
  rotate(
    id: string,
    options?: { readonly overlapSeconds?: number; readonly expires?: Date },
  ): Promise<{ readonly id: string; readonly token: string }>;
  /**
   * Takes a token back from now on.
   * @throws RangeError if there is no such token.
   */
  revoke(id: string): Promise<Token>;
}

/** Seconds for which a token that was replaced works on. */
const overlap = 24 * 60 * 60;

/** `existing` answers a tenant's number by its name, and throws where there is none; `made` makes it then. */
export function embeddedTokens(
  store: Store,
  { existing, made }: Readonly<Record<'existing' | 'made', (tenant: string) => Promise<number>>>,
  clock: () => Date,
): ScimdTokens & {
  create(token: NewToken): Promise<{ readonly id: string; readonly token: string }>;
} {
  const tokens = new Tokens(store, clock);
  return {
    async create(token) {
      checkNewToken(token);
      const { tenant = 'default', idp = 'generic', scope = 'scim', ...asked } = token;
      const created = await tokens.create({ ...asked, tenant: await made(tenant), idp, scope });
      return { id: created.token.id, token: created.secret };
    },
    list: async ({ tenant } = {}) =>
      store.listTokens(tenant === undefined ? undefined : await existing(tenant)),
    async rotate(id, { overlapSeconds = overlap, expires } = {}) {
      checkDate('tokens.rotate: expires', expires);
      checkWhole({ 'tokens.rotate: overlapSeconds': overlapSeconds });
      const old = (await store.listTokens()).find((each) => each.id === id);
      if (old === undefined) throw noToken(id);
      const until = new Date(clock().getTime() + overlapSeconds * 1000);
      const { token, secret } = await tokens.rotate(old, until, expires);
      return { id: token.id, token: secret };
    },
    async revoke(id) {
      const revoked = await tokens.revoke(id);
      if (revoked === undefined) throw noToken(id);
      return revoked;
    },
  };
}

function noToken(id: string): RangeError {
  return new RangeError(`there is no token ${id}`);
}
