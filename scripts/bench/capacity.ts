/** What a database of so many people takes: disk, and the time that the server takes to start over it. */
import { newSecret } from '../../src/directory/secret.ts';
import type { Options } from './arguments.ts';
import { encode } from './client.ts';
import { Fixtures } from './fixtures.ts';
import type { Figure } from './line.ts';
import { median } from './measure.ts';
import type { BenchPostgres } from './postgres.ts';
import { ServerProcess } from './server-process.ts';

/** Databases stay when the server is started again, and so does the token. */
const token = newSecret();

export async function capacity(
  { rounds }: Options,
  fixtures: Fixtures,
  users: number,
  postgres: BenchPostgres | undefined,
): Promise<Figure[]> {
  const file = fixtures.database(users, true, 'scimd');
  const figures = [...(await of(file, 'SQLite', Fixtures.size(file)))];
  if (postgres !== undefined) {
    const address = await postgres.database(users, true, 'scimd');
    figures.push(...(await of(address, 'PostgreSQL', await postgres.size(address))));
  }
  return figures;

  async function of(database: string, engine: string, bytes: number): Promise<Figure[]> {
    const times: number[] = [];
    for (let round = 0; round < rounds; round++) times.push(await startOver(database, users));
    const name = engine.toLowerCase();
    return [
      {
        name: `disk-${name}`,
        title: `disk of people and groups on ${engine}`,
        users,
        value: bytes / 2 ** 20,
        unit: 'MB',
      },
      {
        name: `open-${name}`,
        title: `start of the bundle over it on ${engine}`,
        users,
        value: median(times),
        unit: 'ms',
      },
    ];
  }
}

/** Milliseconds to the first answer. */
async function startOver(database: string, users: number): Promise<number> {
  const started = performance.now();
  const server = await ServerProcess.scimd(database, users, [], [], token);
  try {
    const status = await server.connect((connection) =>
      connection.send(encode(server.target, { method: 'GET', path: '/Users?count=1' })),
    );
    if (status !== 200) throw new Error(`answered ${status}`);
    return performance.now() - started;
  } finally {
    await server.stop();
  }
}
