/** One POST to one endpoint: pinned to an address that was checked, bounded in time and in what it reads. */
import { AddressError, addressesOf, type Resolve } from './address.ts';
import { Connections } from './connections.ts';
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
  /** Of the endpoint; one is made for the message without it. */
  readonly connections?: Connections | undefined;
}

const defaultTimeout = 15_000;

/** Never rejects. */
export async function send(
  to: string,
  fields: Readonly<Record<string, string>>,
  body: string,
  options: SendOptions,
): Promise<Answer> {
  const started = performance.now();
  const milliseconds = (): number => Math.round(performance.now() - started);
  const end = new End(options.timeout ?? defaultTimeout, options.signal);
  try {
    const { connections = new Connections(0), authorities } = options;
    const url = connections.check(to, options.allowPrivate);
    const addresses = await end.before(addressesOf(url, options.allowPrivate, options.resolve));
    const headers = { 'content-type': 'application/json', 'user-agent': 'scimd', ...fields };
    const reply = await connections.post({ url, addresses, headers, body, authorities }, (cut) =>
      end.of(cut),
    );
    const date = Date.parse(reply.date ?? '');
    return {
      status: reply.status,
      body: reply.body,
      milliseconds: milliseconds(),
      retryAfter: parseRetryAfter(reply.retryAfter, Date.now()),
      // A Date field has whole seconds.
      clockDifference: Number.isNaN(date)
        ? undefined
        : Math.floor(date / 1000) - Math.floor(Date.now() / 1000),
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
  #cutMessage: ((reason: Error) => void) | undefined;
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
    this.#cutMessage?.(reason);
  }

  before<T>(work: Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      this.#reject = reject;
      if (this.reason !== undefined) reject(this.reason);
      work.then(resolve, reject);
    });
  }

  of(cut: (reason: Error) => void): void {
    this.#cutMessage = cut;
    if (this.reason !== undefined) cut(this.reason);
  }

  forget(): void {
    clearTimeout(this.#timer);
    this.#signal?.removeEventListener('abort', this.#stop);
  }
}

/** For who looks at the attempts: codes are Node's, and known from elsewhere. */
function reasonOf(error: unknown): string {
  if (error instanceof AddressError) return error.message;
  const { code, message } = error as NodeJS.ErrnoException;
  return code === undefined ? message : `${code}: ${message}`;
}
