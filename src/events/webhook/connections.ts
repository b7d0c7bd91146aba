/**
 * Connections to one receiver, which are kept between messages: HTTP/1.1 by undici, which takes less than half of the
 * processor time that a message takes with node:http. It is loaded with the first message.
 */
import { connect, isIP, type LookupFunction, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import type { buildConnector, Client, Dispatcher } from 'undici';
import { checkUrl } from './address.ts';

/** A POST, to one of the addresses and to no other. */
export interface Post {
  readonly url: URL;
  readonly addresses: readonly string[];
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  /** The authorities that TLS certificates are checked with, as PEM; the system's unless given. */
  readonly authorities: string | undefined;
}

export interface Reply {
  readonly status: number;
  /** Its first bytes as text. */
  readonly body: string;
  readonly date: string | undefined;
  readonly retryAfter: string | undefined;
}

/** So much of an answer is read; then the connection is cut. */
const mostRead = 64 * 1024;
/** So much of it is kept. */
const mostKept = 1024;
/** Milliseconds that an unused connection is kept, unless its receiver names fewer. */
const longestIdle = 30_000;

/** The last session of TLS, which spares the next connection a part of its handshake. */
interface Sessions {
  last: Buffer | undefined;
}

export class Connections {
  #most: number;
  #free: Connection[] = [];
  #checked: { readonly to: string; readonly allowPrivate: boolean; readonly url: URL } | undefined;
  readonly #sessions: Sessions = { last: undefined };

  /** Keeps so many that are not used. */
  constructor(most: number) {
    this.#most = most;
  }

  /** The receiver's URL, looked at once: it is the same for all messages. @throws AddressError */
  check(to: string, allowPrivate: boolean): URL {
    const known = this.#checked;
    if (known?.to === to && known.allowPrivate === allowPrivate) return known.url;
    const url = checkUrl(to, allowPrivate);
    this.#checked = { to, allowPrivate, url };
    return url;
  }

  /** Rejects where no whole answer comes. `onBegin` is given what cuts it off. */
  async post(post: Post, onBegin: (cut: (reason: Error) => void) => void): Promise<Reply> {
    const { origin } = post.url;
    const Client = await undiciClient();
    const fresh = (): Connection => new Connection(Client, origin, this.#sessions);
    let isCut = false;
    const exchange = (connection: Connection): Promise<Reply> => {
      const reply = connection.exchange(post);
      onBegin((reason) => {
        isCut = true;
        connection.destroy(reason);
      });
      return reply.finally(() => this.#keep(connection));
    };
    const known = this.#take(origin);
    if (known === undefined) return exchange(fresh());
    return exchange(known).catch((error: unknown) => {
      // The receiver closed a connection that was idle: that says nothing of the message.
      if (isCut || !known.wasStale) throw error;
      return exchange(fresh());
    });
  }

  #take(origin: string): Connection | undefined {
    const connection = this.#free.pop();
    if (connection === undefined || connection.origin === origin) return connection;
    connection.destroy();
    return this.#take(origin);
  }

  #keep(connection: Connection): void {
    if (this.#free.length < this.#most && connection.isUsable) this.#free.push(connection);
    else connection.destroy();
  }

  /** Those that are in use are closed when they have their answer. */
  close(): void {
    this.#most = 0;
    for (const connection of this.#free.splice(0)) connection.destroy();
  }
}

let loaded: typeof Client | undefined;

/** Is not loaded before it is needed: most servers have no webhook at their start. */
async function undiciClient(): Promise<typeof Client> {
  loaded ??= (await import('undici')).Client;
  return loaded;
}

/** One at a time, for one message at a time. */
class Connection {
  readonly origin: string;
  /** Was the last message sent on a connection that had been used before, and that was closed without a word? */
  wasStale = false;
  readonly #client: Client;
  readonly #sessions: Sessions;
  #post: Post | undefined;
  #socket: Socket | undefined;

  constructor(UndiciClient: typeof Client, origin: string, sessions: Sessions) {
    this.origin = origin;
    this.#sessions = sessions;
    this.#client = new UndiciClient(origin, {
      connect: (options, done) => this.#connect(options, done),
      // The limit of `send` holds for all of it.
      ...{ headersTimeout: 0, bodyTimeout: 0 },
      ...{ keepAliveTimeout: longestIdle, keepAliveMaxTimeout: longestIdle },
    });
  }

  get isUsable(): boolean {
    return !this.#client.destroyed && !this.wasStale;
  }

  exchange(post: Post): Promise<Reply> {
    this.#post = post;
    this.wasStale = false;
    const before = this.#socket;
    const { url, headers, body } = post;
    return new Promise((resolve, reject) => {
      const answer = new Answer(resolve, (error) => {
        this.wasStale = before !== undefined && before === this.#socket && !answer.hasBegun;
        reject(error);
      });
      const path = `${url.pathname}${url.search}`;
      this.#client.dispatch({ method: 'POST', path, headers, body }, answer);
    });
  }

  destroy(reason = new Error('the connection is not needed any more')): void {
    void this.#client.destroy(reason);
    // One that is being made is not known to the client yet.
    this.#socket?.destroy();
  }

  /** To an address of the message that waits for it: the name is not resolved again. */
  #connect({ hostname, protocol, port }: buildConnector.Options, done: buildConnector.Callback): void {
    const { addresses = [], authorities } = this.#post ?? {};
    const pinned = addresses.map((address) => ({ address, family: isIP(address) }));
    const lookup: LookupFunction = (_host, { all }, found) => {
      const [{ address, family } = { address: '', family: 0 }] = pinned;
      if (all) found(null, pinned);
      else found(null, address, family);
    };
    const isSecure = protocol === 'https:';
    const to = { host: hostname, port: Number(port || (isSecure ? 443 : 80)), lookup };
    const socket = isSecure ? this.#connectTls(to, authorities) : connect(to);
    this.#socket = socket;
    socket.setNoDelay(true);
    let isDone = false;
    socket.once(isSecure ? 'secureConnect' : 'connect', () => {
      isDone = true;
      done(null, socket);
    });
    socket.on('error', (error) => {
      if (!isDone) done(error, null);
      isDone = true;
    });
  }

  #connectTls(
    to: { readonly host: string; readonly port: number; readonly lookup: LookupFunction },
    authorities: string | undefined,
  ): Socket {
    const socket = connectTls({
      ...to,
      ALPNProtocols: ['http/1.1'],
      servername: isIP(to.host) === 0 ? to.host : '',
      session: this.#sessions.last,
      ...(authorities === undefined ? {} : { ca: authorities }),
    });
    socket.on('session', (session) => {
      this.#sessions.last = session;
    });
    return socket;
  }
}

/** Reads an answer, and no more of it than is wanted: what is beyond is not waited for. */
class Answer implements Dispatcher.DispatchHandler {
  /** Has its status come? */
  hasBegun = false;
  readonly #resolve: (reply: Reply) => void;
  readonly #reject: (error: Error) => void;
  #head: Omit<Reply, 'body'> = { status: 0, date: undefined, retryAfter: undefined };
  readonly #kept: Buffer[] = [];
  #length = 0;
  #read = 0;

  constructor(resolve: (reply: Reply) => void, reject: (error: Error) => void) {
    this.#resolve = resolve;
    this.#reject = reject;
  }

  onRequestStart(): void {}

  onResponseStart(
    _controller: Dispatcher.DispatchController,
    status: number,
    headers: Readonly<Record<string, string | string[] | undefined>>,
  ): void {
    if (status < 200) return;
    this.hasBegun = true;
    this.#head = { status, date: first(headers.date), retryAfter: first(headers['retry-after']) };
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    this.#read += chunk.length;
    if (this.#length < mostKept) {
      const kept = chunk.subarray(0, mostKept - this.#length);
      this.#kept.push(kept);
      this.#length += kept.length;
    }
    if (this.#read < mostRead) return;
    this.onResponseEnd();
    // With its connection.
    controller.abort(new Error('nobody reads so much of an answer'));
  }

  onResponseEnd(): void {
    const body = this.#length === 0 ? '' : Buffer.concat(this.#kept).toString('utf8');
    this.#resolve({ ...this.#head, body });
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    this.#reject(this.hasBegun ? new Error('the answer was cut off') : asOfNode(error));
  }
}

function first(field: string | string[] | undefined): string | undefined {
  return Array.isArray(field) ? field[0] : field;
}

/** With the codes of Node.js, which are known from everywhere else. */
function asOfNode(error: Error & { readonly code?: string }): Error {
  if (error.code === 'UND_ERR_SOCKET') return Object.assign(new Error(error.message), { code: 'ECONNRESET' });
  if (error.name === 'HTTPParserError' && error.code === undefined)
    return Object.assign(new Error(error.message), { code: 'HPE_INVALID' });
  return error;
}
