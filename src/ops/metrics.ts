/**
 * Prometheus metrics: names by its conventions, few labels with few values (no ids, no tenants, no names, but those of
 * tokens, which are few).
 */
import { Counter, collectDefaultMetrics, Gauge, Registry } from 'prom-client';
import { type ObservedRequest, RequestMetrics } from './request-metrics.ts';
import { StoredMetrics, type StoredState } from './stored-metrics.ts';

/** What a request contributes. */
export interface Observed extends ObservedRequest {
  readonly tolerances: Iterable<string>;
}

export interface Metrics {
  observe(observed: Observed): void;
  wrongToken(): void;
  backedUp(at: Date): void;
  backupFailed(): void;
  /** Seconds for which a leaver has waited for some application to hear of it; 0 if none does. */
  deprovisionLag(seconds: number): void;
  /** The guard did something. */
  guard(news: { readonly kind: string }): void;
  /** In so many tenants changes are held back. */
  held(tenants: number): void;
  /** What is stored, as it is now. */
  stored(state: StoredState): void;
  /** Prometheus' text format. */
  text(): Promise<string>;
}

export function createMetrics(): Metrics {
  const registry = new Registry();
  const registers = [registry];
  // Its ten milliseconds would wake an idle process a hundred times a second.
  collectDefaultMetrics({ register: registry, eventLoopMonitoringPrecision: 100 });
  // Gauges with the name of a counter: promtool refuses them.
  for (const what of ['handles', 'requests', 'resources'])
    registry.removeSingleMetric(`nodejs_active_${what}_total`);
  const requests = new RequestMetrics(registry);
  const stored = new StoredMetrics(registry);
  const tolerated = new Counter({
    name: 'scimd_tolerances_total',
    help: 'Requests in which a deviation of an identity provider was tolerated',
    labelNames: ['tolerance'],
    registers,
  });
  const wrongTokens = new Counter({
    name: 'scimd_authentication_failures_total',
    help: 'Requests with a wrong token, client secret or JWT',
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
  const lag = new Gauge({
    name: 'scimd_deprovision_lag_seconds',
    help: 'How long the first leaver has waited that some consumer or webhook endpoint has not heard of; 0 if there is none',
    registers,
  });
  const guarded = new Counter({
    name: 'scimd_guard_refusals_total',
    help: 'Changes that the guard refused: too many people at once, a protected person, a role that must keep people or has no seat left',
    registers,
  });
  const alarms = new Counter({
    name: 'scimd_guard_alarms_total',
    help: 'How often too many people lost access at once, or would have',
    registers,
  });
  const heldTenants = new Gauge({
    name: 'scimd_guard_held_tenants',
    help: 'Tenants in which the guard holds changes back until it is released',
    registers,
  });
  return {
    guard({ kind }) {
      if (kind === 'refused') guarded.inc();
      else alarms.inc();
    },
    held: (tenants) => heldTenants.set(tenants),
    wrongToken: () => wrongTokens.inc(),
    backedUp: (at) => lastBackup.set(at.getTime() / 1000),
    backupFailed: () => failedBackups.inc(),
    deprovisionLag: (seconds) => lag.set(seconds),
    observe(observed) {
      requests.add(observed);
      for (const tolerance of observed.tolerances) tolerated.inc({ tolerance });
    },
    stored: (state) => stored.set(state),
    text: () => registry.metrics(),
  };
}
