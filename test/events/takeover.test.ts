/** Two servers, processes of their own, on one database: each event goes out once, and who dies is replaced. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { scimd, secretPattern, serving, temporaryFolder } from '../cli/scimd.ts';
import { newUser, patchOp } from '../server.ts';
import { until } from '../until.ts';
import { startReceiver } from './receiver.ts';

test('two servers deliver once; one that is killed with a batch on its way is replaced within ten seconds, and the batch comes byte for byte', async (t) => {
  const place = { folder: temporaryFolder(), environment: { SCIMD_DATABASE: 'scimd.db' } };
  const first = await serving(['serve', '--port', '0'], place);
  t.after(() => first.signal('SIGKILL'));
  const token = secretPattern.exec(first.output.stdout)?.[0] ?? '';
  const send = async (server: { url: string }, method: string, path: string, body: object) => {
    const response = await fetch(server.url + path, {
      method,
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/scim+json' },
      body: JSON.stringify(body),
    });
    assert.ok(response.ok, `${response.status}`);
    return ((await response.json()) as { id: string }).id;
  };
  const endpoint = async (...more: string[]) => {
    const receiver = await startReceiver();
    t.after(() => receiver.close());
    const made = await scimd(
      ['webhook', 'create', receiver.url, '--allow-private', '--type', 'user.created', '--json', ...more],
      place,
    );
    assert.equal(made.status, 0, made.stderr);
    receiver.secret = JSON.parse(made.stdout).secret;
    return receiver;
  };
  const [single, batches] = [await endpoint(), await endpoint('--batch', '10')];
  // The first one has the leases now.
  await send(first, 'POST', '/Users', newUser());
  await until('the first event at both', () => single.received.length === 1 && batches.received.length === 1);
  const second = await serving(['serve', '--port', '0'], place);
  t.after(() => second.signal('SIGKILL'));

  for (let count = 0; count < 40; count++)
    await send(count % 2 === 0 ? first : second, 'POST', '/Users', newUser());
  await until('all', () => single.events().length >= 41 && batches.events().length >= 41);
  await new Promise((resolve) => setTimeout(resolve, 3000));
  for (const receiver of [single, batches]) {
    const ids = receiver.events().map(({ id }) => id);
    assert.deepEqual(
      ids.filter((id, index) => ids.indexOf(id) !== index),
      [],
      'nothing twice',
    );
    assert.equal(ids.length, 41);
  }

  const hung: { id: string; body: string }[] = [];
  batches.answer = ({ id, body }) => {
    hung.push({ id, body });
    return undefined;
  };
  const people = await Promise.all([1, 2, 3].map(() => send(second, 'POST', '/Users', newUser())));
  await until('the batch', () => hung.length > 0);
  first.signal('SIGKILL');
  await first.end;
  const died = performance.now();
  batches.answer = undefined;
  // What the batch told of has changed, and more has come, before it is sent again.
  for (const person of people)
    await send(second, 'PATCH', `/Users/${person}`, patchOp({ op: 'replace', path: 'title', value: 'x' }));
  await send(second, 'POST', '/Users', newUser());
  // One that was delivered and not yet noted when its server died comes again, under its id.
  const told = (receiver: typeof single) => new Set(receiver.events().map(({ id }) => id)).size;
  await until('all at both', () => told(single) === 45 && told(batches) === 45);
  assert.ok(performance.now() - died < 10_000, `${performance.now() - died} ms`);
  const again = batches.received.find(({ id }) => id === hung[0]?.id);
  assert.equal(again?.body, hung[0]?.body);
  await second.stop();
});
