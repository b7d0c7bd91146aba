/** What is measured is what is shipped, built where the sources are newer. */
import { execFileSync } from 'node:child_process';
import { existsSync, globSync, statSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { here } from '../binary/target.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));

/** The path of the bundle, which runs in Node.js. */
export function bundle(): string {
  return built(`${root}dist/scimd.js`, ['run', 'build']);
}

/** The path of the single executable for this system. */
export function binary(): string {
  return built(root + here.output, ['run', 'binary', '--', here.name]);
}

function built(file: string, command: readonly string[]): string {
  const written = existsSync(file) ? statSync(file).mtimeMs : 0;
  const sources = globSync(['src/**/*.{ts,sql,json}', 'grammar/**/*.ts'], { cwd: root });
  if (sources.some((source) => statSync(root + source).mtimeMs > written))
    execFileSync('npm', [...command], { cwd: root, stdio: ['ignore', 'ignore', 'inherit'] });
  return file;
}
