/** Push-based delivery (RFC 8935): one token in one POST. */
import type { Endpoint } from '../../store/outbox.ts';
import type { Answer } from '../webhook/management.ts';
import { type SendOptions, send } from '../webhook/send.ts';

/** Sends a signed token to the receiver of a stream (RFC 8935 §2.1). Never rejects. */
export async function push(
  { url, allowPrivate, stream }: Endpoint,
  token: string,
  options: Omit<SendOptions, 'allowPrivate'>,
): Promise<Answer> {
  const headers = {
    'content-type': 'application/secevent+jwt',
    accept: 'application/json',
    ...(stream?.authorization === undefined ? {} : { authorization: stream.authorization }),
  };
  const answer = await send(url, headers, token, { ...options, allowPrivate });
  return answer.status === 400 && isUnreadable(answer.body) ? { ...answer, isRefused: true } : answer;
}

/** RFC 8935 §2.4: the body cannot be parsed as a token, or an event in it is not as it is defined. */
function isUnreadable(answer: string): boolean {
  try {
    return JSON.parse(answer)?.err === 'invalid_request';
  } catch {
    return false;
  }
}
