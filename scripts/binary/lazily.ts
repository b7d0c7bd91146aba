/**
 * Has modules evaluated when something of theirs is first used, not at the start: most of what a command line imports
 * is for other commands. In the place of such a module stands one that has its names as getters.
 */
import { isBuiltin } from 'node:module';
import { relative } from 'node:path';
import { build, type Plugin } from 'esbuild';

const namespace = 'lazily';
/** The `pluginData` of what is to be resolved as if this were not there. */
export const plainly: string = namespace;
/** By it esbuild tells that it is CommonJS. */
const ending = '.cjs';

const known = new Map<string, Promise<readonly string[]>>();

/** The names that a module exports, as esbuild knows them of a module, and Node.js of itself and of CommonJS. */
async function exportsOf(file: string): Promise<readonly string[]> {
  if (!isBuiltin(file)) {
    const { metafile } = await build({
      entryPoints: [file],
      format: 'esm',
      write: false,
      metafile: true,
      logLevel: 'silent',
    });
    const [output] = Object.values(metafile.outputs);
    if (output?.exports.some((name) => name !== 'default')) return output.exports;
  }
  return Object.keys(await import(file));
}

/**
 * @param packages names of packages and, without `node:`, of Node.js's modules; none whose default export is used, unless
 *   it is CommonJS
 * @param files files of this program, from the root of the tree and with slashes
 * @param requireOf the expression for a module
 */
export function lazily(
  packages: ReadonlySet<string>,
  files: RegExp,
  requireOf = (file: string): string => `require(${JSON.stringify(file)})`,
): Plugin {
  return {
    name: namespace,
    setup({ onResolve, onLoad, resolve }) {
      onResolve({ filter: /./ }, async ({ path, pluginData, kind, importer, resolveDir }) => {
        if (pluginData === plainly || kind === 'entry-point' || kind === 'dynamic-import') return undefined;
        if (isBuiltin(path)) {
          const name = path.replace(/^node:/, '');
          return packages.has(name) ? { path: `node:${name}${ending}`, namespace } : undefined;
        }
        if (!packages.has(path) && (!path.startsWith('.') || importer.includes('node_modules')))
          return undefined;
        const found = await resolve(path, { kind, importer, resolveDir, pluginData: plainly });
        const own = relative(process.cwd(), found.path).replaceAll('\\', '/');
        return packages.has(path) || files.test(own)
          ? { path: `${found.path}${ending}`, namespace }
          : undefined;
      });
      onLoad({ filter: /./, namespace }, async (args) => {
        const path = args.path.slice(0, -ending.length);
        const all = known.get(path) ?? exportsOf(path);
        known.set(path, all);
        const names = (await all).filter((name) => name !== 'default' && name !== 'module.exports');
        const getters = names.map((name) => `get ${JSON.stringify(name)}() { return of().${name}; },`);
        return {
          contents: `let itself;
const of = () => itself ??= ${requireOf(path)};
module.exports = { ${getters.join('\n')} };`,
          resolveDir: process.cwd(),
          pluginData: plainly,
        };
      });
    },
  };
}
