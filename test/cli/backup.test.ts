import assert from 'node:assert/strict';
import { copyFileSync, existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { newUser } from '../server.ts';
import { scimd, serving, temporaryFolder } from './scimd.ts';

const token = 'a-token-for-tests-of-backups';
const environment = { SCIMD_BOOTSTRAP_TOKEN: token, SCIMD_LOG_LEVEL: 'warn' };

async function createUser(url: string): Promise<string> {
  const response = await fetch(`${url}/Users`, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/scim+json' },
    body: JSON.stringify(newUser()),
  });
  assert.equal(response.status, 201);
  return ((await response.json()) as { id: string }).id;
}

const statusOf = async (url: string, id: string): Promise<number> =>
  (await fetch(`${url}/Users/${id}`, { headers: { authorization: `Bearer ${token}` } })).status;

test('backup copies a database that is written meanwhile, verified; restore brings all of it back', async () => {
  const folder = temporaryFolder();
  const place = { folder, environment };
  const server = await serving(['serve', '--port', '0'], place);
  const before = await Promise.all(Array.from({ length: 50 }, () => createUser(server.url)));
  let writing = true;
  const meanwhile: string[] = [];
  const writer = (async () => {
    while (writing) meanwhile.push(await createUser(server.url));
  })();
  const backup = await scimd(['backup', 'copy.backup', '--json'], place);
  writing = false;
  await writer;
  assert.equal(backup.status, 0, backup.stderr);
  const told = JSON.parse(backup.stdout);
  assert.equal(told.backup, 'copy.backup');
  assert.equal(told.tokens, 1);
  assert.ok(told.resources >= 50 && told.resources <= 50 + meanwhile.length, `${told.resources} resources`);
  // The notice of the connection's first request may be there already.
  assert.ok([0, 1].includes(told.changes - told.resources), `${told.changes} changes`);

  const later = await createUser(server.url);
  const refused = await scimd(['restore', 'copy.backup'], place);
  assert.equal(refused.status, 1);
  assert.match(refused.stderr, /scimd\.db is in use/);
  assert.match(refused.stderr, /Stop the server/);
  assert.equal(await statusOf(server.url, later), 200);
  await server.stop();

  const restored = await scimd(['restore', 'copy.backup'], place);
  assert.equal(restored.status, 0, restored.stderr);
  assert.match(restored.stdout, /what was there is now scimd\.db\.before-restore/);
  const again = await serving(['serve', '--port', '0'], place);
  for (const id of before) assert.equal(await statusOf(again.url, id), 200);
  assert.equal(await statusOf(again.url, later), 404);
  await again.stop();
  assert.equal(
    (await scimd(['backup', 'old.backup', '--database', 'scimd.db.before-restore'], place)).status,
    0,
  );
});

test('backup to standard output is the whole file, and nothing else is left in the folder', async () => {
  const folder = temporaryFolder();
  const place = { folder, environment };
  const server = await serving(['serve', '--port', '0'], place);
  await createUser(server.url);
  await server.stop();
  const files = readdirSync(folder).sort();
  const piped = await scimd(['backup', '-'], place);
  assert.equal(piped.status, 0, piped.stderr);
  assert.ok(piped.stdout.startsWith('SQLite format 3'));
  assert.match(piped.stderr, /1 resources, 0 memberships, 1 changes, 1 tokens, 1 tenants, verified/);
  assert.deepEqual(readdirSync(folder).sort(), files);
});

test('restore takes a backup from a pipe, as whole as from a file', async () => {
  const folder = temporaryFolder();
  const place = { folder, environment };
  const server = await serving(['serve', '--port', '0'], place);
  const id = await createUser(server.url);
  await server.stop();
  assert.equal((await scimd(['backup', 'copy.backup'], place)).status, 0);
  const piped = (text: string) =>
    scimd(['restore', '-', '--database', 'other.db'], {
      ...place,
      under: ['sh', '-c', `${text} | "$0" "$@"`],
    });
  for (const [text, message] of [
    ['head -c 8000 copy.backup', /^scimd: the backup on standard input is damaged/],
    [':', /^scimd: the backup on standard input is no database of scimd/],
  ] as const) {
    const refused = await piped(text);
    assert.equal(refused.status, 1);
    assert.match(refused.stderr, message);
  }
  const inside = readdirSync(folder).filter((name) => !name.startsWith('scimd-exchanges.db'));
  assert.deepEqual(inside.sort(), ['copy.backup', 'scimd.db']);
  const restored = await piped('cat copy.backup');
  assert.equal(restored.status, 0, restored.stderr);
  const again = await serving(['serve', '--port', '0', '--database', 'other.db'], place);
  assert.equal(await statusOf(again.url, id), 200);
  await again.stop();
});

test('restore refuses the plain copy of a database in use, whose last changes are in a -wal beside it', async () => {
  const folder = temporaryFolder();
  const place = { folder, environment };
  await (await serving(['serve', '--port', '0'], place)).stop();
  const server = await serving(['serve', '--port', '0'], place);
  const id = await createUser(server.url);
  for (const suffix of ['', '-wal'])
    copyFileSync(join(folder, `scimd.db${suffix}`), join(folder, `copy.db${suffix}`));
  await server.stop();
  const refused = await scimd(['restore', 'copy.db', '--database', 'other.db'], place);
  assert.equal(refused.status, 1);
  assert.equal(
    refused.stderr,
    'scimd: copy.db is no backup but a database, or a plain copy of one: its last changes are in copy.db-wal\n' +
      'Make a backup, which has all of it: scimd backup FILE --database copy.db; then restore FILE.\n',
  );
  assert.equal(existsSync(join(folder, 'other.db')), false);

  assert.equal((await scimd(['backup', 'FILE', '--database', 'copy.db'], place)).status, 0);
  assert.equal((await scimd(['restore', 'FILE', '--database', 'other.db'], place)).status, 0);
  const again = await serving(['serve', '--port', '0', '--database', 'other.db'], place);
  assert.equal(await statusOf(again.url, id), 200);
  await again.stop();
});

test('restore refuses what is no whole backup, and leaves the database as it is', async () => {
  const folder = temporaryFolder();
  const place = { folder, environment };
  const server = await serving(['serve', '--port', '0'], place);
  const id = await createUser(server.url);
  await server.stop();
  assert.equal((await scimd(['backup', 'copy.backup'], place)).status, 0);
  const whole = readFileSync(join(folder, 'copy.backup'));

  writeFileSync(
    join(folder, 'text.backup'),
    'no database at all, but long enough to be looked at'.repeat(20),
  );
  const text = await scimd(['restore', 'text.backup'], place);
  assert.equal(text.status, 1);
  assert.match(text.stderr, /not an SQLite database/);

  writeFileSync(join(folder, 'cut.backup'), whole.subarray(0, Math.floor(whole.length / 2)));
  const cut = await scimd(['restore', 'cut.backup'], place);
  assert.equal(cut.status, 1);
  assert.match(cut.stderr, /damaged/);

  const torn = Buffer.from(whole);
  torn.fill(0x55, 4096 * 6, 4096 * 9);
  writeFileSync(join(folder, 'torn.backup'), torn);
  assert.equal((await scimd(['restore', 'torn.backup'], place)).status, 1);

  const missing = await scimd(['restore', 'nowhere.backup'], place);
  assert.equal(missing.status, 1);
  assert.match(missing.stderr, /there is no backup nowhere\.backup/);

  assert.equal(existsSync(join(folder, 'scimd.db.before-restore')), false);
  const again = await serving(['serve', '--port', '0'], place);
  assert.equal(await statusOf(again.url, id), 200);
  await again.stop();
});

test('backup never overwrites, and has a name of its own if none is given', async () => {
  const folder = temporaryFolder();
  const place = { folder, environment };
  await (await serving(['serve', '--port', '0'], place)).stop();
  const first = await scimd(['backup'], place);
  assert.equal(first.status, 0, first.stderr);
  assert.match(first.stdout, /^scimd\.db-\d{4}-\d\d-\d\dT\d{6}Z\.backup: 0 resources/);
  writeFileSync(join(folder, 'taken'), 'mine');
  const refused = await scimd(['backup', 'taken'], place);
  assert.equal(refused.status, 1);
  assert.equal(readFileSync(join(folder, 'taken'), 'utf8'), 'mine');
});
