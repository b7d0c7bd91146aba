/** The same people in one tenant and in many: what an answer costs, and how much disk they take. */
import { createHash } from 'node:crypto';
import { newSecret } from '../../src/directory/secret.ts';
import { standardRegistry } from '../../src/scim/standard.ts';
import { openStore } from '../../src/store/open.ts';
import type { Options } from './arguments.ts';
import { Connection, encode } from './client.ts';
import { userDocument, userId, userName } from './data.ts';
import { Fixtures } from './fixtures.ts';
import type { Figure } from './line.ts';
import { median } from './measure.ts';
import type { BenchPostgres } from './postgres.ts';
import { ServerProcess } from './server-process.ts';

const numbers = [1, 100, 1000];
const lanes = 32;

/** Beyond this the tenants show nothing new. */
const mostPeople = 100_000;

export async function tenantCosts(
  options: Options,
  fixtures: Fixtures,
  users: number,
  postgres: BenchPostgres | undefined,
): Promise<Figure[]> {
  if (users > mostPeople) return [];
  const figures: Figure[] = [];
  for (const tenants of numbers) {
    const file = fixtures.path('tenants');
    const engines = [{ engine: 'SQLite', database: file, size: async () => Fixtures.size(file) }];
    if (postgres !== undefined) {
      const database = await postgres.empty('tenants');
      engines.push({ engine: 'PostgreSQL', database, size: () => postgres.size(database) });
    }
    for (const { engine, database, size } of engines) {
      const tokens = await fill(database, users, tenants);
      if (engine === 'PostgreSQL') await postgres?.settle(database);
      const server = await ServerProcess.scimd(database, users, [], [], tokens[0]);
      if (engine === 'PostgreSQL' && postgres !== undefined) server.databaseCpu = postgres.cpu;
      const name = `tenants-${tenants}-${engine.toLowerCase()}`;
      const title = `in ${tenants.toLocaleString('en')} tenants on ${engine}`;
      try {
        const bytes = await size();
        figures.push({
          name: `${name}-size`,
          title: `disk, ${title}`,
          users,
          value: bytes / 2 ** 20,
          unit: 'MB',
        });
        for (const workload of ['get', 'create'] as const) {
          const costs: number[] = [];
          for (let round = -1; round < options.rounds; round++) {
            const cost = await costOf(server, workload, tokens, users, options.seconds);
            if (round >= 0) costs.push(cost);
          }
          const value = median(costs);
          figures.push({
            name: `${name}-${workload}`,
            title: `CPU for one ${workload}, ${title}`,
            users,
            value,
            unit: 'µs',
          });
        }
      } finally {
        await server.stop();
      }
    }
  }
  return figures;
}

/** People by turns in each of so many tenants; answers a token for each. */
async function fill(database: string, users: number, tenants: number): Promise<string[]> {
  const registry = standardRegistry();
  const [type] = registry.resourceTypes;
  if (type === undefined) throw new Error('no users in the registry');
  const store = await openStore(database, { registry });
  const context = { actor: { kind: 'system' } } as const;
  const tokens: string[] = [];
  const ids: number[] = [];
  for (let n = 0; n < tenants; n++) {
    const tenant = n === 0 ? 1 : (await store.createTenant(`tenant-${n}`)).number;
    const text = newSecret();
    const hash = createHash('sha256').update(text).digest('hex');
    await store.createToken({ hash, name: 'bench', tenant, idp: 'generic', scope: 'scim' });
    tokens.push(text);
    ids.push(tenant);
  }
  for (let first = 1; first <= users; first += 1000) {
    const outcomes = await store.commit(
      Array.from({ length: Math.min(1000, users - first + 1) }, (_, index) => {
        const n = first + index;
        const tenant = ids[n % tenants] as number;
        return {
          tenant,
          context,
          commands: [{ kind: 'create', type, id: userId(n), document: userDocument(n) }],
        };
      }),
    );
    const other = outcomes.find(({ outcome }) => outcome !== 'done');
    if (other !== undefined) throw new Error(`the store answered ${JSON.stringify(other)}`);
  }
  await store.close();
  return tokens;
}

let created = 60_000_000;

/** Microseconds of CPU of scimd and its database for one answer, tenants by turns. */
async function costOf(
  server: ServerProcess,
  workload: 'get' | 'create',
  tokens: readonly string[],
  users: number,
  seconds: number,
): Promise<number> {
  const { target } = server;
  const open = await Promise.all(Array.from({ length: lanes }, () => Connection.open(target)));
  const before = (await server.usage()).cpu + server.databaseCpu();
  const end = performance.now() + seconds * 1000;
  let [next, answers] = [0, 0];
  await Promise.all(
    open.map(async (connection) => {
      while (performance.now() < end) {
        const n = ((next++ * 7919) % users) + 1;
        const token = tokens[n % tokens.length] as string;
        const request =
          workload === 'get'
            ? { method: 'GET', path: `/Users/${userId(n)}` }
            : { method: 'POST', path: '/Users', body: { ...userDocument(n), userName: userName(created++) } };
        const status = await connection.send(encode({ ...target, token }, request));
        if (status >= 300) throw new Error(`${request.method} answered ${status}`);
        answers++;
      }
      connection.close();
    }),
  );
  return ((await server.usage()).cpu + server.databaseCpu() - before) / answers;
}
