/** Memory has a bound: with a heap of 256 MB the server serves on, whatever clients do not read, ask for or leave open. */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { hashSecret, newSecret } from '../../src/directory/secret.ts';
import { standardRegistry } from '../../src/scim/standard.ts';
import { openSqliteStore } from '../../src/store/sqlite/index.ts';
import { type Serving, serving } from '../cli/scimd.ts';
import { processorTime } from '../processor-time.ts';
import { userSchema } from '../server.ts';
import { extent } from './extent.ts';

const folder = mkdtempSync(join(tmpdir(), 'scimd-memory-'));
after(() => rmSync(folder, { recursive: true, force: true }));
const small = join(folder, 'small.db');
const large = join(folder, 'large.db');
const token = newSecret();

/** `count` users, each with so many bytes of text beside its name. */
async function fill(file: string, count: number, bytes: number): Promise<void> {
  const store = openSqliteStore({ file, registry: standardRegistry() });
  const [user] = store.registry.resourceTypes;
  const title = 'x'.repeat(bytes);
  for (let n = 0; n < count; n++) {
    const document = { schemas: [userSchema], userName: `user-${n}`, title };
    const command = { kind: 'create', type: user!, document } as const;
    await store.commit([
      { tenant: 1, context: { actor: { kind: 'system', name: 'test' } }, commands: [command] },
    ]);
  }
  await store.createToken({ hash: hashSecret(token), name: 'x', tenant: 1, idp: 'generic', scope: 'scim' });
  await store.close();
}

before(async () => {
  await fill(small, 200, 1000);
  await fill(large, extent(30, 100), 4 * 1024 * 1024 - 1000);
});

async function withServer(database: string, action: (server: Serving) => Promise<void>): Promise<void> {
  const environment = { NODE_OPTIONS: '--max-old-space-size=256', SCIMD_LOG_LEVEL: 'error' };
  const server = await serving(['serve', '--port', '0', '--database', database], { folder, environment });
  await action(server);
  await assertServes(server);
  const { status, stderr } = await server.stop();
  assert.equal(status, 0);
  assert.equal(stderr, '');
}

async function assertServes(server: Serving): Promise<void> {
  const started = processorTime(server.pid, 'main thread');
  const response = await fetch(`${server.url}/Users?count=1`, {
    headers: { authorization: `Bearer ${token}` },
  });
  assert.equal(response.status, 200);
  assert.equal(((await response.json()) as { Resources: unknown[] }).Resources.length, 1);
  // What the server does before it answers, whoever else is on the processors.
  assert.ok(processorTime(server.pid, 'main thread') - started < 3000);
}

/** Mebibytes that the process has; undefined where the system does not tell. */
function residentMemory({ pid }: Serving): number | undefined {
  try {
    return Number(/^VmRSS:[ \t]+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1024;
  } catch {
    return undefined;
  }
}

function open(server: Serving): Socket {
  const { hostname, port } = new URL(server.url);
  return connect(Number(port), hostname).on('error', () => {});
}

test('answers that nobody reads: 20,000 lists pipelined on each of four connections', async () => {
  await withServer(small, async (server) => {
    const { pathname } = new URL(server.url);
    const request = `GET ${pathname}/Users?count=100 HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${token}\r\n\r\n`;
    const sockets = Array.from({ length: 4 }, () => {
      const socket = open(server);
      socket.pause();
      socket.write(request.repeat(20_000));
      return socket;
    });
    for (let n = 0; n < 10; n++) {
      await wait(300);
      await assertServes(server);
    }
    const memory = residentMemory(server);
    assert.ok(memory === undefined || memory < 500, `${memory} MB`);
    for (const socket of sockets) socket.destroy();
  });
});

test('pipelined requests that are read are all answered, in their order', async () => {
  await withServer(small, async (server) => {
    const { pathname } = new URL(server.url);
    const socket = open(server);
    let received = '';
    socket.on('data', (data) => {
      received += data;
    });
    const count = 3000;
    for (let n = 0; n < count; n++)
      socket.write(
        `GET ${pathname}/Users/${n} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${token}\r\n${n === count - 1 ? 'Connection: close\r\n' : ''}\r\n`,
      );
    await new Promise((resolve) => socket.once('close', resolve));
    const ids = [...received.matchAll(/There is no User with id (\d+)/g)].map(([, id]) => Number(id));
    assert.deepEqual(
      ids,
      Array.from({ length: count }, (_, n) => n),
    );
  });
});

test('users of 4 MB each, listed by four clients at once', async () => {
  await withServer(large, async (server) => {
    const list = async (query: string): Promise<number> => {
      const response = await fetch(`${server.url}/Users?${query}`, {
        headers: { authorization: `Bearer ${token}` },
      });
      assert.equal(response.status, 200);
      const page = (await response.json()) as {
        totalResults: number;
        itemsPerPage: number;
        Resources: unknown[];
      };
      assert.equal(page.totalResults, extent(30, 100));
      assert.equal(page.Resources.length, page.itemsPerPage);
      return page.itemsPerPage;
    };
    for (const query of ['count=100', 'count=100&sortBy=userName', 'count=100&filter=title%20co%20%22x%22']) {
      const counts = await Promise.all(Array.from({ length: 4 }, () => list(query)));
      assert.ok(
        counts.every((count) => count >= 1 && count < 5),
        String(counts),
      );
    }
    // What is not shown is not read, and so does not count.
    assert.equal(await list('count=100&attributes=userName'), extent(30, 100));
    const memory = residentMemory(server);
    assert.ok(memory === undefined || memory < 700, `${memory} MB`);
    let seen = 0;
    for (
      let startIndex = 1;
      startIndex <= extent(30, 100);
      startIndex += await list(`startIndex=${startIndex}`)
    )
      seen++;
    assert.ok(seen > 1, 'a walk comes to its end');
  });
});

test('3,000 connections that send slowly, or nothing, or read nothing', async () => {
  await withServer(small, async (server) => {
    const { pathname } = new URL(server.url);
    const count = extent(1500, 3000);
    const sockets = Array.from({ length: count }, (_, n) => {
      const socket = open(server);
      if (n % 3 === 0) socket.write(`POST ${pathname}/Users HTTP/1.1\r\nHost: x\r\nX-Slow: `);
      else if (n % 3 === 1) {
        socket.pause();
        socket.write(
          `GET ${pathname}/Users?count=200 HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${token}\r\n\r\n`,
        );
      }
      return socket;
    });
    for (let n = 0; n < 5; n++) {
      await wait(300);
      for (const socket of sockets) if (!socket.destroyed && !socket.isPaused()) socket.write('x');
      await assertServes(server);
    }
    for (const socket of sockets) socket.destroy();
  });
});
