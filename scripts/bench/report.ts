/** The findings as text for a terminal. */
import type { Findings, Line } from './line.ts';
import type { ServerName } from './server-process.ts';
import type { Verdict } from './targets.ts';

function number(value: number | undefined, digits?: number): string {
  if (value === undefined || Number.isNaN(value)) return '';
  const shown = digits ?? (value >= 100 ? 0 : value >= 10 ? 1 : 2);
  return value.toLocaleString('en', { minimumFractionDigits: shown, maximumFractionDigits: shown });
}

function table(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, column) =>
    Math.max(...rows.map((row) => (row[column] ?? '').length)),
  );
  const line = (row: readonly string[]) =>
    row
      .map((cell, column) =>
        column === 0 ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0),
      )
      .join('  ');
  const [head = [], ...rest] = rows;
  return [line(head), widths.map((width) => '─'.repeat(width)).join('  '), ...rest.map(line)].join('\n');
}

function ratio(of: number | undefined, by: number | undefined): string {
  return of === undefined || by === undefined ? '' : number(of / by, 2);
}

function times({ results }: Line, server: ServerName): string {
  const [ours, theirs] = [results.scimd, results[server]];
  return ours === undefined || theirs === undefined ? '' : `${number(ours.rate / theirs.rate)}×`;
}

/** The same workloads on PostgreSQL, where they were run there. */
function postgresLines(lines: readonly Line[]): string[] {
  const found = lines.filter(({ results }) => results['scimd PostgreSQL'] !== undefined);
  if (found.length === 0) return [];
  const head = ['on PostgreSQL', 'users', 'ops/s', 'p50 ms', 'p99 ms', 'CPU µs', 'of its server', 'RSS MB'];
  return [
    table([
      [...head, 'of SQLite', 'limit/s', 'of limit', 'unlogged', 'CPU of limit', 'of its server', 'scimmy'],
      ...found.map((line) => {
        const ours = line.results['scimd PostgreSQL'];
        const limit = line.results['limit PostgreSQL'];
        const unlogged = line.results['scimd PostgreSQL unlogged'];
        const of = (name: ServerName): string => {
          const theirs = line.results[name];
          return ours === undefined || theirs === undefined ? '' : `${number(ours.rate / theirs.rate)}×`;
        };
        return [
          line.title,
          number(line.users, 0),
          number(ours?.rate),
          number(ours?.p50),
          number(ours?.p99),
          number(ours?.cpu, 0),
          number(ours?.databaseCpu, 0),
          number((ours?.rss ?? 0) / 2 ** 20, 0),
          of('scimd'),
          number(limit?.rate),
          of('limit PostgreSQL'),
          unlogged === undefined ? '' : `${ratio(unlogged.rate, limit?.rate)}×`,
          number(limit?.cpu, 0),
          number(limit?.databaseCpu, 0),
          of('scimmy PostgreSQL'),
        ];
      }),
    ]),
  ];
}

function reportLines(lines: readonly Line[]): string {
  return [onSqlite(lines), ...besideLimit(lines), ...postgresLines(lines)].join('\n\n');
}

/** One line of each table, without its head. */
export function progressOf(line: Line): string {
  const tables = reportLines([line]).split('\n\n');
  return tables.map((each) => each.split('\n').at(-1)?.trimEnd()).join('\n');
}

function onSqlite(lines: readonly Line[]): string {
  return table([
    ['workload', 'users', 'ops/s', 'p50 ms', 'p99 ms', 'CPU µs', 'RSS MB', 'scimmy', 'on SQLite'],
    ...lines.map((line) => {
      const { scimd } = line.results;
      return [
        line.title,
        number(line.users, 0),
        number(scimd?.rate),
        number(scimd?.p50),
        number(scimd?.p99),
        number(scimd?.cpu, 0),
        number((scimd?.rss ?? 0) / 2 ** 20, 0),
        times(line, 'scimmy memory'),
        times(line, 'scimmy SQLite'),
      ];
    }),
  ]);
}

/** Who is shown with rate and CPU time, and which two of the servers are compared there. */
const besides: readonly (readonly [head: string, shown: ServerName, ours: ServerName, limit: ServerName])[] =
  [
    ['scimd', 'scimd', 'scimd', 'limit'],
    ['unlogged', 'scimd unlogged', 'scimd unlogged', 'limit'],
    ['in Rust', 'limit native', 'scimd', 'limit native'],
  ];

/** The rate of scimd over that of the limit, and the CPU time of the limit over that of scimd. */
function besideLimit(lines: readonly Line[]): string[] {
  const found = lines.filter(({ results }) => results.limit !== undefined);
  if (found.length === 0) return [];
  const columns = besides.filter(([, shown]) => found.some(({ results }) => results[shown] !== undefined));
  return [
    table([
      [
        ...['beside the limit', 'users', 'limit/s', 'CPU µs'],
        ...columns.flatMap(([head, shown]) => {
          const compared = shown === 'limit native' ? 'scimd / Rust' : `${head} / limit`;
          return [`${head}/s`, 'CPU µs', compared, 'by CPU'];
        }),
      ],
      ...found.map(({ title, users, results }) => [
        ...[title, number(users, 0), number(results.limit?.rate), number(results.limit?.cpu, 0)],
        ...columns.flatMap(([, shown, ours, limit]) => [
          ...[number(results[shown]?.rate), number(results[shown]?.cpu, 0)],
          ratio(results[ours]?.rate, results[limit]?.rate),
          ratio(results[limit]?.cpu, results[ours]?.cpu),
        ]),
      ]),
    ]),
  ];
}

export function report(findings: Findings, verdicts: readonly Verdict[]): string {
  const figures = findings.figures.map((each) => [
    each.title,
    number(each.users, 0),
    `${number(each.value)} ${each.unit}`,
  ]);
  const judged = verdicts.map(({ target, measured, holds }) => [
    target.what,
    `${number(measured)} ${target.unit}`,
    target.atLeast === undefined ? `at most ${target.atMost}` : `at least ${target.atLeast}`,
    holds ? 'holds' : 'MISSED',
  ]);
  return [
    ...(findings.lines.length > 0 ? [reportLines(findings.lines)] : []),
    ...(figures.length > 0 ? [table([['figure', 'users', 'value'], ...figures])] : []),
    ...(judged.length > 0 ? [table([['target', 'measured', 'wanted', ''], ...judged])] : []),
  ].join('\n\n');
}
