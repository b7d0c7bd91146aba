/** How the server's programs are bundled: dist/scimd.js by scripts/build.ts, the single executables by scripts/binary.ts. */
import { basename } from 'node:path';
import { type BuildOptions, type BuildResult, build, type Plugin } from 'esbuild';
import manifest from '../package.json' with { type: 'json' };
import { built } from '../src/admin/built.ts';
import { packageAt, type ThirdParty } from '../src/cli/third-party.ts';
import { texts } from '../src/docs/texts.ts';
import { migrations as postgresMigrations } from '../src/store/postgres/migrations.ts';
import { migrations } from '../src/store/sqlite/migrations.ts';
import { ll1Chevrotain } from './ll1-chevrotain.ts';

/** The expression for what is long and rarely read: itself, or what gets it from where it is kept. */
export type Keep = (name: string, value: unknown) => string;

const inline: Keep = (_, value) => JSON.stringify(value);

/** The modules that read from the disk beside them get their texts put in. */
function inlineTexts(thirdParty: readonly ThirdParty[], keep: Keep = inline): Plugin {
  return {
    name: 'inline-texts',
    setup({ onLoad }) {
      onLoad({ filter: /[\\/]store[\\/]sqlite[\\/]migrations\.ts$/ }, () => ({
        contents: `export const migrations = ${JSON.stringify(migrations)};`,
      }));
      onLoad({ filter: /[\\/]store[\\/]postgres[\\/]migrations\.ts$/ }, () => ({
        contents: `export const migrations = ${keep('postgres-migrations', postgresMigrations)};`,
      }));
      // The driver's other half is native, and never asked for.
      onLoad({ filter: /[\\/]pg[\\/]lib[\\/]native[\\/]index\.js$/ }, () => ({ contents: '' }));
      // Neither is what traces requests, for which prom-client has an interface.
      onLoad({ filter: /[\\/]@opentelemetry[\\/]api[\\/]/ }, () => ({ contents: '' }));
      // Nor are pino's transports, for which it would count the lines of the whole program at each start.
      onLoad({ filter: /[\\/]pino[\\/]lib[\\/]caller\.js$/ }, () => ({
        contents: 'module.exports = () => [];',
      }));
      // Nor what pushes metrics, nor of the HTTP client what is not for HTTP/1.1.
      onLoad({ filter: /[\\/]prom-client[\\/]lib[\\/]pushgateway\.js$/ }, () => ({ contents: '' }));
      onLoad({ filter: /[\\/]undici[\\/]index\.js$/ }, () => ({
        contents: "exports.Client = require('./lib/dispatcher/client.js');",
      }));
      onLoad(
        { filter: /[\\/]undici[\\/]lib[\\/](?:dispatcher[\\/]client-h2|web[\\/]fetch[\\/]body)\.js$/ },
        () => ({ contents: '' }),
      );
      onLoad({ filter: /[\\/]docs[\\/]texts\.ts$/ }, () => ({
        contents: `export const texts = ${keep('docs', texts)};`,
      }));
      onLoad({ filter: /[\\/]admin[\\/]built\.ts$/ }, () => ({
        contents: `let made;\nexport const built = () => made ??= ${keep('page', built())};`,
      }));
      onLoad({ filter: /[\\/]cli[\\/]third-party\.ts$/ }, () => ({
        contents: `export const thirdParty = () => ${keep('licenses', thirdParty)};`,
      }));
    },
  };
}

const writeWorker = 'src/store/sqlite/write-worker.ts';
const checkpointWorker = 'src/store/sqlite/checkpoint-worker.ts';
const deliveryWorker = 'src/delivery-worker.ts';

/** The modules that name the program of a thread: what they export, and the program. */
const threads = [
  [/[\\/]store[\\/]sqlite[\\/]scan-program\.ts$/, 'scanProgram', 'src/store/sqlite/scan-worker.ts'],
  [/[\\/]store[\\/]sqlite[\\/]write-program\.ts$/, 'writeProgram', writeWorker],
  [/[\\/]store[\\/]sqlite[\\/]checkpoint-program\.ts$/, 'checkpointProgram', checkpointWorker],
  [/[\\/]http[\\/]exchange-program\.ts$/, 'exchangeProgram', 'src/exchange-worker.ts'],
  [/[\\/]events[\\/]webhook[\\/]delivery-program\.ts$/, 'deliveryProgram', deliveryWorker],
] as const;

/**
 * Threads start from a text, so that the program stays one file. They find packages where the program does. `around` are
 * the programs that this one is put into: none starts itself. Only the server itself starts the threads that write and copy the
 * WAL, which in turn start none.
 */
function inlineThreads(options: BuildOptions, keep: Keep = inline, around: readonly string[] = []): Plugin {
  const { target = 'node22', external = [], plugins = [] } = options;
  const isolated = external.length === 0;
  return {
    name: 'inline-threads',
    setup({ onLoad }) {
      for (const [filter, name, entry] of threads)
        onLoad({ filter }, async () => {
          const isElsewhere = (entry === writeWorker || entry === checkpointWorker) && around.length > 0;
          if (around.includes(entry) || around.includes(writeWorker) || isElsewhere)
            return {
              contents: `export const ${name} = () => { throw new Error('${entry} is not started here'); };`,
            };
          // Those of scans and of the exchange log know no language.
          const slim = entry === writeWorker || entry === deliveryWorker ? [ll1Chevrotain] : [];
          const within = [inlineThreads(options, inline, [...around, entry]), ...slim];
          const { outputFiles } = await build({
            ...shared,
            ...{ format: 'cjs', target, external, plugins: [inlineTexts([]), ...within, ...plugins] },
            entryPoints: [entry],
            write: false,
            banner: { js: '(function (require) {' },
            footer: {
              js: "})(require('node:module').createRequire(require('node:worker_threads').workerData.packages));",
            },
          });
          const packages = isolated
            ? 'process.execPath'
            : around.length > 0
              ? "require('node:worker_threads').workerData.packages"
              : 'import.meta.url';
          const program = keep(basename(entry, '.ts'), outputFiles[0]?.text);
          return {
            contents: `export const ${name} = () => ({ program: ${program}, packages: ${packages}, execArgv: [] });`,
          };
        });
    },
  };
}

const shared: BuildOptions = {
  bundle: true,
  platform: 'node',
  // Names stay, for stack traces that can be read.
  minifySyntax: true,
  minifyWhitespace: true,
  // Node.js knows them: written out, each would be compiled at every start, used or not.
  supported: { 'regexp-unicode-property-escapes': true },
  // Some libraries' `main` is UMD, which cannot be bundled.
  mainFields: ['module', 'main'],
  legalComments: 'none',
  logLevel: 'warning',
};

/** Modules that run where better-sqlite3 is installed. */
export const besideAddon: BuildOptions = {
  format: 'esm',
  target: 'node22',
  external: ['better-sqlite3'],
  // Bundled CommonJS still calls require for Node's own modules.
  banner: {
    js: "import { createRequire } from 'node:module';\nconst require = createRequire(import.meta.url);",
  },
};

/** The library, which its users read and step through. */
export const besideAddonAsLibrary: BuildOptions = {
  ...besideAddon,
  minifySyntax: false,
  minifyWhitespace: false,
  sourcemap: true,
};

/** The same for the command line: a Node.js that is too old for it is told before anything of it is evaluated. */
export const besideAddonAsProgram: BuildOptions = {
  ...besideAddon,
  banner: { js: `${besideAddon.banner?.js}\n${refusingOlderThan(/\d+/.exec(manifest.engines.node)?.[0])}` },
};

function refusingOlderThan(major: string | undefined): string {
  return `if (Number.parseInt(process.versions.node) < ${major}) {
  console.error('scimd needs Node.js ${major} or newer, this is ' + process.versions.node);
  process.exit(1);
}`;
}

export interface Bundle {
  readonly entry: string;
  readonly outfile: string;
  readonly options: BuildOptions;
  /** Where long texts are kept; in the bundle unless given. */
  readonly keep?: Keep;
  /** For the program itself, not for its threads. */
  readonly plugins?: readonly Plugin[];
}

function make(
  { entry, outfile, options, keep = inline, plugins = [] }: Bundle,
  thirdParty: readonly ThirdParty[],
  more: BuildOptions = {},
): Promise<BuildResult> {
  return build({
    ...shared,
    ...options,
    ...more,
    entryPoints: [entry],
    outfile,
    plugins: [
      ...plugins,
      ...[inlineTexts(thirdParty, keep), inlineThreads(options, keep), ll1Chevrotain],
      ...(options.plugins ?? []),
    ],
  });
}

/** The modules that the bundle would be made of, from the root of the tree and with slashes. */
export async function modulesOf(bundle: Bundle): Promise<ReadonlySet<string>> {
  const { metafile } = await make(bundle, [], { write: false, metafile: true });
  return new Set(Object.keys(metafile?.inputs ?? {}));
}

/** The packages of the modules, and `others`. */
export function packagesOf(
  modules: Iterable<string>,
  others: readonly ThirdParty[] = [],
): readonly ThirdParty[] {
  const folders = new Set(
    [...modules].flatMap((file) => /^[^:]*node_modules\/(?:@[^/]+\/)?[^/]+/.exec(file)?.[0] ?? []),
  );
  return [...others, ...[...folders].map(packageAt)].sort((a, b) => a.name.localeCompare(b.name));
}

/** Writes the bundle; resolves to what it tells the licences of: what of others is in it, unless given. */
export async function bundle(bundle: Bundle, inside?: readonly ThirdParty[]): Promise<readonly ThirdParty[]> {
  const all = inside ?? packagesOf(await modulesOf(bundle));
  await make(bundle, all);
  return all;
}
