/**
 * Bundles dist/scimd.js, the command line, and the two published modules with their types: dist/index.js, the
 * embeddable server, and dist/filter.js, the filter language. `npm run build`.
 */
import { execFileSync } from 'node:child_process';
import { chmodSync, rmSync, statSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { besideAddon, besideAddonAsProgram, bundle } from './bundle.ts';
import { bundleFilter, LARGEST_FILTER } from './filter-bundle.ts';

process.chdir(fileURLToPath(new URL('..', import.meta.url)));
rmSync('dist', { recursive: true, force: true });
const [filter] = await Promise.all([
  bundleFilter('dist'),
  bundle({ entry: 'src/main.ts', outfile: 'dist/scimd.js', options: besideAddonAsProgram }),
  bundle({ entry: 'src/index.ts', outfile: 'dist/index.js', options: besideAddon }),
]);
chmodSync('dist/scimd.js', 0o755);
execFileSync('tsc', ['-p', 'scripts/tsconfig.types.json'], { stdio: 'inherit' });
for (const file of ['dist/scimd.js', 'dist/index.js', ...filter.files])
  console.log(`${file}  ${Math.ceil(statSync(file).size / 1024)} KB`);
const size = `scimd/filter in gzip: ${(filter.gzip / 1000).toFixed(1)} kB of ${LARGEST_FILTER / 1000}`;
if (filter.gzip > LARGEST_FILTER) throw new Error(`${size}: too large`);
console.log(size);
