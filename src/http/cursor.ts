/**
 * Cursors (RFC 9865): opaque, unforgeable, bound to the query they came from. A cursor is the place in the order,
 * encrypted and authenticated with the database's own secret, so nothing is kept open between two pages.
 */
import { createCipheriv, createDecipheriv, createHash, randomBytes } from 'node:crypto';
import { ScimError } from '../error.ts';
import type { Position } from '../store/store.ts';

export interface CursorState {
  readonly direction: 'after' | 'before';
  readonly position: Position;
  /** The page size of the walk; it must not change on the way (RFC 9865 §2.1). */
  readonly count: number;
}

/** What a cursor is bound to: endpoint, tenant and every parameter that shapes the result. */
export type Binding = readonly (string | number | undefined)[];

function invalidCursor(): ScimError {
  return new ScimError(
    400,
    'invalidCursor',
    'The cursor is not one of this query; start again with an empty cursor',
  );
}

function digest(binding: Binding): string {
  return createHash('sha256')
    .update(JSON.stringify(binding.map((part) => part ?? null)))
    .digest('base64url')
    .slice(0, 22);
}

export class Cursors {
  readonly #key: Uint8Array;
  readonly #timeoutSeconds: number;
  readonly #clock: () => Date;

  /** `key` has 32 bytes. */
  constructor(key: Uint8Array, timeoutSeconds: number, clock: () => Date) {
    this.#key = key;
    this.#timeoutSeconds = timeoutSeconds;
    this.#clock = clock;
  }

  /** A cursor in RFC 3986's unreserved characters. */
  issue(state: CursorState, binding: Binding): string {
    const expires = Math.floor(this.#clock().getTime() / 1000) + this.#timeoutSeconds;
    const { direction, position, count } = state;
    const plain = JSON.stringify([digest(binding), expires, direction === 'after' ? 1 : 0, position, count]);
    const nonce = randomBytes(12);
    const cipher = createCipheriv('aes-256-gcm', this.#key, nonce);
    return Buffer.concat([nonce, cipher.update(plain, 'utf8'), cipher.final(), cipher.getAuthTag()]).toString(
      'base64url',
    );
  }

  /** Throws 400 invalidCursor for anything not issued here for this very query, 400 expiredCursor for what is too old. */
  read(cursor: string, binding: Binding): CursorState {
    const [of, expires, after, position, count] = this.#decrypt(cursor);
    if (of !== digest(binding)) throw invalidCursor();
    if (expires * 1000 < this.#clock().getTime()) {
      throw new ScimError(400, 'expiredCursor', 'The cursor has expired; start again with an empty cursor');
    }
    return { direction: after === 1 ? 'after' : 'before', position, count };
  }

  #decrypt(cursor: string): [string, number, number, string, number] {
    const bytes = Buffer.from(cursor, 'base64url');
    if (bytes.length < 28 || bytes.toString('base64url') !== cursor) throw invalidCursor();
    try {
      const decipher = createDecipheriv('aes-256-gcm', this.#key, bytes.subarray(0, 12));
      decipher.setAuthTag(bytes.subarray(-16));
      return JSON.parse(decipher.update(bytes.subarray(12, -16), undefined, 'utf8') + decipher.final('utf8'));
    } catch (cause) {
      throw cause instanceof ScimError ? cause : invalidCursor();
    }
  }
}
