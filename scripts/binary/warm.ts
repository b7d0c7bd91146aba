/**
 * `node warm.cjs FOLDER COMMAND …` runs the program as a binary does (main.ts), with the files of the folder as its
 * assets. Of a program without code there it writes some at its end, what V8 has compiled by then; what is there it uses.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import v8 from 'node:v8';
import { constants, Script } from 'node:vm';

const [folder = ''] = process.argv.splice(2, 1);
const bytes = (name: string): Buffer => readFileSync(join(folder, name));

const assets = {
  isSea: () => true,
  getAsset: (name: string, encoding: BufferEncoding) => bytes(name).toString(encoding),
  getRawAsset: (name: string) => Uint8Array.from(bytes(name)).buffer,
};

function program(name: 'scimd' | 'apart'): unknown {
  const [filename, code] = [`${name}.cjs`, `${name}.code`];
  const isThere = existsSync(join(folder, code));
  const script = new Script(bytes(filename).toString('latin1'), {
    filename,
    importModuleDynamically: constants.USE_MAIN_CONTEXT_DEFAULT_LOADER,
    ...(isThere ? { cachedData: bytes(code) } : {}),
  });
  if (script.cachedDataRejected) throw new Error('V8 does not take the code that it has written');
  if (!isThere) {
    // What ran once is kept too. Code is for the flags that it was written with: they are as at a binary's start again by then.
    v8.setFlagsFromString('--no-flush-bytecode');
    process.once('exit', () => {
      v8.setFlagsFromString('--flush-bytecode');
      writeFileSync(join(folder, code), script.createCachedData());
    });
  }
  return script.runInThisContext();
}

/** What the program asks for that is not as in a binary. It sets no flags here. */
const others = new Map<string, object>([
  ['node:sea', assets],
  ['node:v8', { ...v8, setFlagsFromString() {} }],
]);
const start = program('scimd') as (required: (name: string) => unknown) => void;
start((name) => (name === 'apart:' ? program('apart') : (others.get(name) ?? require(name))));
