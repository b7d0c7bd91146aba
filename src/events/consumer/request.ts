/** Requests of a consumer: authenticated, and repeated where waiting helps. */

/** Where the events are, and what they are asked for with. */
export interface Connection {
  /** The server's address, without a path of SCIM: `https://id.example.com`. */
  readonly url: string;
  /** A token of scope `events`, or what gives one each time. */
  readonly token: string | (() => string | Promise<string>);
  /** Ends waiting and requests; the generators return then. */
  readonly signal?: AbortSignal | undefined;
  /** In place of the global one. */
  readonly fetch?: ((url: string, init: RequestInit) => Promise<Response>) | undefined;
  /** Told of each failure that is tried again, with the milliseconds until then. */
  readonly onRetry?: ((error: Error, milliseconds: number) => void) | undefined;
}

/** The server refused: what it answered, and what it says. Is not tried again. */
export class ConsumerError extends Error {
  override readonly name: string = 'ConsumerError';
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

/**
 * The position is older than what the server keeps: begin with a {@link snapshot}, whose position goes on from there.
 * Changes in between are in it.
 */
export class PositionTooOld extends ConsumerError {
  override readonly name = 'PositionTooOld';
  /** The oldest position that there is. */
  readonly oldest: string;

  constructor(message: string, oldest: string) {
    super(410, message);
    this.oldest = oldest;
  }
}

const longestPause = 30_000;
/** Milliseconds: the server cannot put us off for longer. */
const longestAsked = 5 * 60_000;
/** Milliseconds for a whole answer, unless the request says otherwise. */
const usualPatience = 60_000;
/** Answers that waiting mends: of a proxy on the way, mostly. */
const passing = new Set([408, 425, 429]);
/** The address is another one, for good: waiting does not mend that. */
const moved = new Set([301, 308]);

export interface AskOptions {
  readonly method?: string;
  readonly body?: string;
  readonly accept?: string;
  /** Milliseconds without an answer, or between two pieces of it, after which the connection is taken to be dead. */
  readonly patience?: number | undefined;
}

/**
 * What `read` makes of an answer that is no error; it ends the limit when it has all of it. Repeats while the server cannot be reached, breaks off in the middle
 * of its answer, or asks to come again. A network may lose a connection without a word: nothing is waited for without
 * an end.
 */
export async function ask<T>(
  connection: Connection,
  path: string,
  init: AskOptions,
  read: (response: Response, limit: Limit) => Promise<T>,
): Promise<T> {
  const { url, token, signal, onRetry } = connection;
  // No waiting mends these.
  if (typeof url !== 'string' || !/^https?:\/\/./i.test(url))
    throw new TypeError(
      `url must be the address of scimd, such as https://id.example.com, not ${String(url)}`,
    );
  if (typeof token !== 'string' && typeof token !== 'function')
    throw new TypeError(`token must be a text or a function that answers one, not ${String(token)}`);
  for (let tries = 1; ; tries++) {
    let failure: Error;
    let asked = 0;
    const limit = new Limit(init.patience ?? usualPatience, signal);
    try {
      const bearer = typeof token === 'string' ? token : await token();
      // Called by name: workers refuse a fetch that is taken off their global object.
      const call = connection.fetch ?? ((to: string, how: RequestInit) => fetch(to, how));
      limit.renew();
      const response = await call(`${url.replace(/\/+$/, '')}${path}`, {
        method: init.method ?? 'GET',
        redirect: 'manual',
        headers: {
          authorization: `Bearer ${bearer}`,
          accept: init.accept ?? 'application/json',
          ...(init.body === undefined ? {} : { 'content-type': 'application/json' }),
        },
        ...(init.body === undefined ? {} : { body: init.body }),
        signal: limit.signal,
      });
      if (response.ok) return await read(response, limit);
      limit.renew();
      failure = await refusalOf(response);
      const { status } = response;
      // Browsers do not tell where a redirect leads: its status is 0.
      if (status >= 400 ? status < 500 && !passing.has(status) : moved.has(status)) throw failure;
      asked = retryAfterOf(response);
    } catch (error) {
      limit.end();
      signal?.throwIfAborted();
      if (error instanceof ConsumerError) throw error;
      failure = error instanceof Error ? error : new Error(String(error));
    }
    limit.end();
    const pause = Math.max(asked, Math.min(longestPause, 250 * 2 ** tries) * (0.5 + Math.random() / 2));
    onRetry?.(failure, pause);
    await sleep(pause, signal);
  }
}

/** An answer of JSON, read to its end. */
export function askJson<T>(connection: Connection, path: string, init: AskOptions = {}): Promise<T> {
  return ask(connection, path, init, async (response, limit) => {
    const type = response.headers.get('content-type') ?? '';
    const text = await response.text();
    limit.end();
    if (!/^application\/(?:[\w.+-]+\+)?json\b/i.test(type))
      throw new ConsumerError(
        response.status,
        `the answer is no JSON, but ${type === '' ? 'of no type' : type}: is url the address of scimd?`,
      );
    return JSON.parse(text) as T;
  });
}

/** Aborts a request when its time is over, or when who asked wants it no more. */
export class Limit {
  readonly #controller = new AbortController();
  readonly #milliseconds: number;
  readonly #outer: AbortSignal | undefined;
  readonly #abort = (): void => this.#controller.abort(this.#outer?.reason);
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(milliseconds: number, outer: AbortSignal | undefined) {
    this.#milliseconds = milliseconds;
    this.#outer = outer;
    if (outer?.aborted) this.#abort();
    else outer?.addEventListener('abort', this.#abort, { once: true });
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** The time begins anew. */
  renew(): void {
    this.pause();
    const late = new Error(`nothing has come for ${this.#milliseconds / 1000} seconds`);
    this.#timer = setTimeout(() => this.#controller.abort(late), this.#milliseconds);
  }

  /** What takes time now is not the server. */
  pause(): void {
    clearTimeout(this.#timer);
  }

  end(): void {
    this.pause();
    this.#outer?.removeEventListener('abort', this.#abort);
  }
}

/** Milliseconds (RFC 9110 §10.2.3: seconds, or a date). */
function retryAfterOf(response: Response): number {
  const field = response.headers.get('retry-after') ?? '';
  const asked = /^\d+$/.test(field) ? Number(field) * 1000 : Date.parse(field) - Date.now();
  return Number.isNaN(asked) ? 0 : Math.min(Math.max(asked, 0), longestAsked);
}

async function refusalOf(response: Response): Promise<ConsumerError> {
  const body: unknown = await response.json().catch(() => undefined);
  const to = response.headers.get('location');
  if (to !== null) return new ConsumerError(response.status, `the server is elsewhere, at ${to}: mend url`);
  const { detail, oldest } = (typeof body === 'object' && body !== null ? body : {}) as Record<
    string,
    unknown
  >;
  const message = typeof detail === 'string' ? detail : `the server answered ${response.status}`;
  if (response.status === 410) return new PositionTooOld(message, typeof oldest === 'string' ? oldest : '0');
  return new ConsumerError(response.status, message);
}

function sleep(milliseconds: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    const abort = (): void => {
      clearTimeout(timer);
      reject(signal?.reason);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener('abort', abort);
      resolve();
    }, milliseconds);
    signal?.addEventListener('abort', abort, { once: true });
  });
}
