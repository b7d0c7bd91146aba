/** Clients of the token endpoint that authenticate by a JWT of their own (RFC 7523 §2.2 and §3, RFC 8725). */
import type { JWTPayload } from 'jose';
import type { ClientKeys, ClientStore, Token } from '../store/access-store.ts';
import { KeySet, KeysUnavailable, keysAt } from './key-set.ts';
import type { JwtAlgorithm, Log } from './options.ts';

export const assertionType = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer';
export const assertionAlgorithms: readonly JwtAlgorithm[] = ['RS256', 'PS256', 'ES256', 'ES384', 'EdDSA'];

/** Clocks differ by so much, and an assertion may be valid for so long, in seconds. */
const leeway = 30;
const longest = 3600;
const mostKeySets = 1000;

export interface AssertedClient {
  readonly token: Token;
  readonly hash: string;
}

/** Why an assertion is not taken; is told to the client. */
export class AssertionError extends Error {
  override readonly name = 'AssertionError';
}

export class ClientAssertions {
  readonly #clients: ClientStore;
  readonly #log: Log | undefined;
  /** By what they are read from: kept as long as the server runs. */
  readonly #keySets = new Map<string, KeySet>();

  constructor(clients: ClientStore, log: Log | undefined) {
    this.#clients = clients;
    this.#log = log;
  }

  /**
   * The client whose assertion it is. `audiences` are this server and its token endpoint.
   * @throws AssertionError; KeysUnavailable while its keys cannot be read.
   */
  async verify(assertion: string, audiences: readonly string[], clock: () => Date): Promise<AssertedClient> {
    const { decodeJwt, errors, jwtVerify } = await import('jose');
    const refused = (what: string): AssertionError => new AssertionError(`The client assertion ${what}`);
    let issuer: string | undefined;
    try {
      issuer = decodeJwt(assertion).iss;
    } catch {
      throw refused('is no JWT');
    }
    const client = issuer === undefined ? undefined : await this.#clients.find(issuer);
    if (client === undefined) throw refused('is of no client that is known here, by iss');
    const { token, hash, keys } = client;
    const now = clock();
    let payload: JWTPayload;
    try {
      ({ payload } = await jwtVerify(assertion, (await this.#keysOf(keys, clock)).keyFor, {
        issuer: issuer as string,
        subject: issuer as string,
        audience: [...audiences],
        algorithms: [...assertionAlgorithms],
        clockTolerance: leeway,
        requiredClaims: ['exp', 'jti'],
        currentDate: now,
      }));
    } catch (error) {
      if (error instanceof KeysUnavailable) throw error;
      if (error instanceof errors.JWTExpired) throw refused('has expired');
      if (error instanceof errors.JWTClaimValidationFailed)
        throw refused(`has not the claim ${error.claim} that is expected`);
      if (error instanceof errors.JOSEError) throw refused('cannot be verified');
      throw error;
    }
    const end = (payload.exp as number) * 1000;
    if (end - now.getTime() > (longest + leeway) * 1000)
      throw refused(`is valid for more than ${longest} seconds`);
    // RFC 7523 §3: the same assertion is not taken twice.
    const isFirst = await this.#clients.useOnce(
      `${token.id} ${payload.jti}`,
      end + leeway * 1000,
      now.getTime(),
    );
    if (!isFirst) throw refused('was used before');
    return { token, hash };
  }

  async #keysOf(keys: ClientKeys, clock: () => Date): Promise<KeySet> {
    const name = JSON.stringify(keys);
    let known = this.#keySets.get(name);
    if (known === undefined) {
      const { createLocalJWKSet } = await import('jose');
      const source = 'jwksUri' in keys ? keysAt(keys.jwksUri) : async () => JSON.parse(keys.jwks) as unknown;
      known = new KeySet(source, createLocalJWKSet, clock, this.#log);
      const [oldest] = this.#keySets.keys();
      if (this.#keySets.size >= mostKeySets && oldest !== undefined) this.#keySets.delete(oldest);
      this.#keySets.set(name, known);
    }
    return known;
  }
}
