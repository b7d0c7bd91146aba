/** Loads a native addon given as bytes: the system's loader takes files only, so the bytes become one for a moment. */
import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

let loaded: string | undefined;

/** The file that {@link load} was given last: its name, which need not be there any more, stands for what is loaded. */
export function loadedAddon(): string | undefined {
  return loaded;
}

/**
 * Two copies of SQLite in one process would not see each other's locks: threads give the name that the addon was
 * loaded by, to which the system's loader answers with what it has.
 */
export function load(file: string): object {
  const module = { exports: {} };
  process.dlopen(module, file);
  loaded = file;
  return module.exports;
}

/**
 * Loads it from a new file that nobody else can reach and that is gone when this returns: nothing to clean up, to
 * tamper with or to mix up with another release's. For systems that let go of the name of a loaded file.
 */
export function loadOnce(addon: Uint8Array, folder: string): object {
  const own = mkdtempSync(join(folder, 'scimd-'));
  try {
    const file = join(own, 'addon.node');
    writeFileSync(file, addon, { mode: 0o700, flag: 'wx' });
    return load(file);
  } finally {
    rmSync(own, { recursive: true, force: true });
  }
}

/**
 * Loads it from a file that stays for the next time, for Windows, where a loaded file cannot be removed. It is named
 * by its hash and compared before it is loaded, so that releases do not meet.
 */
export function loadKept(addon: Uint8Array, folder: string): object {
  const own = join(folder, 'scimd');
  mkdirSync(own, { recursive: true, mode: 0o700 });
  const file = join(own, `${createHash('sha256').update(addon).digest('hex')}.node`);
  if (!hasContent(file, addon)) {
    const draft = `${file}.${process.pid}`;
    try {
      writeFileSync(draft, addon, { mode: 0o700 });
      renameSync(draft, file);
    } catch (error) {
      rmSync(draft, { force: true });
      // Another process may have been first and has it loaded by now.
      if (!hasContent(file, addon)) throw error;
    }
  }
  return load(file);
}

function hasContent(file: string, content: Uint8Array): boolean {
  try {
    return readFileSync(file).equals(content);
  } catch {
    return false;
  }
}
