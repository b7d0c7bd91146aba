/**
 * Bundles dist/scimd.js, the command line, and the two published modules with their types: dist/index.js, the
 * embeddable server, and dist/filter.js, the filter language. `npm run build`.
 */
import { execFileSync } from 'node:child_process';
import { chmodSync, existsSync, rmSync, statSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { type BuildOptions, build, type Plugin } from 'esbuild';
import { migrations } from '../src/store/sqlite/migrations.ts';
import { bundleFilter, LARGEST_FILTER } from './filter-bundle.ts';
import { slimChevrotain } from './slim-chevrotain.ts';

/** The one module that reads from the disk beside it gets its texts put in. */
const inlineMigrations: Plugin = {
  name: 'inline-migrations',
  setup({ onLoad }) {
    onLoad({ filter: /[\\/]store[\\/]sqlite[\\/]migrations\.ts$/ }, () => ({
      contents: `export const migrations = ${JSON.stringify(migrations)};`,
    }));
  },
};

const shared: BuildOptions = {
  bundle: true,
  format: 'esm',
  platform: 'node',
  target: 'node22',
  // Names stay, for stack traces that can be read.
  minifySyntax: true,
  minifyWhitespace: true,
  // Some libraries' `main` is UMD, which cannot be bundled.
  mainFields: ['module', 'main'],
  legalComments: 'none',
  logLevel: 'warning',
};

const native: BuildOptions = {
  ...shared,
  external: ['better-sqlite3'],
  plugins: [inlineMigrations, slimChevrotain],
  // Bundled CommonJS still calls require for Node's own modules.
  banner: {
    js: "import { createRequire } from 'node:module';\nconst require = createRequire(import.meta.url);",
  },
};

const outputs: readonly (BuildOptions & { entryPoints: [string]; outfile: string })[] = [
  { ...native, entryPoints: ['src/main.ts'], outfile: 'dist/scimd.js' },
  { ...native, entryPoints: ['src/index.ts'], outfile: 'dist/index.js' },
];

process.chdir(fileURLToPath(new URL('..', import.meta.url)));
rmSync('dist', { recursive: true, force: true });
const present = outputs.filter(({ entryPoints: [entry] }) => existsSync(entry));
const [filter] = await Promise.all([bundleFilter('dist'), ...present.map((options) => build(options))]);
chmodSync('dist/scimd.js', 0o755);
execFileSync('tsc', ['-p', 'scripts/tsconfig.types.json'], { stdio: 'inherit' });
for (const file of [...present.map(({ outfile }) => outfile), ...filter.files])
  console.log(`${file}  ${Math.ceil(statSync(file).size / 1024)} KB`);
const size = `scimd/filter in gzip: ${(filter.gzip / 1000).toFixed(1)} kB of ${LARGEST_FILTER / 1000}`;
if (filter.gzip > LARGEST_FILTER) throw new Error(`${size}: too large`);
console.log(size);
