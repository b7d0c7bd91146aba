/** How long a program takes from its start to its first answer, and its memory at rest and under load. */
import { execFileSync, spawn } from 'node:child_process';
import { statSync } from 'node:fs';
import { newSecret } from '../../src/directory/secret.ts';
import type { Options } from './arguments.ts';
import { type Connection, encode } from './client.ts';
import { userId } from './data.ts';
import type { Fixtures } from './fixtures.ts';
import type { Figure } from './line.ts';
import { median } from './measure.ts';
import { mixedLoad } from './mixed-load.ts';
import { binary, bundle } from './programs.ts';
import { ServerProcess } from './server-process.ts';

/** The databases stay when the server is started again, and so does the token. */
const token = newSecret();

/** A command and what comes before its own arguments. */
type Program = readonly [command: string, ...args: string[]];

export async function measureStart(
  { rounds, minutes }: Options,
  fixtures: Fixtures,
  users: number,
): Promise<Figure[]> {
  const node: Program = [process.execPath, bundle()];
  const program: Program = [binary()];
  const people = (): string => fixtures.database(users, false, 'scimd');
  const full = await startOnce(program, people(), (server, connection) => readAll(server, connection, users));
  const seconds = minutes * 60;
  let answers = 0;
  const loaded = await startOnce(program, people(), async (server) => {
    answers = await mixedLoad(server, users, seconds);
  });
  const ofAll = (name: string, title: string, bytes: number): Figure => ({
    ...{ name, title, users },
    value: bytes / 2 ** 20,
    unit: 'MB',
  });
  const figures: Figure[] = [
    ...(await figuresOf('binary', program, fixtures.path('empty'), rounds + 2)),
    ...(await figuresOf('bundle', node, fixtures.path('empty'), rounds + 2)),
    ofAll('size-binary', 'the file, binary', statSync(binary()).size),
    ofAll(`rss-${users}`, 'memory after GETs and lists of all users, binary', full.rss),
    ofAll('rss-loaded', `memory after ${seconds} s of mixed load at full speed, binary`, loaded.rss),
    { name: 'rate-loaded', title: 'answers to that load', users, value: answers / seconds, unit: '/s' },
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

/** Starts the program, asks once, has it do what is given, and stops it. */
async function startOnce(
  [command, ...args]: Program,
  database: string,
  use?: (server: ServerProcess, connection: Connection) => Promise<void>,
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
    await use?.(server, connection);
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
