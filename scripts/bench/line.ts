/** What the benchmark found: a line for each workload and number of users. */
import type { Result } from './measure.ts';

export type ServerName =
  | 'scimd'
  | 'scimmy memory'
  | 'scimmy SQLite'
  /** The same without the exchange log: what the limit is compared with, which has none. */
  | 'scimd unlogged'
  | 'limit'
  /** The same without Node.js: hyper and rusqlite. */
  | 'limit native'
  | 'scimd PostgreSQL'
  | 'scimmy PostgreSQL'
  | 'limit PostgreSQL';

export interface Line {
  readonly name: string;
  readonly title: string;
  readonly users: number;
  readonly results: Readonly<Partial<Record<ServerName, Result>>>;
}

/** A number that is no throughput: a ratio, a time, a size. */
export interface Figure {
  readonly name: string;
  readonly title: string;
  readonly users: number;
  readonly value: number;
  readonly unit: string;
}

export interface Findings {
  readonly lines: readonly Line[];
  readonly figures: readonly Figure[];
}
