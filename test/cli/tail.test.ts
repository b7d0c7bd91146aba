/** scimd tail. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { newUser, patchOp } from '../server.ts';
import { until } from '../until.ts';
import { running, scimd, secretPattern, serving, temporaryFolder } from './scimd.ts';

const place = { folder: temporaryFolder(), environment: { SCIMD_DATABASE: 'scimd.db' } };

test('scimd tail prints what happened, and with --follow what happens, until it is ended', async () => {
  const server = await serving(['serve', '--port', '0'], place);
  const token = secretPattern.exec(server.output.stdout)?.[0] ?? '';
  const send = async (method: string, path: string, body: object): Promise<string> => {
    const response = await fetch(server.url + path, {
      method,
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/scim+json' },
      body: JSON.stringify(body),
    });
    assert.ok(response.ok);
    return ((await response.json()) as { id: string }).id;
  };
  const id = await send('POST', '/Users', newUser({ userName: 'jane@example.com' }));
  await send('PATCH', `/Users/${id}`, patchOp({ op: 'replace', path: 'title', value: 'Engineer' }));

  const { status, stdout } = await scimd(['tail'], place);
  assert.equal(status, 0);
  const lines = stdout
    .trimEnd()
    .split('\n')
    .filter((line) => !line.includes(' connection.'));
  assert.equal(lines.length, 3);
  assert.match(lines[2] ?? '', /^[23] \S+Z user\.updated jane@example\.com title \(by .+\)$/);

  const typed = await scimd(['tail', '--type', 'user.updated', '--json'], place);
  assert.deepEqual(JSON.parse(typed.stdout).changes, [{ path: 'title', to: 'Engineer' }]);

  const following = running(['tail', '--follow', '--after', '1'], place);
  await until('what there is', () => following.output.stdout.includes('user.updated'));
  await send('PATCH', `/Users/${id}`, patchOp({ op: 'replace', path: 'active', value: false }));
  await until('the leaver', () => following.output.stdout.includes('user.deactivated'));
  following.signal('SIGINT');
  assert.equal((await following.end).status, 0);

  const wrong = await scimd(['tail', '--after', '99'], place);
  assert.equal(wrong.status, 1);
  assert.match(wrong.stderr, /the newest position is [3-9]\n/);
  const unknown = await scimd(['tail', '--type', 'user.delete'], place);
  assert.equal(unknown.status, 2);
  assert.match(unknown.stderr, /"user\.delete" is none of the events, did you mean "user\.deleted"\?/);
  await server.stop();
});
