/** How long the bundle takes from its start to its first answer, and the memory of a server at rest. */
import { fork } from 'node:child_process';
import { newSecret } from '../../src/http/secret.ts';
import type { Options } from './arguments.ts';
import { bundle } from './bundle.ts';
import { type Connection, encode } from './client.ts';
import { userId } from './data.ts';
import type { Fixtures } from './fixtures.ts';
import type { Figure } from './line.ts';
import { median } from './measure.ts';
import { ServerProcess } from './server-process.ts';

/** The databases stay when the server is started again, and so does the token. */
const token = newSecret();

export async function measureStart(
  { rounds }: Options,
  fixtures: Fixtures,
  users: number,
): Promise<Figure[]> {
  const file = bundle();
  const figure = (name: string, title: string, value: number, unit: string): Figure => ({
    name,
    title,
    users,
    value,
    unit,
  });
  const empty = fixtures.path('empty');
  await startOnce(file, empty);
  const times: number[] = [];
  const memory: number[] = [];
  for (let round = 0; round < rounds + 2; round++) {
    const { milliseconds, rss } = await startOnce(file, empty);
    times.push(milliseconds);
    memory.push(rss);
  }
  const full = await startOnce(file, fixtures.database(users, false, 'scimd'), users);
  return [
    figure('start', 'start to first answer', median(times), 'ms'),
    figure('rss-empty', 'memory, empty', median(memory) / 2 ** 20, 'MB'),
    figure(`rss-${users}`, 'memory after GETs and lists of all users', full.rss / 2 ** 20, 'MB'),
  ];
}

/** Starts the bundle, asks once, has it read all users if there are some, and stops it. */
async function startOnce(
  file: string,
  database: string,
  users = 0,
): Promise<{ milliseconds: number; rss: number }> {
  const started = performance.now();
  const child = fork(file, ['serve', '--port', '0', '--database', database, '--log-level', 'warn'], {
    execArgv: ['--import', new URL('usage-probe.mjs', import.meta.url).href],
    env: { ...process.env, SCIMD_BOOTSTRAP_TOKEN: token },
    stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
  });
  const server = await ServerProcess.of('scimd', child, token);
  return server.connect(async (connection) => {
    await connection.send(encode(server.target, { method: 'GET', path: '/Users?count=1' }));
    const milliseconds = performance.now() - started;
    if (users > 0) await readAll(server, connection, users);
    const { rss } = await server.usage();
    await server.stop();
    return { milliseconds, rss };
  });
}

async function readAll({ target }: ServerProcess, connection: Connection, users: number): Promise<void> {
  for (let n = 1; n <= users; n += 10)
    await connection.send(encode(target, { method: 'GET', path: `/Users/${userId(n)}` }));
  for (let n = 1; n <= users; n += 500)
    await connection.send(encode(target, { method: 'GET', path: `/Users?startIndex=${n}&count=500` }));
}
