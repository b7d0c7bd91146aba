/** The embedder's side: one application for fetch and every listener, tokens, tenants, changes. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { operator } from '../../src/directory/caller.ts';
import { Directory } from '../../src/directory/directory.ts';
import { Retention } from '../../src/directory/retention.ts';
import type { HttpRequest } from '../../src/http/message.ts';
import { startServer } from '../../src/http/server.ts';
import { createScimd, type Scimd } from '../../src/index.ts';
import { configuredRegistry } from '../../src/scim/custom-schemas.ts';
import { openSqliteStore } from '../../src/store/sqlite/index.ts';
import { startReceiver } from '../events/receiver.ts';
import { until } from '../until.ts';

const folder = mkdtempSync(join(tmpdir(), 'scimd-embedded-'));
after(() => rmSync(folder, { recursive: true, force: true }));

const userSchema = 'urn:ietf:params:scim:schemas:core:2.0:User';

function get(token: string, path = '/Users'): Request {
  return new Request(`http://localhost/scim/v2${path}`, { headers: { authorization: `Bearer ${token}` } });
}

function post(token: string, userName: string): Request {
  return new Request('http://localhost/scim/v2/Users', {
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/scim+json' },
    body: JSON.stringify({ schemas: [userSchema], userName }),
  });
}

async function withScimd(
  options: Partial<Parameters<typeof createScimd>[0]>,
  work: (scimd: Scimd) => Promise<void>,
): Promise<void> {
  const scimd = await createScimd({ database: ':memory:', ...options });
  try {
    await work(scimd);
  } finally {
    await scimd.close();
  }
}

describe('one application', () => {
  test('fetch and two listeners share rate limits', () =>
    withScimd({ limits: { requestsPerSecond: 1 } }, async (scimd) => {
      const { token } = await scimd.createToken({ name: 'a' });
      const servers = [await scimd.listen({ port: 0 }), await scimd.listen({ port: 0 })];
      const headers = { authorization: `Bearer ${token}` };
      const statuses: number[] = [];
      // A rate of one a second, on average over ten seconds.
      for (let n = 0; n < 4; n++) {
        statuses.push((await scimd.fetch(get(token))).status);
        for (const { url } of servers) statuses.push((await fetch(`${url}/Users`, { headers })).status);
      }
      assert.deepEqual(
        [
          statuses.filter((status) => status === 200).length,
          statuses.filter((status) => status === 429).length,
        ],
        [10, 2],
      );
      await Promise.all(servers.map((server) => server.close()));
    }));

  test('a server that goes over to other options takes fetch with it', () =>
    withScimd({}, async (scimd) => {
      const server = await scimd.listen({ port: 0 });
      assert.equal((await scimd.fetch(new Request('http://localhost/scim/v2/Schemas'))).status, 401);
      await server.reconfigure({ publicDiscovery: true });
      assert.equal((await scimd.fetch(new Request('http://localhost/scim/v2/Schemas'))).status, 200);
      assert.equal((await fetch(`${server.url}/Schemas`)).status, 200);
      await server.close();
    }));

  test('fetch takes the peer’s address, and nothing else of what hosts give', () =>
    withScimd({ recordAddresses: true }, async (scimd) => {
      const { token } = await scimd.createToken({ name: 'a' });
      await scimd.fetch(post(token, 'a'), { remoteAddress: '192.0.2.7' });
      await scimd.fetch(post(token, 'b'), { remoteAddress: { hostname: '192.0.2.8' } });
      await scimd.fetch(post(token, 'c'), { requestIP: () => null });
      const addresses = (await scimd.changes()).map(({ actor }) => actor.address);
      assert.deepEqual(addresses, ['192.0.2.7', '', '']);
    }));

  test('addresses are not recorded unless they may be', () =>
    withScimd({}, async (scimd) => {
      const { token } = await scimd.createToken({ name: 'a' });
      await scimd.fetch(post(token, 'a'), { remoteAddress: '192.0.2.7' });
      assert.equal('address' in ((await scimd.changes())[0]?.actor ?? {}), false);
    }));
});

describe('tokens and tenants', () => {
  test('a token is listed, rotated with an overlap, and revoked', () => {
    let now = Date.parse('2026-01-02T03:04:05.000Z');
    return withScimd({ clock: () => new Date(now) }, async (scimd) => {
      const { id, token } = await scimd.createToken({ name: 'okta', idp: 'okta', tenant: 'acme' });
      const [listed] = await scimd.tokens.list({ tenant: 'acme' });
      assert.deepEqual(
        [listed?.id, listed?.name, listed?.idp, listed?.tenantName],
        [id, 'okta', 'okta', 'acme'],
      );
      await assert.rejects(scimd.tokens.list({ tenant: 'nobody' }), /there is no tenant nobody/);
      const next = await scimd.tokens.rotate(id, { overlapSeconds: 60 });
      assert.equal((await scimd.tokens.list()).length, 2);
      const statusOf = async (text: string) => (await scimd.fetch(get(text))).status;
      assert.deepEqual([await statusOf(token), await statusOf(next.token)], [200, 200]);
      now += 61_000;
      assert.deepEqual([await statusOf(token), await statusOf(next.token)], [401, 200]);
      assert.equal((await scimd.tokens.revoke(next.id)).id, next.id);
      assert.equal(await statusOf(next.token), 401);
      await assert.rejects(scimd.tokens.revoke('nobody'), RangeError);
      await assert.rejects(scimd.tokens.rotate('nobody'), RangeError);
    });
  });

  test('webhooks of a database in memory are delivered, by this thread', () =>
    withScimd({}, async (scimd) => {
      const app = await startReceiver();
      const made = await scimd.webhooks.create({
        url: app.url,
        allowPrivate: true,
        types: ['user.created'],
      });
      app.secret = made.secret;
      const { token } = await scimd.createToken({ name: 'okta' });
      assert.equal((await scimd.fetch(post(token, 'memory@example.com'))).status, 201);
      await until('the event', () => app.received.length === 1);
      assert.equal(app.events()[0]?.type, 'user.created');
      await scimd.webhooks.delete(made.endpoint.id);
      await app.close();
    }));

  test('a webhook is of a tenant that there is: a name that is none is told, and makes none', () =>
    withScimd({}, async (scimd) => {
      await scimd.tenants.create('acme');
      const asked = { url: 'https://app.example.com/hook', tenant: 'acne' };
      await assert.rejects(scimd.webhooks.create(asked), /there is no tenant acne, did you mean "acme"\?/);
      assert.deepEqual(
        (await scimd.tenants.list()).map(({ name }) => name),
        ['default', 'acme'],
      );
    }));

  test('tenants are named, made and deleted with all that is theirs', () =>
    withScimd({}, async (scimd) => {
      const acme = await scimd.tenants.create('acme');
      assert.equal(acme.name, 'acme');
      await assert.rejects(scimd.tenants.create('acme'), { code: 'tenant-exists' });
      const { token } = await scimd.createToken({ name: 'a', tenant: 'acme' });
      await scimd.fetch(post(token, 'a'));
      assert.deepEqual(
        (await scimd.tenants.list()).map(({ name }) => name),
        ['default', 'acme'],
      );
      assert.deepEqual(
        (await scimd.changes({ tenant: 'acme' })).map(({ tenant, sequence }) => [tenant, sequence]),
        [['acme', 1]],
      );
      assert.deepEqual(await scimd.changes(), []);
      assert.equal(await scimd.tenants.delete('acme'), true);
      assert.equal(await scimd.tenants.delete('acme'), false);
      await assert.rejects(scimd.changes({ tenant: 'acme' }), RangeError);
    }));
});

describe('retention', () => {
  test('what is older than it is to be kept goes, and who asks for it is told so', async () => {
    const file = join(folder, 'retention.db');
    let now = Date.parse('2026-01-01T00:00:00.000Z');
    const clock = () => new Date(now);
    const registry = configuredRegistry({});
    const [type] = registry.resourceTypes;
    assert.ok(type);
    const store = openSqliteStore({ file, registry, clock });
    const directory = new Directory(store);
    for (let n = 1; n <= 1300; n++) {
      const body = { schemas: [userSchema], userName: `u${n}` };
      await directory.create(operator(1, { kind: 'system' }, 'generic'), type, body);
      if (n === 1200) now += 400 * 86_400_000;
    }
    const failed = (error: unknown) => assert.fail(String(error));
    assert.equal(await new Retention(store, { days: 401, clock, onError: failed }).sweep(), 0);
    assert.equal(await new Retention(store, { days: 399, clock, onError: failed }).sweep(), 1200);
    await store.close();
    await withScimd({ database: file, clock }, async (scimd) => {
      assert.equal((await scimd.changes({ limit: 1 }))[0]?.sequence, 1201);
      assert.equal((await scimd.changes({ after: 1200, limit: 1 }))[0]?.sequence, 1201);
      await assert.rejects(scimd.changes({ after: 1199 }), /the oldest that is kept is 1201/);
      await assert.rejects(scimd.changes({ after: 0 }), RangeError);
    });
  });

  test('createScimd removes old changes at its start, and none with retentionDays 0', async () => {
    const file = join(folder, 'start.db');
    let now = Date.parse('2026-01-01T00:00:00.000Z');
    const clock = () => new Date(now);
    await withScimd({ database: file, clock }, async (scimd) => {
      const { token } = await scimd.createToken({ name: 'a' });
      await scimd.fetch(post(token, 'a'));
    });
    now += 401 * 86_400_000;
    await withScimd({ database: file, clock, retentionDays: 0 }, async (scimd) => {
      await wait(50);
      assert.equal((await scimd.changes()).length, 1);
    });
    await withScimd({ database: file, clock }, async (scimd) => {
      await until('the old change to go', async () => (await scimd.changes()).length === 0);
    });
  });
});

describe('a request that only waits for something to happen', () => {
  /** A server whose every answer goes on until it is told that it waits no longer. */
  async function streaming() {
    const ended: boolean[] = [];
    const store = openSqliteStore({ file: ':memory:', registry: configuredRegistry({}) });
    const options = { store, basePath: '/scim/v2', port: 0, host: '127.0.0.1' };
    const answer = async ({ waits }: HttpRequest) => {
      assert.ok(waits);
      async function* pieces() {
        while (!waits?.isEnded) {
          yield 'tick\n';
          await wait(10);
        }
        ended.push(true);
      }
      const body = Object.assign(pieces(), { close: () => void ended.push(true) });
      return { status: 200, headers: ['Content-Type', 'text/plain'], body };
    };
    const application = { options, answer, prepare: async () => () => {}, endWaiting() {} };
    const server = await startServer({ ...options, application });
    return { server, ended, close: () => store.close() };
  }

  test('is told that its client has gone', async () => {
    const { server, ended, close } = await streaming();
    const socket = connect(server.port, '127.0.0.1');
    socket.write('GET /scim/v2/x HTTP/1.1\r\nHost: x\r\n\r\n');
    await new Promise((resolve) => socket.once('data', resolve));
    socket.destroy();
    await until('the end of the answer', () => ended.length > 0);
    await server.close();
    await close();
  });

  test('is told that its server stops, long before the grace is over, and its answer ends in order', async () => {
    const { server, ended, close } = await streaming();
    const response = await fetch(`${server.url}/x`);
    const text = response.text();
    const started = performance.now();
    await server.close(60);
    assert.ok(performance.now() - started < 20_000);
    assert.match(await text, /^(?:tick\n)+$/);
    assert.ok(ended.length > 0);
    await close();
  });

  test('of one listener ends with it, and those of another go on', () =>
    withScimd({}, async (scimd) => {
      const { token } = await scimd.createToken({ name: 'a', scope: 'events' });
      const [one, other] = [await scimd.listen({ port: 0 }), await scimd.listen({ port: 0 })];
      const ask = (url: string) =>
        fetch(`${new URL(url).origin}/events?wait=30s`, { headers: { authorization: `Bearer ${token}` } });
      const first = ask(one.url);
      let isAnswered = false;
      const second = ask(other.url).then((response) => {
        isAnswered = true;
        return response;
      });
      await wait(300);
      await one.close();
      assert.equal((await first).status, 200);
      assert.equal(isAnswered, false);
      await other.close();
      assert.equal((await second).status, 200);
    }));
});
