import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import manifest from '../../package.json' with { type: 'json' };
import { newUser, userSchema } from '../server.ts';
import { until } from '../until.ts';
import { temporaryFolder } from './scimd.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));

/** As npm does it: the script's line in the project's folder, and INIT_CWD for the folder where npm was called. */
function start(script: 'start' | 'scimd', args: readonly string[], folder: string) {
  const [program = '', ...words] = manifest.scripts[script].split(' ');
  assert.equal(program, 'node');
  const child = spawn(process.execPath, [...words, ...args], {
    cwd: root,
    env: { ...process.env, INIT_CWD: folder, SCIMD_BOOTSTRAP_TOKEN: 'a-token-for-tests-of-npm-scripts' },
  });
  after(() => child.kill('SIGKILL'));
  const output = { stdout: '', stderr: '' };
  child.stdout.setEncoding('utf8').on('data', (text) => (output.stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text) => (output.stderr += text));
  return { child, output };
}

test('npm run scimd -- backup FILE: the file, and the database, are in the folder where the user stands', async () => {
  const folder = temporaryFolder();
  const { child, output } = start('scimd', ['token', 'create', '--name', 'okta'], folder);
  assert.deepEqual(await once(child, 'close'), [0, null], output.stderr);
  const backup = start('scimd', ['backup', 'copy.backup'], folder);
  assert.deepEqual(await once(backup.child, 'close'), [0, null], backup.output.stderr);
  assert.deepEqual(readdirSync(folder).sort(), ['copy.backup', 'scimd.db']);
});

test('npm start elsewhere: scheduled backups and the thread for long lists find what they need', async () => {
  const folder = temporaryFolder();
  const args = ['--port', '0', '--backup-every', '24h', '--backup-folder', 'backups'];
  const { child, output } = start('start', args, folder);
  const url = await until('the address', () => /listening on (\S+)/.exec(output.stdout)?.[1]);
  await until('the backup', () => output.stderr.includes('backed up and verified') || undefined);
  assert.ok(existsSync(join(folder, 'scimd.db')));
  assert.equal(readdirSync(join(folder, 'backups')).length, 1);
  const headers = {
    authorization: 'Bearer a-token-for-tests-of-npm-scripts',
    'content-type': 'application/scim+json',
  };
  for (let batch = 0; batch < 2; batch++) {
    const Operations = Array.from({ length: 600 }, (_, index) => ({
      ...{ method: 'POST', path: '/Users', bulkId: `b${index}` },
      data: { ...newUser(), schemas: [userSchema] },
    }));
    const schemas = ['urn:ietf:params:scim:api:messages:2.0:BulkRequest'];
    const body = JSON.stringify({ schemas, Operations });
    assert.equal((await fetch(`${url}/Bulk`, { method: 'POST', headers, body })).status, 200);
  }
  const filter = encodeURIComponent('userName co "example.c" and meta.created gt "2000-01-01T00:00:00Z"');
  const listed = await fetch(`${url}/Users?filter=${filter}&count=1`, { headers });
  const { totalResults } = (await listed.json()) as { totalResults: number };
  assert.equal(totalResults, 1200);
  assert.doesNotMatch(output.stderr, /scans hold up|scan thread/i);
  child.kill('SIGTERM');
  assert.deepEqual(await once(child, 'close'), [0, null]);
});
