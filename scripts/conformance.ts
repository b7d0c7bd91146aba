/**
 * npm run conformance: runs the tests of test/rfc and tells, requirement by requirement, what they showed. The
 * numbers are taken from the names of the tests that really ran, never from the sources. `--json` prints the same
 * for machines. Fails when a MUST or a SHOULD has neither a passing test nor a reason, when a test fails, and when a
 * test or a reason names what is none.
 */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { run } from 'node:test';
import { fileURLToPath } from 'node:url';
import { notApplicable } from '../test/rfc/not-applicable.ts';
import { type Requirement, requirements } from '../test/rfc/requirements.ts';

type Outcome = 'passed' | 'failed' | 'not applicable' | 'planned' | 'missing';

interface Finding extends Requirement {
  readonly outcome: Outcome;
  readonly reason?: string;
  readonly tests: readonly string[];
}

/** One test as it ran. */
interface Ran {
  readonly name: string;
  readonly file: string;
  readonly passed: boolean;
}

const folder = fileURLToPath(new URL('../test/rfc/', import.meta.url));
const outcomes: readonly Outcome[] = ['passed', 'not applicable', 'planned', 'failed', 'missing'];
const levels = ['MUST', 'SHOULD', 'MAY'] as const;
const parts: Readonly<Record<string, string>> = {
  S: 'RFC 7643',
  P: 'RFC 7644',
  C: 'RFC 9865',
  E: 'RFC 9967',
  D: 'RFC 9944',
  H: 'HTTP, OAuth, JSON, PRECIS',
};

async function runTests(): Promise<readonly Ran[]> {
  const files = readdirSync(folder)
    .filter((file) => file.endsWith('.test.ts'))
    .map((file) => join(folder, file));
  const ran: Ran[] = [];
  for await (const { type, data } of run({ files, concurrency: true, timeout: 600_000 })) {
    if (type !== 'test:pass' && type !== 'test:fail') continue;
    // A suite passes with nothing in it, and what is skipped showed nothing.
    if (data.details.type === 'suite' || data.skip !== undefined || data.todo !== undefined) continue;
    ran.push({ name: data.name, file: data.file ?? '', passed: type === 'test:pass' });
    if (type === 'test:fail') console.error(`failed: ${data.name}\n${String(data.details.error.cause)}\n`);
  }
  return ran;
}

/** `P-3.3-04, P-3.3-06: success is …` shows what stands before the colon. */
function numbersIn(name: string): readonly string[] {
  return name.split(': ', 1)[0]?.match(/\b[A-Z]-\d[\d.]*-\d\d\b/g) ?? [];
}

function judge(requirement: Requirement, tests: readonly Ran[]): Finding {
  const { id } = requirement;
  const names = tests.map((test) => test.name);
  if (tests.length > 0) {
    const passed = tests.every((test) => test.passed);
    return { ...requirement, outcome: passed ? 'passed' : 'failed', tests: names };
  }
  const reason = notApplicable[id];
  if (reason === undefined) return { ...requirement, outcome: 'missing', tests: names };
  const outcome = reason.startsWith('planned:') ? 'planned' : 'not applicable';
  return { ...requirement, outcome, reason: reason.replace(/^planned:\s*/, ''), tests: names };
}

/** What must not be, apart from requirements that are not met. */
function complaints(ran: readonly Ran[], byNumber: ReadonlyMap<string, readonly Ran[]>): readonly string[] {
  const known = new Set(requirements.map(({ id }) => id));
  return [
    ...ran.filter(({ passed }) => !passed).map(({ name }) => `failed: ${name}`),
    ...[...byNumber.keys()]
      .filter((id) => !known.has(id))
      .map((id) => `${id} is no requirement: ${byNumber.get(id)?.[0]?.name}`),
    ...Object.keys(notApplicable)
      .filter((id) => !known.has(id))
      .map((id) => `${id} in not-applicable.ts is no requirement`),
    ...Object.keys(notApplicable)
      .filter((id) => byNumber.get(id)?.some(({ passed }) => passed))
      .map((id) => `${id} has a test that passes and a reason why it has none`),
  ];
}

function isUnmet({ level, outcome }: Finding): boolean {
  return outcome === 'failed' || (outcome === 'missing' && level !== 'MAY');
}

function totals(findings: readonly Finding[]): string {
  const rows = Object.entries(parts).flatMap(([part, name]) =>
    levels.map((level) => {
      const of = findings.filter((each) => each.id.startsWith(`${part}-`) && each.level.startsWith(level));
      const counts = outcomes.map((outcome) => of.filter((each) => each.outcome === outcome).length);
      return [`${part}  ${name}`, level, ...counts, of.length];
    }),
  );
  const sums = levels.map((level) => {
    const of = rows.filter((row) => row[1] === level);
    return [
      'all',
      level,
      ...[2, 3, 4, 5, 6, 7].map((at) => of.reduce((sum, row) => sum + Number(row[at]), 0)),
    ];
  });
  return [['', '', ...outcomes, 'total'], ...rows, ...sums]
    .map((row) => {
      const [part, level, ...counts] = row.map(String);
      return `${part?.padEnd(30)}${level?.padEnd(8)}${counts.map((count) => count.padStart(16)).join('')}`;
    })
    .join('\n');
}

const ran = await runTests();
const byNumber = new Map<string, Ran[]>();
for (const test of ran) {
  for (const id of new Set(numbersIn(test.name))) byNumber.set(id, [...(byNumber.get(id) ?? []), test]);
}
const findings = requirements.map((requirement) => judge(requirement, byNumber.get(requirement.id) ?? []));
const wrong = complaints(ran, byNumber);
const unmet = findings.filter(isUnmet);

if (process.argv.includes('--json')) {
  console.log(JSON.stringify({ requirements: findings, complaints: wrong }, null, 2));
} else {
  for (const { id, level, origin, outcome, title, reason } of findings) {
    const mark = { stated: '', derived: '†', added: '‡' }[origin];
    const what = reason === undefined ? title : `${title} — ${reason}`;
    console.log(`${id.padEnd(16)}${(level + mark).padEnd(12)}${outcome.padEnd(16)}${what}`);
  }
  console.log(`\n${totals(findings)}`);
  for (const complaint of wrong) console.log(complaint);
  for (const { id, level, outcome, title } of unmet) console.log(`${outcome}: ${id} ${level} ${title}`);
}
process.exitCode = wrong.length > 0 || unmet.length > 0 ? 1 : 0;
