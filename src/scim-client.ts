/** Requests to another SCIM server: to the given base only, within limits of time and size, one after the other. */
import { STATUS_CODES } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import manifest from '../package.json' with { type: 'json' };

export type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';

export interface Request {
  readonly method: Method;
  /** Below the base URL, with any query. */
  readonly path: string;
  /** A string is sent as it is, anything else as JSON. */
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  readonly credentials?: 'none' | 'wrong';
}

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  /** The parsed body; undefined if it is not JSON. */
  readonly json: unknown;
  readonly milliseconds: number;
}

export interface Failure {
  /** The system's code, such as ECONNREFUSED, or `TIMEOUT`, `ENDED`. */
  readonly code: string;
  readonly message: string;
}

/** A request with its answer, or with why none came. */
export interface RoundTrip {
  readonly request: Request;
  readonly answer: Answer | undefined;
  readonly failure: Failure | undefined;
  /** The connection was closed before an answer, so it was sent a second time: the first may have been done too. */
  readonly repeated: boolean;
}

export interface ClientOptions {
  /** The base URL, without a slash at its end. */
  readonly base: string;
  readonly token: string | undefined;
  /** The program, for the User-Agent header (RFC 9110 §10.1.5): `scimd-doctor`. */
  readonly program: string;
  /** For each answer. */
  readonly timeoutSeconds: number;
  readonly answerBytes: number;
  /** Ends the running request and any waiting. */
  readonly signal: AbortSignal;
  /** How long to wait, in milliseconds, before the same request is sent again; undefined if it is not. */
  readonly patience: (trip: RoundTrip, attempt: number) => number | undefined;
}

export class ScimClient {
  readonly base: string;
  readonly #options: ClientOptions;

  constructor(options: ClientOptions) {
    this.base = options.base;
    this.#options = options;
  }

  /** Never throws: what goes wrong is the round trip's `failure`. */
  async send(request: Request): Promise<RoundTrip> {
    const { patience, signal } = this.#options;
    for (let attempt = 1; ; attempt++) {
      const trip = await this.#sendOnce(request);
      const wait = signal.aborted ? undefined : patience(trip, attempt);
      if (wait === undefined) return trip;
      await sleep(wait, undefined, { signal }).catch(() => undefined);
    }
  }

  /** A server may close a connection that is kept open just as a request is sent on it (RFC 9112 §9.5). */
  async #sendOnce(request: Request): Promise<RoundTrip> {
    const trip = await this.#exchange(request);
    if (!closedCodes.has(trip.failure?.code ?? '')) return trip;
    return { ...(await this.#exchange(request)), repeated: true };
  }

  async #exchange(request: Request): Promise<RoundTrip> {
    const { base, timeoutSeconds, answerBytes, signal } = this.#options;
    const failed = (code: string, message: string): RoundTrip => ({
      request,
      answer: undefined,
      failure: { code, message },
      repeated: false,
    });
    const timeout = AbortSignal.timeout(timeoutSeconds * 1000);
    const started = performance.now();
    try {
      const response = await fetch(base + request.path, {
        method: request.method,
        headers: this.#headersOf(request),
        // The token is for the given URL only.
        redirect: 'manual',
        signal: AbortSignal.any([timeout, signal]),
        ...(request.body === undefined
          ? {}
          : { body: typeof request.body === 'string' ? request.body : JSON.stringify(request.body) }),
      });
      const text = await readText(response, answerBytes);
      const { status, headers } = response;
      const milliseconds = Math.round(performance.now() - started);
      const answer = { status, headers, text, json: parsed(text), milliseconds };
      return { request, answer, failure: undefined, repeated: false };
    } catch (error) {
      if (timeout.aborted) return failed('TIMEOUT', `no answer within ${timeoutSeconds} s`);
      if (signal.aborted) return failed('ENDED', 'interrupted');
      const { code, message } = causeOf(error);
      return failed(code, `the connection failed: ${message.split('\n')[0]}`);
    }
  }

  #headersOf({ body, headers, credentials }: Request): Headers {
    const { program, token } = this.#options;
    const fields = new Headers({
      accept: 'application/scim+json, application/json;q=0.5',
      'user-agent': `${program}/${manifest.version}`,
    });
    if (body !== undefined) fields.set('content-type', 'application/scim+json');
    if (credentials === 'wrong') fields.set('authorization', 'Bearer scimd-doctor-not-a-token');
    else if (credentials !== 'none' && token !== undefined) fields.set('authorization', `Bearer ${token}`);
    for (const [name, value] of Object.entries(headers ?? {})) fields.set(name, value);
    return fields;
  }
}

/** What a connection fails with that the other side has closed. */
const closedCodes: ReadonlySet<string> = new Set(['ECONNRESET', 'EPIPE', 'UND_ERR_SOCKET']);

async function readText(response: Response, most: number): Promise<string> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of response.body ?? []) {
    size += chunk.byteLength;
    if (size > most) throw new Error(`an answer of more than ${most} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** fetch hides what happened one or two causes deep. */
function causeOf(error: unknown): Failure {
  let found: Failure = { code: 'UNKNOWN', message: String(error) };
  for (let cause = error; cause instanceof Error; cause = cause.cause) {
    const first = cause instanceof AggregateError ? cause.errors[0] : cause;
    const { code, message } = first as NodeJS.ErrnoException;
    found = { code: code ?? found.code, message: message || found.message };
  }
  return found;
}

/** How long the server asks to wait (RFC 9110 §10.2.3), in milliseconds; undefined if it does not say. */
export function retryAfter({ headers }: Answer): number | undefined {
  const text = headers.get('retry-after');
  if (text === null) return undefined;
  const milliseconds = /^\d+$/.test(text.trim()) ? Number(text) * 1000 : Date.parse(text) - Date.now();
  return Number.isNaN(milliseconds) ? undefined : Math.max(0, milliseconds);
}

/** `404 Not Found` */
export function statusLine(status: number): string {
  const reason = STATUS_CODES[status];
  return reason === undefined ? String(status) : `${status} ${reason}`;
}
