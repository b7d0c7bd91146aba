/** The keys that a token issuer publishes (RFC 7517 §5): kept, renewed in the background, asked again for a new one. */
import { readFile } from 'node:fs/promises';
import type { createLocalJWKSet, JSONWebKeySet, JWTVerifyGetKey } from 'jose';
import type { Log } from './options.ts';

/** So old, keys are renewed: one that the issuer has withdrawn is taken no longer than that. */
const renewAfter = 10 * 60 * 1000;
/** Unknown key ids make us ask the issuer, but no more often than this. */
const askAgainAfter = 30 * 1000;
/** After each failure in turn the issuer is left alone for twice as long. */
const backOff = { first: 1000, longest: 60 * 1000 };
const answerWithin = 5000;
const largest = 1024 * 1024;

/** The issuer's signing keys are unavailable, which is no fault of the token. */
export class KeysUnavailable extends Error {
  override readonly name = 'KeysUnavailable';
}

export type KeySource = () => Promise<unknown>;

export function keysAt(uri: string): KeySource {
  return async () => {
    const response = await fetch(uri, {
      signal: AbortSignal.timeout(answerWithin),
      redirect: 'error',
      headers: { accept: 'application/jwk-set+json, application/json' },
    });
    if (!response.ok) throw new Error(`${uri} answers ${response.status}`);
    const chunks: Uint8Array[] = [];
    let length = 0;
    for await (const chunk of response.body ?? []) {
      length += chunk.length;
      if (length > largest) throw new Error(`${uri} answers more than ${largest} bytes`);
      chunks.push(chunk);
    }
    return JSON.parse(Buffer.concat(chunks).toString('utf8'));
  };
}

/** The file of keys cannot be used: the message says which and why. */
export class JwksFileError extends Error {
  override readonly name = 'JwksFileError';
}

/** Types of public keys (RFC 7518 §6.1, RFC 8037 §2); a shared secret verifies nothing here. */
const publicKeyTypes: readonly unknown[] = ['RSA', 'EC', 'OKP'];

/**
 * The JWK set (RFC 7517 §5) in a file.
 * @throws JwksFileError where it cannot be read, or contains no public key.
 */
export async function readJwksFile(file: string): Promise<unknown> {
  let set: unknown;
  try {
    set = JSON.parse(await readFile(file, 'utf8'));
  } catch (cause) {
    const problem = cause instanceof SyntaxError ? 'is not JSON' : 'cannot be read';
    throw new JwksFileError(`${file} ${problem}: ${(cause as Error).message}`, { cause });
  }
  const keys = (set as { keys?: unknown } | null)?.keys;
  const usable = (key: { kty?: unknown } | null): boolean => publicKeyTypes.includes(key?.kty);
  if (Array.isArray(keys) && keys.some(usable)) return set;
  throw new JwksFileError(
    `${file} contains no public key: it must be a JWK set, { "keys": [{ "kty": "RSA", … }] } (RFC 7517 §5)`,
  );
}

export class KeySet {
  #keys: JWTVerifyGetKey | undefined;
  #loaded = Number.NEGATIVE_INFINITY;
  #tried = Number.NEGATIVE_INFINITY;
  #loading: Promise<void> | undefined;
  /** Attempts that failed since one succeeded. */
  #failures = 0;
  #failure: unknown;
  readonly #source: KeySource;
  readonly #compile: typeof createLocalJWKSet;
  readonly #clock: () => Date;
  readonly #log: Log | undefined;

  /** `compile` is jose's, which is loaded only where it is needed. */
  constructor(source: KeySource, compile: typeof createLocalJWKSet, clock: () => Date, log: Log | undefined) {
    this.#source = source;
    this.#compile = compile;
    this.#clock = clock;
    this.#log = log;
  }

  /** The key for a token. Throws KeysUnavailable, or jose's error when there is no such key. */
  readonly keyFor: JWTVerifyGetKey = async (header, token) => {
    if (this.#keys === undefined) await this.#load();
    else if (this.#isPast(this.#loaded, renewAfter) && this.#isPast(this.#tried, askAgainAfter))
      // What is known serves until the new ones are there, also while the issuer is away.
      this.#load().catch(() => {});
    const keys = this.#keys as JWTVerifyGetKey;
    try {
      return await keys(header, token);
    } catch (error) {
      const unknown = (error as { code?: string }).code === 'ERR_JWKS_NO_MATCHING_KEY';
      if (!unknown || !this.#isPast(this.#tried, askAgainAfter)) throw error;
      await this.#load();
      return (this.#keys as JWTVerifyGetKey)(header, token);
    }
  };

  /** A clock that was set back makes nobody wait for it to be where it was. */
  #isPast(time: number, span: number): boolean {
    const since = this.#clock().getTime() - time;
    return since > span || since < 0;
  }

  /** Throws KeysUnavailable, without asking while the last failure is so young that the next is to be expected. */
  async #load(): Promise<void> {
    if (this.#loading === undefined) {
      const wait = Math.min(backOff.first * 2 ** (this.#failures - 1), backOff.longest);
      if (this.#failures > 0 && !this.#isPast(this.#tried, wait))
        throw new KeysUnavailable('no keys', { cause: this.#failure });
      this.#loading = this.#read().finally(() => {
        this.#loading = undefined;
      });
    }
    return this.#loading;
  }

  async #read(): Promise<void> {
    this.#tried = this.#clock().getTime();
    try {
      this.#keys = this.#compile((await this.#source()) as JSONWebKeySet);
      this.#loaded = this.#tried;
      if (this.#failures > 0) this.#log?.info({}, 'the keys of the token issuer are there again');
      this.#failures = 0;
    } catch (cause) {
      this.#failure = cause;
      // Once for as long as it lasts.
      if (this.#failures++ === 0)
        this.#log?.error({ err: cause }, 'the signing keys of the token issuer are unavailable');
      throw new KeysUnavailable('no keys', { cause });
    }
  }
}
