/** A clock that goes back gives no revoked token its life again. */
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { hashSecret, newSecret } from '../../src/directory/secret.ts';
import { startServer } from '../../src/http/server.ts';
import { standardRegistry } from '../../src/scim/standard.ts';
import { openSqliteStore } from '../../src/store/sqlite/index.ts';
import { scimd, serving, temporaryFolder } from '../cli/scimd.ts';

const day = 24 * 60 * 60 * 1000;
const start = Date.parse('2026-06-01T12:00:00.000Z');

const folder = mkdtempSync(join(tmpdir(), 'scimd-clock-'));
after(() => rmSync(folder, { recursive: true, force: true }));
let files = 0;

/** A server over one file that can be started again, and whose clock is set by hand. */
function clocked() {
  const file = join(folder, `${++files}.db`);
  const state = { now: start };
  const clock = () => new Date(state.now);
  const open = () => openSqliteStore({ file, registry: standardRegistry(), clock });
  const secret = newSecret();
  let id = '';
  return {
    state,
    async create(): Promise<void> {
      const store = open();
      const [tenant] = await store.tenants();
      const hash = hashSecret(secret);
      const token = { hash, name: 'okta', tenant: tenant?.number ?? 0, idp: 'okta', scope: 'scim' } as const;
      ({ id } = await store.createToken({ ...token, expires: new Date(start + 365 * day).toISOString() }));
      await store.close();
    },
    /** As the command line does, in a process of its own. */
    async revoke(at: number): Promise<void> {
      const store = open();
      await store.revokeToken(id, new Date(at).toISOString());
      await store.close();
    },
    async serving<T>(action: (status: () => Promise<number>) => Promise<T>): Promise<T> {
      const store = open();
      const server = await startServer({ store, clock, basePath: '/scim/v2', host: '127.0.0.1', port: 0 });
      try {
        return await action(async () => {
          const headers = { authorization: `Bearer ${secret}` };
          return (await fetch(`${server.url}/Users?count=0`, { headers })).status;
        });
      } finally {
        await server.close();
        await store.close();
      }
    },
  };
}

describe('revoked is revoked', () => {
  test('when the clock goes back behind the revocation, also behind the creation of the token', async () => {
    const own = clocked();
    await own.create();
    await own.serving(async (status) => {
      assert.equal(await status(), 200);
      await own.revoke(own.state.now);
      assert.equal(await status(), 401);
      for (const back of [1, day, 400 * day]) {
        own.state.now = start - back;
        assert.equal(await status(), 401, `${back} ms back`);
      }
    });
    assert.equal(await own.serving((status) => status()), 401, 'after a start too');
  });

  test('when the overlap of a rotation was over, and the clock goes back into it', async () => {
    const own = clocked();
    await own.create();
    await own.serving(async (status) => {
      await own.revoke(start + day);
      assert.equal(await status(), 200);
      own.state.now = start + day;
      assert.equal(await status(), 401);
      own.state.now = start + day / 2;
      assert.equal(await status(), 401);
    });
    assert.equal(await own.serving((status) => status()), 401, 'after a start too');
  });

  test('when nobody saw the end of the overlap, and the clock is before the rotation', async () => {
    const own = clocked();
    await own.create();
    await own.revoke(start + day);
    own.state.now = start - day;
    assert.equal(await own.serving((status) => status()), 401);
    own.state.now = start + day / 2;
    assert.equal(await own.serving((status) => status()), 200, 'a clock that is right again');
  });

  test('when the clock stands still while the overlap passes', async () => {
    const own = clocked();
    await own.create();
    await own.serving(async (status) => {
      const began = performance.now();
      await own.revoke(start + 700);
      const first = await status();
      // On a busy machine the overlap may have passed by now.
      if (performance.now() - began < 700) assert.equal(first, 200);
      await new Promise((resolve) => setTimeout(resolve, 900));
      assert.equal(await status(), 401);
    });
  });

  test('a clock that was far ahead for a moment ends no rotation that comes later', async () => {
    const own = clocked();
    await own.create();
    own.state.now = start + 10_000 * day;
    await own.serving((status) => status());
    own.state.now = start;
    await own.revoke(start + day);
    assert.equal(await own.serving((status) => status()), 200);
  });
});

const libraries = ['x86_64', 'aarch64'].map((cpu) => `/usr/lib/${cpu}-linux-gnu/faketime/libfaketime.so.1`);
const library = libraries.find((path) => existsSync(path));

test('with the clock of the system a day back (libfaketime)', {
  skip: library === undefined && 'there is no libfaketime here',
}, async () => {
  const place = { folder: temporaryFolder() };
  const made = await scimd(['token', 'create', '--name', 'okta', '--database', 'scimd.db'], place);
  const other = await scimd(['token', 'create', '--name', 'other', '--database', 'scimd.db'], place);
  await scimd(['token', 'revoke', 'okta', '--database', 'scimd.db'], place);
  const environment = { LD_PRELOAD: library as string, FAKETIME: '-1d' };
  const server = await serving(['serve', '--port', '0'], { ...place, environment });
  const status = async (token: string) =>
    (await fetch(`${server.url}/Users`, { headers: { authorization: `Bearer ${token.trim()}` } })).status;
  assert.equal(await status(made.stdout), 401);
  assert.equal(await status(other.stdout), 200);
  await server.stop();
});
