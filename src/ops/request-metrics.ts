/**
 * Requests as Prometheus counts them. prom-client looks up a string made of the labels for each count, which takes as long
 * as a tenth of a request; these are counted here, and written out when they are asked for.
 */
import type { Counted, Sample } from './exported-metrics.ts';

export interface ObservedRequest {
  readonly method: string;
  readonly route: string;
  readonly status: number;
  readonly seconds: number;
}

/** Upper bounds in seconds; one more bucket has no bound. */
const bounds = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5] as const;

const methods = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']);

/** Of one method at one route. */
class Series {
  readonly statuses = new Map<number, number>();
  readonly buckets = new Float64Array(bounds.length + 1);
  sum = 0;
  count = 0;

  add(status: number, seconds: number): void {
    this.statuses.set(status, (this.statuses.get(status) ?? 0) + 1);
    let bucket = 0;
    while (bucket < bounds.length && seconds > (bounds[bucket] as number)) bucket++;
    this.buckets[bucket] = (this.buckets[bucket] as number) + 1;
    this.sum += seconds;
    this.count++;
  }
}

export class RequestMetrics {
  readonly #routes = new Map<string, Map<string, Series>>();

  /** scimd_http_requests_total and scimd_http_request_duration_seconds. */
  readonly counted: readonly Counted[] = [
    {
      name: 'scimd_http_requests_total',
      type: 'counter',
      help: 'SCIM requests answered',
      samples: () => this.#totals(),
    },
    {
      name: 'scimd_http_request_duration_seconds',
      type: 'histogram',
      help: 'Time from a whole request head to the answer, in seconds',
      samples: () => this.#durations('scimd_http_request_duration_seconds'),
    },
  ];

  add({ method: given, route, status, seconds }: ObservedRequest): void {
    const method = methods.has(given) ? given : 'other';
    const series = this.#routes.get(route)?.get(method) ?? this.#begin(route, method);
    series.add(status, seconds);
  }

  #begin(route: string, method: string): Series {
    const series = new Series();
    const ofRoute = this.#routes.get(route);
    if (ofRoute === undefined) this.#routes.set(route, new Map([[method, series]]));
    else ofRoute.set(method, series);
    return series;
  }

  *#all(): Generator<[labels: { method: string; route: string }, series: Series]> {
    for (const [route, ofRoute] of this.#routes)
      for (const [method, series] of ofRoute) yield [{ method, route }, series];
  }

  #totals(): Sample[] {
    return [...this.#all()].flatMap(([labels, { statuses }]) =>
      [...statuses].map(([status, value]) => ({ labels: { ...labels, status: String(status) }, value })),
    );
  }

  #durations(name: string): Sample[] {
    return [...this.#all()].flatMap(([labels, { buckets, sum, count }]) => {
      let upTo = 0;
      const values: Sample[] = [...bounds, '+Inf'].map((le, index) => {
        upTo += buckets[index] as number;
        return { metricName: `${name}_bucket`, labels: { le, ...labels }, value: upTo };
      });
      values.push({ metricName: `${name}_sum`, labels, value: sum });
      values.push({ metricName: `${name}_count`, labels, value: count });
      return values;
    });
  }
}
