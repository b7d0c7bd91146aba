/** What requests that take long do to those beside them, and to memory. */
import type { Options } from './arguments.ts';
import { Connection, encode, type Request } from './client.ts';
import { groupId, userDocument, userId } from './data.ts';
import type { Fixtures } from './fixtures.ts';
import type { Figure } from './line.ts';
import { median, percentile } from './measure.ts';
import { scheduleAs } from './scheduling.ts';
import { ServerProcess } from './server-process.ts';

const point = (n: number): Request => ({ method: 'GET', path: `/Users/${userId((n % 5000) + 1)}` });

/** Point GETs on so many connections while, on others, `heavy` is asked again and again, each by turns; milliseconds. */
async function waits(
  { target }: ServerProcess,
  seconds: number,
  lanes: number,
  heavy: Request | readonly Request[] | undefined,
  heavyLanes: number,
): Promise<number[]> {
  const heavies = heavy === undefined ? [] : [heavy].flat();
  const open = await Promise.all(
    Array.from({ length: lanes + (heavies.length === 0 ? 0 : heavyLanes) }, () => Connection.open(target)),
  );
  const end = performance.now() + seconds * 1000;
  const times: number[] = [];
  await Promise.all(
    open.map(async (connection, lane) => {
      for (let n = lane; performance.now() < end; n += lanes) {
        const started = performance.now();
        await connection.send(
          encode(target, lane < lanes ? point(n) : (heavies[lane % heavies.length] as Request)),
        );
        if (lane < lanes) times.push(performance.now() - started);
      }
      connection.close();
    }),
  );
  return times;
}

const pause = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds));

let created = 0;

/** So many creates a second on one connection, until `end`. */
async function steadyCreates({ target }: ServerProcess, end: number, rate: number): Promise<void> {
  const connection = await Connection.open(target);
  const began = performance.now();
  for (let n = 0; performance.now() < end; n++) {
    const left = began + (n * 1000) / rate - performance.now();
    if (left > 0) await pause(left);
    const body = userDocument(90_000_000 + created++);
    const status = await connection.send(encode(target, { method: 'POST', path: '/Users', body }));
    if (status >= 300) throw new Error(`a create was answered ${status}`);
  }
  connection.close();
}

const scanFilter = encodeURIComponent('name.givenName co "zz" or title eq "none"');
const scan: Request = { method: 'GET', path: `/Users?filter=${scanFilter}` };

/**
 * Clients are elsewhere in truth. Here they share the server's processors, and one that has its answer would wait for up to 4 ms
 * until a thread of the server leaves one: that is no wait for the server. So this process has a processor at once, where it
 * may; what it takes is lacking to the server, and counts. Answers what ends that.
 */
function takePrecedence(): () => void {
  if (!scheduleAs('--reset-on-fork', '--fifo'))
    process.stderr.write('the client waits for processors as others do: its own waits are measured too\n');
  return () => void scheduleAs('--other');
}

/**
 * GETs on 32 connections while 100 people a second are created, one connection has filters answered that read every user,
 * and one reads a group of 100,000 members.
 */
export async function mixedInterference(
  { quick, rounds, seconds }: Options,
  fixtures: Fixtures,
  users: number,
): Promise<Figure[]> {
  const server = await ServerProcess.scimd(fixtures.database(users, true, 'scimd'), users);
  const group: Request = { method: 'GET', path: `/Groups/${groupId(100_000)}` };
  const lanes = 32;
  const stepBack = takePrecedence();
  const mixed = async (length: number): Promise<number[]> => {
    const end = performance.now() + length * 1000;
    const [times] = await Promise.all([
      waits(server, length, lanes, [scan, group], 2),
      steadyCreates(server, end, 100),
    ]);
    return times;
  };
  // As in the workload `delivery`: what runs for the first time is compiled beside it, which takes the processors that are
  // measured, and a halt of the machine for 20 ms is the hundredth part of two seconds.
  const long = quick ? 1 : Math.max(4, seconds);
  try {
    await mixed(quick ? 1 : 10);
    const [middles, longest, alone]: [number[], number[], number[]] = [[], [], []];
    for (let round = 0; round < rounds; round++) {
      const quiet = await waits(server, long, lanes, undefined, 0);
      alone.push(percentile(quiet, 0.99) / percentile(quiet, 0.5));
      const times = await mixed(long);
      middles.push(percentile(times, 0.5));
      longest.push(percentile(times, 0.99));
    }
    const ratios = longest.map((time, round) => time / (middles[round] ?? 1));
    const beside = 'GETs at 32 connections beside creates, a scan and a large group';
    return [
      { name: 'interference-p50', title: `p50 of ${beside}`, users, value: median(middles), unit: 'ms' },
      { name: 'interference-p99', title: `p99 of ${beside}`, users, value: median(longest), unit: 'ms' },
      {
        ...{ name: 'interference-alone', users, value: median(alone), unit: '×' },
        title: 'p99 of GETs at 32 connections alone, of p50',
      },
      { name: 'interference', title: `p99 of ${beside}, of p50`, users, value: median(ratios), unit: '×' },
    ];
  } finally {
    stepBack();
    await server.stop();
  }
}

/** p99 of point GETs while one connection has filters answered that read every user. */
export async function scanInterference(
  { rounds, seconds }: Options,
  fixtures: Fixtures,
  users: number,
): Promise<Figure[]> {
  const server = await ServerProcess.scimd(fixtures.database(users, false, 'scimd'), users);
  try {
    await waits(server, 0.3, 8, undefined, 0);
    const [alone, beside]: [number[], number[]] = [[], []];
    for (let round = 0; round < rounds; round++) {
      alone.push(percentile(await waits(server, seconds, 8, undefined, 0), 0.99));
      beside.push(percentile(await waits(server, seconds, 8, scan, 1), 0.99));
    }
    const [quiet, busy] = [median(alone), median(beside)];
    return [
      { name: 'scan-p99-alone', title: 'p99 of point GETs', users, value: quiet, unit: 'ms' },
      { name: 'scan-p99-beside', title: 'p99 of point GETs while scans run', users, value: busy, unit: 'ms' },
      { name: 'scan-p99', title: 'the same as a ratio', users, value: busy / quiet, unit: '×' },
    ];
  } finally {
    await server.stop();
  }
}

/** The longest wait of a point GET, and the memory, while two clients read a group of 100,000 members. */
export async function streamInterference(
  { rounds, seconds }: Options,
  fixtures: Fixtures,
  users: number,
): Promise<Figure[]> {
  const server = await ServerProcess.scimd(fixtures.database(users, true, 'scimd'), users);
  const heavy: Request = { method: 'GET', path: `/Groups/${groupId(100_000)}` };
  try {
    const quiet: number[] = [];
    for (let round = 0; round < rounds; round++)
      quiet.push(Math.max(...(await waits(server, seconds, 1, undefined, 0))));
    const before = await server.usage();
    const times: number[] = [];
    const longest: number[] = [];
    for (let round = 0; round < rounds; round++) {
      const found = await waits(server, seconds, 1, heavy, 1);
      times.push(...found);
      longest.push(Math.max(...found));
    }
    const after = await server.usage();
    const growth = (after.peak - before.rss) / 2 ** 20;
    return [
      {
        name: 'stream-p99',
        title: 'p99 of GETs beside GETs of a large group',
        users,
        value: percentile(times, 0.99),
        unit: 'ms',
      },
      {
        name: 'stream-wait-alone',
        title: 'longest wait of a GET alone',
        users,
        value: median(quiet),
        unit: 'ms',
      },
      {
        name: 'stream-wait',
        title: 'longest wait beside GETs of a large group',
        users,
        value: median(longest),
        unit: 'ms',
      },
      { name: 'stream-memory', title: 'growth of peak memory by them', users, value: growth, unit: 'MB' },
    ];
  } finally {
    await server.stop();
  }
}
