/** The first import of people and groups as Okta does it: look up, create, then groups with their members. */
import assert from 'node:assert/strict';
import type { Options } from './arguments.ts';
import { Connection, encode, type Request } from './client.ts';
import { groupDocument, patchOf, userDocument, userName } from './data.ts';
import { Fixtures } from './fixtures.ts';
import type { Figure } from './line.ts';
import { ServerProcess } from './server-process.ts';

const membersInGroup = 100;
const connections = 32;

export async function importUsers(
  { peers, quick }: Options,
  fixtures: Fixtures,
  users: number,
): Promise<Figure[]> {
  // Beyond this an import shows nothing new.
  if (users > 100_000) return [];
  const database = fixtures.path('scimd');
  const server = await ServerProcess.scimd(database, users);
  const figures: Figure[] = [];
  const add = (name: string, title: string, value: number, unit: string) =>
    figures.push({ name, title, users, value, unit });
  try {
    const seconds = await importInto(server, users);
    const { rss } = await server.usage();
    add('import', `import of users and groups of ${membersInGroup}`, seconds, 's');
    add('import-rate', 'users imported', users / seconds, '/s');
    add('import-rss', 'memory after the import', rss / 2 ** 20, 'MB');
    add('import-size', 'database after the import', Fixtures.size(database) / 2 ** 20, 'MB');
  } finally {
    await server.stop();
  }
  if (!peers) return figures;
  for (const [kind, title] of [
    ['memory', 'scimmy in memory'],
    ['sqlite', 'scimmy on SQLite'],
  ] as const) {
    const few = quick ? 300 : 1000;
    const peer = await ServerProcess.script(kind, 'peer.ts', [kind, '0', 'users', fixtures.path(kind)]);
    try {
      add(`import-rate-${kind}`, `users imported by ${title}`, few / (await importInto(peer, few)), '/s');
    } finally {
      await peer.stop();
    }
  }
  return figures;
}

/** Seconds. */
async function importInto({ target }: ServerProcess, users: number): Promise<number> {
  const open = await Promise.all(Array.from({ length: connections }, () => Connection.open(target)));
  const started = performance.now();
  const ids: string[] = [];
  let next = 1;
  await Promise.all(
    open.map(async (connection) => {
      const ask = (request: Request) => connection.ask(encode(target, request));
      for (let n = next++; n <= users; n = next++) {
        const filter = encodeURIComponent(`userName eq "${userName(n)}"`);
        const found = await ask({ method: 'GET', path: `/Users?filter=${filter}&startIndex=1&count=100` });
        assert.equal(found.json.totalResults, 0, found.text);
        const made = await ask({ method: 'POST', path: '/Users', body: userDocument(n) });
        assert.equal(made.status, 201, made.text);
        ids.push(made.json.id);
      }
    }),
  );
  next = 0;
  await Promise.all(
    open.map(async (connection) => {
      const ask = (request: Request) => connection.ask(encode(target, request));
      for (let n = next++; n < users / membersInGroup; n = next++) {
        const made = await ask({ method: 'POST', path: '/Groups', body: groupDocument(`Group ${n}`) });
        assert.equal(made.status, 201, made.text);
        const value = ids.slice(n * membersInGroup, (n + 1) * membersInGroup).map((id) => ({ value: id }));
        const body = patchOf({ op: 'add', path: 'members', value });
        const { status } = await ask({ method: 'PATCH', path: `/Groups/${made.json.id}`, body });
        assert.ok(status === 200 || status === 204);
      }
    }),
  );
  for (const connection of open) connection.close();
  return (performance.now() - started) / 1000;
}
