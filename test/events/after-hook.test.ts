/** createScimd({ after }): the very events of the feed, after the commit, for every writer (application.md §6). */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { createScimd, type Event, type Scimd, type ScimdOptions, sql } from '../../src/index.ts';
import { newGroup, newUser } from '../server.ts';
import { maps, openDatabase } from '../tables/fixture.ts';
import { until } from '../until.ts';

const folder = mkdtempSync(join(tmpdir(), 'scimd-after-'));
const opened: Scimd[] = [];
after(async () => {
  for (const scimd of opened) await scimd.close();
  rmSync(folder, { recursive: true });
});

function kept(scimd: Scimd): Scimd {
  opened.push(scimd);
  return scimd;
}

type Hook = NonNullable<ScimdOptions['after']>;

const silent = { info() {}, warn() {}, isLevelEnabled: () => false };

/** What the feed has of a tenant, from its beginning. */
async function feedOf(scimd: Scimd, tenant = 'default'): Promise<Event[]> {
  const { token } = await scimd.createToken({ name: 'app', scope: 'events', tenant });
  const url = 'http://app.example/events?after=oldest&limit=1000';
  const answer = await scimd.fetch(new Request(url, { headers: { authorization: `Bearer ${token}` } }));
  return ((await answer.json()) as { events: Event[] }).events;
}

const isAbout = (type: string) => (event: Event) => event.type === type;

test('it is told of each event as the feed has it, in order, and what it throws is logged and changes nothing', async () => {
  const told: Event[] = [];
  const errors: string[] = [];
  const hook: Hook = (event) => {
    told.push(event);
    if (event.type === 'group.created') throw new Error('at once');
    if (event.type === 'user.deactivated') return Promise.reject(new Error('later'));
    return undefined;
  };
  const error = ({ err }: { err?: Error }): void => void errors.push(err?.message ?? '');
  const scimd = kept(await createScimd({ database: ':memory:', log: { ...silent, error }, after: hook }));
  const ann = await scimd.users.create(newUser({ userName: 'ann' }));
  await assert.rejects(scimd.users.create(newUser({ userName: 'Ann' })), /already in use/);
  await scimd.groups.create(newGroup({ displayName: 'G', members: [{ value: ann.id }] }));
  await scimd.users.patch(ann.id, [{ op: 'replace', path: 'active', value: 'False' }]);
  const leaver = await until('the leaver', () => told.find(isAbout('user.deactivated')));
  assert.deepEqual(leaver.actor, { kind: 'embedder' });
  const feed = await feedOf(scimd);
  assert.deepEqual(
    feed.map(({ type }) => type),
    [
      ...['user.created', 'user.access_changed', 'group.created', 'group.members_changed'],
      ...['user.access_changed', 'user.deactivated', 'user.access_changed'],
    ],
  );
  await until('the last one', () => told.length === feed.length);
  // What was made later shows resources as they are by then.
  assert.deepEqual(
    told.map(({ id, sequence, type }) => [id, sequence, type]),
    feed.map(({ id, sequence, type }) => [id, sequence, type]),
  );
  assert.deepEqual(told.at(-1), feed.at(-1));
  assert.deepEqual(errors, ['at once', 'later']);
});

test('it is told of what no request has made: a lock, another process, another tenant, which is deleted', async () => {
  const database = join(folder, 'scimd.db');
  const before = await createScimd({ database });
  const ann = await before.users.create(newUser({ userName: 'ann' }));
  await before.close();
  const told: Event[] = [];
  const scimd = kept(await createScimd({ database, after: (event) => told.push(event) }));
  await scimd.access.lock(ann.id);
  const locked = await until('the lock', () => told.find(isAbout('user.access_changed')));
  assert.deepEqual(
    [locked.type === 'user.access_changed' && [locked.access.active, locked.access.locked], told.length],
    [[false, true], 1],
    'and nothing of what was there before it',
  );
  const other = kept(await createScimd({ database }));
  await other.users.create(newUser({ userName: 'bob' }));
  const created = await until('another process', () => told.find(isAbout('user.created')));
  assert.equal('subject' in created && 'userName' in created.subject && created.subject.userName, 'bob');
  const { token } = await scimd.createToken({ name: 'okta', tenant: 'acme' });
  await scimd.createToken({ name: 'app', tenant: 'acme', scope: 'events' });
  const body = JSON.stringify(newUser({ userName: 'eve' }));
  const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/scim+json' };
  const url = 'http://app.example/scim/v2/Users';
  assert.equal((await scimd.fetch(new Request(url, { method: 'POST', headers, body }))).status, 201);
  await until('the other tenant', () =>
    told.find(({ tenant, type }) => tenant === 'acme' && type === 'user.created'),
  );
  await scimd.tenants.delete('acme');
  const gone = await until('its end', () => told.find(isAbout('tenant.deleted')));
  assert.equal(gone.tenant, 'acme');
});

test('it is told of one after the other, and of the rest before the server is closed', async () => {
  const told: string[] = [];
  let running = 0;
  const hook: Hook = async (event) => {
    assert.equal(++running, 1);
    await pause(2);
    running--;
    told.push(event.type);
  };
  const errors: object[] = [];
  const log = { ...silent, error: (fields: object) => void errors.push(fields) };
  const scimd = await createScimd({ database: ':memory:', log, after: hook });
  for (let n = 0; n < 60; n++) await scimd.users.create(newUser({ userName: `u${n}` }));
  await scimd.close();
  assert.equal(told.length, 120);
  assert.deepEqual(errors, []);
});

for (const dialect of ['sqlite', 'postgres'] as const)
  test(`over tables of one's own too: ${dialect}`, async () => {
    const { connection } = await openDatabase(dialect);
    const told: Event[] = [];
    const scimd = kept(
      await createScimd({ store: sql(connection, maps()), after: (event) => told.push(event) }),
    );
    const { id } = await scimd.users.create({ userName: 'ann' });
    await scimd.users.delete(id);
    const deleted = await until('the deletion', () => told.find(isAbout('user.deleted')));
    assert.equal('subject' in deleted && deleted.subject.id, id);
    assert.deepEqual(
      told.map((event) => event.id).slice(0, 3),
      (await feedOf(scimd)).map((event) => event.id).slice(0, 3),
    );
    // The tables were put back to a backup: whoever is ahead of them learns it.
    const { sequence: last = 0 } = (await scimd.changes()).at(-1) ?? {};
    assert.equal(await scimd.noteRestored(), 1);
    const restored = await until('the restored database', () => told.find(isAbout('database.restored')));
    assert.equal(restored.type === 'database.restored' && restored.kept, last);
    await scimd.users.create({ userName: 'bob' });
    const [next] = await scimd.changes({ after: last });
    assert.equal(next?.sequence, restored.sequence);
    await assert.rejects(scimd.changes({ after: last + 1 }), /the database was restored/);
    await until('the next one', () => told.filter(isAbout('user.created')).length === 2);
  });
