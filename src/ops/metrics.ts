/**
 * Prometheus metrics: names by its conventions, few labels with few values (no ids, no tenants, no names, but those of
 * tokens, which are few).
 */
import type { Counted, ExportedMetrics } from './exported-metrics.ts';
import { type ObservedRequest, RequestMetrics } from './request-metrics.ts';
import type { StoredState } from './stored-metrics.ts';

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
  /** What is stored, as it is now: for the text that is read next. */
  stored(state: StoredState): void;
  /** Prometheus' text format. */
  text(): Promise<string>;
}

export function createMetrics(): Metrics {
  const requests = new RequestMetrics();
  const tolerated = new Map<string, number>();
  const own = { wrongTokens: 0, lastBackup: 0, failedBackups: 0, lag: 0, refused: 0, alarms: 0, held: 0 };
  const one =
    (type: 'counter' | 'gauge') =>
    (name: string, key: keyof typeof own, help: string): Counted => ({
      name,
      type,
      help,
      samples: () => [{ labels: {}, value: own[key] }],
    });
  const [counter, gauge] = [one('counter'), one('gauge')];
  const counted: readonly Counted[] = [
    ...requests.counted,
    {
      name: 'scimd_tolerances_total',
      type: 'counter',
      help: 'Requests in which a deviation of an identity provider was tolerated',
      samples: () => [...tolerated].map(([tolerance, value]) => ({ labels: { tolerance }, value })),
    },
    counter(
      'scimd_authentication_failures_total',
      'wrongTokens',
      'Requests with a wrong token, client secret or JWT',
    ),
    gauge(
      'scimd_backup_last_success_timestamp_seconds',
      'lastBackup',
      'When the last scheduled backup was made, in seconds since 1970; 0 before the first',
    ),
    counter('scimd_backup_failures_total', 'failedBackups', 'Scheduled backups that failed'),
    gauge(
      'scimd_deprovision_lag_seconds',
      'lag',
      'How long the first leaver has waited that some consumer or webhook endpoint has not heard of; 0 if there is none',
    ),
    counter(
      'scimd_guard_refusals_total',
      'refused',
      'Changes that the guard refused: too many people at once, a protected person, a role that must keep people or has no seat left',
    ),
    counter(
      'scimd_guard_alarms_total',
      'alarms',
      'How often too many people lost access at once, or would have',
    ),
    gauge(
      'scimd_guard_held_tenants',
      'held',
      'Tenants in which the guard holds changes back until it is released',
    ),
  ];
  let states: StoredState[] = [];
  let exported: Promise<ExportedMetrics> | undefined;
  return {
    guard({ kind }) {
      if (kind === 'refused') own.refused++;
      else own.alarms++;
    },
    held(tenants) {
      own.held = tenants;
    },
    wrongToken: () => void own.wrongTokens++,
    backedUp(at) {
      own.lastBackup = at.getTime() / 1000;
    },
    backupFailed: () => void own.failedBackups++,
    deprovisionLag(seconds) {
      own.lag = seconds;
    },
    observe(observed) {
      requests.add(observed);
      for (const tolerance of observed.tolerances)
        tolerated.set(tolerance, (tolerated.get(tolerance) ?? 0) + 1);
    },
    stored: (state) => void states.push(state),
    async text() {
      // Loaded on the first request for them: many servers never get one, and its library takes a twentieth of the start.
      exported ??= import('./exported-metrics.ts').then((module) => new module.ExportedMetrics(counted));
      const writer = await exported;
      const latest = states;
      states = [];
      return writer.text(latest);
    },
  };
}
