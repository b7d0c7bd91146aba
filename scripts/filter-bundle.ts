/**
 * How the published `scimd/filter` is bundled: `filter.js`, and the parser by itself in `filter-parser.js`, so that
 * bundlers can leave Chevrotain out where nothing is parsed ("sideEffects" in package.json).
 */
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { type BuildOptions, build, type Plugin, transformSync } from 'esbuild';
import { ll1Chevrotain } from './ll1-chevrotain.ts';

/** What `scimd/filter` may weigh at most, minified and in gzip: all of it, and what a bundler makes of `parseFilter` alone. */
export const LARGEST_FILTER = 40_000;
export const LARGEST_PARSER = 16_000;

const PARSER = 'filter-parser.js';

/** The two modules of the grammar that know Chevrotain become one file beside the bundle. */
const parserApart: Plugin = {
  name: 'parser-apart',
  setup({ onResolve }) {
    onResolve({ filter: /^\.\/(?:parser|tokens)\.ts$/ }, ({ importer }) =>
      /[\\/]grammar[\\/]parse\.ts$/.test(importer)
        ? { path: `./${PARSER}`, external: true, sideEffects: false }
        : undefined,
    );
  },
};

const shared: BuildOptions = {
  absWorkingDir: fileURLToPath(new URL('..', import.meta.url)),
  bundle: true,
  format: 'esm',
  // Nothing of Node's, nothing of browsers.
  platform: 'neutral',
  target: 'es2023',
  sourcemap: true,
  mainFields: ['module', 'main'],
  legalComments: 'none',
  logLevel: 'warning',
};

/** Writes both files, with source maps, to the folder; answers their paths and the sizes that a web page would load. */
export async function bundleFilter(
  folder: string,
): Promise<{ files: string[]; gzip: number; parser: number }> {
  const files = [`${folder}/filter.js`, `${folder}/${PARSER}`] as const;
  await Promise.all([
    build({
      ...shared,
      entryPoints: ['src/filter.ts'],
      outfile: files[0],
      plugins: [parserApart],
    }),
    build({
      ...shared,
      stdin: {
        contents:
          "export { FilterParser } from './grammar/parser.ts'; export { createTokenTypes } from './grammar/tokens.ts';",
        resolveDir: shared.absWorkingDir!,
      },
      outfile: files[1],
      plugins: [ll1Chevrotain],
    }),
  ]);
  const gzip = files.reduce((sum, file) => sum + loaded(readFileSync(file, 'utf8')), 0);
  const { outputFiles } = await build({
    ...shared,
    stdin: {
      contents: `export { parseFilter } from ${JSON.stringify(resolve(folder, 'filter.js'))};`,
      resolveDir: shared.absWorkingDir!,
    },
    ...{ minify: true, sourcemap: false, write: false },
  });
  const parser = gzipSync(outputFiles[0]!.contents).length;
  return { files: [...files], gzip, parser };
}

/** Bytes in gzip, minified as a bundler does it. */
function loaded(code: string): number {
  return gzipSync(transformSync(code, { minify: true, format: 'esm', target: 'es2023' }).code).length;
}
