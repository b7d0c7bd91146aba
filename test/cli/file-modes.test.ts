/** Who may read the files that commands make. */
import assert from 'node:assert/strict';
import { chmodSync, readdirSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { until } from '../until.ts';
import { scimd, serving, temporaryFolder } from './scimd.ts';

test('what holds data of people is its owner’s alone to read; a configuration is not', {
  skip: process.platform === 'win32',
}, async () => {
  const place = { folder: temporaryFolder(), under: ['sh', '-c', 'umask 022; exec "$0" "$@"'] };
  const run = async (...args: string[]): Promise<void> => {
    const { status, stderr } = await scimd(args, place);
    assert.equal(status, 0, stderr);
  };
  const args = ['serve', '--port', '0', '--backup-every', '1h', '--backup-folder', 'backups'];
  const server = await serving(args, place);
  await until('the backup', () => server.output.stderr.includes('backed up and verified'));
  await run('export', 'people.ndjson');
  await run('backup', 'copy.backup');
  const modeOf = (name: string): number => statSync(join(place.folder, name)).mode & 0o777;
  for (const name of ['scimd.db', 'scimd.db-wal', 'scimd.db-shm', 'people.ndjson', 'copy.backup'])
    assert.equal(modeOf(name), 0o600, name);
  assert.equal(modeOf('backups'), 0o700);
  for (const name of readdirSync(join(place.folder, 'backups')))
    assert.equal(modeOf(join('backups', name)), 0o600, name);
  await server.stop();
  await run('init');
  assert.equal(modeOf('scim.config.json'), 0o644);
});

test('a restored database is as readable as the one before, or its owner’s alone', {
  skip: process.platform === 'win32',
}, async () => {
  const place = { folder: temporaryFolder() };
  const [database, backup] = [join(place.folder, 'scimd.db'), join(place.folder, 'copy.backup')];
  const restore = async (): Promise<number> => {
    const { status, stderr } = await scimd(['restore', 'copy.backup'], place);
    assert.equal(status, 0, stderr);
    return statSync(database).mode & 0o777;
  };
  assert.equal((await scimd(['token', 'create', '--name', 'okta'], place)).status, 0);
  assert.equal((await scimd(['backup', 'copy.backup'], place)).status, 0);
  chmodSync(backup, 0o644);
  chmodSync(database, 0o640);
  assert.equal(await restore(), 0o640);
  rmSync(database);
  assert.equal(await restore(), 0o600);
});
