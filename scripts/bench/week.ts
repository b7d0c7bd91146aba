/**
 * A week of an organisation, at full speed. Of 2,000 people on each of five days: one comes and is put into two groups, one
 * leaves, eight change a title, twenty come into a group and leave it again, and two hundred are read by the application. The
 * provider looks each up by userName before it changes something, and walks through all people once.
 */
import assert from 'node:assert/strict';
import type { Options } from './arguments.ts';
import { type Answer, Connection, encode, type Request } from './client.ts';
import { groupId, groupSizes, outsiders, patchOf, userDocument, userId, userName } from './data.ts';
import { Fixtures } from './fixtures.ts';
import type { Figure } from './line.ts';
import { percentile } from './measure.ts';
import { ServerProcess } from './server-process.ts';

const connections = 32;
const days = 5;
/** What happens to so many people on one day. */
const block = 2000;
const [changes, memberships, reads] = [8, 20, 200];
const jobsOfBlock = 2 + changes + memberships + reads;
/** Of those who come; nobody else of the benchmark has them. */
const firstNew = 50_000_000;

const comes = (value: string) => ({ op: 'add', path: 'members', value: [{ value }] });

type Ask = (request: Request, status: number) => Promise<Answer>;

export async function aWeek(_: Options, fixtures: Fixtures, users: number): Promise<Figure[]> {
  const file = fixtures.database(users, true, 'scimd');
  const before = Fixtures.size(file);
  const server = await ServerProcess.scimd(file, users);
  const { target } = server;
  const open = await Promise.all(Array.from({ length: connections }, () => Connection.open(target)));
  const latencies: number[] = [];
  const groups = groupSizes.filter((size) => size <= users);
  const blocks = Math.ceil((users * days) / block);
  try {
    const used = await server.usage();
    const started = performance.now();
    let next = 0;
    const everyday = Promise.all(
      open.slice(1).map(async (connection) => {
        for (let job = next++; job < blocks * jobsOfBlock; job = next++)
          await work(job, asker(connection, latencies));
      }),
    );
    await Promise.all([everyday, walk(asker(open[0] as Connection, latencies))]);
    const seconds = (performance.now() - started) / 1000;
    const after = await server.usage();
    const figure = (name: string, title: string, value: number, unit: string): Figure => ({
      ...{ name: `week-${name}`, title: `a week of all people: ${title}`, users, value, unit },
    });
    return [
      figure('seconds', 'at full speed', seconds, 's'),
      figure('requests', 'requests', latencies.length, ''),
      figure('cpu', 'CPU', (after.cpu - used.cpu) / 1e6, 's'),
      figure('p99', 'p99', percentile(latencies, 0.99), 'ms'),
      figure('rss', 'memory at its end', after.rss / 2 ** 20, 'MB'),
      figure('growth', 'growth of the database', (Fixtures.size(file) - before) / 2 ** 20, 'MB'),
    ];
  } finally {
    for (const connection of open) connection.close();
    await server.stop();
  }

  function asker(connection: Connection, times: number[]): Ask {
    return async (request, status) => {
      const asked = performance.now();
      const answer = await connection.ask(encode(target, request));
      times.push(performance.now() - asked);
      assert.equal(answer.status, status, `${request.method} ${request.path}: ${answer.text.slice(0, 300)}`);
      return answer;
    };
  }

  async function work(job: number, ask: Ask): Promise<void> {
    const [at, kind] = [Math.floor(job / jobsOfBlock), job % jobsOfBlock];
    // Everybody is met once in a while, and nobody twice at the same time.
    const n = ((job * 7919) % users) + 1;
    if (kind === 0) return join(at, ask);
    if (kind === 1) return leave(((at * 7919) % users) + 1, ask);
    if (kind < 2 + changes) {
      await lookUp(n, ask);
      const body = patchOf({ op: 'replace', path: 'title', value: `Engineer ${job}` });
      await ask({ method: 'PATCH', path: `/Users/${userId(n)}`, body }, 200);
    } else if (kind < 2 + changes + memberships) {
      const outsider = userId(users + 1 + (job % outsiders));
      const size = groups[job % groups.length] as number;
      await edit(size, comes(outsider), ask);
      await edit(size, { op: 'remove', path: `members[value eq "${outsider}"]` }, ask);
    } else await ask({ method: 'GET', path: `/Users/${userId(n)}` }, 200);
  }

  async function lookUp(n: number, ask: Ask): Promise<Answer> {
    const filter = encodeURIComponent(`userName eq "${userName(n)}"`);
    return ask({ method: 'GET', path: `/Users?filter=${filter}` }, 200);
  }

  async function join(n: number, ask: Ask): Promise<void> {
    const found = await lookUp(firstNew + n, ask);
    assert.equal(found.json.totalResults, 0);
    const made = await ask({ method: 'POST', path: '/Users', body: userDocument(firstNew + n) }, 201);
    for (const size of groups.slice(0, 2)) await edit(size, comes(made.json.id), ask);
  }

  async function leave(n: number, ask: Ask): Promise<void> {
    const found = await lookUp(n, ask);
    assert.equal(found.json.totalResults, 1);
    const body = patchOf({ op: 'replace', path: 'active', value: false });
    const { json } = await ask({ method: 'PATCH', path: `/Users/${userId(n)}`, body }, 200);
    assert.equal(json.active, false);
  }

  async function edit(size: number, operation: object, ask: Ask): Promise<void> {
    const path = `/Groups/${groupId(size)}?excludedAttributes=members`;
    await ask({ method: 'PATCH', path, body: patchOf(operation) }, 200);
  }

  async function walk(ask: Ask): Promise<void> {
    let met = 0;
    for (let cursor: string | undefined = ''; cursor !== undefined; ) {
      const path = `/Users?count=1000&cursor=${cursor}`;
      const { json } = await ask({ method: 'GET', path }, 200);
      met += json.Resources.length;
      cursor = json.nextCursor;
    }
    assert.ok(met >= users);
  }
}
