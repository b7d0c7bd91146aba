/**
 * A server that is killed between commit and delivery, again and again under load: every event arrives, and those of a
 * person in their order. SCIMD_KILLS says how often; 4 without it.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { scimd, secretPattern, serving, temporaryFolder } from '../cli/scimd.ts';
import { extent } from '../hostile/extent.ts';
import { newUser, patchOp } from '../server.ts';
import { until } from '../until.ts';
import { startReceiver } from './receiver.ts';

const kills = extent(4, 50);

test(`killed ${kills} times under load, no event is lost and each person's come in order`, async (t) => {
  const place = { folder: temporaryFolder(), environment: { SCIMD_DATABASE: 'scimd.db' } };
  let server = await serving(['serve', '--port', '0'], place);
  t.after(() => server.signal('SIGKILL'));
  const token = secretPattern.exec(server.output.stdout)?.[0] ?? '';
  const app = await startReceiver();
  t.after(() => app.close());
  const made = await scimd(
    ['webhook', 'create', app.url, '--allow-private', '--type', 'user.created,user.updated', '--json'],
    place,
  );
  assert.equal(made.status, 0, made.stderr);
  const { id, secret } = JSON.parse(made.stdout);
  app.secret = secret;
  const bulk = await startReceiver();
  t.after(() => bulk.close());
  const batched = await scimd(
    ['webhook', 'create', bulk.url, '--allow-private', '--type', 'user.*', '--batch', '50', '--json'],
    place,
  );
  assert.equal(batched.status, 0, batched.stderr);
  const second = JSON.parse(batched.stdout);
  bulk.secret = second.secret;
  /** By message: what came under its id, answered or not. */
  const bodies = new Map<string, Set<string>>();
  bulk.answer = ({ id: message, body }) => {
    bodies.set(message, (bodies.get(message) ?? new Set()).add(body));
    return 204;
  };

  /** By person: how many changes were acknowledged. */
  const acknowledged = new Map<string, number>();
  const send = (method: string, path: string, body: object) =>
    fetch(server.url + path, {
      method,
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/scim+json' },
      body: JSON.stringify(body),
    });
  const work = async (until: { done: boolean }): Promise<void> => {
    while (!until.done) {
      try {
        const created = await send('POST', '/Users', newUser());
        if (created.status !== 201) continue;
        const { id: person } = (await created.json()) as { id: string };
        acknowledged.set(person, 0);
        for (let title = 1; title <= 3 && !until.done; title++) {
          const body = patchOp({ op: 'replace', path: 'title', value: String(title) });
          if ((await send('PATCH', `/Users/${person}`, body)).status === 200) acknowledged.set(person, title);
        }
      } catch {
        // The server was killed meanwhile: what was not acknowledged may have been done or not.
        await wait(20);
      }
    }
  };
  for (let kill = 0; kill < kills; kill++) {
    const running = { done: false };
    const before = acknowledged.size;
    const workers = [1, 2, 3, 4].map(() => work(running));
    await until('work', () => acknowledged.size > before);
    await wait(300 + Math.random() * 700);
    server.signal('SIGKILL');
    running.done = true;
    await Promise.all([...workers, server.end]);
    server = await serving(['serve', '--port', '0'], place);
  }

  for (const each of [id, second.id])
    await until(
      'all to be delivered',
      async () => {
        const printed = (await scimd(['webhook', 'show', each, '--json'], place)).stdout;
        const { behind, waiting } = JSON.parse(printed);
        return behind === 0 && waiting.length === 0;
      },
      300,
    );
  await server.stop();

  assert.ok(acknowledged.size > kills, `${acknowledged.size} people`);
  for (const receiver of [app, bulk]) {
    const firsts = new Map<string, number[]>();
    const seen = new Set<string>();
    for (const event of receiver.events()) {
      const isOne = event.type === 'user.created' || event.type === 'user.updated';
      if (seen.has(event.id) || !isOne) continue;
      seen.add(event.id);
      firsts.set(event.subject.id, [...(firsts.get(event.subject.id) ?? []), event.sequence]);
    }
    for (const [person, updates] of acknowledged) {
      const numbers = firsts.get(person) ?? [];
      assert.ok(numbers.length >= updates + 1, `${person}: ${numbers.length} events, ${updates} updates`);
      assert.deepEqual(
        numbers,
        [...numbers].sort((a, b) => a - b),
        person,
      );
    }
  }
  assert.ok(bodies.size > 0);
  for (const [message, each] of bodies)
    assert.equal(each.size, 1, `${message} came with ${each.size} bodies`);
});
