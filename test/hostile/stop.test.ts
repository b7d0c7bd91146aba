/** A stop under load: what was stored is answered, each answer is the last of its connection, and it takes seconds. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { standardRegistry } from '../../src/scim/standard.ts';
import { openSqliteStore } from '../../src/store/sqlite/index.ts';
import { type Serving, serving, temporaryFolder } from '../cli/scimd.ts';
import { userSchema } from '../server.ts';
import { until } from '../until.ts';
import { within } from '../within.ts';
import { extent } from './extent.ts';

const secret = 'k3Jx0vQmTz7YbN1sWc5RfGh8LpAeDu2i-hostile-tests';
const environment = { SCIMD_BOOTSTRAP_TOKEN: secret, SCIMD_LOG_LEVEL: 'error' };

/** Posts users over one connection, `depth` of them at once, until the server closes it. */
class Client {
  readonly answered = new Set<string>();
  /** Answers that said that they were the last. */
  lasts = 0;
  /** Answers that came behind one that said so. */
  behindLast = 0;
  readonly end: Promise<void>;
  readonly #sent: string[] = [];
  readonly #socket: Socket;
  readonly #name: string;
  readonly #path: string;
  #count = 0;
  #received = '';

  constructor(url: string, name: string, depth: number) {
    const { hostname, port, pathname } = new URL(url);
    this.#name = name;
    this.#path = pathname;
    this.#socket = connect(Number(port), hostname, () => {
      for (let i = 0; i < depth; i++) this.#post();
    });
    this.end = new Promise((resolve) => this.#socket.once('close', () => resolve()));
    this.#socket.setEncoding('utf8');
    this.#socket.on('error', () => {});
    this.#socket.on('data', (text) => this.#read(String(text)));
  }

  #post(): void {
    const userName = `${this.#name}-${++this.#count}`;
    this.#sent.push(userName);
    const body = JSON.stringify({ schemas: [userSchema], userName });
    this.#socket.write(
      `POST ${this.#path}/Users HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${secret}\r\nContent-Type: application/scim+json\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
    );
  }

  #read(text: string): void {
    this.#received += text;
    for (;;) {
      const head = this.#received.indexOf('\r\n\r\n');
      if (head === -1) return;
      const fields = this.#received.slice(0, head);
      const end = head + 4 + Number(/^content-length: (\d+)/im.exec(fields)?.[1] ?? 0);
      if (this.#received.length < end) return;
      this.#received = this.#received.slice(end);
      assert.match(fields, /^HTTP\/1\.1 201 /);
      this.answered.add(this.#sent.shift() as string);
      if (this.lasts > 0) this.behindLast++;
      if (/^connection: close/im.test(fields)) this.lasts++;
      else if (this.lasts === 0) this.#post();
    }
  }
}

function storedUsers(file: string): Set<string> {
  const store = openSqliteStore({ file, registry: standardRegistry() });
  const [user] = store.registry.resourceTypes;
  const names = new Set<string>();
  try {
    const [tenant] = store.tenants() as readonly { number: number }[];
    for (let offset = 0; ; offset += 1000) {
      const page = store.list({
        tenant: tenant?.number ?? 0,
        targets: [{ type: user! }],
        limit: 1000,
        offset,
      }) as { resources: readonly { body: string }[] };
      for (const { body } of page.resources) names.add(JSON.parse(body).userName);
      if (page.resources.length < 1000) return names;
    }
  } finally {
    void store.close();
  }
}

async function stopUnderLoad(round: number): Promise<number> {
  const folder = temporaryFolder();
  const server = await serving(['serve', '--port', '0'], { folder, environment });
  const clients = Array.from({ length: 24 }, (_, i) => new Client(server.url, `c${i}`, i % 3 === 0 ? 6 : 1));
  await until('answers', () => clients.every((client) => client.answered.size > 0));
  await wait((round * 37) % 200);
  const started = performance.now();
  const { status, stderr } = await server.stop();
  const took = performance.now() - started;
  await Promise.all(clients.map((client) => client.end));
  assert.equal(status, 0, stderr);
  assert.equal(stderr, '');
  assert.ok(took < 10_000, `the stop took ${took} ms`);
  const answered = new Set(clients.flatMap((client) => [...client.answered]));
  const stored = storedUsers(join(folder, 'scimd.db'));
  assert.deepEqual(
    [...stored].filter((name) => !answered.has(name)),
    [],
    'stored, but not answered',
  );
  assert.deepEqual(
    [...answered].filter((name) => !stored.has(name)),
    [],
    'answered, but not stored',
  );
  for (const { lasts, behindLast } of clients) {
    assert.ok(lasts <= 1);
    assert.equal(behindLast, 0);
  }
  assert.ok(
    clients.filter(({ lasts }) => lasts === 1).length > 0,
    `answers after the signal say that they are the last: ${clients.map(({ lasts, answered }) => `${answered.size}/${lasts}`).join(' ')}, ${stored.size} stored, stop took ${took}`,
  );
  return stored.size;
}

const rounds = extent(3, 100);

describe('SIGTERM', () => {
  test(`leaves nothing stored unanswered under load, also of pipelined requests: ${rounds} stops`, async () => {
    for (let round = 0; round < rounds; round++) assert.ok((await stopUnderLoad(round)) > 0);
  });

  /** A request whose body never ends, and which has come: an answer to what was before it shows that. */
  const stuck = async (server: Serving): Promise<Socket> => {
    const { hostname, port, pathname } = new URL(server.url);
    const socket = connect(Number(port), hostname);
    socket.on('error', () => {});
    socket.write(
      `GET /healthz HTTP/1.1\r\nHost: x\r\n\r\nPOST ${pathname}/Users HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${secret}\r\nContent-Type: application/scim+json\r\nContent-Length: 100\r\n\r\n{`,
    );
    await once(socket, 'data');
    return socket;
  };

  test('while answers come, those of a drain too, each says that it is the last', async () => {
    const args = ['serve', '--port', '0', '--shutdown-drain-seconds', '2'];
    const server = await serving(args, { folder: temporaryFolder(), environment });
    const get = () => fetch(`${server.url}/Users`, { headers: { authorization: `Bearer ${secret}` } });
    assert.notEqual((await get()).headers.get('connection'), 'close');
    server.signal('SIGTERM');
    await until('the drain', async () => (await get()).headers.get('connection') === 'close');
    assert.equal((await server.end).status, 0);
  });

  test('a second one ends the process within a second, whatever still runs', async () => {
    const told = { ...environment, SCIMD_LOG_LEVEL: 'info' };
    await within(1000, async () => {
      const place = { folder: temporaryFolder(), environment: told };
      const server = await serving(['serve', '--port', '0'], place);
      const socket = await stuck(server);
      server.signal('SIGTERM');
      await until('the stop', () => server.output.stderr.includes('"stopping"'));
      // Longer than two signals count as one.
      await wait(300);
      const started = performance.now();
      server.signal('SIGTERM');
      assert.equal((await server.end).status, 1);
      socket.destroy();
      return performance.now() - started;
    });
  });

  test('at the end of the grace what has not ended is cut off', async () => {
    const args = ['serve', '--port', '0', '--shutdown-grace-seconds', '1'];
    const server = await serving(args, { folder: temporaryFolder(), environment });
    const socket = await stuck(server);
    const started = performance.now();
    assert.equal((await server.stop()).status, 0);
    assert.ok(performance.now() - started < 4000);
    socket.destroy();
  });

  test('connections that never ask anything hold up no stop', async () => {
    const server = await serving(['serve', '--port', '0'], { folder: temporaryFolder(), environment });
    const { hostname, port } = new URL(server.url);
    const sockets = Array.from({ length: 50 }, () =>
      connect({ port: Number(port), host: hostname }).on('error', () => {}),
    );
    await wait(300);
    const started = performance.now();
    assert.equal((await server.stop()).status, 0);
    // They would be cut off at the end of the grace, which is 30 seconds.
    assert.ok(performance.now() - started < 10_000);
    for (const socket of sockets) socket.destroy();
  });
});
