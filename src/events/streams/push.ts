/** Push-based delivery (RFC 8935): one token in one POST. */
import type { Endpoint } from '../../store/outbox.ts';
import type { Answer } from '../webhook/management.ts';
import { type SendOptions, send } from '../webhook/send.ts';

/** Sends a signed token to the receiver of a stream (RFC 8935 §2.1). Never rejects. */
export function push(
  { url, allowPrivate, stream }: Endpoint,
  token: string,
  options: Omit<SendOptions, 'allowPrivate'>,
): Promise<Answer> {
  const headers = {
    'content-type': 'application/secevent+jwt',
    accept: 'application/json',
    ...(stream?.authorization === undefined ? {} : { authorization: stream.authorization }),
  };
  return send(url, headers, token, { ...options, allowPrivate });
}
