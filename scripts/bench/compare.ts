/** Workloads against scimd, its peers and the limit, round by round in turn. */
import type { Options } from './arguments.ts';
import { isBulk } from './bulk-memberships.ts';
import type { Answer } from './client.ts';
import type { Fixtures } from './fixtures.ts';
import type { LimitTask } from './limit.ts';
import type { Line } from './line.ts';
import { type Effort, medians, type Result, Runner } from './measure.ts';
import { nativeLimit } from './native.ts';
import type { BenchPostgres } from './postgres.ts';
import { progressOf } from './report.ts';
import { assertSameGrowth, type Content, contentOf, growth } from './same-rows.ts';
import type { ServerName } from './server-process.ts';
import { ServerProcess } from './server-process.ts';
import { type Peer, type Workload, workloads } from './workloads.ts';

/** Peers take minutes to write more. */
const mostPeerUsers = 100_000;

const ours: readonly string[] = ['scimd', 'scimd PostgreSQL'];
/** These run beside workloads of which the limit reads and writes the rows. */
const besideRows: readonly string[] = ['scimd unlogged', 'limit native'];
/** And these beside those that the limit on PostgreSQL knows. */
const besidePostgres: readonly string[] = ['scimd PostgreSQL unlogged', 'limit PostgreSQL'];
const limits: readonly string[] = ['limit', 'limit native'];
const allPeers: readonly Peer[] = ['scimmy memory', 'scimmy SQLite', 'scimmy PostgreSQL'];

const defaultConnections = 32;

/** What holds the databases of a run. */
export interface Databases {
  readonly fixtures: Fixtures;
  /** Only where PostgreSQL is measured. */
  readonly postgres: BenchPostgres | undefined;
}

export async function compareWorkloads(
  options: Options,
  databases: Databases,
  users: number,
  progress: (text: string) => void,
): Promise<Line[]> {
  const { only } = options;
  const chosen = workloads.filter(
    ({ name, group = 0, mostUsers = Number.POSITIVE_INFINITY }) =>
      (only.length === 0 || only.includes(name)) && group <= users && users <= mostUsers,
  );
  const lines: Line[] = [];
  for (const groups of [false, true]) {
    const part = chosen.filter((workload) => (workload.group !== undefined) === groups);
    if (part.length === 0) continue;
    progress(`starting servers with ${users.toLocaleString('en')} users${groups ? ' and groups' : ''}`);
    const servers = await startServers(options, databases, users, groups, part, progress);
    try {
      for (const workload of part) {
        const line = await compare(options, servers, workload, users);
        lines.push(line);
        progress(progressOf(line));
      }
    } finally {
      await Promise.all(servers.map((server) => server.stop()));
    }
  }
  return lines;
}

async function startServers(
  { peers, native, memberships }: Options,
  { fixtures, postgres }: Databases,
  users: number,
  groups: boolean,
  part: readonly Workload[],
  progress: (text: string) => void,
): Promise<ServerProcess[]> {
  const file = fixtures.database(users, groups, 'scimd');
  // There is room for one such database, and no time to count its rows.
  if (isBulk(memberships)) return [await ServerProcess.scimd(file, users)];
  const started = [over(file, ServerProcess.scimd(file, users))];
  const wanted = new Set<Peer>(
    peers && users <= mostPeerUsers ? part.flatMap((each) => each.peers ?? allPeers) : [],
  );
  for (const peer of wanted) {
    if (peer === 'scimmy PostgreSQL') continue;
    const kind = peer === 'scimmy memory' ? 'memory' : 'sqlite';
    const args = [kind, String(users), groups ? 'groups' : 'users', fixtures.path(peer)];
    started.push(ServerProcess.script(peer, 'peer.ts', args));
  }
  if (part.some((each) => each.limit === 'rows'))
    started.push(unlogged(fixtures.database(users, groups, 'unlogged'), users));
  if (part.some((each) => each.limit !== undefined)) {
    const copy = fixtures.database(users, groups, 'limit');
    started.push(over(copy, ServerProcess.script('limit', 'limit.ts', [String(users), copy])));
  }
  // It does not know whose groups are shown with them.
  if (native && memberships === 0 && part.some((each) => each.limit === 'rows')) {
    const copy = fixtures.database(users, groups, 'native');
    const server = await nativeLimit(copy, users, progress);
    if (server !== undefined) started.push(over(copy, Promise.resolve(server)));
  }
  if (postgres !== undefined)
    started.push(...(await startOnPostgres(postgres, users, groups, part, wanted.has('scimmy PostgreSQL'))));
  return Promise.all(started);
}

/** scimd without its exchange log, over this database. */
function unlogged(
  database: string,
  users: number,
  name: ServerName = 'scimd unlogged',
): Promise<ServerProcess> {
  return ServerProcess.scimd(database, users, [], ['--no-exchange-log-enabled'], undefined, name);
}

async function over(file: string, starting: Promise<ServerProcess>): Promise<ServerProcess> {
  const server = await starting;
  server.file = file;
  return server;
}

/** scimd, with its exchange log and without it, the limit and the peer, each on a database of its own. */
async function startOnPostgres(
  postgres: BenchPostgres,
  users: number,
  groups: boolean,
  part: readonly Workload[],
  withPeer: boolean,
): Promise<Promise<ServerProcess>[]> {
  const started = [ServerProcess.scimd(await postgres.database(users, groups, 'scimd'), users)];
  if (part.some((each) => each.postgresLimit)) {
    const copy = await postgres.database(users, groups, 'unlogged');
    started.push(unlogged(copy, users, 'scimd PostgreSQL unlogged'));
    const environment = { SCIMD_DATABASE: await postgres.database(users, groups, 'limit') };
    started.push(ServerProcess.script('limit PostgreSQL', 'limit-postgres.ts', [String(users)], environment));
  }
  if (withPeer) {
    const environment = { SCIMD_DATABASE: await postgres.empty('scimmy') };
    const args = ['postgres', String(users), groups ? 'groups' : 'users'];
    started.push(ServerProcess.script('scimmy PostgreSQL', 'peer.ts', args, environment));
  }
  return started.map(async (starting) => {
    const server = await starting;
    server.databaseCpu = postgres.cpu;
    return server;
  });
}

async function compare(
  { rounds, seconds }: Options,
  servers: readonly ServerProcess[],
  workload: Workload,
  users: number,
): Promise<Line> {
  const wanted = workload.peers ?? allPeers;
  const runners = servers
    .filter(({ name }) => {
      if (ours.includes(name)) return true;
      if (besideRows.includes(name)) return workload.limit === 'rows';
      if (name === 'limit') return workload.limit !== undefined;
      if (besidePostgres.includes(name)) return workload.postgresLimit;
      return wanted.includes(name as Peer);
    })
    .map((server) => new Runner(server, workload, { users }));
  const connections = workload.connections ?? defaultConnections;
  const efforts = new Map<Runner, Effort>();
  let first: Answer | undefined;
  let written: readonly Content[] = [];
  for (const runner of runners) {
    const { server } = runner;
    const slow = workload.slowPeers === true && server.name.startsWith('scimmy');
    efforts.set(runner, slow ? { seconds, connections: 1, requests: 20 } : { seconds, connections });
    if (server.name === 'scimd') {
      const checked = await checkRows(runner);
      first = checked.answer;
      written = checked.written;
    } else if (limits.includes(server.name)) {
      const task = workload.limit === 'same' && first !== undefined ? sameAs(first) : undefined;
      if (server.name === 'limit') await server.tell(task ?? { mode: 'rows' });
      if (task === undefined)
        for (const [index, content] of (await checkRows(runner)).written.entries())
          assertSameGrowth(`${server.name}, ${workload.name}`, written[index] ?? new Map(), content);
    } else await runner.check();
    if (!slow) await runner.round({ seconds: Math.min(seconds, 0.5), connections });
  }
  const results = new Map<Runner, Result[]>(runners.map((runner) => [runner, []]));
  for (let round = 0; round < rounds; round++) {
    // Whoever comes first in one round comes last in the next.
    for (const runner of round % 2 === 0 ? runners : [...runners].reverse()) {
      const effort = efforts.get(runner) as Effort;
      const slow = effort.requests !== undefined;
      // A peer that takes seconds for one request shows it in one round.
      if (slow && round > 0 && (results.get(runner)?.[0]?.p50 ?? 0) > 500) continue;
      results.get(runner)?.push(await runner.round(effort));
    }
  }
  const entries = runners.map((runner) => [
    runner.server.name as ServerName,
    medians(results.get(runner) ?? []),
  ]);
  return { name: workload.name, title: workload.title, users, results: Object.fromEntries(entries) };
}

const ownHeaders = new Set(['date', 'connection', 'keep-alive', 'content-length', 'transfer-encoding']);

function sameAs({ status, headers, text }: Answer): LimitTask {
  return { mode: 'same', status, headers: headers.filter(([name]) => !ownHeaders.has(name)).flat(), text };
}

/** What each request of the check has written. */
async function checkRows(runner: Runner): Promise<{ answer: Answer; written: readonly Content[] }> {
  const { file } = runner.server;
  if (file === undefined) return { answer: await runner.check(), written: [] };
  const written: Content[] = [];
  let before = contentOf(file);
  const answer = await runner.check(() => {
    const after = contentOf(file);
    written.push(growth(before, after));
    before = after;
  });
  return { answer, written };
}
