/** The WHATWG form, for those who embed the server: Request in, Response out. */
import type { Registry } from '../scim/registry.ts';
import type { RequestEnd } from '../store/work.ts';
import type { LiveApplication } from './application.ts';
import { tooLarge } from './body.ts';
import type { BodyPieces, HttpRequest, HttpResponse } from './message.ts';

/** Answers a WHATWG Request. `remoteAddress` is the peer's, when the host knows it. */
export async function fetchWith(
  answer: LiveApplication['answer'],
  request: Request,
  remoteAddress?: string,
): Promise<Response> {
  return responseOf(await answer(requestOf(request, remoteAddress)));
}

function requestOf(request: Request, remoteAddress: string | undefined): HttpRequest {
  const url = new URL(request.url);
  return {
    method: request.method,
    path: url.pathname,
    search: url.search.slice(1),
    header: (name) => request.headers.get(name) ?? (name === 'host' ? url.host : undefined),
    remoteAddress,
    secure: url.protocol === 'https:',
    end: endOf(request.signal),
    body: async (limit) => {
      const chunks: Uint8Array[] = [];
      let length = 0;
      for await (const chunk of request.body ?? []) {
        length += chunk.length;
        if (length > limit) throw tooLarge(limit);
        chunks.push(chunk);
      }
      return Buffer.concat(chunks);
    },
  };
}

const protocolEndpoints = [
  '/Schemas',
  '/ResourceTypes',
  '/ServiceProviderConfig',
  '/Bulk',
  '/Me',
  '/.search',
];

/**
 * The same for what is mounted behind a router that strips its prefix, as Hono's `mount` does: a path that begins with an
 * endpoint of SCIM is one below the base path.
 */
export function belowBase(
  answer: LiveApplication['answer'],
  basePath: string,
  { resourceTypes }: Registry,
): LiveApplication['answer'] {
  const endpoints = [...resourceTypes.map(({ endpoint }) => endpoint), ...protocolEndpoints];
  const known = new Set(endpoints.map((endpoint) => endpoint.toLowerCase()));
  return (request) => {
    const { path, search } = request;
    const first = /^\/[^/]*/.exec(path)?.[0].toLowerCase() ?? '/';
    const isBelow = known.has(first) || (first === '/' && search !== '');
    if (path.startsWith(`${basePath}/`) || path === basePath || !isBelow) return answer(request);
    return answer({ ...request, path: `${basePath}${path === '/' ? '' : path}` });
  };
}

/** A host aborts the signal of a request whose client went away. */
function endOf(signal: AbortSignal): RequestEnd {
  return {
    get isEnded() {
      return signal.aborted;
    },
    onEnd(listener) {
      signal.addEventListener('abort', listener, { once: true });
      return () => signal.removeEventListener('abort', listener);
    },
  };
}

function responseOf({ status, headers, body }: HttpResponse): Response {
  const fields = new Headers();
  for (let i = 0; i < headers.length; i += 2) fields.append(headers[i] as string, headers[i + 1] as string);
  const content = body === undefined || typeof body === 'string' ? (body ?? null) : streamOf(body);
  return new Response(content, { status, headers: fields });
}

function streamOf(pieces: BodyPieces): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder();
  const iterator = pieces[Symbol.asyncIterator]();
  const source = {
    async pull(controller: ReadableStreamDefaultController<Uint8Array>) {
      try {
        const { done, value } = await iterator.next();
        if (!done) return controller.enqueue(encoder.encode(value));
        pieces.close();
        controller.close();
      } catch (error) {
        pieces.close();
        throw error;
      }
    },
    async cancel() {
      pieces.close();
      await iterator.return?.();
    },
  };
  return new ReadableStream(source, { highWaterMark: 0 });
}
