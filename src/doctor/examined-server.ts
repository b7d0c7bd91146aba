/** The server under examination: how much it was asked, and whether it still answers. */
import { type Request, type RoundTrip, retryAfter, ScimClient } from '../scim-client.ts';

/** No examination sends more; the checks need about half of it. */
const requestLimit = 1200;
const answerBytes = 4 * 1024 * 1024;
/** The longest wait that a server may ask for (RFC 6585 §4), in milliseconds, and how often it may. */
const longestWait = 30_000;
const waitLimit = 5;

export class ExaminedServer {
  readonly base: string;
  requests = 0;
  /** Requests in a row that got no answer. */
  silent = 0;
  readonly #client: ScimClient;
  #waits = 0;

  /** `ended` ends the running request and refuses more. */
  constructor(base: string, token: string | undefined, timeoutSeconds: number, ended: AbortSignal) {
    this.base = base;
    this.#client = new ScimClient({
      base,
      token,
      program: 'scimd-doctor',
      timeoutSeconds,
      answerBytes,
      signal: ended,
      patience: ({ answer }) => {
        if (answer?.status !== 429 || this.#waits >= waitLimit) return undefined;
        const asked = retryAfter(answer) ?? 1000;
        if (asked > longestWait) return undefined;
        this.#waits++;
        this.requests++;
        return asked;
      },
    });
  }

  async send(request: Request): Promise<RoundTrip> {
    if (this.requests >= requestLimit) {
      const message = `${requestLimit} requests are enough`;
      return { request, answer: undefined, failure: { code: 'LIMIT', message }, repeated: false };
    }
    this.requests++;
    const trip = await this.#client.send(request);
    this.silent = trip.answer === undefined ? this.silent + 1 : 0;
    return trip;
  }
}
