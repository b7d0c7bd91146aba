/**
 * Makes the single executables, `npm run binary`, or one of them, `npm run binary -- linux-x64`: Node.js with the
 * bundled program, its migrations and SQLite's addon inside. With them dist/sbom.cdx.json and dist/SHA256SUMS.
 */
import { createHash } from 'node:crypto';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { basename, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
// pkg's command and its documented function do not pass on what is to be inside.
import pkg from '@yao-pkg/pkg/lib-es5/sea.js';
import type { ThirdParty } from '../src/cli/third-party.ts';
import { billOfMaterials } from './binary/bill-of-materials.ts';
import { home, nodeItself, nodeVersion, provideNode } from './binary/node-executables.ts';
import { notePlaces } from './binary/places.ts';
import { assetsFor, makeProgram, nodeFlags, type Program } from './binary/program.ts';
import { addonInterface, sqliteItself } from './binary/sqlite.ts';
import { named, type Target, usual } from './binary/target.ts';

process.chdir(fileURLToPath(new URL('..', import.meta.url)));
// Where pkg has its cache.
process.env.HOME = process.env.USERPROFILE = home;

const billFile = 'dist/sbom.cdx.json';

async function make(target: Target, program: Program): Promise<void> {
  if (!provideNode(target))
    console.log(`npm has no node-${target.name}@${nodeVersion}: pkg downloads that Node.js by itself`);
  const { os, arch } = target;
  // More than pkg's type knows: pkg hands it on to Node.js.
  const assets = await assetsFor(target, program);
  const seaConfig = {
    disableExperimentalSEAWarning: true,
    useSnapshot: false,
    useCodeCache: false,
    execArgv: nodeFlags,
    assets,
  };
  await pkg.default(program.main, {
    targets: [
      {
        nodeRange: `node${nodeVersion}`,
        platform: os === 'darwin' ? 'macos' : os,
        arch,
        output: resolve(target.output),
      },
    ],
    signature: true,
    seaConfig,
  });
  if (os === 'linux') notePlaces(target.output, assets);
  recopy(target.output);
}

/**
 * Linux counts what stands in its page cache around a touched page to the process too, and a file written in one piece
 * stands there in large ones: 18 MB more than when it comes from the disk. A copy stands there in small ones.
 */
function recopy(file: string): void {
  copyFileSync(file, `${file}.copy`);
  renameSync(`${file}.copy`, file);
}

const targets = process.argv.length > 2 ? process.argv.slice(2).map(named) : usual;
mkdirSync('dist', { recursive: true });
const notFromNpm: readonly ThirdParty[] = [nodeItself(), sqliteItself()];
const { program, inside } = await makeProgram([...notFromNpm, addonInterface()]);
for (const target of targets) await make(target, program);
writeFileSync(billFile, billOfMaterials(inside, notFromNpm));
const files = [...usual.map(({ output }) => output), ...targets.map(({ output }) => output), billFile];
const sums = [...new Set(files)].filter(existsSync).map((file) => {
  const sum = createHash('sha256').update(readFileSync(file)).digest('hex');
  return `${sum}  ${basename(file)}\n`;
});
writeFileSync('dist/SHA256SUMS', sums.join(''));
for (const { output } of targets)
  console.log(`${output}  ${Math.ceil(statSync(output).size / 1024 / 1024)} MB`);
