/** What scimd must show, as ratios within one run. */
import type { Findings, Line } from './line.ts';
import type { ServerName } from './server-process.ts';

export interface Target {
  readonly what: string;
  /** Undefined where the run did not measure it. */
  readonly measured: (findings: Findings) => number | undefined;
  readonly atLeast?: number;
  readonly atMost?: number;
  readonly unit: string;
}

export interface Verdict {
  readonly target: Target;
  readonly measured: number;
  readonly holds: boolean;
}

function lineOf({ lines }: Findings, name: string, users?: number): Line | undefined {
  return lines.find((line) => line.name === name && (users === undefined || line.users === users));
}

/** The rate of scimd over that of `other`. */
function times(name: string, other: ServerName, users?: number): Target['measured'] {
  return beside(other, name, 'scimd', users);
}

/** The same on PostgreSQL. */
function onPostgres(name: string, other: ServerName): Target['measured'] {
  return beside(other, name, 'scimd PostgreSQL');
}

function beside(other: ServerName, name: string, server: ServerName, users?: number): Target['measured'] {
  return (findings) => {
    const line = lineOf(findings, name, users);
    const [ours, theirs] = [line?.results[server], line?.results[other]];
    return ours === undefined || theirs === undefined ? undefined : ours.rate / theirs.rate;
  };
}

function milliseconds(name: string, users: number, server: ServerName = 'scimd'): Target['measured'] {
  return (findings) => {
    const rate = lineOf(findings, name, users)?.results[server]?.rate;
    return rate === undefined ? undefined : 1000 / rate;
  };
}

/** At the largest number of users that was run. */
function figure(name: string): Target['measured'] {
  return ({ figures }) =>
    figures.filter((each) => each.name === name).sort((a, b) => b.users - a.users)[0]?.value;
}

/** What a workload is to reach of the limit, which reads and writes the same rows; on PostgreSQL, of a bare pipelined loop. */
const ofLimit: readonly (readonly [name: string, what: string, atLeast: number])[] = [
  ['get', 'GET by id', 0.8],
  ['username', 'userName eq', 0.8],
  ['list', 'list of 100', 0.8],
  ['valuepath', 'value path', 0.9],
  ['patch', 'PATCH active', 0.8],
  ['member-10000', '±1 member of 10,000', 0.8],
  ['create', 'creates', 0.7],
];

/** What is left of that with the exchange log, which the limit does not have. */
const withLog = 0.85;

const postgresTargets: readonly Target[] = [
  {
    what: 'PostgreSQL: GET by id, of SQLite',
    measured: onPostgres('get', 'scimd'),
    atLeast: 0.6,
    unit: '×',
  },
  ...ofLimit.flatMap(([name, what, atLeast]): Target[] => [
    {
      what: `PostgreSQL: ${what} without the exchange log, of a bare pipelined loop`,
      measured: beside('limit PostgreSQL', name, 'scimd PostgreSQL unlogged'),
      ...{ atLeast, unit: '×' },
    },
    {
      what: `PostgreSQL: ${what}, of a bare pipelined loop`,
      measured: onPostgres(name, 'limit PostgreSQL'),
      ...{ atLeast: withLog * atLeast, unit: '×' },
    },
  ]),
  {
    what: 'PostgreSQL: ±1 member of 100,000, cost beside 10',
    measured(findings) {
      const [small, large] = ['member-10', 'member-100000'].map(
        (name) => lineOf(findings, name, 100_000)?.results['scimd PostgreSQL'],
      );
      if (small === undefined || large === undefined) return undefined;
      return (large.cpu + large.databaseCpu) / (small.cpu + small.databaseCpu);
    },
    atMost: 1.3,
    unit: '×',
  },
  {
    what: 'PostgreSQL: displayName co over 1,000,000 users, with trigrams',
    measured: milliseconds('contains', 1_000_000, 'scimd PostgreSQL'),
    atMost: 20,
    unit: 'ms',
  },
  {
    what: 'PostgreSQL: cursor page at depth 90 %, cost beside page 1',
    measured: figure('cursor-postgres'),
    atMost: 1.5,
    unit: '×',
  },
];

const targets: readonly Target[] = [
  ...postgresTargets,
  ...ofLimit.flatMap(([name, what, atLeast]): Target[] => [
    {
      what: `${what} without the exchange log, of the limit`,
      measured: beside('limit', name, 'scimd unlogged'),
      ...{ atLeast, unit: '×' },
    },
    {
      what: `${what}, of the limit`,
      measured: beside('limit', name, 'scimd'),
      ...{ atLeast: Math.round(atLeast * withLog * 1000) / 1000, unit: '×' },
    },
  ]),
  {
    what: 'access a year ago, over ten changes a person',
    measured: figure('history-access'),
    atMost: 5,
    unit: 's',
  },
  {
    what: 'history of one person, the slowest',
    measured: figure('history-person'),
    atMost: 50,
    unit: 'ms',
  },
  {
    what: 'p99 from a deactivation to its acknowledgement, an idle receiver',
    measured: figure('delivery-idle'),
    atMost: 50,
    unit: 'ms',
  },
  {
    what: 'the same while creates are delivered: leavers first',
    measured: figure('delivery-busy'),
    atMost: 250,
    unit: 'ms',
  },
  {
    what: 'p99 of 500 writes a second with ten consumers and three endpoints, of that without',
    measured: figure('delivery-p99'),
    atMost: 1.5,
    unit: '×',
  },
  {
    what: 'creates with a consumer and a batching endpoint, of the rate without',
    measured: figure('delivery-create'),
    atLeast: 0.75,
    unit: '×',
  },
  {
    what: 'processor time of 1,000 waiting consumers, a second',
    measured: figure('delivery-waiting'),
    atMost: 10,
    unit: 'ms',
  },
  {
    what: 'the slowest page for administrators, ten exchanges a person',
    measured: figure('pages'),
    atMost: 200,
    unit: 'ms',
  },
  {
    what: 'creates with the exchange log, of the rate without',
    measured: figure('exchange-log-create'),
    atLeast: 0.9,
    unit: '×',
  },
  {
    what: 'GET by id with the exchange log, of the rate without',
    measured: figure('exchange-log-get'),
    atLeast: 0.9,
    unit: '×',
  },
  { what: 'GET by id, of scimmy in memory', measured: times('get', 'scimmy memory'), atLeast: 12, unit: '×' },
  {
    what: 'import of 100,000 from NDJSON, of the time of as many creates over HTTP',
    measured(findings) {
      const seconds = findings.figures.find(
        (each) => each.name === 'import' && each.users === 100_000,
      )?.value;
      const rate = lineOf(findings, 'create', 100_000)?.results.scimd?.rate;
      return seconds === undefined || rate === undefined ? undefined : (seconds * rate) / 100_000;
    },
    atMost: 0.25,
    unit: '×',
  },
  {
    what: 'creates in the store, of a bare group-commit loop',
    measured: figure('loop-32'),
    atLeast: 0.8,
    unit: '×',
  },
  {
    what: 'durable creates, of scimmy on SQLite',
    measured: times('create', 'scimmy SQLite'),
    atLeast: 10,
    unit: '×',
  },
  {
    what: 'durable PATCH active, of scimmy on SQLite',
    measured: times('patch', 'scimmy SQLite'),
    atLeast: 20,
    unit: '×',
  },
  {
    what: '±1 member of 10,000, of scimmy in memory',
    measured: times('member-10000', 'scimmy memory'),
    atLeast: 2000,
    unit: '×',
  },
  {
    what: '±1 member of 100,000, cost beside 10',
    measured(findings) {
      const [small, large] = ['member-10', 'member-100000'].map(
        (name) => lineOf(findings, name, 100_000)?.results.scimd,
      );
      return small === undefined || large === undefined ? undefined : large.cpu / small.cpu;
    },
    atMost: 1.3,
    unit: '×',
  },
  {
    what: 'value path over 10,000 users, of scimmy in memory',
    measured: times('valuepath', 'scimmy memory', 10_000),
    atLeast: 100,
    unit: '×',
  },
  {
    what: 'value path over 1,000,000 users, with trigrams',
    measured: milliseconds('valuepath-long', 1_000_000),
    atMost: 30,
    unit: 'ms',
  },
  {
    what: 'displayName co over 1,000,000 users, with trigrams',
    measured: milliseconds('contains', 1_000_000),
    atMost: 10,
    unit: 'ms',
  },
  {
    what: 'cursor page at depth 90 %, cost beside page 1',
    measured: figure('cursor'),
    atMost: 1.5,
    unit: '×',
  },
  {
    what: 'longest wait beside a GET of a large group',
    measured: figure('stream-wait'),
    atMost: 10,
    unit: 'ms',
  },
  { what: 'memory for GETs of a large group', measured: figure('stream-memory'), atMost: 64, unit: 'MB' },
  { what: 'p99 of point GETs while scans run', measured: figure('scan-p99'), atMost: 3, unit: '×' },
  {
    what: 'p99 of GETs at 32 connections beside creates, a scan and a large group, of p50',
    measured: figure('interference'),
    atMost: 3,
    unit: '×',
  },
  {
    what: 'a lone create by group commit, of a commit each',
    measured: figure('group-1'),
    atLeast: 0.9,
    unit: '×',
  },
  {
    what: 'start of the binary to its first answer',
    measured: figure('start-binary'),
    atMost: 70,
    unit: 'ms',
  },
  { what: 'memory of the empty binary', measured: figure('rss-binary'), atMost: 55, unit: 'MB' },
  { what: 'memory with 100,000 users', measured: figure('rss-100000'), atMost: 120, unit: 'MB' },
  { what: 'memory after mixed load at full speed', measured: figure('rss-loaded'), atMost: 200, unit: 'MB' },
  { what: 'the file of the binary', measured: figure('size-binary'), atMost: 113, unit: 'MB' },
];

/** On an application's tables, beside the database of scimd's own and SCIMMY's handlers. */
const ofTables: readonly Target[] = (
  [
    ['get', 'GET by id'],
    ['username', 'userName eq'],
    ['list', 'list of 100'],
    ['patch', 'PATCH active'],
    ['member-10000', '±1 member of 10,000'],
  ] as const
).flatMap(([name, title]) => [
  {
    what: `${title} on own tables, of the rate of the own database`,
    measured: figure(`tables-${name}`),
    atLeast: 0.6,
    unit: '×',
  },
  {
    what: `${title} on own tables, of SCIMMY over a table`,
    measured: figure(`tables-${name}-scimmy`),
    atLeast: 5,
    unit: '×',
  },
]);

export function judge(findings: Findings): Verdict[] {
  return [...targets, ...ofTables].flatMap((target) => {
    const measured = target.measured(findings);
    if (measured === undefined || Number.isNaN(measured)) return [];
    const holds =
      measured >= (target.atLeast ?? 0) && measured <= (target.atMost ?? Number.POSITIVE_INFINITY);
    return [{ target, measured, holds }];
  });
}

/** A run that measured no target proves nothing. */
export function allHold(verdicts: readonly Verdict[]): boolean {
  return verdicts.length > 0 && verdicts.every(({ holds }) => holds);
}
