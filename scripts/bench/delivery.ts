/**
 * How soon applications hear, and what it costs the others: from the commit of a deactivation to the acknowledgement of a
 * webhook's receiver, idle and behind many creates; SCIM requests with consumers and endpoints beside those without.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { hashSecret, newSecret } from '../../src/directory/secret.ts';
import { standardRegistry } from '../../src/scim/standard.ts';
import { openSqliteStore } from '../../src/store/sqlite/index.ts';
import type { Store } from '../../src/store/store.ts';
import type { Options } from './arguments.ts';
import { Connection, encode, type Request, type Target } from './client.ts';
import { patchOf, userDocument, userId } from './data.ts';
import type { Fixtures } from './fixtures.ts';
import type { Figure } from './line.ts';
import { median, percentile } from './measure.ts';
import { ServerProcess } from './server-process.ts';

const pause = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds));

/** The process of those who hear. */
class Audience {
  readonly #child: ChildProcess;
  readonly url: string;

  private constructor(child: ChildProcess, url: string) {
    this.#child = child;
    this.url = url;
  }

  static async start(): Promise<Audience> {
    const file = fileURLToPath(new URL('audience.ts', import.meta.url));
    const child = fork(file, [], {
      execArgv: ['--import', 'tsx'],
      stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
    });
    const port = await new Promise<string>((resolve) =>
      child.stdout?.once('data', (text) => resolve(String(text))),
    );
    return new Audience(child, `http://127.0.0.1:${port.trim()}/hook`);
  }

  #ask<T>(message: string): Promise<T> {
    return new Promise((resolve) => {
      this.#child.once('message', (answer) => resolve((answer as Record<string, T>)[message] as T));
      this.#child.send(message);
    });
  }

  /** Milliseconds of each deactivation since the last time. */
  leavers(): Promise<number[]> {
    return this.#ask('leavers');
  }

  /** How many events have come. */
  heard(): Promise<number> {
    return this.#ask('heard');
  }

  follow(target: Target, count: number): void {
    this.#child.send({ follow: { target, count } });
  }

  stop(): void {
    this.#child.disconnect();
  }
}

/** The provider's token: each database has it before its server starts. */
const secret = newSecret();

const start = (database: string, users: number) => ServerProcess.scimd(database, users, [], [], secret);

/** Does something to a database before its server starts. */
async function prepare<T>(database: string, work: (store: Store) => Promise<T>): Promise<T> {
  const store = openSqliteStore({ file: database, registry: standardRegistry() });
  const hash = hashSecret(secret);
  try {
    if ((await store.findToken(hash)) === undefined)
      await store.createToken({ hash, name: 'bench', tenant: 1, idp: 'generic', scope: 'scim' });
    return await work(store);
  } finally {
    await store.close();
  }
}

async function endpointAt(store: Store, url: string, batch: number): Promise<void> {
  const { newest } = await store.feed.extent(1);
  await store.outbox.createEndpoint({
    ...{ tenant: 1, url, batch, allowPrivate: true, signingKeys: [], position: String(newest) },
    secrets: [{ secret: `whsec_${Buffer.alloc(32, 7).toString('base64')}` }],
  });
}

async function eventsToken(store: Store, tenant = 1): Promise<string> {
  const own = newSecret();
  const token = { hash: hashSecret(own), name: 'app', tenant, idp: 'generic', scope: 'events' } as const;
  await store.createToken(token);
  return own;
}

const feedOf = ({ target }: ServerProcess, token: string): Target => ({ ...target, basePath: '', token });

const deactivate = (number: number): Request => ({
  method: 'PATCH',
  path: `/Users/${userId(number)}`,
  body: patchOf({ op: 'replace', path: 'active', value: false }),
});

/** Deactivates so many people, one after the other; milliseconds until the receiver has acknowledged each. */
async function leave(server: ServerProcess, audience: Audience, from: number, count: number, every: number) {
  await audience.leavers();
  await server.connect(async (connection) => {
    for (let each = 0; each < count; each++) {
      const status = await connection.send(encode(server.target, deactivate(from + each)));
      if (status >= 300) throw new Error(`a deactivation was answered ${status}`);
      await pause(every);
    }
  });
  const times: number[] = [];
  for (let wait = 0; times.length < count; wait++) {
    times.push(...(await audience.leavers()));
    if (wait > 600) throw new Error(`${count - times.length} of ${count} deactivations were not delivered`);
    await pause(100);
  }
  return times;
}

/** From commit to acknowledgement: with nothing else to deliver, and behind many creates. */
async function leaverFigures({ quick }: Options, fixtures: Fixtures, users: number): Promise<Figure[]> {
  const database = fixtures.database(users, false, 'delivery');
  const audience = await Audience.start();
  const count = quick ? 50 : 200;
  const backlog = quick ? 5000 : 50_000;
  try {
    await prepare(database, (store) => endpointAt(store, audience.url, 1));
    let server = await start(database, users);
    await leave(server, audience, 1, 10, 50);
    const idle = await leave(server, audience, 100, count, 20);
    await server.stop();
    await prepare(database, async (store) => {
      const type = store.registry.resourceTypes.find(({ name }) => name === 'User');
      if (type === undefined) throw new Error('no users');
      for (let at = 0; at < backlog; at += 500) {
        const commands = Array.from({ length: 500 }, (_, each) => ({
          ...({ kind: 'create', type } as const),
          document: userDocument(70_000_000 + at + each),
        }));
        await store.commit([{ tenant: 1, context: { actor: { kind: 'import' } }, commands }]);
      }
    });
    server = await start(database, users);
    const before = await audience.heard();
    while ((await audience.heard()) === before) await pause(20);
    const busy = await leave(server, audience, 1000, count, 20);
    const delivered = (await audience.heard()) - before;
    await server.stop();
    if (delivered > 2 * backlog) throw new Error('all creates were delivered before the deactivations');
    const p99 = (name: string, title: string, times: number[]): Figure => ({
      ...{ name, title, users, value: percentile(times, 0.99), unit: 'ms' },
    });
    return [
      p99('delivery-idle', 'p99 from a deactivation to its acknowledgement', idle),
      p99('delivery-busy', `the same while ${backlog} creates are delivered`, busy),
    ];
  } finally {
    audience.stop();
  }
}

/** Writes at a fixed rate over 8 connections; milliseconds of each. */
async function steadyWrites({ target }: ServerProcess, seconds: number, rate: number): Promise<number[]> {
  const lanes = 8;
  const open = await Promise.all(Array.from({ length: lanes }, () => Connection.open(target)));
  const began = performance.now();
  const times: number[] = [];
  await Promise.all(
    open.map(async (connection, lane) => {
      for (let n = lane; ; n += lanes) {
        const due = began + (n * 1000) / rate;
        if (due > began + seconds * 1000) break;
        const left = due - performance.now();
        if (left > 0) await pause(left);
        const body = patchOf({ op: 'replace', path: 'title', value: `${n} ${began}` });
        const sent = performance.now();
        await connection.send(
          encode(target, { method: 'PATCH', path: `/Users/${userId((n % 3000) + 2000)}`, body }),
        );
        times.push(performance.now() - sent);
      }
      connection.close();
    }),
  );
  return times;
}

let created = 0;

/** Creates a second, over 32 connections, as fast as they are answered. */
async function fullLoad({ target }: ServerProcess, seconds: number): Promise<number> {
  const open = await Promise.all(Array.from({ length: 32 }, () => Connection.open(target)));
  const began = performance.now();
  let answers = 0;
  await Promise.all(
    open.map(async (connection) => {
      while (performance.now() < began + seconds * 1000) {
        const body = userDocument(80_000_000 + created++);
        const status = await connection.send(encode(target, { method: 'POST', path: '/Users', body }));
        if (status >= 300) throw new Error(`a create was answered ${status}`);
        answers++;
      }
      connection.close();
    }),
  );
  return (answers * 1000) / (performance.now() - began);
}

type Measure = () => Promise<number>;

/** What those who hear cost those who ask: two servers in turn, one of which has an audience. Medians of the rounds' ratios. */
async function costFigures(
  { quick, rounds, seconds }: Options,
  fixtures: Fixtures,
  users: number,
): Promise<Figure[]> {
  const audience = await Audience.start();
  const databases = ['plain', 'many', 'one'].map((name) =>
    fixtures.database(users, false, `delivery-${name}`),
  );
  const [, many = '', one = ''] = databases;
  const servers: ServerProcess[] = [];
  try {
    const tokenOfMany = await prepare(many, async (store) => {
      for (let each = 0; each < 3; each++) await endpointAt(store, audience.url, 1);
      return eventsToken(store);
    });
    const tokenOfOne = await prepare(one, async (store) => {
      await endpointAt(store, audience.url, 100);
      return eventsToken(store);
    });
    for (const database of databases) servers.push(await start(database, users));
    const [plain, withMany, withOne] = servers as [ServerProcess, ServerProcess, ServerProcess];
    audience.follow(feedOf(withMany, tokenOfMany), 10);
    audience.follow(feedOf(withOne, tokenOfOne), 1);
    // What runs for the first time is compiled beside it, which takes the processors that are measured: V8 compiles four times as
    // much in the second ten seconds as in the sixth.
    await Promise.all(servers.map((server) => steadyWrites(server, quick ? 4 : 50, 500)));
    /** What is on its way from the round before meets nobody else. */
    const settled = async (): Promise<void> => {
      for (let before = -1, now = await audience.heard(); now !== before; now = await audience.heard()) {
        before = now;
        await pause(300);
      }
    };
    /** One after the other, each first in every second round: a machine changes its pace meanwhile. */
    const inTurn = async (
      round: number,
      measures: readonly [Measure, Measure],
    ): Promise<[number, number]> => {
      const found: [number, number] = [0, 0];
      for (const which of round % 2 === 0 ? ([0, 1] as const) : ([1, 0] as const)) {
        await settled();
        found[which] = await measures[which]();
      }
      return found;
    };
    // A halt of the machine for 20 ms is met by ten writes: of 1,000 they would be the hundredth part that p99 leaves out.
    const long = quick ? 2 : Math.max(4, seconds);
    const p99 = (server: ServerProcess) => async () =>
      percentile(await steadyWrites(server, long, 500), 0.99);
    const rate = (server: ServerProcess) => () => fullLoad(server, Math.max(2, seconds));
    const pairs = async (measures: readonly [Measure, Measure]): Promise<[number, number][]> => {
      const found: [number, number][] = [];
      for (let round = 0; round < 2 * rounds; round++) found.push(await inTurn(round, measures));
      return found;
    };
    // Those that make one database larger than the other come last.
    const writes = await pairs([p99(plain), p99(withMany)]);
    const creates = await pairs([rate(plain), rate(withOne)]);
    const ratio = (found: readonly [number, number][]) =>
      median(found.map(([first, second]) => second / first));
    return [
      {
        name: 'delivery-p99-alone',
        title: 'p99 of 500 writes a second',
        users,
        value: median(writes.map(([alone]) => alone)),
        unit: 'ms',
      },
      {
        ...{
          name: 'delivery-p99',
          title: 'the same with ten consumers and three endpoints',
          users,
          unit: '×',
        },
        value: ratio(writes),
      },
      {
        ...{ name: 'delivery-create', users, value: ratio(creates), unit: '×' },
        title: 'creates with a consumer and a batching endpoint, of the rate without',
      },
    ];
  } finally {
    await Promise.all(servers.map((server) => server.stop()));
    audience.stop();
  }
}

/** Of a processor, by 1,000 consumers who wait and hear nothing. */
async function waitingFigures({ quick }: Options, fixtures: Fixtures, users: number): Promise<Figure[]> {
  const database = fixtures.database(users, false, 'delivery-waiting');
  const tokens = await prepare(database, async (store) => {
    const made: string[] = [];
    for (let tenant = 0; tenant < 10; tenant++)
      made.push(await eventsToken(store, (await store.createTenant(`tenant ${tenant}`)).number));
    return made;
  });
  const server = await start(database, users);
  const audience = await Audience.start();
  const length = quick ? 3 : 10;
  const used = async (): Promise<number> => {
    const before = await server.usage();
    await pause(length * 1000);
    return ((await server.usage()).cpu - before.cpu) / 1000 / length;
  };
  try {
    await pause(1000);
    const alone = await used();
    for (const token of tokens) audience.follow(feedOf(server, token), 100);
    await pause(3000);
    const beside = await used();
    const title = 'processor time of 1,000 waiting consumers, a second';
    return [{ name: 'delivery-waiting', title, users, value: Math.max(0, beside - alone), unit: 'ms' }];
  } finally {
    await server.stop();
    audience.stop();
  }
}

export async function deliveryFigures(
  options: Options,
  fixtures: Fixtures,
  users: number,
): Promise<Figure[]> {
  // The number of users does not matter.
  if (users !== options.scales[0]) return [];
  return [
    ...(await leaverFigures(options, fixtures, users)),
    ...(await costFigures(options, fixtures, users)),
    ...(await waitingFigures(options, fixtures, users)),
  ];
}
