/** What the exchange log costs: the same server with it and without it, in turn. */
import Sqlite from 'better-sqlite3';
import type { Options } from './arguments.ts';
import { Connection, encode, type Request } from './client.ts';
import { userDocument, userId } from './data.ts';
import type { Fixtures } from './fixtures.ts';
import type { Figure } from './line.ts';
import { median } from './measure.ts';
import { ServerProcess } from './server-process.ts';

const lanes = 32;

/** Answers a second. */
async function rate(
  { target }: ServerProcess,
  seconds: number,
  request: (n: number) => Request,
): Promise<number> {
  const open = await Promise.all(Array.from({ length: lanes }, () => Connection.open(target)));
  const started = performance.now();
  const end = started + seconds * 1000;
  let [next, answers] = [0, 0];
  await Promise.all(
    open.map(async (connection) => {
      while (performance.now() < end) {
        const status = await connection.send(encode(target, request(next++)));
        if (status >= 300) throw new Error(`answered ${status}`);
        answers++;
      }
      connection.close();
    }),
  );
  return (answers * 1000) / (performance.now() - started);
}

let created = 0;
const workloads: Readonly<Record<string, (users: number) => (n: number) => Request>> = {
  create: () => () => {
    const body = userDocument(50_000_000 + created++);
    return { method: 'POST', path: '/Users', body };
  },
  get: (users) => (n) => ({ method: 'GET', path: `/Users/${userId((n % users) + 1)}` }),
};

export async function exchangeLogCost(
  { rounds, seconds }: Options,
  fixtures: Fixtures,
  users: number,
): Promise<Figure[]> {
  const database = fixtures.database(users, false, 'logged');
  const exchanges = fixtures.path('exchanges');
  const flags = ['--exchange-log-file', exchanges];
  const logged = await ServerProcess.scimd(database, users, [], flags);
  const plain = await ServerProcess.scimd(
    fixtures.database(users, false, 'plain'),
    users,
    [],
    ['--no-exchange-log-enabled'],
  );
  const figures: Figure[] = [];
  let asked = 0;
  try {
    for (const [name, requestOf] of Object.entries(workloads)) {
      const request = requestOf(users);
      for (const server of [logged, plain]) await rate(server, 0.5, request);
      const [withLog, without]: [number[], number[]] = [[], []];
      for (let round = 0; round < rounds; round++) {
        withLog.push(await rate(logged, seconds, request));
        without.push(await rate(plain, seconds, request));
      }
      asked += withLog.reduce((sum, each) => sum + each * seconds, 0);
      figures.push({
        name: `exchange-log-${name}`,
        title: `${name} with the exchange log, of the rate without`,
        users,
        value: median(withLog) / median(without),
        unit: '×',
      });
    }
  } finally {
    await Promise.all([logged.stop(), plain.stop()]);
  }
  const db = new Sqlite(exchanges, { readonly: true });
  const kept = db.prepare('SELECT sum(count) FROM tally').pluck().get() as number;
  db.close();
  return [
    ...figures,
    {
      name: 'exchange-log-kept',
      title: 'of the exchanges measured are in the log',
      users,
      value: kept / asked,
      unit: '×',
    },
  ];
}
