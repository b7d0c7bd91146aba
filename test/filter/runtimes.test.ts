import assert from 'node:assert/strict';
import { execFile, execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { createContext, runInContext } from 'node:vm';
import { gzipSync } from 'node:zlib';
import { build } from 'esbuild';
import { bundleFilter, type FilterBundle } from '../../scripts/filter-bundle.ts';
import * as source from '../../src/filter.ts';
import { exercise } from './portable.ts';

const folder = mkdtempSync(join(tmpdir(), 'scimd-filter-'));
const expected = JSON.parse(JSON.stringify(exercise(source)));
let weights: FilterBundle['weights'];

before(async () => {
  ({ weights } = await bundleFilter(join(folder, 'filter.js')));
  writeFileSync(join(folder, 'package.json'), '{ "type": "module", "sideEffects": false }');
});
after(() => rmSync(folder, { recursive: true }));

/** What an embedder's own bundler makes of the published files. */
async function bundled(contents: string, platform: 'neutral' | 'browser', format: 'iife' | 'esm') {
  const resolveDir = fileURLToPath(new URL('.', import.meta.url));
  const { outputFiles } = await build({
    stdin: { contents, resolveDir, loader: 'ts' },
    bundle: true,
    write: false,
    minify: true,
    platform,
    format,
    logLevel: 'silent',
  });
  return outputFiles[0]!.text;
}

const round = () =>
  `import * as filter from ${JSON.stringify(join(folder, 'filter.js'))};
   import { exercise } from './portable.ts';
   globalThis.answer = JSON.stringify(exercise(filter));`;

/** The names by which systems know it; `CHROMIUM` names another. */
const chromium = [process.env.CHROMIUM, 'chromium', 'chromium-browser', 'google-chrome'].find((name) => {
  try {
    return name !== undefined && execFileSync(name, ['--version'], { stdio: ['ignore', 'pipe', 'ignore'] });
  } catch {
    return false;
  }
});

describe('scimd/filter as it is published', () => {
  test('finds, compiles and patches what it should', () => {
    assert.deepEqual(expected.people, [['ada', 'dee'], ['cha'], ['ada']]);
    assert.match(expected.sql[0].sql, /json_each\("k"/);
    assert.deepEqual(expected.patched, [
      { value: 'countess@engine.example', type: 'work', primary: true },
      ['emails'],
    ]);
    assert.equal(expected.refusal[1], 'Write eq instead of ==.');
  });

  test('runs in Node.js from its files', async () => {
    const published = await import(pathToFileURL(join(folder, 'filter.js')).href);
    assert.deepEqual(JSON.parse(JSON.stringify(exercise(published))), expected);
    assert.deepEqual(Object.keys(published).sort(), Object.keys(source).sort());
  });

  for (const platform of ['neutral', 'browser'] as const) {
    test(`bundled for the platform ${platform}, runs where there is ECMAScript and structuredClone`, async () => {
      // What Node.js, Deno, Bun, workers and browsers have in common; no console, no process, no URL, no timers.
      const context: { answer?: string } = Object.assign(Object.create(null), { structuredClone });
      runInContext(await bundled(round(), platform, 'iife'), createContext(context));
      assert.deepEqual(JSON.parse(context.answer!), expected);
    });
  }

  test('bundled for browsers, runs in headless Chromium', {
    skip: chromium === undefined && 'there is no Chromium here: install it, or name it in CHROMIUM',
  }, async () => {
    const script = `${await bundled(round(), 'browser', 'iife')}\ndocument.body.textContent = encodeURIComponent(answer);`;
    writeFileSync(join(folder, 'page.js'), script);
    const page = join(folder, 'page.html');
    writeFileSync(page, '<!doctype html><meta charset="utf-8"><body><script src="page.js"></script>');
    const flags = [
      '--headless',
      '--no-sandbox',
      '--disable-gpu',
      `--user-data-dir=${join(folder, 'profile')}`,
    ];
    const { stdout } = await promisify(execFile)(
      chromium as string,
      [...flags, '--dump-dom', pathToFileURL(page).href],
      { timeout: 120_000 },
    );
    const answer = /<body>([^<]+)/.exec(stdout)?.[1];
    assert.ok(answer, stdout.slice(0, 1000));
    assert.deepEqual(JSON.parse(decodeURIComponent(answer)), expected);
  });

  test('who only prints and builds filters gets no parser, who only parses no SQL', async () => {
    const weight = async (names: string) => {
      const text = await bundled(
        `export { ${names} } from ${JSON.stringify(join(folder, 'filter.js'))}`,
        'neutral',
        'esm',
      );
      return {
        gzip: gzipSync(text).length,
        parser: text.includes('tokenTypeIdx'),
        sql: text.includes('jsonb_typeof'),
      };
    };
    const all = await weight(
      'parseFilter, stringify, compileMatcher, compileSql, sqlite, postgres, applyPatch',
    );
    assert.deepEqual([all.parser, all.sql], [true, true]);
    const builders = await weight('and, eq, stringify');
    assert.equal(builders.parser, false);
    assert.ok(builders.gzip < all.gzip / 4, `${builders.gzip} of ${all.gzip}`);
    const parser = await weight('parseFilter');
    assert.deepEqual([parser.parser, parser.sql], [true, false]);
    assert.ok(parser.gzip < all.gzip * 0.6, `${parser.gzip} of ${all.gzip}`);
  });

  test('weighs no more than was promised', () => {
    const [parser, language] = weights;
    assert.ok(parser && language && parser.most === 16_000 && language.most === 40_000);
    for (const { what, gzip, most = Number.POSITIVE_INFINITY } of weights)
      assert.ok(gzip > 5000 && gzip < most, `${what}: ${gzip} bytes in gzip`);
  });
});
