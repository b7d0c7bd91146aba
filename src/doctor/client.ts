/** Sends the requests of a visit: to the given base only, within limits of time, size and number. */
import { STATUS_CODES } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import manifest from '../../package.json' with { type: 'json' };
import type { Answer, Method } from './check.ts';

/** No visit sends more; the checks need about half of it. */
const requestLimit = 1200;
const answerBytes = 4 * 1024 * 1024;
/** The longest wait that a server may ask for (RFC 6585 §4), and how often it may. */
const longestWait = 30;
const waitLimit = 5;

export interface Request {
  readonly method: Method;
  readonly path: string;
  /** Text is sent as it is, anything else as JSON. */
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  readonly credentials?: 'none' | 'wrong';
}

export interface Exchange {
  readonly request: Request;
  /** Absent when none came; `failure` says why. */
  readonly answer: Answer | undefined;
  readonly failure: Failure | undefined;
}

export interface Failure {
  /** The system's code, such as ECONNREFUSED, or `TIMEOUT`. */
  readonly code: string;
  readonly message: string;
}

export class Client {
  readonly base: string;
  requests = 0;
  /** Requests in a row that got no answer. */
  silent = 0;
  private readonly token: string | undefined;
  private readonly timeoutSeconds: number;
  private readonly ended: AbortSignal;
  private waits = 0;

  /** `ended` ends the running request and refuses more. */
  constructor(base: string, token: string | undefined, timeoutSeconds: number, ended: AbortSignal) {
    this.base = base;
    this.token = token;
    this.timeoutSeconds = timeoutSeconds;
    this.ended = ended;
  }

  async send(request: Request): Promise<Exchange> {
    let exchange = await this.sendOnce(request);
    while (exchange.answer?.status === 429 && this.waits < waitLimit) {
      const asked = Number(exchange.answer.headers.get('retry-after') ?? '1');
      if (!(asked >= 0 && asked <= longestWait)) break;
      this.waits++;
      await sleep(asked * 1000, undefined, { signal: this.ended }).catch(() => undefined);
      exchange = await this.sendOnce(request);
    }
    this.silent = exchange.answer === undefined ? this.silent + 1 : 0;
    return exchange;
  }

  private async sendOnce(request: Request): Promise<Exchange> {
    const failed = (code: string, message: string): Exchange => ({
      request,
      answer: undefined,
      failure: { code, message },
    });
    if (this.requests >= requestLimit) return failed('LIMIT', `${requestLimit} requests are enough`);
    this.requests++;
    const timeout = AbortSignal.timeout(this.timeoutSeconds * 1000);
    const started = performance.now();
    try {
      const response = await fetch(this.base + request.path, {
        method: request.method,
        headers: this.headersOf(request),
        // The token is for the given URL only.
        redirect: 'manual',
        signal: AbortSignal.any([timeout, this.ended]),
        ...(request.body === undefined
          ? {}
          : { body: typeof request.body === 'string' ? request.body : JSON.stringify(request.body) }),
      });
      const text = await readText(response);
      const { status, headers } = response;
      const milliseconds = Math.round(performance.now() - started);
      return {
        request,
        answer: { status, headers, text, json: parse(text), milliseconds },
        failure: undefined,
      };
    } catch (error) {
      if (timeout.aborted) return failed('TIMEOUT', `no answer within ${this.timeoutSeconds} s`);
      if (this.ended.aborted) return failed('ENDED', 'interrupted');
      const { code, message } = causeOf(error);
      return failed(code, `the connection failed: ${message.split('\n')[0]}`);
    }
  }

  private headersOf({ body, headers, credentials }: Request): Headers {
    const fields = new Headers({
      accept: 'application/scim+json, application/json;q=0.5',
      'user-agent': `scimd-doctor/${manifest.version}`,
    });
    if (body !== undefined) fields.set('content-type', 'application/scim+json');
    if (credentials === 'wrong') fields.set('authorization', 'Bearer scimd-doctor-not-a-token');
    else if (credentials !== 'none' && this.token !== undefined)
      fields.set('authorization', `Bearer ${this.token}`);
    for (const [name, value] of Object.entries(headers ?? {})) fields.set(name, value);
    return fields;
  }
}

async function readText(response: Response): Promise<string> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of response.body ?? []) {
    size += chunk.byteLength;
    if (size > answerBytes) throw new Error(`an answer of more than ${answerBytes} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function parse(text: string): unknown {
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

/** `404 Not Found` */
export function statusLine(status: number): string {
  const reason = STATUS_CODES[status];
  return reason === undefined ? String(status) : `${status} ${reason}`;
}
