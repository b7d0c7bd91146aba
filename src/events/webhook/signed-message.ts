/** One message to one endpoint of webhooks, signed as Standard Webhooks 1.0.0 has it. */
import type { Endpoint } from '../../store/outbox.ts';
import type { Answer } from './management.ts';
import { type SendOptions, send } from './send.ts';
import { signatureHeaders } from './signature.ts';

/** Signs with all secrets that are valid at that time, and sends. Never rejects. */
export function sendSigned(
  { url, secrets, signingKeys, allowPrivate }: Endpoint,
  id: string,
  body: string,
  at: Date,
  options: Omit<SendOptions, 'allowPrivate'>,
): Promise<Answer> {
  const valid = secrets
    .filter(({ until }) => until === undefined || Date.parse(until) > at.getTime())
    .map(({ secret }) => secret);
  const keys = { secrets: valid, privateKeys: signingKeys };
  const headers = signatureHeaders(id, Math.floor(at.getTime() / 1000), body, keys);
  return send(url, headers, body, { ...options, allowPrivate });
}
