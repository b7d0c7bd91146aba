/** On Linux a binary gives back the pages of its own file that only the start has used: 20 MB of a server that rests. */
import { readFileSync } from 'node:fs';
import { getRawAsset, isSea } from 'node:sea';
import { folders, loadOnce } from '../store/sqlite/addon-file.ts';

/** Milliseconds in which the server, or a thread that has begun or ended, has used what it uses only then. */
const settled = 1000;

/** The name by which the system's loader knows the addon (scripts/binary/give-back.ts): asked for it again, it runs again. */
let name: string | undefined;

function run(file: string): object {
  process.dlopen({ exports: {} }, file);
  name = file;
  return {};
}

/** Node.js may have copied its code to pages that no file has (`--use-largepages`): given back, it would be lost. */
function isFromFile(): boolean {
  const mapped = readFileSync('/proc/self/maps', 'latin1').split('\n');
  const end = mapped.findIndex((line) => line.includes(' rw'));
  return mapped.slice(0, end + 1).every((line) => / [1-9]\d* +\//.test(line));
}

/** False where it cannot be a file in the folder: then the pages stay until the system wants them. */
function giveBack(folder: string): boolean {
  try {
    if (name !== undefined) run(name);
    else if (isFromFile())
      loadOnce(new Uint8Array(getRawAsset('give-back.node') as ArrayBuffer), folder, run);
    return true;
  } catch {
    return false;
  }
}

/** To be called when the server is there. */
export function giveBackPages(): void {
  if (!isSea() || process.platform !== 'linux') return;
  const soon = (): void => void setTimeout(() => [...folders].some(giveBack), settled).unref();
  soon();
  process.on('worker', (worker) => worker.once('online', soon).once('exit', soon));
}
