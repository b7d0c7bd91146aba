/** What the benchmark found: a line for each workload and number of users. */
import type { Result } from './measure.ts';
import type { ServerName } from './server-process.ts';

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
