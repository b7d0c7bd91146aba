/** Tokens that were found: every request names its own. */
import type { Token } from '../store.ts';
import type { Awaitable } from '../stored-resource.ts';

/** How long a token is taken for what it was, in milliseconds: another process may have revoked it. */
const kept = 2000;
/** How often the use of a token is written down, in milliseconds. */
const usedInterval = 60_000;
const most = 10_000;

interface Known {
  readonly token: Token;
  readonly until: number;
  noted: number;
}

export interface KnownTokensTools {
  readonly clock: () => Date;
  readonly find: (hash: string, now: Date) => Awaitable<Token | undefined>;
  /** Told that a token is used, now and then. */
  readonly used: (id: string, now: Date) => void;
  readonly found: (token: Token) => void;
}

export class KnownTokens {
  readonly #tools: KnownTokensTools;
  readonly #known = new Map<string, Known>();

  constructor(tools: KnownTokensTools) {
    this.#tools = tools;
  }

  /** At once where it is known, or the driver answers at once. */
  find(hash: string): Awaitable<Token | undefined> {
    const before = this.#known.get(hash);
    if (before !== undefined && before.until > performance.now()) return this.#used(before);
    const found = this.#tools.find(hash, this.#tools.clock());
    return found instanceof Promise
      ? found.then((token) => this.#read(hash, token, before))
      : this.#read(hash, found, before);
  }

  #used(fresh: Known): Token {
    const now = this.#tools.clock();
    const { token } = fresh;
    const isTaken =
      token.ended !== true && (token.expires === undefined || Date.parse(token.expires) > now.getTime());
    if (isTaken && now.getTime() - fresh.noted >= usedInterval) {
      fresh.noted = now.getTime();
      this.#tools.used(token.id, now);
    }
    return token;
  }

  /** Tokens were written. */
  clear(): void {
    this.#known.clear();
  }

  #read(hash: string, found: Token | undefined, before: Known | undefined): Token | undefined {
    if (found === undefined) return undefined;
    // The same object for the same state, by which others know it.
    const token =
      before !== undefined && JSON.stringify(before.token) === JSON.stringify(found) ? before.token : found;
    const noted = found.lastUsed === undefined ? 0 : Date.parse(found.lastUsed);
    const known = { token, until: performance.now() + kept, noted };
    if (this.#known.size >= most) this.#known.clear();
    this.#known.set(hash, known);
    this.#tools.found(token);
    return this.#used(known);
  }
}
