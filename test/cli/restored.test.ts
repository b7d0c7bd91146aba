/** A database that is put back to a backup: nobody who was ahead of it misses anything in silence, or gets anything twice. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { copyFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { after, test } from 'node:test';
import pg from 'pg';
import { acknowledge, compare, consume, PositionTooOld, snapshot } from '../../src/consumer.ts';
import type { Event } from '../../src/events/event.ts';
import { openAccess } from '../../src/store/open.ts';
import { type Receiver, startReceiver } from '../events/receiver.ts';
import { startPostgres } from '../postgres-server.ts';
import { newUser } from '../server.ts';
import { until } from '../until.ts';
import { type Serving, scimd, secretPattern, serving, temporaryFolder } from './scimd.ts';

const token = 'a-token-for-tests-of-restoring';

interface Person {
  readonly id: string;
  readonly version: number;
  readonly active: boolean;
  readonly groups: readonly string[];
}

/** An application that keeps a copy of all people, and where it is. */
class Application {
  readonly people = new Map<string, Person>();
  position: string | undefined;
  readonly #events: string;
  readonly #origin: () => string;

  constructor(events: string, origin: () => string) {
    this.#events = events;
    this.#origin = origin;
  }

  get connection() {
    return { url: this.#origin(), token: this.#events };
  }

  #put({ id, meta, active }: Record<string, unknown>): void {
    const { version } = meta as { version: string };
    this.people.set(String(id), {
      ...{ id: String(id), version: Number(/\d+/.exec(version)?.[0]) },
      ...{ active: active !== false, groups: [] },
    });
  }

  async begin(): Promise<void> {
    this.people.clear();
    const all = await snapshot(this.connection);
    for await (const { resourceType, data } of all.items) if (resourceType === 'User') this.#put(data);
    this.position = all.position;
  }

  /** All that there is, told from where it is. */
  async catchUp(): Promise<Event[]> {
    const told: Event[] = [];
    const { position: end } = await compare(this.connection, []);
    const abort = new AbortController();
    if (this.position === end) return told;
    for await (const event of consume({
      ...this.connection,
      position: this.position,
      signal: abort.signal,
    })) {
      told.push(event);
      if (event.type === 'user.deleted') this.people.delete(event.subject.id);
      else if ('data' in event && event.data !== null && event.subject.type === 'User') this.#put(event.data);
      this.position = event.position;
      if (event.position === end) abort.abort();
    }
    await acknowledge(this.connection, { consumer: 'app', position: end });
    return told;
  }

  async differences(): Promise<readonly string[]> {
    return (await compare(this.connection, this.people.values())).ids;
  }
}

/** Takes each event once, by its id, as the documentation says. */
class Inbox {
  readonly byId = new Map<string, Event>();

  constructor(receiver: Receiver) {
    receiver.answer = ({ events }) => {
      for (const event of events) {
        const known = this.byId.get(event.id);
        if (known !== undefined) assert.deepEqual(event, known, 'the same id is the same event');
        this.byId.set(event.id, event);
      }
      return 204;
    };
  }

  created(id: string): Event | undefined {
    return [...this.byId.values()].find((event) => event.type === 'user.created' && event.subject.id === id);
  }
}

interface Database {
  readonly environment: Readonly<Record<string, string>>;
  backUp(): Promise<void>;
  restore(): Promise<void>;
}

async function scenario(folder: string, { environment, backUp, restore }: Database): Promise<void> {
  const place = {
    folder,
    environment: { SCIMD_BOOTSTRAP_TOKEN: token, SCIMD_LOG_LEVEL: 'warn', ...environment },
  };
  const run = async (...args: string[]): Promise<string> => {
    const { status, stdout, stderr } = await scimd(args, place);
    assert.equal(status, 0, stderr);
    return stdout;
  };
  let server: Serving = await serving(['serve', '--port', '0'], place);
  const ask = async (method: string, path: string, body?: object): Promise<{ id: string }> => {
    const response = await fetch(`${server.url}${path}`, {
      method,
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/scim+json' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    assert.ok(response.ok, `${response.status}`);
    return response.status === 204 ? { id: '' } : ((await response.json()) as { id: string });
  };
  const create = async (): Promise<string> => (await ask('POST', '/Users', newUser())).id;
  const events =
    secretPattern.exec(await run('token', 'create', '--name', 'e', '--scope', 'events'))?.[0] ?? '';
  const origin = (): string => new URL(server.url).origin;
  const feed = (query: string, headers: Record<string, string> = {}) =>
    fetch(`${origin()}/events?${query}`, { headers: { authorization: `Bearer ${events}`, ...headers } });
  const receiver = await startReceiver();
  after(() => receiver.close());
  const inbox = new Inbox(receiver);
  const endpoint = JSON.parse(await run('webhook', 'create', receiver.url, '--allow-private', '--json')) as {
    id: string;
    secret: string;
  };
  receiver.secret = endpoint.secret;

  const app = new Application(events, origin);
  await app.begin();
  const [first, gone] = [await create(), await create()];
  await app.catchUp();
  const [head = ''] = /\d+:[0-9a-f]{64}/.exec(await run('verify')) ?? [];
  await until('the webhook', () => inbox.created(gone));
  await backUp();

  // The time that will be lost.
  const lost = [await create(), await create()];
  await ask('DELETE', `/Users/${first}`);
  await app.catchUp();
  assert.deepEqual(await app.differences(), []);
  const { position: ahead = '' } = app;
  const [lostHead = ''] = /\d+:[0-9a-f]{64}/.exec(await run('verify')) ?? [];
  await until('the webhook', () => inbox.created(lost[1] ?? ''));
  const sequences = new Map([...inbox.byId.values()].map((event) => [event.sequence, event.transaction]));
  await server.stop();
  await restore();
  server = await serving(['serve', '--port', '0'], place);

  const refusedAt = async (position: string): Promise<void> => {
    const page = await feed(`after=${position}&wait=30s`);
    const told = (await page.json()) as { oldest: string; snapshot: string; detail: string };
    assert.deepEqual([page.status, told.oldest, told.snapshot], [410, '0', '/events/snapshot']);
    assert.match(told.detail, /The database was restored/);
    const stream = await feed('', { accept: 'text/event-stream', 'last-event-id': position });
    assert.match(await stream.text(), /^event: feed\.resync\ndata: .*"snapshot":"\/events\/snapshot"/);
    await assert.rejects(consume({ ...app.connection, position }).next(), PositionTooOld);
    await assert.rejects(acknowledge(app.connection, { consumer: 'app', position }), PositionTooOld);
  };
  await refusedAt(ahead);
  // A consumer that the database knows goes on where the backup had it, and is told what happened.
  const page = (await (await feed('consumer=app')).json()) as { events: Event[] };
  const told = page.events.find((event) => event.type === 'database.restored');
  assert.ok(told !== undefined);
  const { kept, sequence } = told;
  assert.ok(kept < Number(ahead) && Number(ahead) < sequence);
  const named = await feed(`after=${kept}`);
  assert.equal(named.status, 200);

  // Far more than was lost: by the old numbers the position would be one of those again.
  const later: string[] = [];
  for (let count = 0; count < 12; count++) later.push(await create());
  await refusedAt(ahead);
  await assert.rejects(app.catchUp(), PositionTooOld);
  await app.begin();
  assert.deepEqual(await app.differences(), []);
  assert.ok(app.people.has(first) && later.every((id) => app.people.has(id)));
  assert.ok(lost.every((id) => !app.people.has(id)));
  await ask('DELETE', `/Users/${gone}`);
  later.push(await create());
  assert.ok((await app.catchUp()).length > 0);
  assert.deepEqual(await app.differences(), []);

  // Who takes each id once has got all that is new, and no number means two things.
  for (const id of later) await until('the webhook', () => inbox.created(id));
  for (const { sequence: number, transaction } of inbox.byId.values())
    assert.equal(sequences.get(number) ?? transaction, transaction, `number ${number}`);
  assert.ok([...inbox.byId.values()].some(({ type }) => type === 'database.restored'));

  const shown = JSON.parse(await run('webhook', 'show', endpoint.id, '--json')) as { behind: number };
  assert.ok(shown.behind < 100, `${shown.behind} behind`);
  const verified = await run('verify');
  assert.match(verified, new RegExp(`verified \\(.*the database was restored after change ${kept}`));
  await run('verify', '--head', head);
  const unknown = await scimd(['verify', '--head', lostHead], place);
  assert.equal(unknown.status, 1);
  assert.match(unknown.stdout, /the database was restored, and what came after change \d+ is gone/);
  const { SCIMD_DATABASE: database = '' } = environment;
  const store = await openAccess(database.includes(':') ? database : join(folder, database));
  const [action] = await store.admin.actions({ limit: 1 });
  await store.close();
  assert.equal(action?.action, 'database.restore');
  assert.match(action.actor, /, at the command line$/);
  const tail = await scimd(['tail', '--after', ahead], place);
  assert.match(tail.stderr, /The database was restored/);
  const past = await scimd(['access', '--at', ahead], place);
  assert.match(past.stderr, /there is no change \d+: the database was restored/);
  const replay = await scimd(['webhook', 'replay', endpoint.id, '--from', ahead], place);
  assert.match(replay.stderr, /there is nothing between/);

  // The same backup once more: the time after the first restore is another one than that after the second.
  const { position: second = '' } = app;
  await server.stop();
  await restore();
  server = await serving(['serve', '--port', '0'], place);
  for (let count = 0; count < 3; count++) await create();
  await refusedAt(ahead);
  await refusedAt(second);
  await app.begin();
  assert.deepEqual(await app.differences(), []);
  // A tenant of a name that there was before has none of its numbers.
  await run('tenant', 'create', 'acme');
  const acme = /\d+/.exec(await run('tail', '--tenant', 'acme', '--after', 'now')) ?? [];
  assert.deepEqual(acme, []);
  const old = await scimd(['tail', '--tenant', 'acme', '--after', '7'], place);
  assert.match(old.stderr, /not kept any more/);
  await server.stop();
}

test('SQLite: scimd restore', async () => {
  const folder = temporaryFolder();
  const done = async (...args: string[]): Promise<void> => {
    const { status, stderr } = await scimd(args, { folder });
    assert.equal(status, 0, stderr);
  };
  await scenario(folder, {
    environment: { SCIMD_DATABASE: 'scimd.db' },
    backUp: () => done('backup', 'scimd.backup', '--database', 'scimd.db'),
    restore: () => done('restore', 'scimd.backup', '--database', 'scimd.db'),
  });
});

test('SQLite: the file copied back by hand, and scimd restored', async () => {
  const folder = temporaryFolder();
  const file = join(folder, 'scimd.db');
  const environment = { SCIMD_DATABASE: 'scimd.db' };
  await scenario(folder, {
    environment,
    async backUp() {
      const { status, stderr } = await scimd(['backup', 'scimd.backup'], { folder, environment });
      assert.equal(status, 0, stderr);
    },
    async restore() {
      for (const suffix of ['', '-wal', '-shm']) rmSync(file + suffix, { force: true });
      copyFileSync(join(folder, 'scimd.backup'), file);
      const { status, stdout, stderr } = await scimd(['restored'], { folder, environment });
      assert.equal(status, 0, stderr);
      assert.match(stdout, /positions in the feed of 1 tenant go on behind all that were given out/);
    },
  });
});

test('PostgreSQL: a database made from its backup, and scimd restored', async () => {
  const folder = temporaryFolder();
  const server = await startPostgres();
  after(() => server.close());
  const name = `restored_${randomBytes(6).toString('hex')}`;
  const address = new URL(server.url);
  address.pathname = `/${name}`;
  const admin = async (...statements: string[]): Promise<void> => {
    const client = new pg.Client({ connectionString: server.url });
    await client.connect();
    for (const statement of statements) await client.query(statement);
    await client.end();
  };
  const end = (of: string): string =>
    `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '${of}'`;
  const environment = { SCIMD_DATABASE: address.href };
  await admin(`CREATE DATABASE "${name}"`);
  await scenario(folder, {
    environment,
    // The server that runs loses its connections, and makes others.
    backUp: () =>
      admin(
        `ALTER DATABASE "${name}" ALLOW_CONNECTIONS false`,
        end(name),
        `CREATE DATABASE "${name}_backup" TEMPLATE "${name}"`,
        `ALTER DATABASE "${name}" ALLOW_CONNECTIONS true`,
      ),
    async restore() {
      await admin(
        end(name),
        `DROP DATABASE "${name}"`,
        `CREATE DATABASE "${name}" TEMPLATE "${name}_backup"`,
      );
      const { status, stderr } = await scimd(['restored'], { folder, environment });
      assert.equal(status, 0, stderr);
    },
  });
  await admin(`DROP DATABASE "${name}"`, `DROP DATABASE "${name}_backup"`);
});
