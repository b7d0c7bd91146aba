/** Tokens: made, replaced by others for the same use, and revoked. */
import type { ClientKeys } from '../store/access-store.ts';
import type { AccessStore, Scope, Token } from '../store/store.ts';
import { hashSecret, newSecret } from './secret.ts';

/** A year, which tokens live unless told otherwise (RFC 7644 §7.4: tokens have an end), in milliseconds. */
const year = 365 * 24 * 60 * 60 * 1000;

export interface TokenRequest {
  readonly name: string;
  /** The number of the tenant. */
  readonly tenant: number;
  readonly idp: string;
  readonly scope: Scope;
  /** A year from now unless given. */
  readonly expires?: Date | undefined;
  /** The id of the user that /Me stands for. */
  readonly subject?: string | undefined;
  /** With keys it is a client of the token endpoint, which authenticates by an assertion (RFC 7523). */
  readonly keys?: ClientKeys | undefined;
}

/** A new token with its text, which is known here only. */
export interface IssuedToken {
  readonly token: Token;
  readonly secret: string;
}

export class Tokens {
  readonly #store: AccessStore;
  readonly #clock: () => Date;

  constructor(store: AccessStore, clock: () => Date = () => new Date()) {
    this.#store = store;
    this.#clock = clock;
  }

  async create({ name, tenant, idp, scope, expires, subject, keys }: TokenRequest): Promise<IssuedToken> {
    const secret = newSecret();
    const token = await this.#store.createToken({
      hash: hashSecret(secret),
      name,
      tenant,
      idp,
      scope,
      expires: (expires ?? new Date(this.#clock().getTime() + year)).toISOString(),
      ...(subject === undefined ? {} : { subject }),
    });
    if (keys !== undefined) await this.#store.clients.setKeys(token.id, keys);
    return { token, secret };
  }

  /**
   * A new token for the same use, which lives as long as the old one was given unless `expires` is. The old one works
   * until `until`, while the provider is being changed over.
   */
  async rotate(old: Token, until: Date, expires?: Date): Promise<IssuedToken> {
    const { name, tenant, idp, scope, subject } = old;
    const life = old.expires === undefined ? year : Date.parse(old.expires) - Date.parse(old.created);
    const client = await this.#store.clients.find(old.id);
    const issued = await this.create({
      ...{ name, tenant, idp, scope, subject, keys: client?.keys },
      expires: expires ?? new Date(this.#clock().getTime() + life),
    });
    await this.#store.revokeToken(old.id, until.toISOString());
    return issued;
  }

  /** From now on; undefined if there is no such token. */
  async revoke(id: string): Promise<Token | undefined> {
    return this.#store.revokeToken(id, this.#clock().toISOString());
  }
}
