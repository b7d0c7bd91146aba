/**
 * The published types: what the declarations of src/index.ts, src/filter.ts and src/consumer.ts refer to, and nothing of what is behind
 * them. They may name no package: what is bundled is not installed with scimd.
 */
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { ofEmbedders } from '../src/cli/third-party.ts';

const entries = ['index', 'filter', 'consumer', 'drizzle', 'kysely'].map((name) => `src/${name}.d.ts`);

/** Writes them to the folder. */
export function writeDeclarations(folder: string): void {
  execFileSync('tsc', ['-p', 'scripts/tsconfig.types.json', '--outDir', folder], { stdio: 'inherit' });
  const published = new Set<string>();
  const visit = (file: string): void => {
    if (published.has(file)) return;
    published.add(file);
    const code = readFileSync(file, 'utf8').replace(/\/\*[\s\S]*?\*\//g, '');
    for (const [, from, imported] of code.matchAll(/\bfrom '([^']+)'|\bimport\("([^"]+)"\)/g)) {
      const specifier = from ?? imported ?? '';
      // Whoever imports an entry that is for a package has it.
      if (ofEmbedders.includes(specifier)) continue;
      if (!specifier.startsWith('.'))
        throw new Error(`${file} refers to ${specifier}, which users do not have`);
      visit(join(dirname(file), specifier.replace(/\.ts$/, '.d.ts')));
    }
  };
  for (const entry of entries) visit(join(folder, entry));
  for (const name of readdirSync(folder, { recursive: true, encoding: 'utf8' })) {
    const file = join(folder, name);
    if (file.endsWith('.d.ts') && !published.has(file)) rmSync(file);
  }
}
