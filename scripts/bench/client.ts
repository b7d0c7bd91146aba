/**
 * An HTTP/1.1 client that costs as little as one can, so that the server is what is measured: sockets that stay
 * open, one request at a time on each, answers read by their length and not looked into unless asked for.
 */
import { connect, type Socket } from 'node:net';

export interface Target {
  readonly host: string;
  readonly port: number;
  readonly basePath: string;
  readonly token: string;
}

export interface Request {
  readonly method: string;
  /** Below the base path. */
  readonly path: string;
  readonly body?: unknown;
}

export interface Answer {
  readonly status: number;
  /** Names in lower case. */
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly text: string;
  // biome-ignore lint/suspicious/noExplicitAny: answers of any shape are checked
  readonly json: any;
}

/** The request as it goes over the wire. */
export function encode({ host, port, basePath, token }: Target, { method, path, body }: Request): string {
  const head = `${method} ${basePath}${path} HTTP/1.1\r\nHost: ${host}:${port}\r\nAuthorization: Bearer ${token}\r\nAccept: application/scim+json\r\n`;
  if (body === undefined) return `${head}\r\n`;
  const text = JSON.stringify(body);
  return `${head}Content-Type: application/scim+json\r\nContent-Length: ${Buffer.byteLength(text)}\r\n\r\n${text}`;
}

const endOfHeaders = Buffer.from('\r\n\r\n');

/** One connection. */
export class Connection {
  readonly #socket: Socket;
  readonly #ended: (error: Error) => void;
  #resolve: ((status: number) => void) | undefined;
  #reject: ((error: Error) => void) | undefined;
  #pending: Buffer | undefined;
  #status = 0;
  /** Bytes of the body still to come; -1 between two answers, Infinity while chunks come. */
  #rest = -1;
  #tail = '';
  #parts: Buffer[] | undefined;
  #head = '';

  private constructor(socket: Socket) {
    this.#socket = socket;
    this.#ended = (error) => {
      this.#reject?.(error);
      this.#resolve = this.#reject = undefined;
    };
    socket.on('error', this.#ended);
    socket.on('close', () => this.#ended(new Error('the server closed the connection')));
  }

  static open(target: Target): Promise<Connection> {
    return new Promise((resolve, reject) => {
      let connection: Connection;
      const socket = connect({
        host: target.host,
        port: target.port,
        noDelay: true,
        onread: {
          buffer: Buffer.allocUnsafe(256 * 1024),
          callback: (length, buffer) => {
            connection.#read(Buffer.from(buffer.buffer, buffer.byteOffset, length));
            return true;
          },
        },
      });
      connection = new Connection(socket);
      socket.once('connect', () => resolve(connection));
      socket.once('error', reject);
    });
  }

  /** Sends a request; the answer's status when all of it has come. */
  send(bytes: string): Promise<number> {
    return new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
      this.#socket.write(bytes);
    });
  }

  /** Sends a request and keeps the whole answer. */
  async ask(bytes: string): Promise<Answer> {
    const parts: Buffer[] = [];
    this.#parts = parts;
    const status = await this.send(bytes);
    this.#parts = undefined;
    const headers = this.#head
      .split('\r\n')
      .slice(1)
      .map((line) => line.split(/: (.*)/s, 2) as [string, string])
      .map(([name, value]) => [name.toLowerCase(), value] as const);
    const chunked = headers.some(([name, value]) => name === 'transfer-encoding' && value === 'chunked');
    const body = Buffer.concat(parts);
    const text = (chunked ? withoutChunks(body) : body).toString();
    return { status, headers, text, json: text.startsWith('{') ? JSON.parse(text) : undefined };
  }

  close(): void {
    this.#socket.destroy();
  }

  #read(buffer: Buffer): void {
    let bytes = buffer;
    if (this.#rest === -1) {
      if (this.#pending !== undefined) bytes = Buffer.concat([this.#pending, bytes]);
      const end = bytes.indexOf(endOfHeaders);
      if (end === -1) {
        this.#pending = Buffer.from(bytes);
        return;
      }
      this.#pending = undefined;
      const head = bytes.toString('latin1', 0, end);
      this.#status = Number(head.slice(9, 12));
      if (this.#parts !== undefined) this.#head = head;
      this.#rest = bodyLength(head, this.#status);
      this.#tail = '';
      bytes = bytes.subarray(end + 4);
    }
    if (this.#parts !== undefined && bytes.length > 0) this.#parts.push(Buffer.from(bytes));
    if (this.#rest === Number.POSITIVE_INFINITY) {
      // A chunk of ours never ends like this: JSON has no CR but an escaped one.
      this.#tail = (this.#tail + bytes.toString('latin1', Math.max(0, bytes.length - 5))).slice(-5);
      if (this.#tail !== '0\r\n\r\n') return;
    } else {
      this.#rest -= bytes.length;
      if (this.#rest > 0) return;
    }
    this.#rest = -1;
    const resolve = this.#resolve;
    this.#resolve = this.#reject = undefined;
    resolve?.(this.#status);
  }
}

function bodyLength(head: string, status: number): number {
  if (status === 204 || status === 304) return 0;
  const length = /\r\ncontent-length: (\d+)/i.exec(head);
  if (length !== null) return Number(length[1]);
  return /\r\ntransfer-encoding: chunked/i.test(head) ? Number.POSITIVE_INFINITY : 0;
}

function withoutChunks(body: Buffer): Buffer {
  const chunks: Buffer[] = [];
  for (let at = 0; ; ) {
    const line = body.indexOf('\r\n', at);
    const size = Number.parseInt(body.toString('latin1', at, line), 16);
    if (!(size > 0)) return Buffer.concat(chunks);
    chunks.push(body.subarray(line + 2, line + 2 + size));
    at = line + 2 + size + 2;
  }
}
