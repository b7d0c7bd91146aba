/** How long a program takes from its start to its first answer, and the memory of a server at rest. */
import { execFileSync, spawn } from 'node:child_process';
import { newSecret } from '../../src/directory/secret.ts';
import type { Options } from './arguments.ts';
import { type Connection, encode } from './client.ts';
import { userId } from './data.ts';
import type { Fixtures } from './fixtures.ts';
import type { Figure } from './line.ts';
import { median } from './measure.ts';
import { binary, bundle } from './programs.ts';
import { ServerProcess } from './server-process.ts';

/** The databases stay when the server is started again, and so does the token. */
const token = newSecret();

/** A command and what comes before its own arguments. */
type Program = readonly [command: string, ...args: string[]];

export async function measureStart(
  { rounds }: Options,
  fixtures: Fixtures,
  users: number,
): Promise<Figure[]> {
  const node: Program = [process.execPath, bundle()];
  const file = fixtures.database(users, false, 'scimd');
  const full = await startOnce(node, file, users);
  const figures: Figure[] = [
    ...(await figuresOf('binary', [binary()], fixtures.path('empty'), rounds + 2)),
    ...(await figuresOf('bundle', node, fixtures.path('empty'), rounds + 2)),
    {
      name: `rss-${users}`,
      title: 'memory after GETs and lists of all users',
      value: full.rss / 2 ** 20,
      unit: 'MB',
      users,
    },
  ];
  return figures.map((figure) => ({ ...figure, users }));
}

async function figuresOf(kind: string, program: Program, empty: string, rounds: number): Promise<Figure[]> {
  const first = await startOnce(program, empty);
  const later: (typeof first)[] = [];
  for (let round = 0; round < rounds; round++) later.push(await startOnce(program, empty));
  const times = later.map(({ milliseconds }) => milliseconds);
  const memory = later.map(({ rss }) => rss);
  const figure = (name: string, title: string, value: number, unit: string): Figure => ({
    name: `${name}-${kind}`,
    title: `${title}, ${kind}`,
    users: 0,
    value,
    unit,
  });
  return [
    figure('first-start', 'first start, which makes the database, to first answer', first.milliseconds, 'ms'),
    figure('start', 'start to first answer', median(times), 'ms'),
    figure('rss', 'memory, empty', median(memory) / 2 ** 20, 'MB'),
  ];
}

/** Starts the program, asks once, has it read all users if there are some, and stops it. */
async function startOnce(
  [command, ...args]: Program,
  database: string,
  users = 0,
): Promise<{ milliseconds: number; rss: number }> {
  const started = performance.now();
  const child = spawn(
    command,
    [...args, 'serve', '--port', '0', '--database', database, '--log-level', 'warn'],
    { env: { ...process.env, SCIMD_BOOTSTRAP_TOKEN: token }, stdio: ['ignore', 'pipe', 'inherit'] },
  );
  const server = await ServerProcess.of('scimd', child, token);
  return server.connect(async (connection) => {
    await connection.send(encode(server.target, { method: 'GET', path: '/Users?count=1' }));
    const milliseconds = performance.now() - started;
    if (users > 0) await readAll(server, connection, users);
    const rss = residentSize(child.pid);
    await server.stop();
    return { milliseconds, rss };
  });
}

/** In bytes, as the system counts it: the binary cannot be asked. */
function residentSize(pid: number | undefined): number {
  return Number(execFileSync('ps', ['-o', 'rss=', '-p', String(pid)], { encoding: 'utf8' })) * 1024;
}

async function readAll({ target }: ServerProcess, connection: Connection, users: number): Promise<void> {
  for (let n = 1; n <= users; n += 10)
    await connection.send(encode(target, { method: 'GET', path: `/Users/${userId(n)}` }));
  for (let n = 1; n <= users; n += 500)
    await connection.send(encode(target, { method: 'GET', path: `/Users?startIndex=${n}&count=500` }));
}
