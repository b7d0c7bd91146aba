/** scimd stream, beside a server whose receiver polls. */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { decodeJwt, decodeProtectedHeader } from 'jose';
import { streamUpdated } from '../events/receiver-client.ts';
import { scimd, secretPattern, serving, temporaryFolder } from './scimd.ts';

const place = { folder: temporaryFolder(), environment: { SCIMD_DATABASE: 'scimd.db' } };
const server = await serving(['serve', '--port', '0'], place);
after(() => server.stop());

test('an operator sees streams, pauses and resumes them, which the receiver is told, changes the key and deletes', async () => {
  const made = await scimd(['token', 'create', '--name', 'siem', '--scope', 'events'], place);
  const token = secretPattern.exec(made.stdout)?.[0] ?? '';
  const { origin } = new URL(server.url);
  // biome-ignore lint/suspicious/noExplicitAny: a stream's configuration, or an answer to a poll
  const send = async (path: string, body: object): Promise<any> => {
    const response = await fetch(path.startsWith('http') ? path : origin + path, {
      method: 'POST',
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
    assert.ok(response.ok, await response.clone().text());
    return response.json();
  };
  const run = async (...words: string[]) => scimd(['stream', ...words], place);
  const { stream_id: id, delivery } = await send('/ssf/streams', {});
  assert.match((await run('list')).stdout, new RegExp(`${id} +default +siem +enabled`));
  assert.match((await run('pause', id)).stdout, /paused/);
  const poll = () => send(delivery.endpoint_url, { returnImmediately: true });
  const { sets } = await poll();
  const [first = ''] = Object.values(sets) as string[];
  assert.deepEqual(decodeJwt(first).events, {
    [streamUpdated]: { status: 'paused', reason: 'Paused by the operator' },
  });
  assert.match((await run('show', id)).stdout, /paused: Paused by the operator/);
  await send(delivery.endpoint_url, { ack: Object.keys(sets), returnImmediately: true });
  assert.match((await run('resume', id)).stdout, /goes on/);
  assert.match((await run('rotate-key')).stdout, /from now on/);
  const [second = ''] = Object.values((await poll()).sets) as string[];
  assert.deepEqual(decodeJwt(second).events, { [streamUpdated]: { status: 'enabled' } });
  assert.notEqual(decodeProtectedHeader(second).kid, decodeProtectedHeader(first).kid);
  const shown = JSON.parse((await run('show', id, '--json')).stdout);
  assert.equal(shown.attempts.length, 1, 'the acknowledgement is evidence');
  assert.equal(shown.receiver, 'siem');
  assert.match((await run('delete', id)).stdout, /deleted/);
  const gone = await run('show', id);
  assert.equal(gone.status, 1);
  assert.match(gone.stderr, /There is no stream/);
});
