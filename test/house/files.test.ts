import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { basename } from 'node:path';
import { test } from 'node:test';
import { filesUnder, read, root, sourceFiles } from './sources.ts';

/** Longer files, each with the reason why cutting it would not help. */
const longFiles: Readonly<Record<string, string>> = {};

const ownFiles = [
  ...sourceFiles,
  ...['test', 'scripts', '.ci', 'src/docs'].flatMap((folder) => filesUnder(folder)),
  ...readdirSync(root).filter((name) => /\.(md|json)$/.test(name) && name !== 'package-lock.json'),
].filter((file) => file !== 'test/house/files.test.ts' && !file.endsWith('.png'));

test('no file is named for what it is not about', () => {
  const vague = /^(utils?|helpers?|common|misc|managers?|stuff|lib)\.ts$/i;
  assert.deepEqual(
    sourceFiles.filter((file) => vague.test(basename(file))),
    [],
  );
});

test('a file of the product has at most 400 lines', () => {
  const long = sourceFiles.filter((file) => read(file).split('\n').length > 401 && !(file in longFiles));
  assert.deepEqual(long, []);
  const gone = Object.keys(longFiles).filter(
    (file) => !sourceFiles.includes(file) || read(file).split('\n').length <= 401,
  );
  assert.deepEqual(gone, [], 'exceptions that are none any more');
});

test('only src/main.ts ends the process, and a signal that comes while a backup is read', () => {
  const found = sourceFiles.filter((file) => /\bprocess\.(exit|abort|kill|reallyExit)\(/.test(read(file)));
  assert.deepEqual(found, ['src/cli/backup.ts', 'src/main.ts']);
});

test('no file names a path of somebody’s machine', () => {
  const path = /(?<![\w.~:/-])\/(work|root|home|tmp|mnt)\/\w|[A-Z]:\\\w/;
  const found = ownFiles.filter((file) => path.test(read(file)));
  assert.deepEqual(found, []);
});

test('nothing is left to be done in a comment', () => {
  const found = ownFiles.filter((file) => /\b(TODO|FIXME|XXX|HACK)\b/.test(read(file)));
  assert.deepEqual(found, []);
});

test('what derives from tables is up to date: the JSON Schema, and the pages on settings, tolerances and commands', () => {
  const check = spawnSync(process.execPath, ['--import', 'tsx', 'scripts/config-docs.ts', '--check'], {
    cwd: root,
    encoding: 'utf8',
  });
  assert.equal(check.stderr, '');
  assert.equal(check.status, 0);
});

test('npm install compiles nothing, names no registry in the lock, and leaves the lock as it is', () => {
  const { packages } = JSON.parse(read('package-lock.json')) as {
    packages: Record<string, { gypfile?: boolean; resolved?: string }>;
  };
  // npm 11 leaves the line out of what it writes; without it npm 10 compiles SQLite, for which a compiler is needed.
  assert.equal(packages['node_modules/better-sqlite3']?.gypfile, false, 'put "gypfile": false back');
  assert.deepEqual(
    Object.keys(packages).filter((name) => packages[name]?.resolved !== undefined),
    [],
  );
  assert.match(read('.npmrc'), /^save=false$/m);
});

test('a user of the package installs SQLite and nothing else with it: all other libraries are bundled', () => {
  const { dependencies } = JSON.parse(read('package.json')) as { dependencies: Record<string, string> };
  assert.deepEqual(Object.keys(dependencies), ['better-sqlite3']);
});
