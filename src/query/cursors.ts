/**
 * Cursors for a server of one's own (RFC 9865): opaque, unforgeable and bound to their query, by WebCrypto, which every runtime
 * has. A cursor is the place in the order itself, encrypted: nothing is kept between two pages.
 */
import { ScimError } from '../error.ts';

/** Options of {@link createCursors} (RFC 9865 §2). */
export interface CursorOptions {
  /** At least 32 bytes that only your servers know, the same on all of them. */
  readonly secret: string | Uint8Array;
  /** How long a cursor is good for, in seconds. Default 3600. */
  readonly timeoutSeconds?: number;
}

/** Makes and reads cursors (RFC 9865 §2). */
export interface Cursors {
  /**
   * The cursor that leads to `position`, any JSON: what the last row of the page sorts by, say. `query` is what it is bound
   * to: the endpoint, the tenant, and every parameter that shapes the result.
   */
  issue(position: unknown, query: readonly unknown[]): Promise<string>;
  /**
   * The position that a cursor leads to.
   * @throws ScimError 400 invalidCursor for what was not issued for this very query, 400 expiredCursor for what is too old.
   */
  read(cursor: string, query: readonly unknown[]): Promise<unknown>;
}

const nonceLength = 12;
const again = '; start again with an empty cursor';

/**
 * Makes what makes cursors (RFC 9865).
 * @throws TypeError for a secret of fewer than 32 bytes.
 */
export function createCursors({ secret, timeoutSeconds = 3600 }: CursorOptions): Cursors {
  const bytes = typeof secret === 'string' ? new TextEncoder().encode(secret) : new Uint8Array(secret);
  if (bytes.length < 32) throw new TypeError('the secret of cursors must have at least 32 bytes');
  const key = crypto.subtle
    .digest('SHA-256', bytes)
    .then((digest) => crypto.subtle.importKey('raw', digest, 'AES-GCM', false, ['encrypt', 'decrypt']));
  // Who issues no cursor is not told of a key that could not be made.
  key.catch(() => {});
  const algorithm = (iv: Uint8Array<ArrayBuffer>, query: readonly unknown[]) => ({
    name: 'AES-GCM',
    iv,
    additionalData: new TextEncoder().encode(JSON.stringify(query.map((part) => part ?? null))),
  });
  return {
    async issue(position, query) {
      const expires = Math.floor(Date.now() / 1000) + timeoutSeconds;
      const nonce = crypto.getRandomValues(new Uint8Array(nonceLength));
      const plain = new TextEncoder().encode(JSON.stringify([expires, position]));
      const sealed = await crypto.subtle.encrypt(algorithm(nonce, query), await key, plain);
      return encoded(new Uint8Array([...nonce, ...new Uint8Array(sealed)]));
    },
    async read(cursor, query) {
      let content: [expires: number, position: unknown];
      try {
        const given = decoded(cursor);
        const [nonce, sealed] = [given.slice(0, nonceLength), given.slice(nonceLength)];
        const plain = await crypto.subtle.decrypt(algorithm(nonce, query), await key, sealed);
        content = JSON.parse(new TextDecoder().decode(plain));
      } catch (cause) {
        throw new ScimError(400, 'invalidCursor', `The cursor is not one of this query${again}`, { cause });
      }
      const [expires, position] = content;
      if (expires * 1000 < Date.now())
        throw new ScimError(400, 'expiredCursor', 'The cursor has expired; start again with an empty cursor');
      return position;
    },
  };
}

/** In RFC 3986's unreserved characters, as a query takes them (RFC 9865 §2). */
function encoded(bytes: Uint8Array): string {
  const text = btoa(String.fromCharCode(...bytes));
  return text.replaceAll('+', '-').replaceAll('/', '_').replace(/=+$/, '');
}

function decoded(text: string): Uint8Array<ArrayBuffer> {
  if (!/^[\w-]+$/.test(text)) throw new Error('not base64url');
  const bytes = atob(text.replaceAll('-', '+').replaceAll('_', '/'));
  return Uint8Array.from(bytes, (character) => character.charCodeAt(0));
}
