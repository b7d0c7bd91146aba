/** Prometheus metrics: names by its conventions, few labels with few values (no ids, no tenants, no names). */
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';

/** What a request contributes. */
export interface Observed {
  readonly method: string;
  readonly route: string;
  readonly status: number;
  readonly seconds: number;
  readonly tolerances: Iterable<string>;
}

export interface Metrics {
  observe(observed: Observed): void;
  backedUp(at: Date): void;
  backupFailed(): void;
  /** Prometheus' text format. */
  text(): Promise<string>;
}

const methods = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']);

export function createMetrics(): Metrics {
  const registry = new Registry();
  const registers = [registry];
  collectDefaultMetrics({ register: registry });
  const requests = new Counter({
    name: 'scimd_http_requests_total',
    help: 'SCIM requests answered',
    labelNames: ['method', 'route', 'status'],
    registers,
  });
  const durations = new Histogram({
    name: 'scimd_http_request_duration_seconds',
    help: 'Time from a whole request head to the answer, in seconds',
    labelNames: ['method', 'route'],
    buckets: [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5],
    registers,
  });
  const tolerated = new Counter({
    name: 'scimd_tolerances_total',
    help: 'Requests in which a deviation of an identity provider was tolerated',
    labelNames: ['tolerance'],
    registers,
  });
  const lastBackup = new Gauge({
    name: 'scimd_backup_last_success_timestamp_seconds',
    help: 'When the last scheduled backup was made, in seconds since 1970; 0 before the first',
    registers,
  });
  const failedBackups = new Counter({
    name: 'scimd_backup_failures_total',
    help: 'Scheduled backups that failed',
    registers,
  });
  return {
    backedUp: (at) => lastBackup.set(at.getTime() / 1000),
    backupFailed: () => failedBackups.inc(),
    observe({ method: given, route, status, seconds, tolerances }) {
      const method = methods.has(given) ? given : 'other';
      requests.inc({ method, route, status: String(status) });
      durations.observe({ method, route }, seconds);
      for (const tolerance of tolerances) tolerated.inc({ tolerance });
    },
    text: () => registry.metrics(),
  };
}
