/** What is measured is what is shipped: the bundle, built where the sources are newer. */
import { execFileSync } from 'node:child_process';
import { existsSync, globSync, statSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../../', import.meta.url));

/** Its path. */
export function bundle(): string {
  const file = `${root}dist/scimd.js`;
  const written = existsSync(file) ? statSync(file).mtimeMs : 0;
  const sources = globSync(['src/**/*.{ts,sql}', 'grammar/**/*.ts'], { cwd: root });
  if (sources.some((source) => statSync(root + source).mtimeMs > written))
    execFileSync('npm', ['run', 'build'], { cwd: root, stdio: ['ignore', 'ignore', 'inherit'] });
  return file;
}
