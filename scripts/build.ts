/**
 * Bundles dist/scimd.js, the command line, and the published modules with their types: dist/index.js, the
 * embeddable server, dist/filter.js, the filter language, and dist/consumer.js, the application's side; dist/licenses.txt has the licences of what is bundled.
 * `npm run build`.
 */
import { chmodSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { licenseText } from '../src/cli/licenses.ts';
import { besideAddonAsLibrary, besideAddonAsProgram, bundle } from './bundle.ts';
import { bundleSmall } from './consumer-bundle.ts';
import { writeDeclarations } from './declarations.ts';
import { bundleFilter, LARGEST_FILTER, LARGEST_PARSER } from './filter-bundle.ts';

process.chdir(fileURLToPath(new URL('..', import.meta.url)));
rmSync('dist', { recursive: true, force: true });
const [filter, consumer, drizzle, kysely, bundled] = await Promise.all([
  bundleFilter('dist'),
  bundleSmall('consumer', 'dist'),
  bundleSmall('drizzle', 'dist'),
  bundleSmall('kysely', 'dist'),
  bundle({ entry: 'src/main.ts', outfile: 'dist/scimd.js', options: besideAddonAsProgram }),
  bundle({ entry: 'src/index.ts', outfile: 'dist/index.js', options: besideAddonAsLibrary }),
]);
writeFileSync('dist/licenses.txt', `${licenseText(bundled)}\n`);
chmodSync('dist/scimd.js', 0o755);
writeDeclarations('dist/types');
for (const file of ['dist/scimd.js', 'dist/index.js', consumer, drizzle, kysely, ...filter.files])
  console.log(`${file}  ${Math.ceil(statSync(file).size / 1024)} KB`);
for (const [what, size, most] of [
  ['scimd/filter', filter.gzip, LARGEST_FILTER],
  ['parseFilter of it alone', filter.parser, LARGEST_PARSER],
] as const) {
  const told = `${what} in gzip: ${(size / 1000).toFixed(1)} kB of ${most / 1000}`;
  if (size > most) throw new Error(`${told}: too large`);
  console.log(told);
}
