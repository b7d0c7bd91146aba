/** Exchanges as they come in, as server-sent events (WHATWG HTML, section 9.2). */
import * as v from 'valibot';
import { ScimError } from '../error.ts';
import type { BodyPieces, HttpRequest, HttpResponse } from '../http/message.ts';
import type { RequestEnd } from '../store/work.ts';
import { queryOf } from './answers.ts';
import type { Asked } from './api/endpoint.ts';
import { exchangeStreamQuery, exchangesFor, exchangesFrom, logOf } from './api/exchanges.ts';

/** Milliseconds after which a comment says that the connection lives; and how long a look follows a write at the earliest. */
const heartbeat = 15_000;
const rest = 200;
/** Pages that stream at once. */
const mostStreams = 50;
let streams = 0;

/** Ends with the session: whoever was signed out, or whose token was revoked, sees nothing more. */
export async function exchangeStream(
  asked: Pick<Asked<unknown, unknown>, 'parts' | 'session' | 'base'>,
  request: HttpRequest,
  isSignedIn: () => Promise<boolean>,
): Promise<HttpResponse> {
  const parsed = v.safeParse(exchangeStreamQuery, queryOf(request));
  if (!parsed.success) throw new ScimError(400, 'invalidValue', parsed.issues[0].message);
  const whole = { ...asked, path: {}, query: { ...parsed.output, before: undefined, limit: 100 }, body: {} };
  const log = logOf(asked.parts);
  const last = Number(request.header('last-event-id') ?? Number.NaN);
  // Also refuses a tenant that is not theirs, before anything is sent.
  const newest = (await exchangesFor({ ...whole, query: { ...whole.query, limit: 1 } })).rows[0]?.id;
  const from = Number.isSafeInteger(last)
    ? last
    : (parsed.output.after ?? newest ?? exchangesFrom(asked.parts.clock()));
  if (streams >= mostStreams)
    throw new ScimError(429, undefined, 'Too many pages stream at once; reload instead', {
      headers: [['Retry-After', '10']],
    });
  const pieces = piecesOf(from, request.waits ?? request.end);
  streams++;
  let isOpen = true;
  const body: BodyPieces = {
    [Symbol.asyncIterator]: () => pieces,
    close() {
      if (isOpen) streams--;
      isOpen = false;
      void pieces.return(undefined);
    },
  };
  return {
    status: 200,
    headers: [
      'Content-Type',
      'text/event-stream; charset=utf-8',
      'Cache-Control',
      'no-store',
      'X-Accel-Buffering',
      'no',
    ],
    body,
  };

  async function* piecesOf(start: number, end: RequestEnd | undefined): AsyncGenerator<string> {
    yield 'retry: 3000\n\n';
    let after = start;
    while (isOpen && end?.isEnded !== true) {
      const written = nextWrite(end);
      if (!(await isSignedIn())) return;
      const { rows } = await exchangesFor(whole, after);
      let text = '';
      for (const row of rows.toReversed()) {
        text += `id: ${row.id}\ndata: ${JSON.stringify(row)}\n\n`;
        after = row.id;
      }
      if (text !== '') yield text;
      if (rows.length >= 100) continue;
      const woken = await written;
      if (woken === 'ended') return;
      if (woken === 'timeout') yield ': alive\n\n';
      else await new Promise((resolve) => setTimeout(resolve, rest));
    }
  }

  function nextWrite(end: RequestEnd | undefined): Promise<'written' | 'timeout' | 'ended'> {
    return new Promise((resolve) => {
      const settle = (why: 'written' | 'timeout' | 'ended') => () => {
        clearTimeout(timer);
        forget();
        forgetEnd?.();
        resolve(why);
      };
      const timer = setTimeout(() => settle('timeout')(), heartbeat);
      const forget = log.onWritten(settle('written'));
      const forgetEnd = end?.onEnd(settle('ended'));
    });
  }
}
