/**
 * Bundles dist/scimd.js, the command line, and the published modules with their types: dist/index.js, the
 * embeddable server, dist/filter.js, the filter language, and dist/consumer.js, the application's side, and dist/language, the package scimd-language; dist/licenses.txt has the licences of what is bundled.
 * `npm run build`.
 */
import { chmodSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { licenseText } from '../src/cli/licenses.ts';
import { besideAddonAsLibrary, besideAddonAsProgram, bundle } from './bundle.ts';
import { bundleSmall } from './consumer-bundle.ts';
import { writeDeclarations } from './declarations.ts';
import { bundleFilter } from './filter-bundle.ts';
import { buildLanguage, LARGEST_LANGUAGE } from './language-package.ts';

process.chdir(fileURLToPath(new URL('..', import.meta.url)));
rmSync('dist', { recursive: true, force: true });
const [filter, consumer, drizzle, kysely, bundled] = await Promise.all([
  bundleFilter('dist/filter.js'),
  bundleSmall('consumer', 'dist'),
  bundleSmall('drizzle', 'dist'),
  bundleSmall('kysely', 'dist'),
  bundle({ entry: 'src/main.ts', outfile: 'dist/scimd.js', options: besideAddonAsProgram }),
  bundle({ entry: 'src/index.ts', outfile: 'dist/index.js', options: besideAddonAsLibrary }),
]);
writeFileSync('dist/licenses.txt', `${licenseText(bundled)}\n`);
chmodSync('dist/scimd.js', 0o755);
writeDeclarations('dist/types');
for (const file of ['dist/scimd.js', 'dist/index.js', 'dist/filter.js', consumer, drizzle, kysely])
  console.log(`${file}  ${Math.ceil(statSync(file).size / 1024)} KB`);
for (const { what, gzip, most = Number.POSITIVE_INFINITY } of filter.weights)
  hold(`${what} of scimd/filter, in gzip`, gzip, most);
hold('scimd-language, installed', await buildLanguage('dist/language', 'dist/types'), LARGEST_LANGUAGE);

function hold(what: string, size: number, most: number): void {
  const bound = Number.isFinite(most) ? ` of ${most / 1000}` : '';
  const told = `${what}: ${(size / 1000).toFixed(1)} kB${bound}`;
  if (size > most) throw new Error(`${told}: too large`);
  console.log(told);
}
