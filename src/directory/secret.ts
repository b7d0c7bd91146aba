import { hash, randomBytes } from 'node:crypto';

/** A new token: 256 random bits behind a prefix that secret scanners can find. */
export function newSecret(): string {
  return `scimd_${randomBytes(32).toString('base64url')}`;
}

/** What the store knows a token by: the SHA-256 of its whole text, in lower-case hexadecimal digits. */
export function hashSecret(secret: string): string {
  return hash('sha256', secret, 'hex');
}
