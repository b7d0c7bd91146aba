/** npm run bench:profile -- WORKLOAD [USERS]: leaves a CPU profile of scimd under that workload in this folder. */
import { Fixtures } from './fixtures.ts';
import { Runner } from './measure.ts';
import { ServerProcess } from './server-process.ts';
import { workloads } from './workloads.ts';

const [name, count = '10000'] = process.argv.slice(2);
const workload = workloads.find((each) => each.name === name);
if (workload === undefined) {
  console.error(`Which workload? ${workloads.map((each) => each.name).join(', ')}`);
  process.exitCode = 2;
} else {
  const users = Number(count);
  const fixtures = new Fixtures(undefined);
  try {
    const database = fixtures.database(users, workload.group !== undefined, 'scimd');
    const inspect = [
      '--cpu-prof',
      '--cpu-prof-interval=200',
      `--cpu-prof-name=${workload.name}.cpuprofile`,
      `--cpu-prof-dir=${process.cwd()}`,
    ];
    const server = await ServerProcess.scimd(database, users, inspect);
    const runner = new Runner(server, workload, { users });
    await runner.check();
    const { rate, cpu } = await runner.round({ seconds: 5, connections: workload.connections ?? 32 });
    await server.stop();
    console.log(`${workload.name}: ${Math.round(rate)} requests a second, ${Math.round(cpu)} µs of CPU each`);
    console.log(`${workload.name}.cpuprofile: open it in the developer tools of a browser`);
  } finally {
    fixtures.remove();
  }
}
