/**
 * `node warm.cjs FOLDER COMMAND …` runs the program as a binary does (main.ts), with the files of the folder as its
 * assets. Without a file `code` there it writes one at its end, what V8 has compiled by then; with one it uses it.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import v8 from 'node:v8';
import { constants, Script } from 'node:vm';

const [folder = ''] = process.argv.splice(2, 1);
const bytes = (name: string): Buffer => readFileSync(join(folder, name));
const isThere = existsSync(join(folder, 'code'));

const assets = {
  isSea: () => true,
  getAsset: (name: string, encoding: BufferEncoding) => bytes(name).toString(encoding),
  getRawAsset: (name: string) => Uint8Array.from(bytes(name)).buffer,
};
const script = new Script(bytes('scimd.cjs').toString('latin1'), {
  filename: 'scimd.cjs',
  importModuleDynamically: constants.USE_MAIN_CONTEXT_DEFAULT_LOADER,
  ...(isThere ? { cachedData: bytes('code') } : {}),
});
if (script.cachedDataRejected) throw new Error('V8 does not take the code that it has written');
if (!isThere) {
  // What ran once is kept too. Code is for the flags that it was written with: they are as at a binary's start again by then.
  v8.setFlagsFromString('--no-flush-bytecode');
  process.once('exit', () => {
    v8.setFlagsFromString('--flush-bytecode');
    writeFileSync(join(folder, 'code'), script.createCachedData());
  });
}
/** What the program asks for that is not as in a binary. It sets no flags here. */
const others = new Map<string, object>([
  ['node:sea', assets],
  ['node:v8', { ...v8, setFlagsFromString() {} }],
]);
script.runInThisContext()((name: string) => others.get(name) ?? require(name));
