/** Signatures of Standard Webhooks 1.0.0: `v1` with a shared secret, `v1a` with an ed25519 key beside it. */
import {
  createHmac,
  createPrivateKey,
  createPublicKey,
  createSecretKey,
  generateKeyPairSync,
  type KeyObject,
  randomBytes,
  sign,
} from 'node:crypto';

/** What signs a message; of two, both do, while a receiver is changed over. */
export interface SigningKeys {
  /** `whsec_…`. */
  readonly secrets: readonly string[];
  /** `whsk_…`: the ed25519 seed. */
  readonly privateKeys: readonly string[];
}

/** `whsec_` and 32 random bytes in base 64. */
export function newWebhookSecret(): string {
  return `whsec_${randomBytes(32).toString('base64')}`;
}

/** `whsk_` and the ed25519 seed in base 64, and what a receiver verifies with: `whpk_…`. */
export function newWebhookKey(): { readonly privateKey: string; readonly publicKey: string } {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
  return {
    privateKey: `whsk_${Buffer.from(privateKey.export({ format: 'jwk' }).d ?? '', 'base64url').toString('base64')}`,
    publicKey: publicText(publicKey),
  };
}

/** `whpk_…` for `whsk_…`. */
export function publicKeyOf(privateKey: string): string {
  return publicText(createPublicKey(keyOf(privateKey)));
}

function publicText(key: KeyObject): string {
  return `whpk_${Buffer.from(key.export({ format: 'jwk' }).x ?? '', 'base64url').toString('base64')}`;
}

/** The fixed head of a PKCS #8 key of ed25519, before its seed (RFC 8410 §7). */
const pkcs8 = Buffer.from('302e020100300506032b657004220420', 'hex');

function keyOf(privateKey: string): KeyObject {
  const seed = Buffer.from(privateKey.slice('whsk_'.length), 'base64');
  return createPrivateKey({ key: Buffer.concat([pkcs8, seed]), format: 'der', type: 'pkcs8' });
}

/** Made once for each secret: that takes longer than a signature. */
const secretKeys = new Map<string, KeyObject>();
const mostSecretKeys = 1000;

function secretKeyOf(secret: string): KeyObject {
  const known = secretKeys.get(secret);
  if (known !== undefined) return known;
  const key = createSecretKey(Buffer.from(secret.slice('whsec_'.length), 'base64'));
  if (secretKeys.size >= mostSecretKeys) secretKeys.clear();
  secretKeys.set(secret, key);
  return key;
}

/** The headers of one message. `seconds` is the time of this try since 1970. */
export function signatureHeaders(
  id: string,
  seconds: number,
  body: string,
  { secrets, privateKeys }: SigningKeys,
): Record<string, string> {
  const content = `${id}.${seconds}.${body}`;
  const signatures = [
    ...secrets.map(
      (secret) => `v1,${createHmac('sha256', secretKeyOf(secret)).update(content).digest('base64')}`,
    ),
    ...privateKeys.map((key) => `v1a,${sign(null, Buffer.from(content), keyOf(key)).toString('base64')}`),
  ];
  return {
    'webhook-id': id,
    'webhook-timestamp': String(seconds),
    'webhook-signature': signatures.join(' '),
  };
}
