/** A handler of node:http's request and response, for who has a server of their own: Express, Fastify, Next.js. */
import type { RequestEnd } from '../store/work.ts';
import type { LiveApplication } from './application.ts';
import { tooLarge } from './body.ts';
import { discard, type HttpRequest, type HttpResponse } from './message.ts';
import { refusal } from './responses.ts';

/** node:http's IncomingMessage, with what frameworks add to it. */
export interface NodeRequest extends AsyncIterable<unknown> {
  readonly method?: string | undefined;
  readonly url?: string | undefined;
  readonly headers: { readonly [name: string]: string | string[] | undefined };
  readonly socket: { readonly remoteAddress?: string | undefined };
  readonly readableEnded: boolean;
  /** Before a router stripped a prefix. */
  readonly originalUrl?: string;
  /** That a parser has read. */
  readonly body?: unknown;
}

/** node:http's ServerResponse. */
export interface NodeResponse {
  readonly destroyed: boolean;
  readonly writableFinished: boolean;
  writeHead(status: number, headers: string[]): unknown;
  write(piece: string): boolean;
  end(body?: string): unknown;
  destroy(): unknown;
  once(event: 'drain' | 'close', listener: () => void): unknown;
  off(event: 'drain' | 'close', listener: () => void): unknown;
}

/** Answers one request of node:http, or of what is built on it. */
export type NodeHandler = (request: NodeRequest, response: NodeResponse) => Promise<void>;

/** Answers every request that it is given; never rejects. */
export function nodeHandler(answerTo: LiveApplication['answer']): NodeHandler {
  return async (request, response) => {
    let answer: HttpResponse;
    try {
      answer = await answerTo(requestOf(request, response));
    } catch (error) {
      answer = refusal(error);
    }
    try {
      await send(response, answer);
    } catch {
      // Headers are sent: the connection is all that can still say that the body is not whole.
      response.destroy();
    } finally {
      discard(answer);
    }
  };
}

function requestOf(incoming: NodeRequest, response: NodeResponse): HttpRequest {
  const target = incoming.originalUrl ?? incoming.url ?? '/';
  const question = target.indexOf('?');
  return {
    method: incoming.method ?? 'GET',
    path: question === -1 ? target : target.slice(0, question),
    search: question === -1 ? '' : target.slice(question + 1),
    header: (name) => {
      const value = incoming.headers[name];
      return Array.isArray(value) ? value.join(', ') : value;
    },
    remoteAddress: incoming.socket.remoteAddress,
    secure: 'encrypted' in incoming.socket,
    end: endOf(response),
    body: (limit) => bodyOf(incoming, limit),
  };
}

function endOf(response: NodeResponse): RequestEnd {
  return {
    get isEnded() {
      return response.destroyed;
    },
    onEnd(listener) {
      const closed = (): void => {
        if (!response.writableFinished) listener();
      };
      response.once('close', closed);
      return () => void response.off('close', closed);
    },
  };
}

/** As it was sent, or as a parser before us has left it. */
async function bodyOf(incoming: NodeRequest, limit: number): Promise<Uint8Array> {
  const { body } = incoming;
  if (incoming.readableEnded && body !== undefined && body !== null) {
    const read =
      body instanceof Uint8Array ? body : Buffer.from(typeof body === 'string' ? body : JSON.stringify(body));
    if (read.length > limit) throw tooLarge(limit);
    return read;
  }
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of incoming) {
    const bytes = chunk instanceof Uint8Array ? Buffer.from(chunk) : Buffer.from(String(chunk));
    length += bytes.length;
    if (length > limit) throw tooLarge(limit);
    chunks.push(bytes);
  }
  return Buffer.concat(chunks);
}

async function send(outgoing: NodeResponse, { status, headers, body }: HttpResponse): Promise<void> {
  if (body === undefined || typeof body === 'string') {
    const length = body === undefined ? [] : ['Content-Length', String(Buffer.byteLength(body))];
    outgoing.writeHead(status, [...headers, ...length]);
    outgoing.end(body);
    return;
  }
  outgoing.writeHead(status, [...headers]);
  for await (const piece of body) {
    if (outgoing.destroyed) return;
    if (outgoing.write(piece)) continue;
    await new Promise<void>((resolve) => {
      const done = (): void => {
        outgoing.off('drain', done);
        outgoing.off('close', done);
        resolve();
      };
      outgoing.once('drain', done);
      outgoing.once('close', done);
    });
  }
  outgoing.end();
}
