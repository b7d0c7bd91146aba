/** What a page costs by cursor at the start of a walk and deep within it. */
import assert from 'node:assert/strict';
import type { Options } from './arguments.ts';
import { type Connection, encode } from './client.ts';
import type { Fixtures } from './fixtures.ts';
import type { Figure } from './line.ts';
import { median } from './measure.ts';
import type { BenchPostgres } from './postgres.ts';
import { ServerProcess } from './server-process.ts';

const count = 100;

export async function cursorDepth(
  options: Options,
  fixtures: Fixtures,
  users: number,
  postgres: BenchPostgres | undefined,
): Promise<Figure[]> {
  const name = 'cursor';
  const title = 'cursor page at 90 % of the walk, of page 1';
  const figures = [
    { name, title, users, value: await depthOf(fixtures.database(users, false, 'scimd')), unit: '×' },
  ];
  if (postgres === undefined) return figures;
  const value = await depthOf(await postgres.database(users, false, 'scimd'));
  return [
    ...figures,
    { name: `${name}-postgres`, title: `${title}, on PostgreSQL`, users, value, unit: '×' },
  ];

  function depthOf(database: string): Promise<number> {
    return costOfDepth(options, database, users);
  }
}

/** What a page costs deep within the walk, of what the first one costs. */
async function costOfDepth({ rounds }: Options, database: string, users: number): Promise<number> {
  const server = await ServerProcess.scimd(database, users);
  const encoded = (cursor: string): string =>
    encode(server.target, {
      method: 'GET',
      path: `/Users?sortBy=displayName&count=${count}&cursor=${cursor}`,
    });
  try {
    return await server.connect(async (connection) => {
      const seen = new Set<string>();
      let cursor = '';
      while (seen.size < users * 0.9) {
        const { status, json } = await connection.ask(encoded(cursor));
        assert.equal(status, 200);
        for (const { id } of json.Resources) seen.add(id);
        cursor = json.nextCursor;
      }
      assert.equal(seen.size % count, 0, 'a user was met twice on the way');
      const [first, deep]: [number[], number[]] = [[], []];
      for (let round = 0; round < rounds * 2; round++) {
        first.push(await pageCost(connection, encoded('')));
        deep.push(await pageCost(connection, encoded(cursor)));
      }
      return median(deep) / median(first);
    });
  } finally {
    await server.stop();
  }
}

async function pageCost(connection: Connection, bytes: string): Promise<number> {
  const times: number[] = [];
  for (let n = 0; n < 50; n++) {
    const started = performance.now();
    await connection.send(bytes);
    times.push(performance.now() - started);
  }
  return median(times);
}
