/** Runs a workload against a server and says what came out, and what it cost. */
import assert from 'node:assert/strict';
import { type Answer, Connection, encode } from './client.ts';
import type { ServerProcess } from './server-process.ts';
import type { Scale, Turn, Workload } from './workloads.ts';

/** One round, or the medians of several. */
export interface Result {
  /** Requests a second. */
  readonly rate: number;
  /** Milliseconds. */
  readonly p50: number;
  readonly p99: number;
  /** Microseconds of the server's CPU time for one request. */
  readonly cpu: number;
  /** The same of the database server; 0 where the database is in the process. */
  readonly databaseCpu: number;
  /** Bytes. */
  readonly rss: number;
}

export interface Effort {
  readonly seconds: number;
  readonly connections: number;
  readonly requests?: number;
}

export function percentile(values: readonly number[], share: number): number {
  const sorted = Float64Array.from(values).sort();
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : (upper + (sorted[middle - 1] ?? Number.NaN)) / 2;
}

export function medians(results: readonly Result[]): Result {
  const of = (name: keyof Result) => median(results.map((result) => result[name]));
  return {
    ...{ rate: of('rate'), p50: of('p50'), p99: of('p99') },
    ...{ cpu: of('cpu'), databaseCpu: of('databaseCpu'), rss: of('rss') },
  };
}

/** A workload on one server, from its first check to its last round. */
export class Runner {
  readonly server: ServerProcess;
  readonly #workload: Workload;
  readonly #scale: Scale;
  #n = 0;
  readonly #nth: number[] = [];

  constructor(server: ServerProcess, workload: Workload, scale: Scale) {
    this.server = server;
    this.#workload = workload;
    this.#scale = scale;
  }

  /** Asks twice, looks at the answers and tells of each; the first one is given back. */
  check(answered = () => {}): Promise<Answer> {
    return this.server.connect(async (connection) => {
      let first: Answer | undefined;
      for (let round = 0; round < 2; round++) {
        const turn = this.#turn(0);
        const request = this.#workload.request(this.#scale, turn);
        const answer = await connection.ask(encode(this.server.target, request));
        try {
          this.#workload.check(answer, this.#scale, turn);
        } catch (cause) {
          const said = `${request.method} ${request.path}: ${answer.status} ${answer.text.slice(0, 300)}`;
          throw new Error(`${this.server.name} answers ${this.#workload.name} wrongly: ${said}`, { cause });
        }
        answered();
        first ??= answer;
      }
      return first as Answer;
    });
  }

  async round({ seconds, connections, requests = Number.POSITIVE_INFINITY }: Effort): Promise<Result> {
    const { target } = this.server;
    const open = await Promise.all(Array.from({ length: connections }, () => Connection.open(target)));
    const latencies: number[] = [];
    const refused = new Map<number, number>();
    const before = await this.server.usage();
    const databaseBefore = this.server.databaseCpu();
    const start = performance.now();
    const end = start + seconds * 1000;
    let left = requests;
    await Promise.all(
      open.map(async (connection, lane) => {
        for (let now = performance.now(); now < end && left-- > 0; ) {
          const bytes = encode(target, this.#workload.request(this.#scale, this.#turn(lane)));
          const status = await connection.send(bytes);
          const then = performance.now();
          latencies.push(then - now);
          now = then;
          if (status >= 300) refused.set(status, (refused.get(status) ?? 0) + 1);
        }
      }),
    );
    const took = (performance.now() - start) / 1000;
    const after = await this.server.usage();
    const databaseAfter = this.server.databaseCpu();
    for (const connection of open) connection.close();
    assert.equal(
      refused.size,
      0,
      `${this.server.name}, ${this.#workload.name}: ${JSON.stringify([...refused])}`,
    );
    return {
      rate: latencies.length / took,
      p50: percentile(latencies, 0.5),
      p99: percentile(latencies, 0.99),
      cpu: (after.cpu - before.cpu) / latencies.length,
      databaseCpu: (databaseAfter - databaseBefore) / latencies.length,
      rss: after.rss,
    };
  }

  #turn(lane: number): Turn {
    const nth = this.#nth[lane] ?? 0;
    this.#nth[lane] = nth + 1;
    return { n: this.#n++, lane, nth };
  }
}
