/**
 * Three servers on one PostgreSQL database under mixed load, of which one or PostgreSQL itself is killed at random, again
 * and again: what was acknowledged is there, once; all see the same dense order of changes; webhooks come.
 */
import assert from 'node:assert/strict';
import { setTimeout as wait } from 'node:timers/promises';
import { hashSecret, newSecret } from '../../src/directory/secret.ts';
import { standardRegistry } from '../../src/scim/standard.ts';
import { openPostgresStore } from '../../src/store/postgres/index.ts';
import { startReceiver } from '../events/receiver.ts';
import { startPostgres } from '../postgres-server.ts';
import { groupSchema, newUser, patchOp } from '../server.ts';
import { until } from '../until.ts';
import { type Program, startProgram, token } from './program.ts';

export interface SeveralServers {
  readonly kills: { readonly server: number; readonly postgres: number };
  /** Acknowledged requests. */
  readonly acknowledged: number;
  /** Those that were answered 503, or not at all. */
  readonly failed: number;
  readonly changes: number;
  /** Of the webhook: events, and those that came more than once. */
  readonly delivered: number;
  readonly repeated: number;
  /** Milliseconds after the revocation of a token in which a request with it was accepted, at most. */
  readonly revocation: number;
}

interface Answer {
  readonly status: number;
  // biome-ignore lint/suspicious/noExplicitAny: answers of any shape
  readonly json: any;
}

/** Of the one group, whom an acknowledged request put into it or took out of it, and of whom it is not known. */
interface Known {
  readonly created: Map<string, string>;
  readonly members: Set<string>;
  readonly unsure: Set<string>;
  readonly deleted: Set<string>;
}

const count = 3;

/** Throws an AssertionError where anything acknowledged is lost, twice there, or told in another order. */
export async function killSeveral(
  kills: number,
  { workers = 9, random = Math.random, onRound = (_: number, __: number) => {} } = {},
): Promise<SeveralServers> {
  const postgres = await startPostgres({ fsync: 'on' });
  // On a busy machine a server that was killed may take long to be there again; that they start is not what is asked.
  const database = `${await postgres.newDatabase()}&connect_timeout=60`;
  const servers: Program[] = [];
  const receiver = await startReceiver();
  const over = { done: false, written: false };
  const known: Known = { created: new Map(), members: new Set(), unsure: new Set(), deleted: new Set() };
  let [acknowledged, failed, revocation] = [0, 0, 0];
  const killed = { server: 0, postgres: 0 };

  const ask = async (
    server: number,
    method: string,
    path: string,
    body?: object,
    bearer = token,
  ): Promise<Answer> => {
    try {
      const { url } = servers[server] as Program;
      const response = await fetch(path.startsWith('/events') ? new URL(url).origin + path : url + path, {
        method,
        headers: { authorization: `Bearer ${bearer}`, 'content-type': 'application/scim+json' },
        signal: AbortSignal.timeout(20_000),
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
      const text = await response.text().catch(() => '');
      let json: unknown;
      try {
        json = JSON.parse(text);
      } catch {
        json = undefined;
      }
      if (response.status < 300) acknowledged++;
      else failed++;
      return { status: response.status, json };
    } catch {
      failed++;
      return { status: 0, json: undefined };
    }
  };

  try {
    for (let n = 0; n < count; n++) servers.push(await startProgram(database));
    const admin = await openPostgresStore({ url: database, registry: standardRegistry() });
    await admin.outbox.createEndpoint({
      ...{ tenant: 1, url: receiver.url, types: ['user.created'], batch: 20, allowPrivate: true },
      ...{ secrets: [{ secret: receiver.secret }], signingKeys: [], position: '0' },
    });
    const reader = newSecret();
    await admin.createToken({
      ...{ hash: hashSecret(reader), name: 'reader', tenant: 1, idp: 'generic', scope: 'events' },
    });
    const made = await ask(0, 'POST', '/Groups', { schemas: [groupSchema], displayName: 'all' });
    assert.equal(made.status, 201);
    const group = `/Groups/${made.json.id}`;

    const work = async (worker: number): Promise<void> => {
      while (!over.done) {
        const server = worker % count;
        const created = await ask(server, 'POST', '/Users', newUser());
        if (created.status !== 201) {
          await wait(30);
          continue;
        }
        const { id, userName } = created.json as { id: string; userName: string };
        known.created.set(id, userName);
        const again = await ask((server + 1) % count, 'POST', '/Users', newUser({ userName }));
        assert.notEqual(again.status, 201, 'the userName is taken, at every server');
        known.unsure.add(id);
        const added = await ask(
          server,
          'PATCH',
          group,
          patchOp({ op: 'add', path: 'members', value: [{ value: id }] }),
        );
        if (added.status < 200 || added.status >= 300) continue;
        known.unsure.delete(id);
        known.members.add(id);
        if (random() > 0.2) continue;
        known.unsure.add(id);
        known.members.delete(id);
        const gone = await ask((server + 2) % count, 'DELETE', `/Users/${id}`);
        if (gone.status !== 204) {
          // It is there or not: nothing more is known of it.
          known.created.delete(id);
          continue;
        }
        known.unsure.delete(id);
        known.created.delete(id);
        known.deleted.add(id);
      }
    };

    /** Follows the feed at one server, and at the same one again after it was killed. */
    const follow = async (server: number, seen: number[]): Promise<void> => {
      for (;;) {
        const wasOver = over.written;
        const path = `/events?after=${seen.at(-1) ?? 0}&limit=200`;
        const page = await ask(server, 'GET', path, undefined, reader);
        assert.ok([0, 200, 503].includes(page.status), `the feed answers ${page.status}`);
        const before = seen.length;
        if (page.status === 200)
          for (const { sequence } of page.json.events as { sequence: number }[])
            if (sequence !== seen.at(-1)) seen.push(sequence);
        if (wasOver && page.status === 200 && seen.length === before) return;
        await wait(seen.length === before ? 100 : 5);
      }
    };

    /** Creates a token, sees it taken everywhere, revokes it, and waits until it is taken nowhere. */
    const revoke = async (): Promise<void> => {
      const secret = newSecret();
      const { id } = await admin.createToken({
        ...{ hash: hashSecret(secret), name: secret.slice(-12), tenant: 1, idp: 'generic', scope: 'scim' },
      });
      let accepted = 0;
      const statuses = () =>
        Promise.all(
          servers.map(async (_, server) => {
            const asked = performance.now();
            const { status } = await ask(server, 'GET', '/Users?count=0', undefined, secret);
            if (status === 200) accepted = Math.max(accepted, asked);
            return status;
          }),
        );
      await until('the token', async () => (await statuses()).every((status) => status === 200));
      await admin.revokeToken(id, '2000-01-01T00:00:00.000Z');
      const began = performance.now();
      await until('the revocation', async () => (await statuses()).every((status) => status === 401));
      // When the last request was sent that was still accepted: how long an answer takes is not asked.
      revocation = Math.max(revocation, accepted - began);
    };

    const working = Array.from({ length: workers }, (_, worker) => work(worker));
    const seen: number[][] = servers.map(() => []);
    const following = seen.map((each, server) => follow(server, each));
    await revoke();
    for (let kill = 1; kill <= kills; kill++) {
      await wait(100 + random() * 400);
      const which = Math.floor(random() * (count + 1));
      if (which === count) {
        killed.postgres++;
        await postgres.stop('SIGKILL');
        await wait(random() * 200);
        await postgres.start();
      } else {
        killed.server++;
        await (servers[which] as Program).kill();
        servers[which] = await startProgram(database);
      }
      onRound(kill, acknowledged);
    }
    await wait(500);
    await until('all servers', async () => {
      const statuses = await Promise.all(
        servers.map(async (_, n) => (await ask(n, 'GET', '/Users?count=0')).status),
      );
      return statuses.every((status) => status === 200);
    });
    await revoke();
    over.done = true;
    await Promise.all(working);
    // The servers themselves may note something later, which is not asked for here.
    const { newest } = await admin.changeRange(1);
    over.written = true;
    await Promise.all(following);

    // All of it, by the feed of each server, by the chain, and by what each server answers.
    for (const [server, each] of seen.entries()) {
      assert.ok(
        each.every((sequence, n) => n === 0 || sequence > (each[n - 1] as number)),
        `server ${server} in order`,
      );
      const [told, first] = [each, seen[0] as number[]].map((all) => all.filter((at) => at <= newest));
      assert.deepEqual(told, first, `server ${server} tells what server 0 tells`);
    }
    const changes = await admin.changes({ tenant: 1, limit: newest });
    assert.deepEqual(
      changes.map(({ sequence }) => sequence),
      Array.from({ length: newest }, (_, n) => n + 1),
    );
    assert.deepEqual((await admin.past.verify({ tenant: 1 })).problems, []);
    const read = await ask(1, 'GET', group);
    const members = new Set((read.json.members as { value: string }[]).map(({ value }) => value));
    for (const id of known.members) assert.ok(members.has(id), `member ${id} is there`);
    for (const id of members)
      assert.ok(known.members.has(id) || known.unsure.has(id), `member ${id} is known`);
    const ids = [...known.created];
    for (let n = 0; n < ids.length; n++) {
      const [id, userName] = ids[n] as [string, string];
      const found = await ask(
        n % count,
        'GET',
        `/Users?filter=${encodeURIComponent(`userName eq "${userName}"`)}`,
      );
      assert.deepEqual(
        (found.json.Resources as { id: string }[]).map((each) => each.id),
        [id],
      );
    }
    for (const id of known.deleted) assert.equal((await ask(2, 'GET', `/Users/${id}`)).status, 404);

    const creations = changes.filter(({ operation, type }) => operation === 'create' && type === 'User');
    await until('all deliveries', () => {
      const got = new Set(receiver.events().map(({ sequence }) => sequence));
      return creations.every(({ sequence }) => got.has(sequence));
    });
    const events = receiver.events();
    const delivered = new Set(events.map(({ sequence }) => sequence)).size;
    assert.equal(delivered, creations.length);
    if (kills === 0) assert.equal(events.length, delivered, 'each is delivered once');
    await admin.close();
    return {
      ...{ kills: killed, acknowledged, failed, changes: newest, delivered },
      ...{ repeated: events.length - delivered, revocation: Math.round(revocation) },
    };
  } finally {
    Object.assign(over, { done: true, written: true });
    await Promise.all(servers.map((server) => server.kill()));
    await receiver.close();
    await postgres.close();
  }
}
