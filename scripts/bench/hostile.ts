/** What an attack costs those beside it: health checks, another tenant's list, memory; and how soon it is over. */
import { join } from 'node:path';
import { hashSecret, newSecret } from '../../src/directory/secret.ts';
import { standardRegistry } from '../../src/scim/standard.ts';
import { openSqliteStore } from '../../src/store/sqlite/index.ts';
import type { Options } from './arguments.ts';
import { Connection, encode, type Request, type Target } from './client.ts';
import type { Fixtures } from './fixtures.ts';
import { type Attack, attacks, type Extent, seedHostile, whole } from './hostile-attacks.ts';
import type { Figure } from './line.ts';
import { percentile } from './measure.ts';
import { ServerProcess } from './server-process.ts';

export interface Damage {
  readonly status: number;
  /** Until the first answer. */
  readonly seconds: number;
  /** Milliseconds. */
  readonly healthP99: number;
}

/** Done, refused for what it would cost, or ended. */
const expected: ReadonlySet<number> = new Set([200, 204, 400, 503]);

/** Seconds for which an attack is made again and again. */
const atLeast = 3;

/**
 * The attack again and again on each of two connections, while the health is asked for all the time, which takes what
 * the clock says.
 */
export async function damageOf(
  target: Target,
  { request }: Attack,
  clock = () => performance.now(),
): Promise<Damage> {
  // What is done for the first time takes longer, and is no matter here.
  await statusOf(target, { method: 'GET', path: '/Users?count=1' });
  const health = await Connection.open(target);
  const waits: number[] = [];
  let over = false;
  const asked = (async () => {
    const bytes = `GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n`;
    for (let rest = 5; !over || rest > 0; rest -= over ? 1 : 0) {
      const started = clock();
      await health.send(bytes);
      waits.push(clock() - started);
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
  })();
  const started = performance.now();
  const elapsed = (): number => (performance.now() - started) / 1000;
  let [status, seconds] = [0, 0];
  await Promise.all(
    Array.from({ length: 2 }, async () => {
      for (let round = 0; round === 0 || elapsed() < atLeast; round++) {
        status = await statusOf(target, request);
        // An attack that does not come through measures nothing.
        if (!expected.has(status)) throw new Error(`${request.method} ${request.path} is ${status}`);
        if (seconds === 0) seconds = elapsed();
      }
    }),
  );
  over = true;
  await asked;
  health.close();
  return { status, seconds, healthP99: percentile(waits, 0.99) };
}

export async function statusOf(target: Target, request: Request): Promise<number> {
  const connection = await Connection.open(target);
  try {
    return await connection.send(encode(target, request));
  } finally {
    connection.close();
  }
}

/** For a database that has been served the next server's first token is none. */
async function newToken(file: string): Promise<string> {
  const store = openSqliteStore({ file, registry: standardRegistry() });
  const secret = newSecret();
  const token = {
    hash: hashSecret(secret),
    name: 'attacker',
    tenant: 1,
    idp: 'generic',
    scope: 'scim',
  } as const;
  await store.createToken(token);
  await store.close();
  return secret;
}

const mebibyte = 2 ** 20;

/** Each attack on a server of its own, so that memory is that attack's. The number of users does not matter. */
export async function hostileFigures(
  { quick, scales }: Options,
  { folder }: Fixtures,
  users: number,
): Promise<Figure[]> {
  if (users !== scales[0]) return [];
  const extent: Extent = quick ? { ...whole, members: 50_000, users: 5000 } : whole;
  const file = join(folder, 'hostile.db');
  await seedHostile(file, extent);
  const token = await newToken(file);
  const figures: Figure[] = [];
  for (const attack of attacks) {
    const server = await ServerProcess.scimd(file, 0);
    try {
      const before = await server.usage();
      const { seconds, healthP99 } = await damageOf({ ...server.target, token }, attack);
      const after = await server.usage();
      const of = (name: string, title: string, value: number, unit: string): Figure => ({
        ...{ name: `hostile-${attack.name}-${name}`, title: `${title}: ${attack.what}`, users, value, unit },
      });
      figures.push(
        of('health', 'p99 of /healthz during', healthP99, 'ms'),
        of('time', 'time until the answer of', seconds, 's'),
        of('memory', 'growth of peak memory by', (after.peak - before.rss) / mebibyte, 'MB'),
      );
    } finally {
      await server.stop();
    }
  }
  return figures;
}
