/** The disk says the truth: files that are taken away, a disk that fails, descriptors that run out, another process. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { createScimd } from '../../src/index.ts';
import { type Serving, serving, temporaryFolder } from '../cli/scimd.ts';
import { newUser } from '../server.ts';
import { until } from '../until.ts';

const token = 'k3Jx0vQmTz7YbN1sWc5RfGh8LpAeDu2i-hostile-tests';
const environment = { SCIMD_BOOTSTRAP_TOKEN: token, SCIMD_LOG_LEVEL: 'error' };
const authorization = `Bearer ${token}`;

async function create(server: Serving): Promise<{ status: number; id?: string; detail?: string }> {
  const response = await fetch(`${server.url}/Users`, {
    method: 'POST',
    headers: { authorization, 'content-type': 'application/scim+json' },
    body: JSON.stringify(newUser()),
  });
  const { id, detail } = (await response.json()) as { id?: string; detail?: string };
  return {
    status: response.status,
    ...(id === undefined ? {} : { id }),
    ...(detail === undefined ? {} : { detail }),
  };
}

const readiness = async (server: Serving) => (await fetch(new URL('/readyz', server.url))).status;

async function assertThere(server: Serving, ids: readonly string[]): Promise<void> {
  const missing: string[] = [];
  for (const id of ids) {
    const response = await fetch(`${server.url}/Users/${id}`, { headers: { authorization } });
    await response.arrayBuffer();
    if (response.status !== 200) missing.push(id);
  }
  assert.deepEqual(missing, [], `of ${ids.length} acknowledged users`);
}

describe('a WAL', () => {
  for (const [what, take] of [
    ['removed', (path: string) => rmSync(path)],
    [
      'replaced by another file',
      (path: string) => {
        rmSync(path);
        writeFileSync(path, '');
      },
    ],
    ['moved away', (path: string) => renameSync(path, `${path}.away`)],
  ] as const)
    test(`that is ${what} while users are created is noticed, and no acknowledged user is lost`, {
      skip: process.platform === 'win32',
    }, async () => {
      const folder = temporaryFolder();
      const server = await serving(['serve', '--port', '0'], { folder, environment });
      const acknowledged: string[] = [];
      let refusals = 0;
      const details = new Set<string>();
      const working = Promise.all(
        Array.from({ length: 4 }, async () => {
          // Far longer than it takes.
          const end = performance.now() + 60_000;
          while (refusals < 20 && performance.now() < end) {
            const { status, id, detail } = await create(server);
            if (status === 201) acknowledged.push(id as string);
            else {
              assert.equal(status, 503);
              details.add(detail as string);
              refusals++;
            }
          }
        }),
      );
      await wait(500);
      take(join(folder, 'scimd.db-wal'));
      await working;
      assert.ok(refusals >= 20, 'it was noticed');
      assert.equal(await readiness(server), 503);
      // The log is written behind the answers.
      await until('the reason in the log', () =>
        /scimd\.db-wal was (removed|replaced by another file) while the server runs/.test(
          server.output.stderr,
        ),
      );
      server.signal('SIGKILL');
      await server.end;
      if (what !== 'replaced by another file') {
        const again = await serving(['serve', '--port', '0'], { folder, environment });
        await assertThere(again, acknowledged);
        await again.stop();
      }
    });
});

describe('too many open files', () => {
  test('pass by themselves: what was open works meanwhile, and all else afterwards', {
    skip: process.platform !== 'linux',
  }, async () => {
    const under = ['sh', '-c', 'ulimit -n 60; exec "$@"', 'sh'];
    const server = await serving(['serve', '--port', '0'], { folder: temporaryFolder(), environment, under });
    assert.equal((await create(server)).status, 201);
    const { hostname, port } = new URL(server.url);
    const sockets: Socket[] = [];
    for (let n = 0; n < 80; n++) sockets.push(connect(Number(port), hostname).on('error', () => {}));
    await wait(300);
    for (const socket of sockets) socket.destroy();
    await until('the server', async () => (await create(server).catch(() => undefined))?.status === 201);
    assert.equal(await readiness(server), 200);
    assert.equal((await server.stop()).status, 0);
  });
});

const shim = `
#define _GNU_SOURCE
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>
int fdatasync(int fd) {
  const char *flag = getenv("FAIL_WHILE_THERE");
  if (flag && access(flag, F_OK) == 0) { errno = EIO; return -1; }
  return fsync(fd);
}
`;

test('a disk that fails (EIO): who wrote is told that it is not known, who comes later that nothing was changed', {
  skip:
    process.platform !== 'linux' || spawnSync('cc', ['--version']).status !== 0
      ? 'there is no C compiler here'
      : false,
}, async () => {
  const folder = temporaryFolder();
  writeFileSync(join(folder, 'shim.c'), shim);
  const library = join(folder, 'shim.so');
  const compiled = spawnSync('cc', ['-shared', '-fPIC', '-o', library, join(folder, 'shim.c')]);
  assert.equal(compiled.status, 0, String(compiled.stderr));
  const flag = join(folder, 'fail');
  const place = { folder, environment: { ...environment, LD_PRELOAD: library, FAIL_WHILE_THERE: flag } };
  const server = await serving(['serve', '--port', '0'], place);
  const before = await create(server);
  assert.equal(before.status, 201);
  writeFileSync(flag, '');
  const during = await create(server);
  assert.equal(during.status, 503);
  assert.match(during.detail ?? '', /whether this was stored is not known/);
  rmSync(flag);
  const later = await create(server);
  assert.equal(later.status, 503, 'a disk that failed once is not believed');
  assert.match(later.detail ?? '', /nothing was changed/);
  assert.equal(await readiness(server), 503);
  await server.stop();
  const again = await serving(['serve', '--port', '0'], { folder, environment });
  await assertThere(again, [before.id as string]);
  await again.stop();
});

test('what another process has committed is on the disk before it is told, by changes() too', async () => {
  const file = join(temporaryFolder(), 'scimd.db');
  const [one, other] = [await createScimd({ database: file }), await createScimd({ database: file })];
  try {
    const { token: secret } = await one.createToken({ name: 'x' });
    const send = (scimd: typeof one, method: string, body?: object) =>
      scimd.fetch(
        new Request('http://x/scim/v2/Users', {
          method,
          headers: { authorization: `Bearer ${secret}`, 'content-type': 'application/scim+json' },
          ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        }),
      );
    assert.equal((await send(one, 'POST', newUser())).status, 201);
    const list = (await (await send(other, 'GET')).json()) as { totalResults: number };
    assert.equal(list.totalResults, 1);
    assert.equal((await other.changes({})).length, 1);
    assert.ok(existsSync(`${file}-wal`));
  } finally {
    await one.close();
    await other.close();
  }
});
