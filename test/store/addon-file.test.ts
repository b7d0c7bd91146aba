import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, describe, test } from 'node:test';
import Sqlite from 'better-sqlite3';
import { loadKept, loadOnce } from '../../src/store/sqlite/addon-file.ts';

const base = mkdtempSync(join(tmpdir(), 'scimd-addon-'));
after(() => rmSync(base, { recursive: true, force: true }));

function folder(): string {
  return mkdtempSync(join(base, 'folder-'));
}

const addon = readFileSync(prebuilt(`${process.platform}-${process.arch}`));

function prebuilt(name: string): string {
  const manifest = createRequire(import.meta.url).resolve('better-sqlite3/package.json');
  return join(dirname(manifest), 'prebuilds', `${name}.node`);
}

/** Asks SQLite through the addon. */
function answer(loaded: object): unknown {
  const db = new Sqlite(':memory:', { nativeBinding: loaded as unknown as string });
  const one = db.prepare('SELECT 1').pluck().get();
  db.close();
  return one;
}

describe('an addon loaded once', () => {
  test('works and leaves no file', () => {
    const own = folder();
    assert.equal(answer(loadOnce(addon, own)), 1);
    assert.deepEqual(readdirSync(own), []);
  });

  test('leaves no file either when the system refuses it', () => {
    const own = folder();
    assert.throws(() => loadOnce(Buffer.from('no addon'), own), { code: 'ERR_DLOPEN_FAILED' });
    assert.deepEqual(readdirSync(own), []);
  });

  test('needs a folder that is there', () => {
    assert.throws(() => loadOnce(addon, join(base, 'missing')), { code: 'ENOENT' });
  });
});

describe('an addon that is kept', () => {
  test('is one file, written once', () => {
    const own = folder();
    assert.equal(answer(loadKept(addon, own)), 1);
    assert.equal(answer(loadKept(addon, own)), 1);
    const [file, ...more] = readdirSync(join(own, 'scimd'));
    assert.match(file ?? '', /^[0-9a-f]{64}\.node$/);
    assert.deepEqual(more, []);
  });

  test('lies beside that of another release', () => {
    const own = folder();
    loadKept(addon, own);
    // The loader takes what follows the addon for nothing.
    loadKept(Buffer.concat([addon, Buffer.from('another release')]), own);
    assert.equal(readdirSync(join(own, 'scimd')).length, 2);
  });

  test('is written anew when it is not what it should be', () => {
    const own = folder();
    loadKept(addon, own);
    const [name = ''] = readdirSync(join(own, 'scimd'));
    const file = join(own, 'scimd', name);
    rmSync(file);
    writeFileSync(file, 'tampered with');
    assert.equal(answer(loadKept(addon, own)), 1);
    assert(readFileSync(file).equals(addon));
  });
});
