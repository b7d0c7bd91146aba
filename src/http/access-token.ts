/**
 * Short-lived access tokens, given for a token of the store. One is the token's hash, an end and a scope, encrypted
 * and authenticated with a key of the database's own: nothing is kept for it, and it dies with the token that it was
 * given for.
 */
import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from 'node:crypto';
import type { Scope, Store } from '../store/store.ts';
import { authenticatedBy, isLive, type Verify } from './authenticate.ts';

const prefix = 'scimd_at_';
const scopes: readonly Scope[] = ['scim', 'read', 'admin', 'metrics', 'events'];

export interface Grant {
  /** The SHA-256 of the token that it is given for. */
  readonly hash: string;
  readonly expires: Date;
  readonly scope: Scope;
}

export class AccessTokens {
  readonly #key: Uint8Array;

  /** `secretKey` is the store's secret, from which another one is derived. */
  constructor(secretKey: Uint8Array) {
    this.#key = new Uint8Array(hkdfSync('sha256', secretKey, '', 'scimd access token', 32));
  }

  issue({ hash, expires, scope }: Grant): string {
    const plain = Buffer.alloc(41);
    plain.write(hash, 0, 'hex');
    plain.writeDoubleBE(expires.getTime(), 32);
    plain[40] = scopes.indexOf(scope);
    const nonce = randomBytes(12);
    const cipher = createCipheriv('aes-256-gcm', this.#key, nonce);
    const sealed = Buffer.concat([nonce, cipher.update(plain), cipher.final(), cipher.getAuthTag()]);
    return prefix + sealed.toString('base64url');
  }

  /** Undefined for anything not issued with this key. */
  read(text: string): Grant | undefined {
    if (!text.startsWith(prefix)) return undefined;
    const encoded = text.slice(prefix.length);
    const bytes = Buffer.from(encoded, 'base64url');
    if (bytes.length !== 12 + 41 + 16 || bytes.toString('base64url') !== encoded) return undefined;
    const decipher = createDecipheriv('aes-256-gcm', this.#key, bytes.subarray(0, 12));
    decipher.setAuthTag(bytes.subarray(-16));
    try {
      const plain = Buffer.concat([decipher.update(bytes.subarray(12, -16)), decipher.final()]);
      return {
        hash: plain.toString('hex', 0, 32),
        expires: new Date(plain.readDoubleBE(32)),
        scope: scopes[plain[40] as number] as Scope,
      };
    } catch {
      return undefined;
    }
  }
}

/** Takes access tokens as long as the tokens that they were given for are taken. */
export function accessTokenVerifier(store: Pick<Store, 'findToken'>, tokens: AccessTokens): Verify {
  return async (text, now) => {
    const grant = tokens.read(text);
    if (grant === undefined) return undefined;
    const token = await store.findToken(grant.hash);
    if (grant.expires <= now || token === undefined || !isLive(token, now))
      return { refused: 'it is unknown, expired or revoked' };
    return authenticatedBy({ ...token, scope: grant.scope });
  };
}
