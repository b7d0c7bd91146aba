/** SQLite inside the binary: its native addon, and what is in that. */
import { readFileSync, realpathSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Plugin } from 'esbuild';
import { folderOf, packageAt, type ThirdParty } from '../../src/cli/third-party.ts';
import { platformOf, type Target } from './target.ts';

const folder = realpathSync(folderOf('better-sqlite3'));

/** The prebuilt addon of better-sqlite3's npm package. */
export function addonFor(target: Target): string {
  return join(folder, 'prebuilds', `${platformOf(target)}-${target.arch}.node`);
}

/** better-sqlite3 looks for its addon in its package; inside the binary it is an asset. */
export const embeddedAddon: Plugin = {
  name: 'embedded-addon',
  setup({ onResolve }) {
    onResolve({ filter: /^\.\/binding$/ }, ({ importer }) =>
      importer.startsWith(folder)
        ? { path: fileURLToPath(new URL('../../src/store/sqlite/embedded-addon.ts', import.meta.url)) }
        : undefined,
    );
  },
};

/** SQLite has no licence: its authors gave up their rights, and say so where one would stand. */
export function sqliteItself(): ThirdParty {
  const header = readFileSync(join(folder, 'deps', 'sqlite3', 'sqlite3.h'), 'utf8');
  const version = /^#define SQLITE_VERSION +"([\d.]+)"/m.exec(header)?.[1];
  const blessing = /^\*\* (The author disclaims[\s\S]*?)\n\*\*\n\*{10}/m.exec(header)?.[1];
  if (version === undefined || blessing === undefined) throw new Error('sqlite3.h is not as it was');
  return { name: 'SQLite', version, license: 'blessing', text: blessing.replace(/^\*\* ?/gm, '') };
}

/** Compiled into the addon. */
export function addonInterface(): ThirdParty {
  return packageAt(folderOf('node-addon-api', folder));
}
