/** The project's own source files and what they import, for the tests of the house rules. */
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = fileURLToPath(new URL('../../', import.meta.url));

/** Paths under the folder, from the project's root, with forward slashes. */
export function filesUnder(folder: string, ending = ''): string[] {
  return readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith(ending))
    .map((entry) => join(entry.parentPath, entry.name).slice(root.length).replaceAll('\\', '/'))
    .sort();
}

export const sourceFiles = ['grammar', 'src'].flatMap((folder) => filesUnder(folder, '.ts'));

export function read(path: string): string {
  return readFileSync(join(root, path), 'utf8');
}

export interface Import {
  /** As written. */
  readonly specifier: string;
  /** The imported file from the root, for a relative specifier. */
  readonly file: string | undefined;
  /** Gone at run time. */
  readonly typeOnly: boolean;
}

const importPattern =
  /^\s*(?:import|export)\s+(type\s)?(?:[^'";]*?\sfrom\s+)?'([^']+)'|\bimport\(\s*'([^']+)'\s*\)/gm;

export function importsOf(path: string): Import[] {
  return [...read(path).matchAll(importPattern)].map(([, type, specifier = '', dynamic]) => {
    const target = specifier || (dynamic ?? '');
    const file = target.startsWith('.')
      ? normalize(join(dirname(path), target)).replaceAll('\\', '/')
      : undefined;
    return { specifier: target, file, typeOnly: type !== undefined };
  });
}
