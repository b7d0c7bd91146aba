/** The feed as server-sent events (WHATWG HTML, section 9.2): the way for pages. */
import type { Event } from '../events/event.ts';
import { type Feed, PositionError } from '../events/feed.ts';
import { TooManyWaiting } from '../events/hub.ts';
import { type Position, positionText } from '../events/position.ts';
import type { TenantName } from '../events/reader.ts';
import type { BodyPieces, HttpRequest, HttpResponse } from './message.ts';

export interface EventStreamOptions {
  readonly feed: Feed;
  readonly tenant: TenantName;
  readonly after: string | undefined;
  readonly consumer: string | undefined;
  readonly wants: ((event: Event) => boolean) | undefined;
  readonly durable: () => Promise<void> | undefined;
  /** False where the token has ended meanwhile: nothing more is told. */
  readonly mayHear: () => Promise<boolean>;
  readonly request: Pick<HttpRequest, 'end' | 'waits'>;
}

/** Milliseconds without an event after which a comment says that the connection lives. */
const heartbeat = 15_000;

/**
 * Never ends by itself before its token does. A position that is too old, or of the future, is told as an event `feed.resync` and ends it: a
 * browser that reconnects would come back with the same one for ever.
 */
export async function eventStream(options: EventStreamOptions): Promise<HttpResponse> {
  const { feed, tenant, after, consumer } = options;
  const headers = ['Content-Type', 'text/event-stream; charset=utf-8', 'X-Accel-Buffering', 'no'];
  try {
    const position = await feed.positionOf(tenant.number, after, consumer);
    return { status: 200, headers, body: endless(piecesOf(options, position)) };
  } catch (error) {
    if (!(error instanceof PositionError) || (error.code !== 'gone' && error.code !== 'future')) throw error;
    return { status: 200, headers, body: endless(resync(error)) };
  }
}

function endless(pieces: AsyncGenerator<string>): BodyPieces {
  return { [Symbol.asyncIterator]: () => pieces, close: () => void pieces.return(undefined) };
}

async function* resync({ code, message, oldest }: PositionError): AsyncGenerator<string> {
  const data = {
    code,
    detail: message,
    ...(oldest === undefined ? {} : { oldest }),
    snapshot: '/events/snapshot',
  };
  yield `event: feed.resync\ndata: ${JSON.stringify(data)}\n\n`;
}

async function* piecesOf(
  { feed, tenant, wants, durable, mayHear, request }: EventStreamOptions,
  from: Position,
): AsyncGenerator<string> {
  let position = from;
  let told = positionText(from);
  // Those who lose the connection together do not come back together, and who loses it before the first event misses none.
  yield `retry: ${Math.round(2000 + 3000 * Math.random())}\n\nid: ${told}\n\n`;
  for (;;) {
    const page = await feed.page(tenant, position, { limit: 100, wants });
    await durable();
    if (!(await mayHear())) return;
    ({ position } = page);
    let text = '';
    for (const { event, text: data } of page.made) {
      text += `id: ${event.position}\nevent: ${event.type}\ndata: ${data}\n\n`;
      told = event.position;
    }
    if (text !== '') yield text;
    if (page.more) continue;
    try {
      const woken = await feed.hub.wait(
        tenant.number,
        position.sequence,
        heartbeat,
        request.waits ?? request.end,
      );
      if (woken === 'ended') return;
      if (woken === 'changed') continue;
    } catch (error) {
      if (!(error instanceof TooManyWaiting)) throw error;
      yield ': too many wait for events of this tenant\n\n';
      return;
    }
    // What was not of interest need not be looked through again after a reconnection.
    const now = positionText(position);
    yield told === now ? ': alive\n\n' : `id: ${now}\n: alive\n\n`;
    told = now;
  }
}
