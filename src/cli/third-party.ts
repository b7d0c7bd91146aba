/** Third-party packages and their licenses. Bundling replaces this module by the packages really bundled. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export interface ThirdParty {
  readonly name: string;
  readonly version: string;
  /** SPDX expression. */
  readonly license: string;
  readonly text: string;
}

interface Manifest {
  readonly name: string;
  readonly version: string;
  readonly license: string;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

const project = fileURLToPath(new URL('../../', import.meta.url));

function manifestAt(folder: string): Manifest {
  return JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
}

/** The package in that folder, with all that it says of its licence. */
export function packageAt(folder: string): ThirdParty {
  const { name, version, license } = manifestAt(folder);
  const files = readdirSync(folder).filter((file) => /^(licen[cs]e|copying|notice)/i.test(file));
  if (files.length === 0) return { name, version, license, text: licenseInReadme(name, folder) };
  const texts = files.sort().map((file) => readFileSync(join(folder, file), 'utf8').trim());
  return { name, version, license, text: texts.join('\n\n') };
}

/** Some packages have it as a part of their README, from its heading to the end. */
function licenseInReadme(name: string, folder: string): string {
  const readme = readdirSync(folder).find((file) => /^readme\b/i.test(file));
  const text = readme === undefined ? '' : readFileSync(join(folder, readme), 'utf8');
  const [, license] = /^#+ *licen[cs]e\b.*\n([\s\S]+)$/im.exec(text) ?? [];
  if (license === undefined) throw new Error(`${name} has no licence in ${folder}`);
  return license.trim();
}

/** Where Node.js finds the package that one in `from` requires. */
export function folderOf(name: string, from = project): string {
  const folder = join(from, 'node_modules', name);
  if (existsSync(join(folder, 'package.json'))) return folder;
  const parent = dirname(from);
  if (parent === from) throw new Error(`${name} is not installed`);
  return folderOf(name, parent);
}

/** From source: the packages that the sources import, and what these depend on. */
export function thirdParty(): readonly ThirdParty[] {
  const folders = new Set<string>();
  const visit = (names: Iterable<string>, from: string): void => {
    for (const name of names) {
      const folder = folderOf(name, from);
      if (folders.has(folder)) continue;
      folders.add(folder);
      const { dependencies = {}, optionalDependencies = {} } = manifestAt(folder);
      visit(Object.keys({ ...dependencies, ...optionalDependencies }), folder);
    }
  };
  visit(importedPackages(), project);
  return [...folders].map(packageAt).sort((a, b) => a.name.localeCompare(b.name));
}

/** What scimd is put on by those who have it already. */
export const ofEmbedders: readonly string[] = ['drizzle-orm', 'kysely'];

const importedPackage = /^(?:import|export)\s[^'";]*?\sfrom '((?:@[\w.-]+\/)?[\w.-]+)(?:\/[^']*)?'/gm;

function importedPackages(): ReadonlySet<string> {
  const files = ['src', 'grammar'].flatMap((folder) =>
    readdirSync(join(project, folder), { recursive: true, encoding: 'utf8' })
      .filter((file) => file.endsWith('.ts'))
      .map((file) => join(project, folder, file)),
  );
  const names = files.flatMap((file) =>
    [...readFileSync(file, 'utf8').matchAll(importedPackage)].map(([, name = '']) => name),
  );
  return new Set(names.filter((name) => !name.startsWith('.') && !ofEmbedders.includes(name)));
}
