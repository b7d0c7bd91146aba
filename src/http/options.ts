import type { Store } from '../store/store.ts';

/** The part of a structured logger that the server uses; pino's loggers have it. */
export interface Log {
  debug(fields: object, message?: string): void;
  info(fields: object, message?: string): void;
  warn(fields: object, message?: string): void;
  error(fields: object, message?: string): void;
}

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
  /** Largest body of a bulk request in bytes. */
  readonly bulkBytes: number;
  /** How long a cursor can be used, in seconds. */
  readonly cursorSeconds: number;
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
  bulkBytes: 8 * 1024 * 1024,
  cursorSeconds: 3600,
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

export interface HttpOptions {
  readonly store: Store;
  /** Where the endpoints are mounted: `/scim/v2`. No trailing slash. */
  readonly basePath: string;
  /** Absolute base of `meta.location` and `$ref`, as clients reach it: `https://id.example.com/scim/v2`. Absent: from the request. */
  readonly baseUrl?: string;
  /** Addresses or CIDR ranges whose Forwarded and X-Forwarded-* fields are believed. */
  readonly trustedProxies?: readonly string[];
  readonly limits?: Partial<Limits>;
  /** May /Schemas and /ResourceTypes be read without a token? /ServiceProviderConfig always may (RFC 7643 §5). */
  readonly publicDiscovery?: boolean;
  /** Attributes that a filter in a URL is refused for, 403 `sensitive`; POST .search takes it (RFC 7644 §7.5.2). */
  readonly sensitiveAttributes?: readonly string[];
  readonly documentationUri?: string;
  readonly log?: Log;
  /** Told of every SCIM request after its answer. */
  readonly observe?: (observation: Observation) => void;
  /** What GET /metrics answers, in Prometheus' text format; absent: there is no /metrics. */
  readonly metrics?: () => Promise<string>;
  /** Is the server ready for requests? GET /readyz answers 503 when it is not. */
  readonly isReady?: () => boolean;
  readonly clock?: () => Date;
}

/** A server that listens. `url` is the base of the endpoints: `http://127.0.0.1:8080/scim/v2`. */
export interface RunningServer {
  readonly url: string;
  readonly port: number;
  /** Takes no new connection, lets running requests end, at most for so many seconds, then resolves. */
  close(graceSeconds?: number): Promise<void>;
}
