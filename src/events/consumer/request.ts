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

/** An answer that is no error. Repeats while the server cannot be reached, or asks to come again. */
export async function ask(
  connection: Connection,
  path: string,
  init: { readonly method?: string; readonly body?: string; readonly accept?: string } = {},
): Promise<Response> {
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
    try {
      const bearer = typeof token === 'string' ? token : await token();
      // Called by name: workers refuse a fetch that is taken off their global object.
      const call = connection.fetch ?? ((to: string, how: RequestInit) => fetch(to, how));
      const response = await call(`${url.replace(/\/+$/, '')}${path}`, {
        method: init.method ?? 'GET',
        redirect: 'error',
        headers: {
          authorization: `Bearer ${bearer}`,
          accept: init.accept ?? 'application/json',
          ...(init.body === undefined ? {} : { 'content-type': 'application/json' }),
        },
        ...(init.body === undefined ? {} : { body: init.body }),
        ...(signal === undefined ? {} : { signal }),
      });
      if (response.ok) return response;
      failure = await refusalOf(response);
      if (response.status !== 429 && response.status < 500) throw failure;
      asked = Number(response.headers.get('retry-after') ?? 0) * 1000 || 0;
    } catch (error) {
      signal?.throwIfAborted();
      if (error instanceof ConsumerError) throw error;
      failure = error instanceof Error ? error : new Error(String(error));
    }
    const pause = Math.max(asked, Math.min(longestPause, 250 * 2 ** tries) * (0.5 + Math.random() / 2));
    onRetry?.(failure, pause);
    await sleep(pause, signal);
  }
}

async function refusalOf(response: Response): Promise<ConsumerError> {
  const body: unknown = await response.json().catch(() => undefined);
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
