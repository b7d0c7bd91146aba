/** What a visit came to, and its form for machines. */
import type { FlowName } from './check.ts';
import type { Cleanup } from './ledger.ts';
import type { CheckResult, Outcome } from './run-checks.ts';
import type { Secrecy } from './transcript.ts';

export interface Visited {
  readonly url: string;
  readonly mark: string;
  readonly flows: readonly FlowName[];
  readonly results: readonly CheckResult[];
  readonly totals: Readonly<Record<Outcome, number>>;
  readonly interrupted: boolean;
  readonly cleanup: Cleanup;
  readonly requests: number;
  /** Nothing that matters failed, and nothing is left behind. */
  readonly passed: boolean;
}

export function concluded(visit: Omit<Visited, 'totals' | 'passed'>): Visited {
  const totals = { passed: 0, failed: 0, warning: 0, noted: 0, skipped: 0 };
  for (const { outcome } of visit.results) totals[outcome]++;
  const passed = totals.failed === 0 && !visit.interrupted && visit.cleanup.left.length === 0;
  return { ...visit, totals, passed };
}

export function visitedJson(visited: Visited, secrecy: Secrecy): string {
  const { results, cleanup, ...rest } = visited;
  const left = cleanup.left.map(({ reason, ...where }) => ({ ...where, reason: secrecy.text(reason) }));
  const checks = results.map(({ flow, check, outcome, reason, problems, exchanges }) => ({
    id: check.id,
    flow,
    title: check.title,
    section: check.section,
    why: check.why,
    outcome,
    ...(reason === undefined ? {} : { reason }),
    problems: problems.map(({ level, expected, found, why, exchange, cause }) => ({
      level,
      expected,
      found: secrecy.text(found),
      why,
      exchange: exchanges.indexOf(exchange),
      ...(cause === undefined ? {} : { cause: exchanges.indexOf(cause) }),
    })),
    exchanges: exchanges.map((exchange) => secrecy.transcript(exchange)),
  }));
  return JSON.stringify({ ...rest, cleanup: { ...cleanup, left }, checks });
}
