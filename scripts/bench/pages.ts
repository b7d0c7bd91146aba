/** The page for administrators over many people and ten rows of the exchange log for each: the slowest answer of each place. */
import { hashSecret, newSecret } from '../../src/directory/secret.ts';
import { standardRegistry } from '../../src/scim/standard.ts';
import type { NewExchange } from '../../src/store/exchanges.ts';
import { SqliteExchanges } from '../../src/store/sqlite/exchanges.ts';
import { openSqliteStore } from '../../src/store/sqlite/index.ts';
import type { Options } from './arguments.ts';
import { userId } from './data.ts';
import type { Fixtures } from './fixtures.ts';
import type { Figure } from './line.ts';
import { ServerProcess } from './server-process.ts';

const rowsEach = 10;
const batchSize = 1000;
const week = 7 * 24 * 60 * 60 * 1000;

const places = (users: number): readonly string[] => [
  '',
  '/traffic',
  '/traffic?status=error',
  `/find?q=${userId(users >> 1)}`,
  '/directory',
  '/directory?q=no+such+person',
  `/directory?filter=${encodeURIComponent('emails.value ew "@nobody.example"')}`,
  '/connections',
  '/access',
  '/system',
];

export async function pageTimes({ rounds }: Options, fixtures: Fixtures, users: number): Promise<Figure[]> {
  const database = fixtures.database(users, false, 'pages');
  const exchanges = fixtures.path('pages-exchanges');
  fillLog(exchanges, users);
  const code = newSecret();
  const store = openSqliteStore({ file: database, registry: standardRegistry() });
  await store.admin.createGrant({
    ...{ kind: 'link', role: 'admin', name: 'bench', hash: hashSecret(code) },
    expires: new Date(Date.now() + 600_000).toISOString(),
  });
  await store.close();
  const flags = ['--exchange-log-file', exchanges, '--exchange-log-max-megabytes', '4096'];
  const server = await ServerProcess.scimd(database, users, [], flags);
  try {
    const { host, port } = server.target;
    const admin = `http://${host}:${port}/admin`;
    const entered = await fetch(`${admin}/enter`, {
      method: 'POST',
      body: new URLSearchParams({ code }),
      redirect: 'manual',
    });
    const cookie = entered.headers.get('set-cookie')?.split(';')[0] ?? '';
    const figures: Figure[] = [];
    for (const place of places(users)) {
      const times: number[] = [];
      for (let round = 0; round < rounds; round++) {
        const start = performance.now();
        const answer = await fetch(`${admin}${place}`, { headers: { cookie } });
        const text = await answer.text();
        times.push(performance.now() - start);
        if (answer.status !== 200 || !text.includes('<main')) throw new Error(`${place}: ${answer.status}`);
      }
      const title = `the slowest answer of /admin${decodeURIComponent(place)}`;
      figures.push({ name: 'page', title, users, value: Math.max(...times), unit: 'ms' });
    }
    const slowest = Math.max(...figures.map(({ value }) => value));
    const title = `the slowest page, ${users * rowsEach} exchanges`;
    return [...figures, { name: 'pages', title, users, value: slowest, unit: 'ms' }];
  } finally {
    await server.stop();
  }
}

/** Evenly over the last week, by the log's own writer. */
function fillLog(file: string, users: number): void {
  const log = new SqliteExchanges(file);
  const rows = users * rowsEach;
  const first = Date.now() - week;
  for (let begin = 0; begin < rows; begin += batchSize)
    log.write(
      Array.from({ length: Math.min(batchSize, rows - begin) }, (_, each) =>
        exchangeOf(begin + each, first + Math.floor(((begin + each) * week) / rows), users),
      ),
    );
  log.close();
}

function exchangeOf(number: number, at: number, users: number): NewExchange {
  const subject = userId((number % users) + 1);
  const isRefused = number % 50 === 0;
  return {
    ...{ at, tenant: 1, token: 'bench', tokenName: 'Okta', idp: 'okta', agent: 'Okta SCIM Client 1.0.0' },
    ...{ method: 'PATCH', path: `/scim/v2/Users/${subject}`, status: isRefused ? 400 : 200 },
    ...(isRefused ? { scimType: 'invalidPath', detail: 'No attribute is called activ' } : {}),
    ...{ milliseconds: 2, tolerances: [], requestId: `bench-${number}`, type: 'User', subject },
    ...{ asked: { kind: 'update', paths: ['active'], active: true }, mentions: [subject] },
    sent: '{"Operations":[{"op":"replace","path":"active","value":true}]}',
  };
}
