import assert from 'node:assert/strict';
import { existsSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import Sqlite from 'better-sqlite3';
import { restore } from '../../src/store/sqlite/backup.ts';
import { backUpBeforeUpgrade, currentVersion, versionOf } from '../../src/store/sqlite/upgrade.ts';
import { scimd, temporaryFolder } from './scimd.ts';

/** A folder with a database of this release. */
async function withDatabase() {
  const folder = temporaryFolder();
  const run = (...args: string[]) => scimd(args, { folder });
  assert.equal((await run('tenant', 'create', 'acme')).status, 0);
  return { folder, run, file: join(folder, 'scimd.db') };
}

test('migrate says that there is nothing to do, and makes no backup for it', async () => {
  const { run, folder } = await withDatabase();
  const { status, stdout } = await run('migrate');
  assert.deepEqual([status, stdout], [0, `scimd.db: version ${currentVersion}, nothing to do\n`]);
  assert.deepEqual(JSON.parse((await run('migrate', '--json')).stdout), {
    database: 'scimd.db',
    from: currentVersion,
    to: currentVersion,
    rebuilt: 0,
  });
  assert.deepEqual(
    readdirSync(folder).filter((name) => name.endsWith('.backup')),
    [],
  );
  const missing = await run('migrate', '--database', 'none.db');
  assert.equal(missing.status, 1);
  assert.match(missing.stderr, /there is no database none\.db/);
  assert.equal(existsSync(join(folder, 'none.db')), false);
});

test('migrate builds the indexes anew that the configuration changes', async () => {
  const { run, folder } = await withDatabase();
  writeFileSync(
    join(folder, 'one.ndjson'),
    '{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User"],"userName":"a"}',
  );
  await run('import', 'one.ndjson');
  const schema = 'urn:example:params:scim:schemas:extension:acme:2.0:User';
  writeFileSync(
    join(folder, 'scim.config.json'),
    JSON.stringify({
      schemas: [{ id: schema, attributes: [{ name: 'badge', type: 'string', indexed: true }] }],
      resourceTypes: [{ name: 'User', schemaExtensions: [{ schema }] }],
    }),
  );
  const { stdout } = await run('migrate');
  assert.match(stdout, /nothing to do; rebuilt the indexes of 1 resources\n$/);
});

test('a database of a newer release is refused, with the way back', async () => {
  const { run, file } = await withDatabase();
  const db = new Sqlite(file);
  db.pragma(`user_version = ${currentVersion + 1}`);
  db.close();
  const { status, stderr } = await run('migrate');
  assert.equal(status, 1);
  assert.match(stderr, /was written by a newer release/);
  assert.match(stderr, /scimd restore FILE\.v1\.backup/);
});

test('before an upgrade the file is copied and verified, under a name that tells its version and takes no other’s', async () => {
  const { file, folder } = await withDatabase();
  assert.equal(versionOf(file), currentVersion);
  const next = currentVersion + 1;
  assert.deepEqual(await backUpBeforeUpgrade(file, next), {
    from: currentVersion,
    to: next,
    backup: `${file}.v${currentVersion}.backup`,
  });
  const second = await backUpBeforeUpgrade(file, next);
  assert.equal(second?.backup, `${file}.v${currentVersion}.backup-2`);
  assert.equal(await backUpBeforeUpgrade(file), undefined);
  assert.equal(await backUpBeforeUpgrade(join(folder, 'none.db'), next), undefined);
  // As after a downgrade: what was there when the upgrade began is back.
  const { contents } = await restore(second?.backup ?? '', file, (store) =>
    store.noteRestored({ kind: 'cli' }),
  );
  assert.equal(contents.tenants, 2);
  assert.equal(versionOf(file), currentVersion);
});
