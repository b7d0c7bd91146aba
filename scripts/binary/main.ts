/**
 * The start of a binary: the program, with the code that V8 made of it while the binary was built. V8 looks at it by
 * itself, and compiles the program anew where the code is of another version, another processor or other flags.
 */
import { getRawAsset } from 'node:sea';
import { constants, Script } from 'node:vm';

const bytes = (name: string): Buffer => Buffer.from(getRawAsset(name) as ArrayBuffer);

const code = bytes('code');
const script = new Script(bytes('scimd.cjs').toString('latin1'), {
  filename: 'scimd.cjs',
  importModuleDynamically: constants.USE_MAIN_CONTEXT_DEFAULT_LOADER,
  ...(code.length === 0 ? {} : { cachedData: code }),
});
script.runInThisContext()(require);
