/** The server on node:http. */
import {
  createServer,
  type IncomingMessage,
  maxHeaderSize,
  type Server,
  type ServerOptions,
  type ServerResponse,
} from 'node:http';
import { createServer as createTlsServer, type Server as TlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { errorBody, ScimError } from '../error.ts';
import { type Application, createApplication } from './application.ts';
import { tooLarge } from './body.ts';
import type { HttpRequest, HttpResponse } from './message.ts';
import { defaultLimits, type HttpOptions, type RunningServer, type TlsIdentity } from './options.ts';
import { errorResponse, scimJson } from './responses.ts';

export interface ServerStart extends HttpOptions {
  readonly port: number;
  readonly host: string;
  /** With it the server speaks TLS, and nothing else. */
  readonly tls?: TlsIdentity;
}

/** Starts to listen. `port` 0 takes a free one. Rejects with the system's error when it cannot. */
export async function startServer(start: ServerStart): Promise<RunningServer> {
  let options = start;
  let application = await createApplication(options);
  const pending = new WeakMap<Duplex, { request: IncomingMessage; answered: Promise<void> }>();
  // A missing Host and an unknown Expect are refused here and not by node, so that they get a whole error too.
  const settings: ServerOptions = {
    keepAliveTimeout: 65_000,
    requireHostHeader: false,
    connectionsCheckingInterval: 1000,
  };
  const onRequest = (request: IncomingMessage, response: ServerResponse): void => {
    const answered = answer(application, request, response, options);
    pending.set(request.socket, { request, answered });
  };
  const server =
    options.tls === undefined
      ? createServer(settings, onRequest)
      : createTlsServer({ ...settings, ...secureContext(options.tls), handshakeTimeout: 10_000 }, onRequest);
  setTimeouts(server, options);
  server.on('checkExpectation', (request: IncomingMessage, response: ServerResponse) => {
    const detail = `Expect: ${request.headers.expect} is not supported; 100-continue is`;
    void send(response, errorResponse(new ScimError(417, undefined, detail)));
  });
  server.on('clientError', (error, socket) => {
    // A whole request that came before on the connection is answered first.
    if (isHandshake(error)) {
      socket.destroy();
      return;
    }
    const before = pending.get(socket);
    if (before?.request.complete) void before.answered.then(() => refuseMalformed(error, socket));
    else refuseMalformed(error, socket);
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.port, options.host, () => {
      server.off('error', reject);
      resolve();
    });
  });
  const { port } = server.address() as AddressInfo;
  const host = options.host.includes(':') ? `[${options.host}]` : options.host;
  return {
    url: `${options.tls === undefined ? 'http' : 'https'}://${host}:${port}${options.basePath}`,
    port,
    close: (graceSeconds) => close(server, graceSeconds),
    async reconfigure(changes) {
      const next = { ...options, ...changes };
      const nextApplication = await createApplication(next);
      if (changes.tls !== undefined && 'setSecureContext' in server)
        server.setSecureContext(secureContext(changes.tls));
      setTimeouts(server, next);
      application = nextApplication;
      options = next;
    },
  };
}

/** RFC 9325 §3.1: TLS 1.2 and 1.3, nothing older. */
function secureContext({ certificate, key }: TlsIdentity) {
  return { cert: certificate, key, minVersion: 'TLSv1.2' } as const;
}

function setTimeouts(server: Server | TlsServer, options: HttpOptions): void {
  const { headerSeconds, requestSeconds, idleSeconds } = { ...defaultLimits, ...options.limits };
  server.headersTimeout = Math.min(headerSeconds, requestSeconds) * 1000;
  server.requestTimeout = requestSeconds * 1000;
  server.timeout = idleSeconds * 1000;
}

/** What speaks no TLS, or none that we take, does not understand an HTTP answer either. */
function isHandshake(error: NodeJS.ErrnoException): boolean {
  return /^(?:ERR_SSL_|ERR_TLS_)/.test(error.code ?? '');
}

function close(server: Server | TlsServer, graceSeconds: number | undefined): Promise<void> {
  return new Promise((resolve) => {
    const cut =
      graceSeconds === undefined
        ? undefined
        : setTimeout(() => server.closeAllConnections(), graceSeconds * 1000);
    server.close(() => {
      clearTimeout(cut);
      resolve();
    });
    server.closeIdleConnections();
  });
}

async function answer(
  application: Application,
  incoming: IncomingMessage,
  outgoing: ServerResponse,
  options: ServerStart,
): Promise<void> {
  const hostless = incoming.httpVersion === '1.1' && incoming.headers.host === undefined;
  const response = hostless
    ? errorResponse(new ScimError(400, undefined, 'The Host header field is missing (RFC 9112 §3.2)'))
    : await application(requestOf(incoming));
  try {
    await send(outgoing, response, options.tls === undefined ? [] : strictTransport);
  } catch (error) {
    // Headers are sent: the connection is all that can still say that the body is not whole.
    options.log?.error({ err: error, path: incoming.url?.split('?')[0] }, 'answer broke off');
    outgoing.destroy();
  }
}

/** HSTS (RFC 6797): for a year, nobody who was here once tries it without TLS. */
const strictTransport = ['Strict-Transport-Security', 'max-age=31536000'];

async function send(
  outgoing: ServerResponse,
  response: HttpResponse,
  more: readonly string[] = [],
): Promise<void> {
  const { status, body } = response;
  const headers = [...response.headers, ...more];
  if (body === undefined || typeof body === 'string') {
    const length = body === undefined ? [] : ['Content-Length', String(Buffer.byteLength(body))];
    outgoing.writeHead(status, [...headers, ...length]);
    await endOfTurn();
    if (body !== undefined && !outgoing.req.complete && closesConnection(headers)) {
      outgoing.write(body);
      await lingering(outgoing.req);
      outgoing.end();
    } else outgoing.end(body);
    return;
  }
  outgoing.writeHead(status, headers);
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

function closesConnection(headers: readonly string[]): boolean {
  const at = headers.indexOf('Connection');
  return at !== -1 && headers[at + 1] === 'close';
}

/** Milliseconds that a client is given to end what it sends. */
const longestLinger = 2000;

/**
 * A connection that is closed while the client still sends is reset, and a client that is reset may not read the answer
 * that it has: so the rest is read first, and not looked at (RFC 9112 §9.6).
 */
function lingering(incoming: IncomingMessage): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, longestLinger);
    const done = (): void => {
      clearTimeout(timer);
      resolve();
    };
    incoming.once('end', done);
    incoming.once('close', done);
  });
}

let turnEnd: Promise<void> | undefined;

/**
 * Answers of one turn of the event loop are written together at its end: each write by itself would wake the
 * receiver, which costs more than the rest of a small answer.
 */
function endOfTurn(): Promise<void> {
  turnEnd ??= new Promise((resolve) => {
    setImmediate(() => {
      turnEnd = undefined;
      resolve();
    });
  });
  return turnEnd;
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
    const cutOff = () => {
      // After the end it says nothing, and an error costs as much as a small request.
      if (!incoming.complete) reject(new ScimError(400, undefined, 'The body ended before its length'));
    };
    incoming.on('error', cutOff);
    incoming.on('close', cutOff);
  });
}

/** What is no HTTP gets its 400 as a SCIM error too. */
function refuseMalformed(error: NodeJS.ErrnoException, socket: Duplex): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy();
    return;
  }
  const status =
    error.code === 'HPE_HEADER_OVERFLOW' ? 431 : error.code === 'ERR_HTTP_REQUEST_TIMEOUT' ? 408 : 400;
  const [reason, detail] = {
    400: ['Bad Request', 'This is not a well-formed HTTP request'],
    408: ['Request Timeout', 'The request did not arrive in time'],
    431: [
      'Request Header Fields Too Large',
      `Request line and header are larger than ${maxHeaderSize} bytes`,
    ],
  }[status] as [string, string];
  const body = JSON.stringify(errorBody(status, undefined, detail));
  socket.end(
    `HTTP/1.1 ${status} ${reason}\r\nContent-Type: ${scimJson}\r\nContent-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n${body}`,
  );
}
