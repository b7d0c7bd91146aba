/**
 * The keys that security event tokens are signed with (RFC 7515, RS256, as the CAEP interoperability profile wants it).
 * A key signs for 90 days; its successor is published a day before it signs, and it stays published for a week after.
 */
import type { CryptoKey, JWK } from 'jose';
import type { SigningKey, StreamStore } from '../../store/streams.ts';
import type { SetClaims } from './security-events.ts';

const hour = 60 * 60 * 1000;
const day = 24 * hour;
const lifetime = 90 * day;
/** Receivers cache the published keys for less than that. */
const announced = day;
const publishedAfter = 7 * day;
const algorithm = 'RS256';

/** The public half of an RSA key (RFC 7517 §4, RFC 7518 §6.3.1). */
export interface PublishedKey {
  readonly kty: string;
  readonly n: string;
  readonly e: string;
  readonly kid: string;
  readonly use: 'sig';
  readonly alg: string;
}

export class SigningKeys {
  readonly #store: Pick<StreamStore, 'signingKeys' | 'addSigningKey' | 'removeSigningKeys'>;
  readonly #clock: () => Date;
  /** By id, ready to sign. */
  readonly #imported = new Map<string, Promise<CryptoKey>>();
  #making: Promise<SigningKey> | undefined;

  constructor(
    store: Pick<StreamStore, 'signingKeys' | 'addSigningKey' | 'removeSigningKeys'>,
    clock: () => Date,
  ) {
    this.#store = store;
    this.#clock = clock;
  }

  /** The public keys (RFC 7517 §5); makes the first one, and those that are due. */
  async published(): Promise<{ readonly keys: readonly PublishedKey[] }> {
    const { keys } = await this.#renewed();
    return {
      keys: keys.map(({ id, key }) => {
        const { kty, n, e } = JSON.parse(key) as Pick<PublishedKey, 'kty' | 'n' | 'e'>;
        return { kty, n, e, kid: id, use: 'sig', alg: algorithm };
      }),
    };
  }

  /** A new key that signs from now on; what was signed before can still be verified, unless `revoke` is. */
  async rotate(revoke = false): Promise<SigningKey> {
    const before = await this.#store.signingKeys();
    const made = await this.#make(this.#clock());
    if (revoke) await this.#store.removeSigningKeys(before.map(({ id }) => id));
    return made;
  }

  /** The token, as its compact text (RFC 8417 §2.2, RFC 8725 §3.11). */
  async sign(claims: SetClaims): Promise<string> {
    const { SignJWT } = await import('jose');
    const { current } = await this.#renewed();
    return new SignJWT({ ...claims })
      .setProtectedHeader({ alg: algorithm, typ: 'secevent+jwt', kid: current.id })
      .setIssuedAt(claims.iat ?? this.#clock())
      .sign(await this.#ready(current));
  }

  async #renewed(): Promise<{ readonly current: SigningKey; readonly keys: readonly SigningKey[] }> {
    const now = this.#clock().getTime();
    let keys = [...(await this.#store.signingKeys())];
    const last = keys.at(-1);
    if (last === undefined || Date.parse(last.signsFrom) + lifetime - announced <= now) {
      // Several ask at once.
      this.#making ??= this.#make(new Date(last === undefined ? now : now + announced)).finally(() => {
        this.#making = undefined;
      });
      keys = [...keys.filter(({ id }) => id !== last?.id), ...(last ? [last] : []), await this.#making];
    }
    const signing = keys.filter(({ signsFrom }) => Date.parse(signsFrom) <= now);
    // A clock that was set back leaves the oldest.
    const current = (signing.at(-1) ?? keys[0]) as SigningKey;
    const ended = keys.filter((_, index) => {
      const next = keys[index + 1];
      return next !== undefined && Date.parse(next.signsFrom) + publishedAfter <= now;
    });
    if (ended.length > 0) await this.#store.removeSigningKeys(ended.map(({ id }) => id));
    return { current, keys: keys.filter((key) => !ended.includes(key)) };
  }

  async #make(from: Date): Promise<SigningKey> {
    const { calculateJwkThumbprint, exportJWK, generateKeyPair } = await import('jose');
    const { privateKey } = await generateKeyPair(algorithm, { modulusLength: 2048, extractable: true });
    const jwk = await exportJWK(privateKey);
    const made = {
      id: await calculateJwkThumbprint(jwk),
      key: JSON.stringify(jwk),
      created: this.#clock().toISOString(),
      signsFrom: from.toISOString(),
    };
    await this.#store.addSigningKey(made);
    return made;
  }

  #ready({ id, key }: SigningKey): Promise<CryptoKey> {
    let ready = this.#imported.get(id);
    if (ready === undefined) {
      ready = import('jose').then(async ({ importJWK }) => {
        const imported = await importJWK(JSON.parse(key) as JWK, algorithm);
        if (imported instanceof Uint8Array) throw new TypeError('a signing key must not be a shared secret');
        return imported;
      });
      // The ones before it sign no more.
      this.#imported.clear();
      this.#imported.set(id, ready);
    }
    return ready;
  }
}
