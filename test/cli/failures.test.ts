/** What goes wrong around a server: disk, file, lock, clock. Through the real command, over a real socket. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import Sqlite from 'better-sqlite3';
import { errorSchema, newUser } from '../server.ts';
import { until } from '../until.ts';
import { running, type Serving, scimd, serving, temporaryFolder } from './scimd.ts';

const token = 'a-token-for-tests-of-failures';
const environment = { SCIMD_BOOTSTRAP_TOKEN: token, SCIMD_LOG_LEVEL: 'info' };
const authorization = `Bearer ${token}`;

async function create(server: Serving, more: object = {}): Promise<Response> {
  return fetch(`${server.url}/Users`, {
    method: 'POST',
    headers: { authorization, 'content-type': 'application/scim+json' },
    body: JSON.stringify(newUser({ ...more })),
  });
}

async function created(server: Serving, more: object = {}): Promise<string> {
  const response = await create(server, more);
  assert.equal(response.status, 201);
  return ((await response.json()) as { id: string }).id;
}

async function assertThere(server: Serving, ids: readonly string[]): Promise<void> {
  for (const id of ids) {
    const response = await fetch(`${server.url}/Users/${id}`, { headers: { authorization } });
    assert.equal(response.status, 200, id);
    // Read to its end, or the connection stays in use.
    await response.arrayBuffer();
  }
}

async function ready(server: Serving): Promise<[status: number, text: string]> {
  const response = await fetch(new URL('/readyz', server.url));
  return [response.status, await response.text()];
}

/** Creates large users until one is refused; answers the ids of the others and the refusal. */
async function createUntilRefused(server: Serving): Promise<{ ids: string[]; refusal: Response }> {
  const ids: string[] = [];
  for (let count = 0; count < 1000; count++) {
    const response = await create(server, { title: 'x'.repeat(50_000) });
    if (response.status !== 201) return { ids, refusal: response };
    ids.push(((await response.json()) as { id: string }).id);
  }
  assert.fail('nothing was refused');
}

async function assertRefusal(
  response: Response,
  status: number,
  retryAfter: string,
  detail: RegExp,
): Promise<void> {
  assert.equal(response.status, status);
  assert.equal(response.headers.get('retry-after'), retryAfter);
  assert.match(response.headers.get('content-type') ?? '', /^application\/scim\+json/);
  const body = (await response.json()) as Record<string, unknown>;
  assert.deepEqual([body.schemas, body.status], [[errorSchema], String(status)]);
  assert.match(String(body.detail), detail);
}

interface Logged {
  readonly code?: string;
  readonly advice?: string;
}

/** The first error of the log; it may come a little later than the answer. */
function firstError(server: Serving): Promise<Logged> {
  return until('an error in the log', () => {
    for (const line of server.output.stderr.split('\n').slice(0, -1)) {
      const { level, err } = JSON.parse(line) as { level: string; err?: Logged };
      if (level === 'error' && err !== undefined) return err;
    }
    return undefined;
  });
}

describe('a disk', () => {
  test('that takes no more: 503, not ready, all that was acknowledged is there', async () => {
    const folder = temporaryFolder();
    // The largest file that this process may write, in blocks.
    const limited = ['sh', '-c', 'ulimit -S -f 16000; exec "$0" "$@"'];
    const server = await serving(['serve', '--port', '0'], { folder, environment, under: limited });
    const { ids, refusal } = await createUntilRefused(server);
    await assertRefusal(refusal, 503, '60', /storage cannot be used at the moment; nothing was changed/);
    assert.deepEqual(await ready(server), [503, 'the database cannot be used (io)\n']);
    await assertThere(server, ids);
    const first = await firstError(server);
    assert.equal(first.code, 'io');
    assert.match(first.advice ?? '', /Check the disk/);
    if (spawnSync('prlimit', ['--pid', String(server.pid), '--fsize=unlimited']).status === 0) {
      assert.deepEqual(await ready(server), [200, 'ready\n']);
      ids.push(await created(server));
    }
    await server.stop();
    const again = await serving(['serve', '--port', '0'], { folder, environment });
    await assertThere(again, ids);
    await created(again);
    await again.stop();
  });

  // A file system of the test's own, which takes a namespace, which some systems do not give.
  const mounting = ['unshare', '-rm', 'sh', '-c'];
  if (spawnSync('unshare', ['-rm', 'mount', '-t', 'tmpfs', 'none', '/mnt']).status === 0) {
    test('that is full: 507 for writes, reads go on, and once there is space it goes on without a restart', async () => {
      const folder = temporaryFolder();
      mkdirSync(join(folder, 'disk'));
      const server = await serving(['serve', '--port', '0', '--database', 'disk/scimd.db'], {
        folder,
        environment,
        under: [...mounting, 'mount -t tmpfs -o size=3m none disk && exec "$0" "$@"'],
      });
      const disk = `/proc/${server.pid}/root${folder}/disk`;
      const ids = [await created(server)];
      assert.deepEqual(await ready(server), [200, 'ready\n']);
      writeFileSync(join(disk, 'ballast'), Buffer.alloc(1024 * 1024));
      const before = await createUntilRefused(server);
      ids.push(...before.ids);
      await assertRefusal(before.refusal, 507, '60', /no space left to store anything; nothing was changed/);
      assert.deepEqual(await ready(server), [503, 'the database cannot be used (full)\n']);
      await assertThere(server, ids);
      const first = await firstError(server);
      assert.equal(first.code, 'full');
      assert.match(first.advice ?? '', /Free space/);
      rmSync(join(disk, 'ballast'));
      assert.deepEqual(await ready(server), [200, 'ready\n']);
      ids.push(await created(server, { title: 'x'.repeat(50_000) }));
      await assertThere(server, ids);
      await server.stop();
    });

    test('that is full where the WAL has space within: what is refused is not there, what is acknowledged is', async () => {
      const folder = temporaryFolder();
      mkdirSync(join(folder, 'disk'));
      const args = ['serve', '--port', '0', '--database', 'disk/scimd.db', '--no-exchange-log-enabled'];
      const server = await serving(args, {
        folder,
        environment,
        under: [...mounting, 'mount -t tmpfs -o size=32m none disk && exec "$0" "$@"'],
      });
      const disk = `/proc/${server.pid}/root${folder}/disk`;
      const total = async (): Promise<number> => {
        const response = await fetch(`${server.url}/Users?count=0`, { headers: { authorization } });
        return ((await response.json()) as { totalResults: number }).totalResults;
      };
      // The WAL is as large as it gets, and begins anew.
      const ids = [];
      for (let count = 0; count < 150; count++)
        ids.push(await created(server, { title: 'x'.repeat(50_000) }));
      fill(join(disk, 'ballast'));
      const before = await createUntilRefused(server);
      ids.push(...before.ids);
      await assertRefusal(before.refusal, 507, '60', /no space left to store anything; nothing was changed/);
      // A small one may find space where a large one did not.
      let refused = 0;
      for (let count = 0; count < 1000 && refused < 20; count++) {
        const response = await create(server);
        const body = (await response.json()) as { id: string };
        if (response.status === 201) ids.push(body.id);
        else {
          assert.equal(response.status, 507);
          refused++;
        }
      }
      assert.equal(refused, 20);
      assert.equal(await total(), ids.length);
      assert.deepEqual(await ready(server), [503, 'the database cannot be used (full)\n']);
      rmSync(join(disk, 'ballast'));
      assert.deepEqual(await ready(server), [200, 'ready\n']);
      ids.push(await created(server));
      assert.equal(await total(), ids.length);
      await assertThere(server, ids);
      await server.stop();
    });

    for (const format of ['json', 'pretty'])
      test(`that is full under the log as well, as ${format}: 507, and the server goes on`, async () => {
        const folder = temporaryFolder();
        mkdirSync(join(folder, 'disk'));
        const args = ['serve', '--port', '0', '--database', 'disk/scimd.db', '--log-format', format];
        const server = await serving(args, {
          folder,
          environment,
          under: [...mounting, 'mount -t tmpfs -o size=3m none disk && exec "$0" "$@" 2>disk/log'],
        });
        const disk = `/proc/${server.pid}/root${folder}/disk`;
        const ids = [await created(server)];
        fill(join(disk, 'ballast'));
        for (let count = 0; count < 50; count++) await (await create(server)).arrayBuffer();
        const refusal = await create(server, { title: 'x'.repeat(50_000) });
        await assertRefusal(refusal, 507, '60', /no space left/);
        assert.equal((await fetch(new URL('/healthz', server.url))).status, 200);
        await assertThere(server, ids);
        rmSync(join(disk, 'ballast'));
        await created(server);
        server.signal('SIGTERM');
        const { status } = await server.end;
        assert.equal(status, 0);
      });

    test('that is mounted read-only is said at the start, with what to do', async () => {
      const folder = temporaryFolder();
      mkdirSync(join(folder, 'disk'));
      const args = ['serve', '--port', '0', '--database', 'disk/scimd.db'];
      await (await serving(args, { folder, environment })).stop();
      const { status, stderr } = await scimd(args, {
        folder,
        environment,
        under: [...mounting, 'mount --bind disk disk && mount -o remount,ro,bind disk && exec "$0" "$@"'],
      });
      assert.equal(status, 1);
      assert.match(stderr, /the database cannot be written to|cannot be opened/);
      assert.match(stderr, /account that runs the server/);
    });
  }
});

/** Takes what is left of a disk, to the last byte. */
function fill(file: string): void {
  const block = Buffer.alloc(4096);
  try {
    for (;;) appendFileSync(file, block);
  } catch (error) {
    assert.equal((error as NodeJS.ErrnoException).code, 'ENOSPC');
  }
}

describe('a log', { skip: !existsSync('/dev/full') && 'there is no /dev/full' }, () => {
  for (const format of ['json', 'pretty'])
    test(`that cannot be written, as ${format}, is no failure of the server`, async () => {
      const server = await serving(['serve', '--port', '0', '--log-format', format], {
        folder: temporaryFolder(),
        environment,
        under: ['sh', '-c', 'exec "$0" "$@" 2>/dev/full'],
      });
      const ids: string[] = [];
      for (let count = 0; count < 5; count++) ids.push(await created(server));
      await assertThere(server, ids);
      // Longer than it takes to try again.
      await wait(1200);
      await assertThere(server, ids);
      assert.equal((await server.stop()).status, 0);
    });
});

describe('standard output', { skip: !existsSync('/dev/full') && 'there is no /dev/full' }, () => {
  test('that cannot be written is no failure of the server: the log says that the token was not seen', async () => {
    const folder = temporaryFolder();
    const { signal, output, end } = running(['serve', '--port', '0'], {
      folder,
      under: ['sh', '-c', 'exec "$0" "$@" >/dev/full'],
    });
    await until('the log', () => output.stderr.includes('create another: scimd token create'));
    signal('SIGTERM');
    const { status, stderr } = await end;
    assert.equal(status, 0);
    assert.match(
      stderr,
      /"reason":"standard output cannot be written: ENOSPC[^"]*","msg":"standard output could not be written: the address and the first token were not shown/,
    );
    assert.match(stderr, /"msg":"stopped"/);
  });
});

describe('a database file', () => {
  test('that another process keeps locked: 503 to try again soon; still ready, and reads go on', async () => {
    const folder = temporaryFolder();
    const server = await serving(['serve', '--port', '0'], { folder, environment });
    const id = await created(server);
    const other = new Sqlite(join(folder, 'scimd.db'));
    other.exec('BEGIN IMMEDIATE');
    await assertRefusal(await create(server), 503, '1', /Another process is writing; nothing was changed/);
    await assertThere(server, [id]);
    assert.equal((await ready(server))[0], 200);
    other.exec('ROLLBACK');
    other.close();
    await created(server);
    assert.match((await firstError(server)).advice ?? '', /look for a process that keeps the file locked/);
    await server.stop();
  });

  test('that was moved away while it is served: not ready, and soon 503 for writes, which would be lost', async () => {
    const folder = temporaryFolder();
    const server = await serving(['serve', '--port', '0'], { folder, environment });
    const id = await created(server);
    renameSync(join(folder, 'scimd.db'), join(folder, 'moved.db'));
    assert.deepEqual(await ready(server), [503, 'the database cannot be used (cannot-open)\n']);
    await wait(1100);
    await assertRefusal(await create(server), 503, '60', /nothing was changed/);
    await assertThere(server, [id]);
    assert.match((await firstError(server)).advice ?? '', /put the file back/);
    renameSync(join(folder, 'moved.db'), join(folder, 'scimd.db'));
    await created(server);
    assert.deepEqual(await ready(server), [200, 'ready\n']);
    await server.stop();
  });

  test('that is named by a link is written where it is', async () => {
    const folder = temporaryFolder();
    mkdirSync(join(folder, 'volume'));
    symlinkSync(join(folder, 'volume', 'real.db'), join(folder, 'scimd.db'));
    for (let start = 0; start < 2; start++) {
      const server = await serving(['serve', '--port', '0'], { folder, environment });
      await assertThere(server, [await created(server)]);
      await server.stop();
    }
    assert.ok(statSync(join(folder, 'volume', 'real.db')).size > 0);
  });

  test('with damaged pages: what is whole is served, the rest is 500 and said in the log; a backup is refused', async () => {
    const folder = temporaryFolder();
    const server = await serving(['serve', '--port', '0'], { folder, environment });
    for (let count = 0; count < 40; count++) await created(server, { title: 'x'.repeat(10_000) });
    await server.stop();
    const file = join(folder, 'scimd.db');
    const bytes = readFileSync(file);
    // Pages of texts: behind the tables that are needed at the start.
    bytes.fill(0x5a, Math.floor(bytes.length / 2 / 4096) * 4096);
    writeFileSync(file, bytes);
    const damaged = await serving(['serve', '--port', '0'], { folder, environment });
    const list = await fetch(`${damaged.url}/Users`, { headers: { authorization } });
    assert.equal(list.status, 500);
    const body = (await list.json()) as { detail: string };
    assert.match(body.detail, /^Internal error; request id /);
    const first = await firstError(damaged);
    assert.equal(first.code, 'corrupt');
    assert.match(first.advice ?? '', /restore a backup/);
    const backup = await scimd(['backup', 'copy'], { folder, environment });
    assert.equal(backup.status, 1);
    assert.match(backup.stderr, /damaged/);
    await damaged.stop();
  });
});
