/** One POST to one endpoint: pinned to an address that was checked, bounded in time and in what it reads. */
import {
  type Agent,
  type ClientRequest,
  type IncomingMessage,
  type RequestOptions,
  request as requestHttp,
} from 'node:http';
import { request as requestHttps } from 'node:https';
import { isIP, type LookupFunction } from 'node:net';
import { AddressError, addressesOf, checkUrl, type Resolve } from './address.ts';
import type { Answer } from './management.ts';
import { parseRetryAfter } from './schedule.ts';

export interface SendOptions {
  /** Are private addresses and plain HTTP allowed? */
  readonly allowPrivate: boolean;
  /** Milliseconds for all of it: name, connection, answer. */
  readonly timeout?: number;
  readonly resolve?: Resolve;
  /** The authorities that TLS certificates are checked with, as PEM; the system's unless given. */
  readonly authorities?: string | undefined;
  readonly signal?: AbortSignal;
  /** Holds the endpoint's connections; one is made for each message without it. */
  readonly agent?: Agent | undefined;
}

const defaultTimeout = 15_000;
/** So much of an answer is read; then the connection is cut. */
const mostRead = 64 * 1024;
/** So much of it is kept. */
const mostKept = 1024;

/** Never rejects. */
export async function send(
  to: string,
  headers: Readonly<Record<string, string>>,
  body: string,
  options: SendOptions,
): Promise<Answer> {
  const started = performance.now();
  const milliseconds = (): number => Math.round(performance.now() - started);
  const end = new End(options.timeout ?? defaultTimeout, options.signal);
  try {
    const url = checkUrl(to, options.allowPrivate);
    const addresses = await end.before(addressesOf(url, options.allowPrivate, options.resolve));
    const message: Message = { url, addresses, headers, body, end, authorities: options.authorities };
    const answer = await post(message, options.agent);
    const text = await beginningOf(answer);
    const date = Date.parse(answer.headers.date ?? '');
    return {
      status: answer.statusCode ?? 0,
      body: text,
      milliseconds: milliseconds(),
      retryAfter: parseRetryAfter(answer.headers['retry-after'], Date.now()),
      clockDifference: Number.isNaN(date) ? undefined : Math.round((date - Date.now()) / 1000),
    };
  } catch (error) {
    return { error: reasonOf(end.reason ?? error), body: '', milliseconds: milliseconds() };
  } finally {
    end.forget();
  }
}

/** Cuts a message off: when its time is over, or whoever sends it stops. A signal for each message cost as much as its signature. */
class End {
  /** Why it was cut off. */
  reason: Error | undefined;
  readonly #timer: NodeJS.Timeout;
  readonly #signal: AbortSignal | undefined;
  readonly #stop = (): void => this.#cut(this.#signal?.reason);
  #request: ClientRequest | undefined;
  #reject: ((reason: Error) => void) | undefined;

  constructor(milliseconds: number, signal: AbortSignal | undefined) {
    this.#timer = setTimeout(
      () => this.#cut(new Error(`no whole answer within ${milliseconds / 1000} seconds`)),
      milliseconds,
    );
    this.#signal = signal;
    if (signal?.aborted) this.#stop();
    else signal?.addEventListener('abort', this.#stop);
  }

  #cut(reason: Error): void {
    this.reason ??= reason;
    this.#reject?.(reason);
    this.#request?.destroy(reason);
  }

  before<T>(work: Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      this.#reject = reject;
      if (this.reason !== undefined) reject(this.reason);
      work.then(resolve, reject);
    });
  }

  of(request: ClientRequest): void {
    this.#request = request;
    if (this.reason !== undefined) request.destroy(this.reason);
  }

  forget(): void {
    clearTimeout(this.#timer);
    this.#signal?.removeEventListener('abort', this.#stop);
  }
}

interface Message {
  readonly url: URL;
  readonly addresses: readonly string[];
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  readonly end: End;
  readonly authorities: string | undefined;
}

function post(message: Message, agent: Agent | undefined): Promise<IncomingMessage> {
  const { url, headers, body, end, authorities } = message;
  const addresses = message.addresses.map((address) => ({ address, family: isIP(address) }));
  const pinned: LookupFunction = (_host, { all }, done) => {
    const [{ address, family } = { address: '', family: 0 }] = addresses;
    if (all) done(null, addresses);
    else done(null, address, family);
  };
  const settings: RequestOptions & { ca?: string } = {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      'user-agent': 'scimd',
      ...headers,
      'content-length': Buffer.byteLength(body),
    },
    lookup: pinned,
    agent: agent ?? false,
    ...(authorities === undefined ? {} : { ca: authorities }),
  };
  return new Promise((resolve, reject) => {
    const request = url.protocol === 'https:' ? requestHttps(url, settings) : requestHttp(url, settings);
    end.of(request);
    request.once('response', resolve);
    request.once('error', (error) => {
      // The receiver closed a connection that was idle: that says nothing of the message.
      if (request.reusedSocket && end.reason === undefined) resolve(post(message, undefined));
      else reject(error);
    });
    request.end(body);
  });
}

/** The first bytes as text. What an answer has beyond the limit is not waited for. */
function beginningOf(answer: IncomingMessage): Promise<string> {
  const kept: Buffer[] = [];
  let read = 0;
  let length = 0;
  return new Promise((resolve, reject) => {
    const done = (): void => resolve(Buffer.concat(kept).toString('utf8'));
    answer.on('data', (chunk: Buffer) => {
      read += chunk.length;
      if (length < mostKept) {
        kept.push(chunk.subarray(0, mostKept - length));
        length += Math.min(chunk.length, mostKept - length);
      }
      if (read < mostRead) return;
      done();
      // With its connection.
      answer.destroy();
    });
    answer.once('end', done);
    answer.once('error', reject);
    answer.once('close', () => reject(new Error('the answer was cut off')));
  });
}

/** For who looks at the attempts: codes are Node's, and known from elsewhere. */
function reasonOf(error: unknown): string {
  if (error instanceof AddressError) return error.message;
  const { code, message } = error as NodeJS.ErrnoException;
  return code === undefined ? message : `${code}: ${message}`;
}
