import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { test } from 'node:test';
import { newUser } from '../server.ts';
import { until } from '../until.ts';
import { type Serving, scimd, serving, temporaryFolder } from './scimd.ts';

const token = 'a-token-for-tests-of-schedules';
const environment = { SCIMD_BOOTSTRAP_TOKEN: token };
const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/scim+json' };
const every = ['serve', '--port', '0', '--backup-every', '24h', '--backup-folder', 'backups'];
const named = /^scimd\.db-scheduled-\d{4}-\d\d-\d\dT\d{6}Z\.backup$/;

const logged = (server: Serving, message: string) =>
  until(message, () => server.output.stderr.split('\n').find((line) => line.includes(`"msg":"${message}"`)));

async function metric(folder: string, server: Serving, name: string): Promise<number> {
  const made = await scimd(['token', 'create', '--name', `m${Math.random()}`, '--scope', 'admin'], {
    folder,
  });
  const response = await fetch(new URL('/metrics', server.url), {
    headers: { authorization: `Bearer ${made.stdout.trim()}` },
  });
  return Number(new RegExp(`^${name} (\\S+)$`, 'm').exec(await response.text())?.[1]);
}

test('a server backs up by itself, keeps the last ones, and does so again only when it is time', async () => {
  const folder = temporaryFolder();
  const backups = join(folder, 'backups');
  mkdirSync(backups);
  for (const day of ['01', '02', '03'])
    writeFileSync(join(backups, `scimd.db-scheduled-2026-01-${day}T000000Z.backup`), 'old');
  writeFileSync(join(backups, 'scimd.db-2026-01-01T000000Z.backup'), 'made by hand');
  const started = Date.now();
  const place = { folder, environment };
  const server = await serving([...every, '--backup-keep', '2'], place);
  const created = await fetch(`${server.url}/Users`, {
    method: 'POST',
    headers,
    body: JSON.stringify(newUser()),
  });
  assert.equal(created.status, 201);
  const line = JSON.parse(await logged(server, 'backed up and verified'));
  assert.equal(line.removed, 2);
  const there = readdirSync(backups).sort();
  assert.deepEqual(there.slice(0, 2), [
    'scimd.db-2026-01-01T000000Z.backup',
    'scimd.db-scheduled-2026-01-03T000000Z.backup',
  ]);
  const [newest = '', ...more] = there.slice(2);
  assert.match(newest, named);
  assert.deepEqual(more, []);
  const last = await metric(folder, server, 'scimd_backup_last_success_timestamp_seconds');
  assert.ok(last * 1000 >= started - 1000 && last * 1000 <= Date.now());
  await server.stop();

  const again = await serving(every, place);
  // It knows of the last one, and has nothing to do for a day.
  assert.equal(
    Math.floor(await metric(folder, again, 'scimd_backup_last_success_timestamp_seconds')),
    Math.floor(last),
  );
  assert.deepEqual(readdirSync(backups).sort(), there);
  await again.stop();
  const restored = await scimd(['restore', join('backups', newest)], place);
  assert.equal(restored.status, 0, restored.stderr);
});

test('backups that a wrong clock made in the future neither stand for the last one nor have new ones removed', async () => {
  const folder = temporaryFolder();
  const backups = join(folder, 'backups');
  mkdirSync(backups);
  const later = [
    'scimd.db-scheduled-2099-01-01T000000Z.backup',
    'scimd.db-scheduled-2099-01-02T000000Z.backup',
  ];
  for (const name of later) writeFileSync(join(backups, name), 'of the future');
  const server = await serving([...every, '--backup-keep', '2'], { folder, environment });
  const { file, removed } = JSON.parse(await logged(server, 'backed up and verified'));
  assert.equal(removed, 0);
  assert.deepEqual(readdirSync(backups).sort(), [basename(file), ...later]);
  const last = await metric(folder, server, 'scimd_backup_last_success_timestamp_seconds');
  assert.ok(last * 1000 <= Date.now());
  await server.stop();
});

test('a backup that fails is in the log and in a metric, and the server goes on', async () => {
  const folder = temporaryFolder();
  writeFileSync(join(folder, 'backups'), 'no folder');
  const server = await serving(every, { folder, environment });
  const line = JSON.parse(await logged(server, 'the scheduled backup failed'));
  assert.match(line.reason, /EEXIST|ENOTDIR/);
  assert.equal(await metric(folder, server, 'scimd_backup_failures_total'), 1);
  assert.equal(await metric(folder, server, 'scimd_backup_last_success_timestamp_seconds'), 0);
  assert.equal((await fetch(`${server.url}/Users`, { headers })).status, 200);
  await server.stop();
});

test('why a backup fails is in words, with what to do', { skip: process.platform !== 'linux' }, async () => {
  const folder = temporaryFolder();
  const args = [
    ...every.filter((arg) => arg !== '--backup-folder' && arg !== 'backups'),
    '--backup-folder',
    '/proc',
  ];
  const server = await serving(args, { folder, environment });
  const line = JSON.parse(await logged(server, 'the scheduled backup failed'));
  assert.match(line.reason, /^the backup \/proc\/scimd\.db-scheduled-\S+ .*\. Check that .*\.$/);
  await server.stop();
});

test('a database in memory cannot be backed up, and a span must be one', async () => {
  const folder = temporaryFolder();
  const memory = await scimd([...every, '--database', ':memory:'], { folder });
  assert.equal(memory.status, 2);
  assert.match(memory.stderr, /a database in memory has no file to back up/);
  const wrong = await scimd(['serve', '--backup-every', 'daily'], { folder });
  assert.equal(wrong.status, 2);
  assert.match(wrong.stderr, /backup\.every must be a span such as 30m, 24h, 7d or 2w, not "daily"/);
});
