/** The server on node:http. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { errorBody } from '../error.ts';
import { type Application, createApplication } from './application.ts';
import { tooLarge } from './body.ts';
import type { HttpRequest, HttpResponse } from './message.ts';
import type { HttpOptions, RunningServer } from './options.ts';
import { scimJson } from './responses.ts';

/** Starts to listen. `port` 0 takes a free one. Rejects with the system's error when it cannot. */
export async function startServer(
  options: HttpOptions & { port: number; host: string },
): Promise<RunningServer> {
  const application = await createApplication(options);
  const server = createServer({ keepAliveTimeout: 65_000 }, (request, response) => {
    void answer(application, request, response, options);
  });
  server.on('clientError', refuseMalformed);
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.port, options.host, () => {
      server.off('error', reject);
      resolve();
    });
  });
  const { port } = server.address() as AddressInfo;
  const host = options.host.includes(':') ? `[${options.host}]` : options.host;
  return { url: `http://${host}:${port}${options.basePath}`, port, close: () => close(server) };
}

function close(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeIdleConnections();
  });
}

async function answer(
  application: Application,
  incoming: IncomingMessage,
  outgoing: ServerResponse,
  options: HttpOptions,
): Promise<void> {
  const response = await application(requestOf(incoming));
  try {
    await send(outgoing, response);
  } catch (error) {
    // Headers are sent: the connection is all that can still say that the body is not whole.
    options.log?.error({ err: error, path: incoming.url?.split('?')[0] }, 'answer broke off');
    outgoing.destroy();
  }
}

async function send(outgoing: ServerResponse, response: HttpResponse): Promise<void> {
  const { status, headers, body } = response;
  if (body === undefined || typeof body === 'string') {
    const length = body === undefined ? [] : ['Content-Length', String(Buffer.byteLength(body))];
    outgoing.writeHead(status, [...headers, ...length]);
    outgoing.end(body);
    return;
  }
  outgoing.writeHead(status, [...headers]);
  for await (const piece of body) {
    if (outgoing.destroyed) return;
    if (!outgoing.write(piece))
      await new Promise<void>((resolve) => {
        const done = () => {
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

/** node:http's request as the handlers see it. */
function requestOf(incoming: IncomingMessage): HttpRequest {
  const url = incoming.url ?? '/';
  const target = url.startsWith('/') ? url : url.replace(/^[a-z][a-z0-9+.-]*:\/\/[^/?#]*/i, '') || '/';
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
    body: (limit) => readBody(incoming, limit),
  };
}

function readBody(incoming: IncomingMessage, limit: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    if (Number(incoming.headers['content-length'] ?? 0) > limit) {
      incoming.resume();
      reject(tooLarge(limit));
      return;
    }
    const chunks: Buffer[] = [];
    let length = 0;
    incoming.on('data', (chunk: Buffer) => {
      length += chunk.length;
      if (length > limit) {
        chunks.length = 0;
        reject(tooLarge(limit));
        incoming.removeAllListeners('data');
        incoming.resume();
      } else chunks.push(chunk);
    });
    incoming.on('end', () => resolve(chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks)));
    incoming.on('error', reject);
    incoming.on('close', () => reject(new Error('The client went away')));
  });
}

/** What is no HTTP gets its 400 as a SCIM error too. */
function refuseMalformed(error: NodeJS.ErrnoException, socket: import('node:stream').Duplex): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy();
    return;
  }
  const status =
    error.code === 'HPE_HEADER_OVERFLOW' ? 431 : error.code === 'ERR_HTTP_REQUEST_TIMEOUT' ? 408 : 400;
  const reason = { 400: 'Bad Request', 408: 'Request Timeout', 431: 'Request Header Fields Too Large' }[
    status
  ];
  const body = JSON.stringify(errorBody(status, undefined, reason));
  socket.end(
    `HTTP/1.1 ${status} ${reason}\r\nContent-Type: ${scimJson}\r\nContent-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n${body}`,
  );
}
