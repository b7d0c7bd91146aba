/**
 * Has what a server seldom needs in a second program, which is read when something of it is first used: V8 keeps the whole text of
 * a program, and something for each of its functions. Each of the two has modules of the other, so that all are evaluated once.
 */
import { isBuiltin } from 'node:module';
import { resolve as absolute, relative } from 'node:path';
import type { Plugin } from 'esbuild';
import { plainly } from './lazily.ts';

/** The name by which the first program requires the second of whoever starts it (main.ts). */
const second = 'apart:';
/** What the second program requires modules of the first by, before their file. */
const first = 'first:';

/** Files are those from the root of the tree, with slashes. */
const named = (file: string): string => relative(process.cwd(), file).replaceAll('\\', '/');
const table = (files: Iterable<string>): string =>
  [...files]
    .sort()
    .map((file) => `${JSON.stringify(file)}: () => require(${JSON.stringify(absolute(file))}),`)
    .join('\n');

export class Apart {
  /** What the second program begins with. */
  readonly entry: string = second;
  /** Which files are in the second program. */
  readonly #seldom: RegExp;
  /** What the first program uses of the second. */
  readonly #used = new Set<string>();
  /** What the second uses of the first. */
  readonly #shared = new Set<string>();

  constructor(seldom: RegExp) {
    this.#seldom = seldom;
  }

  /** For the first program: the expression for a module. */
  readonly require = (file: string): string => {
    if (!this.#seldom.test(named(file))) return `require(${JSON.stringify(file)})`;
    this.#used.add(named(file));
    return `require(${JSON.stringify(second)})[${JSON.stringify(named(file))}]()`;
  };

  /** For the first program. What it shares is known when the second has been made. */
  readonly ofFirst: Plugin = {
    name: 'apart',
    setup: ({ onResolve, onLoad, resolve }) => {
      onResolve({ filter: /./ }, async ({ path, kind, importer, resolveDir, pluginData }) => {
        if (kind !== 'dynamic-import' || pluginData === plainly || isBuiltin(path)) return undefined;
        const found = await resolve(path, { kind, importer, resolveDir, pluginData: plainly });
        return this.#seldom.test(named(found.path))
          ? { path: found.path, namespace: `${second}module` }
          : undefined;
      });
      onLoad({ filter: /./, namespace: `${second}module` }, ({ path }) => ({
        contents: `module.exports = ${this.require(path)};`,
        resolveDir: process.cwd(),
        pluginData: plainly,
      }));
      onResolve({ filter: new RegExp(`^${second}$`) }, ({ namespace }) =>
        namespace === second ? { path: second, external: true } : { path: second, namespace: second },
      );
      onLoad({ filter: /./, namespace: second }, () => ({
        contents: `const shared = { ${table(this.#shared)} };
const made = { exports: {} };
require(${JSON.stringify(second)})((name) => (shared[name.slice(${first.length})] ?? (() => require(name)))(), made);
module.exports = made.exports;`,
        resolveDir: process.cwd(),
        pluginData: plainly,
      }));
    },
  };

  /** For the second program, before all others, once the first has been looked at. `files`: those of the first. */
  ofSecond(files: ReadonlySet<string>): Plugin {
    return {
      name: 'apart',
      setup: ({ onResolve, onLoad, resolve }) => {
        onResolve({ filter: new RegExp(`^${second}$`) }, () => ({ path: second, namespace: second }));
        onLoad({ filter: /./, namespace: second }, () => ({
          contents: `module.exports = { ${table(this.#used)} };`,
          resolveDir: process.cwd(),
        }));
        onResolve({ filter: /./ }, async ({ path, kind, importer, resolveDir, pluginData }) => {
          if (pluginData === plainly || isBuiltin(path)) return undefined;
          const found = await resolve(path, { kind, importer, resolveDir, pluginData: plainly });
          const file = named(found.path);
          if (!files.has(file)) return undefined;
          this.#shared.add(file);
          return { path: `${first}${file}`, external: true };
        });
      },
    };
  }
}
