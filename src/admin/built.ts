/** Style and script as a browser gets them. From the sources they are made when they are first asked for. */
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';

export interface Built {
  readonly css: string;
  readonly js: string;
}

let made: Built | undefined;

export function built(): Built {
  made ??= { css: bundled('style.css'), js: bundled('client/main.ts') };
  return made;
}

function bundled(file: string): string {
  // Of the developer alone: what is shipped has the result in it.
  const { buildSync } = createRequire(import.meta.url)('esbuild') as typeof import('esbuild');
  const { outputFiles } = buildSync({
    entryPoints: [fileURLToPath(new URL(file, import.meta.url))],
    bundle: true,
    minify: true,
    write: false,
    format: 'esm',
    target: ['es2022', 'chrome111', 'firefox113', 'safari16.4'],
    logLevel: 'error',
  });
  return outputFiles[0]?.text ?? '';
}
