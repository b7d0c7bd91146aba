/**
 * npm run bench:profile -- WORKLOAD [USERS] [postgres|ADDRESS]: leaves a CPU profile of scimd under that workload in this
 * folder; over PostgreSQL where that, or the address of a superuser's database, is named.
 */
import { isPostgresUrl } from '../../src/store/open.ts';
import { Fixtures } from './fixtures.ts';
import { Runner } from './measure.ts';
import { BenchPostgres } from './postgres.ts';
import { ServerProcess } from './server-process.ts';
import { workloads } from './workloads.ts';

const [name, count = '10000', database = ''] = process.argv.slice(2);
const workload = workloads.find((each) => each.name === name);
if (workload === undefined) {
  console.error(`Which workload? ${workloads.map((each) => each.name).join(', ')}`);
  process.exitCode = 2;
} else {
  const users = Number(count);
  const fixtures = new Fixtures(undefined);
  const hasGroups = workload.group !== undefined;
  const postgres =
    database === '' ? undefined : await BenchPostgres.start(isPostgresUrl(database) ? database : undefined);
  try {
    const chosen =
      (await postgres?.database(users, hasGroups, 'scimd')) ?? fixtures.database(users, hasGroups, 'scimd');
    const inspect = [
      '--cpu-prof',
      '--cpu-prof-interval=200',
      `--cpu-prof-name=${workload.name}.cpuprofile`,
      `--cpu-prof-dir=${process.cwd()}`,
    ];
    const server = await ServerProcess.scimd(chosen, users, inspect);
    if (postgres !== undefined) server.databaseCpu = postgres.cpu;
    const runner = new Runner(server, workload, { users });
    await runner.check();
    const { rate, cpu, databaseCpu } = await runner.round({
      seconds: 5,
      connections: workload.connections ?? 32,
    });
    await server.stop();
    console.log(
      `${workload.name}: ${Math.round(rate)} requests a second, ${Math.round(cpu)} µs of CPU each${postgres === undefined ? '' : `, and ${Math.round(databaseCpu)} µs of PostgreSQL`}`,
    );
    console.log(`${workload.name}.cpuprofile: open it in the developer tools of a browser`);
  } finally {
    fixtures.remove();
    await postgres?.close();
  }
}
