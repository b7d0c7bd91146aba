import type { Directory } from '../directory/directory.ts';
import type { GuardNews, GuardOptions } from '../directory/guard.ts';
import type { Hooks } from '../directory/hooks.ts';
import type { PagesElsewhere } from '../events/page-text.ts';
import type { EventReader } from '../events/reader.ts';
import type { Shown } from '../events/shown.ts';
import type { LogFields } from '../ops/log-fields.ts';
import type { Store, Token } from '../store/store.ts';
import type { Authenticate } from './authenticate.ts';
import type { BaseUrl } from './base-url.ts';
import type { EmbedderAuthenticate } from './embedder-authentication.ts';
import type { RawExchange } from './exchange-entry.ts';
import type { HttpRequest } from './message.ts';
import type { Mount } from './mounts.ts';

/** The part of a structured logger that the server uses; pino's loggers have it. */
export interface Log {
  info(fields: LogFields, message?: string): void;
  warn(fields: LogFields, message?: string): void;
  error(fields: LogFields, message?: string): void;
  /** Spares the making of what is not written; without it all is. */
  isLevelEnabled?(level: 'info'): boolean;
  /** Does it take personal data out by itself? Unless it does, what errors quote of a request is not told to it. */
  readonly redacts?: boolean;
}

/** What a request may cost at most (RFC 7644 §7.4). */
export interface Limits {
  /** Largest request body in bytes; larger ones are 413. */
  readonly bodyBytes: number;
  /** Deepest nesting of objects and arrays in a request body. */
  readonly bodyDepth: number;
  /** Page size when a query has no `count`. */
  readonly defaultPageSize: number;
  /** `filter.maxResults`: no page is larger. */
  readonly maxPageSize: number;
  /** Longest filter or path in UTF-16 code units. */
  readonly filterCharacters: number;
  readonly filterDepth: number;
  readonly filterTerms: number;
  /** Most operations in one bulk request. */
  readonly bulkOperations: number;
  /** Most passwords in one bulk request: to hash one takes 100 ms of a processor. */
  readonly bulkPasswords: number;
  /** Largest body of a bulk request in bytes. */
  readonly bulkBytes: number;
  /** How long a cursor can be used, in seconds. */
  readonly cursorSeconds: number;
  /** Most requests per second with one token, and from one address, on average over ten seconds; 0: any number. */
  readonly requestsPerSecond: number;
  readonly requestsPerAddress: number;
  /** How many wrong tokens from an address are answered at once; later ones wait; 0: none does. */
  readonly failedAttempts: number;
  /** Slow clients: how long a request's head, all of it, and a connection on which nothing moves may take. */
  readonly headerSeconds: number;
  readonly requestSeconds: number;
  readonly idleSeconds: number;
  /** How long an answer may take from the end of its request on, in seconds; it is 503 then. */
  readonly answerSeconds: number;
  /** Most values that the filter of a query compares, times its terms; more is 400 tooMany. */
  readonly comparedValues: number;
  /** The same for the value filters of PATCH, while which everything else waits. */
  readonly patchedValues: number;
  /** Most connections; with more, the one that has asked nothing for the longest time is closed. */
  readonly connections: number;
  /** A page ends before its resources are larger than so many bytes together. */
  readonly pageBytes: number;
}

export const defaultLimits: Limits = {
  bodyBytes: 4 * 1024 * 1024,
  bodyDepth: 32,
  defaultPageSize: 100,
  maxPageSize: 1000,
  filterCharacters: 16_384,
  filterDepth: 32,
  filterTerms: 256,
  bulkOperations: 1000,
  bulkPasswords: 200,
  bulkBytes: 8 * 1024 * 1024,
  cursorSeconds: 3600,
  requestsPerSecond: 0,
  requestsPerAddress: 0,
  failedAttempts: 20,
  headerSeconds: 20,
  requestSeconds: 120,
  idleSeconds: 120,
  answerSeconds: 30,
  comparedValues: 50_000_000,
  patchedValues: 1_000_000,
  connections: 5000,
  pageBytes: 4 * 1024 * 1024,
};

/** One answered request, as metrics count it. */
export interface Observation {
  readonly method: string;
  /** The path's form, such as `/Users/:id`; `unknown` where nothing is. */
  readonly route: string;
  readonly status: number;
  readonly seconds: number;
  /** Names of the tolerances used. */
  readonly tolerances: Iterable<string>;
}

/**
 * Signature algorithms of JWTs. All are of public keys: none with a shared secret, so that a public key cannot be taken
 * for one (RFC 8725 §2.1).
 */
export type JwtAlgorithm =
  | 'RS256'
  | 'RS384'
  | 'RS512'
  | 'PS256'
  | 'PS384'
  | 'PS512'
  | 'ES256'
  | 'ES384'
  | 'ES512'
  | 'EdDSA';

/** Which JWTs are taken, and what their claims mean. */
export interface JwtOptions {
  /** What `iss` must be. */
  readonly issuer: string;
  /** One of these must be in `aud`. */
  readonly audience: readonly string[];
  /** Where the issuer's keys are: a URL or a file. */
  readonly jwksUri?: string | undefined;
  readonly jwksFile?: string | undefined;
  /** RS256, PS256, ES256 and EdDSA unless given. */
  readonly algorithms?: readonly JwtAlgorithm[] | undefined;
  /** The claim with the tenant's name; absent: all are of `tenant`. */
  readonly tenantClaim?: string | undefined;
  /** The tenant without a claim; `default` unless given. */
  readonly tenant?: string;
  /** The claim with the scopes `read`, `scim`, `admin`, as a list or with blanks between; `scope` unless given. */
  readonly scopeClaim?: string;
  /** The claim with the provider whose tolerances apply; absent: `idp` does. */
  readonly idpClaim?: string | undefined;
  readonly idp?: string;
  /** The claim with the id of the user that /Me stands for; absent: there is no /Me. */
  readonly subjectClaim?: string | undefined;
}

/** What /docs shows. */
export interface Documentation {
  /** In the order of reading. */
  readonly topics: readonly {
    readonly name: string;
    readonly group: string;
    readonly title: string;
    readonly summary: string;
  }[];
  /** The page's Markdown; undefined where there is no such topic. */
  markdown(topic: string): string | undefined;
  /** The page as HTML, with its headings of the second level; undefined where there is no such topic. */
  article(topic: string): Promise<
    | {
        readonly html: string;
        readonly headings: readonly { readonly id: string; readonly text: string }[];
      }
    | undefined
  >;
}

/** A certificate with its chain, and its key, as PEM. */
export interface TlsIdentity {
  readonly certificate: string;
  readonly key: string;
}

/** Takes exchanges, at once and without a failure. */
export interface ExchangeRecorder {
  /**
   * Is it a read like one that stands for all of its kind at the moment? It is counted with that one then, and not handed
   * over. `token` is as {@link RawExchange} has it.
   */
  isCounted(method: string, route: string, token: string | undefined, status: number): boolean;
  record(exchange: RawExchange): void;
}

/** What a server is made of, for mounts beside its own. */
export interface MountParts {
  readonly store: Store;
  readonly directory: Directory;
  readonly authenticate: Authenticate;
  /** The absolute base of SCIM, as the client of the request reaches it. */
  readonly baseOf: BaseUrl;
  /** Where the request comes from, whatever proxies are in between. */
  readonly clientOf: (request: HttpRequest) => string;
  readonly reader: EventReader;
  /** Where a resource is, as clients reach it. */
  readonly urlOf: Shown['urlOf'];
  readonly limits: Limits;
  readonly clock: () => Date;
  readonly log: Log;
  /** The store's own secret. */
  readonly secretKey: Uint8Array;
}

/** How the server answers: limits, authentication, addresses, and what it calls of yours. */
export interface HttpOptions {
  readonly store: Store;
  /** Where the endpoints are mounted: `/scim/v2`. No trailing slash. */
  readonly basePath: string;
  /** Makes pages of the feed elsewhere; undefined where that is not possible at the moment. */
  readonly pages?: PagesElsewhere;
  /** Absolute base of `meta.location` and `$ref`, as clients reach it: `https://id.example.com/scim/v2`. Absent: from the request. */
  readonly baseUrl?: string | undefined;
  /** Addresses or CIDR ranges whose Forwarded and X-Forwarded-* headers are trusted. */
  readonly trustedProxies?: readonly string[];
  readonly limits?: Partial<Limits>;
  /** Is a token taken as the password of HTTP Basic too (RFC 7617)? */
  readonly basicAuth?: boolean;
  /** Asks the embedder's own code who a request is from, before tokens are looked at. */
  readonly authenticate?: EmbedderAuthenticate;
  /** Takes JWTs of another server beside tokens. */
  readonly jwt?: JwtOptions | undefined;
  /** POST /oauth/token gives access tokens that live so many seconds for tokens (RFC 6749 §4.4); absent: there is none. */
  readonly tokenEndpoint?: { readonly seconds: number } | undefined;
  /** May security event tokens be pushed to private addresses, and without TLS? */
  readonly privateReceivers?: boolean;
  /** May /Schemas and /ResourceTypes be read without a token? /ServiceProviderConfig always may (RFC 7643 §5). */
  readonly publicDiscovery?: boolean;
  /** Attributes that a filter in a URL is refused for, 403 `sensitive`; POST .search takes it (RFC 7644 §7.5.2). */
  readonly sensitiveAttributes?: readonly string[];
  /** Is a group refused, 409 `uniqueness`, whose displayName another group of its tenant has? */
  readonly uniqueDisplayName?: boolean;
  /** When losses of access are too many at once, and who is never to lose theirs. */
  readonly guard?: GuardOptions;
  /** Is told of what the guard did. */
  readonly onGuard?: (news: GuardNews) => void;
  /** What the embedder's own code does before, within and after every change. */
  readonly hooks?: Hooks;
  /** Does the change record keep the addresses of clients? */
  readonly recordAddresses?: boolean;
  readonly documentationUri?: string;
  /** The documentation, which anybody may read at /docs; absent: there is none. */
  readonly docs?: Documentation | undefined;
  readonly log?: Log;
  /** Where every exchange of SCIM, the feed and the token endpoint is handed to; absent: nowhere. */
  readonly exchangeLog?: ExchangeRecorder | undefined;
  /** Further mounts, which get what the server is made of. */
  readonly mounts?: ((parts: MountParts) => readonly Mount[]) | undefined;
  /** Told of every SCIM request after its answer. */
  readonly observe?: (observation: Observation) => void;
  /** Told of every wrong token, client secret and JWT. */
  readonly onWrongToken?: () => void;
  /** Told of every request with a token of the store that is not taken any more. */
  readonly onDeadToken?: (token: Token, reason: 'expired' | 'revoked') => void;
  /** What GET /metrics answers, in Prometheus' text format; absent: there is no /metrics. */
  readonly metrics?: () => Promise<string>;
  /** Is the server ready for requests? GET /readyz answers 503 when it starts, or stops. */
  readonly isReady?: () => boolean | 'starting';
  readonly clock?: () => Date;
}

/** A server that listens. `url` is the base of the endpoints: `http://127.0.0.1:8080/scim/v2`. */
export interface RunningServer {
  readonly url: string;
  readonly port: number;
  /** From now on each answer is the last of its connection, so that clients go elsewhere; new connections are still taken. */
  drain(): void;
  /**
   * Takes no new connection, lets running requests end, at most for so many seconds, then resolves. Each answer is the
   * last of its connection.
   */
  close(graceSeconds?: number): Promise<void>;
  /**
   * Goes over to other options: new requests have them, running ones end with those that they began with. A new
   * certificate is for new connections; those that are open stay.
   */
  reconfigure(
    changes: Partial<Omit<HttpOptions, 'store' | 'basePath'>> & { readonly tls?: TlsIdentity },
  ): Promise<void>;
}
