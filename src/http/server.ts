/** The server on node:http. */
import { createServer, maxHeaderSize, type Server, type ServerOptions, type ServerResponse } from 'node:http';
import { createServer as createTlsServer, type Server as TlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { errorBody, ScimError } from '../error.ts';
import type { Awaitable } from '../store/store.ts';
import { eitherOf, type RequestEnd, Stopping } from '../store/work.ts';
import { LiveApplication } from './application.ts';
import { tooLarge } from './body.ts';
import { type Connection, watchConnections } from './connections.ts';
import { FieldsResponse } from './fields-response.ts';
import { Answer, type BodyPieces, discard, type HttpRequest, type HttpResponse } from './message.ts';
import { defaultLimits, type HttpOptions, type RunningServer, type TlsIdentity } from './options.ts';
import { checkHead, targetOf } from './request-head.ts';
import { refusal, scimJson } from './responses.ts';
import { WholeRequest } from './whole-request.ts';

export interface ServerStart extends HttpOptions {
  readonly port: number;
  readonly host: string;
  /** With it the server speaks TLS, and nothing else. */
  readonly tls?: TlsIdentity;
  /** What answers; absent: one of its own, made of these options. */
  readonly application?: Pick<LiveApplication, 'answer' | 'options' | 'prepare' | 'endWaiting'>;
}

/** Starts to listen. `port` 0 takes a free one. Rejects with the system's error when it cannot. */
export async function startServer(start: ServerStart): Promise<RunningServer> {
  const live = start.application ?? (await LiveApplication.start(start));
  const stopping = new Stopping();
  // A missing Host and an unknown Expect are refused here and not by node, so that they get a whole error too.
  const settings: ServerOptions = {
    keepAliveTimeout: 65_000,
    requireHostHeader: false,
    connectionsCheckingInterval: 1000,
    IncomingMessage: WholeRequest,
    ServerResponse: FieldsResponse,
  };
  const secure = start.tls !== undefined;
  const server =
    start.tls === undefined
      ? createServer(settings)
      : createTlsServer({ ...settings, ...secureContext(start.tls), handshakeTimeout: 10_000 });
  const connections = watchConnections(server, secure, (request, response, connection) => {
    answer(
      live.answer,
      new Asked(request as WholeRequest, response as FieldsResponse, connection, start),
      stopping,
    );
  });
  const setLimits = (of: HttpOptions): void => {
    setTimeouts(server, of);
    connections.limit({ ...defaultLimits, ...of.limits }.connections);
  };
  setLimits(live.options);
  // Node would ask for a body before anybody knows whether it is taken.
  for (const event of ['request', 'checkContinue', 'checkExpectation']) server.on(event, connections.take);
  server.on('clientError', (error, socket) => {
    if (isHandshake(error)) {
      socket.destroy();
      return;
    }
    // Whole requests that came before on the connection are answered first.
    const before = connections.of(socket)?.answered() ?? Promise.resolve();
    void before.then(() => refuseMalformed(error, socket));
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(start.port, start.host, () => {
      server.off('error', reject);
      resolve();
    });
  });
  const { port } = server.address() as AddressInfo;
  const host = start.host.includes(':') ? `[${start.host}]` : start.host;
  return {
    url: `${start.tls === undefined ? 'http' : 'https'}://${host}:${port}${start.basePath}`,
    port,
    drain() {
      stopping.end();
      connections.drain();
    },
    close(graceSeconds) {
      stopping.end();
      if (start.application === undefined) live.endWaiting();
      return connections.close(graceSeconds);
    },
    async reconfigure({ tls, ...changes }) {
      const goOver = await live.prepare(changes);
      if (tls !== undefined && 'setSecureContext' in server) server.setSecureContext(secureContext(tls));
      goOver();
      setLimits(live.options);
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

/** A request of node:http, and where its answer goes. A class for the same reason as {@link Answer}. */
class Asked {
  readonly incoming: WholeRequest;
  readonly outgoing: FieldsResponse;
  readonly connection: Connection;
  readonly options: ServerStart;
  /** What is to be sent, once that is known. */
  response: HttpResponse | undefined;

  constructor(
    incoming: WholeRequest,
    outgoing: FieldsResponse,
    connection: Connection,
    options: ServerStart,
  ) {
    this.incoming = incoming;
    this.outgoing = outgoing;
    this.connection = connection;
    this.options = options;
    this.response = undefined;
  }
}

/** What is there at once is answered without a promise: shown by the workloads `get` and `username` of npm run bench. */
function answer(application: LiveApplication['answer'], asked: Asked, stopping: RequestEnd): void {
  let response: Awaitable<HttpResponse>;
  try {
    const { incoming, outgoing, connection } = asked;
    checkHead(incoming);
    const { expect } = incoming.headers;
    if (expect !== undefined) checkExpectation(incoming, expect);
    response = application(new IncomingRequest(incoming, outgoing, connection, stopping));
  } catch (error) {
    response = refusal(error);
  }
  if (response instanceof Promise)
    response.then(
      (later) => atEndOfTurn(asked, later),
      (error) => atEndOfTurn(asked, refusal(error)),
    );
  else atEndOfTurn(asked, response);
}

/** Throws 417 for what is not met. */
function checkExpectation(incoming: WholeRequest, expect: string): void {
  if (incoming.httpVersion !== '1.1') return;
  incoming.waitsForContinue = true;
  if (/^100-continue$/i.test(expect)) return;
  throw new ScimError(417, undefined, `Expect: ${expect} is not supported; 100-continue is`);
}

let ready: Asked[] = [];

/**
 * Answers of one turn of the event loop are written together at its end: each write by itself would wake the
 * receiver, which costs more than the rest of a small answer.
 */
function atEndOfTurn(asked: Asked, response: HttpResponse): void {
  if (ready.length === 0) setImmediate(sendReady);
  asked.response = response;
  ready.push(asked);
}

function sendReady(): void {
  const answers = ready;
  ready = [];
  for (const asked of answers) {
    const response = asked.response as HttpResponse;
    const { body } = response;
    // By now a request without a body has ended.
    if (!asked.incoming.complete || typeof body === 'object') void sendLater(asked, response);
    else
      try {
        sendText(asked, response, body);
      } catch (error) {
        breakOff(asked, error);
      }
  }
}

async function sendLater(asked: Asked, response: HttpResponse): Promise<void> {
  const { incoming, outgoing } = asked;
  const { body } = response;
  try {
    if (!incoming.complete) await bodyReceived(incoming, response);
    if (typeof body !== 'object') sendText(asked, response, body);
    else {
      writeHead(asked, response);
      await sendPieces(outgoing, body);
    }
  } catch (error) {
    breakOff(asked, error);
  } finally {
    discard(response);
  }
}

/** Headers are sent: the connection is all that can still say that the body is not whole. */
function breakOff({ incoming, outgoing, options }: Asked, error: unknown): void {
  options.log?.error({ err: error, path: incoming.url?.split('?')[0] }, 'answer broke off');
  outgoing.destroy();
}

function writeHead({ incoming, outgoing, connection, options }: Asked, response: HttpResponse): void {
  const { status, body } = response;
  const [own, shared] = response instanceof Answer ? [response.own, response.shared] : [response.headers];
  const more = typeof body === 'string' ? ['Content-Length', String(Buffer.byteLength(body))] : [];
  if (options.tls !== undefined) more.push(...strictTransport);
  // Whatever else comes, and when: this answer is the last where the server stops, or the request has not ended.
  const last = connection.isLast(outgoing) || !incoming.complete;
  if (last && !closesConnection(own)) more.push('Connection', 'close');
  outgoing.writeFields(status, own, more, shared);
}

/** Milliseconds in which the rest of a body that nobody wants is waited for, so that its connection can go on. */
const unwanted = 250;

/**
 * An answer before the end of its request closes the connection, or the rest of the body would be waited for as long as a
 * request may take. Most of them are on their way.
 */
async function bodyReceived(incoming: WholeRequest, { headers }: HttpResponse): Promise<void> {
  if (closesConnection(headers) || incoming.waitsForContinue) return;
  await new Promise<void>((resolve) => {
    const timer = setTimeout(resolve, unwanted);
    incoming.discard(() => {
      clearTimeout(timer);
      resolve();
    });
  });
}

/** HSTS (RFC 6797): for a year, nobody who was here once tries it without TLS. */
const strictTransport = ['Strict-Transport-Security', 'max-age=31536000'];

/** Characters from which on a text is written beside its head: node would copy it to put the two together. */
const apartFrom = 16 * 1024;

/** Shown by the workload `list` of npm run bench. */
function sendText(asked: Asked, response: HttpResponse, body: string | undefined): void {
  const { outgoing } = asked;
  writeHead(asked, response);
  if (body !== undefined && body.length >= apartFrom) {
    // Both go out in one call, which `end` makes.
    outgoing.cork();
    outgoing.flushHeaders();
  }
  outgoing.end(body);
}

async function sendPieces(outgoing: ServerResponse, pieces: BodyPieces): Promise<void> {
  for await (const piece of pieces) {
    if (isGone(outgoing)) return;
    if (!outgoing.write(piece))
      await new Promise<void>((resolve) => {
        const { socket } = outgoing.req;
        const done = () => {
          outgoing.off('drain', done);
          socket.off('close', done);
          resolve();
        };
        outgoing.once('drain', done);
        // An answer that waits for those before it has no connection yet, and is told nothing of it.
        socket.once('close', done);
      });
  }
  outgoing.end();
}

function closesConnection(headers: readonly string[]): boolean {
  const at = headers.indexOf('Connection');
  return at !== -1 && headers[at + 1] === 'close';
}

function isGone({ destroyed, req }: ServerResponse): boolean {
  return destroyed || req.socket.destroyed;
}

/** node:http's request as the handlers see it. */
class IncomingRequest implements HttpRequest {
  readonly method: string;
  readonly path: string;
  readonly search: string;
  readonly end: Connection;
  readonly #host: string | undefined;
  readonly #incoming: WholeRequest;
  readonly #outgoing: ServerResponse;
  readonly #stopping: RequestEnd;

  /** Throws 400 for a target that names no host. */
  constructor(incoming: WholeRequest, outgoing: ServerResponse, end: Connection, stopping: RequestEnd) {
    const { path, search, host } = targetOf(incoming);
    this.method = incoming.method ?? 'GET';
    this.path = path;
    this.search = search;
    this.end = end;
    this.#host = host;
    this.#incoming = incoming;
    this.#outgoing = outgoing;
    this.#stopping = stopping;
  }

  get remoteAddress(): string | undefined {
    return this.#incoming.socket.remoteAddress;
  }

  get secure(): boolean {
    return 'encrypted' in this.#incoming.socket;
  }

  get waits(): RequestEnd {
    return eitherOf(this.end, this.#stopping);
  }

  header(name: string): string | undefined {
    if (name === 'host' && this.#host !== undefined) return this.#host;
    const value = this.#incoming.headers[name];
    return Array.isArray(value) ? value.join(', ') : value;
  }

  body(limit: number): Promise<Buffer> {
    const incoming = this.#incoming;
    if (Number(incoming.headers['content-length'] ?? 0) > limit) return Promise.reject(tooLarge(limit));
    if (incoming.waitsForContinue) {
      incoming.waitsForContinue = false;
      this.#outgoing.writeContinue();
    }
    return incoming.body(limit);
  }
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
