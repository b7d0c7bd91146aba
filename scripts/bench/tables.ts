/** scimd on an application's tables beside its own database, and SCIMMY with handlers over a table: by turns, in SQLite. */
import type { Options } from './arguments.ts';
import type { Fixtures } from './fixtures.ts';
import type { Figure } from './line.ts';
import { medians, type Result, Runner } from './measure.ts';
import { ServerProcess } from './server-process.ts';
import { workloads } from './workloads.ts';

const compared = ['get', 'username', 'list', 'patch', 'member-10', 'member-10000', 'member-100000'];

export async function tablesFigures(
  { rounds, seconds, peers }: Options,
  fixtures: Fixtures,
  users: number,
): Promise<Figure[]> {
  const own = await ServerProcess.scimd(fixtures.database(users, true, 'own'), users);
  const tables = await ServerProcess.script('own tables', 'tables-server.ts', [
    fixtures.path('tables'),
    String(users),
  ]);
  const peer = peers
    ? await ServerProcess.script('scimmy SQLite', 'peer.ts', [
        ...['sqlite', String(users), 'groups', fixtures.path('tables-peer')],
      ])
    : undefined;
  const figures: Figure[] = [];
  try {
    for (const name of compared) {
      const workload = workloads.find((each) => each.name === name);
      if (workload === undefined || users < (workload.group ?? 0)) continue;
      const all = [own, tables, ...(peer === undefined ? [] : [peer])].map((server) => ({
        runner: new Runner(server, workload, { users }),
        results: [] as Result[],
        // A group of many members takes it seconds.
        effort: {
          ...{ seconds, connections: 32 },
          ...(server === peer && workload.slowPeers === true ? { connections: 1, requests: 5 } : {}),
        },
      }));
      for (const { runner } of all) await runner.check();
      for (const { runner, effort } of all) await runner.round({ ...effort, seconds: seconds / 2 });
      for (let round = 0; round < rounds; round++)
        for (const { runner, results, effort } of all) results.push(await runner.round(effort));
      const [ours, theirs, handlers] = all.map(({ results }) => medians(results)) as [
        Result,
        Result,
        Result?,
      ];
      const figure = (suffix: string, title: string, value: number, unit: string): Figure => ({
        ...{ name: `tables-${name}${suffix}`, title: `${workload.title}, ${title}`, users, value, unit },
      });
      figures.push(
        figure('', 'own tables, of the rate of the own database', theirs.rate / ours.rate, '×'),
        figure('-cpu-tables', 'own tables, processor time', theirs.cpu, 'µs'),
        figure('-cpu', 'the own database, processor time', ours.cpu, 'µs'),
      );
      if (handlers !== undefined)
        figures.push(
          figure('-scimmy', 'own tables, of SCIMMY over a table', theirs.rate / handlers.rate, '×'),
        );
    }
  } finally {
    await Promise.all([own.stop(), tables.stop(), peer?.stop()]);
  }
  return figures;
}
