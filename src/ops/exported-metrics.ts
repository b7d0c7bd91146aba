/** The metrics as prom-client writes them, with its own of the process: made when they are read for the first time. */
import { collectDefaultMetrics, type Metric, Registry } from 'prom-client';
import { StoredMetrics, type StoredState } from './stored-metrics.ts';

export interface Sample {
  readonly metricName?: string;
  readonly labels: Readonly<Record<string, string | number>>;
  readonly value: number;
}

/** One metric that is counted here, and its samples as they are when it is read. */
export interface Counted {
  readonly name: string;
  readonly type: 'counter' | 'gauge' | 'histogram';
  readonly help: string;
  readonly samples: () => readonly Sample[];
}

export class ExportedMetrics {
  readonly #registry = new Registry();
  readonly #stored: StoredMetrics;

  constructor(counted: readonly Counted[]) {
    // Its ten milliseconds would wake an idle process a hundred times a second.
    collectDefaultMetrics({ register: this.#registry, eventLoopMonitoringPrecision: 100 });
    // Gauges with the name of a counter: promtool refuses them.
    for (const what of ['handles', 'requests', 'resources'])
      this.#registry.removeSingleMetric(`nodejs_active_${what}_total`);
    this.#stored = new StoredMetrics(this.#registry);
    for (const { name, type, help, samples } of counted) {
      const get = async () => ({ name, help, type, aggregator: 'sum', values: samples() });
      this.#registry.registerMetric({ name, help, type, get } as unknown as Metric);
    }
  }

  /** Prometheus' text format. */
  text(states: readonly StoredState[]): Promise<string> {
    for (const state of states) this.#stored.set(state);
    return this.#registry.metrics();
  }
}
