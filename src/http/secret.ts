import { hash, randomBytes } from 'node:crypto';

/** A new token: 256 random bits behind a prefix that secret scanners can find. */
export function newSecret(): string {
  return `scimd_${randomBytes(32).toString('base64url')}`;
}

/** What the store keeps of a token: the SHA-256 of its whole text. */
export function hashSecret(secret: string): Uint8Array {
  return hash('sha256', secret, 'buffer');
}
