/** What a binary contains beside Node.js: the program, what it keeps apart, and the code that V8 has made of it. */
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type BuildOptions, build } from 'esbuild';
import type { ThirdParty } from '../../src/cli/third-party.ts';
import { newSecret } from '../../src/directory/secret.ts';
import { type Bundle, bundle, type Keep, modulesOf, packagesOf } from '../bundle.ts';
import { Apart } from './apart.ts';
import { lazily } from './lazily.ts';
import { executableOf, home } from './node-executables.ts';
import { noPlaces } from './places.ts';
import { addonFor, embeddedAddon } from './sqlite.ts';
import { here, type Target } from './target.ts';

/**
 * What Node.js is started with in a binary. V8 lets its young generation grow to 48 MB under load and seldom gives it back:
 * with 24 MB a server under mixed load has some 45 MB less. With 12 MB a list of 100 costs up to a third more. It has that size
 * from the beginning, so that nothing is collected during the start, which takes a tenth less processor time.
 */
export const nodeFlags: readonly string[] = ['--max-semi-space-size=8', '--min-semi-space-size=8'];

export interface Program {
  /** The script that a binary starts with. */
  readonly main: string;
  /** By name, the files of its assets. */
  readonly assets: ReadonlyMap<string, string>;
}

const folder = join(home, 'program');
const warm = join(folder, 'warm.cjs');

/** Evaluated when they are needed: other commands than `serve`, and what few servers use. */
const lazyPackages = new Set([
  ...['@valibot/to-json-schema', 'jsonc-parser', 'marked', 'pg', 'prom-client'],
  ...['child_process', 'dns', 'dns/promises', 'fs/promises', 'https', 'tls', 'v8', 'zlib'],
]);
const lazyFiles = new RegExp(
  [
    'src/(?:doctor|history|transfer|store/postgres|admin/api|admin/pages|events/consumer)/',
    'src/admin/(?!index|mount|layout)',
    'src/cli/(?!run|arguments|command\\.|help|serve)',
    'src/docs/topics',
    'src/scim/precis',
  ]
    .map((each) => `^${each}`)
    .join('|'),
);

/** Of these, and of what they alone use, is the second program (apart.ts). */
const seldom = new RegExp(
  [
    'src/(?:doctor|history|transfer|events/consumer)/',
    'src/admin/(?!index|mount|layout|html|api/(?:reports|endpoint))',
    'src/cli/commands',
    'src/docs/topics',
    'node_modules/(?:@valibot/to-json-schema|jose|marked|undici)/',
  ]
    .map((each) => `^${each}`)
    .join('|'),
);

/** The program, and the second one. */
const programs = ['scimd', 'apart'] as const;

/** Resolves to the program, and what of others is in it. */
export async function makeProgram(
  others: readonly ThirdParty[],
): Promise<{ readonly program: Program; readonly inside: readonly ThirdParty[] }> {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const assets = new Map(programs.map((name) => [`${name}.cjs`, join(folder, `${name}.cjs`)]));
  const keep: Keep = (name, value) => {
    const isText = typeof value === 'string';
    assets.set(name, join(folder, name));
    writeFileSync(join(folder, name), isText ? value : JSON.stringify(value));
    const asset = `require('node:sea').getAsset('${name}', 'utf8')`;
    return isText ? asset : `JSON.parse(${asset})`;
  };
  const apart = new Apart(seldom);
  const options: BuildOptions = {
    format: 'cjs',
    target: 'node24',
    plugins: [embeddedAddon],
    banner: { js: '(function (require, module) {' },
    footer: { js: '})' },
  };
  const first: Bundle = {
    ...{ entry: 'src/main.ts', outfile: join(folder, 'scimd.cjs'), options, keep },
    plugins: [apart.ofFirst, lazily(lazyPackages, lazyFiles, apart.require)],
  };
  const ofFirst = await modulesOf(first);
  const second: Bundle = {
    ...{ entry: apart.entry, outfile: join(folder, 'apart.cjs'), options, keep },
    plugins: [apart.ofSecond(ofFirst), lazily(lazyPackages, lazyFiles)],
  };
  const inside = packagesOf([...ofFirst, ...(await modulesOf(second))], others);
  for (const each of [first, second]) {
    await bundle(each, inside);
    rewrite(each.outfile, withoutModuleNames, asciiOnly);
  }
  await build({
    entryPoints: [local('main.ts'), local('warm.ts')],
    outdir: folder,
    outExtension: { '.js': '.cjs' },
    format: 'cjs',
    platform: 'node',
    define: { assetPlaces: JSON.stringify(noPlaces) },
  });
  return { program: { main: join(folder, 'main.cjs'), assets }, inside };
}

function rewrite(file: string, ...changes: readonly ((text: string) => string)[]): void {
  writeFileSync(
    file,
    changes.reduce((text, change) => change(text), readFileSync(file, 'utf8')),
  );
}

/**
 * esbuild makes each module the only method of an object, whose name is that of its file: V8 has a form of object for each
 * name, and makes nine hundred of them at every start. The same name for all is one form.
 */
function withoutModuleNames(text: string): string {
  return text.replace(/(=__(?:esm|commonJS)\(\{)"[^"\n]+"\(/g, '$1module(');
}

/** Where there is any other character, V8 keeps the whole text with two bytes for each. */
function asciiOnly(text: string): string {
  return text.replace(
    /[^\0-\x7f]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

const local = (file: string): string => fileURLToPath(new URL(file, import.meta.url));

/** The assets of the binary for a target. */
export async function assetsFor(
  target: Target,
  { assets }: Program,
): Promise<Readonly<Record<string, string>>> {
  const addon = 'better_sqlite3.node';
  copyFileSync(addonFor(target), join(folder, addon));
  const codes = programs.map((name) => [`${name}.code`, join(folder, `${name}.code`)] as const);
  for (const [, file] of codes) rmSync(file, { force: true });
  await compile(target);
  // Of none V8 compiles the program at each start.
  for (const [, file] of codes) if (!existsSync(file)) writeFileSync(file, '');
  return { ...Object.fromEntries([...assets, ...codes]), [addon]: addonFor(target) };
}

const libraries = '/usr/aarch64-linux-gnu';

/** Runs the target's Node.js, where this system can. */
function runnerOf(target: Target): readonly [string, ...string[]] | undefined {
  const node = executableOf(target);
  if (target === here) return [node];
  if (target.name === 'linux-arm64' && existsSync('/usr/bin/qemu-aarch64') && existsSync(libraries))
    return ['qemu-aarch64', '-L', libraries, node];
  return undefined;
}

/** Has a server started and asked, so that V8 compiles what that takes, and another command of it, and writes it to files. */
async function compile(target: Target): Promise<void> {
  const runner = runnerOf(target);
  if (runner === undefined) return;
  const program = [...runner, ...nodeFlags, warm, folder];
  const data = mkdtempSync(join(tmpdir(), 'scimd-'));
  try {
    // The second time, when the database is there.
    for (let start = 0; start < 2; start++) {
      rmSync(join(folder, 'scimd.code'), { force: true });
      await startOnce(program, join(data, 'scimd.db'));
    }
  } finally {
    rmSync(data, { recursive: true, force: true });
  }
  if (existsSync(join(folder, 'apart.code'))) throw new Error('a server uses the second program');
  const [command = '', ...args] = program;
  // The second time with the code of the first.
  for (let run = 0; run < 2; run++) execFileSync(command, [...args, 'version']);
}

const token = newSecret();

async function startOnce([command = '', ...args]: readonly string[], database: string): Promise<void> {
  const serve = ['serve', '--port', '0', '--database', database, '--log-level', 'warn'];
  const child = spawn(command, [...args, ...serve], {
    env: { ...process.env, SCIMD_BOOTSTRAP_TOKEN: token },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const ended = once(child, 'exit');
  let printed = '';
  for await (const chunk of child.stdout.setEncoding('utf8')) {
    printed += chunk;
    const url = /listening on (\S+)/.exec(printed)?.[1];
    if (url === undefined) continue;
    const { status } = await fetch(`${url}/Users?count=1`, { headers: { authorization: `Bearer ${token}` } });
    child.kill('SIGTERM');
    if (status !== 200) throw new Error(`the program answered ${status}`);
    break;
  }
  const [status] = await ended;
  if (status !== 0) throw new Error(`the program ended with ${status}`);
}
