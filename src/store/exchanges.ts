/**
 * The exchange log: every request and its answer, kept apart from the directory, so that it can neither slow nor fail a
 * request, and bounded by time and size.
 */

/** What a request asked for, as far as it can be read from it and its answer. */
export type Asked =
  | { readonly kind: 'look-up'; readonly by: string; readonly value: string; readonly found?: number }
  | { readonly kind: 'list'; readonly filter?: string; readonly found?: number }
  | { readonly kind: 'create'; readonly externalId?: string }
  | { readonly kind: 'get' | 'delete' | 'discovery' | 'token' | 'events' | 'other' }
  | { readonly kind: 'replace'; readonly active?: boolean }
  | {
      readonly kind: 'update';
      /** The first paths that it changes. */
      readonly paths: readonly string[];
      readonly active?: boolean;
      /** The first members that it adds and removes, by their ids, and how many there are. */
      readonly added?: readonly string[];
      readonly addedCount?: number;
      readonly removed?: readonly string[];
      readonly removedCount?: number;
    }
  | { readonly kind: 'bulk'; readonly operations: number }
  /** So many reads that are alike, at a rate at which they are not kept one by one. */
  | { readonly kind: 'reads'; readonly count: number };

/** One request and its answer, without their bodies. */
export interface ExchangeEntry {
  /** Milliseconds since 1970. */
  readonly at: number;
  /** The number of the tenant; absent where it is not known who asked. */
  readonly tenant?: number | undefined;
  /** The token's id (or `jwt:` and the subject), its name and its provider, as they were then. */
  readonly token?: string | undefined;
  readonly tokenName?: string | undefined;
  readonly idp?: string | undefined;
  /** Why the token was not taken, if it is one that was known. */
  readonly refused?: 'expired' | 'revoked' | undefined;
  readonly agent?: string | undefined;
  readonly method: string;
  readonly path: string;
  /** The query, decoded and without secrets. */
  readonly search?: string | undefined;
  readonly status: number;
  readonly scimType?: string | undefined;
  readonly detail?: string | undefined;
  readonly milliseconds: number;
  readonly tolerances: readonly string[];
  readonly requestId: string;
  /** The resource type and the id that the request was about, and what it is called. */
  readonly type?: string | undefined;
  readonly subject?: string | undefined;
  readonly name?: string | undefined;
  readonly asked: Asked;
}

/** What is written of an exchange. */
export interface NewExchange extends ExchangeEntry {
  /** Bodies without secrets; absent where there is none, or bodies are not kept. */
  readonly sent?: string | undefined;
  readonly answered?: string | undefined;
  /** Was there more of them? They are shown with an ellipsis then. */
  readonly isSentCut?: boolean | undefined;
  readonly isAnsweredCut?: boolean | undefined;
  /** What it is found by: ids and names of those whom it is about, in folded letters. */
  readonly mentions: readonly string[];
}

export interface LoggedExchange extends ExchangeEntry {
  readonly id: number;
}

/** With its bodies. */
export interface WholeExchange extends LoggedExchange {
  readonly sent?: string;
  readonly answered?: string;
}

export interface ExchangeQuery {
  /** Only of this tenant; null: of none, since it is not known who asked. */
  readonly tenant?: number | null | undefined;
  /** Beside those of the tenant, those of none. */
  readonly orNobody?: boolean | undefined;
  /** A token's name or id. */
  readonly token?: string | undefined;
  /** `4xx`, `404`, `error` for all from 400 on. */
  readonly status?: string | undefined;
  readonly method?: string | undefined;
  /** Whoever it mentions: ids and names. */
  readonly about?: readonly string[] | undefined;
  readonly requestId?: string | undefined;
  /** Exchanges with a smaller or larger id. */
  readonly before?: number | undefined;
  readonly after?: number | undefined;
  /** Milliseconds since 1970. */
  readonly since?: number | undefined;
  readonly limit: number;
}

export interface ExchangePage {
  /** Newest first. */
  readonly exchanges: readonly LoggedExchange[];
  /** Where to go on, if it was not looked through to the end. */
  readonly before?: number;
}

/** One page of what two find by the same query, each of its own. */
export function mergedPages(
  { limit, before, after }: ExchangeQuery,
  pages: readonly [ExchangePage, ExchangePage],
): ExchangePage {
  // Of what the one has behind the end of the other nothing is known yet.
  const end = Math.max(...pages.map((page) => page.before ?? 0));
  const found = pages
    .flatMap(({ exchanges }) => exchanges)
    .filter(({ id }) => id >= end)
    .sort((one, other) => other.id - one.id);
  if (after !== undefined && before === undefined) return { exchanges: found.slice(-limit) };
  const exchanges = found.slice(0, limit);
  const last = exchanges.at(-1);
  if (found.length > limit && last !== undefined) return { exchanges, before: last.id };
  return end === 0 ? { exchanges } : { exchanges, before: end };
}

/** Exchanges of one token within some time. */
export interface TokenTraffic {
  readonly token: string;
  readonly last: LoggedExchange;
}

/** How many exchanges there were, in equal parts of a time. */
export interface TrafficCounts {
  readonly from: number;
  readonly step: number;
  readonly answered: readonly number[];
  readonly refused: readonly number[];
}

/** Whom to forget: every text that stands for this person and nobody else. */
export interface ForgottenPerson {
  readonly tenant: number;
  /** Kept, as in the history. */
  readonly id: string;
  /** userName, externalId, e-mail addresses, names. */
  readonly texts: readonly string[];
}

export interface ExchangeLogLimits {
  /** How many days exchanges are kept. */
  readonly days: number;
  /** How large the log may become; the oldest go then. */
  readonly megabytes: number;
}

/** Folds what exchanges are found by. */
export function mentionKey(text: string): string {
  return text.toLowerCase().slice(0, 200);
}
