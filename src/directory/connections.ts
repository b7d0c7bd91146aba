/**
 * Watches the connections of providers, each of which has a token: those that begin, that have gone silent, that ask
 * with a token which is taken no more, and whose token ends soon. Of each it records a notice, which becomes an event.
 */
import type { Store, Token } from '../store/store.ts';
import { isConnection, tokenNotice } from '../store/token-notice.ts';

export interface ConnectionOptions {
  /** A connection that nothing came by for so many hours is silent; 0: none ever is. */
  readonly silentHours: number;
  readonly clock?: () => Date;
  /** Is told why a look failed; the next one tries again. */
  readonly onError: (error: unknown) => void;
}

/** Why a token of the store is not taken. */
export type Dead = 'expired' | 'revoked';

export const defaultSilentHours = 72;

const minute = 60_000;
const hour = 60 * minute;
const day = 24 * hour;
/** Milliseconds between looks for connections that begin, and for the others. */
const firstUsesEvery = 5000;
const lookEvery = minute;
/** Milliseconds before a token that fails is told of again; and before it is asked again whether it was. */
const failingAgainAfter = day;
const askAgainAfter = 10 * minute;
/** So many days before a token ends it is told, if it was given for longer. */
const expiringDays = [30, 7, 1] as const;

type Watched = Pick<Store, 'note' | 'noteFirstUses' | 'listTokens'>;

export class Connections {
  readonly #store: Watched;
  readonly #options: ConnectionOptions;
  readonly #timers: NodeJS.Timeout[] = [];
  /** By token: when it was told the last time, by the clock that never jumps. */
  readonly #failing = new Map<string, number>();

  constructor(store: Watched, options: ConnectionOptions) {
    this.#store = store;
    this.#options = options;
  }

  start(): void {
    const every = (interval: number, look: () => Promise<unknown>): void => {
      this.#timers.push(setInterval(() => void look().catch(this.#options.onError), interval).unref());
    };
    every(firstUsesEvery, () => this.#store.noteFirstUses());
    every(lookEvery, () => this.look());
  }

  stop(): void {
    for (const timer of this.#timers) clearInterval(timer);
  }

  /** Tells of those that are silent and of those that end; answers how many were told of for the first time. */
  async look(): Promise<number> {
    const now = this.#now();
    const tokens = await this.#store.listTokens();
    const notices = tokens
      .filter((token) => token.revoked === undefined && timeOf(token.expires) > now)
      .flatMap((token) => [...this.#silent(token, now), ...expiring(token, now)]);
    return notices.length === 0 ? 0 : this.#store.note(notices);
  }

  /** Somebody asked with a token that is not taken any more. */
  failing(token: Token, reason: Dead): void {
    const now = performance.now();
    const told = this.#failing.get(token.id);
    if (!isConnection(token) || (told !== undefined && now - told < askAgainAfter)) return;
    this.#failing.set(token.id, now);
    const notice = {
      ...tokenNotice('connection.failing', token, { reason, ...lastRequestOf(token) }),
      unlessSince: new Date(this.#now() - failingAgainAfter).toISOString(),
    };
    this.#store.note([notice]).catch((error: unknown) => {
      this.#failing.delete(token.id);
      this.#options.onError(error);
    });
  }

  #now(): number {
    return (this.#options.clock?.() ?? new Date()).getTime();
  }

  #silent(token: Token, now: number) {
    const { silentHours } = this.#options;
    const { lastUsed } = token;
    if (silentHours === 0 || !isConnection(token) || lastUsed === undefined) return [];
    if (now - Date.parse(lastUsed) < silentHours * hour) return [];
    return [{ ...tokenNotice('connection.silent', token, lastRequestOf(token)), unlessSince: lastUsed }];
  }
}

/** Of whatever scope: an application whose token ends hears of nobody any more. */
function expiring(token: Token, now: number) {
  const { expires } = token;
  if (expires === undefined) return [];
  const end = Date.parse(expires);
  const stages = expiringDays.filter(
    (days) => end - now <= days * day && end - Date.parse(token.created) > days * day,
  );
  const days = stages.at(-1);
  if (days === undefined) return [];
  const unlessSince = new Date(end - days * day).toISOString();
  return [
    { ...tokenNotice('token.expiring', token, { expires, days, ...lastRequestOf(token) }), unlessSince },
  ];
}

function lastRequestOf({ lastUsed }: Token): { lastRequest?: string } {
  return lastUsed === undefined ? {} : { lastRequest: lastUsed };
}

function timeOf(instant: string | undefined): number {
  return instant === undefined ? Number.POSITIVE_INFINITY : Date.parse(instant);
}
