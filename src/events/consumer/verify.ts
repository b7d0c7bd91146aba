/** Verification of webhooks (Standard Webhooks 1.0.0), with nothing but Web Crypto. */
import type { Event } from '../event.ts';

/** The message is not from the server, or is too old: answer 400 and do nothing. */
export class VerificationError extends Error {
  override readonly name = 'VerificationError';
}

/** What a webhook is verified with (Standard Webhooks 1.0.0). */
export interface VerifyOptions {
  /** `whsec_…`, or `whpk_…` for ed25519; of several one must fit. */
  readonly secret: string | readonly string[];
  /** By how many seconds the clocks may differ; 300 unless given. */
  readonly tolerance?: number;
  readonly now?: () => Date;
}

/** A Request, or what another framework has of one: the body must be as it was sent, not parsed. */
export type SignedRequest =
  | Request
  | {
      readonly headers: Headers | Readonly<Record<string, string | readonly string[] | undefined>>;
      readonly body: string | Uint8Array;
    };

/**
 * The events of a webhook, mostly one; several of an endpoint that takes batches.
 *
 * ```ts
 * for (const event of await verify(request, { secret })) await handle(event);
 * return new Response(null, { status: 204 });
 * ```
 *
 * @throws VerificationError
 */
export async function verify(
  request: SignedRequest,
  { secret, tolerance = 300, now = () => new Date() }: VerifyOptions,
): Promise<readonly Event[]> {
  const id = headerOf(request, 'webhook-id');
  const timestamp = headerOf(request, 'webhook-timestamp');
  const signatures = headerOf(request, 'webhook-signature');
  if (!/^\d{1,12}$/.test(timestamp)) throw new VerificationError('webhook-timestamp is not a time');
  const age = now().getTime() / 1000 - Number(timestamp);
  if (Math.abs(age) > tolerance)
    throw new VerificationError(
      `the message is ${Math.round(age)} seconds old, and may be ${tolerance}: look at the clock`,
    );
  const body =
    'body' in request && (typeof request.body === 'string' || request.body instanceof Uint8Array)
      ? request.body
      : await textOf(request);
  const bytes = typeof body === 'string' ? new TextEncoder().encode(body) : body;
  const head = new TextEncoder().encode(`${id}.${timestamp}.`);
  const content = new Uint8Array(head.length + bytes.length);
  content.set(head);
  content.set(bytes, head.length);
  const secrets = typeof secret === 'string' ? [secret] : (secret ?? []);
  if (secrets.length === 0 || secrets.includes('')) throw new VerificationError('the secret is missing');
  for (const each of secrets)
    if (await isSignedBy(each, signatures, content)) return eventsIn(new TextDecoder().decode(bytes));
  throw new VerificationError('no signature fits: the secret is another one, or the body was changed');
}

function textOf(request: SignedRequest): Promise<string> {
  if ('text' in request) return request.text();
  throw new VerificationError('the body must be given as it was sent, as text or bytes, and not parsed');
}

function headerOf({ headers }: SignedRequest, name: string): string {
  // Those of a framework, or of another realm, are no instances of the global class.
  const found = isHeaders(headers)
    ? headers.get(name)
    : Object.entries(headers).find(([each]) => each.toLowerCase() === name)?.[1];
  if (typeof found === 'string' && found !== '') return found;
  throw new VerificationError(`the header ${name} is missing`);
}

function isHeaders(headers: SignedRequest['headers']): headers is Headers {
  return typeof headers.get === 'function';
}

async function isSignedBy(
  secret: string,
  signatures: string,
  content: Uint8Array<ArrayBuffer>,
): Promise<boolean> {
  const isPublic = secret.startsWith('whpk_');
  const version = isPublic ? 'v1a,' : 'v1,';
  const candidates = signatures.split(' ').filter((each) => each.startsWith(version));
  if (candidates.length === 0) return false;
  const algorithm = isPublic ? 'Ed25519' : { name: 'HMAC', hash: 'SHA-256' };
  const bytes = bytesOf(secret.replace(/^whsec_|^whpk_/, ''));
  if (bytes === undefined) throw new VerificationError('a secret is not in base 64');
  const key = await crypto.subtle.importKey('raw', bytes, algorithm, false, ['verify']);
  for (const candidate of candidates) {
    const name = isPublic ? 'Ed25519' : 'HMAC';
    const signature = bytesOf(candidate.slice(version.length));
    // Takes the same time whatever is wrong with the signature.
    if (signature !== undefined && (await crypto.subtle.verify(name, key, signature, content))) return true;
  }
  return false;
}

function bytesOf(base64: string): Uint8Array<ArrayBuffer> | undefined {
  let binary: string;
  try {
    binary = atob(base64);
  } catch {
    return undefined;
  }
  return Uint8Array.from(binary, (character) => character.charCodeAt(0));
}

function eventsIn(body: string): readonly Event[] {
  const message = JSON.parse(body) as Event | { readonly type: 'batch'; readonly events: readonly Event[] };
  return message.type === 'batch' ? message.events : [message];
}
