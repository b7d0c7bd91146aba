/**
 * The first sync as Okta does it: everybody is looked up and created, then each group is created and gets its members by
 * PATCH. In parts, of which scimd and the limit take one each by turns; rate and CPU time are those of a person.
 */
import assert from 'node:assert/strict';
import type { Options } from './arguments.ts';
import { Connection, encode, type Request } from './client.ts';
import { groupDocument, patchOf, userDocument, userName } from './data.ts';
import { Fixtures } from './fixtures.ts';
import type { Figure, Line } from './line.ts';
import { medians, percentile, type Result } from './measure.ts';
import { nativeLimit } from './native.ts';
import { progressOf } from './report.ts';
import { assertSameGrowth, type Content, contentOf, growth } from './same-rows.ts';
import type { ServerName } from './server-process.ts';
import { ServerProcess } from './server-process.ts';

export const firstSyncName = 'first-sync';

const membersInGroup = 100;
const connections = 32;

/** Beyond this many people it shows nothing new. */
const mostPeople = 100_000;

interface Measured {
  readonly lines: readonly Line[];
  readonly figures: readonly Figure[];
}

export async function firstSync(
  { only, peers, native, quick, rounds }: Options,
  fixtures: Fixtures,
  users: number,
  progress: (text: string) => void,
): Promise<Measured> {
  if (users > mostPeople || (only.length > 0 && !only.includes(firstSyncName)))
    return { lines: [], figures: [] };
  const [file, ...copies] = ['scimd', 'limit', 'native'].map((name) => fixtures.path(name)) as [
    string,
    string,
    string,
  ];
  const started = [
    ServerProcess.scimd(file, users),
    ServerProcess.script('limit', 'limit.ts', [String(users), copies[0]]),
    native ? nativeLimit(copies[1], users, progress) : undefined,
  ];
  const servers = (await Promise.all(started)).filter((server) => server !== undefined);
  const results = new Map<ServerName, readonly Result[]>();
  let figures: Figure[];
  try {
    const files = [file, ...copies].slice(0, servers.length);
    const before = files.map(contentOf);
    await byTurns(servers, users, rounds, results);
    const [ours, ...theirs] = files.map((each, index) => growth(before[index] as Content, contentOf(each)));
    for (const [index, content] of theirs.entries())
      assertSameGrowth(`${servers[index + 1]?.name}, first sync`, ours as Content, content);
    const { rss } = await (servers[0] as ServerProcess).usage();
    const size = Fixtures.size(file);
    figures = [
      {
        name: 'first-sync-rss',
        title: 'memory after the first sync',
        users,
        value: rss / 2 ** 20,
        unit: 'MB',
      },
      {
        ...{ name: 'first-sync-size', title: 'database after the first sync', users },
        ...{ value: size / 2 ** 20, unit: 'MB' },
      },
    ];
  } finally {
    await Promise.all(servers.map((server) => server.stop()));
  }
  if (peers)
    for (const [kind, name] of [
      ['memory', 'scimmy memory'],
      ['sqlite', 'scimmy SQLite'],
    ] as const) {
      const args = [kind, '0', 'users', fixtures.path(kind)];
      const peer = await ServerProcess.script(name, 'peer.ts', args);
      try {
        results.set(name, [await part(peer, 1, quick ? 300 : 1000)]);
      } finally {
        await peer.stop();
      }
    }
  const line: Line = {
    ...{ name: firstSyncName, title: 'first sync, for each person', users },
    results: Object.fromEntries([...results].map(([name, all]) => [name, medians(all)])),
  };
  progress(progressOf(line));
  return { lines: [line], figures };
}

/** All people in as many parts as there are rounds: whoever comes first in one comes last in the next. */
async function byTurns(
  servers: readonly ServerProcess[],
  users: number,
  rounds: number,
  results: Map<ServerName, readonly Result[]>,
): Promise<void> {
  const size = Math.ceil(users / membersInGroup / rounds) * membersInGroup;
  for (let first = 1, round = 0; first <= users; first += size, round++)
    for (const server of round % 2 === 0 ? servers : [...servers].reverse()) {
      const name = server.name as ServerName;
      const result = await part(server, first, Math.min(users, first + size - 1));
      results.set(name, [...(results.get(name) ?? []), result]);
    }
}

/** The people with these numbers, and their groups. */
async function part(server: ServerProcess, first: number, last: number): Promise<Result> {
  const { target } = server;
  const open = await Promise.all(Array.from({ length: connections }, () => Connection.open(target)));
  const latencies: number[] = [];
  const people = last - first + 1;
  const before = await server.usage();
  const start = performance.now();
  /** Each connection takes the next one as soon as it has done one. */
  const share = async (
    count: number,
    work: (index: number, ask: (request: Request) => ReturnType<Connection['ask']>) => Promise<void>,
  ): Promise<void> => {
    let next = 0;
    await Promise.all(
      open.map(async (connection) => {
        const ask = async (request: Request) => {
          const asked = performance.now();
          const answer = await connection.ask(encode(target, request));
          latencies.push(performance.now() - asked);
          return answer;
        };
        for (let index = next++; index < count; index = next++) await work(index, ask);
      }),
    );
  };
  const ids: string[] = [];
  await share(people, async (index, ask) => {
    const n = first + index;
    const filter = encodeURIComponent(`userName eq "${userName(n)}"`);
    const found = await ask({ method: 'GET', path: `/Users?filter=${filter}&startIndex=1&count=100` });
    assert.equal(found.json.totalResults, 0, found.text);
    const made = await ask({ method: 'POST', path: '/Users', body: userDocument(n) });
    assert.equal(made.status, 201, made.text);
    ids.push(made.json.id);
  });
  await share(Math.ceil(people / membersInGroup), async (index, ask) => {
    const body = groupDocument(`Group ${first + index * membersInGroup}`);
    const made = await ask({ method: 'POST', path: '/Groups', body });
    assert.equal(made.status, 201, made.text);
    const members = ids.slice(index * membersInGroup, (index + 1) * membersInGroup);
    const operation = { op: 'add', path: 'members', value: members.map((value) => ({ value })) };
    const path = `/Groups/${made.json.id}`;
    const { status, text } = await ask({ method: 'PATCH', path, body: patchOf(operation) });
    assert.ok(status === 200 || status === 204, text);
  });
  const seconds = (performance.now() - start) / 1000;
  const after = await server.usage();
  for (const connection of open) connection.close();
  return {
    rate: people / seconds,
    p50: percentile(latencies, 0.5),
    p99: percentile(latencies, 0.99),
    cpu: (after.cpu - before.cpu) / people,
    databaseCpu: 0,
    rss: after.rss,
  };
}
