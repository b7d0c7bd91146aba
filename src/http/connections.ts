/**
 * The connections of a server: how much is in progress on each, how long one may stay silent, and how it ends without
 * taking back an answer that is on its way.
 */
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Server as TlsServer } from 'node:https';
import type { Socket } from 'node:net';
import { Listeners, type RequestEnd } from '../store/work.ts';

/** Requests of one connection that are worked on at once; those behind wait, and nothing more is read. */
const mostAtOnce = 8;
/** Bytes of answers that a connection's client has not taken; with more, its next request waits. */
const mostUnread = 256 * 1024;
/** Requests that wait behind others, on all connections together; beyond them a connection ends with what it has begun. */
const mostWaiting = 20_000;
/** Bytes of answers that are kept for clients who do not take them, of all together; then the most of them go. */
const mostKept = 64 * 1024 * 1024;
/** How often it is looked who takes nothing, in milliseconds. */
const lookInterval = 500;
/** Milliseconds that a client is given to close when it was told to, or to end what it sends. */
const linger = 2000;
/** Milliseconds that an idle connection is left open when the server stops: a request may be on its way. */
const lastRequest = 100;
/** Milliseconds for the answers of what is ended at the end of the grace. */
const lastAnswers = 1000;

export interface Connection extends RequestEnd {
  /** Is the answer to be the connection's last? */
  isLast(response: ServerResponse): boolean;
  /** Settles when nothing that came whole is unanswered. */
  answered(): Promise<void>;
}

export type Work = (request: IncomingMessage, response: ServerResponse, connection: Connection) => void;

export interface Connections {
  take(request: IncomingMessage, response: ServerResponse): void;
  of(socket: object): Connection | undefined;
  /** With more than so many, the one that has asked nothing for the longest time is closed. */
  limit(most: number): void;
  /** From now on each answer is the last of its connection. */
  drain(): void;
  /**
   * Takes no new connection. Resolves when all are closed: soon those on which nothing is asked, the others when they are
   * answered; after so many seconds what still runs is ended.
   */
  close(graceSeconds?: number): Promise<void>;
}

/** `secure` is of TLS: requests come on another socket than the connection then. */
export function watchConnections(server: Server | TlsServer, secure: boolean, work: Work): Connections {
  const raw = new Set<Socket>();
  const open = new Map<object, OpenConnection>();
  const shared: Shared = { work, waiting: 0, draining: false, closing: false };
  let most = Number.POSITIVE_INFINITY;
  server.on('connection', (socket: Socket) => {
    raw.add(socket);
    socket.once('close', () => raw.delete(socket));
    // Who waits for an answer is not made to wait for those who ask nothing.
    if (raw.size > most) makeRoom(raw, open);
  });
  const timer = setInterval(() => dropUnread(open.values()), lookInterval).unref();
  server.once('close', () => clearInterval(timer));
  server.on(secure ? 'secureConnection' : 'connection', (socket: Socket) => {
    open.set(socket, new OpenConnection(socket, shared));
    socket.once('close', () => {
      open.get(socket)?.gone();
      open.delete(socket);
    });
  });
  // Without a listener node closes the connection itself, whether its client waits for us or we for it.
  server.on('timeout', (socket: Socket) => {
    if (open.get(socket)?.owes() !== true) socket.destroy();
    else socket.setTimeout(server.timeout);
  });
  const drain = (): void => {
    shared.draining = true;
  };
  return {
    take(request, response) {
      const { socket } = request;
      const connection = open.get(socket);
      if (connection === undefined) return;
      open.delete(socket);
      open.set(socket, connection);
      connection.take(request, response);
    },
    of: (socket) => open.get(socket),
    limit(connections) {
      most = connections;
    },
    drain,
    close: (graceSeconds) =>
      new Promise((resolve) => {
        drain();
        // Node's own way would cut off an answer that is not read yet.
        server.closeIdleConnections = () => {};
        const timers: NodeJS.Timeout[] = [];
        server.close(() => {
          for (const timer of timers) clearTimeout(timer);
          resolve();
        });
        timers.push(
          setTimeout(() => {
            shared.closing = true;
            for (const connection of open.values()) connection.closeIfIdle();
          }, lastRequest),
        );
        if (graceSeconds === undefined) return;
        const cut = (): void => {
          for (const connection of open.values()) connection.end();
          timers.push(
            setTimeout(() => {
              for (const socket of raw) socket.destroy();
            }, lastAnswers),
          );
        };
        timers.push(setTimeout(cut, graceSeconds * 1000));
      }),
  };
}

/** The first that asks nothing is the one that has for the longest time: each request puts its connection behind the others. */
function makeRoom(raw: ReadonlySet<Socket>, open: ReadonlyMap<object, OpenConnection>): void {
  for (const connection of open.values())
    if (connection.isIdle()) {
      connection.destroy();
      return;
    }
  // All are at work, or shake hands.
  const [oldest] = raw;
  for (const socket of raw) if (!open.has(socket)) return void socket.destroy();
  oldest?.destroy();
}

/** What clients do not take is kept in memory, but only so much of it. */
function dropUnread(connections: Iterable<OpenConnection>): void {
  const stuck: (readonly [number, OpenConnection])[] = [];
  let kept = 0;
  for (const connection of connections) {
    const { unread, isStuck } = connection.look();
    kept += unread;
    if (isStuck) stuck.push([unread, connection]);
  }
  stuck.sort(([a], [b]) => b - a);
  for (const [unread, connection] of stuck) {
    if (kept <= mostKept) return;
    connection.destroy();
    kept -= unread;
  }
}

interface Shared {
  readonly work: Work;
  /** Requests that wait, on all connections. */
  waiting: number;
  draining: boolean;
  /** Those on which nothing is asked are closed. */
  closing: boolean;
}

class OpenConnection implements Connection {
  readonly #socket: Socket;
  readonly #shared: Shared;
  /** An array, as that of {@link Listeners} is. */
  readonly #running: ServerResponse[] = [];
  #waiting: (readonly [IncomingMessage, ServerResponse])[] = [];
  #latest: ServerResponse | undefined;
  #lastWaits = 0;
  #held = false;
  /** Nothing that comes now is looked at. */
  #ending = false;
  #closing = false;
  readonly #listeners = new Listeners();
  /** Its client has gone, or the server does not wait for it any more. */
  isEnded = false;
  readonly #whenAnswered: (() => void)[] = [];
  /** One for all of its answers. */
  readonly #closed: (this: ServerResponse) => void;

  constructor(socket: Socket, shared: Shared) {
    this.#socket = socket;
    this.#shared = shared;
    const done = (response: ServerResponse): void => this.#done(response);
    this.#closed = function () {
      done(this);
    };
    // What node calls behind a last answer. A connection that is closed while the client still sends is reset, and a client
    // that is reset may not read the answer that it has (RFC 9112 §9.6).
    socket.destroySoon = () => this.#closeGently();
  }

  take(request: IncomingMessage, response: ServerResponse): void {
    if (this.#ending) return;
    if (this.#waiting.length === 0 && this.#hasRoom()) {
      this.#begin(request, response);
      return;
    }
    this.#waiting.push([request, response]);
    this.#shared.waiting++;
    if (this.#shared.waiting > mostWaiting) this.#giveUpWaiting();
    else this.#next();
  }

  /** RFC 9112 §9.3.2: what was pipelined behind the last answer was not looked at. */
  isLast(response: ServerResponse): boolean {
    if (response !== this.#latest || !(this.#shared.draining || this.#ending)) return false;
    this.#giveUpWaiting();
    return true;
  }

  owes(): boolean {
    if (this.#running.length === 0 || this.#socket.writableLength > 0) return false;
    return this.#running.every(({ req }) => req.complete);
  }

  answered(): Promise<void> {
    if (!this.#hasWhole()) return Promise.resolve();
    return new Promise((resolve) => this.#whenAnswered.push(resolve));
  }

  onEnd(listener: () => void): () => void {
    return this.#listeners.add(listener);
  }

  end(): void {
    this.isEnded = true;
    this.#listeners.call();
  }

  gone(): void {
    this.#ending = true;
    this.#giveUpWaiting();
    this.#running.length = 0;
    this.end();
    this.#tell();
  }

  closeIfIdle(): void {
    if (this.isIdle()) this.#closeGently();
  }

  /** What its client has not taken, and whether it has taken none of it since the last look. */
  look(): { readonly unread: number; readonly isStuck: boolean } {
    const unread = this.#unread();
    const waits = this.#socket.writableLength;
    const isStuck = waits > 0 && waits === this.#lastWaits;
    this.#lastWaits = waits;
    return { unread, isStuck };
  }

  destroy(): void {
    this.#socket.destroy();
  }

  isIdle(): boolean {
    return this.#running.length === 0 && this.#waiting.length === 0;
  }

  /** Is there a request that came whole and is not answered? */
  #hasWhole(): boolean {
    return this.#running.some(({ req }) => req.complete) || this.#waiting.some(([{ complete }]) => complete);
  }

  #next(): void {
    while (this.#waiting.length > 0 && this.#hasRoom()) {
      const [request, response] = this.#waiting.shift() as [IncomingMessage, ServerResponse];
      this.#shared.waiting--;
      this.#begin(request, response);
    }
    if (this.#waiting.length > 0) this.#hold();
    else this.#release();
  }

  #begin(request: IncomingMessage, response: ServerResponse): void {
    this.#running.push(response);
    this.#latest = response;
    response.on('close', this.#closed);
    this.#shared.work(request, response, this);
  }

  #hasRoom(): boolean {
    if (this.#running.length === 0) return true;
    if (this.#running.length >= mostAtOnce) return false;
    return this.#unread() < mostUnread;
  }

  #unread(): number {
    let unread = this.#socket.writableLength;
    for (const response of this.#running) unread += response.writableLength;
    return unread;
  }

  #done(response: ServerResponse): void {
    const index = this.#running.indexOf(response);
    if (index < 0) return;
    this.#running.splice(index, 1);
    if (!this.#ending) this.#next();
    this.#tell();
    // Node has closed it, unless its last answer began before anybody knew that it would be the last.
    if ((this.#ending || this.#shared.closing) && this.isIdle()) this.#closeGently();
  }

  #tell(): void {
    if (this.#whenAnswered.length === 0 || this.#hasWhole()) return;
    for (const resolve of this.#whenAnswered.splice(0)) resolve();
  }

  #giveUpWaiting(): void {
    this.#shared.waiting -= this.#waiting.length;
    this.#waiting = [];
    this.#ending = true;
  }

  /** What reads on, an answer that was taken or a body that is wanted, comes back to `resume`. */
  #hold(): void {
    if (this.#held) return;
    this.#held = true;
    this.#socket.pause();
    this.#socket.resume = () => this.#socket;
  }

  #release(): void {
    if (!this.#held) return;
    this.#held = false;
    Reflect.deleteProperty(this.#socket, 'resume');
    this.#socket.resume();
  }

  /** What is written goes out, then nothing more; what still comes is read and not looked at. */
  #closeGently(): void {
    const socket = this.#socket;
    this.#giveUpWaiting();
    this.#release();
    if (this.#closing || socket.destroyed) return;
    this.#closing = true;
    socket.end();
    const timer = setTimeout(() => socket.destroy(), linger);
    socket.once('end', () => socket.destroy());
    socket.once('close', () => clearTimeout(timer));
  }
}
